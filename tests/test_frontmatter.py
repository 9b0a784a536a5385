"""Front matter: where it is, what is read of it, and tags set in it."""

import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from docindex.indexer import yamltree
from docindex.indexer.encoding import split_lines
from docindex.indexer.errors import InvalidInput
from docindex.indexer.frontmatter import (
    MAX_FIELDS,
    MAX_PROSE,
    MAX_TAG_CHARS,
    MAX_TAGS,
    TAG_KEYS,
    fields_of,
    load,
    prose_of,
    split,
    tags_of,
)
from docindex.indexer.models import JsonValue
from docindex.indexer.tagging import set_tags


def values_of(inside: str) -> tuple[dict[str, JsonValue], tuple[str, ...]]:
    return load(f"---\n{inside}\n---\n")


# --- Where it is ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "body_line"),
    [
        ("---\na: 1\n---\n# T\n", 4),
        ("---\r\na: 1\r\n---\r\n# T\r\n", 4),
        ("---\ra: 1\r---\r# T", 4),
        ("---\na: 1\n...\n# T\n", 4),
        ("--- \na: 1\n---\t\n", 4),
        ("---\n---\n# T\n", 3),
        ("---\n\n# comment\n\n'a b': 1\n---\n", 7),
        ("---\n{a: 1}\n---", 4),
        ("---\nog:title: x\n---\n", 4),
        ("---\n$schema: x\n---\n", 4),
        ("+++\na = 1\n+++\n# T\n", 4),
    ],
)
def test_front_matter_is_between_fences_at_the_head(text: str, body_line: int) -> None:
    block, found = split(text)
    assert found == body_line
    assert block == "".join(split_lines(text)[: body_line - 1])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# T\n---\na: 1\n---\n",
        "\n---\na: 1\n---\n",
        " ---\na: 1\n---\n",
        "----\na: 1\n----\n",
        "---\na: 1\n",
        "---\na: 1\n ---\n",
        "---",
        "---\nA paragraph between two rules.\n---\n",
        "---\n- a list\n---\n",
        "---\n[link](x.md): no key\n---\n",
        "+++\na = 1\n---\n",
    ],
)
def test_what_does_not_open_close_or_begin_with_a_key_is_not_front_matter(text: str) -> None:
    assert split(text) == (None, 1)


# --- What is read ---------------------------------------------------------------


def test_values_are_data_as_json_has_it() -> None:
    values, remarks = values_of(
        "text: words\nquoted: '5'\nyes: true\nnothing:\nwhole: -3\npart: 2.5\n"
        "list: [1, a, {b: c}]\nmap:\n  - x: y\nblock: |\n  a\n  b"
    )
    assert values == {
        "text": "words",
        "quoted": "5",
        "yes": True,
        "nothing": None,
        "whole": -3,
        "part": 2.5,
        "list": [1, "a", {"b": "c"}],
        "map": [{"x": "y"}],
        "block": "a\nb\n",
    }
    assert remarks == ()


@pytest.mark.parametrize(
    "written",
    [
        *("1.10", "007", "+1", "-0", "1e5", "0x1F", "1_000", "1234567890123456", "1.0.0"),
        *("12:30", "2024-01-05", "2024-01-05T10:00:00Z", "no", "on", ".inf", ".nan"),
    ],
)
def test_what_a_number_would_write_differently_stays_text(written: str) -> None:
    assert values_of(f"a: {written}")[0] == {"a": written}


def test_of_a_key_given_twice_the_last_counts_with_a_remark() -> None:
    values, remarks = values_of("a: 1\na: 2")
    assert values == {"a": 2}
    assert remarks == ("the key 'a' is given twice: the last one counts",)


@pytest.mark.parametrize(
    ("inside", "reason"),
    [
        ("a: &x 1\nb: *x", "anchors"),
        ("a: *x", "aliases"),
        ("a: !!python/object/apply:os.system [id]", "python/object"),
        ("a: !!binary aGVsbG8=", "binary"),
        ("a: !custom x", "!custom"),
        ("? [a, b]\n: c", "a key is not a word"),
        ("a: b: c", "not valid YAML in line 2"),
        ("a: 1\n\tb: 2", "not valid YAML in line 3"),
        ("a: 'x", "not valid YAML"),
        ('a: "\\ud800"', "not valid YAML|a character"),
        ('a: "\\U00110000"', "not valid YAML|a character"),
        ("a: \x01", "a character that YAML does not allow"),
        ("a: " + "[" * 30 + "]" * 30, "nested more than 20 deep"),
        ("a:\n" + "".join("  " * n + "-\n" for n in range(1, 40)), "nested more than 20 deep"),
        ("a: " + "x" * 9000, "longer than 8,192 bytes"),
        ("k" * 1_000_000 + ": 1", "longer than 8,192 bytes"),
        ("a: " + "é" * 4095, "longer than 8,192 bytes"),
    ],
)
@pytest.mark.parametrize("loader", [yaml.SafeLoader, yamltree._LOADER], ids=["Python", "C"])
def test_what_is_not_plain_data_gives_no_values_and_a_remark(
    inside: str, reason: str, loader: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(yamltree, "_LOADER", loader)
    values, (remark,) = values_of(inside)
    assert values == {}
    assert remark.startswith("front matter is read as text")
    assert re.search(reason, remark)
    assert len(remark) < 250


def test_toml_is_read_as_json_has_it() -> None:
    inside = """\
title = 'x'
tags = ["a", "b"]
date = 2026-11-30
at = 2026-11-30T08:00:00Z
weight = 1.5
draft = false
far = inf
[params]
deep = [{ a = 1 }]
"""
    values, remarks = load(f"+++\n{inside}+++\n")
    assert remarks == ()
    assert tags_of(values) == ("a", "b")
    assert values == {
        "title": "x",
        "tags": ["a", "b"],
        "date": "2026-11-30",
        "at": "2026-11-30T08:00:00+00:00",
        "weight": 1.5,
        "draft": False,
        "far": "inf",
        "params": {"deep": [{"a": 1}]},
    }


@pytest.mark.parametrize(
    ("inside", "reason"),
    [
        ("a = 1\nb = ", "not valid TOML: .*line 3"),
        (f"a = '{'x' * 9_000}'", "larger than"),
        (f"a = {'[' * 30}{']' * 30}", "nested too deep"),
        (f"a = {'[' * 4_000}{']' * 4_000}", "nested too deep"),
        ("a = 1\na = 2", "not valid TOML"),
        (f"title = 0x{'f' * 7_000}", "too large"),
    ],
)
def test_toml_that_cannot_be_read_is_told(inside: str, reason: str) -> None:
    values, (remark,) = load(f"+++\n{inside}\n+++\n")
    assert values == {}
    assert re.search(reason, remark)


def test_what_front_matter_says_in_words_is_prose() -> None:
    values, _ = values_of(
        "title: The title\ndescription: Explains the windlass\ntags: [a b, c]\nlayout: post\n"
        "aliases: [Bollard, Bollard handbook]\nweight: 10\nx: {y: not looked at}"
    )
    assert prose_of(values) == ("Explains the windlass", "Bollard", "Bollard handbook")


def test_of_very_much_prose_the_beginning_counts() -> None:
    said = prose_of({"a": "word " * 2_000, "b": "more words"})
    assert sum(map(len, said)) == MAX_PROSE


def test_tags_are_bounded_in_number_and_length() -> None:
    many: list[JsonValue] = [f"t{number}" for number in range(2 * MAX_TAGS)]
    assert len(tags_of({"tags": many})) == MAX_TAGS
    assert tags_of({"tags": ["x" * (MAX_TAG_CHARS + 1), "y"]}) == ("y",)


# --- Setting tags ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "tags", "after"),
    [
        # No front matter: one is made, and goes again.
        ("# T\n", ["a", "b c"], "---\ntags: [a, b c]\n---\n# T\n"),
        ("---\ntags: [a]\n---\n# T\n", [], "# T\n"),
        ("# T\n", [], "# T\n"),
        ("---\n---\n# T\n", [], "---\n---\n# T\n"),
        ("---\n---\n# T\n", ["a"], "---\ntags: [a]\n---\n# T\n"),
        # No tags: they come last.
        ("---\nz: 1 # c\n---\n", ["a"], "---\nz: 1 # c\ntags: [a]\n---\n"),
        ("---\n  z: 1\n---\n", ["a"], "---\n  z: 1\n  tags: [a]\n---\n"),
        ("---\n# c\n---", ["a"], "---\n# c\ntags: [a]\n---"),
        ("---\nz: |\n  x\n\n---\n", ["a"], "---\nz: |\n  x\n\ntags: [a]\n---\n"),
        # In brackets.
        (
            "---\ntags: [ \"a\", 'b', c ] # why\nz: 1\n---\n",
            ["b", "d", "c"],
            "---\ntags: [ 'b', c, d ] # why\nz: 1\n---\n",
        ),
        ("---\ntags: [a,\n  b]\nz: 1\n---\n", ["b"], "---\ntags: [b]\nz: 1\n---\n"),
        ("---\ntags: []\n---\n", ["a"], "---\ntags: [a]\n---\n"),
        # In brackets, with comments.
        (
            "---\ntags: [a, # one\n  b, # two\n  c]\n---\n",
            ["a", "b", "c", "d"],
            "---\ntags: [a, # one\n  b, # two\n  c, d]\n---\n",
        ),
        (
            "---\ntags: [a, # one\n  b # two\n  , c]\n---\n",
            ["c", "d"],
            "---\ntags: [ # one\n   # two\n   c, d]\n---\n",
        ),
        ("---\ntags: [a, # one\n  b]\n---\n", ["a"], "---\ntags: [a, # one\n  ]\n---\n"),
        (
            "---\ntags: [\n  a, # one, two\n]\n---\n",
            ["a", "b"],
            "---\ntags: [\n  a, b # one, two\n]\n---\n",
        ),
        (
            "---\ntags: [a, b # one , two\n  ]\n---\n",
            ["a", "b", "c"],
            "---\ntags: [a, b, c # one , two\n  ]\n---\n",
        ),
        (
            f"---\ntags: [a, # one\n  b {'#' * 5_000}\n  ]\n---\n",
            ["a"],
            f"---\ntags: [a, # one\n   {'#' * 5_000}\n  ]\n---\n",
        ),
        ("---\ntags: [ # one\n]\n---\n", ["a"], "---\ntags: [a # one\n]\n---\n"),
        ("---\ntags: [a # one\n]\n---\n", ["b"], "---\ntags: [b # one\n]\n---\n"),
        # In lines.
        (
            "---\ntags:\n  - a # one\n  # two\n  - 'b'\n\nz: 1\n---\n",
            ["b", "c d"],
            "---\ntags:\n  # two\n  - 'b'\n  - c d\n\nz: 1\n---\n",
        ),
        ("---\ntags:\n- a\n- b\n---\n", ["c"], "---\ntags:\n- c\n---\n"),
        ("---\r\ntags:\r\n- a\r\n---\r\n", ["a", "b"], "---\r\ntags:\r\n- a\r\n- b\r\n---\r\n"),
        ("---  \ntags:\n- a\n---\n", ["a", "b"], "---  \ntags:\n- a\n- b\n---\n"),
        ("---\ntags:\n- a\n- b\n\n# c\nz: 1\n---\n", [], "---\n\n# c\nz: 1\n---\n"),
        ("---\ntags:\n- a\n  b\n- c\n---\n", ["c"], "---\ntags: [c]\n---\n"),
        # In a string.
        ("---\ntags: a, b\n---\n", ["b", "c"], "---\ntags: b, c\n---\n"),
        ("---\ntags: a b\n---\n", ["b", "c"], "---\ntags: b c\n---\n"),
        ('---\ntags: "a, b" # q\n---\n', ["a", "c"], '---\ntags: "a, c" # q\n---\n'),
        ("---\ntags: a\n---\n", ["a", "b"], "---\ntags: a, b\n---\n"),
        ("---\ntags: a\n---\n", ["b c"], "---\ntags: [b c]\n---\n"),
        ("---\ntags: a, b\n---\n", ["no"], '---\ntags: ["no"]\n---\n'),
        ("---\ntags: >-\n  a, b\n\nz: 1\n---\n", ["a"], "---\ntags: a\n\nz: 1\n---\n"),
        # Nothing yet.
        ("---\ntags:\nz: 1\n---\n", ["a"], "---\ntags: [a]\nz: 1\n---\n"),
        ("---\ntags: # none\n---\n", ["a"], "---\ntags: [a] # none\n---\n"),
        # Under another key.
        ("---\nkeywords: [a]\n---\n", ["b"], "---\nkeywords: [b]\n---\n"),
        ("---\ntags:\ntag: a\n---\n", ["b"], "---\ntags:\ntag: b\n---\n"),
        ("---\ntag: a\nz: 1\nkeywords: b\n---\n", [], "---\nz: 1\n---\n"),
        ("---\ntag: a\ntags:\n---\n", [], ""),
        ("---\ntag: a\ntags:   # none\n\n# end\n---\n", [], "---\n\n# end\n---\n"),
        ("---\ntags: [a]\ntags: [b]\n---\n", ["c"], "---\ntags: [a]\ntags: [c]\n---\n"),
        # As they are.
        ("---\ntags:   [b,   a]\n---\n", ["a", "b"], "---\ntags:   [b,   a]\n---\n"),
    ],
)
def test_setting_tags_changes_their_lines_alone(before: str, tags: list[str], after: str) -> None:
    assert set_tags(before, tags) == after


@pytest.mark.parametrize(
    ("tag", "written"),
    [
        *(("plain", "plain"), ("two words", "two words"), ("c++", "c++"), ("a/b.c", "a/b.c")),
        *(("日本", "日本"), ("😀", '"😀"'), ("no", '"no"'), ("Null", '"Null"')),
        *(("2024", '"2024"'), ("1e5", '"1e5"'), ("a: b", '"a: b"'), ("a, b", '"a, b"')),
        *(("-x", '"-x"'), ("[x]", '"[x]"'), ("c#", '"c#"')),
        *(("a\\b", '"a\\\\b"'), ('say "x"', '"say \\"x\\""')),
    ],
)
def test_a_tag_that_yaml_would_misread_is_quoted(tag: str, written: str) -> None:
    assert set_tags("", [tag]) == f"---\ntags: [{written}]\n---\n"


def test_tags_are_cleaned_as_they_are_when_read() -> None:
    assert set_tags("", ["#a", " a ", "A", "Cafe\u0301"]) == "---\ntags: [a, Café]\n---\n"


def test_a_new_block_has_the_newline_of_the_file() -> None:
    assert set_tags("# T\r\n", ["a"], "\r\n") == "---\r\ntags: [a]\r\n---\r\n# T\r\n"


@pytest.mark.parametrize("tag", ["", " ", "#", "x" * 101, "a\0b", "a\x7f", "\ud800", "\ufeff"])
def test_what_is_no_tag_is_refused(tag: str) -> None:
    with pytest.raises(InvalidInput, match="is not a tag"):
        set_tags("", [tag])


def test_tags_that_are_too_long_together_are_refused() -> None:
    with pytest.raises(InvalidInput, match="cannot be set"):
        set_tags("", [f"{number:0>100}" for number in range(100)])


def test_too_many_tags_are_refused() -> None:
    with pytest.raises(InvalidInput, match="101 tags"):
        set_tags("", [f"t{number}" for number in range(101)])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("+++\na = 1\n+++\n", "TOML"),
        ("---\na: b: c\n---\n", "line 2"),
        ("---\n{a: 1}\n---\n", "by hand"),
        ("---\na: &x 1\n---\n", "anchors"),
        ("---\ntags:\n- a\n  b\n# c\n- d\n---\n", "by hand"),
        (f"---\na: {'x' * 8180}\n---\n", "by hand"),
    ],
)
def test_front_matter_in_which_tags_cannot_be_set_is_refused(text: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        set_tags(text, ["new-tag"])


words = st.text(st.sampled_from("abc é😀-#:,[]{}'\"\\&*!|>%@`?.0"), min_size=1, max_size=8)
tag_lists = st.lists(words.filter(lambda word: word.strip("# ")), max_size=4)
newlines = st.sampled_from(["\n", "\r\n", "\r"])


@st.composite
def blocks(draw: st.DrawFn) -> str:
    """Front matter with tags written in one of the ways there are."""
    tags = draw(st.lists(st.sampled_from(["a", "b c", "2024", "é"]), max_size=3))
    quote = draw(st.sampled_from(["", "'", '"']))
    quoted = [f"{quote}{tag}{quote}" for tag in tags]
    indent = draw(st.sampled_from(["", "  "]))
    key, other = draw(st.permutations(["tags", "tag", "keywords"]))[:2]
    ways = [
        [],
        [f"{key}:"],
        [f"{key}: [{', '.join(quoted)}] # these"],
        [f"{key}:", *(f"{indent}- {tag} # {number}" for number, tag in enumerate(quoted))],
        [f"{key}: {quote}{', '.join(tags)}{quote}"] if tags else [],
        [f"{key}: >-", *(f"  {tag}," for tag in tags), ""] if tags else [],
        [f"{other}:", f"{key}:", *(f"{indent}- {tag}" for tag in quoted)],
        [f"{key}: [{', '.join(quoted)}", "  # more", "]", f"{other}: x"],
    ]
    above = draw(st.sampled_from([[], ["title: A # b"], ["# note", "x:", "  - y"]]))
    below = draw(st.sampled_from([[], ["z: |", "  tags: no", ""], ["", "z: 'q'", "# end"]]))
    newline = draw(newlines)
    return newline.join(["---", *above, *draw(st.sampled_from(ways)), *below, "---", ""])


def without_tags(values: dict[str, JsonValue]) -> dict[str, JsonValue]:
    return {key: value for key, value in values.items() if key not in TAG_KEYS}


@given(
    blocks() | st.just(""), st.sampled_from(["", "# T\ntext", "---\n", "tags: x\r\n"]), tag_lists
)
def test_tags_that_were_set_are_read_and_all_else_stays(
    block: str, body: str, tags: list[str]
) -> None:
    text = block + body
    changed = set_tags(text, tags)
    assert changed.endswith(body)
    found, _ = split(changed)
    values, remarks = load(found) if found else ({}, ())
    wanted = {tag.lstrip("#").strip().casefold() for tag in map(" ".join, map(str.split, tags))}
    assert {tag.casefold() for tag in tags_of(values)} == wanted
    before = load(block)[0] if block else {}
    assert without_tags(values) == without_tags(before)
    assert not remarks
    # Every line but those of tags is there, in order.
    kept = [
        line
        for line in split_lines(block)
        if line.lstrip().startswith(("# note", "# end", "title", "x", "z"))
    ]
    remaining = iter(split_lines(changed))
    assert all(line in remaining for line in kept)


@given(st.sampled_from(["", "# T\n", "text\r\n", "---\n"]), tag_lists)
def test_removing_the_tags_of_a_document_gives_it_back(text: str, tags: list[str]) -> None:
    assert set_tags(set_tags(text, tags), []) == text


@pytest.mark.parametrize(
    ("values", "fields"),
    [
        ({"status": "draft", "priority": 2, "public": True}, "status=draft priority=2 public=true"),
        ({"authors": ["Ada", "Bo", "Ada"]}, "authors=Ada authors=Bo"),
        ({"tags": ["a"], "tag": "b", "keywords": "c"}, ""),
        ({"nested": {"a": 1}, "nothing": None, "long": "x" * 200}, ""),
    ],
)
def test_documents_can_be_chosen_by_what_their_front_matter_says(
    values: dict[str, JsonValue], fields: str
) -> None:
    assert fields_of(values) == tuple(fields.split())


def test_of_very_many_fields_some_are_kept() -> None:
    assert len(fields_of({f"key{number}": number for number in range(1000)})) == MAX_FIELDS
