"""Several segments as one collection: one numbering of sections, statistics in common.

The segments may be those of several indexes. Section numbers of the collection run
through all of them; deleted sections keep theirs.
"""

from collections.abc import Iterator, Sequence
from heapq import merge
from itertools import groupby, pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from docindex.indexer.bm25 import LENGTHS, idf
from docindex.indexer.byte_cache import ByteCache
from docindex.indexer.census import Census
from docindex.indexer.concordance import postings
from docindex.indexer.contributions import Contributions
from docindex.indexer.impacts import Bitmap, Impacts, Numbers, TermImpacts
from docindex.indexer.snapshot import Leaf
from docindex.indexer.weights import TEXT

CACHE_BYTES = 230
"""For each section, what the impacts of the terms that were used last may take: those of
500 terms, function words among them."""
LEAST_CACHE_BYTES = 8_000_000

STRETCH = 1 << 16
"""Terms of texts that are looked through between two looks at the clock."""


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

    def __init__(self, leaves: Sequence[Leaf], census: Census | None = None) -> None:
        """Without a census, all sections count in the statistics."""
        self.leaves = tuple(leaves)
        self.bases = np.zeros(len(leaves) + 1, np.int64)
        """The number of the first section of each segment, and that behind the last."""
        np.cumsum([leaf.reader.size for leaf in leaves], out=self.bases[1:])
        self.size = int(self.bases[-1])
        self._census = census
        self.order = None if census is None else census.order
        """See `Census`; None: their numbers tell which of two equal sections goes first."""
        self._contributions = Contributions(self.leaves, self.bases, census)
        self.documents = self._contributions.documents
        self._cache = ByteCache[str, TermImpacts](max(CACHE_BYTES * self.size, LEAST_CACHE_BYTES))

    def everything(self) -> Bitmap:
        """All sections that are not deleted, and heads that are no section."""
        return living(self.leaves)

    def impacts(self, term: str) -> Impacts:
        """What a term adds to the scores of sections: BM25 in their text, in the better one
        of their title and headings, and in the names of code in them, each as stock Whoosh
        computes it, times its weight."""
        return self._term(term).sections

    def whole(self, term: str) -> Impacts:
        """What a term adds to the scores of all sections of each document that has it."""
        return self._term(term).documents

    def named(self, term: str) -> Impacts:
        """What the whole name that is a term adds to the scores of sections."""
        key = f"{term} as a name"
        found = self._cache.get(key)
        if found is None:
            found = self._contributions.of_name(term)
            self._cache.put(key, found)
        return found.sections

    def rarity(self, term: str) -> float:
        """What it tells that a section has a term (its idf)."""
        impacts = self.impacts(term)
        if self._census is None:
            return idf(self.size, impacts.count)
        return idf(self._census.size, impacts.count_among(self._census.counted))

    def pieces(self, term: str, number: int, *, as_name: bool = False) -> dict[str, float]:
        """What a term adds to the score of one section, field by field."""
        return self._contributions.pieces(term, number, as_name=as_name)

    def numbers(self, term: str) -> tuple[tuple[int, ...], ...]:
        """What stands for a term in the texts of each segment; nothing where none has it."""
        return tuple(leaf.concordance.numbers(term) for leaf in self.leaves)

    def sections_with(self, term: str, field: str) -> Iterator[Numbers]:
        """Those that are alive and have the term in the field, segment by segment."""
        for leaf, base in zip(self.leaves, self.bases.tolist(), strict=False):
            ids = postings(leaf.reader, field, term).ids
            living = slice(None) if leaf.alive is None else leaf.alive[ids]
            yield (ids[living] + base).astype(np.int32)

    def terms_from(self, field: str, prefix: str, among: Bitmap | None = None) -> Iterator[str]:
        """The terms of a field that begin so, in byte order, each once: of all sections, or
        of those that are told."""
        runs = [leaf.reader.terms_from(field, prefix) for leaf in self.leaves]
        for term, _ in groupby(merge(*runs, key=str.encode)):
            if among is None or any(among[at].any() for at in self.sections_with(term, field)):
                yield term

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

    def _term(self, term: str) -> TermImpacts:
        found = self._cache.get(term)
        if found is None:
            found = self._contributions.of(term)
            self._cache.put(term, found)
        return found


def living(leaves: Sequence[Leaf]) -> Bitmap:
    """The sections of several segments that are not deleted, and heads that are no section."""
    each = [
        np.ones(leaf.reader.size, np.bool_) if leaf.alive is None else leaf.alive for leaf in leaves
    ]
    return np.concatenate([np.zeros(0, np.bool_), *each])
