"""One generation of a folder's index, open for reading."""

import copy
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docindex.indexer import stock
from docindex.indexer.errors import IndexUnavailable
from docindex.indexer.segments import Head, Storage, heads_of, open_segment
from docindex.indexer.store import contents_name, latest_generation, read_contents

OPENING_TRIES = 5

READING = threading.RLock()
"""Whoever reads postings holds it: Whoosh's readers keep the place in their files,
so two threads would read from each other's."""


class Leaf:
    """One segment of a snapshot."""

    def __init__(self, reader: stock.Reader, kept: list[tuple[Head, ...]] | None = None) -> None:
        self.reader = reader
        self._kept: list[tuple[Head, ...]] = [] if kept is None else kept

    @property
    def heads(self) -> tuple[Head, ...]:
        """Its heads, deleted ones perhaps among them. Read once for a segment,
        and not before somebody asks: a plain search needs none."""
        with READING:
            if not self._kept:
                self._kept.append(tuple(heads_of(self.reader)))
            return self._kept[0]

    def under(self, segment: stock.Segment) -> "Leaf":
        """The same open files under newer deletions."""
        return Leaf(_with_deletions(self.reader, segment), self._kept)


@dataclass(frozen=True, slots=True)
class Snapshot:
    generation: int
    leaves: tuple[Leaf, ...]

    def heads(self) -> Iterator[tuple[Leaf, Head]]:
        """Every live file, skipped ones too."""
        for leaf in self.leaves:
            for head in leaf.heads:
                if not leaf.reader.is_deleted(head.docnum):
                    yield leaf, head


EMPTY = Snapshot(-1, ())


class Snapshots:
    """Hands out the newest snapshot of one index.

    Readers are kept by segment, since a segment never changes: a new generation
    costs what its new segments cost. Old readers are closed by the garbage
    collector when nobody searches them any more.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._storage = Storage(folder)
        self._lock = threading.Lock()
        self._leaves: dict[str, Leaf] = {}
        self._newest = EMPTY
        self._opened: tuple[int, int, int] | None = None

    def newest(self) -> Snapshot:
        """The one before while a new one cannot be opened, since it is damaged or changes
        too fast; IndexUnavailable when there is none. No index yet is an empty one."""
        with self._lock:
            # A cache that was wiped counts from one again: the file tells them apart.
            mark = self._mark()
            if mark is None or mark != self._opened:
                try:
                    self._newest = self._open()
                    self._opened = mark
                except IndexUnavailable:
                    # The one before is in memory, and goes on answering meanwhile.
                    if not self._newest.leaves:
                        raise
            return self._newest

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
            except (FileNotFoundError, NameError):
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
            return Leaf(open_segment(self._storage, segment))
        return known.under(segment)


def _with_deletions(reader: Any, segment: stock.Segment) -> stock.Reader:
    """Whoosh keeps deletions in the segment object that a reader was opened with,
    so a copy of the reader gets the newer one."""
    renewed: Any = copy.copy(reader)
    renewed._segment = segment
    renewed._perdoc = copy.copy(reader._perdoc)
    renewed._perdoc._segment = segment
    result: stock.Reader = renewed
    return result
