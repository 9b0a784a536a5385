"""Names and addresses of documents. Bad ones stand in tests/hostile/."""

import re
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docindex.indexer.errors import InvalidName, NotADocument
from docindex.indexer.names import (
    MAX_DEPTH,
    creation_problem,
    escaped,
    has_one_form,
    name_problem,
    normalised,
    parse_name,
    parse_uri,
    shown,
    uri_of,
)

_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")

any_text = st.text(st.characters(exclude_categories=[]))
tricky_text = (
    st.text(st.sampled_from("./\\%#?:a-K\u212ae\u0301é\u202e\u200b\0\n\x1b\ud800 ~")) | any_text
)
components = st.text(
    st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters="/\\"),
    min_size=1,
    max_size=20,
).filter(lambda text: not text.startswith("."))


@st.composite
def names(draw: st.DrawFn) -> str:
    parts = draw(st.lists(components, min_size=1, max_size=5))
    extension = draw(st.sampled_from([".md", ".MD", ".markdown", ".mdx", ".mdown", ".txt"]))
    return normalised("/".join(parts) + extension)


@pytest.mark.parametrize(
    "name",
    ["a.md", "guide/setup.md", "a b/c.TXT", "x.Markdown", "y.mdx", "z.mdown", "folder.md/x.md"],
)
def test_a_good_name_is_taken_as_it_is(name: str) -> None:
    assert parse_name(name) == name


def test_what_is_not_indexed_is_no_document_name() -> None:
    for name in ("a.png", ".hidden.md", "../a.md", ""):
        with pytest.raises((InvalidName, NotADocument)):
            parse_name(name)


@pytest.mark.parametrize(
    ("cited", "said"),
    [
        ("guide/setup.md#linux", 'name is guide/setup.md; give section "linux" beside it'),
        ("guide/setup.md:12-34", "name is guide/setup.md; give lines 12-34 beside it"),
        ("a.markdown:7", "name is a.markdown; give lines 7 beside it"),
    ],
)
def test_who_cites_a_part_for_a_name_is_told_where_it_goes(cited: str, said: str) -> None:
    with pytest.raises(NotADocument, match=re.escape(said)):
        parse_name(cited)


def test_a_name_comes_back_in_nfc() -> None:
    assert parse_name("cafe\u0301/re\u0301sume\u0301.md") == "caf\u00e9/r\u00e9sum\u00e9.md"


@given(tricky_text, st.booleans())
def test_whatever_is_asked_for_becomes_a_safe_name_or_a_clear_error(
    text: str, creating: bool
) -> None:
    name, message = "", ""
    try:
        name = parse_name(text, creating=creating)
    except (InvalidName, NotADocument) as error:
        message = str(error)
    assert message.isprintable()
    if message:
        return
    parts = name.split("/")
    assert name == unicodedata.normalize("NFC", text)
    assert not set(parts) & {"", ".", ".."}
    assert len(parts) <= MAX_DEPTH
    assert all(len(part.encode()) <= 255 and not part.startswith(".") for part in parts)
    assert "\\" not in name
    assert not any(unicodedata.category(character) in ("Cc", "Cs") for character in name)
    assert parse_name(name) == name


def test_normalising_never_makes_a_character_that_means_something_in_a_path() -> None:
    made = {
        unicodedata.normalize("NFC", chr(code)): chr(code)
        for code in range(0x80, sys.maxunicode + 1)
    }
    assert not any(set(form) & set("/\\.:\0") for form in made)
    one_form_only = {form for form in made if form.isascii() and has_one_form(form)}
    assert one_form_only == set()


@pytest.mark.parametrize(
    ("component", "why"),
    [
        ("CON.md", "device"),
        ("nul", "device"),
        ("com1.txt", "device"),
        ("LPT\u00b2.tar.md", "device"),
        ("aux .md", "device"),
        ("notes:stream.md", "does not allow :"),
        ("what?.md", "does not allow ?"),
        ('"x".md', 'does not allow "'),
        ("notes.", "dot or a space"),
        ("notes ", "dot or a space"),
        ("ab\u202egpj.md", "U+202E"),
        ("a\u200bb.md", "U+200B"),
        ("a\u3164b.md", "U+3164"),
        ("\ufeffa.md", "U+FEFF"),
    ],
)
def test_what_deceives_or_is_not_portable_is_not_created_but_may_exist(
    component: str, why: str
) -> None:
    assert why in creation_problem(component)
    name = f"{component}/x.md"
    assert parse_name(name) == name
    with pytest.raises(InvalidName, match="Choose another name"):
        parse_name(name, creating=True)


@pytest.mark.parametrize(
    "component",
    ["console.md", "COM10.md", "comma.md", "nulls", "-rf.md", "~a.md", "100% é 漢字.md"],
)
def test_what_only_looks_odd_may_be_created(component: str) -> None:
    assert creation_problem(component) == ""


@given(any_text, any_text)
def test_escapes_print_and_keep_different_texts_different(one: str, other: str) -> None:
    assert escaped(one).isprintable()
    assert (escaped(one) == escaped(other)) == (one == other)


@given(tricky_text)
def test_what_a_message_shows_is_short_and_prints(text: str) -> None:
    assert len(shown(text)) <= 80
    assert shown(text).isprintable()


def test_escapes_tell_a_byte_from_a_character() -> None:
    assert escaped("bad\udcff.md") == r"bad\xff.md"
    assert escaped("bad\x85.md") == r"bad\u0085.md"
    assert escaped(r"bad\xff.md") == r"bad\\xff.md"
    assert escaped("a\nb\x1b[31m\u202e") == r"a\nb\x1b[31m\u202e"


def test_a_long_text_is_shown_with_its_beginning_and_its_end() -> None:
    text = shown("a" * 1_000_000 + "/end.md")
    assert text.startswith("aaaa")
    assert text.endswith("/end.md")
    assert "…" in text


@given(names(), st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=30))
def test_an_address_leads_back_to_its_name_and_section(name: str, anchor: str) -> None:
    if name_problem(name):
        return  # a drive letter
    uri = uri_of(name, anchor)
    assert parse_uri(uri) == (name, anchor)
    path = uri.removeprefix("doc://documents/")
    assert set(path) <= _UNRESERVED | set("/%#")


def test_an_address_is_percent_encoded_but_for_unreserved_characters() -> None:
    assert uri_of("a b/ü~c.md", "übersicht-1") == (
        "doc://documents/a%20b/%C3%BC~c.md#%C3%BCbersicht-1"
    )


def test_an_address_may_be_written_with_less_encoding() -> None:
    assert parse_uri("DOC://Documents/a b/ü.md#x") == ("a b/ü.md", "x")
