"""`idle`: what a server and its indexer use when nothing happens."""

import time
from pathlib import Path

import psutil

from docindex.indexer.home import home_of
from docindex.indexer.status import read_status
from tests.bench.commands import cost
from tests.bench.figures import Report, Row
from tests.bench.installed import Installed
from tests.bench.session import Session

CALM_SECONDS = 5.0
"""After the first search, until nothing is left to be done."""
GOAL = 0.01


def measure(place: Path, corpus: Path, seconds: float) -> Report:
    place = place / "idle"
    installed = Installed(place)
    cost(installed.reindex(corpus), installed.environment)
    with Session(installed.serve(corpus), installed.environment) as session:
        session.call("search_documents", query="nothing happens")
        indexer = _indexer(installed, corpus)
        time.sleep(CALM_SECONDS)
        before, begin = _used(session.process.pid, indexer), time.perf_counter()
        time.sleep(seconds)
        used = _used(session.process.pid, indexer) - before
        share = used / (time.perf_counter() - begin)
    installed.rest(corpus)
    what = f"idle for {seconds:.0f} s, server and indexer, share of a core"
    return Report(part="idle", rows=(Row(what, share, "%", GOAL),))


def _indexer(installed: Installed, corpus: Path) -> int:
    """The process that the server has started, once it is there and done."""
    deadline = time.monotonic() + 60
    home = home_of(installed.cache, corpus)
    while time.monotonic() < deadline:
        status = read_status(home.status)
        if status is not None and status.state == "ready" and psutil.pid_exists(status.pid):
            return status.pid
        time.sleep(0.2)
    raise RuntimeError("no indexer has come to rest")


def _used(*pids: int) -> float:
    """CPU seconds of these and of what they have started, each once."""
    times: dict[int, float] = {}
    for pid in pids:
        process = psutil.Process(pid)
        for each in (process, *process.children(recursive=True)):
            used = each.cpu_times()
            times[each.pid] = used.user + used.system
    return sum(times.values())
