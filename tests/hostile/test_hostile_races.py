"""Another program swaps folders and files for links while we read and write.

Only what works relative to open folders withstands that; what other systems
fall back to makes no such promise.
"""

import subprocess
import sys
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager

import pytest

from docindex.indexer.directories import NATIVE, HeldDirectory
from docindex.indexer.errors import DocindexError
from docindex.indexer.files import Folder, version_of
from docindex.indexer.models import Options
from tests.hostile.conftest import CANARY, Ground

pytestmark = pytest.mark.skipif(
    NATIVE is not HeldDirectory, reason="this system cannot work relative to open folders"
)

ROUNDS = 9000

SWAP = """
import os, random, shutil, sys, time
path, target = sys.argv[1:]
aside = path + ".aside"

def insist(change, *names):
    while True:
        try:
            return change(*names)
        except OSError:  # somebody has made a folder here
            shutil.rmtree(path, ignore_errors=True)

print("ready", flush=True)
while True:
    os.rename(path, aside)
    insist(os.symlink, target, path)
    time.sleep(random.random() / 20_000)
    os.unlink(path)
    insist(os.rename, aside, path)
    time.sleep(random.random() / 5_000)
"""


@contextmanager
def swapping(path: object, target: object) -> Generator[None]:
    """`path` is what it was, or a link to `target`, or missing, thousands of times a second."""
    command = [sys.executable, "-c", SWAP, str(path), str(target)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        try:
            yield
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
