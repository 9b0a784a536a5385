"""Which sections meet a condition: sets of sections, as bitmaps."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

import numpy as np

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
    Tagged,
    TermField,
)
from docindex.indexer.collection import Collection
from docindex.indexer.impacts import Bitmap
from docindex.indexer.phrases import with_phrase
from docindex.indexer.scoring import any_of
from docindex.indexer.weights import TEXT

MOST_EXPANSIONS = 128
"""Terms that a prefix stands for, most frequent ones not first: in their order."""

_FIELDS: dict[TermField | None, str] = {None: TEXT, "title": "title", "heading": "headings"}


class Matcher:
    """Matches the conditions of one search."""

    def __init__(
        self,
        collection: Collection,
        concerning: Callable[[DocumentClause], Bitmap],
        check_time: Callable[[], None],
        among: Bitmap | None = None,
    ) -> None:
        """`concerning` gives the sections of the documents that a clause is about;
        `check_time` is called every few milliseconds, and may raise. What stands in no
        section `among` those that may be read is no word to begin with."""
        self._collection = collection
        self._among = among
        self._concerning = concerning
        self._check_time = check_time

    def met(self, clause: Clause) -> Bitmap:
        """The sections that meet a condition."""
        match clause:
            case Has(word, field):
                return self._all(word.terms, field)
            case Phrase(field=field):
                return self._phrase(clause.terms, field)
            case Prefix(field=field):
                found = self._any(self.expanded(clause), field)
                return found & self._all(clause.before, field) if clause.before else found
            case Tagged() | Located():
                return self._concerning(clause)
            case Not(inner):
                return self._collection.everything() & ~self.met(inner)
            case And(clauses):
                found = self.met(clauses[0])
                for one in clauses[1:]:
                    found = found & self.met(one)
                return found
            case Or(clauses):
                found = self.met(clauses[0])
                for one in clauses[1:]:
                    found = found | self.met(one)
                return found

    def expanded(self, prefix: Prefix) -> list[str]:
        """The terms that a prefix stands for."""
        run = self._collection.terms_from(_FIELDS[prefix.field], prefix.start, self._among)
        found = self._in_time(islice(run, MOST_EXPANSIONS))
        return list(dict.fromkeys((*prefix.stems, *found)))

    def _any(self, terms: Iterable[str], field: TermField | None) -> Bitmap:
        if field is None:
            return any_of(
                map(self._collection.impacts, self._in_time(terms)), self._collection.size
            )
        found = np.zeros(self._collection.size, np.bool_)
        for term in self._in_time(terms):
            for numbers in self._collection.sections_with(term, _FIELDS[field]):
                found[numbers] = True
        return found

    def _all(self, terms: Sequence[str], field: TermField | None) -> Bitmap:
        found = self._any(terms[:1], field)
        for term in terms[1:]:
            found &= self._any((term,), field)
        return found

    def _phrase(self, terms: Sequence[str], field: TermField | None) -> Bitmap:
        found = self._all(terms, field)
        if len(terms) > 1:
            candidates = np.flatnonzero(found).astype(np.int32)
            found[:] = False
            found[with_phrase(self._collection, terms, field, candidates, self._check_time)] = True
        return found

    def _in_time(self, terms: Iterable[str]) -> Iterator[str]:
        for term in terms:
            self._check_time()
            yield term
