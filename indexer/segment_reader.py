"""One segment, read wholly into memory and decoded with numpy.

A segment is what stock Whoosh makes of it (`whoosh.codec.whoosh3`, put together by
`whoosh.filedb.compound`): a header, its files one after the other, and a pickled
directory of them at the end. Every segment of that format can be read; fastest
is one whose terms have a single, uncompressed block of postings each.
"""

import pickle
import zlib
from array import array
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from struct import Struct
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from docindex.indexer.columns import decode_column
from docindex.indexer.lexicon import Lexicon, languages_in, without_words
from docindex.indexer.models import Record
from docindex.indexer.schema import HEAD, StoredSection, unpack
from docindex.indexer.segment_writer import LEXICON, files_of, stream_item
from docindex.indexer.segments import SEGMENT, Damaged, read_segment
from docindex.indexer.stock import Segment
from docindex.indexer.terms_table import TermsTable

_INT = Struct("!i")
_POSTINGS = b"W3Bl"
_LONGEST_INFO = 128
"""Bytes that hold the pickle before a block of postings for sure."""


_SECTION = 200
"""Bytes that a section takes besides its letters: tuples, numbers, the heads of strings."""
_RECORD = 8
"""As many sections take as much as a record does."""
_LETTER, _WIDE_LETTER = 2, 4
"""What a byte that is stored takes: most letters stand in the trail and in the anchor, and
where some of a string are not ASCII, all of it may take four bytes each."""


class Postings(NamedTuple):
    ids: NDArray[np.uint32]
    """Of documents, ascending."""
    weights: NDArray[np.float32]
    """How often each of them has the term."""


NO_POSTINGS = Postings(np.zeros(0, np.uint32), np.zeros(0, np.float32))
"""What empty arrays hold cannot be changed, so all may have these."""


class StoredHead(NamedTuple):
    """What is kept of a file."""

    record: Record
    sections: tuple[StoredSection, ...]
    """The documents from its head on."""
    language: str
    """The one it is in, if not English."""
    nbytes: int
    """What it holds in memory, and rather more."""


class SegmentReader:
    """Immutable, and for any number of threads at once. Knows nothing of deletions:
    they belong to the table of contents."""

    def __init__(self, data: bytes, segment: Segment) -> None:
        self.segment_id = segment.segment_id()
        self.size = segment.doc_count_all()
        """Documents, which count from 0; deleted ones are among them."""
        # Whoosh gives them to its own readers only.
        self._field_lengths: dict[str, int] = dict(vars(segment)["_fieldlengths"])
        files = files_of(data)
        self._terms = TermsTable(files[".trm"])
        self._blocks = files[".pst"]
        self._no_lengths = _frozen(np.zeros(self.size, np.uint8))
        self._lengths = {
            field: self._padded(file)
            for field in self._field_lengths
            if (file := files.get(f"._{field}_len.col"))
        }
        self._stored, sizes = decode_column(files["._stored.col"], self.size)
        self._stored_bounds = _bounds(sizes)
        self._heads = _frozen(self.postings("kind", HEAD).ids)
        item = stream_item(self._terms.count("body"))
        self._streams: NDArray[np.unsignedinteger] = np.zeros(0, item)
        self._stream_bounds = np.zeros(self.size + 1, np.int64)
        if ".stream.col" in files:
            numbers, sizes = decode_column(files[".stream.col"], self.size)
            self._streams = np.frombuffer(numbers, item)
            self._stream_bounds = _bounds(sizes // item.itemsize)
        self._lexicon_file = files.get(LEXICON)
        self._lexicon: Lexicon | None = None
        self.languages = languages_in(self._lexicon_file) if self._lexicon_file else ()
        """The languages but English that some of its documents are in."""

    @classmethod
    def open(cls, folder: Path, segment: Segment) -> Self:
        """Reads a whole segment. Raises Damaged, FileNotFoundError."""
        data = read_segment(folder / f"{segment.segment_id()}{SEGMENT}")
        try:
            return cls(data, segment)
        except MemoryError:
            raise
        except Exception as error:
            # Its bytes are as they were written, but not as they should have been.
            raise Damaged(segment.segment_id()) from error

    # Terms

    def field_length(self, field: str) -> int:
        """How many terms the field has in all documents together."""
        return self._field_lengths.get(field, 0)

    def lengths(self, field: str) -> NDArray[np.uint8]:
        """The length of the field in each document, as Whoosh's length byte."""
        return self._lengths.get(field, self._no_lengths)

    def postings(self, field: str, term: str) -> Postings:
        """Which documents have the term; empty for one that is not there."""
        entry = self._terms.entry(field, term)
        if entry is None:
            return NO_POSTINGS
        if entry.documents == 1:
            # Half of all terms: the dictionary says everything.
            return Postings(np.array([entry.first], np.uint32), np.array([entry.weight], "f"))
        return decode(self._blocks, entry.offset)

    def lexicon(self) -> Lexicon:
        """Its words as they are written. Read when it is first asked for; if several threads
        ask at once, each may read it."""
        if self._lexicon is None:
            file = self._lexicon_file
            self._lexicon = Lexicon(file) if file else without_words()
        return self._lexicon

    def terms_from(self, field: str, prefix: str) -> Iterator[str]:
        """The terms of a field that begin so, in byte order."""
        return self._terms.terms_from(field, prefix)

    def number(self, term: str) -> int:
        """What stands for a term in the streams; 0 when no section has it."""
        return self._terms.number("body", term)

    # Documents

    def streams(
        self, docnums: NDArray[np.uint32]
    ) -> tuple[NDArray[np.unsignedinteger], NDArray[np.int64]]:
        """The streams of these documents one after another, and where each begins,
        with the end of the last one behind: shape (len(docnums) + 1,)."""
        begins = self._stream_bounds[docnums]
        sizes = self._stream_bounds[docnums + 1] - begins
        bounds = _bounds(sizes)
        places = np.arange(bounds[-1], dtype=np.int64)
        places += np.repeat(begins - bounds[:-1], sizes)
        return self._streams[places], bounds

    def head_numbers(self) -> NDArray[np.uint32]:
        """The first documents of the files, ascending."""
        return self._heads

    def head(self, docnum: int) -> StoredHead:
        """What is kept of the file whose first document it is."""
        blob = self._blob(docnum)
        stored = pickle.loads(blob)  # noqa: S301 - from our private cache
        record, sections = unpack(stored["record"]), stored["sections"]
        headings = (trail[-1] for trail, *_ in sections if trail)
        plain = record.title.isascii() and all(map(str.isascii, headings))
        letters = len(blob) * (_LETTER if plain else _WIDE_LETTER)
        nbytes = letters + _SECTION * (len(sections) + _RECORD)
        return StoredHead(record, sections, stored.get("language", ""), nbytes)

    def record(self, docnum: int) -> Record:
        """That of the file whose first document it is."""
        stored = pickle.loads(self._blob(docnum))  # noqa: S301 - from our private cache
        return unpack(stored["record"])

    def _blob(self, docnum: int) -> bytes:
        """What is kept of a file, as it is stored."""
        begin, end = self._stored_bounds[docnum : docnum + 2].tolist()
        return zlib.decompress(self._stored[begin:end])

    def _padded(self, file: memoryview) -> NDArray[np.uint8]:
        """Stock ends a column where only zeros would follow."""
        found = np.frombuffer(file, np.uint8)
        if found.size == self.size:
            return found
        padded = np.zeros(self.size, np.uint8)
        padded[: found.size] = found
        return _frozen(padded)


def decode(blocks: memoryview, position: int) -> Postings:
    """The blocks of postings from a position on, up to the last one, which says so."""
    if blocks[position : position + len(_POSTINGS)].tobytes() != _POSTINGS:
        raise ValueError("no postings where there should be")
    position += len(_POSTINGS)
    found: list[Postings] = []
    more = True
    while more:
        (size,) = _INT.unpack_from(blocks, position)
        more = size > 0
        start = position + _INT.size
        position = start + abs(size)
        info = BytesIO(blocks[start : min(start + _LONGEST_INFO, position)])
        count, _, _, compression, _, _ = pickle.load(info)  # noqa: S301
        block: Any = blocks[start + info.tell() : position]
        if compression:
            block = zlib.decompress(block)
        ids, weights, _ = pickle.loads(block)  # noqa: S301
        found.append(
            Postings(np.add.accumulate(_numbers(ids), dtype=np.uint32), _weights(weights, count))
        )
    if len(found) == 1:
        return found[0]
    ids, weights = zip(*found, strict=True)
    return Postings(np.concatenate(ids), np.concatenate(weights))


def _weights(stored: Any, count: int) -> NDArray[np.float32]:
    if stored is None:
        return np.ones(count, np.float32)
    if isinstance(stored, float):
        return np.full(count, stored, np.float32)
    return _numbers(stored).astype(np.float32, copy=False)


def _numbers(stored: "bytes | array[Any] | tuple[float, ...]") -> NDArray[Any]:
    match stored:
        case bytes():
            return np.frombuffer(stored, np.uint8)
        case array():
            return np.frombuffer(stored, stored.typecode)
        case _:
            return np.array(stored)


def _bounds(sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where things of these sizes begin that follow each other, and where the last ends."""
    bounds = np.zeros(len(sizes) + 1, np.int64)
    np.cumsum(sizes, out=bounds[1:])
    return bounds


def _frozen(numbers: NDArray[Any]) -> NDArray[Any]:
    numbers.flags.writeable = False
    return numbers
