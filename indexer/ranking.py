"""Which sections answer a query, best first.

Conditions are sets of sections, combined as bitmaps (`matching`). Words rank by BM25F
over three fields, each with its own length norm, as stock Whoosh computes it
(`scoring`). The best of these are then ordered anew by how many of the query's words
they cover, and how close to each other these stand (`proximity`).
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import NDArray

from docindex.indexer.clauses import And, Clause, DocumentClause, Or, Prefix, Query, Word
from docindex.indexer.collection import Collection
from docindex.indexer.errors import TimedOut
from docindex.indexer.impacts import Bitmap, Impacts, Numbers
from docindex.indexer.matching import Matcher
from docindex.indexer.proximity import closeness
from docindex.indexer.scoring import Scored, Weighted, best
from docindex.indexer.snapshot import Leaf

RERANKED = 100
"""As many of the best are ordered anew; deeper ones cannot come that far up."""
COVER = 0.3
"""How much of a score depends on the share of the query's words that are there."""
CLOSE = 0.2
"""How much of a place among the best depends on how close the query's words stand."""
# With both as they are, nDCG@10 on Cranfield, SciFact, Kubernetes problems and C++
# descriptions and links is .402 .669 .337 .870 .825; with COVER .6 alone, as it was,
# .396 .661 .335 .848 .816; with neither .389 .660 .322 .868 .832.
SECONDS = 4.0
"""What one search may take."""


@dataclass(frozen=True, slots=True)
class Ranked:
    docnum: int
    score: float


@dataclass(frozen=True, slots=True)
class Ranking:
    """The best sections, and how many there are in all."""

    best: tuple[Ranked, ...]
    total: int


class Ranker:
    """Ranks over the segments of one or several indexes with common statistics.

    For any number of threads at once. To make one costs next to nothing, so there is
    one for each generation.
    """

    def __init__(self, leaves: Sequence[Leaf]) -> None:
        self._collection = Collection(leaves)
        self.size = self._collection.size

    def rank(
        self,
        query: Query,
        allowed: Bitmap | None,
        *,
        concerning: Callable[[DocumentClause], Bitmap],
        limit: int,
        deadline: float,
    ) -> Ranking:
        """`allowed` narrows down what may be found; `concerning` gives the sections of
        the documents that a clause is about. Raises TimedOut past the deadline, a
        reading of `time.monotonic`.
        """

        def check_time() -> None:
            if time.monotonic() > deadline:
                raise TimedOut(
                    f"the search took longer than {SECONDS:.0f} seconds and was stopped; "
                    "use fewer or rarer words, or narrow it down by path or tags"
                )

        check_time()
        matcher = Matcher(self._collection, concerning, check_time)
        for condition in query.conditions:
            met = matcher.met(condition)
            allowed = met if allowed is None else allowed & met
        if allowed is not None and not allowed.any():
            return Ranking((), 0)
        words = [*query.words, *_expanded(query.conditions, matcher)]
        found = self._by_words(words, allowed, max(limit, RERANKED), check_time)
        total = found.total
        numbers, scores = self._anew(found, query.words, check_time)
        if not query.word_needed and allowed is not None:
            # What meets every condition is found, if no word says whether it is good.
            total = int(np.count_nonzero(allowed))
            rest = _others(allowed, numbers)[: max(limit - numbers.size, 0)]
            numbers = np.concatenate((numbers, rest))
            scores = np.concatenate((scores, np.zeros(rest.size)))
        best = map(Ranked, numbers[:limit].tolist(), scores[:limit].tolist())
        return Ranking(tuple(best), total)

    def everything(self) -> Bitmap:
        """All sections that are alive, and heads that are no section."""
        return self._collection.everything()

    def _by_words(
        self,
        words: Iterable[Word],
        allowed: Bitmap | None,
        limit: int,
        check_time: Callable[[], None],
    ) -> Scored:
        """The sections with the highest base scores."""
        counts: Counter[str] = Counter()
        for word in words:
            counts.update(dict.fromkeys(word.terms, word.count))
        terms: list[Weighted] = []
        for term, count in counts.items():
            check_time()
            terms.append(Weighted(self._collection.impacts(term), count))
        return best(terms, allowed, limit, self.size)

    def _anew(
        self, found: Scored, words: Sequence[Word], check_time: Callable[[], None]
    ) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """Orders the best ones anew: a section that has all of the words, close to each
        other, goes before one that has a single word often."""
        by_number = np.argsort(found.numbers[:RERANKED])
        numbers, scores = found.numbers[by_number], found.scores[by_number]
        impacts = {term: self._collection.impacts(term) for word in words for term in word.terms}
        there = {term: each.of(numbers) > 0 for term, each in impacts.items()}
        if len(words) > 1:
            scores = scores * (1 - COVER + COVER * _covered(words, there))
        close = np.zeros(numbers.size)
        if len(impacts) > 1:
            several = np.flatnonzero(np.sum(list(there.values()), axis=0) > 1)
            close[several] = self._closeness(impacts, numbers[several], check_time)
        if close.any():
            low, high = scores.min(), scores.max()
            scores = (1 - CLOSE) * scores + CLOSE * (low + (high - low) * close / close.max())
        order = np.lexsort((numbers, -close, -scores))
        # What is not looked at again stays behind.
        behind = np.minimum(found.scores[RERANKED:], scores.min(initial=np.inf))
        return (
            np.concatenate((numbers[order], found.numbers[RERANKED:])),
            np.concatenate((scores[order], behind)),
        )

    def _closeness(
        self, impacts: Mapping[str, Impacts], numbers: Numbers, check_time: Callable[[], None]
    ) -> NDArray[np.float64]:
        """How close the terms stand in each section. Of two, that they are rare counts."""
        rarity = np.array([log(self.size / (each.ids.size + 1)) + 1 for each in impacts.values()])
        pairs = closeness(self._collection, tuple(impacts), numbers, check_time)
        found: NDArray[np.float64] = pairs @ (rarity[1:] + rarity[:-1])
        return found


def _covered(words: Sequence[Word], there: Mapping[str, Bitmap]) -> NDArray[np.float64]:
    """Which share of the words each section has; of a word of several terms, some."""
    covered = np.zeros(len(next(iter(there.values()))))
    for word in words:
        for term in word.terms:
            covered += there[term] / len(word.terms)
    return covered / len(words)


def _expanded(conditions: Iterable[Clause], matcher: Matcher) -> Iterator[Word]:
    """The words that prefixes stand for count as well."""
    for condition in conditions:
        match condition:
            case Prefix():
                for term in matcher.expanded(condition):
                    yield Word(term, (term,))
            case And(clauses) | Or(clauses):
                yield from _expanded(clauses, matcher)
            case _:
                continue


def _others(allowed: Bitmap, taken: NDArray[np.int32]) -> NDArray[np.int32]:
    """What is allowed and not taken yet, in order."""
    rest = allowed.copy()
    rest[taken] = False
    return np.flatnonzero(rest).astype(np.int32)
