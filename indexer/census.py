"""What counts in the statistics of a collection, where not everybody may read all of it.

How often words are and how long texts are is counted among the sections alone that every
caller may read, and only while they are there: so no score tells of what somebody else has,
nor of when segments were merged. For the same reason the names of documents tell which of
two equal sections goes first, and not their places in the index.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from docindex.indexer.bm25 import LENGTHS
from docindex.indexer.impacts import Bitmap, Numbers

COMMON_LENGTH = 100
"""Terms of a section whose length neither helps nor harms, where nothing tells what is common."""


@dataclass(frozen=True, slots=True)
class Census:
    counted: Bitmap
    """The sections that count; all are alive."""
    order: Numbers
    """Where each section stands when all are ordered by the names of their documents; it
    counts through the sections of a document. Shape (number of sections,)."""
    size: int
    """How many count."""

    def total(self, lengths: Sequence[NDArray[np.uint8]]) -> int:
        """How many terms those that count have together, from the length bytes of all
        sections, segment by segment; where none counts, what a common one has."""
        if not self.size:
            return COMMON_LENGTH
        counts = np.bincount(np.concatenate(lengths)[self.counted], minlength=LENGTHS.size)
        return int(counts @ LENGTHS.astype(np.float64))


def in_order(numbers: Numbers, order: Numbers | None) -> Numbers:
    """What tells of sections which goes first, of those that are equal otherwise."""
    return numbers if order is None else order[numbers]
