"""Where the terms of a phrase stand one right after the other.

In a text, its stream of term numbers tells; a title or a heading is analysed anew, as it
is stored. `candidates` are always sections that have all of the terms.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from docindex.indexer.analysis import terms
from docindex.indexer.collection import Collection, Stretch
from docindex.indexer.impacts import Numbers
from docindex.indexer.segment_reader import SegmentReader


def in_texts(
    collection: Collection,
    wanted: Sequence[str],
    candidates: Numbers,
    check_time: Callable[[], None],
) -> Numbers:
    """The sections that have the phrase in their text, title and headings included."""
    sizes = [collection.impacts(term).ids.size for term in wanted]
    rarest = sizes.index(min(sizes))
    found = [candidates[:0]]
    for stretch in collection.stretches(candidates):
        check_time()
        found.append(candidates[stretch.places][_places(stretch, wanted, rarest)])
    return np.concatenate(found)


def in_titles(
    collection: Collection,
    wanted: Sequence[str],
    candidates: Numbers,
    check_time: Callable[[], None],
) -> Numbers:
    """The sections of documents that have the phrase in their title."""
    found = [candidates[:0]]
    for reader, head, numbers, _ in _files(collection, candidates):
        check_time()
        if _holds(terms(reader.record(head).title), wanted):
            found.append(numbers)
    return np.concatenate(found)


def in_headings(
    collection: Collection,
    wanted: Sequence[str],
    candidates: Numbers,
    check_time: Callable[[], None],
) -> Numbers:
    """The sections that have the phrase in their own heading, or in one above it."""

    @cache
    def holds(heading: str) -> bool:
        return _holds(terms(heading), wanted)

    found: list[int] = []
    for reader, head, numbers, docnums in _files(collection, candidates):
        check_time()
        sections = reader.head(head).sections
        ordinals: list[int] = (docnums - head).tolist()
        for number, ordinal in zip(numbers.tolist(), ordinals, strict=True):
            # A file without text has a head that is no section.
            if sections and any(map(holds, sections[ordinal].trail)):
                found.append(number)
    return np.array(found, np.int32)


def _places(stretch: Stretch, wanted: Sequence[str], rarest: int) -> NDArray[np.intp]:
    """Which sections of a stretch have the phrase, whose rarest term stands at `rarest`."""
    numbers = [stretch.reader.number(term) for term in wanted]
    stream, bounds = stretch.stream, stretch.bounds
    begins = np.flatnonzero(stream == numbers[rarest]) - rarest
    begins = begins[(begins >= 0) & (begins <= stream.size - len(wanted))]
    for offset, number in enumerate(numbers):
        if offset != rarest:
            begins = begins[stream[begins + offset] == number]
    sections = bounds.searchsorted(begins, "right") - 1
    return np.unique(sections[begins + len(wanted) <= bounds[sections + 1]])


def _files(
    collection: Collection, candidates: Numbers
) -> Iterator[tuple[SegmentReader, int, Numbers, NDArray[np.uint32]]]:
    """The sections of each file: its head, their numbers in the collection and in the segment."""
    for part in collection.parts(candidates):
        heads = part.reader.head_numbers()
        owners = heads[heads.searchsorted(part.docnums, "right") - 1]
        first, begins = np.unique(owners, return_index=True)
        numbers = np.split(candidates[part.places], begins[1:])
        docnums = np.split(part.docnums, begins[1:])
        for head, some, same in zip(first.tolist(), numbers, docnums, strict=True):
            yield part.reader, head, some, same


def _holds(found: Sequence[str], wanted: Sequence[str]) -> bool:
    first, count = wanted[0], len(wanted)
    return any(
        term == first and list(found[place : place + count]) == list(wanted)
        for place, term in enumerate(found)
    )
