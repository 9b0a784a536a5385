"""From bytes to a Document. What parses how stands in fixtures/markdown/*.md, as
title, input and what is expected, with a line of one dot after each of the last two."""

import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from docindex.indexer import blocks
from docindex.indexer.blocks import find_structure
from docindex.indexer.encoding import count_lines, decode, nfc, split_lines, unify_newlines
from docindex.indexer.markdown import MAX_HEADING_CHARS, MAX_LINKS, parse
from docindex.indexer.models import Document

FIXTURES = Path(__file__).parent / "fixtures" / "markdown"
NAME = "guide/getting-started_2024-01-05.md"


def _sections(document: Document) -> list[str]:
    return [
        f"{each.first_line}-{each.last_line} "
        + (f"h{each.level} #{each.anchor} {' > '.join(each.trail)}".strip() if each.level else "--")
        for each in document.sections
    ]


VIEWS: dict[str, Callable[[Document], list[str]]] = {
    "sections": _sections,
    "anchors": lambda document: [each.anchor for each in document.sections],
    "headings": lambda document: [each.heading for each in document.sections],
    "links": lambda document: list(document.links),
    "tags": lambda document: list(document.tags),
    "titles": lambda document: [document.title],
    "hashtags": lambda document: list(document.hashtags),
}


def _cases() -> Iterator[tuple[str, str, str, list[str]]]:
    for path in sorted(FIXTURES.glob("*.md")):
        lines = iter(path.read_text(encoding="utf-8").split("\n"))
        for title in lines:
            if title:
                assert next(lines) == "."
                source = list(iter(lines.__next__, "."))
                expected = list(iter(lines.__next__, "."))
                yield path.stem, title, "".join(f"{line}\n" for line in source), expected


CASES = list(_cases())


@pytest.mark.parametrize(
    ("view", "source", "expected"),
    [(view, source, expected) for view, _, source, expected in CASES],
    ids=[f"{view}: {title}" for view, title, _, _ in CASES],
)
def test_documents_parse_as_the_fixtures_say(view: str, source: str, expected: list[str]) -> None:
    document = parse(source.encode(), NAME)
    assert VIEWS[view](document) == expected
    assert not document.remarks or "deep" in source or "a: b" in source


# --- Against the whole of markdown-it -------------------------------------------

PIECES = [
    *("# a", "## b #", "###", "#c", "a", "b c", "===", "---", "- - -", "=", "-", "--- x", "=== "),
    *("- ", "- a", "* ", "+ x", "1. ", "2) y", "10. z", "> ", "> q", ">", "***", "___"),
    *("    ", "  ", "   ", "\t", " ", "#\t", "```", "~~~", "````", "``` x", "{#x}"),
    *("<!--", "-->", "<div>", "</div>", "<a>", "<script>", "</script>", "<?", "?>"),
    *("[a]: b", "[a]: <c", "[a]:", "[a", "]: x", "'t", "'", '"', "\\", "&amp;"),
    *("|a|", "|-|", "\u00a0", "\x0b", "\x0c", "\u2028", "\x85"),
]
lines = st.lists(st.sampled_from(PIECES), max_size=4).map("".join)
documents = st.lists(lines, max_size=14).map("\n".join)

ORACLE = MarkdownIt("commonmark", {"maxNesting": 1000})


def _headings_by_the_book(text: str) -> list[tuple[int, int, int]]:
    return [
        (int(token.tag[1]), token.map[0], token.map[1])
        for token in ORACLE.parse(text)
        if token.type == "heading_open" and token.level == 0 and token.map
    ]


@given(documents)
@example("> a\n\tb\n# c")
@example("- a\n\n\n    b\n===\n")
def test_sections_begin_where_the_full_parser_sees_headings(text: str) -> None:
    found = [(each.level, each.start, each.end) for each in find_structure(text).headings]
    assert found == _headings_by_the_book(text)


@pytest.mark.parametrize("source", [source for _, _, source, _ in CASES])
def test_the_fixtures_agree_with_the_full_parser(source: str) -> None:
    if not source.startswith("---"):
        found = [(each.level, each.start, each.end) for each in find_structure(source).headings]
        assert found == _headings_by_the_book(source)


@given(documents)
def test_code_is_where_the_full_parser_sees_it(text: str) -> None:
    tokens = ORACLE.parse(text)
    code = [tuple(each.map or ()) for each in tokens if each.type in ("fence", "code_block")]
    assert list(find_structure(text).code) == code


# --- Lines ----------------------------------------------------------------------

texts = st.text(st.sampled_from("ab# \n\r\t\x0b\x0c\x1c\x85\u2028\u2029-=`>é😀\0"), max_size=60)


@given(texts)
def test_lines_end_with_newlines_only_and_join_to_the_text(text: str) -> None:
    lines = split_lines(text)
    assert "".join(lines) == text
    assert count_lines(text) == len(lines)
    assert [line.rstrip("\r\n") for line in lines] == [
        each for each in unify_newlines(text).removesuffix("\n").split("\n") if lines
    ]


def test_a_form_feed_and_a_line_separator_end_no_line() -> None:
    assert split_lines("a\x0cb\u2028c\x85d\x1ce\n\rf\r\ng") == [
        "a\x0cb\u2028c\x85d\x1ce\n",
        "\r",
        "f\r\n",
        "g",
    ]


@given(documents | texts, st.sampled_from(["\n", "\r\n", "\r"]), st.booleans())
def test_sections_share_no_line_and_leave_none_out(text: str, newline: str, fronted: bool) -> None:
    text = unify_newlines(("---\ntitle: x\n---\n" if fronted else "") + text, newline)
    document = parse(text.encode(), NAME)
    file_lines = [line.rstrip("\r\n") for line in split_lines(decode(text.encode()).text)]
    assert document.line_count == len(file_lines)
    following = document.line_count + 1
    for section in reversed(document.sections):
        assert section.last_line == following - 1
        following = section.first_line
        if section.text:
            first = section.last_line - section.text.count("\n")
            assert section.first_line <= first
            assert section.text == nfc("\n".join(file_lines[first - 1 : section.last_line]))
    left_out = "".join(file_lines[: following - 1])
    assert not left_out.replace("title: x", "").strip("-").strip() or document.front_matter


@given(documents)
def test_the_kind_of_newline_changes_nothing(text: str) -> None:
    unix, *others = (
        parse(unify_newlines(text, newline).encode(), NAME) for newline in ("\n", "\r\n", "\r")
    )
    assert others == [unix, unix]


# --- Encodings ------------------------------------------------------------------

TEXT = "# Überschrift\r\n\r\nÄpfel – „Käse“\r\n"


@pytest.mark.parametrize(
    ("data", "encoding", "remark"),
    [
        (TEXT.encode(), "utf-8", ""),
        (TEXT.encode("utf-8-sig"), "utf-8", ""),
        (b"\xff\xfe" + TEXT.encode("utf-16-le"), "utf-16-le", ""),
        (b"\xfe\xff" + TEXT.encode("utf-16-be"), "utf-16-be", ""),
        (TEXT.encode("cp1252"), "cp1252", "not UTF-8: read as Windows-1252"),
    ],
)
def test_a_document_reads_the_same_in_any_encoding(data: bytes, encoding: str, remark: str) -> None:
    decoded = decode(data)
    assert (decoded.text, decoded.encoding, decoded.newline) == (TEXT, encoding, "\r\n")
    assert decoded.encode(decoded.exact) == data
    document = parse(data, NAME)
    assert document.title == "Überschrift"
    assert document.sections[0].text == "\nÄpfel – „Käse“"
    assert document.remarks == ((remark,) if remark else ())


def test_bytes_that_windows_1252_does_not_have_are_latin_1() -> None:
    decoded = decode(b"caf\xe9 \x81\n")
    assert (decoded.encoding, decoded.text) == ("latin-1", "café \x81\n")


def test_a_broken_byte_in_utf_8_costs_one_character() -> None:
    data = "# Ärger\n\nmit Bäumen".encode() + b"\xe4" + " und Büschen\n".encode()
    document = parse(data, NAME)
    assert document.sections[0].text == "\nmit Bäumen� und Büschen"
    assert document.remarks == ("holds broken UTF-8: what could not be read shows as �",)


def test_utf_16_that_ends_in_the_middle_is_read_up_to_there() -> None:
    document = parse(b"\xff\xfe" + "# Title\ntext".encode("utf-16-le") + b"\n", NAME)
    assert (document.title, document.sections[0].text) == ("Title", "text")
    assert document.remarks == ("holds broken UTF-16",)


def test_a_nul_among_text_is_shown_as_unreadable() -> None:
    document = parse(b"# Title\n\nsome\0thing of no importance", NAME)
    assert document.sections[0].text == "\nsome�thing of no importance"
    assert document.remarks == ("holds NUL characters: each is read as �",)


@pytest.mark.parametrize(
    "data",
    [
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89",
        bytes(4096),
        bytes(range(256)) * 40,
        "# Title\n\nno byte order mark".encode("utf-16-le"),
    ],
)
def test_binary_data_is_found_by_its_name_alone(data: bytes) -> None:
    document = parse(data, "images/logo_small.md")
    assert (document.title, document.sections, document.links) == ("Logo small", (), ())
    assert document.remarks == ("binary data, not text: only its name is indexed",)


@given(st.sampled_from([b"", b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf"]), st.binary(max_size=200))
def test_any_bytes_are_a_document_and_showable(bom: bytes, data: bytes) -> None:
    document = parse(bom + data, NAME)
    shown = [document.title, *document.tags, *document.remarks]
    for section in document.sections:
        shown += [section.heading, section.anchor, section.text]
    "".join([*shown, *document.links, decode(bom + data).text]).encode()


@given(st.binary(max_size=200))
def test_what_was_read_can_be_written_back(data: bytes) -> None:
    decoded = decode(data)
    assert len(decoded.text) == len(decoded.exact)
    assert decoded.encode(decoded.exact) == data or decoded.remarks == ("holds broken UTF-16",)


# --- What is indexed ------------------------------------------------------------


def test_decomposed_text_is_indexed_composed() -> None:
    source = "---\ntags: [Café]\n---\n# Café\n\nnaïve\n"
    document = parse(unicodedata.normalize("NFD", source).encode(), NAME)
    assert (document.title, document.tags) == ("Café", ("Café",))
    assert document.sections[0].text == "\nnaïve"
    assert document.sections[0].anchor == "café"


def test_composing_makes_no_markup() -> None:
    """U+1FEF becomes a backtick in NFC, `>` and U+0338 become one character."""
    document = parse("\u1fef\u1fef\u1fef\n# yes\n>\u0338 a\n# no quote\n".encode(), NAME)
    assert [each.heading for each in document.sections] == ["", "yes", "no quote"]


def test_a_plain_text_file_is_one_section_without_markup() -> None:
    document = parse(b"\n  Notes of   the day\n# not a heading\n[a](b.md)\n", "day.txt")
    (section,) = document.sections
    assert (document.title, document.links) == ("Notes of the day", ())
    assert (section.level, section.first_line, section.last_line) == (0, 1, 4)
    assert section.text == "\n  Notes of   the day\n# not a heading\n[a](b.md)"


@pytest.mark.parametrize("name", ["a/README.md", "a/index.md", "_index.md"])
def test_a_name_that_says_nothing_is_no_title(name: str) -> None:
    assert parse(b"## Contents\n# Real\n## Part\n", name).title == "Real"
    assert parse(b"## One\n## Two\n", name).title == "One"


def test_the_title_of_a_plain_text_file_is_short() -> None:
    document = parse(b"word " * 100, "a/b-c.TXT")
    assert len(document.title) <= 80
    assert parse(b"\n", "a/b-c.TXT").title == "B c"


def test_front_matter_that_cannot_be_read_is_searched_as_text() -> None:
    document = parse(b"---\ntitle: a: b\n---\nintro\n# One\n", NAME)
    intro, one = document.sections
    assert (intro.first_line, intro.last_line) == (1, 4)
    assert intro.text == "---\ntitle: a: b\n---\nintro"
    assert one.first_line == 5
    assert document.front_matter == {}
    assert "line 2" in document.remarks[0]


def test_front_matter_that_cannot_be_read_is_searched_even_alone() -> None:
    document = parse(b"+++\ntitle = x\n+++\n", NAME)
    assert [each.text for each in document.sections] == ["+++\ntitle = x\n+++"]


def test_a_heading_too_long_to_show_is_searched_with_its_section() -> None:
    heading = "word " * 200 + "needle"
    document = parse(f"# {heading}\n\ntext\n## Next\n".encode(), NAME)
    first, following = document.sections
    assert len(first.heading) == MAX_HEADING_CHARS
    assert first.heading.endswith("…")
    assert following.trail == (first.heading, "Next")
    assert first.text == f"# {heading}\n\ntext"
    assert len(first.anchor) <= MAX_HEADING_CHARS


def test_links_are_bounded() -> None:
    source = " ".join(f"[a]({number}.md)" for number in range(2 * MAX_LINKS))
    assert len(parse(source.encode(), NAME).links) == MAX_LINKS


def test_what_the_parser_cannot_take_is_plain_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "_MAX_STEPS", 100)
    document = parse(b"---\ntitle: x\n---\n# a\n" + b"- a\n" * 100, NAME)
    (section,) = document.sections
    assert (section.level, section.first_line, section.last_line) == (0, 4, 104)
    assert document.title == "x"
    assert document.remarks == ("too long or too intricate for Markdown: read as plain text",)


def test_an_empty_document_is_a_document() -> None:
    document = parse(b"", "a/README.md")
    assert (document.title, document.sections, document.line_count) == ("README", (), 0)
