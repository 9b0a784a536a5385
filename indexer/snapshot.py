"""One generation of a folder's index, open for reading."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from docindex.indexer import stock
from docindex.indexer.concordance import Concordance
from docindex.indexer.errors import IndexUnavailable
from docindex.indexer.filesystems import is_remote, kind_of
from docindex.indexer.models import Stamp
from docindex.indexer.segment_reader import SegmentReader
from docindex.indexer.segments import Head, Storage
from docindex.indexer.stamps import settled, settled_of_ours
from docindex.indexer.store import contents_name, latest_generation, read_contents
from docindex.indexer.walk import stamp_of

OPENING_TRIES = 5


class _Heads:
    """The heads of a segment."""

    def __init__(self, reader: SegmentReader) -> None:
        self._reader = reader
        self._lock = threading.Lock()
        self._found: tuple[Head, ...] | None = None

    def all(self) -> tuple[Head, ...]:
        with self._lock:
            if self._found is None:
                reader = self._reader
                self._found = tuple(
                    Head(reader.record(number), number) for number in reader.head_numbers().tolist()
                )
            return self._found


class Leaf:
    """One segment of a snapshot, with what is deleted of it. For any number of threads."""

    def __init__(
        self, reader: SegmentReader, segment: stock.Segment, before: "Leaf | None" = None
    ) -> None:
        """`before` is the same segment with older deletions."""
        self.reader = reader
        self.concordance: Concordance = before.concordance if before else Concordance(reader)
        self._heads: _Heads = before._heads if before else _Heads(reader)
        self.alive: NDArray[np.bool_] | None = None
        """Which documents are not deleted, shape (reader.size,); None: all are alive."""
        deleted = np.fromiter(segment.deleted_docs(), np.int64)
        self.deleted = len(deleted)
        if self.deleted:
            self.alive = np.ones(reader.size, np.bool_)
            self.alive[deleted] = False
            self.alive.flags.writeable = False

    @property
    def heads(self) -> tuple[Head, ...]:
        """Its heads in order, deleted ones among them. Read once for a segment, and
        not before somebody asks: a plain search needs none."""
        return self._heads.all()

    def is_alive(self, docnum: int) -> bool:
        return self.alive is None or bool(self.alive[docnum])

    def files(self) -> Iterator[Head]:
        """The heads that are not deleted."""
        return (head for head in self.heads if self.is_alive(head.docnum))

    def deleted_since(self, before: "Leaf") -> Iterator[Head]:
        """What was not deleted in the same segment before."""
        if self.alive is None or self.deleted == before.deleted:
            return
        numbers = self.reader.head_numbers()
        gone = ~self.alive.take(numbers)
        if before.alive is not None:
            gone &= before.alive.take(numbers)
        for at in np.flatnonzero(gone).tolist():
            yield self.heads[at]

    def under(self, segment: stock.Segment) -> "Leaf":
        """The same segment with newer deletions, of which there are more if there are others."""
        if segment.doc_count() == self.reader.size - self.deleted:
            return self
        return Leaf(self.reader, segment, self)


@dataclass(frozen=True, slots=True)
class Snapshot:
    generation: int
    leaves: tuple[Leaf, ...]

    def heads(self) -> Iterator[tuple[Leaf, Head]]:
        """Every live file, skipped ones too."""
        for leaf in self.leaves:
            for head in leaf.files():
                yield leaf, head

    def since(self, before: "Snapshot | None") -> tuple[list[Head], list[Head]]:
        """The heads of files that went since then, and of those that came: both for one
        that was indexed anew, or is in another segment now. `before` must not be newer."""
        left = {leaf.reader: leaf for leaf in before.leaves} if before else {}
        gone: list[Head] = []
        come: list[Head] = []
        for leaf in self.leaves:
            same = left.pop(leaf.reader, None)
            if same is None:
                come += leaf.files()
            else:
                gone += leaf.deleted_since(same)
        for leaf in left.values():
            gone += leaf.files()
        return gone, come


EMPTY = Snapshot(-1, ())


class Snapshots:
    """Hands out the newest snapshot of one index.

    Readers are kept by segment, since a segment never changes: a new generation
    costs what its new segments cost. An old reader goes when nobody searches it
    any more.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._storage = Storage(folder)
        self._lock = threading.Lock()
        self._leaves: dict[str, Leaf] = {}
        self._newest = EMPTY
        self._opened: tuple[int, int, int] | None = None
        self._seen: Stamp | None = None
        """Of the folder: for as long as it is the same, nothing has come or gone."""

    def newest(self) -> Snapshot:
        """The one before while a new one cannot be opened, since it is damaged or changes
        too fast; IndexUnavailable when there is none. No index yet is an empty one."""
        with self._lock:
            found = self._look()
            if found is not None and found == self._seen:
                return self._newest
            seen = found and self._settled(found)  # as of now: a commit may come meanwhile
            # A cache that was wiped counts from one again: the file tells them apart.
            mark = self._mark()
            if mark is None or mark != self._opened:
                try:
                    newest = self._open()
                    if newest.leaves or mark is not None:
                        self._newest = newest
                    # One that was deleted is made anew; what is in memory answers meanwhile.
                    self._opened = mark
                except IndexUnavailable:
                    # The one before is in memory, and goes on answering meanwhile.
                    if not self._newest.leaves:
                        raise
                    seen = None
            self._seen = seen
            return self._newest

    @cached_property
    def _settled(self) -> Callable[[Stamp], Stamp]:
        """On another machine times are those of its clock."""
        try:
            remote = is_remote(kind_of(self._folder))
        except OSError:
            remote = True
        return settled if remote else settled_of_ours

    def _look(self) -> Stamp | None:
        """The stamp of the folder, if it is there."""
        try:
            return stamp_of(self._folder.stat())
        except OSError:
            return None

    def _mark(self) -> tuple[int, int, int] | None:
        """Generation, inode and time of the newest table of contents."""
        generation = latest_generation(self._storage)
        try:
            found = (self._folder / contents_name(generation)).stat()
        except FileNotFoundError:
            return None
        return generation, found.st_ino, found.st_mtime_ns

    def _open(self) -> Snapshot:
        for _ in range(OPENING_TRIES):
            try:
                contents = read_contents(self._storage)
                if contents is None:
                    return EMPTY
                leaves = {s.segment_id(): self._leaf(s) for s in contents.segments}
            except FileNotFoundError:
                continue  # a commit came between: its table names other files
            except Exception as error:
                # Damage raises whatever the bytes lead to; the indexer mends it.
                raise IndexUnavailable("the index cannot be read; it is being rebuilt") from error
            self._leaves = leaves
            return Snapshot(contents.generation, tuple(leaves.values()))
        raise IndexUnavailable("the index is changing too fast to be read; try again")

    def _leaf(self, segment: stock.Segment) -> Leaf:
        known = self._leaves.get(segment.segment_id())
        if known is None:
            return Leaf(SegmentReader.open(self._folder, segment), segment)
        return known.under(segment)
