"""Whichever system call of a write fails, or is the last of its process: what was there
is there, or what was to come, and either can be had back. The same of the index: each
write, sync and rename of a commit and of a merge is tried.

Some calls of each kind are tried; with DOCINDEX_ALL_FAULTS set, all of them are.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from docindex.indexer.errors import DocindexError
from docindex.indexer.files import version_of
from docindex.indexer.history import History
from docindex.indexer.models import Author, Options
from docindex.indexer.moves import recover
from tests.faults.operations import (
    COMMITS,
    COMMITTED,
    OPERATIONS,
    Ground,
    Operation,
    make_index,
    versions,
)

ALL = bool(os.environ.get("DOCINDEX_ALL_FAULTS"))
pytestmark = pytest.mark.timeout(3600 if ALL else 300)

CALLS = (
    "access,openat,open,read,pread64,write,close,fsync,fdatasync,ftruncate,lseek,fcntl,flock,"
    "stat,fstat,lstat,newfstatat,statx,faccessat,faccessat2,getdents64,mkdir,mkdirat,rename,"
    "renameat,renameat2,link,linkat,unlink,unlinkat,rmdir,chmod,fchmod,fchown,utimensat,ioctl"
)
SPACE = {"write", "openat", "mkdir", "mkdirat", "link", "linkat", "fsync", "ftruncate"}
NAMES = {"rename", "renameat", "renameat2", "link", "linkat"}
MOST = 45
"""Faults of one kind in one operation, unless all are asked for."""


def kinds(call: str) -> Iterator[str]:
    yield "signal=KILL"
    yield "error=EIO"
    if call in SPACE | NAMES:
        yield "error=ENOSPC"
    if call in NAMES:
        yield "error=EXDEV"


class Nursery:
    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-B", "-m", "tests.faults.nursery"],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, operation: str, ground: Ground, strace: list[str]) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        wanted = {"operation": operation, "place": str(ground.place), "strace": strace}
        self._process.stdin.write(json.dumps(wanted) + "\n")
        self._process.stdin.flush()
        said: str = json.loads(self._process.stdout.readline())["said"]
        return said

    def close(self) -> None:
        with self._process:
            assert self._process.stdin is not None
            self._process.stdin.close()


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    attached = subprocess.run(
        ["strace", "-f", "-qq", "-o", os.devnull, "-e", "trace=fsync", "true"],
        capture_output=True,
        check=False,
    )
    if attached.returncode:
        pytest.skip("strace may not trace here")
    nursery = Nursery()
    yield nursery
    nursery.close()


def prepared(place: Path, operation: Operation) -> Ground:
    ground = Ground(place)
    ground.make()
    operation.prepare(ground)
    return ground


def calls_of(nursery: Nursery, name: str, place: Path) -> Counter[str]:
    """How often the operation makes each system call."""
    nursery.run(name, prepared(place / "warm", OPERATIONS[name]), [])  # imports are done
    log = place / "calls"
    arguments = ["-o", str(log), "-e", f"trace={CALLS}"]
    ground = prepared(place / "counted", OPERATIONS[name])
    assert nursery.run(name, ground, arguments) == "done"
    assert ground.documents() == OPERATIONS[name].after
    return Counter(re.findall(r"^(\w+)\(", log.read_text(encoding="utf-8"), re.MULTILINE))


def check(said: str, ground: Ground, operation: Operation) -> None:
    recover(ground.state, Options(), ground.shelf())  # as a server does when it starts
    found = ground.documents()
    told = ("its links were not looked at", "it is write-protected, so its links stay")
    if said.startswith("done, but") and any(why in said for why in told):
        assert found.keys() == operation.after.keys()
        return
    assert found in (operation.before, operation.after), "neither before nor after"
    if said == "done":
        assert found == operation.after
    if "unchanged" in said or "nothing was" in said or "was left as it is" in said:
        assert found == operation.before
    assert not said.startswith("accident"), said

    history = History(ground.state, ground.root)
    check_whole(history)
    # Both texts can be had: what there is not is kept.
    for name in set(operation.before) - set(found):
        assert history.find(name, version_of(operation.before[name])) is not None
    for name, data in operation.before.items():
        if found.get(name) != data:
            ground.writer().restore(ground.shelf(), name, version_of(data), False, Author())
            assert ground.documents()[name] == data
    # And the next write goes through, as if nothing had been.
    if ground.documents() == operation.before:
        operation.act(ground)
        assert ground.documents() == operation.after


def check_whole(history: History) -> None:
    """What is kept can be read."""
    for changes in history.names().values():
        for change in changes:
            for kept in (change.before, change.after):
                assert kept is None or version_of(history.content(kept)) == kept.version


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_write_that_fails_anywhere_is_done_or_not_done(
    nursery: Nursery, tmp_path: Path, name: str
) -> None:
    operation = OPERATIONS[name]
    calls = calls_of(nursery, name, tmp_path)
    faults = [
        (call, kind, number)
        for call, count in sorted(calls.items())
        for kind in kinds(call)
        for number in range(1, count + 1)
    ]
    assert {"openat", "write", "fsync", "flock"} <= calls.keys()
    injected = 0
    problems: list[str] = []
    chosen = faults if ALL else faults[:: -(-len(faults) // (2 * MOST))]
    for turn, (call, kind, number) in enumerate(chosen):
        place = tmp_path / str(turn)
        log = place / "strace"
        ground = prepared(place, operation)
        inject = f"inject={call}:{kind}:when={number}"
        said = nursery.run(name, ground, ["-o", str(log), "-e", f"trace={CALLS}", "-e", inject])
        text = log.read_text(encoding="utf-8")
        hit = "INJECTED" in text or "killed by SIGKILL" in text
        injected += hit
        assert hit or said == "done"
        assert str(ground.root) not in said
        try:
            check(said, ground, operation)
        except (AssertionError, DocindexError, OSError) as error:
            problems.append(f"{inject} said {said!r}: {error!r}")
        shutil.rmtree(place)
    assert not problems, "\n".join(problems)
    assert injected >= len(chosen) * 0.9


LASTING = "write,fsync,rename,renameat,renameat2"


@pytest.mark.parametrize("name", COMMITS)
def test_a_commit_that_fails_anywhere_is_done_or_not_done(
    nursery: Nursery, tmp_path: Path, name: str
) -> None:
    act, after = COMMITS[name]

    def made(place: Path) -> Ground:
        ground = Ground(place)
        ground.make()
        make_index(ground)
        assert versions(ground) == COMMITTED
        return ground

    nursery.run(name, made(tmp_path / "warm"), [])
    log = tmp_path / "calls"
    ground = made(tmp_path / "counted")
    assert nursery.run(name, ground, ["-o", str(log), "-e", f"trace={LASTING}"]) == "done"
    assert versions(ground) == after
    calls = Counter(re.findall(r"^(\w+)\(", log.read_text(encoding="utf-8"), re.MULTILINE))
    assert {"write", "fsync"} <= calls.keys()
    turn = 0
    outcomes = Counter[str]()
    for call, count in sorted(calls.items()):
        for kind, number in product(("signal=KILL", "error=EIO", "error=ENOSPC"), range(count)):
            turn += 1
            ground = made(tmp_path / str(turn))
            log = ground.place / "strace"
            inject = f"inject={call}:{kind}:when={number + 1}"
            said = nursery.run(
                name, ground, ["-o", str(log), "-e", f"trace={LASTING}", "-e", inject]
            )
            text = log.read_text(encoding="utf-8")
            assert "INJECTED" in text or "killed by SIGKILL" in text
            found = versions(ground)
            assert found == after if said == "done" else found in (COMMITTED, after), inject
            outcomes[said] += 1
            # And the next one goes through, with nothing left of this.
            if name == "commit" and found == COMMITTED:
                act(ground)
                assert versions(ground) == after
            files = {path.suffix for path in (ground.place / "index").iterdir()}
            assert files <= {".seg", ".sum", ".toc"}
            shutil.rmtree(ground.place)
    assert outcomes[""] >= sum(calls.values()) - 1  # killed
