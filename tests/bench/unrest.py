"""`unrest`: searches while everything changes under them.

A git checkout that changes every file of a folder, watched by a server that is asked all the
while; and a full rebuild of a corpus, which another server on the folder has asked for.
"""

import random
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.bench.commands import cost
from tests.bench.corpus import make_corpus
from tests.bench.figures import Report, Row, spread
from tests.bench.installed import Installed
from tests.bench.session import Session

FILES = 10_000
QUERIES = 200
QUIET_SECONDS = 10.0
PAUSE_SECONDS = 0.02
"""Between two searches."""
LONGEST_SECONDS = 600.0

MOST_REINDEXES = 3.0
MOST_IN_CHECKOUT = 10.0
MOST_IN_REBUILD = 5.0
"""Of what a search takes in quiet, at p95."""


class _Asker:
    """Asks a server one query after the other."""

    def __init__(self, session: Session, queries: Sequence[str]) -> None:
        self._session, self._queries = session, queries
        self._chance = random.Random(1)
        self.index: dict[str, Any] = {}
        """What the last answer said of it."""

    def search(self, query: str = "") -> tuple[float, int]:
        """Seconds, and how many hits there are."""
        query = query or self._chance.choice(self._queries)
        began = time.perf_counter()
        found = self._session.call("search_documents", query=query)["structuredContent"]
        took = time.perf_counter() - began
        self.index = found["index"]
        return took, found["total"]

    def until(self, done: Callable[[], bool]) -> list[float]:
        """Seconds of each search until then."""
        times: list[float] = []
        end = time.monotonic() + LONGEST_SECONDS
        while not done():
            if time.monotonic() > end:
                raise RuntimeError("the index never came to rest")
            times.append(self.search()[0])
            time.sleep(PAUSE_SECONDS)
        return times

    def quiet(self) -> list[float]:
        """Of each query once for what it keeps in memory, then for some seconds."""
        for query in self._queries:
            self.search(query)
        self.until(lambda: self.index["state"] == "ready")
        end = time.monotonic() + QUIET_SECONDS
        return self.until(lambda: time.monotonic() > end)


def measure(place: Path, corpus: Path) -> Report:
    place = place / "unrest"
    place.mkdir()
    return Report("unrest", (*_checkout(place), *_rebuild(place, corpus)))


def _checkout(place: Path) -> list[Row]:
    folder = place / "checkout"
    _repository(folder)
    installed = Installed(place / "one")
    cost(installed.reindex(folder), installed.environment)
    alone = cost([*installed.reindex(folder), "--full"], installed.environment).wall
    with Session(installed.serve(folder), installed.environment) as session:
        asker = _Asker(session, _titles(folder))
        quiet = asker.quiet()
        began = time.perf_counter()
        git = threading.Thread(target=_git, args=(folder, "checkout", "--quiet", "other"))
        git.start()

        def consistent() -> bool:
            # An index may be ready before it is told of the changes: what is found counts.
            return (
                not git.is_alive()
                and asker.index["state"] == "ready"
                and asker.search("+changed")[1] >= FILES
            )

        meanwhile = asker.until(consistent)
        took = time.perf_counter() - began
    installed.rest(folder)
    what = f"{FILES:,} files checked out"
    return [
        Row(f"{what}, until all are found", took, "s", MOST_REINDEXES, "a reindex", alone),
        _row(f"{what}, a search meanwhile, p95", meanwhile, quiet, MOST_IN_CHECKOUT),
    ]


def _rebuild(place: Path, corpus: Path) -> list[Row]:
    folder = place / "rebuild"
    shutil.copytree(corpus, folder)
    installed = Installed(place / "two")
    cost(installed.reindex(folder), installed.environment)
    with (
        Session(installed.serve(folder), installed.environment) as session,
        Session(installed.serve(folder), installed.environment) as other,
    ):
        asker = _Asker(session, _titles(folder))
        quiet = asker.quiet()
        rebuilding = threading.Thread(target=lambda: other.call("reindex", full=True))
        rebuilding.start()
        meanwhile = asker.until(lambda: not rebuilding.is_alive())
    installed.rest(folder)
    return [_row("full rebuild, a search meanwhile, p95", meanwhile, quiet, MOST_IN_REBUILD)]


def _row(what: str, ours: Sequence[float], quiet: Sequence[float], goal: float) -> Row:
    return Row(what, spread(ours).p95, "ms", goal, "in quiet", spread(quiet).p95)


def _titles(folder: Path) -> list[str]:
    paths = sorted(folder.rglob("*.md"))
    chosen = random.Random(2).sample(paths, min(QUERIES, len(paths)))
    return [
        line.lstrip("# ")
        for path in chosen
        for line in path.read_text("utf-8", "replace").splitlines()
        if line.startswith("# ")
    ]


def _repository(folder: Path) -> None:
    """Of two branches without an equal file; every one of the other holds "changed"."""
    make_corpus(folder, FILES)
    _git(folder, "init", "--quiet")
    _git(folder, "add", "--all")
    _git(folder, "commit", "--quiet", "--message", "one")
    _git(folder, "checkout", "--quiet", "-b", "other")
    for path in folder.rglob("*.md"):
        path.write_text(f"{path.read_text('utf-8')}\nchanged\n", "utf-8")
    _git(folder, "commit", "--quiet", "--all", "--message", "other")
    _git(folder, "checkout", "--quiet", "-")


def _git(folder: Path, *command: str) -> None:
    settings = ("user.name=bench", "user.email=bench@example.org", "gc.auto=0")
    given = [part for setting in settings for part in ("-c", setting)]
    subprocess.run(("git", *given, *command), cwd=folder, check=True)
