"""What the shelves of a library hold together, at one generation of each."""

import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from docindex.indexer.byte_cache import ByteCache
from docindex.indexer.collection import living
from docindex.indexer.encoding import decode, split_lines
from docindex.indexer.errors import DocindexError
from docindex.indexer.files import version_of
from docindex.indexer.impacts import Bitmap
from docindex.indexer.models import Record
from docindex.indexer.ranking import Ranked, Ranker
from docindex.indexer.realms import MOST_CALLERS, Parts, Realms
from docindex.indexer.rules import Principal, Reach, Rules
from docindex.indexer.segment_reader import StoredHead
from docindex.indexer.shelf import Shelf
from docindex.indexer.sight import Candidate
from docindex.indexer.snapshot import Snapshot
from docindex.indexer.suggest import Speller, languages_of
from docindex.indexer.witness import Text, Witness

Heads = ByteCache[tuple[str, int], StoredHead]
HEADS_BYTES = 12_000_000
"""What the heads of the files that were found last may take."""

CHOICES = 16
"""Choices of documents that are remembered: a page and the next one ask for the same."""


@dataclass(frozen=True, slots=True)
class Portion:
    """What of the holdings is there for one caller."""

    readable: Bitmap | None
    """The sections; None: all."""
    languages: tuple[str, ...]
    """See `parse_query`."""
    speller: Speller


class Holdings:
    """Immutable, and for any number of threads at once."""

    def __init__(
        self,
        shelves: Sequence[Shelf],
        snapshots: Sequence[Snapshot],
        rules: Rules | None = None,
        known: Parts | None = None,
        heads: Heads | None = None,
    ) -> None:
        """One snapshot for each shelf. With rules, what not every caller may read is left
        out of all statistics; `known` and `heads` are the parts and the heads of the
        holdings before."""
        self.snapshots = tuple(snapshots)
        self.heads = heads or Heads(HEADS_BYTES)
        """Those that were asked for last. Segments never change, nor do their heads."""
        self._segments = [
            (shelf, leaf)
            for shelf, snapshot in zip(shelves, snapshots, strict=True)
            for leaf in snapshot.leaves
        ]
        leaves = [leaf for _, leaf in self._segments]
        self._readers = [leaf.reader for leaf in leaves]
        self._realms: Realms | None = None
        if rules is not None:
            self._realms = Realms(self._segments, living(leaves), rules, known)
        self.ranker = Ranker(leaves, self._realms.census if self._realms else None)
        speller = Speller(self._readers, self.ranker.has)
        self._whole = Portion(None, languages_of(self._readers), speller)
        self._portions: OrderedDict[frozenset[Principal], Portion] = OrderedDict()
        self._bases = [0]
        for _, leaf in self._segments:
            self._bases.append(self._bases[-1] + leaf.reader.size)
        # A memoryview gives plain numbers, which bisect compares fastest.
        self._heads = [leaf.reader.head_numbers().data for _, leaf in self._segments]
        self._lock = threading.Lock()
        self._chosen: OrderedDict[Hashable, Bitmap] = OrderedDict()

    @property
    def parts(self) -> Parts:
        """What was found out by looking through the segments, if there are rules."""
        return self._realms.parts if self._realms else {}

    def portion(self, reach: Reach | None) -> Portion:
        """What a caller may read, if there are rules; without, there is no caller."""
        realms = self._realms
        if realms is None or reach is None:
            return self._whole
        with self._lock:
            found = self._portions.get(reach.principals)
        if found is None:
            readable, languages = realms.readable(reach), realms.languages(reach)
            exists = partial(self.ranker.has, among=readable)
            witness = Witness(self.ranker, self._text, realms.census.counted, readable)
            speller = Speller(self._readers, exists, languages, witness)
            found = Portion(readable, languages, speller)
            with self._lock:
                self._portions[reach.principals] = found
                if len(self._portions) > MOST_CALLERS:
                    self._portions.popitem(last=False)
        return found

    def _text(self, number: int) -> Text | None:
        """What a section says, if its file is as it was indexed."""
        candidate = self.candidate(Ranked(number, 0.0))
        record = candidate.record
        try:
            data = candidate.shelf.folder.read(record.name).data
        except DocindexError:
            return None
        if version_of(data) != record.version:
            return None
        lines = split_lines(decode(data).text)[candidate.first_line - 1 : candidate.last_line]
        text = "\n".join((record.title, *candidate.trail, "".join(lines)))
        return Text(text, candidate.language)

    def candidate(self, ranked: Ranked) -> Candidate:
        segment = bisect_right(self._bases, ranked.docnum) - 1
        shelf, leaf = self._segments[segment]
        docnum = ranked.docnum - self._bases[segment]
        heads = self._heads[segment]
        first = heads[bisect_right(heads, docnum) - 1]
        key = (leaf.reader.segment_id, first)
        head = self.heads.get(key)
        if head is None:
            head = leaf.reader.head(first)
            self.heads.put(key, head)
        # A file without text has a head that is no section.
        section = head.sections[docnum - first] if head.sections else ((), "", 1, 1)
        trail, anchor, begin, last = section
        return Candidate(
            shelf, head.record, trail, anchor, begin, last, ranked.score, head.language
        )

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
