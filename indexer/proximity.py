"""How close the words of a query stand to each other in a section."""

from collections.abc import Callable, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from docindex.indexer.collection import STRETCH, Collection, Stretch
from docindex.indexer.impacts import Numbers

WINDOW = 8
"""Words that stand more places apart are not close."""
BLOCK = 1 << 14
"""Places that are compared with those behind them at a time."""

_FAR = np.iinfo(np.int64).max


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
    known = [collection.numbers(term) for term in terms]
    seen: list[_Sightings] = []
    offset = 0
    for stretch in collection.stretches(numbers):
        check_time()
        seen.append(_sightings(stretch, [each[stretch.segment] for each in known], offset))
        offset += stretch.stream.size
        if sum(each.places.size for each in seen) > STRETCH:
            _measure(seen, found)
            seen.clear()
    if seen:
        _measure(seen, found)
    return found


class _Sightings(NamedTuple):
    """The places where some of the terms stand."""

    places: NDArray[np.int64]
    """They count through all texts, with a gap of a window after each section."""
    which: NDArray[np.int8]
    """Terms, counted from 1."""
    sections: NDArray[np.int64]


def _sightings(stretch: Stretch, numbers: Sequence[Sequence[int]], offset: int) -> _Sightings:
    """The terms' numbers are those of the stretch; `offset` terms were in those before it."""
    # The last entry stands for all numbers beyond those of the terms.
    table = np.zeros(max(chain((0,), *numbers)) + 2, np.int8)
    for which, alternatives in enumerate(numbers, start=1):
        table[list(alternatives)] = which
    found = table.take(stretch.stream, mode="clip")
    places = np.flatnonzero(found)
    counts = np.diff(places.searchsorted(stretch.bounds))
    sections = np.repeat(np.arange(counts.size), counts) + stretch.places.start
    return _Sightings(places + (sections * WINDOW + offset), found[places], sections)


def _measure(seen: Sequence[_Sightings], found: NDArray[np.float64]) -> None:
    places = np.concatenate([each.places for each in seen])
    which = np.concatenate([each.which for each in seen])
    sections = np.concatenate([each.sections for each in seen])
    # Between two that are close, others stand: at most as many as the window has places.
    lags = np.arange(1, WINDOW + 1)[:, None]
    later_places = np.append(places, np.full(WINDOW, _FAR))
    later_which = np.append(which, np.zeros(WINDOW, np.int8))
    for begin in range(0, places.size, BLOCK):
        firsts = np.arange(begin, min(begin + BLOCK, places.size))
        later = lags + firsts
        distances = later_places[later] - places[firsts]
        others = later_which[later]
        near = np.flatnonzero((distances <= WINDOW) & (np.abs(others - which[firsts]) == 1))
        firsts = firsts[near % firsts.size]
        pairs = np.minimum(which[firsts], others.ravel()[near]) - 1
        cells = sections[firsts] * found.shape[1] + pairs
        np.maximum.at(found.reshape(-1), cells, 1 / distances.ravel()[near])
