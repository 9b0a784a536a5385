"""What the shelves of a library hold together, at one generation of each."""

import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from docindex.indexer.impacts import Bitmap
from docindex.indexer.models import Record
from docindex.indexer.ranking import Ranked, Ranker
from docindex.indexer.shelf import Shelf
from docindex.indexer.sight import Candidate
from docindex.indexer.snapshot import Snapshot
from docindex.indexer.suggest import Speller, languages_of

CHOICES = 16
"""Choices of documents that are remembered: a page and the next one ask for the same."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a ranked section stands."""

    segment: int
    head: int
    """The first document of its file in the segment."""
    docnum: int
    """Its own one there."""
    ranked: Ranked


class Holdings:
    """Immutable, and for any number of threads at once."""

    def __init__(self, shelves: Sequence[Shelf], snapshots: Sequence[Snapshot]) -> None:
        """One snapshot for each shelf."""
        self.snapshots = tuple(snapshots)
        self._segments = [
            (shelf, leaf)
            for shelf, snapshot in zip(shelves, snapshots, strict=True)
            for leaf in snapshot.leaves
        ]
        leaves = [leaf for _, leaf in self._segments]
        readers = [leaf.reader for leaf in leaves]
        self.ranker = Ranker(leaves)
        self.speller = Speller(readers, self.ranker.has)
        self.languages = languages_of(readers)
        """See `parse_query`."""
        self._bases = [0]
        for _, leaf in self._segments:
            self._bases.append(self._bases[-1] + leaf.reader.size)
        # A memoryview gives plain numbers, which bisect compares fastest.
        self._heads = [leaf.reader.head_numbers().data for _, leaf in self._segments]
        self._lock = threading.Lock()
        self._chosen: OrderedDict[Hashable, Bitmap] = OrderedDict()

    def spot(self, ranked: Ranked) -> Spot:
        segment = bisect_right(self._bases, ranked.docnum) - 1
        docnum = ranked.docnum - self._bases[segment]
        heads = self._heads[segment]
        return Spot(segment, heads[bisect_right(heads, docnum) - 1], docnum, ranked)

    def candidate(self, spot: Spot) -> Candidate:
        shelf, leaf = self._segments[spot.segment]
        head = leaf.reader.head(spot.head)
        # A file without text has a head that is no section.
        section = head.sections[spot.docnum - spot.head] if head.sections else ((), "", 1, 1)
        trail, anchor, first, last = section
        score = spot.ranked.score
        return Candidate(shelf, head.record, trail, anchor, first, last, score, head.language)

    def sections(self, question: Hashable, wanted: Callable[[str, Record], bool]) -> Bitmap:
        """The sections of the documents that are wanted, told by their outer names and
        records. Who asks an equal question wants the same."""
        with self._lock:
            found = self._chosen.get(question)
        if found is None:
            found = self._choose(wanted)
            with self._lock:
                self._chosen[question] = found
                if len(self._chosen) > CHOICES:
                    self._chosen.popitem(last=False)
        return found

    def _choose(self, wanted: Callable[[str, Record], bool]) -> Bitmap:
        found = np.zeros(self.ranker.size, np.bool_)
        for (shelf, leaf), base in zip(self._segments, self._bases, strict=False):
            for head in leaf.heads:
                record = head.record
                if record.sections and wanted(shelf.outer(record.name), record):
                    found[base + head.docnum : base + head.last + 1] = True
        found &= self.ranker.everything()
        found.flags.writeable = False
        return found
