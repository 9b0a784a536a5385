"""From the postings of a term to what it adds to the scores of sections and documents."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from docindex.indexer.analysis import alternatives
from docindex.indexer.ascending import each_once
from docindex.indexer.bm25 import LENGTHS, idf, norms, saturated
from docindex.indexer.census import Census
from docindex.indexer.documents import Documents
from docindex.indexer.impacts import Impacts, TermImpacts, new_impacts
from docindex.indexer.segment_reader import NO_POSTINGS, Postings, SegmentReader
from docindex.indexer.snapshot import Leaf
from docindex.indexer.weights import IDENTIFIERS, K1, NAMED, NAMES, OWN_B, TEXT, B

MARKED_FROM = 1 / 64
"""The scores of a term in this share of all sections are added up over all of them: to look
each of its sections up takes longer."""

SORTED_BELOW = 1 / 8
"""To put so few documents in order takes less time than to mark them among all."""

FIELDS = {TEXT: 1.0, **NAMES, **IDENTIFIERS}


class Contributions:
    """Knows the statistics of all fields. Immutable."""

    def __init__(
        self, leaves: Sequence[Leaf], bases: NDArray[np.int64], census: Census | None = None
    ) -> None:
        """`bases` are the numbers of the first section of each leaf, and that behind the last."""
        self._leaves = list(zip(leaves, bases.tolist(), strict=False))
        self._size = int(bases[-1])
        self._census = census
        self._count = self._size if census is None else census.size
        self.documents = Documents(leaves, bases, census)
        self._norms: dict[str, NDArray[np.float32]] = {}
        for field in FIELDS:
            if census is None:
                total = sum(leaf.reader.field_length(field) for leaf in leaves)
            else:
                total = census.total([leaf.reader.lengths(field) for leaf in leaves])
            self._norms[field] = norms(LENGTHS, total, self._count, OWN_B.get(field, B))

    def of(self, term: str) -> TermImpacts:
        """What a term of a word adds. Statistics count deleted sections too, as stock
        Whoosh's do, unless a census says what counts."""
        found = self._postings(term, FIELDS)
        texts = [each.get(TEXT, NO_POSTINGS) for each in found]
        return TermImpacts(self._of_sections(found, FIELDS), self.documents.impacts(texts))

    def of_name(self, term: str) -> TermImpacts:
        """What a whole name adds: nothing to the sections where it does not stand."""
        found = self._postings(term, NAMED)
        return TermImpacts(self._of_sections(found, NAMED), self.documents.impacts(()))

    def pieces(self, term: str, number: int, *, as_name: bool) -> dict[str, float]:
        """What a term or a whole name adds to one section by each field that it stands in,
        all of title and headings too."""
        weights = NAMED if as_name else FIELDS
        found = self._postings(term, weights)
        factors = self._factors(found, weights)
        segment = max(at for at, (_, base) in enumerate(self._leaves) if base <= number)
        leaf, base = self._leaves[segment]
        pieces: dict[str, float] = {}
        for field, each in found[segment].items():
            scores = self._scored(leaf.reader, field, each, factors[field])
            here = scores[each.ids == number - base]
            if here.size:
                pieces[field] = float(here[0])
        return pieces

    def _postings(self, term: str, fields: Iterable[str]) -> list[dict[str, Postings]]:
        """Of each segment, by the fields that have the term there."""
        found: list[dict[str, Postings]] = []
        for leaf, _ in self._leaves:
            there: dict[str, Postings] = {}
            for field in fields:
                # What stands in a name stands in the text.
                if field not in NAMES or TEXT in there:
                    each = postings(leaf.reader, field, term)
                    if each.ids.size:
                        there[field] = each
            found.append(there)
        return found

    def _of_sections(
        self, found: Sequence[Mapping[str, Postings]], weights: Mapping[str, float]
    ) -> Impacts:
        factors = self._factors(found, weights)
        ids = [np.zeros(0, np.int32)]
        scores = [np.zeros(0, np.float32)]
        for (leaf, base), each in zip(self._leaves, found, strict=True):
            if not each:
                continue
            docnums, sums = self._added_up(leaf.reader, each, factors)
            living = slice(None) if leaf.alive is None else leaf.alive[docnums]
            ids.append((docnums[living] + base).astype(np.int32))
            scores.append(sums[living])
        return new_impacts(np.concatenate(ids), np.concatenate(scores), self._size)

    def _factors(
        self, found: Sequence[Mapping[str, Postings]], weights: Mapping[str, float]
    ) -> dict[str, float]:
        """What each field's scores are multiplied by."""
        factors: dict[str, float] = {}
        for field, weight in weights.items():
            count = sum(
                self._counted(each[field].ids, base)
                for (_, base), each in zip(self._leaves, found, strict=True)
                if field in each
            )
            factors[field] = weight * idf(self._count, count) * (K1 + 1)
        return factors

    def _counted(self, docnums: NDArray[np.uint32], base: int) -> int:
        """How many of some sections of a segment count in statistics."""
        if self._census is None:
            return docnums.size
        return int(np.count_nonzero(self._census.counted[base:].take(docnums)))

    def _scored(
        self, reader: SegmentReader, field: str, found: Postings, factor: float
    ) -> NDArray[np.float32]:
        length_norms = self._norms[field].take(reader.lengths(field).take(found.ids))
        return saturated(found.weights, length_norms, factor)

    def _added_up(
        self, reader: SegmentReader, found: Mapping[str, Postings], factors: Mapping[str, float]
    ) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """The documents of a segment that have a term, and what it adds to each, all in
        float32. Each of the seven roundings that a sum takes changes at most 6e-8 of it."""

        def scored(field: str) -> NDArray[np.float32]:
            return self._scored(reader, field, found[field], factors[field])

        (field, first), *others = found.items()
        if not others:
            return first.ids.astype(np.intp), scored(field)
        frequent = first.ids.size > reader.size * MARKED_FROM
        docnums = first.ids.astype(np.intp)
        if any(field in IDENTIFIERS for field, _ in others):
            docnums = _together([each.ids for each in found.values()], reader.size)
        sums = np.zeros(reader.size if frequent else docnums.size, np.float32)
        better = np.zeros_like(sums)
        for field, each in found.items():
            places = each.ids.astype(np.intp) if frequent else docnums.searchsorted(each.ids)
            if field in NAMES:
                better[places] = np.maximum(better[places], scored(field))
            else:
                sums[places] += scored(field)
        sums += better
        return docnums, sums[docnums] if frequent else sums


def _together(some: Sequence[NDArray[np.uint32]], size: int) -> NDArray[np.intp]:
    """All of some documents of `size`, each once."""
    if sum(each.size for each in some) < size * SORTED_BELOW:
        return each_once(np.sort(np.concatenate(some))).astype(np.intp)
    marked = np.zeros(size, np.bool_)
    for each in some:
        marked[each] = True
    return np.flatnonzero(marked)


def postings(reader: SegmentReader, field: str, term: str) -> Postings:
    """Those of a term of a question: a document has it as often as its alternatives together."""
    each = [reader.postings(field, one) for one in alternatives(term)]
    found = [one for one in each if one.ids.size]
    if len(found) < 2:
        return found[0] if found else each[0]
    ids, places = np.unique(np.concatenate([one.ids for one in found]), return_inverse=True)
    weights = np.bincount(places, np.concatenate([one.weights for one in found]))
    return Postings(ids, weights.astype(np.float32))
