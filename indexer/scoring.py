"""The base scorers: which sections have the highest sums of impacts, and how many match.

They give what stock Whoosh gives on the same index. All impacts are added up in
float32, which tells roughly where the best sections are; those few are added up anew
in float64, so that scores and order are right.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from docindex.indexer.impacts import BEST, Bitmap, Impacts, Numbers, highest

FEW = 1_000
"""So few sections are scored one by one, without a look at all others."""
ROUNDING = 2.0**-23
"""Twice the share of a sum by which one addition of float32 may be wrong."""


@dataclass(frozen=True, slots=True)
class Weighted:
    """A term of a query."""

    impacts: Impacts
    count: int = 1
    """How often it stands in the query."""


@dataclass(frozen=True, slots=True)
class Scored:
    """The best sections, best first, of equal ones the lower number first; and how many
    there are in all."""

    numbers: NDArray[np.int32]
    scores: NDArray[np.float64]
    total: int


NOTHING = Scored(np.zeros(0, np.int32), np.zeros(0), 0)


def best(terms: Sequence[Weighted], allowed: Bitmap | None, count: int, size: int) -> Scored:
    """The best of those of all `size` sections that have any of the terms and are allowed."""
    terms = [term for term in terms if term.impacts.ids.size]
    if not terms:
        return NOTHING
    if allowed is not None and np.count_nonzero(allowed) <= FEW:
        numbers = np.flatnonzero(allowed).astype(np.int32)
        scores = sums(terms, numbers)
        numbers, scores = numbers[scores > 0], scores[scores > 0]
        total = numbers.size
    else:
        numbers, total = _candidates(terms, allowed, count, size)
        scores = sums(terms, numbers)
    places = highest(scores, count)
    numbers, scores = numbers[places], scores[places]
    order = np.lexsort((numbers, -scores))
    return Scored(numbers[order], scores[order], total)


def sums(terms: Iterable[Weighted], numbers: Numbers) -> NDArray[np.float64]:
    """The scores of some sections; 0 for one that has none of the terms."""
    found = np.zeros(numbers.size)
    for term in terms:
        impacts = term.impacts.of(numbers)
        found += impacts if term.count == 1 else impacts * float(term.count)
    return found


def any_of(terms: Iterable[Impacts], size: int) -> Bitmap:
    """The sections that have any of the terms."""
    found = np.zeros(size, np.bool_)
    for impacts in terms:
        impacts.mark(found)
    return found


def _candidates(
    terms: Sequence[Weighted], allowed: Bitmap | None, count: int, size: int
) -> tuple[Numbers, int]:
    """Some sections, among which the best are for sure, and how many there are in all."""
    if len(terms) == 1 and allowed is None:
        impacts = terms[0].impacts
        among = impacts.best if count <= BEST else impacts.ids[highest(impacts.scores, count)]
        return among, impacts.ids.size
    added = np.zeros(size, np.float32)
    for term in terms:
        term.impacts.add_to(added, term.count)
    if allowed is not None:
        added *= allowed
    matching = added > 0
    total = int(np.count_nonzero(matching))
    if not total:
        return NOTHING.numbers, 0
    floor = _floor(terms, added, count)
    if floor is None:
        scores = added[matching]
        floor = float(scores[highest(scores, count)].min())
    floor *= 1 - ROUNDING * (len(terms) + 1)
    return np.flatnonzero(added >= floor).astype(np.int32), total


def _floor(terms: Sequence[Weighted], added: NDArray[np.float32], count: int) -> float | None:
    """What the `count` best sections have at least, found by a look at the best ones for
    each term; None when these do not tell."""
    numbers = np.sort(np.concatenate([term.impacts.best for term in terms]))
    scores = added[numbers[np.append(True, numbers[1:] != numbers[:-1])]]
    if scores.size < count:
        return None
    return float(np.partition(scores, scores.size - count)[-count]) or None
