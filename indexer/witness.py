"""Which words documents have that somebody may read, told by looking.

The lexicon of a segment holds the words of all its documents together, so by itself it
cannot tell from whom it has a word. What it offers is believed only where a document that
may be read says the same.
"""

from collections.abc import Callable
from typing import NamedTuple

from docindex.indexer.analysis import terms, words
from docindex.indexer.impacts import Bitmap
from docindex.indexer.ranking import Ranker

LOOKED_AT = 20
"""Sections at most, those that a term says most about, that are searched for a word."""


class Text(NamedTuple):
    """What a section says, its title and the headings above it among that."""

    text: str
    language: str


class Witness:
    """For the questions of one caller, at one generation, and for any number of threads."""

    def __init__(
        self, ranker: Ranker, text: Callable[[int], Text | None], counted: Bitmap, readable: Bitmap
    ) -> None:
        """`counted` are the sections that every caller may read, `readable` those that this
        one may; `text` reads one, and gives None for one that has changed since."""
        self._ranker = ranker
        self._text = text
        self._counted = counted
        self._readable = readable
        self._known: dict[tuple[str, str, bool], bool] = {}

    def count(self, term: str) -> int:
        """How many sections have a term that every caller may read."""
        return self._ranker.foremost(term, self._counted, 0)[1]

    def public(self, word: str, term: str) -> bool:
        """Whether a document that every caller may read has a word (folded) as a term."""
        return self._has(word, term, True)

    def readable(self, word: str, term: str) -> bool:
        """Whether a document that this caller may read has it."""
        return self._has(word, term, False)

    def _has(self, word: str, term: str, public: bool) -> bool:
        key = (word, term, public)
        if key not in self._known:
            among = self._counted if public else self._readable
            numbers, _ = self._ranker.foremost(term, among, LOOKED_AT)
            texts = (found for found in map(self._text, numbers) if found is not None)
            self._known[key] = any(
                (word, term) in zip(words(each.text), terms(each.text, each.language), strict=True)
                for each in texts
            )
        return self._known[key]
