"""Several segments as one collection: one numbering of sections, statistics in common.

The segments may be those of several indexes. Section numbers of the collection run
through all of them; deleted sections keep theirs.
"""

from collections.abc import Iterator, Mapping, Sequence
from heapq import merge
from itertools import groupby, pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from docindex.indexer.bm25 import LENGTHS, idf, norms, saturated
from docindex.indexer.documents import Documents
from docindex.indexer.impacts import (
    Bitmap,
    ImpactCache,
    Impacts,
    Numbers,
    TermImpacts,
    new_impacts,
)
from docindex.indexer.segment_reader import Postings, SegmentReader
from docindex.indexer.snapshot import Leaf
from docindex.indexer.weights import K1, NAMES, TEXT

CACHE_BYTES = 24_000_000
"""What the impacts of the terms that were used last may take. Among 105,000 sections, the
900 terms of 600 queries take 17 MB."""

MOST_NUMBERS = 4096
"""Terms whose numbers in the segments are remembered."""
STRETCH = 1 << 16
"""Terms of texts that are looked through between two looks at the clock."""
MARKED_FROM = 1 / 64
"""The names that hold a term in this share of all sections are marked among all of them: to
look each up among the others takes longer."""

FIELDS = {TEXT: 1.0, **NAMES}


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
    reads nothing of the segments but how long their sections are, so each generation can
    have its own."""

    def __init__(self, leaves: Sequence[Leaf]) -> None:
        self.leaves = tuple(leaves)
        self.bases = np.zeros(len(leaves) + 1, np.int64)
        """The number of the first section of each segment, and that behind the last."""
        np.cumsum([leaf.reader.size for leaf in leaves], out=self.bases[1:])
        self.size = int(self.bases[-1])
        self.documents = Documents(self.leaves, self.bases)
        self._norms = {
            field: norms(LENGTHS, self._field_length(field), self.size) for field in FIELDS
        }
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
        """What a term adds to the scores of sections: BM25 in their text and the better one
        of their title and headings, each as stock Whoosh computes it, times its weight.
        Statistics count deleted sections too, as stock's do."""
        return self._term(term).sections

    def whole(self, term: str) -> Impacts:
        """What a term adds to the scores of all sections of each document that has it."""
        return self._term(term).documents

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
            ends = np.cumsum(LENGTHS[reader.lengths(TEXT)[docnums]])
            at = 0
            while at < docnums.size:
                done = ends[at - 1] if at else 0
                end = max(at + 1, int(ends.searchsorted(done + STRETCH, "right")))
                stream, bounds = reader.streams(docnums[at:end])
                yield Stretch(segment, slice(begin + at, begin + end), stream, bounds)
                at = end

    def _field_length(self, field: str) -> int:
        return sum(leaf.reader.field_length(field) for leaf in self.leaves)

    def _term(self, term: str) -> TermImpacts:
        found = self._cache.get(term)
        if found is None:
            found = self._computed(term)
            self._cache.put(term, found)
        return found

    def _computed(self, term: str) -> TermImpacts:
        found = [
            {field: leaf.reader.postings(field, term) for field in FIELDS} for leaf in self.leaves
        ]
        factors = {
            field: weight * idf(self.size, sum(each[field].ids.size for each in found)) * (K1 + 1)
            for field, weight in FIELDS.items()
        }
        ids = [np.zeros(0, np.int32)]
        scores = [np.zeros(0, np.float32)]
        for leaf, base, each in zip(self.leaves, self.bases.tolist(), found, strict=False):
            docnums, sums = self._added_up(leaf.reader, each, factors)
            living = slice(None) if leaf.alive is None else leaf.alive[docnums]
            ids.append((docnums[living] + base).astype(np.int32))
            scores.append(sums[living])
        return TermImpacts(
            new_impacts(np.concatenate(ids), np.concatenate(scores), self.size),
            self.documents.impacts([each[TEXT] for each in found]),
        )

    def _added_up(
        self, reader: SegmentReader, found: Mapping[str, Postings], factors: Mapping[str, float]
    ) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """The documents of a segment that have a term, and what it adds to each, all in
        float32. Each of the seven roundings that a sum takes changes at most 6e-8 of it."""

        def scored(field: str) -> NDArray[np.float32]:
            ids, weights = found[field]
            length_norms = self._norms[field].take(reader.lengths(field).take(ids))
            return saturated(weights, length_norms, factors[field])

        docnums = found[TEXT].ids.astype(np.intp)
        sums = scored(TEXT)
        named = [field for field in NAMES if found[field].ids.size]
        if not named:
            return docnums, sums
        frequent = docnums.size > reader.size * MARKED_FROM
        better = np.zeros(reader.size if frequent else docnums.size, np.float32)
        for field in named:
            places = found[field].ids.astype(np.intp)
            if not frequent:
                # Those that have it in a name are among those that have it in the text.
                places = docnums.searchsorted(places)
            better[places] = np.maximum(better[places], scored(field))
        sums += better.take(docnums) if frequent else better
        return docnums, sums
