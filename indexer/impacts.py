"""What each term adds to the scores of the sections that have it.

An *impact* is a term's whole contribution to the score of one section, or of all sections
of one document, with every weight in it. All impacts of a term are computed when a query
first asks for it; queries then only add them up.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

DENSE_FROM = 1 / 6
"""A term in this share of all sections has a vector of its impacts on all of them: adding
up whole vectors is several times faster than picking places, but costs memory."""
BEST = 200
"""As many of a term's best sections are known. Those of all terms of a query together
tell what the best sections for the query reach at least."""
SAMPLED = 16
"""One score in so many is looked at, to guess where the highest ones begin."""
OVERHEAD = 1_000
"""Bytes that Python and numpy take for the impacts of a term besides their numbers."""

Bitmap = NDArray[np.bool_]
"""One truth for each section."""
Numbers = NDArray[np.int32]
"""Of sections, ascending, each once."""
Scores = NDArray[np.float32] | NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Impacts:
    count: int
    """How many sections there are that are alive and have the term."""
    ids: Numbers
    """Those sections; none for a frequent term."""
    scores: NDArray[np.float32]
    """What it adds to each of `ids`, more than 0. Rounding to 24 bits leaves sums of them,
    made in float64, right to 6e-8 of their value."""
    best: Numbers
    """Sections that it adds most to: `BEST`, if there are so many; of documents, none."""
    dense: NDArray[np.float32] | None
    """What it adds to every section; for frequent terms alone."""

    def highest(self, count: int) -> Numbers:
        """Sections that it adds most to, as many as asked for if there are so many."""
        if count <= BEST and self.best.size:
            return self.best
        ids, scores = self.everywhere()
        return ids[highest(scores, count)]

    def everywhere(self) -> tuple[Numbers, NDArray[np.float32]]:
        """All sections that have the term, and what it adds to each."""
        if self.dense is None:
            return self.ids, self.scores
        ids = np.flatnonzero(self.dense > 0).astype(np.int32)
        return ids, self.dense[ids]

    def count_among(self, some: Bitmap) -> int:
        """How many of some sections have the term."""
        there = some.take(self.ids) if self.dense is None else (self.dense > 0) & some
        return int(np.count_nonzero(there))

    @property
    def nbytes(self) -> int:
        """All that it holds in memory."""
        dense = 0 if self.dense is None else self.dense.nbytes
        return self.ids.nbytes + self.scores.nbytes + self.best.nbytes + dense + OVERHEAD

    def of(self, numbers: Numbers) -> NDArray[np.float32]:
        """What the term adds to each of these sections, 0 to one that has it not."""
        if self.dense is not None:
            return self.dense[numbers]
        if not self.ids.size:
            return np.zeros(numbers.size, np.float32)
        places = self.ids.searchsorted(numbers)
        found = self.scores.take(places, mode="clip")
        found *= self.ids.take(places, mode="clip") == numbers
        return found

    def add_to(self, sums: NDArray[np.float32], count: float) -> None:
        """Adds the term, which stands in a query so often, to the scores of all sections."""
        if self.dense is not None:
            sums += self.dense if count == 1 else self.dense * np.float32(count)
        else:
            scores = self.scores if count == 1 else self.scores * np.float32(count)
            np.add.at(sums, self.ids.astype(np.intp), scores)

    def mark(self, found: Bitmap) -> None:
        """Marks the sections that have the term."""
        if self.dense is not None:
            found |= self.dense > 0
        else:
            found[self.ids.astype(np.intp)] = True


def new_impacts(
    ids: Numbers, scores: NDArray[np.float32], size: int, *, best: int = BEST
) -> Impacts:
    """`size` is the number of all sections, or documents."""
    highest_ones = ids[highest(scores, best)]
    if ids.size <= size * DENSE_FROM:
        return Impacts(ids.size, ids, scores, highest_ones, None)
    dense = np.zeros(size, np.float32)
    dense[ids.astype(np.intp)] = scores
    return Impacts(ids.size, ids[:0].copy(), scores[:0].copy(), highest_ones, dense)


def highest(scores: Scores, count: int) -> NDArray[np.intp]:
    """The places of the highest scores, `count` if there are so many, ascending. Of equal
    scores those in front come first."""
    if scores.size <= count or not count:
        return np.arange(min(scores.size, count))
    among = upper_part(scores, count)
    chosen = scores[among]
    last = np.partition(chosen, chosen.size - count)[chosen.size - count]
    above = among[chosen > last]
    level = among[chosen == last][: count - above.size]
    return np.sort(np.concatenate((above, level)))


def upper_part(scores: Scores, count: int) -> NDArray[np.intp]:
    """Places with all the highest scores and few others. To find them in a sample and
    by one comparison takes a tenth of the time of partitioning everything."""
    sample = scores[::SAMPLED]
    rank = 2 * count // SAMPLED + 8
    if sample.size > 2 * rank:
        places = np.flatnonzero(scores >= np.partition(sample, sample.size - rank)[-rank])
        if places.size >= count:
            return places
    return np.arange(scores.size)


class TermImpacts(NamedTuple):
    """What one term adds."""

    sections: Impacts
    """By what the section says."""
    documents: Impacts
    """By what the whole document says; its numbers are those of documents."""

    @property
    def nbytes(self) -> int:
        """All that they hold in memory."""
        return self.sections.nbytes + self.documents.nbytes
