"""Conditions are met by what a slow look at the texts says, word by word."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docindex.indexer import collection as collections
from docindex.indexer.analysis import terms
from docindex.indexer.clauses import (
    And,
    Clause,
    DocumentClause,
    Has,
    Not,
    Or,
    Phrase,
    Prefix,
    TermField,
    Word,
)
from docindex.indexer.impacts import Bitmap
from docindex.indexer.matching import MOST_EXPANSIONS, Matcher
from tests import stock
from tests.built import Page, collection, index, searcher

WORDS = ("red", "fox", "foxes", "owl", "service", "été", "検索器", "C++", "red-fox")
words = st.lists(st.sampled_from(WORDS), max_size=10).map(" ".join)
pages = st.builds(Page, words, st.lists(words, max_size=3).map(tuple), words)
segments = st.lists(st.lists(pages, min_size=1, max_size=6), min_size=1, max_size=3)

typed = st.sampled_from(WORDS).map(lambda text: Word(text, tuple(terms(text))))
fields = st.sampled_from([None, "title", "heading"])
starts = st.sampled_from(["f", "re", "services", "ow", "zz", "検"])
clauses: st.SearchStrategy[Clause] = st.recursive(
    st.builds(Has, typed, fields)
    | st.builds(Phrase, st.lists(typed, min_size=1, max_size=3).map(tuple), fields)
    | st.builds(Prefix, st.just(""), st.sampled_from([(), ("red",)]), starts, fields),
    lambda some: (
        st.lists(some, min_size=1, max_size=3).map(tuple).map(And)
        | st.lists(some, min_size=1, max_size=3).map(tuple).map(Or)
        | some.map(Not)
    ),
    max_leaves=5,
)


def texts(page: Page, name: str, field: TermField | None) -> list[Sequence[str]]:
    """The pieces of a section that a condition looks at; no phrase reaches across them."""
    title, headings = terms(page.title), [terms(heading) for heading in page.trail]
    match field:
        case "title":
            return [title]
        case "heading":
            return [*headings, terms(name)]
        case None:
            return [title, *headings, terms(name), terms(page.text)]


def meets(clause: Clause, page: Page, name: str) -> bool:
    match clause:
        case Has(word, field):
            return _all(word.terms, texts(page, name, field))
        case Phrase(field=field):
            wanted = list(clause.terms)
            if len(wanted) == 1:
                return _all(wanted, texts(page, name, field))
            return any(
                list(text[at : at + len(wanted)]) == wanted
                for text in texts(page, name, field)
                for at in range(len(text))
            )
        case Prefix(field=field):
            pieces = texts(page, name, field)
            some = any(clause.matches(term) for text in pieces for term in text)
            return some and _all(clause.before, pieces)
        case Not(inner):
            return not meets(inner, page, name)
        case And(several):
            return all(meets(one, page, name) for one in several)
        case Or(several):
            return any(meets(one, page, name) for one in several)
        case _:
            raise AssertionError(clause)


def _all(wanted: Sequence[str], pieces: Sequence[Sequence[str]]) -> bool:
    return all(any(term in text for text in pieces) for term in wanted)


def nothing(clause: DocumentClause) -> Bitmap:
    return np.zeros(0, np.bool_)


def matching(folder: Path, clause: Clause) -> set[int]:
    met = Matcher(collection(folder), nothing, lambda: None).met(clause)
    return set(np.flatnonzero(met).tolist())


@settings(max_examples=150)
@given(segments, st.lists(clauses, min_size=1, max_size=4), st.data())
def test_conditions_are_met_as_the_texts_meet_them(
    some: list[list[Page]], wanted: list[Clause], data: st.DataObject
) -> None:
    size = sum(map(len, some))
    removed = data.draw(st.sets(st.integers(0, size - 1), max_size=size - 1))
    with TemporaryDirectory() as place:
        index(Path(place) / "index", some, removed)
        found = collection(Path(place) / "index")
        every = [page for segment in some for page in segment]
        # What is deleted leaves with its segment when nothing else is in that.
        alive = [number for number in _kept(some, removed) if number not in removed]
        standing = {number: at for at, number in enumerate(_kept(some, removed))}
        for clause in wanted:
            met = Matcher(found, nothing, lambda: None).met(clause)
            expected = {standing[n] for n in alive if meets(clause, every[n], str(n))}
            assert set(np.flatnonzero(met).tolist()) == expected, clause


def _kept(some: list[list[Page]], removed: set[int]) -> list[int]:
    """The numbers of the sections whose segments are still there."""
    kept: list[int] = []
    number = 0
    for segment in some:
        numbers = range(number, number + len(segment))
        number += len(segment)
        if not removed.issuperset(numbers):
            kept += numbers
    return kept


def phrase(text: str, field: TermField | None = None) -> Phrase:
    return Phrase(tuple(Word(word, (word,)) for word in text.split()), field)


def test_no_phrase_reaches_from_one_section_or_piece_into_the_next(tmp_path: Path) -> None:
    some = [
        Page("owl red", ("fox hen", "red"), "owl fox"),
        Page("fox owl", ("hen",), "red"),
    ]
    index(tmp_path / "index", [some])
    assert matching(tmp_path / "index", phrase("red fox")) == set()
    assert matching(tmp_path / "index", phrase("hen red")) == set()
    assert matching(tmp_path / "index", phrase("hen red", "heading")) == set()
    assert matching(tmp_path / "index", phrase("fox hen")) == {0}
    assert matching(tmp_path / "index", phrase("fox hen", "heading")) == {0}
    assert matching(tmp_path / "index", phrase("owl fox", "title")) == {0}


def test_a_phrase_of_one_repeated_word_needs_as_many_of_it(tmp_path: Path) -> None:
    index(tmp_path / "index", [["ho ho hum", "ho ho ho", "ho hum ho ho"]])
    assert matching(tmp_path / "index", phrase("ho ho ho")) == {1}


def test_texts_are_looked_through_piece_by_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collections, "STRETCH", 10)
    index(tmp_path / "index", [["red fox", "red " * 30 + "fox", "fox red"] * 3, ["owl", "red fox"]])
    looks: list[None] = []
    matcher = Matcher(collection(tmp_path / "index"), nothing, lambda: looks.append(None))
    assert np.flatnonzero(matcher.met(phrase("red fox"))).tolist() == [0, 1, 3, 4, 6, 7, 10]
    assert len(looks) > 6


def test_segments_of_more_words_than_fit_16_bits_have_phrases(tmp_path: Path) -> None:
    many = " ".join(f"w{number}" for number in range(70_000))
    index(tmp_path / "index", [[many, "w1 w69999", "w69999 w1"]])
    assert matching(tmp_path / "index", phrase("w69998 w69999")) == {0}
    assert matching(tmp_path / "index", phrase("w1 w69999")) == {1}


def test_a_prefix_stands_for_its_first_terms_in_order(tmp_path: Path) -> None:
    index(tmp_path / "index", [[f"word{number:03}" for number in range(MOST_EXPANSIONS + 20)]])
    found = matching(tmp_path / "index", Prefix("word*", (), "word"))
    assert found == set(range(MOST_EXPANSIONS))


@settings(max_examples=30)
@given(segments, st.sampled_from(["title", "headings", "body"]), st.sampled_from(["f", "re", "o"]))
def test_prefixes_find_what_they_find_in_stock_whoosh(
    some: list[list[Page]], field: str, start: str
) -> None:
    fields: dict[str, TermField | None] = {"title": "title", "headings": "heading", "body": None}
    with TemporaryDirectory() as place:
        folder = Path(place) / "index"
        index(folder, some)
        found = searcher(folder).search(stock.query.Prefix(field, start), limit=None)
        assert matching(folder, Prefix("", (), start, fields[field])) == set(found.docs())
