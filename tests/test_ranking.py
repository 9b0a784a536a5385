"""What is found is what a slow look at the texts finds, in the order of a slow ranking."""

import time
from collections import Counter, defaultdict
from collections.abc import Collection as Names
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from math import log
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docindex.indexer import collection, proximity
from docindex.indexer.analysis import alternatives, analyse, chunks, term_of_name, terms
from docindex.indexer.clauses import DocumentClause, Query, Word
from docindex.indexer.clauses import counted as counted_words
from docindex.indexer.errors import TimedOut
from docindex.indexer.impacts import Bitmap
from docindex.indexer.proximity import WINDOW
from docindex.indexer.query import parse_query
from docindex.indexer.ranking import Ranker, Ranking
from docindex.indexer.reordering import RERANKED
from docindex.indexer.stock import FIELD_LENGTHS
from docindex.indexer.weights import (
    AGAIN,
    CLOSE,
    COVER,
    DOCUMENT,
    IDENTIFIERS,
    K1,
    MOST_PER_DOCUMENT,
    NAME,
    NAMED,
    NAMES,
    OWN_B,
    TEXT,
    B,
)
from tests.built import Page, index, leaves

WORDS = ("red", "fox", "hen", "owl")
texts = st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join)
named = st.lists(st.sampled_from((*WORDS, "cat", "gnu", "red.owl", "foxHen")), max_size=12).map(
    " ".join
)
pages = st.builds(Page, named, st.lists(named, max_size=2).map(tuple), named)


def indexed(
    folder: Path, segments: Sequence[Sequence[Page | str]], removed: Names[int] = ()
) -> Ranker:
    """One section for each text, numbered in order."""
    index(folder, segments, removed)
    return Ranker(leaves(folder))


def nothing(clause: DocumentClause) -> Bitmap:
    return np.zeros(0, np.bool_)


def ranked(ranker: Ranker, query: str | Query, limit: int = 100, seconds: float = 60.0) -> Ranking:
    if isinstance(query, str):
        query = parse_query(query)
    deadline = time.monotonic() + seconds
    return ranker.rank(query, None, concerning=nothing, limit=limit, deadline=deadline)


@settings(max_examples=40)
@given(st.lists(texts, min_size=1, max_size=8), st.lists(texts, min_size=1, max_size=8), texts)
def test_a_phrase_is_found_where_its_words_follow_each_other(
    first: list[str], second: list[str], phrase: str
) -> None:
    if len(phrase.split()) < 2:
        return
    with TemporaryDirectory() as place:
        ranker = indexed(Path(place) / "index", [first, second])
        found = {each.docnum for each in ranked(ranker, f'"{phrase}"').best}
        expected = {
            number for number, text in enumerate([*first, *second]) if f" {phrase} " in f" {text} "
        }
        assert found == expected


@settings(max_examples=40)
@given(st.lists(texts, min_size=1, max_size=10))
def test_conditions_combine_as_sets_do(documents: list[str]) -> None:
    with TemporaryDirectory() as place:
        ranker = indexed(Path(place) / "index", [documents])
        found = {each.docnum for each in ranked(ranker, "(red OR fox) AND NOT hen").best}
        expected = {
            number
            for number, text in enumerate(documents)
            if {"red", "fox"} & set(text.split()) and "hen" not in text.split()
        }
        assert found == expected


class Slow:
    """The final ranking, written down as it is described."""

    def __init__(self, documents: Sequence[list[Page]]) -> None:
        self._bodies: list[list[str | None]] = []
        self._fields: list[dict[str, Counter[str]]] = []
        self.document: list[int] = []
        for document, some in enumerate(documents):
            title = terms(some[0].title)
            for ordinal, page in enumerate(some):
                trail = [terms(heading) for heading in page.trail]
                if ordinal == 0:
                    trail.append(terms(str(document)))
                pieces = [title, *trail, terms(page.text)]
                self._bodies.append([term for piece in pieces for term in (*piece, None)])
                everything = [term for piece in pieces for term in piece]
                headings = [term for piece in trail for term in piece]
                written = (some[0].title, *page.trail, page.text)
                self._fields.append(
                    {
                        "title": Counter(title),
                        "headings": Counter(headings),
                        "identifiers": Counter(name for text in written for name in names(text)),
                        TEXT: Counter(everything),
                    }
                )
                self.document.append(document)
        self.sums: dict[int, float] = {}
        """Of the sections last ranked, without what their place in the document takes away."""
        self._wholes: list[Counter[str]] = [Counter() for _ in documents]
        for document, fields in zip(self.document, self._fields, strict=True):
            self._wholes[document] += fields[TEXT]

    def rank(self, query: Query) -> list[tuple[int, float]]:
        """At most three of one document."""
        numbers = range(len(self._bodies))
        base = {number: self._base(query, number) for number in numbers}
        found = {
            number: score + self._whole(query, self.document[number])
            for number, score in base.items()
            if score > 0
        }
        best: list[int] = []
        taken = Counter[int]()
        for number in sorted(found, key=lambda number: (-found[number], number)):
            taken[self.document[number]] += 1
            if taken[self.document[number]] <= MOST_PER_DOCUMENT:
                best.append(number)
        near, behind = best[:RERANKED], best[RERANKED:]
        close = {number: self._closeness(query.terms, number) for number in near}
        for number in near:
            if len(query.words) > 1:
                found[number] += COVER * self._cover(query, number)
            found[number] += CLOSE * close[number]
        self.sums = dict(found)
        near.sort(key=lambda number: (-found[number], -close[number], number))
        taken.clear()
        for number in near:
            found[number] *= AGAIN ** taken[self.document[number]]
            taken[self.document[number]] += 1
        near.sort(key=lambda number: (-found[number], -close[number], number))
        lowest = min((found[number] for number in near), default=0.0)
        return [
            *((number, found[number]) for number in near),
            *((number, min(found[number], lowest)) for number in behind),
        ]

    def _base(self, query: Query, number: int) -> float:
        def score(term: str, field: str) -> float:
            texts = [fields[field] for fields in self._fields]
            length = kept(texts[number].total())
            return bm25(term, texts, number, length, OWN_B.get(field, B))

        def together(term: str, weights: Mapping[str, float]) -> float:
            return sum(weight * score(term, field) for field, weight in weights.items())

        def better(term: str) -> float:
            return max(weight * score(term, field) for field, weight in NAMES.items())

        terms = sum(
            count * (score(term, TEXT) + better(term) + together(term, IDENTIFIERS))
            for term, count in counted(query).items()
        )
        names = sum(
            word.count * word.trust * NAME * together(name, NAMED)
            for word in query.words
            for name in word.names
        )
        return terms + names / len(query.words)

    def _whole(self, query: Query, document: int) -> float:
        own = (f for d, f in zip(self.document, self._fields, strict=True) if d == document)
        length = sum(kept(fields[TEXT].total()) for fields in own)
        return DOCUMENT * sum(
            count * bm25(term, self._wholes, document, length)
            for term, count in counted(query).items()
        )

    def _cover(self, query: Query, number: int) -> float:
        shares = [
            sum(self._is_there(term, number) for term in word.terms) / len(word.terms)
            for word in query.words
        ]
        return sum(shares) / len(shares)

    def _closeness(self, wanted: Sequence[str], number: int) -> float:
        body = self._bodies[number]
        close = 0.0
        for one, two in pairwise(wanted):
            distances = [
                abs(at - other)
                for at, term in enumerate(body)
                for other, another in enumerate(body)
                if term in alternatives(one)
                and another in alternatives(two)
                and 0 < abs(at - other) <= WINDOW
            ]
            if distances:
                close += (self._rarity(one) + self._rarity(two)) / min(distances)
        return close

    def _rarity(self, term: str) -> float:
        numbers = range(len(self._fields))
        return rarity(len(numbers), sum(self._is_there(term, number) for number in numbers))

    def _is_there(self, term: str, number: int) -> bool:
        fields = self._fields[number]
        return any(frequency(term, fields[field]) for field in (TEXT, *IDENTIFIERS))


def bm25(term: str, texts: Sequence[Counter[str]], number: int, length: int, b: float = B) -> float:
    """Of one of some texts, which has that length."""
    often = frequency(term, texts[number])
    average = sum(text.total() for text in texts) / len(texts) or 1
    norm = K1 * (1 - b + b * length / average)
    having = sum(frequency(term, text) > 0 for text in texts)
    return rarity(len(texts), having) * often * (K1 + 1) / (often + norm)


def frequency(term: str, text: Counter[str]) -> int:
    return sum(text[one] for one in alternatives(term))


def names(text: str) -> list[str]:
    return [term_of_name(name) for chunk in chunks(text) for name in analyse(chunk).names]


def rarity(size: int, having: int) -> float:
    return log(size / (having + 1)) + 1


def kept(length: int) -> int:
    """What a length byte keeps of a length."""
    return next(known for known in FIELD_LENGTHS if known >= length)


def counted(query: Query) -> dict[str, float]:
    counts = defaultdict[str, float](float)
    for word in query.words:
        for term in word.terms:
            counts[term] += word.count * word.trust
    return counts


words = (
    *(Word(word, (word,)) for word in (*WORDS, "elk")),
    Word("red-owl", ("red", "owl"), names=("redowl",)),
    Word("either", ("cat|gnu",)),
    Word("guess", ("fox",), trust=0.5),
)
queries = st.lists(st.sampled_from(words), min_size=1, max_size=5).map(
    lambda some: Query(counted_words(some))
)
documents = st.lists(pages, min_size=1, max_size=5)


@settings(max_examples=100)
@given(st.lists(st.lists(documents, min_size=1, max_size=6), min_size=1, max_size=3), queries)
def test_sections_are_ranked_as_by_the_slow_ranking(
    segments: list[list[list[Page]]], query: Query
) -> None:
    with TemporaryDirectory() as place:
        index(Path(place) / "index", segments)
        found = ranked(Ranker(leaves(Path(place) / "index")), query).best
    slow = Slow([each for segment in segments for each in segment])
    expected = slow.rank(query)
    scores = dict(expected)
    before = Counter[int]()
    # Which three of a document are taken, and which of equals is the first, may depend on
    # how sums are rounded.
    for rank, (each, (_, score)) in enumerate(zip(found, expected, strict=True)):
        assert each.score == pytest.approx(score, rel=1e-5)
        document = slow.document[each.docnum]
        if each.docnum in scores and rank < RERANKED:
            whole = slow.sums[each.docnum]
            assert each.score == pytest.approx(whole * AGAIN ** before[document], rel=1e-5)
        else:
            assert each.score == pytest.approx(scores.get(each.docnum, score), rel=1e-5)
        before[document] += 1


@settings(max_examples=40)
@given(st.lists(documents, min_size=1, max_size=6), queries)
def test_what_explains_a_score_adds_up_to_it(some: list[list[Page]], query: Query) -> None:
    with TemporaryDirectory() as place:
        index(Path(place) / "index", [some])
        ranker = Ranker(leaves(Path(place) / "index"))
        for each in ranked(ranker, query).best:
            why = ranker.explain(query, each)
            pieces = [why.cover, why.close, *(reason.score for reason in why.reasons)]
            assert why.share * sum(pieces) == pytest.approx(each.score, rel=1e-5)


def test_at_most_three_sections_of_a_document_are_given(tmp_path: Path) -> None:
    long = [Page(f"red fox {'hen ' * number}") for number in range(2_000)]
    index(tmp_path / "index", [[long, "red owl", "red hen owl gnu"]])
    found = ranked(Ranker(leaves(tmp_path / "index")), "red fox")
    assert [each.docnum for each in found.best] == [0, 1, 2, 2_000, 2_001]
    assert found.total == 2_002


def test_of_sections_that_are_as_good_those_of_other_documents_go_first(tmp_path: Path) -> None:
    alike = [Page("red fox")] * 3
    index(tmp_path / "index", [[alike, alike]])
    found = ranked(Ranker(leaves(tmp_path / "index")), "red fox")
    # The first of each document has its name too, and so is longer.
    assert [each.docnum for each in found.best] == [1, 4, 2, 5, 0, 3]


def test_a_section_of_a_document_that_is_about_the_words_goes_first(tmp_path: Path) -> None:
    about = [Page("red fox"), Page("red red owl"), Page("fox fox hen")]
    other = [Page("red fox"), Page("owl owl owl"), Page("hen hen hen")]
    index(tmp_path / "index", [[other, about]])
    found = ranked(Ranker(leaves(tmp_path / "index")), "red fox")
    assert found.best[0].docnum == 3


def test_a_section_with_all_words_goes_before_one_that_has_a_single_word_often(
    tmp_path: Path,
) -> None:
    ranker = indexed(tmp_path / "index", [["red red red red", "red fox", "owl " * 30]])
    assert [each.docnum for each in ranked(ranker, "red fox").best] == [1, 0]


def test_the_total_counts_beyond_the_limit(tmp_path: Path) -> None:
    ranker = indexed(tmp_path / "index", [["red fox"] * 150, ["red hen"] * 150])
    ranking = ranked(ranker, "red", limit=5)
    assert (len(ranking.best), ranking.total) == (5, 300)


def test_a_phrase_in_a_very_long_section_is_found(tmp_path: Path) -> None:
    ranker = indexed(tmp_path / "index", [["red fox " * 500_000 + "owl hen"]])
    assert ranked(ranker, '"owl hen"').total == 1
    assert ranked(ranker, '"hen owl"').total == 0


def test_words_that_stand_close_to_each_other_go_first(tmp_path: Path) -> None:
    apart = "red " + "gnu " * 20 + "fox"
    ranker = indexed(tmp_path / "index", [[apart, "fox red " + "gnu " * 20, "owl"]])
    assert [each.docnum for each in ranked(ranker, "red fox").best] == [1, 0]


def test_texts_are_compared_in_blocks_as_in_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = np.random.default_rng(11)
    index(
        tmp_path / "index",
        [[" ".join(chance.choice((*WORDS, "gnu"), 15)) for _ in range(30)] for _ in range(2)],
    )
    whole = ranked(Ranker(leaves(tmp_path / "index")), "red fox hen owl")
    monkeypatch.setattr(collection, "STRETCH", 40)
    monkeypatch.setattr(proximity, "STRETCH", 40)
    monkeypatch.setattr(proximity, "BLOCK", 5)
    assert ranked(Ranker(leaves(tmp_path / "index")), "red fox hen owl") == whole


def test_sections_beyond_those_ordered_anew_come_after_them(tmp_path: Path) -> None:
    some = [f"red {'hen ' * (number % 40)}" for number in range(300)]
    some[250] = "red fox"
    found = ranked(indexed(tmp_path / "index", [some]), "red fox", limit=300).best
    assert found[0].docnum == 250
    assert sorted(each.docnum for each in found) == list(range(300))
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)


def test_sections_that_no_word_ranks_come_in_their_order(tmp_path: Path) -> None:
    ranker = indexed(tmp_path / "index", [["hen", "owl", "red fox"], ["owl", "fox"]])
    tagged = np.array([True, False, True, True, True])
    found = ranker.rank(
        parse_query("tag:bird"), None, concerning=lambda clause: tagged, limit=3, deadline=np.inf
    )
    assert [(each.docnum, each.score) for each in found.best] == [(0, 0.0), (2, 0.0), (3, 0.0)]
    assert found.total == 4


def test_deleted_sections_are_not_found(tmp_path: Path) -> None:
    ranker = indexed(tmp_path / "index", [["red fox", "red", "fox"], ["red fox"]], removed=[0])
    for query in ("red fox", "+red", '"red fox"', "re*", "NOT owl AND red"):
        assert 0 not in {each.docnum for each in ranked(ranker, query).best}
        assert ranked(ranker, query).total == len(ranked(ranker, query).best)
    assert ranker.everything().tolist() == [False, True, True, True]


def test_the_dearest_queries_are_answered_in_full(tmp_path: Path) -> None:
    chance = np.random.default_rng(3)
    common = [f"w{number}" for number in range(32)]
    some = [" ".join(chance.choice(common, 60)) for _ in range(2_000)]
    ranker = indexed(tmp_path / "index", [some])
    assert ranked(ranker, " ".join(common)).total == 2_000
    assert ranked(ranker, " ".join(f"w{number}*" for number in range(4))).total > 0


def test_searches_at_once_find_what_one_alone_finds(tmp_path: Path) -> None:
    chance = np.random.default_rng(5)
    index(tmp_path / "index", [[" ".join(chance.choice(WORDS, 20)) for _ in range(300)]])
    asked = ["red fox", '"red fox hen"', "+owl -hen", "re* fox", "red owl hen fox"] * 4
    alone = [ranked(Ranker(leaves(tmp_path / "index")), query) for query in asked]
    ranker = Ranker(leaves(tmp_path / "index"))
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(partial(ranked, ranker), asked)) == alone


def test_a_search_past_its_time_is_stopped(tmp_path: Path) -> None:
    ranker = indexed(tmp_path / "index", [["red fox"] * 10])
    for query in ("red fox", '"red fox"', "+red", "re*"):
        with pytest.raises(TimedOut):
            ranked(ranker, query, seconds=-1.0)
