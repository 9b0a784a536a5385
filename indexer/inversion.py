"""From the text of documents to the postings of their terms.

Text is kept as numbers of terms, document after document, so that inverting it is one
stable sort of these numbers.
"""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, compress
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from docindex.indexer.analysis import PIECE, Memo, pieces, terms_of_token, tokens

BREAK = 0
"""Stands in text between parts that no phrase crosses. Terms count from 1."""


class Vocabulary:
    """Numbers the terms of a segment as they come."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        # Text in ASCII has one term for each of its tokens.
        self._of_ascii = Memo[bytes, int](self._only_number_of)
        self._of_any = Memo[bytes, tuple[int, ...]](self._numbers_of)

    def __len__(self) -> int:
        return len(self._numbers)

    def numbers(self, text: str) -> Iterable[int]:
        """The terms of a text, in order."""
        if len(text) > PIECE:
            return chain.from_iterable(map(self._numbers_in, pieces(text)))
        return self._numbers_in(text)

    def in_order(self) -> tuple[list[bytes], NDArray[np.uint32]]:
        """The terms in byte order, and their numbers."""
        ordered = sorted(self._numbers)
        numbers = map(self._numbers.__getitem__, ordered)
        return [term.encode() for term in ordered], np.fromiter(numbers, np.uint32, len(ordered))

    def _numbers_in(self, text: str) -> Iterable[int]:
        if text.isascii():
            return map(self._of_ascii.__getitem__, tokens(text))
        return chain.from_iterable(map(self._of_any.__getitem__, tokens(text)))

    def _only_number_of(self, token: bytes) -> int:
        (number,) = self._numbers_of(token)
        return number

    def _numbers_of(self, token: bytes) -> tuple[int, ...]:
        known = self._numbers
        return tuple(known.setdefault(term, len(known) + 1) for term in terms_of_token(token))


class Text:
    """One field of the documents of a segment."""

    def __init__(self) -> None:
        self.numbers = array("I")
        """Of all terms and breaks, document after document."""
        self._bounds = array("q", (0,))

    def __len__(self) -> int:
        """How many documents there are."""
        return len(self._bounds) - 1

    def end_document(self) -> None:
        self._bounds.append(len(self.numbers))

    def sizes(self) -> NDArray[np.int64]:
        """How many numbers each document has."""
        bounds = np.frombuffer(self._bounds, np.int64)
        return bounds[1:] - bounds[:-1]

    def truncate(self, documents: int) -> None:
        """Forgets what came after some documents."""
        del self._bounds[documents + 1 :]
        del self.numbers[self._bounds[-1] :]


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

    def renumber(self, text: Text) -> tuple[list[bytes], NDArray[np.uint32]]:
        """The terms of a field in byte order, and its text with each term numbered by
        its place among them, counted from 1."""
        numbers = np.frombuffer(text.numbers, np.uint32)
        used = np.zeros(len(self._numbers) + 1, np.bool_)
        used[numbers] = True
        in_order = used[self._numbers]
        new = np.zeros(len(used), np.uint32)
        new[self._numbers] = np.cumsum(in_order)
        return list(compress(self._terms, in_order.tolist())), new[numbers]


def invert(
    terms: Sequence[bytes], numbers: NDArray[np.uint32], sizes: NDArray[np.int64]
) -> tuple[Inverted, NDArray[np.int64]]:
    """The postings of a field, and how many terms each document has. `numbers` are as
    `Order.renumber` gives them, `sizes` as `Text.sizes` does."""
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
