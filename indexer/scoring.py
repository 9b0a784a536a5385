"""Which sections have the highest sums of impacts, and how many match.

The *base scores* are what sections score by themselves: what stock Whoosh gives on the
same index. All impacts are added up in float32, which tells roughly where the best
sections are; those few are added up anew in float64, so that scores and order are as
Whoosh has them. What documents add comes on top, if it is asked for; then float32 is
right enough, to 1e-5 of a score.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from docindex.indexer.ascending import each_once
from docindex.indexer.census import in_order
from docindex.indexer.documents import Documents
from docindex.indexer.impacts import Bitmap, Impacts, Numbers, highest, upper_part

FEW = 1_000
"""So few sections are scored one by one, without a look at all others."""
SPARSE = 1 / 8
"""When more of all sections match, it pays to find out first which cannot be among the best."""
ROUNDING = 2.0**-23
"""Twice the share of a sum by which one addition of float32 may be wrong."""


@dataclass(frozen=True, slots=True)
class Weighted:
    """A term of a query."""

    impacts: Impacts
    count: float = 1
    """How often it stands in the query."""
    whole: Impacts | None = None
    """What it adds to the sections of each document; None: nothing."""


@dataclass(frozen=True, slots=True)
class Scored:
    """The best sections, best first, of equal ones the lower number first; and how many
    there are in all."""

    numbers: NDArray[np.int32]
    scores: NDArray[np.float64]
    total: int


NOTHING = Scored(np.zeros(0, np.int32), np.zeros(0), 0)


def best(
    terms: Sequence[Weighted],
    allowed: Bitmap | None,
    count: int,
    size: int,
    documents: Documents | None = None,
    order: Numbers | None = None,
) -> Scored:
    """The best of those of all `size` sections that have any of the terms and are allowed.
    With `documents`, what these add counts too. Of equal ones, those with the lower number
    in `order` come first, or with the lower number."""
    terms = [term for term in terms if term.impacts.count]
    if not terms:
        return NOTHING
    if allowed is not None and np.count_nonzero(allowed) <= FEW:
        numbers = np.flatnonzero(allowed).astype(np.int32)
        scores = sums(terms, numbers)
        numbers, scores = numbers[scores > 0], scores[scores > 0]
        total = numbers.size
        if documents is not None:
            scores += document_sums(terms, documents.of[numbers])
    elif documents is None:
        numbers, _, total = _candidates(terms, allowed, count, size, None)
        scores = sums(terms, numbers)
    else:
        numbers, roughly, total = _candidates(terms, allowed, count, size, documents)
        scores = roughly.astype(np.float64)
    if order is not None:
        arranged = np.argsort(order[numbers])
        numbers, scores = numbers[arranged], scores[arranged]
    places = highest(scores, count)
    numbers, scores = numbers[places], scores[places]
    descending = np.lexsort((in_order(numbers, order), -scores))
    return Scored(numbers[descending], scores[descending], total)


def sums(terms: Iterable[Weighted], numbers: Numbers) -> NDArray[np.float64]:
    """The base scores of some sections; 0 for one that has none of the terms."""
    found = np.zeros(numbers.size)
    for term in terms:
        impacts = term.impacts.of(numbers)
        found += impacts if term.count == 1 else impacts * float(term.count)
    return found


def document_sums(terms: Iterable[Weighted], numbers: NDArray[np.int32]) -> NDArray[np.float64]:
    """What some documents, in any order, add to the scores of their sections."""
    found = np.zeros(numbers.size)
    for term in terms:
        if term.whole is not None:
            found += term.whole.of(numbers) * float(term.count)
    return found


def any_of(terms: Iterable[Impacts], size: int) -> Bitmap:
    """The sections that have any of the terms."""
    found = np.zeros(size, np.bool_)
    for impacts in terms:
        impacts.mark(found)
    return found


def _candidates(
    terms: Sequence[Weighted],
    allowed: Bitmap | None,
    count: int,
    size: int,
    documents: Documents | None,
) -> tuple[Numbers, NDArray[np.float32], int]:
    """Some sections, among which the best are for sure, with their scores as float32 adds
    them up, and how many there are in all."""
    if len(terms) == 1 and allowed is None and documents is None:
        impacts = terms[0].impacts
        best = impacts.highest(count)
        return best, impacts.of(best), impacts.count
    added = np.zeros(size, np.float32)
    for term in terms:
        term.impacts.add_to(added, term.count)
    if allowed is not None:
        added *= allowed
    matching = added > 0
    total = int(np.count_nonzero(matching))
    whole = None if documents is None else _whole(terms, documents)

    def scores_of(numbers: NDArray[np.intp]) -> NDArray[np.float32]:
        scores: NDArray[np.float32] = added[numbers]
        if documents is not None and whole is not None:
            scores += whole[documents.of[numbers]]
        return scores

    # Additions may have made of a sum less than it is, and of the least one more.
    share = 1 - ROUNDING * (2 * len(terms) + 1)
    some = None if total <= size * SPARSE else _known_best(terms, allowed)
    if some is None or some.size < count:
        numbers = np.flatnonzero(matching)
    else:
        # What the best have at least, found by a look at the best ones for each term; and
        # what a section has at least by itself, if the best document cannot make up for it.
        floor = _least(scores_of(some), count) * share
        alone = floor if whole is None else floor - float(whole.max()) * (1 + ROUNDING)
        numbers = np.flatnonzero(added >= alone) if alone > 0 else np.flatnonzero(matching)
    scores = scores_of(numbers)
    if total > count:
        among = np.flatnonzero(scores >= _least(scores, count) * share)
        numbers, scores = numbers[among], scores[among]
    return numbers.astype(np.int32), scores, total


def _whole(terms: Iterable[Weighted], documents: Documents) -> NDArray[np.float32]:
    """What every document adds to the scores of its sections."""
    added = np.zeros(documents.size, np.float32)
    for term in terms:
        if term.whole is not None:
            term.whole.add_to(added, term.count)
    return added


def _least(scores: NDArray[np.float32], count: int) -> float:
    """The least one of the `count` highest, or of all."""
    among = scores[upper_part(scores, count)]
    place = max(among.size - count, 0)
    return float(np.partition(among, place)[place])


def _known_best(terms: Sequence[Weighted], allowed: Bitmap | None) -> NDArray[np.intp]:
    """The best sections for each term, without the others."""
    several = np.sort(np.concatenate([term.impacts.best for term in terms]))
    numbers = each_once(several).astype(np.intp)
    return numbers if allowed is None else numbers[allowed[numbers]]
