"""The words of a segment, as they are written."""

import struct
import zlib
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import OSA

from docindex.indexer.analysis import terms
from docindex.indexer.lexicon import LONGEST, Lexicon, encode, languages_in, merged, without_words
from docindex.indexer.vocabulary import Form

letters = st.text(alphabet="abcdeo1", min_size=3, max_size=9)
any_letters = st.text(alphabet="abе́лкä", min_size=3, max_size=6)


def forms(words: Iterable[str]) -> list[tuple[Form, int]]:
    return [(Form(word, terms(word)[0], ""), 1 + n) for n, word in enumerate(dict.fromkeys(words))]


def lexicon(*words: str) -> Lexicon:
    return Lexicon(memoryview(encode(forms(words))))


def test_a_lexicon_gives_back_its_words_and_how_often_they_are() -> None:
    found = [
        (Form("running", "run", ""), 5),
        (Form("hauser", "haus@de", "de"), 70_000),
        (Form("mangee", "mang@fr", "fr"), 1),
        (Form("検索", "検索", ""), 2),
    ]
    encoded = memoryview(encode(found))
    assert languages_in(encoded) == ("de", "fr")
    assert sorted(map(tuple, Lexicon(encoded).counts())) == sorted(map(tuple, found))


def test_nothing_is_kept_that_nobody_could_mean() -> None:
    kept = lexicon("pods", "ab", "2024", "x" * (LONGEST + 1), "x86")
    assert [form.word for form, _ in kept.counts()] == ["pods", "x86"]
    assert not list(without_words().counts())
    assert not list(lexicon().near("word", 2))


@given(st.lists(letters, max_size=20), letters, st.integers(0, 2))
def test_all_words_within_some_edits_are_near(words: list[str], typed: str, edits: int) -> None:
    kept = lexicon(*words)
    near = {one.word for one in kept.near(typed, edits)}
    close = {form.word for form, _ in kept.counts() if OSA.distance(typed, form.word) <= edits}
    assert close <= near


@given(st.lists(any_letters, max_size=20), any_letters, st.integers(0, 2))
def test_words_in_any_script_are_near(words: list[str], typed: str, edits: int) -> None:
    kept = Lexicon(memoryview(encode([(Form(word, word, "ru"), 1) for word in sorted(set(words))])))
    near = {one.word for one in kept.near(typed, edits)}
    if not typed.isascii():
        assert {word for word in words if OSA.distance(typed, word) <= edits} <= near


def test_a_word_leads_to_the_terms_of_other_languages() -> None:
    kept = Lexicon(
        memoryview(
            encode(
                [
                    (Form("mangee", "mang@fr", "fr"), 1),
                    (Form("mangee", "mange@fr", "fr"), 1),
                    (Form("mangees", "mang@fr", "fr"), 1),
                ]
            )
        )
    )
    assert sorted(kept.terms_of("mangee")) == ["mang@fr", "mange@fr"]
    assert kept.terms_of("other") == []


def test_a_character_of_cjk_leads_to_the_pairs_that_have_it() -> None:
    kept = lexicon("私の", "の猫", "猫が", "犬が", "category")
    assert sorted(one.word for one in kept.pairs_with("猫")) == ["の猫", "猫が"]
    assert list(kept.pairs_with("鳥")) == []


def test_merged_words_are_those_whose_terms_are_left() -> None:
    first, second = lexicon("pods", "services"), lexicon("services", "owls", "pod")
    found = dict(merged([first, second], frozenset({"pod", "servic"})))
    assert {form.word: count for form, count in found.items()} == {
        "pods": 1, "services": 2 + 1, "pod": 3
    }  # fmt: skip


@pytest.mark.parametrize("harm", [b"", b"\n", b"de\nxx"])
def test_what_is_no_lexicon_is_not_taken_for_one(harm: bytes) -> None:
    with pytest.raises((ValueError, zlib.error, struct.error)):
        Lexicon(memoryview(harm))
