"""What a soak is about: documents whose content is known, and processes that serve them."""

import hashlib
import random
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from docindex.indexer.files import version_of
from docindex.indexer.home import Home, home_of
from docindex.indexer.locks import held
from docindex.indexer.snapshot import Snapshots
from tests.bench.session import Session
from tests.e2e.sandbox import LINGER_SECONDS, Sandbox, alive

ANSWER_SECONDS = 30.0
"""After which a server that gives no answer is taken for one that hangs."""
AGREE_SECONDS = 60.0
"""How long index and folder may differ once nothing changes any more."""


def word_of(serial: int) -> str:
    """A word that no other serial number has, nor one that looks like it."""
    digest = hashlib.blake2b(str(serial).encode(), digest_size=12).digest()
    return "".join(chr(ord("a") + byte % 26) for byte in digest)


class Documents:
    """Everything in the folder, as it was written."""

    def __init__(self, root: Path, chance: random.Random) -> None:
        self.root = root
        self.content: dict[str, bytes] = {}
        self.edits = 0
        self._chance = chance

    def text(self) -> bytes:
        """A new one, short or long: many long ones are a matter for workers."""
        self.edits += 1
        word = word_of(self.edits)
        filler = " ".join(f"w{self._chance.randrange(5_000)}" for _ in range(600))
        body = filler if self._chance.random() < 0.5 else "little"
        return f"# Page {self.edits}\n\n{word}\n\n## Part\n\n{body}\n".encode()

    def write(self, name: str) -> None:
        data = self.text()
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if self._chance.random() < 0.5:
            path.write_bytes(data)
        else:  # as most editors do
            temporary = path.with_name(f".{path.name}.swp")
            temporary.write_bytes(data)
            temporary.replace(path)
        self.content[name] = data

    def remove(self, name: str) -> None:
        self.edits += 1
        (self.root / name).unlink()
        del self.content[name]

    def rename(self, name: str, target: str) -> None:
        self.edits += 1
        path = self.root / target
        path.parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).rename(path)
        self.content[target] = self.content.pop(name)

    def rename_folder(self, folder: str, target: str) -> None:
        """`target` is not there yet."""
        self.edits += 1
        (self.root / folder).rename(self.root / target)
        for name in [name for name in self.content if name.startswith(f"{folder}/")]:
            self.content[f"{target}/{name.partition('/')[2]}"] = self.content.pop(name)

    def folders(self) -> list[str]:
        return sorted({name.partition("/")[0] for name in self.content})

    def harm(self) -> Iterator[str]:
        """What is not as it was written, or is there and was not written."""
        found = {
            path.relative_to(self.root).as_posix(): path.read_bytes()
            for path in self.root.rglob("*.md")
            if not path.name.startswith(".")
        }
        for name in sorted({*found, *self.content}):
            if found.get(name) != self.content.get(name):
                yield f"{name} is not what was written"


class Silent(Exception):
    """A server gave no answer, since it was killed."""


class Server:
    """One that is started again when it is dead."""

    def __init__(self, sandbox: Sandbox, log: Path, problems: list[str]) -> None:
        self._sandbox = sandbox
        self._log = log
        self._problems = problems
        self._session = self._start()

    @property
    def pid(self) -> int:
        return self._session.process.pid

    @property
    def living(self) -> bool:
        return self._session.process.poll() is None

    def await_end(self, killed: Sequence[int]) -> None:
        """On a busy machine one that was killed may outlive that by a moment, and pass for a
        living one that needs not be started again."""
        process = self._session.process
        if process.pid in killed:
            process.wait(ANSWER_SECONDS)

    def call(self, tool: str, **arguments: object) -> dict[str, Any]:
        """Raises Silent, and RuntimeError with what the tool says."""
        process = self._session.process
        timer = threading.Timer(ANSWER_SECONDS, self._lost, (process, tool))
        timer.start()
        try:
            result = self._session.call(tool, **arguments)
        except (OSError, RuntimeError, ValueError) as error:
            if isinstance(error, RuntimeError | BrokenPipeError) and process.poll() is None:
                # It may be about to be found dead. One that reads nothing any more has to be.
                seconds = ANSWER_SECONDS if isinstance(error, BrokenPipeError) else 0.2
                with suppress(subprocess.TimeoutExpired):
                    process.wait(seconds)
            if process.poll() is None:
                raise
            raise Silent from error
        finally:
            timer.cancel()
        content: dict[str, Any] = result["structuredContent"]
        return content

    def restart(self) -> None:
        self.close()
        self._session = self._start()

    def close(self) -> None:
        with suppress(OSError):
            self._session.__exit__(None, None, None)

    def _start(self) -> Session:
        environment = {**self._sandbox.env, "PYTHONFAULTHANDLER": "1"}
        while True:
            with self._log.open("ab") as log, suppress(OSError, RuntimeError):
                return Session(self._sandbox.server, environment, log)
            # It was killed before it had said anything.

    def _lost(self, process: "subprocess.Popen[bytes]", tool: str) -> None:
        problem = f"no answer to {tool} within {ANSWER_SECONDS:.0f} s"
        print(problem, flush=True)
        self._problems.append(problem)
        process.send_signal(signal.SIGABRT)  # it says in its log where it was


class Index:
    """What is in the index of the sandbox, and who is at work on it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self.home: Home = home_of(sandbox.cache, sandbox.documents)
        self._snapshots = Snapshots(self.home.index)

    def difference(self, content: Mapping[str, bytes]) -> list[str]:
        """Documents that it has otherwise than they are, or not at all, or twice."""
        expected = {name: version_of(data) for name, data in content.items()}
        found: dict[str, str] = {}
        wrong: list[str] = []
        for _, head in self._snapshots.newest().heads():
            if head.record.name in found:
                wrong.append(f"{head.record.name} is there twice")
            found[head.record.name] = head.record.version
        for name in sorted({*found, *expected}):
            if name not in found:
                wrong.append(f"{name} is lost")
            elif name not in expected:
                wrong.append(f"{name} is still there")
            elif found[name] != expected[name]:
                wrong.append(f"{name} is old")
        return wrong

    def processes(self) -> list[psutil.Process]:
        """Indexers and their workers."""
        return [each for each in self._sandbox.processes() if "docindex.indexer" in _line(each)]

    def indexers(self) -> list[psutil.Process]:
        return [each for each in self.processes() if "docindex.indexer.process" in _line(each)]

    def workers(self) -> list[psutil.Process]:
        return [each for each in self.processes() if "docindex.indexer.worker" in _line(each)]

    def left_over(self) -> Iterator[str]:
        """After the last process has ended."""
        if held(self.home.lock):
            yield "the lock is held"
        for folder in (self.home.leases, self.home.requests):
            for path in folder.iterdir():
                yield f"{folder.name}/{path.name} is left"


def _line(process: psutil.Process) -> str:
    with suppress(psutil.Error):
        return " ".join(process.cmdline())
    return ""


def gone(sandbox: Sandbox) -> bool:
    """Whether every process of the sandbox has ended, or does so in time."""
    end = time.monotonic() + LINGER_SECONDS + 15
    while any(map(alive, sandbox.processes())):
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True
