"""What is found is what a slow look at the texts finds."""

import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docindex.indexer.clauses import DocumentClause
from docindex.indexer.errors import TimedOut
from docindex.indexer.models import Document, Record, Section, Stamp
from docindex.indexer.query import parse_query
from docindex.indexer.ranking import Bitmap, Ranker, Ranking
from docindex.indexer.schema import rows
from docindex.indexer.segments import Builder
from docindex.indexer.snapshot import Snapshots
from docindex.indexer.store import Store

WORDS = ("red", "fox", "hen", "owl")
texts = st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join)


def indexed(folder: Path, segments: Sequence[Sequence[str]]) -> Ranker:
    """One section for each text, numbered in order."""
    store = Store(folder)
    number = 0
    for segment in segments:
        builder = Builder(folder)
        for text in segment:
            name = f"{number}.md"
            section = Section("", 0, (), "", 1, 1, text)
            document = Document(name, "", (), (), {}, (section,), 1)
            record = Record(name, "v", Stamp(1, 1, 1, 1), sections=1)
            builder.add(record, rows(record, document))
            number += 1
        store.commit(builder.finish())
    return Ranker([leaf.reader for leaf in Snapshots(folder).newest().leaves])


def nothing(clause: DocumentClause) -> Bitmap:
    return np.zeros(0, np.bool_)


def ranked(ranker: Ranker, query: str, limit: int = 100, seconds: float = 60.0) -> Ranking:
    deadline = time.monotonic() + seconds
    return ranker.rank(parse_query(query), None, concerning=nothing, limit=limit, deadline=deadline)


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
    ranker = indexed(tmp_path / "index", [["red fox " * 50_000 + "owl hen"]])
    assert ranked(ranker, '"owl hen"').total == 1
    assert ranked(ranker, '"hen owl"').total == 0


def test_a_search_past_its_time_is_stopped(tmp_path: Path) -> None:
    ranker = indexed(tmp_path / "index", [["red fox"] * 10])
    for query in ("red fox", '"red fox"', "+red", "re*"):
        with pytest.raises(TimedOut):
            ranked(ranker, query, seconds=-1.0)
