"""`product`: the whole of docindex on a corpus, from files to answers.

The command `docindex reindex` builds the index and then compares again, the library
searches it in process, and files are saved and written under a running indexer. A
server is started again and again until it has answered its first search.
"""

import random
import shutil
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from docindex.indexer.library import Library
from docindex.indexer.models import Document, Edit, SearchRequest
from tests.bench import questions, sections
from tests.bench.commands import cost
from tests.bench.figures import Report, Row, Spread, Table, shown, spread
from tests.bench.installed import Installed
from tests.bench.session import EMPTY_SERVER, Session

EACH = 80
"""Queries of each kind."""
SAVES = 100
WRITES = 100
SETTLED_SECONDS = 2.5
"""Files that are younger than two seconds are compared by content once more."""
LONGEST_SECONDS = 10.0
"""How long is waited for what was saved to be found."""
SERVER_BYTES, INDEXER_BYTES = 200e6, 600e6
"""What they may have in use."""
POLL_SECONDS = 0.002


def measure(place: Path, corpus: Path, documents: Sequence[Document], runs: int) -> Report:
    place = place / "product"
    folder = place / "documents"
    shutil.copytree(corpus, folder)
    time.sleep(SETTLED_SECONDS)
    installed = Installed(place)
    build = cost(installed.reindex(folder), installed.environment)
    size = installed.index_bytes()
    again = cost(installed.reindex(folder), installed.environment)

    queries = [q for each in questions.plain(documents, EACH).values() for q in each]
    starts = _starts(installed, folder, queries[0], runs)
    server = _server_memory(installed, folder, queries)
    library = installed.library(folder)
    searched = spread([_search(library, query) for query in 2 * queries])
    library.attend()
    try:
        _settle(library)
        saved, written = _saves(library, folder), _writes(library)
    finally:
        library.close()
    installed.rest(folder)

    files = len(documents)
    return Report(
        part="product",
        rows=(
            Row(f"start with nothing changed, {files:,} files, CPU", again.cpu, "s", 1.0),
            Row("file saved → found, p50", saved.p50, "s", 0.1),
            Row("file saved → found, p95", saved.p95, "s", 0.3),
            Row("own write → found, p95", written.p95, "s", 0.3),
            Row(
                "spawn → tools/list, index there",
                *(starts.listed, "ms", 1.15, "empty SDK server", starts.empty),
            ),
            Row("tools/list → first search answer", starts.first, "s", 0.4),
            Row("memory of the server, after its queries", server, "MB", SERVER_BYTES),
            Row(
                "memory of the indexer at its peak, largest process",
                build.largest,
                "MB",
                INDEXER_BYTES,
            ),
            Row(
                "memory of the indexer at its peak, all processes",
                build.together,
                "MB",
                INDEXER_BYTES,
            ),
        ),
        tables=(
            Table(
                title=f"The product on {files:,} files, {sections.size(documents):,} sections",
                header=("what", "figure"),
                rows=(
                    ("files → searchable, wall", shown(build.wall, "s")),
                    ("files → searchable, CPU", shown(build.cpu, "s")),
                    ("index", shown(size, "MB")),
                    ("text of the documents", shown(sections.text_bytes(documents), "MB")),
                    ("nothing changed, wall", shown(again.wall, "s")),
                    ("nothing changed, CPU", shown(again.cpu, "s")),
                    (f"search in process, {searched.count} queries", str(searched)),
                    (f"file saved → found, {saved.count} files", str(saved)),
                    (f"own write → found, {written.count} documents", str(written)),
                    (f"spawn → tools/list, median of {runs}", shown(starts.listed, "ms")),
                    ("tools/list → first search answer, median", shown(starts.first, "ms")),
                ),
            ),
        ),
    )


@dataclass(frozen=True)
class _Starts:
    """Medians of seconds."""

    empty: float
    """Spawn → tools/list of a server of the SDK that has nothing to serve."""
    listed: float
    """The same of ours."""
    first: float
    """What its first search takes after that."""


def _starts(installed: Installed, folder: Path, query: str, runs: int) -> _Starts:
    """In turn; the first pair only warms the page cache."""
    empty: list[float] = []
    listed: list[float] = []
    first: list[float] = []
    for _ in range(runs + 1):
        with Session([sys.executable, "-c", EMPTY_SERVER], installed.environment) as session:
            session.list_tools()
            empty.append(time.perf_counter() - session.begun)
        with Session(installed.serve(folder), installed.environment) as session:
            session.list_tools()
            listed.append(time.perf_counter() - session.begun)
            first.append(session.timed("search_documents", query=query))
        installed.rest(folder)
    return _Starts(*(statistics.median(times[1:]) for times in (empty, listed, first)))


def _server_memory(installed: Installed, folder: Path, queries: Sequence[str]) -> int:
    with Session(installed.serve(folder), installed.environment) as session:
        for query in queries:
            session.call("search_documents", query=query)
        size: int = psutil.Process(session.process.pid).memory_info().rss
    installed.rest(folder)
    return size


def _settle(library: Library) -> None:
    """Until an indexer runs and has compared everything."""
    deadline = time.monotonic() + 60
    while library.status().folders[0].indexer != "running" or library.view().state != "ready":
        if time.monotonic() > deadline:
            raise RuntimeError("the indexer does not come to rest")
        time.sleep(0.1)


def _saves(library: Library, folder: Path) -> Spread:
    """New files and changed ones, in turn, as an editor saves them."""
    chance = random.Random(3)
    times: list[float] = []
    for count in range(SAVES):
        word = f"zephyr{count}q"
        path = folder / "bench" / f"saved{count // 2}.md"
        path.parent.mkdir(exist_ok=True)
        # Not in step with what the indexer does at intervals.
        time.sleep(chance.uniform(0.05, 0.3))
        begin = time.perf_counter()
        path.write_text(f"# Saved {count}\n\nIt says {word}.\n", encoding="utf-8")
        _until_found(library, word)
        times.append(time.perf_counter() - begin)
    return spread(times)


def _until_found(library: Library, word: str) -> None:
    deadline = time.monotonic() + LONGEST_SECONDS
    while not library.search(SearchRequest(word)).hits:
        if time.monotonic() > deadline:
            raise RuntimeError("what was saved is not found")
        time.sleep(POLL_SECONDS)


def _writes(library: Library) -> Spread:
    times: list[float] = []
    for count in range(WRITES):
        begin = time.perf_counter()
        library.update(Edit(f"bench/own{count}.md", f"# Own\n\nquibble{count}x\n"))
        _until_found(library, f"quibble{count}x")
        times.append(time.perf_counter() - begin)
    return spread(times)


def _search(library: Library, query: str) -> float:
    begin = time.perf_counter()
    library.search(SearchRequest(query))
    return time.perf_counter() - begin
