"""Where terms stand in a segment is found once, as its postings have it."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docindex.indexer.concordance import OVERHEAD, Concordance, Occurrences
from docindex.indexer.contributions import FIELDS
from docindex.indexer.segment_reader import SegmentReader
from docindex.indexer.snapshot import Snapshots
from docindex.indexer.store import Store
from docindex.indexer.weights import NAMED
from tests.built import Content, Page, index, leaves
from tests.test_snapshot import built

WORDS = ("red", "fox", "redFox", "ol.owl", "x")
words = st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join)
documents = st.lists(
    st.lists(
        st.builds(Page, words, st.lists(words, max_size=2).map(tuple), words),
        min_size=1,
        max_size=3,
    ),
    min_size=1,
    max_size=30,
)


def assert_as_in_postings(reader: SegmentReader, term: str, found: Occurrences) -> None:
    heads = reader.head_numbers().tolist()
    everywhere: set[int] = set()
    for field in FIELDS:
        ids, weights = reader.postings(field, term)
        if not ids.size:
            assert field not in found.fields
            continue
        assert found.numbers(field).tolist() == ids.tolist()
        assert found.fields[field].weights.tolist() == weights.tolist()
        assert found.fields[field].lengths.tolist() == reader.lengths(field)[ids].tolist()
        everywhere |= set(ids.tolist())
    assert found.sections.tolist() == sorted(everywhere)
    sums: dict[int, float] = {}
    for number, weight in zip(
        *(each.tolist() for each in reader.postings("body", term)), strict=True
    ):
        document = sum(head <= number for head in heads) - 1
        sums[document] = sums.get(document, 0) + weight
    assert dict(zip(found.documents.tolist(), found.frequencies.tolist(), strict=True)) == sums


@settings(max_examples=60)
@given(documents)
def test_it_says_what_the_postings_say(
    tmp_path_factory: pytest.TempPathFactory, some: list[list[Page]]
) -> None:
    folder = tmp_path_factory.mktemp("index")
    contents: list[Content] = list(some)
    index(folder, [contents])
    (leaf,) = leaves(folder)
    concordance = Concordance(leaf.reader)
    for term in ("red", "fox", "redfox", "ol.owl", "x", "nowhere"):
        found = concordance.of(term, tuple(FIELDS))
        assert_as_in_postings(leaf.reader, term, found)
        assert concordance.numbers(term) == tuple(filter(None, [leaf.reader.number(term)]))
        assert set(concordance.of(term, tuple(NAMED)).fields) <= set(NAMED)


def test_what_was_found_is_kept_while_the_segment_is_there(tmp_path: Path) -> None:
    folder = tmp_path / "index"
    store, snapshots = Store(folder), Snapshots(folder)
    store.commit(built(folder, "a.md", "b.md"))
    (before,) = snapshots.newest().leaves
    found = before.concordance.of("v1", tuple(FIELDS))
    assert found.sections.size == 4
    store.commit(built(folder, "a.md", version="v2"))
    after, new = snapshots.newest().leaves
    assert after.alive is not None
    assert after.concordance.of("v1", tuple(FIELDS)) is found
    assert new.concordance.of("v1", tuple(FIELDS)).sections.size == 0


def test_every_array_counts(tmp_path: Path) -> None:
    pages = [Page("red", ("red",), "red"), Page("red"), Page("owl")]
    index(tmp_path / "index", [[*pages]])
    (leaf,) = leaves(tmp_path / "index")
    found = Concordance(leaf.reader).of("red", tuple(FIELDS))
    assert set(found.fields) == {"body", "title", "headings"}
    places = found.fields["title"].places
    assert places is not None
    np.testing.assert_array_equal(places, [0])
    of_body, of_one = 2 * (4 + 1), 8 + 4 + 1
    of_documents = 2 * (4 + 4)
    assert found.nbytes == 2 * 4 + of_body + 2 * of_one + of_documents + 4 * OVERHEAD
