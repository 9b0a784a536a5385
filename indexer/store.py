"""The one owner of a folder's Whoosh index: opens, checks, repairs and commits it.

Only the process that holds the index's lock has a `Store`. What it commits is
a list of finished segments with their deletions, under one table of contents
whose generation counts up.
"""

import errno
import logging
import math
import os
import shutil
import time
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from docindex.indexer import schema, stock
from docindex.indexer.merging import Weight
from docindex.indexer.models import Record
from docindex.indexer.records import Records
from docindex.indexer.restamps import FILE_NAME, Restamps
from docindex.indexer.segment_reader import SegmentReader
from docindex.indexer.segments import CHECKSUM, SEGMENT, Built, Head, Storage
from docindex.indexer.stock import Segment

log = logging.getLogger(__name__)

KEEP_SUPERSEDED_SECONDS = 5.0
"""How long the files of a past generation stay for readers that still open it."""

NO_DAMAGE = {
    errno.EACCES, errno.EPERM, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC, errno.EROFS
}  # fmt: skip
"""What the system refuses says nothing about the index."""


@dataclass(frozen=True, slots=True)
class Placed:
    """Where the head of a file stands."""

    segment_id: str
    head: Head


class Store:
    """Opening one checks the whole index; one that is damaged is set aside.

    Not for several threads at once.
    """

    def __init__(self, folder: Path, damaged: Callable[[], None] = lambda: None) -> None:
        """`damaged` is called before one that is damaged, or not there, becomes an empty one:
        afterwards there is nothing to find."""
        self.folder = folder
        self._damaged = damaged
        self.repaired = ""
        """Why the index that was found had to be set aside."""
        self._storage = Storage(folder)
        self._segments: dict[str, Segment] = {}
        self._placed: dict[str, Placed] = {}
        self._records = Records()
        self._restamps = Restamps(folder)
        self._looks: dict[str, tuple[int, int]] = {}
        """Size and time of each file of this generation, as it was written."""
        self._doomed: dict[str, float] = {}
        self.generation = 0
        self._open()

    @property
    def records(self) -> Records:
        """Every file that the index knows of."""
        return self._records

    def restamp(self, record: Record) -> None:
        """Remembers that a file with another stamp still has the same time and content."""
        self._records.put(record)
        self._restamps.put(record)

    def close(self) -> None:
        """What was remembered is known at the next start; and no commit follows, so whoever
        still opens superseded files finds newer ones."""
        self._restamps.save(self._records)
        self.sweep(now=math.inf)

    def commit(
        self, built: Built | None, removed: Iterable[str] = (), stale: Container[str] = ()
    ) -> int:
        """Makes a finished segment and deletions visible, and gives the generation.

        A file that stands in the new segment is deleted from the old ones. Those
        in `stale` changed while the segment was built: they stay as they are.
        """
        for name in removed:
            self._delete(name)
        if built is not None:
            segment_id = built.segment.segment_id()
            self._segments[segment_id] = built.segment
            for head in built.heads:
                if head.record.name in stale:
                    _delete_range(built.segment, head)
                else:
                    self._delete(head.record.name)
                    self._place(segment_id, head)
        return self._write_contents()

    def commit_merge(self, merged: Built, sources: Sequence[str]) -> int:
        """Replaces segments by the one that they were merged into. Files that
        changed while it was written are deleted from it."""
        segment_id = merged.segment.segment_id()
        self._segments[segment_id] = merged.segment
        for head in merged.heads:
            placed = self._placed.get(head.record.name)
            if placed is not None and placed.segment_id in sources:
                self._placed[head.record.name] = Placed(segment_id, head)
            else:
                _delete_range(merged.segment, head)
        for source in sources:
            if source in self._segments:
                self._retire(source)
        return self._write_contents()

    def weights(self) -> list[Weight]:
        """Its segments, for deciding what to merge."""
        return [
            Weight(
                segment_id,
                size=self._looks[f"{segment_id}{SEGMENT}"][0],
                documents=segment.doc_count_all(),
                deleted=segment.doc_count_all() - segment.doc_count(),
            )
            for segment_id, segment in self._segments.items()
        ]

    def segments(self, ids: Iterable[str]) -> list[Segment]:
        """Those of the present generation that have these ids."""
        return [self._segments[segment_id] for segment_id in ids]

    def intact(self) -> bool:
        """Whether the files of this generation are there, as they were written: a few
        stats, so that an index which somebody harms is mended soon."""
        try:
            looks = {name: self._look(name) for name in self._file_names()}
        except FileNotFoundError:
            return False
        return looks == self._looks and latest_generation(self._storage) == self.generation

    def sweep(self, now: float | None = None) -> None:
        """Deletes files that no generation has named for some seconds, and saves, now and
        then, what is only remembered."""
        moment = time.monotonic() if now is None else now
        for name, since in list(self._doomed.items()):
            if moment - since >= KEEP_SUPERSEDED_SECONDS:
                (self.folder / name).unlink(missing_ok=True)
                del self._doomed[name]
        if self._restamps.due:
            self._restamps.save(self._records)

    def remove_orphans(self) -> None:
        """Deletes what a process that was killed has left, half written or finished, and
        what came of work that was given up. Not while anybody writes a segment."""
        for path in self.folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            elif not self._named(path.name):
                path.unlink(missing_ok=True)

    def _named(self, file_name: str) -> bool:
        """Whether a file belongs to this generation, or to one that may still be read."""
        return (
            file_name in (contents_name(self.generation), FILE_NAME)
            or file_name in self._doomed
            or file_name.partition(".")[0] in self._segments
        )

    def _open(self) -> None:
        if not self.folder.exists():
            self.folder.mkdir(mode=0o700, parents=True)
        self.generation = max(self.generation, latest_generation(self._storage))
        try:
            contents = read_contents(self._storage)
            if contents is not None:
                self._adopt(contents)
        except MemoryError:
            raise
        except Exception as error:
            # A damaged index raises whatever its bytes happen to lead to.
            if isinstance(error, OSError) and error.errno in NO_DAMAGE:
                raise
            self.repaired = f"{type(error).__name__} while opening it"
            log.warning("the index is damaged (%s); it is set aside and rebuilt", error)
            self._damaged()
            self._set_aside()
            self._write_contents()
        else:
            if contents is None:
                self._damaged()
                self._write_contents()
        self._look_at_new_files()
        self.remove_orphans()

    def _adopt(self, contents: stock.Toc) -> None:
        for segment in contents.segments:
            reader = SegmentReader.open(self.folder, segment)
            for number in reader.head_numbers().tolist():
                if not segment.is_deleted(number):
                    record = self._restamps.applied(reader.record(number))
                    self._place(reader.segment_id, Head(record, number))
            self._segments[reader.segment_id] = segment

    def _set_aside(self) -> None:
        self._segments.clear()
        self._placed.clear()
        self._records = Records()
        aside = self.folder.with_name(f"{self.folder.name}.damaged")
        shutil.rmtree(aside, ignore_errors=True)
        os.replace(self.folder, aside)
        self.folder.mkdir(mode=0o700)

    def _place(self, segment_id: str, head: Head) -> None:
        self._placed[head.record.name] = Placed(segment_id, head)
        self._records.put(head.record)

    def _delete(self, name: str) -> None:
        placed = self._placed.pop(name, None)
        if placed is not None:
            self._records.drop(name)
            _delete_range(self._segments[placed.segment_id], placed.head)

    def _retire(self, segment_id: str) -> None:
        del self._segments[segment_id]
        for suffix in (SEGMENT, CHECKSUM):
            self._doom(f"{segment_id}{suffix}")

    def _doom(self, file_name: str) -> None:
        self._doomed[file_name] = time.monotonic()

    def _file_names(self) -> Iterator[str]:
        """The files of this generation."""
        yield contents_name(self.generation)
        for segment_id in self._segments:
            yield f"{segment_id}{SEGMENT}"
            yield f"{segment_id}{CHECKSUM}"

    def _look_at_new_files(self) -> None:
        """What is known already stays known: it may have been harmed since it was written."""
        known = self._looks
        self._looks = {name: known.get(name) or self._look(name) for name in self._file_names()}

    def _look(self, name: str) -> tuple[int, int]:
        found = (self.folder / name).stat()
        return found.st_size, found.st_mtime_ns

    def _write_contents(self) -> int:
        for segment_id, segment in list(self._segments.items()):
            if segment.doc_count() == 0:
                self._retire(segment_id)
        contents = stock.TOC(
            schema.new_schema(), list(self._segments.values()), self.generation + 1
        )
        contents.write(self._storage, stock.INDEX_NAME)
        self._doom(contents_name(self.generation))
        self.generation += 1
        self._look_at_new_files()
        self.sweep()
        return self.generation


def contents_name(generation: int) -> str:
    """The file that holds a generation's table of contents."""
    name: str = stock.TOC._filename(stock.INDEX_NAME, generation)
    return name


def latest_generation(storage: Storage) -> int:
    """The newest generation on disk, -1 when there is no index. As Whoosh finds it, without
    a regular expression for each file."""
    before, _, after = contents_name(0).partition("0")
    numbers = (
        name[len(before) : -len(after)]
        for name in storage.list()
        if name.startswith(before) and name.endswith(after)
    )
    return max((int(number) for number in numbers if number.isdecimal()), default=-1)


def read_contents(storage: Storage) -> stock.Toc | None:
    """The newest table of contents, None when there is no index."""
    generation = latest_generation(storage)
    if generation < 0:
        return None
    contents: stock.Toc = stock.TOC.read(storage, stock.INDEX_NAME, gen=generation)
    return contents


def _delete_range(segment: Segment, head: Head) -> None:
    for docnum in range(head.docnum, head.last + 1):
        segment.delete_document(docnum)
