"""Base scores are those of stock Whoosh, on the same segments."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docindex.indexer.analysis import terms
from docindex.indexer.byte_cache import ByteCache
from docindex.indexer.clauses import And, Clause, Has, Not, Or, Prefix, Word
from docindex.indexer.collection import Collection
from docindex.indexer.contributions import FIELDS
from docindex.indexer.impacts import (
    OVERHEAD,
    Bitmap,
    TermImpacts,
    highest,
    new_impacts,
)
from docindex.indexer.matching import Matcher
from docindex.indexer.scoring import Scored, Weighted, best
from docindex.indexer.weights import IDENTIFIERS, NAMES, TEXT
from tests import stock
from tests.built import Page, collection, index, searcher

WORDS = ("red", "fox", "hens", "owl", "ol", "été", "ключ", "検索器", "C++", "x", "redFox", "ol.owl")
words = st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join)
trails = st.lists(words, max_size=2).map(tuple)
pages = st.builds(Page, words, trails, words)
segments = st.lists(st.lists(pages, min_size=1, max_size=6), min_size=1, max_size=3)
indexes = st.lists(segments, min_size=1, max_size=2)
queries = st.dictionaries(
    st.sampled_from([t for word in WORDS for t in terms(word)] + ["olowl", "nowhere"]),
    st.integers(1, 3),
    min_size=1,
)


def ours(
    found: Collection, counts: Mapping[str, int], allowed: Bitmap | None, count: int
) -> Scored:
    weighted = [Weighted(found.impacts(term), times) for term, times in counts.items()]
    return best(weighted, allowed, count, found.size)


def stocks(whoosh: Any, counts: Mapping[str, int], **narrowed: Any) -> list[tuple[int, float]]:
    """All that match, best first. Whoosh's own query for the better one of two fields gives
    a document the score of the next one too, so each field is asked for by itself."""

    def scores(field: str, term: str) -> dict[int, float]:
        query = stock.query.Term(field, term, boost=FIELDS[field])
        return dict(whoosh.search(query, limit=None, **narrowed).items())

    sums: dict[int, float] = defaultdict(float)
    for term, times in counts.items():
        names = [scores(field, term) for field in NAMES]
        for field in (TEXT, *IDENTIFIERS):
            for number, score in scores(field, term).items():
                sums[number] += times * score
        for number in {number for each in names for number in each}:
            sums[number] += times * max(each.get(number, 0.0) for each in names)
    return sorted(sums.items(), key=lambda item: (-item[1], item[0]))


def assert_same(found: Scored, expected: Sequence[tuple[int, float]], count: int) -> None:
    assert found.total == len(expected)
    scores = dict(expected)
    best = found.numbers.tolist()
    assert len(set(best)) == len(best) == min(count, len(expected))
    assert found.scores.tolist() == pytest.approx([scores[n] for n in best], rel=1e-6)
    assert found.scores.tolist() == pytest.approx([s for _, s in expected[:count]], rel=1e-6)
    keys = list(zip((-found.scores).tolist(), best, strict=True))
    assert keys == sorted(keys)


@settings(max_examples=100)
@given(indexes, queries, st.integers(1, 40), st.data())
def test_any_of_some_words_score_as_in_stock_whoosh(
    several: list[list[list[Page]]], counts: dict[str, int], count: int, data: st.DataObject
) -> None:
    with TemporaryDirectory() as place:
        folders = [Path(place) / f"index{number}" for number in range(len(several))]
        for folder, some in zip(folders, several, strict=True):
            size = sum(map(len, some))
            index(folder, some, data.draw(st.sets(st.integers(0, size - 1), max_size=size - 1)))
        found = collection(*folders)
        expected = stocks(searcher(*folders), counts)
        assert_same(ours(found, counts, None, count), expected, count)


def everywhere(kind: Any, text: str) -> Any:
    return stock.query.Or([kind(field, text) for field in FIELDS])


CONDITIONS: list[tuple[Clause, Any, dict[str, int]]] = [
    (
        And((Has(Word("red", ("red",))), Has(Word("fox", ("fox",))))),
        stock.query.And([everywhere(stock.query.Term, "red"), everywhere(stock.query.Term, "fox")]),
        {"red": 1, "fox": 1},
    ),
    (
        Has(Word("red", ("red",)), "title"),
        stock.query.Term("title", "red"),
        {"red": 1, "hen": 2},
    ),
    (
        Has(Word("fox", ("fox",)), "heading"),
        stock.query.Term("headings", "fox"),
        {"fox": 1},
    ),
    (
        Prefix("o", (), "o"),
        everywhere(stock.query.Prefix, "o"),
        {"owl": 1, "ol": 1},
    ),
    (
        Not(Has(Word("owl", ("owl",)))),
        stock.query.Not(everywhere(stock.query.Term, "owl")),
        {"red": 1, "fox": 2, "cpp": 1},
    ),
    (
        Or((Has(Word("ключ", ("ключ",))), Has(Word("été", ("ete",)), "title"))),
        stock.query.Or(
            [
                everywhere(stock.query.Term, "ключ"),
                stock.query.Term("title", "ete"),
            ]
        ),
        {"fox": 1, "検索": 1},
    ),
]


@settings(max_examples=60)
@given(segments, st.sampled_from(CONDITIONS), st.integers(1, 20), st.data())
def test_conditions_leave_what_they_leave_in_stock_whoosh(
    some: list[list[Page]],
    condition: tuple[Clause, Any, dict[str, int]],
    count: int,
    data: st.DataObject,
) -> None:
    clause, query, counts = condition
    with TemporaryDirectory() as place:
        folder = Path(place) / "index"
        size = sum(map(len, some))
        index(folder, some, data.draw(st.sets(st.integers(0, size - 1), max_size=size - 1)))
        found = collection(folder)
        allowed = Matcher(found, lambda clause: np.zeros(0, np.bool_), lambda: None).met(clause)
        expected = stocks(searcher(folder), counts, filter=query)
        assert_same(ours(found, counts, allowed, count), expected, count)


def test_sections_beyond_two_to_the_sixteenth_are_found(tmp_path: Path) -> None:
    some = [f"red {'fox ' * (number % 7)}" for number in range(66_000)]
    some[65_998] += " owl"
    index(tmp_path / "index", [[*some[:40_000]], [*some[40_000:]]], removed=[65_990])
    found = collection(tmp_path / "index")
    assert ours(found, {"owl": 1, "red": 1}, None, 5).numbers.tolist()[0] == 65_998
    assert_same(
        ours(found, {"owl": 2, "red": 1, "fox": 1}, None, 500),
        stocks(searcher(tmp_path / "index"), {"owl": 2, "red": 1, "fox": 1}),
        500,
    )


@pytest.mark.parametrize("some", [[], [[""]], [["red"]], [["red"] * 3]])
def test_tiny_indexes_are_searched(tmp_path: Path, some: list[list[str]]) -> None:
    index(tmp_path / "index", some)
    found = collection(tmp_path / "index")
    expected = stocks(searcher(tmp_path / "index"), {"red": 1}) if some else []
    assert_same(ours(found, {"red": 1}, None, 10), expected, 10)
    assert ours(found, {"fox": 1}, None, 10).total == 0


# Adding up, on impacts without an index


@settings(max_examples=200)
@given(
    st.integers(1, 4_000),
    st.lists(st.tuples(st.sampled_from([0.001, 0.05, 0.3, 1]), st.integers(1, 3)), max_size=5),
    st.sampled_from([1, 10, 100, 300]),
    st.sampled_from([None, 0.01, 0.5]),
    st.booleans(),
    st.integers(0, 2**32),
)
def test_the_best_are_those_with_the_highest_sums(
    size: int,
    shapes: list[tuple[float, int]],
    count: int,
    share: float | None,
    alike: bool,
    seed: int,
) -> None:
    chance = np.random.default_rng(seed)
    some: list[Weighted] = []
    sums = np.zeros(size)
    for part, times in shapes:
        ids = np.flatnonzero(chance.random(size) < part).astype(np.int32)
        # Few different scores, so that many sums are equal.
        scores = chance.integers(1, 4, ids.size) if alike else chance.random(ids.size) + 0.01
        some.append(Weighted(new_impacts(ids, scores.astype(np.float32), size), times))
        sums[ids] += times * scores.astype(np.float32).astype(np.float64)
    allowed = None if share is None else chance.random(size) < share
    found = best(some, allowed, count, size)
    numbers = [n for n in range(size) if sums[n] > 0 and (allowed is None or allowed[n])]
    expected = sorted(numbers, key=lambda n: (-sums[n], n))[:count]
    assert found.total == len(numbers)
    assert found.scores.tolist() == pytest.approx(sums[expected].tolist())
    if alike:
        assert found.numbers.tolist() == expected


@given(st.lists(st.integers(0, 50), max_size=2_000), st.integers(1, 300))
def test_the_highest_are_found_as_by_sorting(scores: list[int], count: int) -> None:
    expected = sorted(sorted(range(len(scores)), key=lambda place: (-scores[place], place))[:count])
    assert highest(np.array(scores, np.float32), count).tolist() == expected


# The cache


def impacts(count: int) -> TermImpacts:
    ids, scores = np.arange(count, dtype=np.int32), np.ones(count, np.float32)
    return TermImpacts(new_impacts(ids, scores, count * 100), new_impacts(ids, scores, count * 50))


def test_a_cache_keeps_what_was_used_last_within_its_bytes() -> None:
    each = impacts(1_000).nbytes
    cache = ByteCache[str, TermImpacts](3 * each)
    for term in "abc":
        cache.put(term, impacts(1_000))
    assert cache.get("a") is not None
    cache.put("d", impacts(1_000))
    assert [term for term in "abcd" if cache.get(term)] == ["a", "c", "d"]
    assert cache.nbytes == 3 * each
    cache.put("d", impacts(10_000))
    assert cache.nbytes == 0


def test_a_cache_counts_every_array() -> None:
    frequent = new_impacts(np.arange(50, dtype=np.int32), np.ones(50, np.float32), 100)
    assert frequent.dense is not None
    assert frequent.nbytes == 50 * 4 + 100 * 4 + OVERHEAD
    assert TermImpacts(frequent, frequent).nbytes == 2 * frequent.nbytes
    rare = new_impacts(np.arange(10, dtype=np.int32), np.ones(10, np.float32), 100)
    assert rare.nbytes == 3 * 10 * 4 + OVERHEAD


def test_searches_at_once_find_what_one_alone_finds(tmp_path: Path) -> None:
    chance = np.random.default_rng(7)
    some = [" ".join(chance.choice(WORDS, 20)) for _ in range(500)]
    index(tmp_path / "index", [some[:300], some[300:]])
    found = collection(tmp_path / "index")
    asked = [{term: 1 + number % 2} for number, word in enumerate(WORDS) for term in terms(word)]
    alone = [ours(collection(tmp_path / "index"), counts, None, 20) for counts in asked]

    def again(counts: Mapping[str, int]) -> Scored:
        return ours(found, counts, None, 20)

    with ThreadPoolExecutor(8) as pool:
        for one, other in zip(alone * 5, pool.map(again, asked * 5), strict=True):
            assert one.numbers.tolist() == other.numbers.tolist()
            assert one.scores.tolist() == other.scores.tolist()
