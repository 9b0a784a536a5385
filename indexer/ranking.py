"""Which sections answer a query, best first.

Conditions are sets of sections, combined as bitmaps (`matching`). Words rank by what the
sections say, which is what stock Whoosh computes (`scoring`), and by what their documents
say as a whole (`documents`). The best of these are then ordered anew, by how many of the
query's words they have too, and how close to each other these stand (`reordering`). What
counts how much is in `weights`.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from docindex.indexer.census import Census, in_order
from docindex.indexer.clauses import And, Clause, DocumentClause, Or, Prefix, Query, Word
from docindex.indexer.collection import Collection
from docindex.indexer.errors import TimedOut
from docindex.indexer.explaining import explained
from docindex.indexer.impacts import BEST, Bitmap
from docindex.indexer.matching import Matcher
from docindex.indexer.models import Explanation
from docindex.indexer.reordering import RERANKED, reordered
from docindex.indexer.scoring import Weighted, best
from docindex.indexer.snapshot import Leaf
from docindex.indexer.weights import MOST_PER_DOCUMENT, NAME

DEEPER = 4
"""How much deeper is looked when so many of one document came first that too few are left."""
SECONDS = 4.0
"""What one search may take."""


class Ranked(NamedTuple):
    docnum: int
    score: float
    cover: float = 0.0
    """How much of the score is for the share of the words that are there,"""
    close: float = 0.0
    """and for how close they stand."""
    share: float = 1.0
    """What is left of the sum of all, since other sections of the document come first."""


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

    def __init__(self, leaves: Sequence[Leaf], census: Census | None = None) -> None:
        """Without a census, all sections count in the statistics."""
        self._collection = Collection(leaves, census)
        self.size = self._collection.size

    def rank(
        self,
        query: Query,
        allowed: Bitmap | None,
        *,
        concerning: Callable[[DocumentClause], Bitmap],
        limit: int,
        deadline: float,
        readable: Bitmap | None = None,
    ) -> Ranking:
        """`allowed` narrows down what may be found; `concerning` gives the sections of
        the documents that a clause is about. What is not `readable` is as if it were not
        there; None: all is. Raises TimedOut past the deadline, a reading of
        `time.monotonic`.
        """

        def check_time() -> None:
            if time.monotonic() > deadline:
                raise TimedOut(
                    f"the search took longer than {SECONDS:.0f} seconds and was stopped; "
                    "use fewer or rarer words, or narrow it down by path or tags"
                )

        check_time()
        matcher = Matcher(self._collection, concerning, check_time, readable)
        if readable is not None:
            allowed = readable if allowed is None else allowed & readable
        for condition in query.conditions:
            met = matcher.met(condition)
            allowed = met if allowed is None else allowed & met
        if allowed is not None and not allowed.any():
            return Ranking((), 0)
        terms = self._weighted([*query.words, *_expanded(query.conditions, matcher)], check_time)
        documents = self._collection.documents
        depth = max(limit, BEST)
        while True:
            found = best(terms, allowed, depth, self.size, documents, self._collection.order)
            complete = found.numbers.size < depth
            chosen = firsts(documents.of[found.numbers], MOST_PER_DOCUMENT)
            if complete or chosen.size >= limit:
                break
            depth *= DEEPER
        numbers, scores, *added = reordered(
            self._collection,
            found.numbers[chosen],
            found.scores[chosen],
            # However deep was looked, these are the same, so that one page fits the next.
            min(int(np.count_nonzero(chosen < BEST)), RERANKED),
            query.words,
            check_time,
        )
        total = found.total
        if not query.word_needed and allowed is not None:
            # What meets every condition is found, if no word says whether it is good.
            total = int(np.count_nonzero(allowed))
            if complete:
                rest = self._others(allowed, found.numbers)
                numbers = np.concatenate((numbers, rest))
                scores = np.concatenate((scores, np.zeros(rest.size)))
                kept = firsts(documents.of[numbers], MOST_PER_DOCUMENT)
                numbers, scores = numbers[kept], scores[kept]
        plain = zip(numbers[:limit].tolist(), scores[:limit].tolist(), strict=True)
        more = zip(*(column[:limit].tolist() for column in added), strict=True)
        ranked = (Ranked(*one, *other) for one, other in zip_longest(plain, more, fillvalue=()))
        return Ranking(tuple(ranked), total)

    def has(self, term: str, among: Bitmap | None = None) -> bool:
        """Whether any section that is alive has a term of a question: of all, or of those
        that are told."""
        impacts = self._collection.impacts(term)
        return bool(impacts.count if among is None else impacts.count_among(among))

    def rarity(self, term: str) -> float:
        """What it tells that a section has a term of a question (its idf)."""
        return self._collection.rarity(term)

    def foremost(self, term: str, among: Bitmap, count: int) -> tuple[list[int], int]:
        """The sections that a term of a question says most about, of those that are told,
        best first; and how many have it."""
        numbers, scores = self._collection.impacts(term).everywhere()
        there = among.take(numbers)
        numbers, scores = numbers[there], scores[there]
        order = np.lexsort((in_order(numbers, self._collection.order), -scores))
        return numbers[order[:count]].tolist(), numbers.size

    def explain(self, query: Query, ranked: Ranked) -> Explanation:
        """Why a section that was found is where it is."""
        why = explained(self._collection, query.words, ranked.docnum)
        return replace(why, cover=ranked.cover, close=ranked.close, share=ranked.share)

    def everything(self) -> Bitmap:
        """All sections that are alive, and heads that are no section."""
        return self._collection.everything()

    def _others(self, allowed: Bitmap, taken: NDArray[np.int32]) -> NDArray[np.int32]:
        """What is allowed and not taken yet, in order."""
        rest = allowed.copy()
        rest[taken] = False
        numbers = np.flatnonzero(rest).astype(np.int32)
        order = self._collection.order
        return numbers if order is None else numbers[np.argsort(order[numbers])]

    def _weighted(self, words: Sequence[Word], check_time: Callable[[], None]) -> list[Weighted]:
        """The terms of some words, each once."""
        counts: dict[str, float] = defaultdict(float)
        names: dict[str, float] = defaultdict(float)
        for word in words:
            for term in dict.fromkeys(word.terms):
                counts[term] += word.weight
            for name in dict.fromkeys(word.names):
                names[name] += word.weight
        terms: list[Weighted] = []
        for term, count in counts.items():
            check_time()
            impacts, whole = self._collection.impacts(term), self._collection.whole(term)
            terms.append(Weighted(impacts, count, whole))
        for name, count in names.items():
            check_time()
            terms.append(Weighted(self._collection.named(name), count * NAME / len(words)))
        return terms


def firsts(documents: NDArray[np.int32], most: int) -> NDArray[np.intp]:
    """The places of the first `most` of each document, ascending."""
    order = np.argsort(documents, kind="stable")
    alike = documents[order]
    kept = np.ones(order.size, np.bool_)
    kept[most:] = alike[most:] != alike[:-most]
    return np.sort(order[kept])


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
