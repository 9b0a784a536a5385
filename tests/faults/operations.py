"""Writes that can be made to fail at any of their system calls: each has a state from
which it begins, and one in which it ends."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from docindex.indexer.errors import DocindexError
from docindex.indexer.files import version_of
from docindex.indexer.models import Author, Edit, FolderSpec, Options, unheard
from docindex.indexer.moves import move
from docindex.indexer.shelf import Shelf
from docindex.indexer.writing import Writer

OLD, NEW = b"# Old\n" + b"old\n" * 1000, b"# New\n" + b"new\n" * 1000
NAME = "guide/a.md"
MOVED = "manual/b.md"
LINKING = b"# See\r\n\r\n[a](guide/a.md#old), and so on\r\n"

Files = dict[str, bytes]
_SHELVES: dict[Path, Shelf] = {}
"""Opened beforehand, as in a server."""


@dataclass(frozen=True)
class Ground:
    """A folder of documents, and what docindex keeps beside it."""

    place: Path

    @property
    def root(self) -> Path:
        return self.place / "docs"

    @property
    def state(self) -> Path:
        return self.place / "state"

    def shelf(self) -> Shelf:
        if self.place not in _SHELVES:
            folder = FolderSpec(str(self.root))
            _SHELVES[self.place] = Shelf(folder, self.place / "cache", Options())
        return _SHELVES[self.place]

    def writer(self) -> Writer:
        return Writer(self.state, Options())

    def documents(self) -> Files:
        """Every file but the temporary ones."""
        return {
            path.relative_to(self.root).as_posix(): path.read_bytes()
            for path in self.root.rglob("*")
            if path.is_file() and not path.name.startswith(".docindex-")
        }

    def make(self) -> None:
        (self.root / "guide").mkdir(parents=True)
        (self.root / NAME).write_bytes(OLD)
        self.place.joinpath("cache").mkdir()


def _nothing(ground: Ground) -> None:
    del ground


def _write(ground: Ground, name: str = NAME, old: bytes = OLD, new: bytes = NEW) -> None:
    edit = Edit(name, new.decode(), if_version=version_of(old) if old else "")
    ground.writer().update(ground.shelf(), name, edit, Author())


def _delete(ground: Ground) -> None:
    ground.writer().delete(ground.shelf(), NAME, NAME, "", False, Author())


def _restore(ground: Ground) -> None:
    ground.writer().restore(ground.shelf(), NAME, NAME, version_of(OLD), False, Author())


def _link(ground: Ground) -> None:
    (ground.root / "see.md").write_bytes(LINKING)


def _move(ground: Ground) -> object:
    """What was left as it is, and is said to be."""
    names = (NAME, MOVED)
    return move(
        ground.state, Options(), ground.shelf(), names, "", False, Author(), unheard
    ).remarks


@dataclass(frozen=True)
class Operation:
    act: Callable[[Ground], object]
    before: Files
    after: Files
    prepare: Callable[[Ground], None] = _nothing


OPERATIONS = {
    "write": Operation(_write, {NAME: OLD}, {NAME: NEW}),
    "create": Operation(
        lambda ground: _write(ground, "new/deep/b.md", b""),
        {NAME: OLD},
        {NAME: OLD, "new/deep/b.md": NEW},
    ),
    "delete": Operation(_delete, {NAME: OLD}, {}),
    "restore": Operation(_restore, {NAME: NEW}, {NAME: OLD}, _write),
    "move": Operation(
        _move,
        {NAME: OLD, "see.md": LINKING},
        {MOVED: OLD, "see.md": LINKING.replace(NAME.encode(), MOVED.encode())},
        _link,
    ),
    "restore a deleted one": Operation(_restore, {}, {NAME: OLD}, _delete),
}


def attempt(operation: str, place: str) -> str:
    """What comes of the operation, in words: "done", or its error."""
    try:
        left = OPERATIONS[operation].act(Ground(Path(place)))
    except DocindexError as error:
        return f"{error.code}: {error}"
    return f"done, but {left}" if left else "done"
