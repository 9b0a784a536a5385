"""The lexicon of a segment: its words as they are written, and how often each is.

What documents are found by has lost its endings, so it cannot tell how a word is spelt.
The lexicon can. It is a file of its own in the segment, which stock Whoosh does not look at:

    the languages of the segment's documents but English, as "de,fr", and a newline
    compressed: the size of the words; the words, each ending in a newline;
        their counts; their languages, as places among those above counted from 1, 0 for
        English; the terms of all but the English ones, each ending in a newline

All that is mended goes through it, so words are compared by arithmetic first: each has a
signature, a bit for each of its letters, and one edit of a word changes few of them.
"""

import zlib
from collections.abc import Iterable, Iterator
from struct import Struct
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from docindex.indexer.analysis import terms
from docindex.indexer.characters import CJK_CHARACTER
from docindex.indexer.languages import ENGLISH
from docindex.indexer.vocabulary import Form

LONGEST = 40
"""Characters of the words that are kept: nobody types longer ones."""
SHORTEST = 3
"""Shorter words say nothing by one letter more or less. Pairs of CJK are kept, which are
looked up by one of their characters."""

_SIZE = Struct("<I")
_COMPRESSION = 1
_NEWLINE = ord("\n")


class Spelling(NamedTuple):
    """A word of the lexicon."""

    word: str
    term: str
    """What it is found by."""
    times: int
    """How often the segment has it; what was deleted since counts too."""


def encode(counts: Iterable[tuple[Form, int]]) -> bytes:
    """The lexicon of words that come so often, as far as they are worth keeping."""
    found = [(form.word, form.term, form.language, count) for form, count in counts]
    languages = sorted({language for _, _, language, _ in found} - {ENGLISH})
    places = {language: place for place, language in enumerate((ENGLISH, *languages))}
    kept = [one for one in found if _is_kept(one[0])]
    words = "".join([f"{word}\n" for word, _, _, _ in kept]).encode()
    body = (
        _SIZE.pack(len(words)),
        words,
        np.fromiter((count for _, _, _, count in kept), "<u4", len(kept)).tobytes(),
        bytes([places[language] for _, _, language, _ in kept]),
        "".join([f"{term}\n" for _, term, language, _ in kept if language]).encode(),
    )
    return f"{','.join(languages)}\n".encode() + zlib.compress(b"".join(body), _COMPRESSION)


def languages_in(file: memoryview) -> tuple[str, ...]:
    """The languages but English that the documents of a segment are in."""
    first, _, _ = file[: 1 << 10].tobytes().partition(b"\n")
    return tuple(filter(None, first.decode().split(",")))


class Lexicon:
    """Immutable, and for any number of threads at once."""

    def __init__(self, file: memoryview) -> None:
        """Raises ValueError, zlib.error, struct.error for what is none."""
        self.languages = languages_in(file)
        start = file.tobytes().index(b"\n") + 1
        body = zlib.decompress(file[start:])
        (size,) = _SIZE.unpack_from(body)
        self._text = np.frombuffer(body, np.uint8, size, _SIZE.size)
        # Where the words end, at their newlines.
        ends = np.flatnonzero(self._text == _NEWLINE)
        self._bounds = np.concatenate((np.zeros(1, np.int64), ends + 1))
        place = _SIZE.size + size
        self._counts = np.frombuffer(body, "<u4", len(ends), place)
        place += self._counts.nbytes
        self._spoken = np.frombuffer(body, np.uint8, len(ends), place)
        foreign = body[place + len(ends) :].decode().splitlines()
        self._foreign = dict(zip(np.flatnonzero(self._spoken).tolist(), foreign, strict=True))
        self._sizes = np.diff(self._bounds) - 1
        self._signatures = _signatures(self._text, self._bounds[:-1])

    def __len__(self) -> int:
        return len(self._counts)

    def near(self, word: str, edits: int) -> Iterator[Spelling]:
        """Words that may be so many edits (of optimal string alignment) away at most: all
        that are, and few others. For a word of ASCII, among those of ASCII alone."""
        data = np.frombuffer(word.encode(), np.uint8)
        longest = 1 if word.isascii() else 4
        (signature,) = _signatures(np.append(data, np.uint8(_NEWLINE)), np.zeros(1, np.int64))
        # An edit takes away one letter, or puts one there, or both.
        apart = np.bitwise_count(self._signatures ^ signature)
        close = apart <= edits * 2 * longest
        close &= np.abs(self._sizes - len(data)) <= edits * longest
        yield from map(self._spelling, np.flatnonzero(close).tolist())

    def terms_of(self, word: str) -> list[str]:
        """The terms by which documents in other languages are found that have the word."""
        if not self._foreign:
            return []
        return [one.term for one in self.near(word, 0) if one.word == word and one.term != word]

    def pairs_with(self, character: str) -> Iterator[Spelling]:
        """The pairs of CJK that have a character in them."""
        text, wanted = self._text.tobytes(), character.encode()
        at = text.find(wanted)
        while at >= 0:
            place = int(self._bounds.searchsorted(at, "right")) - 1
            found = self._spelling(place)
            if len(found.word) == 2:
                yield found
            at = text.find(wanted, int(self._bounds[place + 1]))

    def counts(self) -> Iterator[tuple[Form, int]]:
        """What `encode` got."""
        for place in range(len(self)):
            word, term, count = self._spelling(place)
            language = self._spoken[place]
            yield Form(word, term, self.languages[language - 1] if language else ENGLISH), count

    def _spelling(self, place: int) -> Spelling:
        begin, end = self._bounds[place : place + 2].tolist()
        word = self._text[begin : end - 1].tobytes().decode()
        term = self._foreign.get(place) or terms(word)[0]
        return Spelling(word, term, int(self._counts[place]))


def without_words() -> Lexicon:
    """That of a segment which has none."""
    return Lexicon(memoryview(encode(())))


def merged(lexicons: Iterable[Lexicon], terms_left: frozenset[str]) -> Iterable[tuple[Form, int]]:
    """The words of several segments whose terms are still somewhere."""
    found: dict[Form, int] = {}
    for lexicon in lexicons:
        for form, count in lexicon.counts():
            if form.term in terms_left:
                found[form] = found.get(form, 0) + count
    return found.items()


def _is_kept(word: str) -> bool:
    if word.isascii():
        return SHORTEST <= len(word) <= LONGEST and not word.isdigit()
    if CJK_CHARACTER.match(word):
        return len(word) == 2
    return SHORTEST <= len(word) <= LONGEST


def _signatures(text: NDArray[np.uint8], begins: NDArray[np.int64]) -> NDArray[np.uint64]:
    """A bit for each byte that is in a word; letters of ASCII have one of their own."""
    if not len(begins):
        return np.zeros(0, np.uint64)
    bits = np.left_shift(np.uint64(1), (text & 63).astype(np.uint64))
    found: NDArray[np.uint64] = np.bitwise_or.reduceat(bits, begins)
    return found
