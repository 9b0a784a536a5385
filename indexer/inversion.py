"""From the text of documents to the postings of their terms.

Text is kept as numbers of chunks, document after document. Each different chunk is
analysed once; then numpy puts the terms in the place of the chunks, and inverting a text
is one stable sort of their numbers.
"""

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, compress
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from docindex.indexer.analysis import (
    MAX_TERM,
    MEMO_ENTRIES,
    PIECE,
    analyse,
    canonical,
    chunks,
    pieces,
    term_of,
    term_of_name,
)
from docindex.indexer.languages import ENGLISH

BREAK = 0
"""Stands in text between parts that no phrase crosses. Terms count from 1."""


class Form(NamedTuple):
    """A word as documents have it."""

    word: str
    """Folded, with its endings."""
    term: str
    language: str


class Ragged:
    """What each of some numbers stands for: numbers of something else, any count of them."""

    def __init__(self) -> None:
        """0 stands for one `BREAK`."""
        self._values = array("I", (BREAK,))
        self._bounds = array("I", (0, 1))

    def append(self, values: Sequence[int]) -> int:
        """The number that stands for these from now on."""
        if values:
            self._values.extend(values)
        self._bounds.append(len(self._values))
        return len(self._bounds) - 2

    def values(self) -> NDArray[np.uint32]:
        """What all numbers stand for, one after the other."""
        return np.frombuffer(self._values, np.uint32)

    def uses(self, numbers: NDArray[np.uint32]) -> NDArray[np.int64]:
        """How often each of the `values` comes in a text of these numbers."""
        begins, counts = self._places()
        return np.repeat(np.bincount(numbers, minlength=len(begins)), counts)

    def expand(
        self, numbers: NDArray[np.uint32], bounds: NDArray[np.int64], values: NDArray[np.uint32]
    ) -> "Numbered":
        """A text with what its numbers stand for, told by others that stand for `values`.
        Each document's numbers begin where `bounds` say; the last one's end there, too."""
        begins, counts_of = self._places()
        counts = counts_of[numbers]
        ends = np.zeros(len(numbers) + 1, np.uint32)
        np.cumsum(counts, out=ends[1:])
        documents = ends[bounds].astype(np.int64)
        places = ends[:-1]
        if ends[-1] < len(numbers) // 2:
            some = np.flatnonzero(counts)
            numbers, counts, places = numbers[some], counts[some], places[some]
        # Most stand for one. What stands for none puts something where the next one goes,
        # and may be the last.
        text = np.empty(int(ends[-1]) + 1, np.uint32)
        text[places] = np.append(values, np.uint32(BREAK))[begins][numbers]
        several = np.flatnonzero(counts > 1)
        counts = counts[several]
        within = np.arange(counts.sum(), dtype=np.uint32)
        within -= np.repeat(np.cumsum(counts, dtype=np.uint32) - counts, counts)
        text[np.repeat(places[several], counts) + within] = values[
            np.repeat(begins[numbers[several]], counts) + within
        ]
        return Numbered(text[:-1], documents[1:] - documents[:-1])

    def _places(self) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
        """Where the values of each number begin, and how many there are."""
        bounds = np.frombuffer(self._bounds, np.uint32)
        return bounds[:-1], bounds[1:] - bounds[:-1]


class Vocabulary:
    """Numbers the chunks of a segment's texts as they come, their words and their terms."""

    def __init__(self) -> None:
        self.forms: list[Form] = []
        """Numbered from 1."""
        self.words = Ragged()
        """The forms of each chunk."""
        self.names = Ragged()
        """The terms of the names in each chunk."""
        self._terms: dict[str, int] = {}
        self._known_names: dict[str, int] = {}
        self._term_of_form = array("I", (BREAK,))
        self._languages: dict[str, _Language] = {}

    def numbers(self, text: str, language: str = ENGLISH) -> Iterable[int]:
        """The chunks of a text, in order."""
        known = self._languages.get(language)
        if known is None:
            known = self._languages[language] = _Language(language, self._number_of)
        if len(text) > PIECE:
            return map(known.__getitem__, chain.from_iterable(map(chunks, pieces(text))))
        return map(known.__getitem__, chunks(text))

    def terms_of_words(self) -> NDArray[np.uint32]:
        """For each of the values of `words`, its term."""
        return np.frombuffer(self._term_of_form, np.uint32)[self.words.values()]

    def times(self, text: "Text") -> Iterator[tuple[Form, int]]:
        """The words of a text, as it has them, and how often."""
        # As floats, sums are exact up to 2 ** 53.
        uses = self.words.uses(text.chunks())
        times = np.bincount(self.words.values(), uses, len(self.forms) + 1)[1:]
        for form, count in zip(self.forms, times.astype(np.int64).tolist(), strict=True):
            if count:
                yield form, count

    def in_order(self) -> tuple[list[bytes], NDArray[np.uint32]]:
        """The terms in byte order, and their numbers."""
        ordered = sorted(self._terms)
        numbers = map(self._terms.__getitem__, ordered)
        return [term.encode() for term in ordered], np.fromiter(numbers, np.uint32, len(ordered))

    def _number_of(self, language: "_Language", chunk: bytes) -> int:
        words, written, names = analyse(chunk)
        known = language.forms.get
        if words is written:
            numbers = [known(word) or self._number_of_form(language, word, word) for word in words]
        else:
            numbers = [
                known(one) or self._number_of_form(language, word, one)
                for word, one in zip(words, written, strict=True)
            ]
        self.words.append(numbers)
        named = self._known_names.get
        return self.names.append(
            [named(name) or self._number_of_name(name) for name in names] if names else ()
        )

    def _number_of_form(self, language: "_Language", word: str, written: str) -> int:
        term = term_of(word, written, language.code)
        key = f"{word} {term}"
        number = language.forms.get(key)
        if number is None:
            self._term_of_form.append(self._number_of_term(term))
            self.forms.append(Form(word, term, language.code))
            number = language.forms[key] = len(self.forms)
        language.forms[written] = number
        return number

    def _number_of_name(self, name: str) -> int:
        number = self._known_names[name] = self._number_of_term(term_of_name(name))
        return number

    def _number_of_term(self, term: str) -> int:
        return self._terms.setdefault(term, len(self._terms) + 1)


class _Language(dict[bytes, int]):
    """The chunks of documents in one language."""

    def __init__(self, code: str, number_of: "Callable[[_Language, bytes], int]") -> None:
        super().__init__()
        self.code = code
        self.forms: dict[str, int] = {}
        """Words as they are written, and what stands for their forms."""
        self._number_of = number_of

    def __missing__(self, chunk: bytes) -> int:
        same = canonical(chunk)
        number = self.get(same) or self._number_of(self, same)
        if len(chunk) <= MAX_TERM:
            if len(self) >= MEMO_ENTRIES:
                self.clear()
            self[chunk] = self[same] = number
        return number


class Text:
    """One field of the documents of a segment, as numbers of chunks."""

    def __init__(self) -> None:
        self.numbers = array("I")
        """Of all chunks and breaks, document after document."""
        self._bounds = array("q", (0,))

    def __len__(self) -> int:
        """How many documents there are."""
        return len(self._bounds) - 1

    def end_document(self) -> None:
        self._bounds.append(len(self.numbers))

    def chunks(self) -> NDArray[np.uint32]:
        return np.frombuffer(self.numbers, np.uint32)

    def bounds(self) -> NDArray[np.int64]:
        """Where the numbers of each document begin, and where those of the last one end."""
        return np.frombuffer(self._bounds, np.int64)

    def truncate(self, documents: int) -> None:
        """Forgets what came after some documents."""
        del self._bounds[documents + 1 :]
        del self.numbers[self._bounds[-1] :]


class Numbered(NamedTuple):
    """One field of the documents of a segment, as numbers of terms or of what has terms."""

    numbers: NDArray[np.uint32]
    """Document after document, with breaks."""
    sizes: NDArray[np.int64]
    """How many numbers each document has."""


class Inverted(NamedTuple):
    """The postings of one field: term after term in byte order, for each term its
    documents in ascending order."""

    terms: Sequence[bytes]
    starts: NDArray[np.int64]
    """Where the postings of each term begin, and where the last one's end: one longer
    than `terms`."""
    docnums: NDArray[np.uint32]
    frequencies: NDArray[np.uint32]
    """How often the document has the term; at least once."""

    def counts(self) -> NDArray[np.int64]:
        """How many documents each term is in."""
        return self.starts[1:] - self.starts[:-1]

    def parts(self, most: int) -> "Iterator[Inverted]":
        """The same, of at most so many terms each."""
        for first in range(0, len(self.terms), most):
            starts = self.starts[first : first + most + 1]
            postings = slice(starts[0], starts[-1])
            yield Inverted(
                self.terms[first : first + most],
                starts - starts[0],
                self.docnums[postings],
                self.frequencies[postings],
            )

    @classmethod
    def of_sets(cls, documents: Mapping[bytes, Sequence[int]]) -> Self:
        """Of terms that a document has or has not, such as a name: their documents."""
        terms = sorted(term for term, found in documents.items() if found)
        sizes = [len(documents[term]) for term in terms]
        docnums = np.fromiter(
            chain.from_iterable(documents[term] for term in terms), np.uint32, sum(sizes)
        )
        starts = np.concatenate(([0], np.cumsum(sizes, dtype=np.int64)))
        return cls(terms, starts, docnums, np.ones(len(docnums), np.uint32))


class Order:
    """The byte order of all terms of a segment, from which that of each field follows."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._terms, self._numbers = vocabulary.in_order()

    def renumber(
        self, numbers: NDArray[np.uint32], used: NDArray[np.bool_]
    ) -> tuple[list[bytes], NDArray[np.uint32]]:
        """The terms of a field in byte order, those of some numbers that are used; and the
        numbers, each of these terms by its place among them, counted from 1."""
        known = np.zeros(len(self._numbers) + 1, np.bool_)
        known[numbers[used]] = True
        in_order = known[self._numbers]
        new = np.zeros(len(known), np.uint32)
        new[self._numbers] = np.cumsum(in_order)
        return list(compress(self._terms, in_order.tolist())), new[numbers]


def invert(terms: Sequence[bytes], text: Numbered) -> tuple[Inverted, NDArray[np.int64]]:
    """The postings of a field, and how many terms each document has. The numbers of the
    text are as `Order.renumber` gives them."""
    numbers, sizes = text
    docnums = np.repeat(np.arange(len(sizes), dtype=np.uint32), sizes)
    words = numbers != BREAK
    numbers, docnums = numbers[words], docnums[words]
    lengths = np.bincount(docnums, minlength=len(sizes))

    order = _stable_order(numbers, len(terms))
    numbers, docnums = numbers[order], docnums[order]
    del words, order
    firsts = np.flatnonzero(_changes(numbers) | _changes(docnums))
    frequencies = np.diff(firsts, append=len(numbers)).astype(np.uint32)
    numbers, docnums = numbers[firsts], docnums[firsts]
    starts = np.append(np.flatnonzero(_changes(numbers)), len(firsts))
    return Inverted(terms, starts, docnums, frequencies), lengths


def _stable_order(numbers: NDArray[np.uint32], greatest: int) -> NDArray[np.int64]:
    """What sorts them. By two bytes at a time, since numpy has a radix sort for those: it
    takes half as long as sorting whatever holds number and document at once."""
    order = np.argsort(numbers.astype(np.uint16), kind="stable")
    if greatest >> 16:
        order = order[np.argsort((numbers >> 16).astype(np.uint16)[order], kind="stable")]
    return order


def _changes(values: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Where something else stands than before."""
    changes = np.ones(len(values), np.bool_)
    np.not_equal(values[1:], values[:-1], out=changes[1:])
    return changes
