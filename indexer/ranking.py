"""Which sections answer a query, best first.

Conditions are sets of sections, combined as bitmaps. Words rank by BM25F as
stock Whoosh computes it over three fields, each with its own length norm; the
best of these are then ordered anew by how many of the query's words they cover.
"""

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from docindex.indexer import stock
from docindex.indexer.clauses import (
    And,
    Clause,
    DocumentClause,
    Has,
    Located,
    Not,
    Or,
    Phrase,
    Prefix,
    Query,
    Tagged,
    Word,
)
from docindex.indexer.errors import TimedOut

FIELDS = {"body": 1.0, "title": 0.5, "headings": 0.5}
"""What a term may be found in, and what it counts there."""
K1, B = 1.2, 0.75
"""Saturation and length normalisation (Robertson and Zaragoza, 2009, section 3.4)."""
RERANKED = 100
"""As many of the best are ordered anew; deeper ones cannot come that far up."""
COVER = 0.6
"""How much of a score depends on the share of the query's words that are there."""
MOST_EXPANSIONS = 128
"""Terms that a prefix stands for, most frequent ones not first: in their order."""
SECONDS = 4.0
"""What one search may take."""
MOST_POSTINGS = 40_000
"""What is scored for one query: stock Whoosh takes some 25 µs for a posting."""
MATCHES_PER_LOOK = 1024
"""Matches between two looks at the clock."""

Bitmap = NDArray[np.bool_]


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

    Not for several threads at once: Whoosh's readers share the place in their files.
    """

    def __init__(self, readers: Sequence[stock.Reader]) -> None:
        self._reader = stock.multi_reader(readers)
        self.size = self._reader.doc_count_all()
        self._searcher = stock.Searcher(self._reader, weighting=stock.scoring.BM25F(B=B, K1=K1))
        self._deadline = 0.0

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
        self._deadline = deadline
        for condition in query.conditions:
            met = self._met(condition, concerning)
            allowed = met if allowed is None else allowed & met
        if allowed is not None and not allowed.any():
            return Ranking((), 0)
        words = [*query.words, *self._expanded(query.conditions)]
        ranking = self._by_words(words, allowed, max(limit, RERANKED))
        best = self._by_cover(ranking.best, query.words)
        total = ranking.total
        if not query.word_needed and allowed is not None:
            total = int(allowed.sum())
            if len(best) < limit:
                best += self._unscored(allowed, best, limit - len(best))
        return Ranking(tuple(best[:limit]), total)

    def everything(self) -> Bitmap:
        """All sections that are alive, and heads that are no section."""
        alive = np.ones(self.size, np.bool_)
        for reader, base in self._reader.leaf_readers():
            for docnum in reader.segment().deleted_docs():
                alive[base + docnum] = False
        return alive

    # Matching

    def _met(self, clause: Clause, concerning: Callable[[DocumentClause], Bitmap]) -> Bitmap:
        match clause:
            case Has(word, field):
                return self._all(word.terms, _fields(field))
            case Phrase():
                return self._phrase(clause)
            case Prefix():
                found = self._any(self._expand(clause), _fields(clause.field))
                return found & self._all(clause.before, _fields(clause.field))
            case Tagged() | Located():
                return concerning(clause)
            case Not(inner):
                return self.everything() & ~self._met(inner, concerning)
            case And(clauses):
                found = self._met(clauses[0], concerning)
                for one in clauses[1:]:
                    found = found & self._met(one, concerning)
                return found
            case Or(clauses):
                found = self._met(clauses[0], concerning)
                for one in clauses[1:]:
                    found = found | self._met(one, concerning)
                return found

    def _all(self, terms: Iterable[str], fields: Collection[str]) -> Bitmap:
        found = np.ones(self.size, np.bool_)
        for term in terms:
            found &= self._any((term,), fields)
        return found

    def _any(self, terms: Iterable[str], fields: Collection[str]) -> Bitmap:
        found = np.zeros(self.size, np.bool_)
        for term in terms:
            for field in fields:
                self._check_time()
                if (field, term) in self._reader:
                    numbers = self._reader.postings(field, term).all_ids()
                    found[np.fromiter(numbers, np.int64)] = True
        return found

    def _phrase(self, phrase: Phrase) -> Bitmap:
        """Whoosh's own matcher makes an object for each position and cannot be
        interrupted; a long document would hold up everybody."""
        if len(phrase.terms) == 1:
            return self._any(phrase.terms, _fields(phrase.field))
        found = np.zeros(self.size, np.bool_)
        for field in _fields(phrase.field):
            numbers = np.flatnonzero(self._all(phrase.terms, (field,))).tolist()
            if numbers:
                matchers = [self._reader.postings(field, term) for term in phrase.terms]
                for number in numbers:
                    found[number] = self._follow_each_other(matchers, number) or found[number]
        return found

    def _follow_each_other(self, matchers: Sequence[stock.Matcher], number: int) -> bool:
        """Whether the terms stand in a section one right after the other."""
        ends: NDArray[np.int64] | None = None
        for matcher in matchers:
            self._check_time()
            if matcher.id() < number:
                matcher.skip_to(number)
            positions = np.array(matcher.value_as("positions"), np.int64)
            ends = positions if ends is None else np.intersect1d(ends + 1, positions, True)
            if not ends.size:
                return False
        return True

    def _expand(self, prefix: Prefix) -> list[str]:
        terms = list(prefix.stems)
        for field in _fields(prefix.field):
            for number, term in enumerate(self._reader.expand_prefix(field, prefix.start)):
                if number == MOST_EXPANSIONS:
                    break
                terms.append(term.decode())
        return list(dict.fromkeys(terms))

    def _expanded(self, conditions: Iterable[Clause]) -> Iterator[Word]:
        """The words that prefixes stand for count as well."""
        for condition in conditions:
            match condition:
                case Prefix():
                    for term in self._expand(condition):
                        yield Word(term, (term,))
                case And(clauses) | Or(clauses):
                    yield from self._expanded(clauses)
                case _:
                    continue

    # Scoring

    def _by_words(self, words: Iterable[Word], allowed: Bitmap | None, limit: int) -> Ranking:
        counts: Counter[str] = Counter()
        for word in words:
            counts.update(dict.fromkeys(word.terms, word.count))
        chosen = self._affordable(counts)
        parts = [
            stock.query.Term(field, term, boost=weight * counts[term])
            for term in chosen
            for field, weight in FIELDS.items()
            if (field, term) in self._reader
        ]
        if not parts:
            return Ranking((), 0)
        collector = _Collector(limit, allowed, self._check_time)
        self._searcher.search_with_collector(stock.query.Or(parts), collector)
        found = collector.results().items()
        matching = self._any(chosen, FIELDS)
        total = int((matching if allowed is None else matching & allowed).sum())
        return Ranking(tuple(Ranked(number, score) for number, score in found), total)

    def _affordable(self, terms: Iterable[str]) -> list[str]:
        """The rarest terms, as many as can be scored in about a second, one at least.
        What is left out says little; it still counts where words are covered."""
        costs = {
            term: sum(self._reader.doc_frequency(field, term) for field in FIELDS) for term in terms
        }
        chosen: list[str] = []
        left = MOST_POSTINGS
        for term in sorted(costs, key=costs.__getitem__):
            left -= costs[term]
            if left < 0 and chosen:
                break
            if costs[term]:
                chosen.append(term)
        return chosen

    def _by_cover(self, best: Sequence[Ranked], words: Sequence[Word]) -> list[Ranked]:
        """Orders the best ones anew: a section that has all of the words goes before
        one that has a single word often."""
        if len(words) < 2:
            return list(best)
        head, tail = best[:RERANKED], best[RERANKED:]
        numbers = sorted(ranked.docnum for ranked in head)
        covered = dict.fromkeys(numbers, 0.0)
        for word in words:
            for term in word.terms:
                for number in self._among(numbers, term):
                    covered[number] += 1 / len(word.terms)
        scored = [
            Ranked(one.docnum, one.score * (1 - COVER + COVER * covered[one.docnum] / len(words)))
            for one in head
        ]
        scored.sort(key=lambda ranked: (-ranked.score, ranked.docnum))
        floor = scored[-1].score if scored else 0.0
        return [*scored, *(Ranked(one.docnum, min(one.score, floor)) for one in tail)]

    def _among(self, numbers: Sequence[int], term: str) -> set[int]:
        """Those of some sections, in order, that have a term anywhere."""
        found: set[int] = set()
        for field in FIELDS:
            if (field, term) not in self._reader:
                continue
            matcher = self._reader.postings(field, term)
            for number in numbers:
                if not matcher.is_active():
                    break
                if matcher.id() < number:
                    matcher.skip_to(number)
                if matcher.is_active() and matcher.id() == number:
                    found.add(number)
        return found

    def _unscored(self, allowed: Bitmap, best: Sequence[Ranked], count: int) -> list[Ranked]:
        """Sections that meet every condition, where no word says which is better."""
        taken = {ranked.docnum for ranked in best}
        rest = (number for number in np.flatnonzero(allowed).tolist() if number not in taken)
        return [Ranked(number, 0.0) for number, _ in zip(rest, range(count), strict=False)]

    def _check_time(self) -> None:
        if time.monotonic() > self._deadline:
            raise TimedOut(
                f"the search took longer than {SECONDS:.0f} seconds and was stopped; "
                "use fewer or rarer words, or narrow it down by path or tags"
            )


class _Collector(stock.WrappingCollector):  # type: ignore[misc]
    """The best of the sections that are allowed, within the time that there is."""

    def __init__(self, limit: int, allowed: Bitmap | None, check_time: Callable[[], None]) -> None:
        stock.WrappingCollector.__init__(self, stock.TopCollector(limit))
        self._allowed = None if allowed is None else allowed.tobytes()
        self._check_time = check_time

    def collect_matches(self) -> None:
        for count, docnum in enumerate(self.child.matches()):
            if count % MATCHES_PER_LOOK == 0:
                self._check_time()
            if self._allowed is None or self._allowed[self.offset + docnum]:
                self.child.collect(docnum)


def _fields(field: str | None) -> Collection[str]:
    if field is None:
        return FIELDS
    return ("headings",) if field == "heading" else (field,)
