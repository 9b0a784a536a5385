"""How close the words of a query stand to each other in a section."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from docindex.indexer.collection import Collection, Stretch
from docindex.indexer.impacts import Numbers

WINDOW = 8
"""Words that stand more places apart are not close."""


def closeness(
    collection: Collection,
    terms: Sequence[str],
    numbers: Numbers,
    check_time: Callable[[], None],
) -> NDArray[np.float64]:
    """How close each two terms that follow each other in a query stand in each section, in
    either order: one by the least number of places from one to the other, 0 beyond the
    window. The terms differ. Shape (len(numbers), len(terms) - 1)."""
    found = np.zeros((numbers.size, len(terms) - 1))
    for stretch in collection.stretches(numbers):
        check_time()
        _look_through(stretch, terms, found[stretch.places])
    return found


def _look_through(stretch: Stretch, terms: Sequence[str], found: NDArray[np.float64]) -> None:
    which = _which(stretch, terms)
    places = np.flatnonzero(which)
    # Signed, since they are subtracted.
    which = which[places].astype(np.int8)
    sections = stretch.bounds.searchsorted(places, "right") - 1
    # Of words within the window of each other, at most as many stand between them.
    for between in range(1, WINDOW + 1):
        distances = places[between:] - places[:-between]
        near = distances <= WINDOW
        if not near.any():
            return
        near &= np.abs(which[between:] - which[:-between]) == 1
        near &= sections[between:] == sections[:-between]
        firsts = np.flatnonzero(near)
        pairs = np.minimum(which[firsts], which[firsts + between]) - 1
        np.maximum.at(found, (sections[firsts], pairs), 1 / distances[firsts])


def _which(stretch: Stretch, terms: Sequence[str]) -> NDArray[np.uint8]:
    """For each place of a stretch, which of the terms stands there, counted from 1; 0 for
    none of them."""
    numbers = [stretch.reader.number(term) for term in terms]
    # The last entry stands for all numbers beyond those of the terms.
    table = np.zeros(max(numbers) + 2, np.uint8)
    table[numbers] = np.arange(1, len(terms) + 1)
    table[0] = 0
    return table.take(stretch.stream, mode="clip")
