"""Where the terms of a phrase stand one right after the other.

The texts of the segments tell, which hold the terms of a section in order: those of its
title, a break, those of each heading above it and of its own, and at the beginning of a
document of each tag and of its name, with a break after each, and those of its text.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from docindex.indexer.ascending import each_once
from docindex.indexer.clauses import TermField
from docindex.indexer.collection import Collection, Stretch
from docindex.indexer.impacts import Bitmap, Numbers
from docindex.indexer.inversion import BREAK


def with_phrase(
    collection: Collection,
    terms: Sequence[str],
    field: TermField | None,
    candidates: Numbers,
    check_time: Callable[[], None],
) -> Numbers:
    """The sections, of some that have all of the terms, that have them as a phrase: in one
    piece of their text, in their title, or in one of the headings, tags and names."""
    known = [collection.numbers(term) for term in terms]
    sizes = [collection.impacts(term).count for term in terms]
    rarest = sizes.index(min(sizes))
    found = [candidates[:0]]
    for stretch in collection.stretches(candidates):
        check_time()
        numbers = [each[stretch.segment] for each in known]
        if not all(numbers):
            continue
        begins = _begins(stretch.stream, numbers, rarest)
        places = _sections(stretch, begins, len(numbers), field)
        found.append(candidates[stretch.places][places])
    return np.concatenate(found)


def _begins(
    stream: NDArray[np.unsignedinteger], numbers: Sequence[Sequence[int]], rarest: int
) -> NDArray[np.intp]:
    """Where the terms follow each other, told by their numbers. The rarest of them is looked
    for, the others around it."""
    begins = np.flatnonzero(_is(stream, numbers[rarest])) - rarest
    begins = begins[(begins >= 0) & (begins <= stream.size - len(numbers))]
    for offset, alternatives in enumerate(numbers):
        if offset != rarest:
            begins = begins[_is(stream[begins + offset], alternatives)]
    return begins


def _is(stream: NDArray[np.unsignedinteger], numbers: Sequence[int]) -> Bitmap:
    """Where any of the numbers stand."""
    found: Bitmap = stream == numbers[0]
    for number in numbers[1:]:
        found |= stream == number
    return found


def _sections(
    stretch: Stretch, begins: NDArray[np.intp], length: int, field: TermField | None
) -> NDArray[np.intp]:
    """The sections of a stretch in which phrases stand, whole and in the field."""
    bounds = stretch.bounds
    sections = bounds.searchsorted(begins, "right") - 1
    there = begins + length <= bounds[sections + 1]
    if field is not None:
        breaks = np.flatnonzero(stretch.stream == BREAK)
        before = breaks.searchsorted(begins)
        first, end = (breaks.searchsorted(bounds[places]) for places in (sections, sections + 1))
        # The title comes before all breaks, the text after them.
        there &= before == first if field == "title" else (first < before) & (before < end)
    return each_once(sections[there])
