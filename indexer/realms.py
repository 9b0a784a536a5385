"""Which sections of some segments a caller may read, as bitmaps."""

import threading
from collections import OrderedDict, defaultdict
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from docindex.indexer.census import Census
from docindex.indexer.impacts import Bitmap
from docindex.indexer.rules import Principal, Reach, Realm, Rules
from docindex.indexer.shelf import Shelf
from docindex.indexer.snapshot import Leaf

MOST_CALLERS = 64
"""Callers whose bitmaps are remembered."""


class Part(NamedTuple):
    """What is known of the files of one segment, deleted ones among them, in order."""

    names: Sequence[str]
    """Those that the library uses."""
    realms: Sequence[Realm]
    languages: Sequence[str]
    """"" is English."""


Parts: TypeAlias = Mapping[tuple[str, str], Part]
"""By the label of the folder and the id of the segment."""


class Realms:
    """Immutable but for what it remembers, and for any number of threads at once."""

    def __init__(
        self,
        segments: Sequence[tuple[Shelf, Leaf]],
        alive: Bitmap,
        rules: Rules,
        known: Parts | None = None,
    ) -> None:
        """`alive` are the sections that are not deleted, in one numbering of all segments.
        A segment is looked through once: of those before, `known` has what was found."""
        self.parts: Parts = {
            (shelf.label, leaf.reader.segment_id): (known or {}).get(
                (shelf.label, leaf.reader.segment_id)
            )
            or _looked_through(shelf, leaf, rules)
            for shelf, leaf in segments
        }
        self._alive = alive
        parts = list(self.parts.values())
        bounds = [
            np.append(leaf.reader.head_numbers().astype(np.int64), leaf.reader.size)
            for _, leaf in segments
        ]
        # Of each file, over all segments, how many sections it has.
        counts = np.concatenate([np.zeros(0, np.int64), *map(np.diff, bounds)])
        names = [*chain.from_iterable(part.names for part in parts)]
        numbers: dict[Realm, int] = {}
        of_files = [
            numbers.setdefault(realm, len(numbers)) for part in parts for realm in part.realms
        ]
        self._of_sections = np.repeat(np.array(of_files, np.int32), counts)
        self._count = len(numbers)
        self._readers: dict[Principal, list[int]] = defaultdict(list)
        for realm, number in numbers.items():
            for principal in realm.readers:
                self._readers[principal].append(number)
        self._languages: dict[int, set[str]] = defaultdict(set)
        first = np.cumsum(counts) - counts
        spoken = chain.from_iterable(part.languages for part in parts)
        for language, number, head in zip(spoken, of_files, first.tolist(), strict=True):
            if language and alive[head]:
                self._languages[number].add(language)
        public = np.array([realm.public for realm in numbers], np.bool_)
        counted = public.take(self._of_sections) & alive if public.size else alive.copy()
        self.census = Census(counted, _order(names, counts), int(np.count_nonzero(counted)))
        self._lock = threading.Lock()
        self._known: OrderedDict[frozenset[Principal], Bitmap] = OrderedDict()

    def readable(self, reach: Reach) -> Bitmap:
        """The sections that a caller may read."""
        with self._lock:
            found = self._known.get(reach.principals)
        if found is None:
            open_to = np.zeros(max(self._count, 1), np.bool_)
            open_to[self._numbers(reach)] = True
            found = open_to.take(self._of_sections) & self._alive
            found.flags.writeable = False
            with self._lock:
                self._known[reach.principals] = found
                if len(self._known) > MOST_CALLERS:
                    self._known.popitem(last=False)
        return found

    def languages(self, reach: Reach) -> tuple[str, ...]:
        """Those but English of the documents that a caller may read."""
        return tuple(sorted({one for at in self._numbers(reach) for one in self._languages[at]}))

    def _numbers(self, reach: Reach) -> list[int]:
        return [at for principal in reach.principals for at in self._readers.get(principal, ())]


def _looked_through(shelf: Shelf, leaf: Leaf, rules: Rules) -> Part:
    names = [shelf.outer(head.record.name) for head in leaf.heads]
    languages = [""] * len(names)
    if leaf.reader.languages:
        languages = [leaf.reader.head(head.docnum).language for head in leaf.heads]
    return Part(names, [*map(rules.realm, names)], languages)


def _order(names: Sequence[str], counts: NDArray[np.int64]) -> NDArray[np.int32]:
    """See `Census.order`; files that have so many sections follow each other."""
    by_name = np.array(sorted(range(len(names)), key=names.__getitem__), np.int64)
    ordered = counts[by_name]
    begins = np.empty(len(names), np.int64)
    begins[by_name] = np.cumsum(ordered) - ordered
    firsts = np.cumsum(counts) - counts
    within = np.arange(int(counts.sum())) - np.repeat(firsts, counts)
    return (np.repeat(begins, counts) + within).astype(np.int32)
