"""Where terms stand in one segment, as scores are computed from it.

None of this changes while the segment is there, whatever is deleted of it and whatever other
segments come. So what was asked for last is kept from one generation to the next, and after
a commit scores are computed anew, but nothing is looked up and decoded again.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from docindex.indexer.analysis import alternatives
from docindex.indexer.ascending import each_once, firsts
from docindex.indexer.bm25 import LENGTHS
from docindex.indexer.byte_cache import ByteCache
from docindex.indexer.segment_reader import Postings, SegmentReader
from docindex.indexer.weights import NAMES, TEXT

CACHE_BYTES = 60
"""For each section of a segment, what the terms that were asked for last may take."""
LEAST_CACHE_BYTES = 100_000
OVERHEAD = 400
"""Bytes that Python and numpy take for a term besides its numbers, and for each field of it."""

MOST_NUMBERS = 512
"""Terms whose numbers are remembered."""

SORTED_BELOW = 1 / 8
"""To put so few sections in order takes less time than to mark them among all."""


class InField(NamedTuple):
    """What a term is in one field of the sections that have it."""

    places: NDArray[np.intp] | None
    """Which of those sections have it in the field; None: all."""
    weights: NDArray[np.float32]
    """How often each of these has it there."""
    lengths: NDArray[np.uint8]
    """How long the field is in each, as a length byte."""


class Occurrences(NamedTuple):
    """Where a term stands. Sections and documents count from the first of the segment."""

    sections: NDArray[np.int32]
    """Those that have it in any field, ascending; deleted ones are among them."""
    fields: Mapping[str, InField]
    documents: NDArray[np.int32]
    """Those that have it in their text, ascending."""
    frequencies: NDArray[np.float32]
    """How often the text of each has it."""

    def numbers(self, field: str) -> NDArray[np.int32]:
        """The sections that have the term in one of `fields`."""
        places = self.fields[field].places
        return self.sections if places is None else self.sections.take(places)

    @property
    def nbytes(self) -> int:
        """All that it holds in memory."""
        own = (self.sections, self.documents, self.frequencies)
        of_fields = chain.from_iterable(self.fields.values())
        arrays = sum(each.nbytes for each in (*own, *of_fields) if each is not None)
        return arrays + OVERHEAD * (1 + len(self.fields))


_NONE = np.zeros(0, np.int32)
NOWHERE = Occurrences(_NONE, {}, _NONE, np.zeros(0, np.float32))
"""What empty arrays hold cannot be changed, so all may have these."""


class Runs:
    """The documents of a segment, which are runs of its sections."""

    def __init__(self, reader: SegmentReader) -> None:
        heads = reader.head_numbers().astype(np.intp)
        self.heads = heads
        """The first section of each."""
        sizes = np.diff(heads, append=reader.size)
        self.of = np.repeat(np.arange(heads.size, dtype=np.int32), sizes)
        """The document of each section."""
        lengths = LENGTHS.take(reader.lengths(TEXT))
        self.lengths = np.add.reduceat(lengths, heads) if heads.size else np.zeros(0, np.float32)
        """How many terms the text of each has."""


class Concordance:
    """Of one segment. For any number of threads at once."""

    def __init__(self, reader: SegmentReader) -> None:
        self._reader = reader
        limit = max(CACHE_BYTES * reader.size, LEAST_CACHE_BYTES)
        self._kept = ByteCache[tuple[str, tuple[str, ...]], Occurrences](limit)
        self._numbers: dict[str, tuple[int, ...]] = {}

    @cached_property
    def runs(self) -> Runs:
        return Runs(self._reader)

    def of(self, term: str, fields: tuple[str, ...]) -> Occurrences:
        """Where a term of a question stands in these fields."""
        key = (term, fields)
        found = self._kept.get(key)
        if found is None:
            found = self._find(term, fields)
            self._kept.put(key, found)
        return found

    def numbers(self, term: str) -> tuple[int, ...]:
        """What stands for a term of a question in the streams of the segment."""
        found = self._numbers.get(term)
        if found is None:
            each = map(self._reader.number, alternatives(term))
            found = tuple(number for number in each if number)
            if len(self._numbers) >= MOST_NUMBERS:
                self._numbers.clear()
            self._numbers[term] = found
        return found

    def _find(self, term: str, fields: Iterable[str]) -> Occurrences:
        reader = self._reader
        there: dict[str, Postings] = {}
        for field in fields:
            # What stands in a name stands in the text.
            if field not in NAMES or TEXT in there:
                each = postings(reader, field, term)
                if each.ids.size:
                    there[field] = each
        if not there:
            return NOWHERE
        # So those of names are among the others, and take no part in them.
        beyond = [each.ids for field, each in there.items() if field not in NAMES]
        sections = beyond[0] if len(beyond) == 1 else _together(beyond, reader.size)
        of_fields = {
            field: InField(
                None if each.size == sections.size else _places(each, sections, reader.size),
                weights,
                reader.lengths(field).take(each),
            )
            for field, (each, weights) in there.items()
        }
        numbers = sections.astype(np.int32)
        if TEXT not in there:
            return NOWHERE._replace(sections=numbers, fields=of_fields)
        documents = self.runs.of.take(there[TEXT].ids)
        begins = np.flatnonzero(firsts(documents))
        frequencies = np.add.reduceat(there[TEXT].weights, begins)
        return Occurrences(numbers, of_fields, documents[begins], frequencies)


def _together(some: Sequence[NDArray[np.uint32]], size: int) -> NDArray[np.uint32]:
    """All of some sections of `size`, each once."""
    if sum(each.size for each in some) < size * SORTED_BELOW:
        return each_once(np.sort(np.concatenate(some)))
    marked = np.zeros(size, np.bool_)
    for each in some:
        marked[each] = True
    return np.flatnonzero(marked).astype(np.uint32)


def _places(some: NDArray[np.uint32], among: NDArray[np.uint32], size: int) -> NDArray[np.intp]:
    """Where some stand among others, both ascending, of `size`."""
    if among.size < size * SORTED_BELOW:
        return among.searchsorted(some)
    places = np.zeros(size, np.intp)
    places[among] = np.arange(among.size)
    return places.take(some)


def postings(reader: SegmentReader, field: str, term: str) -> Postings:
    """Those of a term of a question: a document has it as often as its alternatives together."""
    each = [reader.postings(field, one) for one in alternatives(term)]
    found = [one for one in each if one.ids.size]
    if len(found) < 2:
        return found[0] if found else each[0]
    ids, places = np.unique(np.concatenate([one.ids for one in found]), return_inverse=True)
    weights = np.bincount(places, np.concatenate([one.weights for one in found]))
    return Postings(ids, weights.astype(np.float32))
