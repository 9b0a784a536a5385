"""A folder with enemies around it, and proof that nothing was changed or let out."""

import hashlib
import os
import stat
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from docindex.indexer.directories import CheckedDirectory, Directory, HeldDirectory
from docindex.indexer.files import Folder
from docindex.indexer.models import Options

CANARY = "canary: this text lies outside of the folder"
NOBODY = 65534


@dataclass(frozen=True)
class Ground:
    """`root` is the documents folder; `outside` and `evil` are next to it."""

    root: Path
    outside: Path
    evil: Path

    def outsides(self) -> dict[str, object]:
        return {**fingerprint(self.outside), **fingerprint(self.evil)}


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    """A few documents, a canary in a folder beside them, and one in a folder whose name
    begins with that of the root."""
    made = Ground(tmp_path / "docs", tmp_path / "outside", tmp_path / "docs_evil")
    for folder in (made.root / "guide", made.outside / "guide", made.evil):
        folder.mkdir(parents=True)
    (made.root / "inside.md").write_text("# Inside\n", encoding="utf-8")
    (made.root / "guide/setup.md").write_text("# Setup\n", encoding="utf-8")
    for folder in (made.outside, made.outside / "guide", made.evil):
        for name in ("canary.md", "inside.md", "setup.md"):
            (folder / name).write_text(CANARY, encoding="utf-8")
    return made


@pytest.fixture(params=[HeldDirectory, CheckedDirectory])
def kind(request: pytest.FixtureRequest) -> type[Directory]:
    chosen: type[Directory] = request.param
    return chosen


@pytest.fixture
def folder(ground: Ground, kind: type[Directory]) -> Folder:
    return Folder(ground.root, Options(), directories=kind)


def fingerprint(path: Path) -> dict[str, object]:
    """All that a change could show in: kind, mode, size, times of change, links, content.

    Large and unreadable files count by their status alone.
    """
    found: dict[str, object] = {}
    for folder, folders, files in os.walk(path):
        for name in (".", *folders, *files):
            entry = os.path.join(folder, name)
            status = os.lstat(entry)
            content = ""
            if stat.S_ISLNK(status.st_mode):
                content = os.readlink(entry)
            elif stat.S_ISREG(status.st_mode) and status.st_size < 1_000_000:
                with open(entry, "rb") as file:
                    content = hashlib.sha256(file.read()).hexdigest()
            found[entry] = (
                status.st_mode,
                status.st_nlink,
                status.st_size,
                status.st_mtime_ns,
                status.st_ctime_ns,
                content,
            )
    return found


@pytest.fixture
def untouched(ground: Ground) -> Callable[[], None]:
    """Call it to check that neither the folder nor its surroundings have changed since."""
    before = fingerprint(ground.root), ground.outsides()

    def check() -> None:
        assert (fingerprint(ground.root), ground.outsides()) == before

    return check


@contextmanager
def unprivileged() -> Generator[None]:
    """Root may do everything, so for a while we are nobody."""
    if os.geteuid() != 0:
        yield
        return
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


@pytest.fixture
def public() -> Generator[Path]:
    """A folder that belongs to nobody, and that nobody can reach."""
    with tempfile.TemporaryDirectory() as above:
        os.chmod(above, 0o755)
        path = Path(above, "docs")
        path.mkdir()
        if os.geteuid() == 0:
            os.chown(path, NOBODY, NOBODY)
        with unprivileged():
            if not os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
                pytest.skip("the folder for temporary files is closed to others")
        yield path
        for folder, _, _ in os.walk(path):
            os.chmod(folder, 0o755)
