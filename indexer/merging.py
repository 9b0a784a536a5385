"""Which segments are merged, and when that is worth it.

A search costs something for each segment, and what is deleted still takes part in its
statistics. A merge costs as much as the segments that it reads. So segments are merged
when there are many, or when one holds much that is deleted, and a large one is never
written anew for the sake of a few small ones: whatever is merged ends up at least half
as large again, so that text is written a number of times that grows with the logarithm
of how much there is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

MOST_SEGMENTS = 16
"""Small ones that may stand beside each other while many files are indexed."""
BETWEEN_WRITES = 4
"""The same when a few are, of those that are merged in no time: each takes part in every
search, and to merge some of one document each takes less than a few searches do."""
AFTER_A_RUN = 1
"""The same when much has been indexed just now: what comes of it is to be few."""
MOST_DELETED = 0.2
"""The share of a segment that may be deleted documents."""
LARGEST_MERGE = 64_000_000
"""Bytes of segments that one merge reads; in memory they take four times as much."""
STEP = 2
"""How much larger than all the others together the largest in a merge may be."""


@dataclass(frozen=True, slots=True)
class Weight:
    """A segment, as its place in a merge is decided by."""

    segment_id: str
    size: int
    """Bytes on disk."""
    documents: int
    """Sections, deleted ones included."""
    deleted: int

    @property
    def live(self) -> float:
        """The bytes that would be left of it."""
        return self.size * (self.documents - self.deleted) / max(self.documents, 1)


def spent(weights: Sequence[Weight]) -> list[str]:
    """The segments with too much that is deleted: one or more that are to be written
    anew, or none."""
    chosen = sorted(filter(_is_spent, weights), key=lambda weight: weight.size)
    return _in_order(weights, chosen[: max(_fitting(chosen), 1)])


def many(weights: Sequence[Weight], most: int) -> list[str]:
    """The segments that are to become one, if there are more than `most` small ones:
    the smallest, up to the largest that is not too large for the others."""
    small = [each for each in weights if each.live <= LARGEST_MERGE / 2 and not _is_spent(each)]
    if len(small) <= most:
        return []
    small.sort(key=lambda weight: weight.live)
    below = list(accumulate((each.live for each in small), initial=0.0))
    ends = [
        place + 1 for place in range(1, _fitting(small)) if small[place].live <= STEP * below[place]
    ]
    return _in_order(weights, small[: max(ends, default=0)])


def _is_spent(weight: Weight) -> bool:
    return weight.deleted > MOST_DELETED * weight.documents


def _in_order(weights: Sequence[Weight], chosen: Sequence[Weight]) -> list[str]:
    """The ids of those that are chosen, as they stand in the index."""
    return [weight.segment_id for weight in weights if weight in chosen]


def _fitting(weights: Sequence[Weight]) -> int:
    """How many of the first ones a single merge can read."""
    return sum(size <= LARGEST_MERGE for size in accumulate(each.size for each in weights))
