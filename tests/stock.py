"""Stock Whoosh, which opens and searches what we write: the oracle of the tests."""

import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

from docindex.indexer import schema
from docindex.indexer.segments import SEGMENT, Head, Storage, read_segment
from docindex.indexer.stock import INDEX_NAME, TOC, BufferFile, Segment, W3Codec

with warnings.catch_warnings():
    # Its modules warn when today's Python compiles them.
    warnings.simplefilter("ignore")
    codec: Any = import_module("whoosh.codec.whoosh3")
    filetables: Any = import_module("whoosh.filedb.filetables")
    index: Any = import_module("whoosh.index")
    numeric: Any = import_module("whoosh.util.numeric")
    query: Any = import_module("whoosh.query")
    reading: Any = import_module("whoosh.reading")
    scoring: Any = import_module("whoosh.scoring")
    searching: Any = import_module("whoosh.searching")
    writing: Any = import_module("whoosh.writing")

__all__ = ["INDEX_NAME", "TOC", "BufferFile", "W3Codec"]


class _CheckedStorage(Storage):
    """Opens segments as our own reader does: whole, and checked."""

    def open_file(self, name: str, **options: Any) -> Any:
        path = Path(self.folder) / name
        if path.suffix != SEGMENT:
            return Storage.open_file(self, name, **options)
        return BufferFile(read_segment(path), name=name)


def open_segment(folder: Path, segment: Segment, fields: Any = None) -> Any:
    """A reader of it. Raises Damaged, FileNotFoundError."""
    storage = _CheckedStorage(folder)
    return reading.SegmentReader(storage, fields or schema.new_schema(), segment)


def heads_of(reader: Any) -> list[Head]:
    """The heads in one segment, in order."""
    if ("kind", schema.HEAD) not in reader:
        return []
    return [
        Head(schema.unpack(reader.stored_fields(number)["record"]), number)
        for number in list(reader.postings("kind", schema.HEAD).all_ids())
        if not reader.is_deleted(number)
    ]
