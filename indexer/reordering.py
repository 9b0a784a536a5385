"""The best sections in a new order: by how many of the query's words they have too, and by
how close these stand."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from docindex.indexer.census import in_order
from docindex.indexer.clauses import Word
from docindex.indexer.collection import Collection
from docindex.indexer.impacts import Bitmap, Impacts, Numbers
from docindex.indexer.proximity import closeness
from docindex.indexer.weights import AGAIN, CLOSE, COVER

RERANKED = 50
"""As many of the best are looked at again, at most. Of 100 or of 40, the first ten are the
same."""


class Reordered(NamedTuple):
    numbers: NDArray[np.int32]
    scores: NDArray[np.float64]
    cover: NDArray[np.float64]
    """How much of each score is for the words that are there; only of those looked at."""
    close: NDArray[np.float64]
    """And for how close they stand."""
    share: NDArray[np.float64]
    """What is left of the sum, since other sections of the document come first."""


def reordered(
    collection: Collection,
    numbers: NDArray[np.int32],
    scores: NDArray[np.float64],
    count: int,
    words: Sequence[Word],
    check_time: Callable[[], None],
) -> Reordered:
    """Looks at the first `count` of the sections again, whose `scores` are descending. Of two
    that say as much, the one that has more of the words, and has them closer to each other,
    goes first."""
    by_number = np.argsort(numbers[:count])
    near, sums = numbers[by_number], scores[by_number]
    impacts = {term: collection.impacts(term) for word in words for term in word.terms}
    there = {term: each.of(near) > 0 for term, each in impacts.items()}
    cover, close = np.zeros(near.size), np.zeros(near.size)
    if len(words) > 1:
        cover = COVER * _covered(words, there)
    if len(impacts) > 1:
        several = np.flatnonzero(np.sum(list(there.values()), axis=0) > 1)
        close[several] = CLOSE * _closeness(collection, impacts, near[several], check_time)
    sums = sums + cover + close
    share = _shares(collection.documents.of[near], near, close, sums)
    sums *= share
    order = np.lexsort((in_order(near, collection.order), -close, -sums))
    # What is not looked at again stays behind.
    behind = np.minimum(scores[count:], sums.min(initial=np.inf))
    return Reordered(
        np.concatenate((near[order], numbers[count:])),
        np.concatenate((sums[order], behind)),
        cover[order],
        close[order],
        share[order],
    )


def _shares(
    documents: NDArray[np.int32],
    numbers: Numbers,
    close: NDArray[np.float64],
    sums: NDArray[np.float64],
) -> NDArray[np.float64]:
    """1 for the best section of each document, `AGAIN` for the second one, and so on."""
    order = np.lexsort((numbers, -close, -sums, documents))
    ordered = documents[order]
    before = np.arange(order.size) - ordered.searchsorted(ordered)
    shares = np.empty(order.size)
    shares[order] = AGAIN**before
    return shares


def _closeness(
    collection: Collection,
    impacts: Mapping[str, Impacts],
    numbers: Numbers,
    check_time: Callable[[], None],
) -> NDArray[np.float64]:
    """How close the terms stand in each section. Of two, that they are rare counts."""
    rarity = np.array([collection.rarity(term) for term in impacts])
    pairs = closeness(collection, tuple(impacts), numbers, check_time)
    # Row by row, so that no sum is rounded by where in the matrix it stands.
    found: NDArray[np.float64] = (pairs * (rarity[1:] + rarity[:-1])).sum(axis=1)
    return found


def _covered(words: Sequence[Word], there: Mapping[str, Bitmap]) -> NDArray[np.float64]:
    """Which share of the words each section has; of a word of several terms, some."""
    covered = np.zeros(len(next(iter(there.values()))))
    for word in words:
        for term in word.terms:
            covered += there[term] / len(word.terms)
    return covered / len(words)
