"""Segments: written whole, then never changed.

A segment is built without touching the table of contents, so several can be
built at once, in other processes too; it takes part in searches only when the
`Store` commits it.
"""

import os
import secrets
import shutil
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from docindex.indexer import schema, stock
from docindex.indexer.models import Record
from docindex.indexer.stock import Segment

POOL_MEGABYTES = 128
"""Postings kept in memory by a builder before a run of them goes to disk."""


SEGMENT = ".seg"
CHECKSUM = ".sum"


class Damaged(Exception):
    """A segment is not what was written."""


class Storage(stock.FileStorage):  # type: ignore[misc]
    """Whoosh's files in a folder, made durable: what a table of contents names is
    on disk before it, and the table itself appears whole or not at all."""

    def __init__(self, folder: Path) -> None:
        # A map of a file that is truncated kills the process that reads it.
        stock.FileStorage.__init__(self, str(folder), supports_mmap=False)
        self._temporary: list[Path] = []

    def open_file(self, name: str, **options: Any) -> Any:
        """In memory, so that nothing which happens to the file afterwards can hurt a
        search. Raises Damaged for a segment that is not as it was written."""
        path = Path(self.folder) / name
        if path.suffix not in (".toc", SEGMENT):
            return stock.FileStorage.open_file(self, name, **options)
        data = path.read_bytes()
        if path.suffix == SEGMENT and _read_checksum(path) != _checksum(data):
            raise Damaged(name)
        return stock.BufferFile(data, name=name)

    def rename_file(self, oldname: str, newname: str, safe: bool = False) -> None:
        del safe
        sync_file(Path(self.folder) / oldname)
        os.replace(Path(self.folder) / oldname, Path(self.folder) / newname)
        sync_folder(Path(self.folder))

    def temp_storage(self, name: str | None = None) -> Any:
        """A folder of its own for each builder: Whoosh would share one by name,
        and the first to finish would empty it for all."""
        unique = f"{name or 'build'}.{secrets.token_hex(4)}"
        self._temporary.append(Path(self.folder) / unique)
        return stock.FileStorage.temp_storage(self, unique)

    def remove_temporary(self) -> None:
        """Whoosh leaves some of its temporary folders behind."""
        for path in self._temporary:
            shutil.rmtree(path, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class Head:
    record: Record
    docnum: int
    """Of the file's first document in its segment; its sections follow it."""

    @property
    def last(self) -> int:
        return self.docnum + max(self.record.sections, 1) - 1


@dataclass(frozen=True, slots=True)
class Built:
    """A finished segment that no table of contents names yet. Can be pickled."""

    segment: Segment
    heads: tuple[Head, ...]


class Builder:
    """Writes one segment."""

    def __init__(self, folder: Path) -> None:
        storage = Storage(folder)
        contents = stock.TOC(schema.new_schema(), [], 0)
        index = SimpleNamespace(
            storage=storage, indexname=stock.INDEX_NAME, _read_toc=lambda: contents
        )
        self._folder = folder
        self._storage = storage
        self._writer = stock.SegmentWriter(index, _lk=False, limitmb=POOL_MEGABYTES)
        self._heads: list[Head] = []

    def add(self, record: Record, rows: Sequence[schema.Row]) -> None:
        """A file, as `schema.rows` gives it."""
        self._heads.append(Head(record, self._writer.docnum))
        for row in rows:
            self._writer.add_document(**row)

    def add_reader(self, reader: stock.Reader) -> None:
        """Takes over all documents of a segment that are not deleted, in order."""
        first = self._writer.docnum
        kept = first
        for docnum in range(reader.doc_count_all()):
            if reader.is_deleted(docnum):
                continue
            stored = reader.stored_fields(docnum).get("record")
            if stored is not None:
                self._heads.append(Head(schema.unpack(stored), kept))
            kept += 1
        self._writer.add_reader(reader)

    def finish(self) -> Built:
        segment: Segment = self._writer._finalize_segment()
        self._writer._finish()
        self._storage.remove_temporary()
        path = self._folder / f"{segment.segment_id()}{SEGMENT}"
        path.with_suffix(CHECKSUM).write_text(_checksum(path.read_bytes()), encoding="ascii")
        sync_file(path)
        sync_file(path.with_suffix(CHECKSUM))
        return Built(segment, tuple(self._heads))

    def discard(self) -> None:
        self._writer.cancel()
        self._storage.remove_temporary()
        for path in self._folder.glob(f"{self._writer.newsegment.segment_id()}.*"):
            path.unlink(missing_ok=True)


def open_segment(storage: Storage, segment: Segment) -> stock.Reader:
    """Reads the whole segment. Raises Damaged, FileNotFoundError."""
    reader: stock.Reader = stock.SegmentReader(storage, schema.new_schema(), segment)
    return reader


def merge(folder: Path, segments: Sequence[Segment]) -> Built:
    """One segment with what is alive in several."""
    builder = Builder(folder)
    storage = Storage(folder)
    try:
        for segment in segments:
            reader = open_segment(storage, segment)
            try:
                builder.add_reader(reader)
            finally:
                reader.close()
        return builder.finish()
    except BaseException:
        builder.discard()
        raise


def heads_of(reader: stock.Reader) -> list[Head]:
    """The heads in one segment, in order."""
    if ("kind", schema.HEAD) not in reader:
        return []
    numbers = reader.postings("kind", schema.HEAD).all_ids()
    return [
        Head(schema.unpack(reader.stored_fields(number)["record"]), number)
        for number in list(numbers)
        if not reader.is_deleted(number)
    ]


def _checksum(data: bytes) -> str:
    return f"{len(data)} {zlib.crc32(data):08x}"


def _read_checksum(segment: Path) -> str:
    try:
        return segment.with_suffix(CHECKSUM).read_text(encoding="ascii", errors="replace")
    except FileNotFoundError:
        return ""


def sync_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(path: Path) -> None:
    """Makes a rename durable. Windows cannot open a folder, and needs not."""
    if os.name != "nt":
        sync_file(path)
