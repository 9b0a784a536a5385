"""Another program swaps folders and files for links while we read and write.

Some thousand swaps are made; DOCINDEX_SWAPS says how many while documents are written
with all that belongs to it. Only what works relative to open folders withstands that;
what other systems fall back to makes no such promise.
"""

import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from docindex.indexer.directories import NATIVE, HeldDirectory
from docindex.indexer.errors import DocindexError
from docindex.indexer.files import Folder, version_of
from docindex.indexer.history import History
from docindex.indexer.models import Author, Edit, FolderSpec, Options
from docindex.indexer.shelf import Shelf
from docindex.indexer.writing import Writer
from tests.hostile.conftest import CANARY, Ground

pytestmark = pytest.mark.skipif(
    NATIVE is not HeldDirectory, reason="this system cannot work relative to open folders"
)

ROUNDS = 9000
SWAPS = int(os.environ.get("DOCINDEX_SWAPS", "2000"))

SWAP = """
import contextlib, os, random, shutil, sys, time
path, target, count = sys.argv[1:]
counter = os.open(count, os.O_WRONLY | os.O_CREAT)
swaps = 0
aside = path + ".aside"

def insist(change, *names):
    while True:
        try:
            return change(*names)
        except OSError:  # somebody has made a folder here, or a file
            shutil.rmtree(path, ignore_errors=True)
            with contextlib.suppress(OSError):
                os.unlink(path)

print("ready", flush=True)
while True:
    os.rename(path, aside)
    insist(os.symlink, target, path)
    time.sleep(random.random() / 20_000)
    os.unlink(path)
    insist(os.rename, aside, path)
    swaps += 1
    os.pwrite(counter, b"%d" % swaps, 0)
    time.sleep(random.random() / 5_000)
"""


@contextmanager
def swapping(path: Path, target: Path) -> Generator[Callable[[], int]]:
    """`path` is what it was, or a link to `target`, or missing, thousands of times a second.
    Gives what tells how often that was."""
    with tempfile.NamedTemporaryFile() as count:
        command = [sys.executable, "-c", SWAP, str(path), str(target), count.name]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"

            def swaps() -> int:
                assert process.poll() is None
                return int(Path(count.name).read_bytes() or b"0")

            try:
                yield swaps
                assert process.poll() is None
            finally:
                process.kill()


@pytest.fixture
def folder(ground: Ground) -> Folder:
    return Folder(ground.root, Options())


def test_a_folder_swapped_for_a_link_is_never_read_through(ground: Ground, folder: Folder) -> None:
    seen: Counter[str] = Counter()
    with swapping(ground.root / "guide", ground.outside):
        for _ in range(ROUNDS):
            try:
                data = folder.read("guide/setup.md").data
                assert data == b"# Setup\n"
                seen["read"] += 1
            except DocindexError as error:
                seen[error.code] += 1
    assert seen["read"]
    assert seen["not_a_document"], "the race never happened"


def test_a_file_swapped_for_a_link_is_never_read_through(ground: Ground, folder: Folder) -> None:
    seen: Counter[str] = Counter()
    with swapping(ground.root / "inside.md", ground.outside / "canary.md"):
        for _ in range(ROUNDS):
            try:
                assert folder.read("inside.md").data == b"# Inside\n"
                seen["read"] += 1
            except DocindexError as error:
                seen[error.code] += 1
    assert seen["read"]
    assert seen["not_a_document"], "the race never happened"


def test_a_scan_never_sees_through_a_swapped_folder(ground: Ground, folder: Folder) -> None:
    names: set[str] = set()
    with swapping(ground.root / "guide", ground.outside):
        for _ in range(ROUNDS // 10):
            names |= set(folder.scan().files) | set(folder.scan_below("guide").files)
            if folder.look("guide/canary.md") is not None:
                names.add("guide/canary.md")
    assert names <= {"inside.md", "guide/setup.md", "guide.aside/setup.md"}
    assert "guide/setup.md" in names


def test_nothing_is_written_or_removed_through_a_swapped_folder(
    ground: Ground, folder: Folder
) -> None:
    outsides = ground.outsides()
    seen: Counter[str] = Counter()
    with swapping(ground.root / "guide", ground.outside):
        for _ in range(ROUNDS // 45):
            for use in (
                lambda: folder.write("guide/setup.md", b"ours", expect=version_of(b"# Setup\n")),
                lambda: folder.write("guide/setup.md", b"# Setup\n", expect=version_of(b"ours")),
                lambda: folder.write("guide/new/n.md", b"new", expect=""),
                lambda: folder.remove("guide/new/n.md", expect=version_of(b"new")),
                lambda: folder.remove("guide/canary.md", expect=version_of(CANARY.encode())),
            ):
                try:
                    use()
                    seen["done"] += 1
                except DocindexError as error:
                    seen[error.code] += 1
    assert seen["done"]
    assert seen["not_a_document"], "the race never happened"
    assert ground.outsides() == outsides
    assert not list(ground.root.rglob(".docindex-*"))


@pytest.mark.timeout(120 + SWAPS)
@pytest.mark.parametrize("swapped", ["guide", "guide/setup.md"])
def test_a_writer_touches_and_returns_nothing_outside(
    ground: Ground, tmp_path: Path, swapped: str
) -> None:
    state = tmp_path / "state"
    writer = Writer(state, Options())
    shelf = Shelf(FolderSpec(str(ground.root)), tmp_path / "cache", Options())
    outsides = ground.outsides()
    seen: Counter[str] = Counter()
    name = "guide/setup.md"
    target = ground.outside if swapped == "guide" else ground.outside / "setup.md"
    told: set[str] = set()
    text = Edit(name, "more\n", mode="append")

    def read() -> None:
        assert CANARY.encode() not in shelf.folder.read(name).data

    uses: list[Callable[[], object]] = [
        read,
        lambda: writer.update(shelf, name, text, Author()),
        lambda: writer.update(shelf, name, Edit(name, "x", if_version="0" * 16), Author()),
        lambda: writer.restore(shelf, name, version_of(b"# Setup\n"), False, Author()),
        lambda: writer.delete(shelf, "guide/canary.md", "", False, Author()),
        lambda: writer.update(shelf, "guide/canary.md", Edit("guide/canary.md", "x"), Author()),
        lambda: writer.delete(shelf, "guide/canary.md", "", False, Author()),
    ]
    with swapping(ground.root / swapped, target) as swaps:
        while swaps() < SWAPS or not seen["not_a_document"] or not seen["done"]:
            for use in uses:
                try:
                    use()
                    seen["done"] += 1
                except DocindexError as error:
                    seen[error.code] += 1
                    told.add(f"{error} {getattr(error, 'diff', '')}")
    assert ground.outsides() == outsides
    assert not [said for said in told if CANARY in said]
    kept = History(state, ground.root)
    for changes in kept.names().values():
        for change in changes:
            for each in (change.before, change.after):
                assert each is None or CANARY.encode() not in kept.content(each)
