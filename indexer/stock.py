"""Stock Whoosh: the one place that imports it, and the types we see it by.

Whoosh 2.7.4 has no type hints, and its modules warn when today's Python
compiles them. Both end here: the modules are imported in silence, and what the
store uses of them has the types below.
"""

import warnings
from collections.abc import Iterable
from importlib import import_module
from typing import Any, Protocol

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    _analysis: Any = import_module("whoosh.analysis")
    _codec: Any = import_module("whoosh.codec.whoosh3")
    _fields: Any = import_module("whoosh.fields")
    _formats: Any = import_module("whoosh.formats")
    _numeric: Any = import_module("whoosh.util.numeric")
    _filestore: Any = import_module("whoosh.filedb.filestore")
    _structfile: Any = import_module("whoosh.filedb.structfile")
    _index: Any = import_module("whoosh.index")


class Segment(Protocol):
    """An immutable part of an index; only its deletions change, and they live in
    the table of contents."""

    def segment_id(self) -> str: ...
    def doc_count_all(self) -> int: ...
    def doc_count(self) -> int: ...
    def deleted_docs(self) -> Iterable[int]: ...
    def is_deleted(self, docnum: int) -> bool: ...
    def delete_document(self, docnum: int) -> None: ...


class Toc(Protocol):
    """The table of contents: which segments make up one generation."""

    generation: int
    schema: Any
    segments: list[Segment]


IDAnalyzer: Any = _analysis.IDAnalyzer
Schema: Any = _fields.Schema
COLUMN: Any = _fields.COLUMN
Existence: Any = _formats.Existence
ID: Any = _fields.ID
STORED: Any = _fields.STORED
TEXT: Any = _fields.TEXT
FileStorage: Any = _filestore.FileStorage
BufferFile: Any = _structfile.BufferFile
TOC: Any = _index.TOC

W3Codec: Any = _codec.W3Codec
W3Segment: Any = _codec.W3Segment

INDEX_NAME: str = _index._DEF_INDEX_NAME

FIELD_LENGTHS: tuple[int, ...] = tuple(_numeric._length_byte_cache)
"""What each of the 256 bytes means by which Whoosh keeps the length of a field."""
