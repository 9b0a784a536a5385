"""Edits that keep every other byte, and the sections they go to."""

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from docindex.indexer.edits import apply
from docindex.indexer.encoding import decode, split_lines, unify_newlines
from docindex.indexer.errors import (
    DocumentNotFound,
    InvalidInput,
    NotADocument,
    Refused,
    SectionNotFound,
    TooLarge,
)
from docindex.indexer.frontmatter import split
from docindex.indexer.markdown import MAX_SECTIONS, parse
from docindex.indexer.models import Edit, WriteMode
from docindex.indexer.sections import find_section, section_range

NAME = "guide/setup.md"


def edited(
    text: str | None,
    content: str | None,
    mode: WriteMode = "replace",
    section: str = "",
    tags: tuple[str, ...] | None = None,
) -> str:
    edit = Edit(NAME, content=content, mode=mode, section=section, tags=tags)
    return apply(None if text is None else text.encode(), edit, NAME).decode()


# --- Whole documents, ends and heads --------------------------------------------


@pytest.mark.parametrize("mode", ["replace", "append", "prepend"])
@pytest.mark.parametrize("text", [None, ""])
def test_content_is_the_whole_of_a_new_document(text: str | None, mode: WriteMode) -> None:
    assert edited(text, "# T\r\n\ntext", mode) == "# T\r\n\ntext"


def test_replacing_takes_the_content_for_the_whole_text() -> None:
    assert edited("---\ntitle: A\n---\n# Old\n", "# New\n") == "# New\n"


@pytest.mark.parametrize(
    ("text", "content", "after"),
    [
        ("a\n", "b", "a\nb\n"),
        ("a\n", "b\n", "a\nb\n"),
        ("a", "b", "a\nb"),
        ("a", "b\n", "a\nb\n"),
        ("a\r\n", "\nb\nc", "a\r\n\r\nb\r\nc\r\n"),
        ("a\n\n", "b", "a\n\nb\n"),
        ("a\n", "", "a\n"),
        ("a", "", "a"),
    ],
)
def test_appended_text_begins_on_a_line_of_its_own(text: str, content: str, after: str) -> None:
    assert edited(text, content, "append") == after


@pytest.mark.parametrize(
    ("text", "content", "after"),
    [
        ("a", "b", "b\na"),
        ("---\nx: 1\n---\n# T\n", "new", "---\nx: 1\n---\nnew\n# T\n"),
        ("---\nx: 1\n---", "new", "---\nx: 1\n---\nnew"),
        ("---\r\nx: 1\r\n---\r\n# T\r\n", "new\n", "---\r\nx: 1\r\n---\r\nnew\r\n# T\r\n"),
        ("---\nx: 1\n", "new", "new\n\n---\nx: 1\n"),
        ("a", "", "a"),
    ],
)
def test_prepended_text_comes_after_the_front_matter(text: str, content: str, after: str) -> None:
    assert edited(text, content, "prepend") == after


def test_a_text_file_has_no_front_matter_to_come_after() -> None:
    edit = Edit("a.txt", content="new", mode="prepend")
    assert apply(b"---\nx: 1\n---\n", edit, "a.txt") == b"new\n---\nx: 1\n---\n"


def test_tags_are_set_in_what_the_content_makes() -> None:
    assert edited(None, "# T\n", tags=("a",)) == "---\ntags: [a]\n---\n# T\n"
    assert edited("---\nx: 1\n---\nold\n", "new\n", tags=("a",)) == "---\ntags: [a]\n---\nnew\n"
    assert (
        edited("---\r\nx: 1\r\n---\r\na\r\n", "b\n", "append", tags=("a",))
        == "---\r\nx: 1\r\ntags: [a]\r\n---\r\na\r\nb\r\n"
    )


def test_a_new_front_matter_has_the_newlines_of_the_content() -> None:
    assert edited(None, "# T\r\n", tags=("a",)) == "---\r\ntags: [a]\r\n---\r\n# T\r\n"


def test_tags_alone_leave_the_text() -> None:
    assert edited("# T\r\ntext", None, tags=("a",)) == "---\r\ntags: [a]\r\n---\r\n# T\r\ntext"


# --- Sections -------------------------------------------------------------------

GUIDE = """\
---
title: Guide
---
Intro.

# Guide

Words.

## Install

Use pip.

### Linux

Use apt.


## Use
```
run
```
Use
---
text"""


@pytest.mark.parametrize(
    ("section", "content", "was", "becomes"),
    [
        ("install", "New.", "Use pip.\n\n### Linux\n\nUse apt.", "New."),
        ("install", "\n\nNew.\n\n\n", "Use pip.\n\n### Linux\n\nUse apt.", "New."),
        ("linux", "New\n\n- a\n", "Use apt.", "New\n\n- a"),
        ("linux", "    code\n", "Use apt.", "    code"),
        ("linux", "", "\nUse apt.\n", ""),
        ("use", "New.", "```\nrun\n```\n", "New.\n\n"),
        ("use-1", "New.", "text", "New."),
        ("use-1", "New.\n", "text", "New."),
        ("use-1", " \n", "text", ""),
        # With a heading of its own.
        ("linux", "### Debian\nNew.", "### Linux\n\nUse apt.", "### Debian\nNew."),
        (
            "install",
            "## Set up\n### BSD",
            "## Install\n\nUse pip.\n\n### Linux\n\nUse apt.",
            "## Set up\n### BSD",
        ),
        ("use-1", "Usage\n---\nNew.", "Use\n---\ntext", "Usage\n---\nNew."),
        # A heading of another level is text under it.
        ("linux", "#### Debian", "Use apt.", "#### Debian"),
    ],
)
def test_a_section_is_replaced_under_its_heading(
    section: str, content: str, was: str, becomes: str
) -> None:
    assert GUIDE.count(was) == 1
    assert edited(GUIDE, content, "section", section) == GUIDE.replace(was, becomes)


@pytest.mark.parametrize(
    ("text", "content", "after"),
    [
        ("# A", "x", "# A\n\nx"),
        ("# A\n", "x", "# A\n\nx\n"),
        ("# A\n# B\n", "x", "# A\n\nx\n\n# B\n"),
        ("# A\n\n# B\n", "x", "# A\n\nx\n\n# B\n"),
        ("# A\r\n# B\r\n", "x\ny", "# A\r\n\r\nx\r\ny\r\n\r\n# B\r\n"),
        ("# A\n\n\nold\n", "x", "# A\n\n\nx\n"),
        ("A\n=\nold\n", "x", "A\n=\nx\n"),
        ("A\nb\n=\nold", "x\n", "A\nb\n=\nx"),
        ("# A\nold\n\n", "x", "# A\nx\n\n"),
        ("# A\nold\n  ", "x", "# A\nx\n  "),
        ("# A\n", "", "# A\n"),
        ("# A", "", "# A"),
        ("===\n===\nold", "x", "===\n===\nx"),
        ("#a\n=\nold", "x", "#a\n=\nx"),
    ],
)
def test_blank_lines_and_line_ends_around_a_section_stay(
    text: str, content: str, after: str
) -> None:
    anchor = parse(text.encode(), NAME).sections[0].anchor
    assert edited(text, content, "section", anchor) == after


@pytest.mark.parametrize(
    ("text", "section", "content"),
    [("# A\n***\nB\n===\n", "a", "new"), ("# A\ntext\n# C\n", "c", "B\n===\nnew")],
)
def test_text_and_underlined_headings_do_not_run_into_each_other(
    text: str, section: str, content: str
) -> None:
    after = edited(text, content, "section", section)
    assert [each.heading for each in parse(after.encode(), NAME).sections] == ["A", "B"]


def test_a_document_that_does_not_exist_has_no_section() -> None:
    with pytest.raises(DocumentNotFound, match=r"guide/setup\.md"):
        edited(None, "x", "section", "a")
    with pytest.raises(DocumentNotFound):
        edited(None, None, tags=("a",))


def test_a_document_of_too_many_sections_is_not_edited_by_section() -> None:
    with pytest.raises(TooLarge):
        edited("# a\n" * (MAX_SECTIONS + 1), "x", "section", "a")


# --- Bytes ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bom", "encoding"),
    [
        (b"", "utf-8"),
        (b"\xef\xbb\xbf", "utf-8"),
        (b"\xff\xfe", "utf-16-le"),
        (b"\xfe\xff", "utf-16-be"),
        (b"", "cp1252"),
    ],
)
@pytest.mark.parametrize("mode", ["append", "prepend", "section", "replace"])
def test_new_text_has_the_encoding_and_bom_of_the_file(
    bom: bytes, encoding: str, mode: WriteMode
) -> None:
    text = "# Größe\r\n\r\nalt\r\n"
    section = "größe" if mode == "section" else ""
    edit = Edit(NAME, content="für\n", mode=mode, section=section)
    after = {
        "append": text + "für\r\n",
        "prepend": "für\r\n" + text,
        "section": "# Größe\r\n\r\nfür\r\n",
        "replace": "für\r\n",
    }
    expected = bom + after[mode].encode(encoding)
    assert apply(bom + text.encode(encoding), edit, NAME) == expected


@pytest.mark.parametrize(
    ("bom", "encoding"), [(b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le")]
)
@pytest.mark.parametrize("mode", ["prepend", "replace"])
def test_a_byte_order_mark_does_not_come_twice(bom: bytes, encoding: str, mode: WriteMode) -> None:
    edit = Edit(NAME, content="\ufeffnew\n", mode=mode)
    after = {"prepend": "new\nold\n", "replace": "new\n"}[mode]
    assert apply(bom + "old\n".encode(encoding), edit, NAME) == bom + after.encode(encoding)
    assert apply(None, edit, NAME) == "\ufeffnew\n".encode()


def test_a_character_that_the_encoding_lacks_is_named() -> None:
    edit = Edit("docs/setup.md", content="a → b", mode="append")
    with pytest.raises(InvalidInput, match=r"docs/setup.md is stored as cp1252.*'→' \(U\+2192\)"):
        apply("Größe\n".encode("cp1252"), edit, NAME)


def test_a_replaced_document_becomes_utf_8_where_its_encoding_does_not_do() -> None:
    data = "Größe\n".encode("cp1252")
    assert apply(data, Edit(NAME, content="Maß"), NAME) == "Maß".encode("cp1252")
    assert apply(data, Edit(NAME, content="a → b"), NAME) == "a → b".encode()


def test_what_would_be_read_back_as_another_encoding_is_not_written_in_it() -> None:
    data = "# A\né\n# B\nx\n".encode("cp1252")
    with pytest.raises(InvalidInput, match="stored as cp1252"):
        apply(data, Edit(NAME, content="Ã©", mode="section", section="a"), NAME)
    assert apply(data, Edit(NAME, content="Ã©"), NAME) == "Ã©".encode()


def test_bytes_that_could_not_be_read_stay_as_they_are() -> None:
    data = "# Größe ".encode() + b"\xff\xfe\0" + " äöü\n".encode()
    assert apply(data, Edit(NAME, content="x", mode="append"), NAME) == data + b"x\n"


@pytest.mark.parametrize(
    ("data", "error", "said"),
    [
        (bytes(100), NotADocument, "binary"),
        (b"\xff\xfea\0b\0c", Refused, "broken UTF-16"),
    ],
)
def test_what_cannot_be_kept_is_only_replaced_whole(
    data: bytes, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        apply(data, Edit(NAME, content="x", mode="append"), NAME)
    with pytest.raises(error, match=said):
        apply(data, Edit(NAME, tags=("a",)), NAME)
    assert decode(apply(data, Edit(NAME, content="é"), NAME)).text == "é"


@pytest.mark.parametrize("content", ["a\0b", "a\ud800b"])
def test_content_that_is_no_text_is_refused(content: str) -> None:
    with pytest.raises(InvalidInput, match="no text"):
        edited("x", content)


def test_an_edit_of_nothing_is_refused() -> None:
    with pytest.raises(InvalidInput, match="nothing to write"):
        edited("x", None)


def test_a_text_file_cannot_have_tags() -> None:
    with pytest.raises(InvalidInput, match=r"\.txt"):
        apply(b"x", Edit("a.txt", tags=("a",)), "a.txt")
    fenced = b"---\ntags: [a]\n---\n"
    assert apply(fenced, Edit("a.txt", tags=()), "a.txt") == fenced


LINES = [
    *("# A", "## B", "## B", "### C", "D", "===", "---", "```", "> # q", "- # l", "\tcode"),
    *("text", "é – x", "a\x0cb", "trailing  ", "", "", "  "),
]
mixed_newlines = st.sampled_from(["\n", "\r\n", "\n", "\r"])
bodies = st.lists(st.tuples(st.sampled_from(LINES), mixed_newlines), max_size=14).map(
    lambda lines: "".join(line + newline for line, newline in lines)
)
fronts = st.sampled_from(["", "---\nx: 1 # c\n---\n", "---\r\ntags: [ a ]\r\n---\r\n"])
ends = st.sampled_from(["", "no newline"])
whole_texts = st.tuples(fronts, bodies, ends).map("".join)
encodings = st.sampled_from(
    [(b"", "utf-8"), (b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"", "cp1252")]
)
contents = st.lists(st.sampled_from([*LINES, "# A", "neu ü"]), max_size=5).map("\n".join)


UNDERLINE = re.compile(r"^ {0,3}(?:=+|-+)[ \t]*\r?$", re.MULTILINE)
HEADING = re.compile(r"^ {0,3}#", re.MULTILINE)


def applied(data: bytes, edit: Edit) -> bytes:
    """Only what leaves a block of code open may be refused, or makes a heading of the line
    before it, or puts what follows below a heading of its own."""
    try:
        return apply(data, edit, NAME)
    except InvalidInput:
        content, text = edit.content or "", data.replace(b"\0", b"").decode("latin-1")
        underlined = UNDERLINE.search(content if edit.mode == "append" else text)
        headed = HEADING.search(content) or UNDERLINE.search(content)
        over_others = edit.section and headed
        assert "```" in content or "```" in text or underlined or over_others
        assume(False)
        raise


@given(whole_texts, encodings, contents, st.data())
def test_bytes_outside_an_edited_section_stay(
    text: str, encoded: tuple[bytes, str], content: str, data: st.DataObject
) -> None:
    bom, encoding = encoded
    raw = bom + text.encode(encoding)
    document = parse(raw, NAME)
    headed = [each for each in document.sections if each.level]
    assume(headed)
    section = data.draw(st.sampled_from(headed))
    first, last = section_range(document, section)
    lines = split_lines(decode(raw).exact)
    before = bom + "".join(lines[: first - 1]).encode(decode(raw).encoding)
    after = "".join(lines[last:]).encode(decode(raw).encoding)

    result = applied(raw, Edit(NAME, content=content, mode="section", section=f"#{section.anchor}"))
    assert result.startswith(before)
    assert result.endswith(after)
    assert len(result) >= len(before) + len(after)
    inside = decode(bom + result[len(before) : len(result) - len(after)]).text
    kept = unify_newlines(content).strip("\n \t")
    assert kept in unify_newlines(inside)
    if last < len(lines):
        assert inside.endswith(("\n", "\r"))
    else:
        assert not kept or inside.endswith(("\n", "\r")) == text.endswith(("\n", "\r"))


@given(whole_texts, encodings, contents, st.sampled_from(["append", "prepend"]), st.data())
def test_what_is_added_to_a_section_is_all_that_comes(
    text: str, encoded: tuple[bytes, str], content: str, mode: WriteMode, data: st.DataObject
) -> None:
    bom, encoding = encoded
    raw = bom + text.encode(encoding)
    document = parse(raw, NAME)
    headed = [each for each in document.sections if each.level]
    assume(headed)
    section = data.draw(st.sampled_from(headed))
    first, last = section_range(document, section)
    edit = Edit(NAME, content=content, mode=mode, section=f"#{section.anchor}")

    result = applied(raw, edit)
    lines = split_lines(decode(raw).exact)
    before = bom + "".join(lines[: first - 1]).encode(decode(raw).encoding)
    after = "".join(lines[last:]).encode(decode(raw).encoding)
    head, tail = in_common(raw, result), in_common(raw[::-1], result[::-1])
    kept = unify_newlines(content).strip("\n \t")

    assert (result == raw) == (not kept)
    assert head >= len(before)
    assert tail >= len(after)
    assert head + tail >= len(raw), "more than an insertion"
    assert kept in unify_newlines(decode(bom + result[len(before) : len(result) - len(after)]).text)


def in_common(one: bytes, other: bytes) -> int:
    """Bytes that both begin with."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


ADDED = """\
# A

one

## Sub

two


# B
# C
three"""


@pytest.mark.parametrize(
    ("mode", "section", "content", "was", "becomes"),
    [
        ("append", "a", "new", "two\n\n\n# B", "two\nnew\n\n\n# B"),
        ("append", "sub", "\nnew\n\n", "two\n\n\n# B", "two\nnew\n\n\n# B"),
        ("append", "sub", "Deep\n----", "two\n\n\n# B", "two\n\nDeep\n----\n\n\n# B"),
        ("append", "b", "new", "# B\n# C", "# B\n\nnew\n\n# C"),
        ("append", "c", "new", "three", "three\nnew"),
        ("append", "c", "", "three", "three"),
        ("prepend", "a", "new", "# A\n\none", "# A\n\nnew\none"),
        ("prepend", "sub", "- a\n- b\n", "two", "- a\n- b\ntwo"),
        ("prepend", "b", "new", "# B\n# C", "# B\n\nnew\n\n# C"),
        ("prepend", "c", "new", "three", "new\nthree"),
        ("prepend", "A > Sub", "---", "two", "---\ntwo"),
    ],
)
def test_text_is_added_to_a_section(
    mode: WriteMode, section: str, content: str, was: str, becomes: str
) -> None:
    assert edited(ADDED, content, mode, section) == ADDED.replace(was, becomes)


def test_text_above_a_subsection_does_not_run_into_its_heading() -> None:
    text = "# A\nSub\n---\ntext\n"
    assert edited(text, "new", "prepend", "a") == "# A\nnew\n\nSub\n---\ntext\n"


@pytest.mark.parametrize(
    ("text", "mode", "section", "content", "after"),
    [
        ("T\n===\ny\n", "prepend", "", "note", "note\n\nT\n===\ny\n"),
        ("    code\n", "prepend", "", "note", "note\n\n    code\n"),
        ("# A\ny\n", "append", "", "---", "# A\ny\n\n---\n"),
        ("# A\ny", "append", "", "B\n---\nb", "# A\ny\n\nB\n---\nb"),
        ("y\n", "append", "", "    code", "y\n\n    code\n"),
        ("# A\n\n    code\n", "prepend", "a", "note", "# A\n\nnote\n\n    code\n"),
        ("# A\n[r]: b.md\n", "prepend", "a", "note", "# A\nnote\n\n[r]: b.md\n"),
        ("# A\ny\n", "append", "a", "[r]: b.md", "# A\ny\n\n[r]: b.md\n"),
    ],
)
def test_a_blank_line_keeps_text_from_taking_in_the_block_below_it(
    text: str, mode: WriteMode, section: str, content: str, after: str
) -> None:
    assert edited(text, content, mode, section) == after


@pytest.mark.parametrize("repeated", ["# Sub\n\nnew", "### Sub\nnew\n", "Sub\n===\n\nnew"])
def test_a_heading_that_is_repeated_with_another_level_is_left_out(repeated: str) -> None:
    assert edited(ADDED, repeated, "section", "sub") == ADDED.replace("two", "new")


@pytest.mark.parametrize("mode", ["section", "append", "prepend"])
def test_content_that_would_take_sections_below_its_own_headings_is_refused(
    mode: WriteMode,
) -> None:
    text = "# A\n## B\nx\n## C\ny\n"
    with pytest.raises(InvalidInput, match="come below one of its own"):
        edited(text, "# New\n", mode, "b")
    assert edited(text, "## New\n", mode, "b").count("## C\ny\n") == 1
    assert edited(text, "# New\n", mode, "c").endswith(("# New\n", "# New\ny\n"))


def test_links_of_headings_may_come_and_go_in_another_section() -> None:
    text = "# C\n\n## [1.0.0]\n\n- b\n\n## Links\n\nnone\n"
    linked = edited(text, "[1.0.0]: https://x/1", "section", "links")
    assert linked.endswith("## Links\n\n[1.0.0]: https://x/1\n")
    assert edited(linked, "none", "section", "links") == text


def test_a_subsection_with_the_name_of_its_section_stays() -> None:
    content = "### Sub\n\nfirst\n\n### Other\n\nsecond"
    assert content in edited(ADDED, content, "section", "sub")


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("content", ["---\na: b\n---\n", "---\na: b\n---", "---\na: b\n---\nmore"])
def test_front_matter_may_come_in_front(content: str, newline: str) -> None:
    after = edited(f"text{newline}", content, "prepend")
    assert split(after)[0] == f"---{newline}a: b{newline}---{newline}"


def test_text_does_not_come_into_front_matter_that_is_put_in_front() -> None:
    with pytest.raises(InvalidInput, match="front matter, from its first"):
        edited("Some words: hello\n\n---\n\nrest\n", "---\nNote: read\n", "prepend")


@pytest.mark.parametrize(("mode", "section"), [("append", ""), ("append", "a"), ("section", "a")])
def test_content_that_would_make_front_matter_of_what_is_there_is_refused(
    mode: WriteMode, section: str
) -> None:
    text = "---\nNote: hello\n\n# A\n\nmore\n"
    with pytest.raises(InvalidInput, match=r"front matter, from|headings outside"):
        edited(text, "x\n\n---\n\ny\n", mode, section)
    assert "***" in edited(text, "x\n\n***\n\ny\n", mode, section)
    closed = f"---\na: b\n---\n{text}"
    assert "y" in edited(closed, "x\n\n---\n\ny\n", mode, section)


@pytest.mark.parametrize("content", ["```\ncode", "text\n\n<!-- to do", "~~~"])
@pytest.mark.parametrize(
    ("mode", "section"),
    [("section", "a"), ("append", "a"), ("prepend", "a"), ("prepend", ""), ("prepend", "sub")],
)
def test_content_that_would_take_in_the_sections_that_follow_is_refused(
    mode: WriteMode, section: str, content: str
) -> None:
    text = "# A\nx\n## Sub\n# B\ny\n"
    with pytest.raises(InvalidInput, match="leaves open"):
        edited(text, content, mode, section)
    assert edited(text, content, "append").endswith(f"{content}\n")
    assert edited(text, content, "section", "b").endswith(f"{content}\n")


@given(whole_texts, encodings, contents)
def test_bytes_that_were_there_stay_when_text_is_added(
    text: str, encoded: tuple[bytes, str], content: str
) -> None:
    bom, encoding = encoded
    raw = bom + text.encode(encoding)
    assert apply(raw, Edit(NAME, content=content, mode="append"), NAME).startswith(raw)
    after = applied(raw, Edit(NAME, content=content, mode="prepend"))
    front = split(decode(raw).exact)[0] or ""
    assert after.startswith(bom + front.encode(decode(raw).encoding))
    assert after.endswith(raw[len(bom + front.encode(decode(raw).encoding)) :])


@given(whole_texts, encodings, st.lists(st.sampled_from("abc"), max_size=3, unique=True))
def test_bytes_outside_the_front_matter_stay_when_tags_are_set(
    text: str, encoded: tuple[bytes, str], tags: list[str]
) -> None:
    bom, encoding = encoded
    raw = bom + text.encode(encoding)
    after = apply(raw, Edit(NAME, tags=tuple(tags)), NAME)
    front = (split(decode(raw).exact)[0] or "").encode(decode(raw).encoding)
    assert set(parse(after, NAME).tags) == set(tags)
    assert after.startswith(bom)
    assert after.endswith(raw[len(bom + front) :])
    if not front:
        assert apply(after, Edit(NAME, tags=()), NAME) == raw


# --- Naming sections ------------------------------------------------------------

OUTLINE = """\
# Guide
## Install
### Linux
### macOS
## Use
### Linux
## TCP/IP > UDP
## -Dash
## 🎉 Party
## Kept {#Custom-Id}
### Linux 1
"""
SECTIONS = parse(OUTLINE.encode(), NAME).sections


@pytest.mark.parametrize(
    ("wanted", "line"),
    [
        ("install", 2),
        ("#install", 2),
        ("Install", 2),
        ("INSTALL", 2),
        ("## Install", 2),
        ("  Install ", 2),
        ("linux", 3),
        ("linux-1", 6),
        ("Install > Linux", 3),
        ("Use > Linux", 6),
        ("use>linux", 6),
        ("Guide/Use/Linux", 6),
        ("Use/Linux", 6),
        ("Guide > Use  >  Linux", 6),
        ("TCP/IP > UDP", 7),
        ("tcp/ip > udp", 7),
        ("-Dash", 8),
        ("#party", 9),
        ("🎉 Party", 9),
        ("Custom-Id", 10),
        ("custom-id", 10),
        ("kept", 10),
        ("linux-1-1", 11),
        ("Linux 1", 11),
        ("Kept > linux 1", 11),
        ("guide", 1),
    ],
)
def test_a_section_answers_to_anchor_heading_and_trail(wanted: str, line: int) -> None:
    assert find_section(SECTIONS, wanted).first_line == line


@pytest.mark.parametrize(
    "wanted", ["1.0 -> 2.0", "Upgrade > 1.0 -> 2.0", "up > upgrade > 1.0 -> 2.0"]
)
def test_a_section_answers_to_a_heading_with_a_sign_of_trails_in_it(wanted: str) -> None:
    sections = parse(b"# Up\n## Upgrade\n### 1.0 -> 2.0\n### 2.0\n", NAME).sections
    assert find_section(sections, wanted).first_line == 3


def test_a_heading_comes_before_the_end_of_one_with_a_sign_of_trails_in_it() -> None:
    sections = parse(b"# G\n## Menu > Setup\n## Setup\n", NAME).sections
    assert find_section(sections, "Setup").first_line == 3
    assert find_section(sections, "Menu > Setup").first_line == 2


def test_a_decomposed_name_finds_the_composed_heading() -> None:
    sections = parse("# Café\n".encode(), NAME).sections
    assert find_section(sections, "Cafe\u0301").level == 1


@pytest.mark.parametrize(
    "wanted", ["", "#", "Windows", "Install > Windows", "Linux > Install", "inst"]
)
def test_a_missing_section_says_which_there_are(wanted: str) -> None:
    with pytest.raises(SectionNotFound, match="#guide, #install, #linux, #macos, #use, #linux-1"):
        find_section(SECTIONS, wanted)


def test_an_ambiguous_section_says_which_answer_to_it() -> None:
    with pytest.raises(
        SectionNotFound,
        match=r"names 2 sections.* #linux \(Guide > Install > Linux\), #linux-1 \(Guide > Use"
        r" > Linux\)$",
    ):
        find_section(SECTIONS, "Linux")


def test_what_is_listed_is_bounded_and_harmless() -> None:
    source = "".join(f"# {'x' * 400}{number}\n" for number in range(100))
    with pytest.raises(SectionNotFound) as caught:
        find_section(parse(source.encode(), NAME).sections, "a\n\x1b" * 100)
    assert len(str(caught.value)) < 2_200
    assert str(caught.value).isprintable()


def test_a_document_without_headings_says_so() -> None:
    with pytest.raises(SectionNotFound, match="no headings"):
        find_section(parse(b"text", NAME).sections, "a")


@pytest.mark.parametrize(
    ("anchor", "lines"),
    [
        ("guide", (1, 11)),
        ("install", (2, 4)),
        ("linux", (3, 3)),
        ("use", (5, 6)),
        ("linux-1-1", (11, 11)),
    ],
)
def test_a_section_reaches_to_the_next_of_its_level(anchor: str, lines: tuple[int, int]) -> None:
    document = parse(OUTLINE.encode(), NAME)
    assert section_range(document, find_section(document.sections, anchor)) == lines


def test_text_before_the_first_heading_reaches_to_it() -> None:
    document = parse(b"text\n\n# A\n", NAME)
    assert section_range(document, document.sections[0]) == (1, 2)
