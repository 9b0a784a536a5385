"""Several segments into one, without what is deleted.

Nothing is analysed again: postings are put together term by term, streams are
renumbered, length bytes and stored fields are copied as they are. Totals are sums of
frequencies, so they stay exact however often segments are merged.
"""

from collections.abc import Iterator, Sequence
from itertools import chain, compress
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from docindex.indexer import schema
from docindex.indexer.columns import Values, decode_column
from docindex.indexer.dictionary import read_dictionary
from docindex.indexer.inversion import BREAK, Inverted
from docindex.indexer.lexicon import Lexicon, encode
from docindex.indexer.lexicon import merged as merged_words
from docindex.indexer.postings import decode
from docindex.indexer.segment_writer import LEXICON, SegmentWriter, files_of, stream_item
from docindex.indexer.segments import SEGMENT, Built, Head, read_segment, write
from docindex.indexer.stock import Segment


def merge(folder: Path, segments: Sequence[Segment]) -> Built:
    """One segment with what is alive in several, in their order.

    Files are deleted whole: with their head, all their sections. The segments have to be
    of the present schema and analysis. Raises Damaged, FileNotFoundError.
    """
    sources: list[_Source] = []
    documents = 0
    for segment in segments:
        source = _Source(folder, segment, documents)
        sources.append(source)
        documents += source.documents
    writer = SegmentWriter(documents)
    # Field by field, so that only one is in memory as numbers.
    for field in schema.TEXT_FIELDS:
        merged, numbers = merge_postings([source.postings(field) for source in sources])
        total = int(merged.frequencies.sum(dtype=np.int64))
        lengths = np.concatenate([_NO_BYTES, *(source.lengths(field) for source in sources)])
        writer.add_text(field, merged, lengths, total)
        if field == "body":
            streams = [source.streams(new) for source, new in zip(sources, numbers, strict=True)]
            writer.add_streams(
                np.concatenate([_NO_NUMBERS, *(stream.numbers for stream in streams)]),
                np.concatenate([_NO_SIZES, *(stream.sizes for stream in streams)]),
            )
            del streams
            left = frozenset(term.decode() for term in merged.terms)
            lexicons = (Lexicon(source.lexicon) for source in sources)
            writer.add_lexicon(encode(merged_words(lexicons, left)))
        del merged, numbers
    for field in schema.NAME_FIELDS:
        writer.add_names(field, merge_postings([source.postings(field) for source in sources])[0])
    stored = [blob for source in sources for blob in source.stored()]
    heads = [(docnum, blob) for docnum, blob in enumerate(stored) if blob]
    writer.add_stored(Values.of(stored))
    return Built(
        write(folder, writer), tuple(Head(schema.record_in(blob), docnum) for docnum, blob in heads)
    )


_NO_BYTES = np.zeros(0, np.uint8)
_NO_NUMBERS = np.zeros(0, np.uint32)
_NO_SIZES = np.zeros(0, np.int64)


class _Stream(NamedTuple):
    numbers: NDArray[np.uint32]
    sizes: NDArray[np.int64]


class _Source:
    """A segment that is merged, in memory; all that it gives is of what is alive."""

    def __init__(self, folder: Path, segment: Segment, base: int) -> None:
        """`base` is how many documents of other segments come before."""
        self._files = files_of(read_segment(folder / f"{segment.segment_id()}{SEGMENT}"))
        self._terms = read_dictionary(self._files[".trm"].tobytes())
        self._alive = np.ones(segment.doc_count_all(), np.bool_)
        self._alive[list(segment.deleted_docs())] = False
        self._whole = bool(self._alive.all())
        self._new = (np.cumsum(self._alive) + (base - 1)).astype(np.uint32)
        self.documents = int(self._alive.sum())

    @property
    def lexicon(self) -> memoryview:
        return self._files[LEXICON]

    def postings(self, field: str) -> Inverted:
        """In documents of the new segment; none, perhaps, for some terms."""
        found = self._terms[field]
        postings = decode(self._files[".pst"], found.entries, found.texts)
        if self._whole:
            return postings._replace(docnums=self._new[postings.docnums])
        kept = self._alive[postings.docnums]
        kept_before = np.concatenate((_NO_SIZES, [0], np.cumsum(kept)))
        return Inverted(
            postings.terms,
            kept_before[postings.starts],
            self._new[postings.docnums[kept]],
            postings.frequencies[kept],
        )

    def lengths(self, field: str) -> NDArray[np.uint8]:
        return np.frombuffer(self._files[f"._{field}_len.col"], np.uint8)[self._alive]

    def streams(self, new_numbers: NDArray[np.uint32]) -> _Stream:
        """With other numbers for the terms of `body`, in their order."""
        item = stream_item(len(new_numbers))
        column = decode_column(self._files[".stream.col"], len(self._alive))
        sizes = column.sizes // item.itemsize
        numbers = np.frombuffer(column.data, item)
        if not self._whole:
            numbers, sizes = numbers[np.repeat(self._alive, sizes)], sizes[self._alive]
        return _Stream(np.concatenate(([np.uint32(BREAK)], new_numbers))[numbers], sizes)

    def stored(self) -> Iterator[bytes]:
        """As it is kept, empty for all but heads."""
        column = decode_column(self._files["._stored.col"], len(self._alive))
        ends = np.cumsum(column.sizes)
        begins = ends - column.sizes
        for begin, end in zip(
            begins[self._alive].tolist(), ends[self._alive].tolist(), strict=True
        ):
            yield bytes(column.data[begin:end])


def merge_postings(parts: Sequence[Inverted]) -> tuple[Inverted, list[NDArray[np.uint32]]]:
    """The postings of one field of several segments, whose documents follow each other;
    and the new number of each term of each part: its place counted from 1, or 0 where no
    document is left that has it.
    """
    terms = sorted(set(chain.from_iterable(part.terms for part in parts)))
    places = {term: place for place, term in enumerate(terms)}
    placed = [
        np.fromiter(map(places.__getitem__, part.terms), np.int64, len(part.terms))
        for part in parts
    ]
    counts = np.zeros(len(terms), np.int64)
    for part, at in zip(parts, placed, strict=True):
        counts[at] += part.counts()
    starts = np.zeros(len(terms) + 1, np.int64)
    np.cumsum(counts, out=starts[1:])
    docnums = np.empty(starts[-1], np.uint32)
    frequencies = np.empty(starts[-1], np.uint32)
    free = starts[:-1].copy()
    for part, at in zip(parts, placed, strict=True):
        to = np.repeat(free[at] - part.starts[:-1], part.counts())
        to += np.arange(len(to))
        docnums[to] = part.docnums
        frequencies[to] = part.frequencies
        free[at] += part.counts()
    left = counts > 0
    numbers = (np.cumsum(left) * left).astype(np.uint32)
    merged = Inverted(
        list(compress(terms, left.tolist())), starts[np.append(left, True)], docnums, frequencies
    )
    return merged, [numbers[at] for at in placed]
