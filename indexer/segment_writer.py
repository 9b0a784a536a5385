"""The bytes of a segment: a genuine W3 segment, which stock Whoosh opens and searches.

It is one compound file (`whoosh.filedb.compound`): the place of its directory, its
files one after the other, and the directory, pickled.
"""

import pickle
import secrets
from struct import Struct

import numpy as np
from numpy.typing import NDArray

from docindex.indexer import stock
from docindex.indexer.columns import Values, encode_column
from docindex.indexer.dictionary import DictionaryWriter
from docindex.indexer.inversion import Inverted
from docindex.indexer.postings import encode
from docindex.indexer.stock import Segment

Bytes = bytes | memoryview

LEXICON = ".lex"
"""What the name of the lexicon's file ends in."""

_DIRECTORY = Struct("!qi")
_TERMS_AT_ONCE = 1 << 14
"""While they are encoded, terms take many times as much as what comes of them."""
_WIDE_STREAMS_FROM = 65_535
"""Terms in `body` whose numbers are not kept in two bytes any more."""


class SegmentWriter:
    """Takes a segment field by field, and keeps of each no more than its bytes."""

    def __init__(self, documents: int) -> None:
        self._segment = stock.W3Segment(
            stock.W3Codec(), stock.INDEX_NAME, documents, segid=secrets.token_hex(8)
        )
        self._segment.compound = True
        self._totals: dict[str, int] = {}
        self._terms = DictionaryWriter()
        self._blocks: list[Bytes] = []
        self._blocks_size = 0
        self._extras: dict[str, object] = {}
        self._columns: dict[str, list[Bytes]] = {}
        self._lexicon = b""
        self._no_lengths = np.zeros(documents, np.uint8)

    def add_names(self, field: str, postings: Inverted) -> None:
        """A field without lengths, which is not scored."""
        self._add(field, postings, self._no_lengths)

    def add_text(
        self, field: str, postings: Inverted, lengths: NDArray[np.uint8], total: int
    ) -> None:
        """`lengths` are the length bytes of all documents, `total` is exact."""
        self._add(field, postings, lengths)
        self._columns[f"_{field}_len"] = [lengths.tobytes()]
        self._totals[field] = total

    def add_stored(self, stored: Values) -> None:
        self._columns["_stored"] = encode_column(stored)

    def add_streams(self, numbers: NDArray[np.uint32], sizes: NDArray[np.int64]) -> None:
        """The terms of `body` by their numbers, document after document, and how many
        numbers each has."""
        item = stream_item(self._body_terms)
        self._extras["streamsize"] = item.itemsize
        data = numbers.astype(item).view(np.uint8).data
        self._columns["stream"] = encode_column(Values(data, sizes * item.itemsize))

    def add_lexicon(self, lexicon: bytes) -> None:
        self._lexicon = lexicon

    def finish(self) -> tuple[Segment, list[Bytes]]:
        """The segment as a table of contents names it, and its file in parts."""
        # Whoosh has no public way to the totals, though they are part of its format.
        vars(self._segment)["_fieldlengths"] = self._totals
        files: dict[str, list[Bytes]] = {
            ".trm": [*self._terms.finish(self._extras)],
            ".pst": self._blocks,
            **{f".{name}.col": parts for name, parts in self._columns.items()},
            LEXICON: [self._lexicon],
        }
        parts: list[Bytes] = []
        directory: dict[str, dict[str, int]] = {}
        place = _DIRECTORY.size
        for extension, content in files.items():
            size = sum(map(len, content))
            directory[self._segment.make_filename(extension)] = {"offset": place, "length": size}
            parts += content
            place += size
        tail = pickle.dumps(directory, 2) + pickle.dumps({}, 2)
        return self._segment, [_DIRECTORY.pack(place, len(tail)), *parts, tail]

    def _add(self, field: str, postings: Inverted, lengths: NDArray[np.uint8]) -> None:
        self._terms.begin_field(field)
        for part in postings.parts(_TERMS_AT_ONCE):
            encoded = encode(part, lengths)
            encoded.entries["offset"] += self._blocks_size
            self._terms.add(part.terms, encoded.entries)
            self._blocks.append(encoded.blocks)
            self._blocks_size += len(encoded.blocks)
        if field == "body":
            self._body_terms = len(postings.terms)


def stream_item(terms: int) -> np.dtype[np.uint16] | np.dtype[np.uint32]:
    """How a stream keeps a number, in a segment with so many terms in `body`."""
    return np.dtype("<u2") if terms < _WIDE_STREAMS_FROM else np.dtype("<u4")


def files_of(data: bytes) -> dict[str, memoryview]:
    """The files in a segment, by what their names have behind that of the segment."""
    place, _ = _DIRECTORY.unpack_from(data)
    directory = pickle.loads(memoryview(data)[place:])  # noqa: S301 - from our private cache
    return {
        f".{name.partition('.')[2]}": memoryview(data)[at["offset"] :][: at["length"]]
        for name, at in directory.items()
    }
