"""The soak itself."""

import random
import signal
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import psutil

from docindex.indexer.errors import IndexUnavailable
from tests.e2e.sandbox import Sandbox, opened_sandbox
from tests.soak.world import AGREE_SECONDS, Documents, Index, Server, Silent, gone, word_of

BEGINNING = 200
"""Documents that are there at first."""
REST_AFTER = 20
"""Kills between two comparisons."""
ROUND_SECONDS = 1.0
"""From one kill to the next."""
SEARCHES = 10
"""In each comparison, for each server."""
MOST_HANDLES = 200
MOST_BYTES = 600e6
"""In use by one process."""


class Soak:
    def __init__(self, place: Path, seed: int) -> None:
        self.problems: list[str] = []
        self.kills = Counter[str]()
        self.searches = self.comparisons = self.harms = 0
        self.slowest = 0.0
        """Seconds until index and folder agreed, at the most."""
        self.handles = self.bytes = 0
        """The most that one process had."""
        self._place = place
        self._chance = random.Random(seed)
        self._killing: threading.Timer | None = None

    def run(self, seconds: float, kills: int) -> None:
        with opened_sandbox(self._place / "sandbox", notes=0) as sandbox:
            self._begin(sandbox)
            end = time.monotonic() + seconds
            rest = REST_AFTER
            while time.monotonic() < end and self.kills.total() < kills:
                self._round()
                if self.kills.total() >= rest:
                    self._rest()
                    rest = self.kills.total() + REST_AFTER
            self._rest()
            for server in self._servers:
                server.close()
            if not gone(sandbox):
                self._tell("processes are left over")
            for left in self._index.left_over():
                self._tell(left)

    def summary(self) -> str:
        kills = ", ".join(f"{count} {what}" for what, count in sorted(self.kills.items()))
        edits = self._documents.edits
        lines = (
            f"{edits:,} edits, {self.searches:,} searches, {self.comparisons} comparisons",
            f"{self.kills.total()} kills: {kills}; the index was damaged {self.harms} times",
            f"folder and index agreed after {self.slowest:.1f} s at the most",
            f"one process had {self.handles} files open and {self.bytes / 1e6:.0f} MB at the most",
            f"{len(self.problems)} problems",
            *self.problems,
        )
        return "\n".join(lines)

    def logs(self) -> str:
        """The last that was said by servers and indexers."""
        paths = [*self._place.glob("*.log"), self._index.home.log]
        return "\n".join(
            "\n".join((f"--- {path.name}", *path.read_text("utf-8", "replace").splitlines()[-80:]))
            for path in paths
            if path.exists()
        )

    def _begin(self, sandbox: Sandbox) -> None:
        self._documents = Documents(sandbox.documents, self._chance)
        for path in sandbox.documents.rglob("*.md"):
            name = path.relative_to(sandbox.documents).as_posix()
            self._documents.content[name] = path.read_bytes()
        for number in range(BEGINNING):
            self._documents.write(f"part{number % 7}/{number}.md")
        self._sandbox = sandbox
        self._index = Index(sandbox)
        logs = (self._place / f"server{number}.log" for number in (1, 2))
        self._servers = [Server(sandbox, log, self.problems) for log in logs]

    def _tell(self, problem: str) -> None:
        line = f"after {self.kills.total()} kills: {problem}"
        print(line, flush=True)
        self.problems.append(line)

    # One round

    def _round(self) -> None:
        end = time.monotonic() + self._chance.uniform(0.5, 1.5) * ROUND_SECONDS
        self._killing = threading.Timer(self._chance.uniform(0, ROUND_SECONDS), self._kill)
        self._killing.start()
        if self._chance.random() < 0.15:
            for _ in range(self._chance.randrange(45, 100)):
                self._edit()
        while time.monotonic() < end:
            self._act()
            time.sleep(self._chance.uniform(0, 0.2))
        self._killing.join()
        for server in self._servers:
            if not server.living:
                server.restart()

    def _kill(self) -> None:
        what = self._chance.choice(["indexer", "indexer", "server", "server", "all", "harm"])
        victims: list[psutil.Process] = []
        with suppress(psutil.Error):
            workers = self._index.workers()
            if what == "harm" and self._chance.random() < 0.3:
                self._harm()
                return
            if workers and self._chance.random() < 0.7:
                what, victims = "worker", workers[:1]
            elif what in ("indexer", "harm"):
                what, victims = "indexer", self._index.indexers()
            elif what == "server":
                victims = [psutil.Process(self._chance.choice(self._servers).pid)]
            else:
                victims = self._sandbox.processes()
            for victim in victims:
                with suppress(psutil.Error):
                    victim.send_signal(signal.SIGKILL)
            killed = [victim.pid for victim in victims]
            for server in self._servers:
                server.await_end(killed)
            if victims:
                self.kills[what] += 1

    def _harm(self) -> None:
        """Not a kill, but what a bad disk or a careless hand does to the index."""
        files = sorted(self._index.home.index.glob("*.*"))
        if files:
            with suppress(OSError):
                path = self._chance.choice(files)
                data = path.read_bytes()
                path.write_bytes(data[: len(data) // 2])
                self.harms += 1

    def _act(self) -> None:
        server = self._chance.choice(self._servers)
        deed = self._chance.choice((self._edit, self._edit, self._ask, self._write, self._delete))
        if deed == self._edit:
            self._edit()
            return
        try:
            deed(server)  # type: ignore[call-arg]
        except Silent:
            server.restart()
        except RuntimeError as error:
            if "cannot be read; it is being rebuilt" not in str(error):
                self._tell(str(error))

    def _edit(self) -> None:
        documents, chance = self._documents, self._chance
        name = chance.choice(sorted(documents.content))
        kind = chance.random()
        if kind < 0.5:
            documents.write(name)
        elif kind < 0.7 or len(documents.content) < BEGINNING // 2:
            documents.write(f"part{chance.randrange(9)}/{documents.edits}.md")
        elif kind < 0.85:
            documents.remove(name)
        elif kind < 0.97:
            documents.rename(name, f"moved{chance.randrange(3)}/{documents.edits}.md")
        else:
            documents.rename_folder(chance.choice(documents.folders()), f"d{documents.edits}")

    # Through a server

    def _ask(self, server: Server) -> None:
        """A hit is right at any time; one that is missing, when the index is not at rest, is
        another matter."""
        documents = self._documents
        number = self._chance.randrange(max(1, documents.edits - 300), documents.edits + 1)
        word = word_of(number)
        answer = server.call("search_documents", query=f"+{word}")
        self.searches += 1
        for result in answer["results"]:
            if word.encode() not in documents.content.get(result["name"], b""):
                self._tell(f"a search for {word} gave {result['name']}")

    def _write(self, server: Server) -> None:
        documents = self._documents
        name = f"own/{documents.edits}.md"
        data = documents.text()
        try:
            server.call("update_document", name=name, content=data.decode())
        except Silent:
            path = documents.root / name
            if path.exists():
                documents.content[name] = path.read_bytes()
                if path.read_bytes() != data:
                    self._tell(f"{name} is half written")
            raise
        documents.content[name] = data

    def _delete(self, server: Server) -> None:
        documents = self._documents
        name = self._chance.choice(sorted(documents.content))
        documents.edits += 1
        try:
            server.call("delete_document", name=name)
        except Silent:
            if not (documents.root / name).exists():
                del documents.content[name]
            raise
        del documents.content[name]

    # At rest

    def _rest(self) -> None:
        self.comparisons += 1
        begin = time.monotonic()
        while wrong := self._difference():
            if time.monotonic() > begin + AGREE_SECONDS:
                self._tell(f"folder and index do not agree: {'; '.join(wrong[:5])}")
                break
            time.sleep(0.1)
        self.slowest = max(self.slowest, time.monotonic() - begin)
        for problem in self._documents.harm():
            self._tell(problem)
        for server in self._servers:
            for name in self._chance.sample(sorted(self._documents.content), SEARCHES):
                self._find(server, name)
        # Of two that are sent for at the same time, one ends when it finds the lock taken.
        while (indexers := len(self._index.indexers())) != 1:
            if time.monotonic() > begin + AGREE_SECONDS:
                self._tell(f"there are {indexers} indexers")
                break
            time.sleep(0.1)
        self._measure()
        print(
            f"{time.strftime('%H:%M:%S')} {self.kills.total()} kills, "
            f"{self._documents.edits:,} edits, {len(self._documents.content)} documents, "
            f"agreed after {time.monotonic() - begin:.1f} s, {len(self.problems)} problems",
            flush=True,
        )

    def _difference(self) -> list[str]:
        try:
            return self._index.difference(self._documents.content)
        except IndexUnavailable as error:
            return [str(error)]

    def _find(self, server: Server, name: str) -> None:
        text = self._documents.content[name].decode()
        word = text.split("\n\n")[1] if text.startswith("# Page") else "lamp"
        try:
            answer = server.call("search_documents", query=f"+{word}", max_results=50)
        except (Silent, RuntimeError) as error:
            self._tell(f"at rest, a server gives no answer: {error!r}")
            return
        self.searches += 1
        if word != "lamp" and [result["name"] for result in answer["results"]] != [name]:
            self._tell(f"a search for {word} does not give {name}: {answer['index']}")

    def _measure(self) -> None:
        for process in self._sandbox.processes():
            with suppress(psutil.Error):
                self.handles = max(self.handles, process.num_fds())
                self.bytes = max(self.bytes, process.memory_info().rss)
        if self.handles > MOST_HANDLES or self.bytes > MOST_BYTES:
            self._tell(f"a process has {self.handles} files open, or {self.bytes:,} bytes")
