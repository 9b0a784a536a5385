"""Whoever hangs with a lock is ended, and nobody else."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from docindex.indexer.holders import end_holder, sign
from docindex.indexer.home import Home, home_of, read_json, write_json
from docindex.indexer.locks import held, hold

HOLD_AND_SIGN = """
import sys
from pathlib import Path
from docindex.indexer.holders import sign
from docindex.indexer.home import Home
from docindex.indexer.locks import hold
home = Home(Path(sys.argv[1]))
lock = hold(home.lock)
sign(home)
print("held", flush=True)
sys.stdin.read()
"""

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="elsewhere a process cannot be told for certain"
)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    documents = tmp_path / "documents"
    documents.mkdir()
    return home_of(tmp_path / "cache", documents)


@pytest.fixture
def holder(home: Home) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD_AND_SIGN, str(home.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_stopped_holder_is_killed_and_its_lock_is_free(
    home: Home, holder: "subprocess.Popen[str]"
) -> None:
    holder.send_signal(signal.SIGSTOP)
    assert held(home.lock)
    assert end_holder(home)
    assert holder.wait(timeout=20) == -signal.SIGKILL
    assert not held(home.lock)


@pytest.mark.parametrize(
    ("field", "value"),
    [("started", "1"), ("boot", "another"), ("namespace", "pid:[1]"), ("pid", "no number")],
)
def test_a_holder_that_is_not_certain_is_left_alone(
    home: Home, holder: "subprocess.Popen[str]", field: str, value: str
) -> None:
    """As after a restart of the machine, from another container, for a number given anew."""
    noted = read_json(home.holder)
    assert noted is not None
    write_json(home.holder, noted | {field: value})
    assert not end_holder(home)
    assert holder.poll() is None


def test_one_that_has_another_lock_open_is_left_alone(
    home: Home, holder: "subprocess.Popen[str]"
) -> None:
    home.lock.rename(home.path / "aside")
    home.lock.touch()
    assert not end_holder(home)
    assert holder.poll() is None


@pytest.mark.parametrize("noted", ["", "[]", "{}", json.dumps({"pid": 0})])
def test_a_note_that_makes_no_sense_ends_nobody(home: Home, noted: str) -> None:
    home.holder.write_text(noted, encoding="utf-8")
    assert not end_holder(home)


def test_nobody_ends_himself(home: Home) -> None:
    lock = hold(home.lock)
    assert lock is not None
    sign(home)
    assert not end_holder(home)
    lock.release()
