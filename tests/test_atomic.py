"""Writes that the system lets down: the old text or the new one is there, whole."""

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from docindex.indexer.files import Folder
from docindex.indexer.models import Options

OLD, NEW = b"old\n" * 1000, b"new\n" * 1000

WRITE = """
import sys
from docindex.indexer.errors import DocindexError
from docindex.indexer.files import Folder, version_of
from docindex.indexer.models import Options
root, name, action = sys.argv[1:]
folder = Folder(root, Options())
try:
    version = version_of(folder.read(name).data)
except DocindexError:
    version = ""
try:
    if action == "remove":
        folder.remove(name, expect=version)
    else:
        folder.write(name, b"new\\n" * 1000, expect=version)
    print("done")
except DocindexError as error:
    print(error.code, error)
"""


@cache
def _can_inject() -> bool:
    if shutil.which("strace") is None:
        return False
    command = ["strace", "-f", "-qq", "-o", os.devnull, "-e", "trace=fsync", "true"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "docs"
    (root / "guide").mkdir(parents=True)
    (root / "guide/a.md").write_bytes(OLD)
    return root


def _run(root: Path, name: str, action: str, prefix: list[str]) -> str:
    """What the write says; "" when it is killed."""
    command = [*prefix, sys.executable, "-B", "-c", WRITE, str(root), name, action]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert str(root) not in ended.stdout
    return ended.stdout.strip()


def _with_fault(root: Path, name: str, action: str, fault: str) -> str:
    """Lets the nth call of a system function fail: `fsync:error=EIO:when=1`."""
    if not _can_inject():
        pytest.skip("strace cannot inject faults here")
    log = root.parent / "strace"
    call = fault.partition(":")[0]
    prefix = ["strace", "-f", "-qq", "-o", str(log), "-e", f"trace={call}", "-e", f"inject={fault}"]
    said = _run(root, name, action, prefix)
    text = log.read_text(encoding="utf-8")
    assert "INJECTED" in text or "killed" in text
    return said


def _files(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ("write:error=ENOSPC:when=1", "the disk is full"),
        ("write:error=EDQUOT:when=1", "the disk quota is used up"),
        ("fsync:error=EIO:when=1", "the disk reported an error"),
        ("renameat2:error=EROFS:when=1", "the file system is read-only"),
        ("renameat2:error=EXDEV:when=1", ""),
        ("fchmod:error=EPERM:when=1", "permission denied"),
    ],
)
def test_a_failed_replacement_leaves_the_old_text(root: Path, fault: str, why: str) -> None:
    said = _with_fault(root, "guide/a.md", "write", fault)
    assert said.startswith(f"write_failed guide/a.md was not written: {why}")
    assert said.endswith("what was there is unchanged")
    assert _files(root) == {"guide/a.md": OLD}


@pytest.mark.parametrize(
    "fault", ["write:error=ENOSPC:when=1", "linkat:error=EIO:when=1", "fsync:error=EIO:when=3"]
)
def test_a_failed_creation_leaves_nothing(root: Path, fault: str) -> None:
    said = _with_fault(root, "guide/new/deep/b.md", "write", fault)
    assert said.startswith("write_failed guide/new/deep/b.md was not written: ")
    assert _files(root) == {"guide/a.md": OLD}
    assert os.listdir(root / "guide") == ["a.md"]


@pytest.mark.parametrize("error", ["ENOSYS", "EINVAL", "EOPNOTSUPP"])
def test_where_files_cannot_be_exchanged_they_are_renamed(root: Path, error: str) -> None:
    assert _with_fault(root, "guide/a.md", "write", f"renameat2:error={error}:when=1") == "done"
    assert _files(root) == {"guide/a.md": NEW}


@pytest.mark.parametrize("action", ["write", "remove"])
def test_what_was_put_aside_and_cannot_be_removed_is_left_for_a_sweep(
    root: Path, action: str
) -> None:
    fault = "unlinkat:error=EIO:when=1"
    assert _with_fault(root, "guide/a.md", action, fault) == "done"
    files = _files(root)
    assert files.pop("guide/a.md", None) == (NEW if action == "write" else None)
    assert list(files.values()) == [OLD]
    there = set(Folder(root, Options()).scan().files)
    assert there == ({"guide/a.md"} if action == "write" else set())


def test_a_short_write_is_continued(root: Path) -> None:
    """The system may take fewer bytes than it was given, and be interrupted."""
    assert _with_fault(root, "guide/a.md", "write", "write:error=EINTR:when=1") == "done"
    assert _files(root) == {"guide/a.md": NEW}


@pytest.mark.parametrize("action", ["write", "remove"])
def test_what_the_disk_does_not_confirm_is_said(root: Path, action: str) -> None:
    fault = "fsync:error=EIO:when=2" if action == "write" else "fsync:error=EIO:when=1"
    said = _with_fault(root, "guide/a.md", action, fault)
    assert said.startswith("write_failed ")
    assert "the disk did not confirm it" in said
    assert "unchanged" not in said
    assert _files(root) == ({"guide/a.md": NEW} if action == "write" else {})


def test_a_failed_removal_leaves_the_document(root: Path) -> None:
    said = _with_fault(root, "guide/a.md", "remove", "renameat:error=EROFS:when=1")
    assert said.startswith("write_failed guide/a.md was not deleted: the file system is read-only")
    assert _files(root) == {"guide/a.md": OLD}


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("write:signal=KILL:when=1", OLD),
        ("fsync:signal=KILL:when=1", OLD),
        ("renameat2:signal=KILL:when=1", None),
        ("fsync:signal=KILL:when=2", NEW),
    ],
)
def test_a_killed_write_leaves_one_whole_text_and_at_most_a_temporary_file(
    root: Path, fault: str, expected: bytes | None
) -> None:
    assert _with_fault(root, "guide/a.md", "write", fault) == ""
    files = _files(root)
    assert files.pop("guide/a.md") in ((OLD, NEW) if expected is None else (expected,))
    folder = Folder(root, Options())
    assert set(folder.scan().files) == {"guide/a.md"}
    assert folder.scan().skipped == {}
    assert folder.sweep_temporaries() == 0
    for name in files:
        os.utime(root / name, (1, 1))
    assert folder.sweep_temporaries() == len(files) <= 1
    assert set(_files(root)) == {"guide/a.md"}


def test_a_file_larger_than_the_system_allows_is_not_written(root: Path) -> None:
    if shutil.which("prlimit") is None:
        pytest.skip("prlimit is not installed")
    said = _run(root, "guide/a.md", "write", ["prlimit", "--fsize=1000"])
    assert "the system does not allow so large a file" in said
    assert _files(root) == {"guide/a.md": OLD}


def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    """A real one, of 64 kB, in a mount namespace of its own."""
    script = f"""
        set -e
        mount -t tmpfs -o size=64k none {tmp_path}
        mkdir {tmp_path}/docs
        head -c 4000 /dev/zero > {tmp_path}/docs/a.md
        head -c 100000 /dev/zero > {tmp_path}/docs/filler 2>/dev/null || true
        "$@"
        wc -c < {tmp_path}/docs/a.md
        ls -A {tmp_path}/docs
    """
    outer = ["unshare", "-rm", "sh", "-c", script, "sh"]
    inner = [sys.executable, "-B", "-c", WRITE, str(tmp_path / "docs"), "new/b.md", "write"]
    if shutil.which("unshare") is None:
        pytest.skip("unshare is not installed")
    ended = subprocess.run([*outer, *inner], capture_output=True, text=True, check=False)
    if "permitted" in ended.stderr or "unshare" in ended.stderr:
        pytest.skip("no namespaces here")
    said, size, *names = ended.stdout.split("\n")
    assert said.startswith("write_failed new/b.md was not written: the disk is full"), ended
    assert size.strip() == "4000"
    assert names == ["a.md", "filler", ""]


def test_a_process_out_of_descriptors_takes_no_folder_for_empty_and_no_rules_for_none(
    root: Path,
) -> None:
    (root / "guide/.gitignore").write_bytes(b"secret.md")
    (root / "guide/secret.md").write_bytes(b"secret")
    script = """
import os, resource, sys
from docindex.indexer.errors import DocindexError
from docindex.indexer.files import Folder
from docindex.indexer.models import Options
folder = Folder(sys.argv[1], Options())
assert set(folder.scan().files) == {"guide/a.md"}
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
held = []
while True:
    try:
        held.append(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        break
for closed in range(6):
    for use in (folder.scan, lambda: folder.look("guide/a.md"), lambda: folder.read("guide/a.md")):
        try:
            print(closed, use())
        except DocindexError as error:
            print(closed, error)
    try:
        if folder.look("guide/secret.md") is not None:
            print("secret")
    except DocindexError:
        pass
    os.close(held.pop())
"""
    command = [sys.executable, "-B", "-c", script, str(root)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = ended.stdout.splitlines()
    refused = [line for line in lines if "too many files are open" in line]
    whole = [line for line in lines if "size=4000" in line]
    assert len(lines) == len(refused) + len(whole) == 18
    assert refused
    assert whole
    assert not any("secret" in line for line in lines)
