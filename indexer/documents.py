"""The documents of a collection: runs of its sections, and what a term adds to whole ones.

BM25 of a document is that of the text of all its sections: its frequencies and lengths are
the sums of theirs, and rarity is told by how many documents have the term.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from docindex.indexer.bm25 import idf, norms, saturated
from docindex.indexer.census import COMMON_LENGTH, Census
from docindex.indexer.concordance import Occurrences
from docindex.indexer.impacts import Bitmap, Impacts, new_impacts
from docindex.indexer.snapshot import Leaf
from docindex.indexer.weights import DOCUMENT, K1, TEXT


class Documents:
    """Immutable. Deleted documents keep their numbers, and count in all statistics, unless
    a census says what counts."""

    def __init__(
        self, leaves: Sequence[Leaf], bases: NDArray[np.int64], census: Census | None = None
    ) -> None:
        """`bases` are the numbers of the first section of each leaf, and that behind the last."""
        runs = [leaf.concordance.runs for leaf in leaves]
        counts = np.cumsum([0, *(each.heads.size for each in runs)])
        self.size = int(counts[-1])
        self._bases = counts[:-1].astype(np.int32)
        """The number of the first document of each segment."""
        of = [each.of + base for each, base in zip(runs, self._bases, strict=True)]
        self.of = np.concatenate([np.zeros(0, np.int32), *of])
        """The document of each section."""
        sums = np.concatenate([np.zeros(0, np.float32), *(each.lengths for each in runs)])
        self._counted: Bitmap | None = None
        """Which documents count in statistics; None: all."""
        if census is not None:
            heads = [each.heads + base for each, base in zip(runs, bases, strict=False)]
            self._counted = census.counted.take(np.concatenate([np.zeros(0, np.intp), *heads]))
        if self._counted is None:
            self._count = self.size
            total = sum(leaf.reader.field_length(TEXT) for leaf in leaves)
        else:
            self._count = int(np.count_nonzero(self._counted))
            total = int(sums[self._counted].sum(dtype=np.float64)) if self._count else COMMON_LENGTH
        self._norms = norms(sums, total, self._count)

    def impacts(self, found: Sequence[Occurrences]) -> Impacts:
        """What a term adds to the sections of each document, from where it stands in each
        segment; `ids` are documents, deleted ones among them."""
        ids = [each.documents + base for each, base in zip(found, self._bases, strict=True)]
        numbers = np.concatenate([np.zeros(0, np.int32), *ids])
        frequencies = np.concatenate(
            [np.zeros(0, np.float32), *(each.frequencies for each in found)]
        )
        count = numbers.size
        if self._counted is not None:
            count = int(np.count_nonzero(self._counted.take(numbers)))
        factor = DOCUMENT * idf(self._count, count) * (K1 + 1)
        scores = saturated(frequencies, self._norms.take(numbers), factor)
        return new_impacts(numbers, scores, self.size, best=0)
