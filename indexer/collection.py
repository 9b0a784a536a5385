"""Several segments as one collection: one numbering of sections, statistics in common.

The segments may be those of several indexes. Section numbers of the collection run
through all of them; deleted sections keep theirs.
"""

from collections.abc import Iterator, Mapping, Sequence
from heapq import merge
from itertools import groupby, pairwise
from math import log
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from docindex.indexer import stock
from docindex.indexer.impacts import Bitmap, ImpactCache, Impacts, Numbers, new_impacts
from docindex.indexer.segment_reader import Postings, SegmentReader
from docindex.indexer.snapshot import Leaf

TEXT = "body"
"""The field that holds all text of a section, and so every term that it has in any field."""
FIELDS = {TEXT: 1.0, "title": 0.5, "headings": 0.5}
"""What a term may be found in, and what it counts there. A title and headings at half
the weight of a field with all the text gain on documentation, and lose nothing on prose;
at its full weight they begin to."""
K1, B = 1.2, 0.75
"""Saturation and length normalisation (Robertson and Zaragoza, 2009, section 3.4)."""
CACHE_BYTES = 24_000_000
"""What the impacts of the terms that were used last may take. Among 105,000 sections, the
900 terms of 600 queries take 17 MB."""

MOST_NUMBERS = 4096
"""Terms whose numbers in the segments are remembered."""
STRETCH = 1 << 16
"""Terms of texts that are looked through between two looks at the clock."""
MARKED_FROM = 1 / 64
"""The fields of a term in this share of all documents are added up over all of them: to
look each document up among the others takes longer."""

_LENGTHS = np.array(stock.FIELD_LENGTHS, np.float64)


class Stretch(NamedTuple):
    """The texts of some sections, as numbers of terms (see `SegmentReader.streams`)."""

    segment: int
    """Which one of all they are in."""
    places: slice
    """Where the sections stand among those that were asked for."""
    stream: NDArray[np.unsignedinteger]
    bounds: NDArray[np.int64]


class Collection:
    """Immutable but for its caches, and for any number of threads at once. Making one
    reads nothing of the segments but their sizes, so each generation can have its own."""

    def __init__(self, leaves: Sequence[Leaf]) -> None:
        self.leaves = tuple(leaves)
        self.bases = np.zeros(len(leaves) + 1, np.int64)
        """The number of the first section of each segment, and that behind the last."""
        np.cumsum([leaf.reader.size for leaf in leaves], out=self.bases[1:])
        self.size = int(self.bases[-1])
        self._norms = {field: self._norm(field) for field in FIELDS}
        self._cache = ImpactCache(CACHE_BYTES)
        self._numbers: dict[str, tuple[int, ...]] = {}

    def everything(self) -> Bitmap:
        """All sections that are not deleted, and heads that are no section."""
        alive = np.ones(self.size, np.bool_)
        for leaf, base in zip(self.leaves, self.bases.tolist(), strict=False):
            if leaf.alive is not None:
                alive[base : base + leaf.reader.size] = leaf.alive
        return alive

    def impacts(self, term: str) -> Impacts:
        """What a term adds to the scores: what stock Whoosh's BM25F gives it in each
        field, times the weight of the field. Statistics count deleted sections too, as
        stock's do."""
        found = self._cache.get(term)
        if found is None:
            found = self._computed(term)
            self._cache.put(term, found)
        return found

    def numbers(self, term: str) -> tuple[int, ...]:
        """What stands for a term in the texts of each segment; 0 where none has it."""
        found = self._numbers.get(term)
        if found is None:
            found = tuple(leaf.reader.number(term) for leaf in self.leaves)
            if len(self._numbers) >= MOST_NUMBERS:
                self._numbers.clear()
            self._numbers[term] = found
        return found

    def sections_with(self, term: str, field: str) -> Iterator[Numbers]:
        """Those that are alive and have the term in the field, segment by segment."""
        for leaf, base in zip(self.leaves, self.bases.tolist(), strict=False):
            ids = leaf.reader.postings(field, term).ids
            living = slice(None) if leaf.alive is None else leaf.alive[ids]
            yield (ids[living] + base).astype(np.int32)

    def terms_from(self, field: str, prefix: str) -> Iterator[str]:
        """The terms of a field that begin so, in byte order, each once."""
        runs = [leaf.reader.terms_from(field, prefix) for leaf in self.leaves]
        return (term for term, _ in groupby(merge(*runs, key=str.encode)))

    def stretches(self, numbers: Numbers) -> Iterator[Stretch]:
        """The texts of some sections, as many at a time as are soon looked through."""
        cuts = numbers.searchsorted(self.bases).tolist()
        for segment, (begin, last) in enumerate(pairwise(cuts)):
            reader = self.leaves[segment].reader
            docnums = (numbers[begin:last] - self.bases[segment]).astype(np.uint32)
            ends = np.cumsum(_LENGTHS[reader.lengths(TEXT)[docnums]])
            at = 0
            while at < docnums.size:
                done = ends[at - 1] if at else 0
                end = max(at + 1, int(ends.searchsorted(done + STRETCH, "right")))
                stream, bounds = reader.streams(docnums[at:end])
                yield Stretch(segment, slice(begin + at, begin + end), stream, bounds)
                at = end

    def _norm(self, field: str) -> NDArray[np.float32]:
        """K1 times the length norm of BM25, for each length byte: shape (256,)."""
        total = sum(leaf.reader.field_length(field) for leaf in self.leaves)
        average = total / (self.size or 1) or 1
        return (K1 * ((1 - B) + B * _LENGTHS / average)).astype(np.float32)

    def _computed(self, term: str) -> Impacts:
        leaves = [
            (leaf, base, {TEXT: postings})
            for leaf, base in zip(self.leaves, self.bases.tolist(), strict=False)
            if (postings := leaf.reader.postings(TEXT, term)).ids.size
        ]
        factors: dict[str, float] = {}
        for field, weight in FIELDS.items():
            for leaf, _, found in leaves:
                if field != TEXT:
                    found[field] = leaf.reader.postings(field, term)
            count = sum(found[field].ids.size for _, _, found in leaves)
            factors[field] = weight * self._idf(count) * (K1 + 1)
        ids = [np.zeros(0, np.int32)]
        scores = [np.zeros(0, np.float32)]
        for leaf, base, found in leaves:
            docnums, sums = self._added_up(leaf.reader, found, factors)
            living = slice(None) if leaf.alive is None else leaf.alive[docnums]
            ids.append((docnums[living] + base).astype(np.int32))
            scores.append(sums[living])
        return new_impacts(np.concatenate(ids), np.concatenate(scores), self.size)

    def _idf(self, count: int) -> float:
        """Of a term that so many sections have, as stock Whoosh computes it."""
        return log(max(self.size, 1) / (count + 1)) + 1

    def _added_up(
        self, reader: SegmentReader, found: Mapping[str, Postings], factors: Mapping[str, float]
    ) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """The documents of a segment that have a term, and what it adds to each: the sum of
        its fields, all in float32. Each of the seven roundings that a sum takes changes at
        most 6e-8 of it."""
        docnums = found[TEXT].ids.astype(np.intp)
        frequent = docnums.size > reader.size * MARKED_FROM
        sums = np.zeros(reader.size if frequent else docnums.size, np.float32)
        for field, (ids, weights) in found.items():
            if ids.size:
                places = ids.astype(np.intp)
                scores = self._norms[field].take(reader.lengths(field).take(places))
                scores += weights
                np.divide(weights, scores, out=scores)
                scores *= np.float32(factors[field])
                if frequent:
                    np.add.at(sums, places, scores)
                elif field == TEXT:
                    sums += scores
                else:
                    # Those that have it in a field are among those that have it in the text.
                    np.add.at(sums, docnums.searchsorted(places), scores)
        return docnums, sums.take(docnums) if frequent else sums
