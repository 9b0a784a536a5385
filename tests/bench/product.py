"""The product on a corpus: from files to searchable, searches, own writes."""

import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import psutil

from docindex.indexer.library import Library
from docindex.indexer.models import Edit, FolderSpec, SearchRequest

QUERIES = 200
WRITES = 50
HEADING = re.compile(r"^#+\s+(.+)$", re.MULTILINE)


def measure(place: Path, corpus: Path) -> None:
    copy = place / "documents"
    shutil.copytree(corpus, copy)
    cache, state = place / "cache", place / "state"
    _build(copy, cache, state)
    library = Library([FolderSpec(str(copy))], cache=cache, state=state)
    _search(library, copy)
    library.attend()
    try:
        _write(library)
    finally:
        library.close()


def _build(corpus: Path, cache: Path, state: Path) -> None:
    environment = os.environ | {"DOCINDEX_CACHE_DIR": str(cache), "DOCINDEX_STATE_DIR": str(state)}
    command = [str(Path(sys.executable).with_name("docindex")), "reindex", "--quiet", str(corpus)]
    begin = time.perf_counter()
    process = psutil.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    peak: dict[int, int] = {}
    cpu: dict[int, float] = {}
    while process.poll() is None:
        for each in [process, *process.children(recursive=True)]:
            try:
                peak[each.pid] = max(peak.get(each.pid, 0), each.memory_info().rss)
                times = each.cpu_times()
                cpu[each.pid] = times.user + times.system
            except psutil.NoSuchProcess:
                continue
        time.sleep(0.05)
    elapsed = time.perf_counter() - begin
    size = sum(path.stat().st_size for path in cache.rglob("index/*") if path.is_file())
    files = sum(1 for path in corpus.rglob("*") if path.is_file())
    print(
        f"files → searchable, {files:,} files: {elapsed:.1f} s wall, "
        f"{sum(cpu.values()):.1f} s CPU, "
        f"largest process {max(peak.values()) / 1e6:.0f} MB, all together "
        f"{sum(peak.values()) / 1e6:.0f} MB, index {size / 1e6:.1f} MB"
    )


def _search(library: Library, corpus: Path) -> None:
    for title, queries in (("headings", _headings(corpus)), ("1 to 5 words", _words(corpus))):
        times: list[float] = []
        for query in queries:
            begin = time.perf_counter()
            library.search(SearchRequest(query))
            times.append(time.perf_counter() - begin)
        print(f"search, {len(queries)} queries from {title}: {_spread(times)}")


def _write(library: Library) -> None:
    library.search(SearchRequest("warm"))
    library.update(Edit("bench/first.md", "# First\n"))
    times: list[float] = []
    found = 0
    for number in range(WRITES):
        begin = time.perf_counter()
        outcome = library.update(Edit(f"bench/own{number}.md", f"# Own\n\nquibble{number}x\n"))
        answer = library.search(SearchRequest(f"quibble{number}x"))
        times.append(time.perf_counter() - begin)
        found += outcome.searchable and len(answer.hits) == 1
    print(f"own write → found, {found} of {WRITES} at once: {_spread(times)}")


def _headings(corpus: Path) -> list[str]:
    chance = random.Random(1)
    paths = sorted(corpus.rglob("*.md"))
    found: list[str] = []
    while len(found) < QUERIES:
        headings = HEADING.findall(
            chance.choice(paths).read_text(encoding="utf-8", errors="replace")
        )
        if headings:
            found.append(chance.choice(headings)[:200])
    return found


def _words(corpus: Path) -> list[str]:
    chance = random.Random(2)
    paths = sorted(corpus.rglob("*.md"))
    found: list[str] = []
    while len(found) < QUERIES:
        words = re.findall(r"[A-Za-z]{3,}", chance.choice(paths).read_text("utf-8", "replace"))
        if len(words) > 5:
            found.append(" ".join(chance.sample(words, chance.randint(1, 5))))
    return found


def _spread(times: list[float]) -> str:
    ordered = sorted(times)
    p95 = ordered[int(len(ordered) * 0.95)]
    return f"p50 {statistics.median(ordered) * 1e3:.1f} ms, p95 {p95 * 1e3:.1f} ms"
