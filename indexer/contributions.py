"""From where a term stands to what it adds to the scores of sections and documents."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from docindex.indexer.bm25 import LENGTHS, idf, norms, saturated
from docindex.indexer.census import Census
from docindex.indexer.concordance import NOWHERE, InField, Occurrences
from docindex.indexer.documents import Documents
from docindex.indexer.impacts import Impacts, TermImpacts, new_impacts
from docindex.indexer.snapshot import Leaf
from docindex.indexer.weights import IDENTIFIERS, K1, NAMED, NAMES, OWN_B, TEXT, B

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
        found = self._found(term, FIELDS)
        return TermImpacts(self._of_sections(found, FIELDS), self.documents.impacts(found))

    def of_name(self, term: str) -> TermImpacts:
        """What a whole name adds: nothing to the sections where it does not stand."""
        sections = self._of_sections(self._found(term, NAMED), NAMED)
        return TermImpacts(sections, self.documents.impacts([NOWHERE] * len(self._leaves)))

    def pieces(self, term: str, number: int, *, as_name: bool) -> dict[str, float]:
        """What a term or a whole name adds to one section by each field that it stands in,
        all of title and headings too."""
        weights = NAMED if as_name else FIELDS
        found = self._found(term, weights)
        factors = self._factors(found, weights)
        segment = max(at for at, (_, base) in enumerate(self._leaves) if base <= number)
        docnum = number - self._leaves[segment][1]
        pieces: dict[str, float] = {}
        there = found[segment]
        for field, each in there.fields.items():
            scores = self._scored(field, each, factors[field])
            here = scores[there.numbers(field) == docnum]
            if here.size:
                pieces[field] = float(here[0])
        return pieces

    def _found(self, term: str, weights: Mapping[str, float]) -> list[Occurrences]:
        """Segment by segment."""
        fields = tuple(weights)
        return [leaf.concordance.of(term, fields) for leaf, _ in self._leaves]

    def _of_sections(self, found: Sequence[Occurrences], weights: Mapping[str, float]) -> Impacts:
        factors = self._factors(found, weights)
        ids = [np.zeros(0, np.int32)]
        scores = [np.zeros(0, np.float32)]
        for (leaf, base), each in zip(self._leaves, found, strict=True):
            if not each.fields:
                continue
            numbers, sums = each.sections, self._added_up(each, factors)
            if leaf.alive is not None:
                living = leaf.alive.take(numbers)
                numbers, sums = numbers[living], sums[living]
            ids.append(numbers + np.int32(base))
            scores.append(sums)
        return new_impacts(np.concatenate(ids), np.concatenate(scores), self._size)

    def _factors(
        self, found: Sequence[Occurrences], weights: Mapping[str, float]
    ) -> dict[str, float]:
        """What each field's scores are multiplied by."""
        factors: dict[str, float] = {}
        for field, weight in weights.items():
            count = sum(
                self._counted(each, field, base)
                for (_, base), each in zip(self._leaves, found, strict=True)
                if field in each.fields
            )
            factors[field] = weight * idf(self._count, count) * (K1 + 1)
        return factors

    def _counted(self, found: Occurrences, field: str, base: int) -> int:
        """How many sections of a segment count in statistics, of those that are found."""
        if self._census is None:
            return found.fields[field].weights.size
        return int(np.count_nonzero(self._census.counted[base:].take(found.numbers(field))))

    def _scored(self, field: str, found: InField, factor: float) -> NDArray[np.float32]:
        return saturated(found.weights, self._norms[field].take(found.lengths), factor)

    def _added_up(self, found: Occurrences, factors: Mapping[str, float]) -> NDArray[np.float32]:
        """What a term adds to each section of a segment that has it, all in float32. Each of
        the seven roundings that a sum takes changes at most 6e-8 of it."""
        (field, only), *others = found.fields.items()
        if not others:
            return self._scored(field, only, factors[field])
        sums = np.zeros(found.sections.size, np.float32)
        better: NDArray[np.float32] | None = None
        for field, each in found.fields.items():
            scores = self._scored(field, each, factors[field])
            places = slice(None) if each.places is None else each.places
            if field not in NAMES:
                sums[places] += scores
            elif better is None:
                better = np.zeros_like(sums)
                better[places] = scores
            else:
                better[places] = np.maximum(better[places], scores)
        if better is not None:
            sums += better
        return sums
