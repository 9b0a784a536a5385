"""The documents of a collection: runs of its sections, and what a term adds to whole ones.

BM25 of a document is that of the text of all its sections: its frequencies and lengths are
the sums of theirs, and rarity is told by how many documents have the term.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from docindex.indexer.ascending import firsts
from docindex.indexer.bm25 import LENGTHS, idf, norms, saturated
from docindex.indexer.census import COMMON_LENGTH, Census
from docindex.indexer.impacts import Impacts, new_impacts
from docindex.indexer.segment_reader import Postings
from docindex.indexer.snapshot import Leaf
from docindex.indexer.weights import DOCUMENT, K1, TEXT


class Documents:
    """Immutable. Deleted documents keep their numbers, and count in all statistics, unless
    a census says what counts."""

    def __init__(
        self, leaves: Sequence[Leaf], bases: NDArray[np.int64], census: Census | None = None
    ) -> None:
        """`bases` are the numbers of the first section of each leaf, and that behind the last."""
        readers = [leaf.reader for leaf in leaves]
        heads = [each.head_numbers() + at for each, at in zip(readers, bases[:-1], strict=True)]
        bounds = np.concatenate((*heads, bases[-1:])).astype(np.intp)
        self.size = bounds.size - 1
        self.sections = np.diff(bounds)
        """How many sections each has, shape (size,); one for a file that has no text."""
        self.of = np.repeat(np.arange(self.size, dtype=np.int32), self.sections)
        """The document of each section."""
        self._bases = bases
        lengths = [LENGTHS.take(each.lengths(TEXT)) for each in readers]
        sums = np.add.reduceat(np.concatenate(lengths), bounds[:-1]) if self.size else np.zeros(0)
        self._counted = None if census is None else census.counted.take(bounds[:-1])
        if self._counted is None:
            self._count = self.size
            total = sum(each.field_length(TEXT) for each in readers)
        else:
            self._count = int(np.count_nonzero(self._counted))
            total = int(sums[self._counted].sum(dtype=np.float64)) if self._count else COMMON_LENGTH
        self._norms = norms(sums, total, self._count)

    def impacts(self, found: Sequence[Postings]) -> Impacts:
        """What a term adds to the sections of each document, from its postings in the text of
        each segment; `ids` are documents, deleted ones among them."""
        ids = [np.zeros(0, np.int32)]
        frequencies = [np.zeros(0, np.float32)]
        for base, (docnums, weights) in zip(self._bases.tolist(), found, strict=False):
            if docnums.size:
                each = self.of[base:].take(docnums)
                begins = np.flatnonzero(firsts(each))
                ids.append(each[begins])
                frequencies.append(np.add.reduceat(weights, begins))
        numbers = np.concatenate(ids)
        count = numbers.size
        if self._counted is not None:
            count = int(np.count_nonzero(self._counted.take(numbers)))
        factor = DOCUMENT * idf(self._count, count) * (K1 + 1)
        scores = saturated(np.concatenate(frequencies), self._norms.take(numbers), factor)
        return new_impacts(numbers, scores, self.size, best=0)
