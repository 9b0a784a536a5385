"""The forms in which names of code are found."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docindex.indexer.analysis import analyse, chunks, identifiers, terms
from docindex.indexer.analysis import words as words_of
from docindex.indexer.identifiers import MAX_NAME, joined_words, parts, wholes

CASES = Path(__file__).parent / "fixtures" / "words" / "identifiers.tsv"


def cases() -> list[list[str]]:
    lines = CASES.read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines if not line.startswith("#")]


@pytest.mark.parametrize(("text", "names"), cases())
def test_a_name_is_found_whole_and_by_its_parts(text: str, names: str) -> None:
    assert [name for chunk in chunks(text) for name in analyse(chunk).names] == names.split()


SPELLINGS = ["getUserName", "get_user_name", "get-user-name", "get.user.name", "get::user::name"]


@pytest.mark.parametrize("asked", SPELLINGS)
@pytest.mark.parametrize("written", SPELLINGS)
def test_a_name_is_found_however_its_words_are_joined(written: str, asked: str) -> None:
    indexed = {*terms(written), *identifiers(written)}
    assert "getusernam" in indexed.intersection([*terms(asked), *identifiers(asked)])


words = st.text(alphabet="abcXYZ", min_size=1, max_size=6)


@given(st.lists(words, min_size=2, max_size=5), st.sampled_from([".", "_", "-", "::", "__"]))
def test_the_words_of_a_name_make_up_the_whole(parts: list[str], joint: str) -> None:
    (chunk,) = chunks(joint.join(parts))
    assert analyse(chunk).names[0] == "".join(parts).lower()


@given(st.text(alphabet="aZ9._-:+#é検 ", max_size=30))
def test_names_can_be_written_to_an_index(text: str) -> None:
    for name in identifiers(text):
        assert 0 < len(name) <= MAX_NAME
        assert name == name.lower()
        assert not set(name) & set("_:|@# ")


def test_a_hostile_text_is_read_in_the_end() -> None:
    # Quadratic time would be hours here.
    for text in ("a." * 500_000, "aB" * 500_000, "-" * 1_000_000, "é." * 300_000):
        assert all(len(name) <= MAX_NAME for name in identifiers(text))


@given(
    st.from_regex(
        r"(--?|\.)?[0-9a-cA-C]{1,5}(?:(?:[._-]{1,2}|::)[0-9a-cA-C]{1,5}){0,4}", fullmatch=True
    )
)
def test_the_fast_way_for_plain_names_gives_what_the_other_way_gives(text: str) -> None:
    found = joined_words(text)
    assert found is not None
    whole = list(wholes(text, lambda word: (word.lower(),)))
    assert found.names == [
        *whole,
        *(part for word in re.split("[._:-]+", text) for part in parts(word)),
    ]
    assert found.words == words_of(text)
