"""What becomes of a server of several processes when some of them are lost."""

import multiprocessing
import signal
import sys
import time
from collections.abc import Generator
from multiprocessing.context import SpawnProcess
from pathlib import Path

import pytest

from docindex.server import metrics
from docindex.server.plan import make_plan
from docindex.server.workers import FREE_TRIES, SETTLED_SECONDS, SILENT_SECONDS, Life, Workers

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="shares a port on Linux alone")

NO_SERVER = 3


@pytest.fixture
def workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workers:
    monkeypatch.setenv(metrics.SHARED, str(tmp_path))
    folder = tmp_path / "docs"
    folder.mkdir()
    environment = {"DOCINDEX_CONFIG": "/dev/null", "DOCINDEX_CACHE_DIR": str(tmp_path / "cache")}
    return Workers(make_plan([str(folder)], {"workers": "2"}, environment), 0)


def lose(workers: Workers, *, status: int, lived: float) -> None:
    """A process that has ended so, after so many seconds."""
    process = multiprocessing.get_context("spawn").Process(target=sys.exit, args=(status,))
    process.start()
    process.join()
    workers._running[process] = Life(began=time.monotonic() - lived)
    workers._lose(process)


def starts_in(workers: Workers) -> list[float]:
    """Seconds until others begin."""
    return [max(0.0, due - time.monotonic()) for due in workers._due]


def test_where_none_could_begin_none_is_started_again(workers: Workers) -> None:
    lose(workers, status=NO_SERVER, lived=0.1)
    assert (starts_in(workers), workers._status) == ([], 1)


def test_one_that_cannot_begin_does_not_end_those_that_have_begun_long_ago(
    workers: Workers,
) -> None:
    living = SpawnProcess()
    workers._running[living] = Life(began=time.monotonic() - 2 * SETTLED_SECONDS)
    lose(workers, status=NO_SERVER, lived=0.1)
    assert (starts_in(workers), workers._status) == ([0.0], 0)
    assert living in workers._running


def test_one_after_the_other_that_is_lost_is_replaced_ever_later(workers: Workers) -> None:
    lose(workers, status=NO_SERVER, lived=2 * SETTLED_SECONDS)
    for _ in range(FREE_TRIES + 2):
        lose(workers, status=1, lived=0.1)
    pauses = starts_in(workers)
    assert pauses[:FREE_TRIES] == [0.0] * FREE_TRIES
    assert 0.0 < pauses[FREE_TRIES] < pauses[-1]
    assert workers._status == 0


@pytest.fixture
def idle() -> Generator[SpawnProcess]:
    """A process that does nothing."""
    process = multiprocessing.get_context("spawn").Process(target=signal.pause)
    process.start()
    yield process
    process.kill()
    process.join()


def silent(workers: Workers, process: SpawnProcess) -> Life:
    life = Life()
    life.beat()
    life.last.value -= SILENT_SECONDS + 1
    workers._running[process] = life
    return life


def test_one_that_does_not_respond_is_killed(workers: Workers, idle: SpawnProcess) -> None:
    silent(workers, idle)
    workers._kill_hanging()
    idle.join(60)
    assert idle.exitcode == -signal.SIGKILL


def test_one_that_has_not_begun_is_not_killed(workers: Workers, idle: SpawnProcess) -> None:
    workers._running[idle] = Life(began=time.monotonic() - 10 * SILENT_SECONDS)
    workers._kill_hanging()
    idle.join(0.1)
    assert idle.exitcode is None


def test_one_that_responds_is_not_killed(workers: Workers, idle: SpawnProcess) -> None:
    silent(workers, idle).beat()
    workers._kill_hanging()
    idle.join(0.1)
    assert idle.exitcode is None


def test_none_is_killed_for_a_time_in_which_all_were_stopped(
    workers: Workers, idle: SpawnProcess
) -> None:
    silent(workers, idle)
    workers._looked -= SILENT_SECONDS
    for _ in range(2):
        workers._kill_hanging()
    idle.join(0.1)
    assert idle.exitcode is None
