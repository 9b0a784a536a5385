"""Which language a document is in, and how it takes its endings off."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docindex.indexer.analysis import OF_LANGUAGE, alternatives, asked_spans, term_spans, terms
from docindex.indexer.languages import (
    ENGLISH,
    LANGUAGES,
    code_of,
    detected,
    language_of,
    telling_words,
)
from docindex.indexer.query import parse_query

CASES = Path(__file__).parent / "fixtures" / "words" / "languages.tsv"


def cases() -> list[list[str]]:
    lines = CASES.read_text(encoding="utf-8").splitlines()
    found = [line.partition("\t") for line in lines if not line.startswith("#")]
    return [[code, text.replace("\\n", "\n")] for code, _, text in found]


@pytest.mark.parametrize(("code", "text"), cases())
def test_the_language_of_a_document_is_seen_from_its_beginning(code: str, text: str) -> None:
    assert detected(text) == code


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("de", "de"), ("de-AT", "de"), ("pt_BR", "pt"), ("German", "de"), ("nb", "no"),
        ("en", ENGLISH), ("en-GB", ENGLISH), ("English", ENGLISH), ("ja", None), ("xx", None),
        ("", None), (7, None), (["de"], None), (None, None),
    ],
)  # fmt: skip
def test_a_document_can_name_its_language(written: object, code: str | None) -> None:
    assert code_of(written) == code


def test_what_a_document_names_goes_before_what_is_seen() -> None:
    german = cases()[0][1]
    assert language_of({}, [german]) == "de"
    assert language_of({"lang": "en"}, [german]) == ENGLISH
    assert language_of({"language": "fr"}, [german]) == "fr"
    assert language_of({"lang": "klingon"}, [german]) == "de"
    assert language_of({}, ["", german[:60], german[60:]]) == "de"


INFLECTED = {
    "de": "Haus Häuser Hauses Häusern",
    "fr": "continuer continué continuée continuait",
    "es": "canción canciones cancion",
    "ru": "настройка настройки настройкой настройку",
    "it": "abbandonare abbandonato abbandonata",
    "nl": "lichaam lichamelijk lichamelijke",
    "sv": "flicka flickor flickorna",
    "pt": "carro carros",
    "el": "αρχείο αρχείου αρχεία",
    "tr": "kitap kitapların",
}


@pytest.mark.parametrize(
    ("language", "written", "asked"),
    [
        (language, written, asked)
        for language, forms in INFLECTED.items()
        for written in forms.split()
        for asked in forms.split()
        if (language, written[:4] == asked[:4]) not in {("nl", True), ("tr", True)}
        or written == asked
        or ("lichamelijk" in written and "lichamelijk" in asked)
    ],
)
def test_a_word_is_found_in_any_form_of_its_language(
    language: str, written: str, asked: str
) -> None:
    (word,) = parse_query(asked, (language,)).should
    (term,) = word.terms
    assert set(terms(written, language)) <= set(alternatives(term))


words = st.text(alphabet="abdeinrstuäéж1_検 ", max_size=20)


@given(words, st.sampled_from(sorted(LANGUAGES)))
def test_no_word_of_another_language_is_one_of_english(text: str, language: str) -> None:
    if language != ENGLISH:
        plain, other = terms(text), terms(text, language)
        assert len(plain) == len(other)
        for term in other:
            assert term.endswith(f"{OF_LANGUAGE}{language}") or term in plain
            assert OF_LANGUAGE in term or not term.isalpha() or "検" in term


@given(words, st.lists(st.sampled_from(["de", "fr", "ru"]), unique=True))
def test_a_question_asks_in_english_and_in_each_language(text: str, languages: list[str]) -> None:
    asked = asked_spans(text, languages)
    for language in (ENGLISH, *languages):
        for (term, *span), (one, *same) in zip(term_spans(text, language), asked, strict=True):
            assert span == same
            assert term in alternatives(one)


def test_questions_in_another_language_do_without_its_function_words() -> None:
    query = parse_query("wie kann ich die Häuser sehen", ("de",))
    assert [word.text for word in query.should] == ["Häuser", "sehen"]
    # One of them alone may be meant.
    assert [word.text for word in parse_query("nach Haus", ("de",)).should] == ["nach", "Haus"]
    assert [word.text for word in parse_query("wie sehen").should] == ["wie", "sehen"]


@pytest.mark.parametrize("language", sorted(set(LANGUAGES) - {ENGLISH}))
def test_words_that_are_english_too_tell_nothing(language: str) -> None:
    assert telling_words(language).isdisjoint({"in", "is", "an", "man", "die", "for", "so"})
    assert telling_words(language)
