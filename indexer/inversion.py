"""From the text of documents to the postings of their terms.

Text is kept as numbers of chunks, document after document (see `vocabulary`). numpy puts
the terms in the place of the chunks, and inverting a text is one stable sort of their
numbers.
"""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, chain, compress, islice
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from docindex.indexer import ascending

BREAK = 0
"""Stands in text between parts that no phrase crosses. Terms count from 1."""


class Ragged:
    """What each of some numbers stands for: numbers of something else, any count of them."""

    def __init__(self) -> None:
        """0 stands for one `BREAK`."""
        self._values = array("I", (BREAK,))
        self._bounds = array("I", (0, 1))

    def extend(self, values: Iterable[int], sizes: Iterable[int]) -> None:
        """The next numbers stand for these, so many each."""
        self._values.extend(values)
        self._bounds.extend(islice(accumulate(sizes, initial=self._bounds[-1]), 1, None))

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

    def __init__(self, terms: Sequence[bytes], numbers: NDArray[np.uint32]) -> None:
        """The terms in byte order, and what stands for each."""
        self._terms, self._numbers = terms, numbers

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
    firsts = np.flatnonzero(ascending.firsts(numbers) | ascending.firsts(docnums))
    frequencies = np.diff(firsts, append=len(numbers)).astype(np.uint32)
    numbers, docnums = numbers[firsts], docnums[firsts]
    starts = np.append(np.flatnonzero(ascending.firsts(numbers)), len(firsts))
    return Inverted(terms, starts, docnums, frequencies), lengths


def _stable_order(numbers: NDArray[np.uint32], greatest: int) -> NDArray[np.int64]:
    """What sorts them. By two bytes at a time, since numpy has a radix sort for those: it
    takes half as long as sorting whatever holds number and document at once."""
    order = np.argsort(numbers.astype(np.uint16), kind="stable")
    if greatest >> 16:
        order = order[np.argsort((numbers >> 16).astype(np.uint16)[order], kind="stable")]
    return order
