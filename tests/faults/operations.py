"""Writes that can be made to fail at any of their system calls: each has a state from
which it begins, and one in which it ends."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from docindex.indexer.errors import DocindexError
from docindex.indexer.files import version_of
from docindex.indexer.merge import merge
from docindex.indexer.models import (
    Author,
    Document,
    Edit,
    FolderSpec,
    Options,
    Record,
    Section,
    Stamp,
    unheard,
)
from docindex.indexer.moves import move
from docindex.indexer.segments import Builder, Built
from docindex.indexer.shelf import Shelf
from docindex.indexer.snapshot import Snapshots
from docindex.indexer.store import Store
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
    ground.writer().delete(ground.shelf(), NAME, "", False, Author())


def _restore(ground: Ground) -> None:
    ground.writer().restore(ground.shelf(), NAME, version_of(OLD), False, Author())


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


def _index(ground: Ground) -> Store:
    return Store(ground.place / "index")


def _segment(store: Store, version: str, names: Sequence[str]) -> Built:
    builder = Builder(store.folder)
    for name in names:
        section = Section("Part", 1, ("Part",), "part", 1, 1, f"word {version} of {name}")
        document = Document(name, name, (), (), {}, (section,), 1)
        builder.add(Record(name, version, Stamp(1, 1, 1, 1), sections=1), document)
    return builder.finish()


def make_index(ground: Ground) -> None:
    """Three segments with `COMMITTED`, and one section that is deleted."""
    store = _index(ground)
    store.commit(_segment(store, "v1", ["a.md", "b.md", "c.md"]))
    store.commit(_segment(store, "v1", ["d.md"]))
    store.commit(_segment(store, "v2", ["b.md"]), removed=["c.md"])
    store.close()


def versions(ground: Ground) -> dict[str, str]:
    """What the index has, when it is opened anew, and readers see the same."""
    store = _index(ground)
    assert store.repaired == ""
    found = {name: record.version for name, record in store.records.items()}
    heads = [head.record for _, head in Snapshots(store.folder).newest().heads()]
    assert sorted((head.name, head.version) for head in heads) == sorted(found.items())
    return found


def _commit(ground: Ground) -> None:
    store = _index(ground)
    store.commit(_segment(store, "v3", ["a.md", "e.md"]), removed=["d.md"])
    store.close()


def _merge(ground: Ground) -> None:
    store = _index(ground)
    sources = [weight.segment_id for weight in store.weights()]
    store.commit_merge(merge(store.folder, store.segments(sources)), sources)
    store.close()


COMMITTED = {"a.md": "v1", "b.md": "v2", "d.md": "v1"}

COMMITS: dict[str, tuple[Callable[[Ground], None], dict[str, str]]] = {
    "commit": (_commit, {"a.md": "v3", "b.md": "v2", "e.md": "v3"}),
    "merge": (_merge, COMMITTED),
}
"""What is done to an index made by `make_index`, and what it holds afterwards."""


def attempt(operation: str, place: str) -> str:
    """What comes of the operation, in words: "done", or its error."""
    if operation in COMMITS:
        try:
            COMMITS[operation][0](Ground(Path(place)))
        except OSError as error:
            return f"failed: {error.strerror}"
        return "done"
    try:
        left = OPERATIONS[operation].act(Ground(Path(place)))
    except DocindexError as error:
        return f"{error.code}: {error}"
    return f"done, but {left}" if left else "done"
