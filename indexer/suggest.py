"""What a question meant: words that are in no document are mended, from the words that are.

A word is mended by one edit, a letter more, less, another, or two in the other order (optimal
string alignment), and from eight letters on by two; of several that are equally near, the
most frequent one is meant. Digits are never mended: another number is another thing.

Only bare words are mended, since they only rank. Conditions (`+must`, phrases, fields) are
looked for as they were typed; what they may have meant is said in a remark. A word that is in
a document, in any form or as a part of a name, is what was meant.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from docindex.indexer.analysis import (
    asked_spans,
    either,
    parts_of_names,
    term_spans,
    words,
)
from docindex.indexer.characters import CJK_CHARACTER
from docindex.indexer.clauses import And, Clause, Has, Not, Or, Phrase, Query, Word, counted
from docindex.indexer.lexicon import SHORTEST, Lexicon
from docindex.indexer.query import that_count
from docindex.indexer.segment_reader import SegmentReader
from docindex.indexer.weights import MENDED
from docindex.indexer.witness import Witness

TWICE_FROM = 8
"""Letters of a word that may be typed wrong twice."""
MOST_PAIRS = 64
"""Pairs that one character of CJK stands for: the most frequent ones."""
MOST_REMARKS = 2


class Understood(NamedTuple):
    query: Query
    """What to search."""
    corrected: str
    """The same as text, if words were mended; "" otherwise."""
    remarks: tuple[str, ...]
    """What conditions may have meant."""


def languages_of(readers: Iterable[SegmentReader]) -> tuple[str, ...]:
    """Those of their documents besides English."""
    return tuple(sorted({language for reader in readers for language in reader.languages}))


class Speller:
    """Knows the words of some segments. For the questions of one generation."""

    def __init__(
        self,
        readers: Sequence[SegmentReader],
        exists: Callable[[str], bool],
        languages: tuple[str, ...] | None = None,
        witness: Witness | None = None,
    ) -> None:
        """`exists` tells of a term of a question whether any document has it, of those that
        the caller may read, and `languages` what they are in besides English; None: all are.
        Where some may not be read, no word is believed without a `witness`."""
        self._readers = readers
        self._exists = exists
        self._languages = languages_of(readers) if languages is None else languages
        self._witness = witness

    def understand(self, query: Query) -> Understood:
        """The query with its words as documents write them."""
        conditions = tuple(self._widened_in(clause) for clause in query.conditions)
        remarks: list[str] = []
        for word in _words_in(query.conditions):
            meant = self._mended(word)
            if meant != word and len(remarks) < MOST_REMARKS:
                remarks.append(f'No document has "{word.text}"; did you mean "{meant.text}"?')
        should: list[Word] = []
        corrected = False
        for word in query.should:
            mended = self._mended(self._widened(word))
            corrected |= mended.text != word.text
            should.append(self._in_parts(mended))
        if corrected:
            # What was meant may be a word that does not count.
            should = list(that_count(should, query.conditions, self._languages))
        query = replace(query, should=counted(should), conditions=conditions)
        return Understood(query, query.text if corrected else "", tuple(remarks))

    def nearest(self, word: str) -> str | None:
        """The word that was meant by one which is in no document, both folded."""
        # `NF2` and `p53` are names, whatever is one letter away.
        if len(word) - len(_digits(word)) < SHORTEST or CJK_CHARACTER.match(word):
            return None
        for edits in range(1, 3 if len(word) >= TWICE_FROM else 2):
            for meant in self._within(word, edits):
                return meant
        return None

    def _within(self, word: str, edits: int) -> Iterator[str]:
        """The words that are so far away at most, the most frequent ones first."""
        # It takes some time to import, and most questions never need it.
        from rapidfuzz.distance import OSA

        times: dict[tuple[str, str], int] = defaultdict(int)
        digits = _digits(word)
        for lexicon in self._lexicons():
            for one in lexicon.near(word, edits):
                near = OSA.distance(word, one.word, score_cutoff=edits) <= edits
                if near and _digits(one.word) == digits:
                    times[one.word, one.term] += one.times
        witness = self._witness
        if witness is not None:
            # Nobody is told a word, or which one comes more often, by what others may not read.
            times = {key: count for key in times if (count := witness.count(key[1]))}
        for (found, term), _ in sorted(times.items(), key=lambda item: (-item[1], item[0])):
            if self._exists(term) and (witness is None or witness.public(found, term)):
                yield found

    def _mended(self, word: Word) -> Word:
        """The word with each of its terms that no document has mended."""
        if any(map(self._exists, word.names)) or all(map(self._exists, word.terms)):
            return word
        text, found = word.text, list(word.terms)
        spelt = words(text)
        spans = list(term_spans(text))
        if not len(spelt) == len(spans) >= len(found):
            return word
        # From behind, so that places in front stay where they are.
        for place in range(len(found) - 1, -1, -1):
            if not self._exists(found[place]):
                meant = self.nearest(spelt[place])
                if meant is not None:
                    _, start, end = spans[place]
                    text = f"{text[:start]}{meant}{text[end:]}"
                    found[place] = self._asked(meant)
        mended = replace(word, text=text, terms=tuple(found))
        return word if mended == word else replace(mended, trust=MENDED)

    def _in_parts(self, word: Word) -> Word:
        """Of a name in `camelCase` that no document has, the parts may be there."""
        parts = tuple(dict.fromkeys(parts_of_names(word.text)))
        missing = not any(map(self._exists, (*word.terms, *word.names)))
        return replace(word, terms=parts) if missing and parts else word

    def _widened(self, word: Word) -> Word:
        """The word with all that its letters stand for: words with accents that are not
        typed, the pairs that one character of CJK is in."""
        spelt = words(word.text)
        if len(spelt) < len(word.terms):
            return word
        return replace(
            word,
            terms=tuple(
                either((term, *self._others(one)))
                for term, one in zip(word.terms, spelt, strict=False)
            ),
        )

    def _others(self, word: str) -> Iterator[str]:
        if len(word) == 1 and CJK_CHARACTER.match(word):
            times: dict[str, int] = defaultdict(int)
            for lexicon in self._lexicons():
                for pair in lexicon.pairs_with(word):
                    times[pair.term] += pair.times
            if self._witness is not None:
                times = {pair: self._witness.count(pair) for pair in times if self._exists(pair)}
            yield from sorted(times, key=lambda pair: (-times[pair], pair))[:MOST_PAIRS]
        elif self._languages:
            for lexicon in self._lexicons():
                for term in lexicon.terms_of(word):
                    if self._witness is None or self._witness.readable(word, term):
                        yield term

    def _lexicons(self) -> Iterator[Lexicon]:
        return (reader.lexicon() for reader in self._readers)

    def _widened_in(self, clause: Clause) -> Clause:
        match clause:
            case Has(word):
                return replace(clause, word=self._widened(word))
            case Phrase(found):
                return replace(clause, words=tuple(map(self._widened, found)))
            case Not(inner):
                return Not(self._widened_in(inner))
            case And(inner) | Or(inner):
                return replace(clause, clauses=tuple(map(self._widened_in, inner)))
            case _:
                return clause

    def _asked(self, word: str) -> str:
        """The term of a word of one term."""
        return either(
            (
                *(term for term, _, _ in asked_spans(word, self._languages)),
                *self._others(word),
            )
        )


def _words_in(clauses: Iterable[Clause]) -> Iterator[Word]:
    """Those that have to be there."""
    for clause in clauses:
        match clause:
            case Has(word):
                yield word
            case Phrase(found):
                yield from found
            case And(inner) | Or(inner):
                yield from _words_in(inner)
            case _:
                pass


def _digits(word: str) -> str:
    return "".join(filter(str.isdigit, word))
