import subprocess
import sys
from pathlib import Path

from docindex.indexer.locks import Lease, held, hold, leased

HOLD_AND_SAY_SO = """
import sys
from pathlib import Path
from docindex.indexer.locks import hold
lock = hold(Path(sys.argv[1]))
print("held" if lock else "not held", flush=True)
sys.stdin.read()
"""


def test_a_lock_has_one_holder(tmp_path: Path) -> None:
    lock = hold(tmp_path / "lock")
    assert lock is not None
    assert hold(tmp_path / "lock") is None
    lock.release()
    assert hold(tmp_path / "lock") is not None


def test_asking_does_not_take_the_lock(tmp_path: Path) -> None:
    assert not held(tmp_path / "lock")
    lock = hold(tmp_path / "lock")
    assert lock is not None
    assert held(tmp_path / "lock")


def test_the_lock_of_a_killed_process_is_free_at_once(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD_AND_SAY_SO, str(tmp_path / "lock")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        assert held(tmp_path / "lock")
        process.kill()
        process.wait()
    assert not held(tmp_path / "lock")


def test_a_lease_counts_until_it_is_released(tmp_path: Path) -> None:
    assert not leased(tmp_path)
    first, second = Lease(tmp_path), Lease(tmp_path)
    first.release()
    assert leased(tmp_path)
    second.release()
    assert not leased(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_the_dead_left_is_no_lease_and_is_removed(tmp_path: Path) -> None:
    (tmp_path / "0123456789abcdef").touch()
    assert not leased(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_lease_that_somebody_deleted_stands_no_more(tmp_path: Path) -> None:
    lease = Lease(tmp_path)
    assert lease.stands()
    for path in tmp_path.iterdir():
        path.unlink()
    assert not lease.stands()
    lease.release()
