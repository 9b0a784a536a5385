"""What the texts of a segment are made of: chunks, the words in them, and their terms.

A text becomes numbers of chunks as it comes. The chunks that are new are analysed some
thousand at a time, each once however often it comes: that is where most of the time of a
build would go.
"""

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, count, islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from docindex.indexer.analysis import (
    MAX_TERM,
    PIECE,
    Analysed,
    analyse,
    canonical,
    chunks,
    pieces,
    terms_of,
    terms_of_names,
)
from docindex.indexer.inversion import BREAK, Ragged, Text
from docindex.indexer.languages import ENGLISH

MEMO_ENTRIES = 1 << 18
"""Chunks of a language that are known again."""
_AT_ONCE = 1 << 13
"""New chunks that are analysed together."""


class Form(NamedTuple):
    """A word as documents have it."""

    word: str
    """Folded, with its endings."""
    term: str
    language: str


class Vocabulary:
    """Numbers the chunks of a segment's texts as they come, their words and their terms.

    What it tells is of the texts before the last `settle`.
    """

    def __init__(self) -> None:
        self.forms: list[Form] = []
        """Numbered from 1."""
        self.words = Ragged()
        """The forms of each chunk."""
        self.names = Ragged()
        """The terms of the names in each chunk."""
        self._terms: dict[str, int] = defaultdict(count(1).__next__)
        self._known_names: dict[str, int] = {}
        self._term_of_form = array("I", (BREAK,))
        self._languages: dict[str, _Language] = {}
        self._counter = count(1)
        self._latest = self._language(ENGLISH)

    def numbers(self, text: str, language: str = ENGLISH) -> Iterable[int]:
        """The chunks of a text, in order."""
        known = self._latest
        if known.code != language:
            # New chunks are numbered across languages, so those of one come first.
            self._settle(known)
            known = self._latest = self._language(language)
        number_of = known.numbers.__getitem__
        if len(text) > PIECE:
            return map(number_of, chain.from_iterable(map(chunks, pieces(text))))
        return map(number_of, chunks(text))

    def settle(self, most: int = _AT_ONCE) -> None:
        """Analyses what came since the last time, if that is more than some new chunks."""
        if len(self._latest.numbers) - self._latest.settled > most:
            self._settle(self._latest)

    def terms_of_words(self) -> NDArray[np.uint32]:
        """For each of the values of `words`, its term."""
        return np.frombuffer(self._term_of_form, np.uint32)[self.words.values()]

    def times(self, text: Text) -> Iterator[tuple[Form, int]]:
        """The words of a text, as it has them, and how often."""
        # As floats, sums are exact up to 2 ** 53.
        uses = self.words.uses(text.chunks())
        times = np.bincount(self.words.values(), uses, len(self.forms) + 1)[1:]
        for form, number in zip(self.forms, times.astype(np.int64).tolist(), strict=True):
            if number:
                yield form, number

    def in_order(self) -> tuple[list[bytes], NDArray[np.uint32]]:
        """The terms in byte order, and their numbers."""
        ordered = sorted(self._terms)
        numbers = map(self._terms.__getitem__, ordered)
        return [term.encode() for term in ordered], np.fromiter(numbers, np.uint32, len(ordered))

    def _language(self, code: str) -> "_Language":
        return self._languages.setdefault(code, _Language(code, self._counter))

    def _settle(self, language: "_Language") -> None:
        numbers = language.numbers
        new = list(islice(reversed(numbers), len(numbers) - language.settled))
        new.reverse()
        for some in _batches(new):
            self._take(language, some)
        for chunk in new:
            # Long ones hardly come twice.
            if len(chunk) > MAX_TERM:
                del numbers[chunk]
        if len(numbers) >= MEMO_ENTRIES:
            numbers.clear()
        language.settled = len(numbers)

    def _take(self, language: "_Language", batch: Sequence[bytes]) -> None:
        same = list(map(canonical, batch))
        analysed = {chunk: analyse(chunk) for chunk in dict.fromkeys(same)}
        found = [analysed[chunk] for chunk in same]
        self._take_words(language, found)
        known = self._known_names
        names = [name for one in found for name in one.names]
        new = [name for name in dict.fromkeys(names) if name not in known]
        known.update(zip(new, map(self._terms.__getitem__, terms_of_names(new)), strict=True))
        self.names.extend(map(known.__getitem__, names), (len(one.names) for one in found))

    def _take_words(self, language: "_Language", found: Sequence[Analysed]) -> None:
        written = [word for one in found for word in one.written]
        forms = language.forms
        new = {
            as_written: word
            for one in found
            for word, as_written in zip(one.words, one.written, strict=True)
            if as_written not in forms
        }
        terms = terms_of(list(new.items()), language.code)
        for (as_written, word), term in zip(new.items(), terms, strict=True):
            key = f"{word} {term}"
            number = forms.get(key)
            if number is None:
                self._term_of_form.append(self._terms[term])
                self.forms.append(Form(word, term, language.code))
                number = forms[key] = len(self.forms)
            forms[as_written] = number
        self.words.extend(map(forms.__getitem__, written), (len(one.words) for one in found))


class _Language:
    """The chunks of documents in one language."""

    def __init__(self, code: str, counter: "count[int]") -> None:
        self.code = code
        self.numbers: dict[bytes, int] = defaultdict(counter.__next__)
        self.settled = 0
        """So many of `numbers` are analysed, the first ones."""
        self.forms: dict[str, int] = {}
        """Words as they are written, and what stands for their forms."""


def _batches(chunks: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """Of a bounded size: words take many times as much memory as the chunks they are in."""
    start = size = 0
    for place, chunk in enumerate(chunks):
        size += len(chunk)
        if size > PIECE:
            yield chunks[start : place + 1]
            start, size = place + 1, 0
    if start < len(chunks):
        yield chunks[start:]
