"""Finding links, and making them follow a move. The cases stand in fixtures/links/*.md:
title, input and what is expected, with a line of one dot after each of the last two.

In `followed.md` the first line of the input tells the document, the move, and which other
documents there are; lines of the result that begin with `! ` are the remarks.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from docindex.indexer import links as links_module
from docindex.indexer.blocks import TooIntricate
from docindex.indexer.links import find_links
from docindex.indexer.relinking import Mentions, Move, Relinked, relink
from docindex.indexer.targets import Names
from tests.linkcheck import links as links_in_html

FIXTURES = Path(__file__).parent / "fixtures" / "links"


def _cases(file: str) -> Iterator[tuple[str, list[str], list[str]]]:
    lines = iter((FIXTURES / file).read_text(encoding="utf-8").split("\n"))
    for title in lines:
        if title:
            assert next(lines) == "."
            yield title, list(iter(lines.__next__, ".")), list(iter(lines.__next__, "."))


FOUND, FOLLOWED = list(_cases("found.md")), list(_cases("followed.md"))


def each(cases: list[tuple[str, list[str], list[str]]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        ("source", "expected"),
        [(source, expected) for _, source, expected in cases],
        ids=[title for title, _, _ in cases],
    )


def found(text: str) -> list[str]:
    return [f"{link.kind} {text[link.start : link.end]}" for link in find_links(text)]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@each(FOUND)
def test_links_are_found_where_commonmark_has_them(
    source: list[str], expected: list[str], newline: str
) -> None:
    assert found("".join(line + newline for line in source)) == expected


def move_of(told: str) -> tuple[str, Move]:
    name, old, new, others = re.findall(r"(.*?): (.*) -> (.*?)(?:, beside (.*))?$", told)[0]
    before = Names({name, old, *others.split()})
    return name, Move(old, new, before, before.after(old, new))


def followed(data: bytes, name: str, move: Move) -> Relinked:
    """As a move does it: only what mentions the document is looked at."""
    mentions = [Mentions(move.old), Mentions(move.new)]
    if name == move.old:
        return relink(data, name, move, lambda _: True)
    if not any(each.in_bytes(data) for each in mentions):
        return Relinked(data, 0)
    return relink(data, name, move, lambda text: any(each.in_text(text) for each in mentions))


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@each(FOLLOWED)
def test_links_follow_a_move_as_the_fixtures_say(
    source: list[str], expected: list[str], newline: str
) -> None:
    name, move = move_of(source[0])
    text = "".join(line + newline for line in source[1:])

    relinked = followed(text.encode(), name, move)

    remarks = [f"! {each.line} {each.target}: {each.why}" for each in relinked.remarks]
    lines = [line for line in expected if not line.startswith("! ")]
    assert relinked.data.decode() == "".join(line + newline for line in lines)
    assert remarks == [line for line in expected if line.startswith("! ")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_all_other_bytes_are_as_they_were(encoding: str) -> None:
    text = "---\r\nx: é\r\n---\r\n\té \r[é](b.md)\t\n\x0c\u2029" + "`é` [b]: b.md \r\n  [[b|é]]  "
    if encoding == "cp1252":
        text = text.replace("\u2029", "\xa0")
    name, move = move_of("x.md: b.md -> c.md")

    relinked = followed(text.encode(encoding), name, move)

    wanted = text.replace("](b.md", "](c.md").replace("[[b|", "[[c|")
    assert relinked == Relinked(wanted.encode(encoding), 2)


def test_bytes_that_are_no_text_stay() -> None:
    data = b"\xff\0 [a](b.md) \xe9\xff \xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
    name, move = move_of("x.md: b.md -> c.md")
    assert followed(data, name, move).data == data.replace(b"b.md", b"c.md")


def test_what_the_encoding_lacks_is_percent_encoded() -> None:
    name, move = move_of("x.md: b.md -> 本.md")
    relinked = followed("é [a](b.md) [[b]]".encode("cp1252"), name, move)
    assert relinked.data == "é [a](%E6%9C%AC.md) [[b]]".encode("cp1252")
    assert [each.target for each in relinked.remarks] == ["b"]


def test_a_text_file_has_no_links() -> None:
    name, move = move_of("x.txt: b.md -> c.md")
    assert followed(b"[a](b.md)", name, move) == Relinked(b"[a](b.md)", 0)


def test_text_that_cannot_be_written_back_is_left_alone() -> None:
    data = "[a](b.md)".encode("utf-16") + b"\0"
    name, move = move_of("x.md: b.md -> c.md")
    relinked = followed(data, name, move)
    assert relinked.data == data
    assert [each.line for each in relinked.remarks] == [0]


def test_a_text_that_is_too_intricate_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links_module, "_MAX_STEPS", 100)
    data = b"[" * 1000 + b"[a](b.md)"
    with pytest.raises(TooIntricate):
        find_links(data.decode())
    name, move = move_of("x.md: b.md -> c.md")
    assert "too intricate" in followed(data, name, move).remarks[0].why


@pytest.mark.parametrize(
    "target",
    ["a-b_c.md", "a%2Db_c.md", "a-b\\_c", "a&#45;b_c.md", "%61-b_c.md", "x/A-B_C.md", "a&#x2d;b_c"],
)
@pytest.mark.parametrize("form", ["[x]({})", "[x]( {} 'T')", "[x]: {}", "[[{}]]", "<a href={}>"])
def test_a_mention_is_not_missed(target: str, form: str) -> None:
    data = form.format(target).encode()
    mentions = Mentions("guide/a-b_c.md")
    assert mentions.in_bytes(data)
    assert mentions.in_text(data.decode())


@pytest.mark.parametrize("form", ["本", "%E6%9C%AC", "&#26412;", "x/本.md#h"])
def test_a_mention_without_a_letter_of_ascii_is_not_missed(form: str) -> None:
    mentions = Mentions("guide/本.md")
    assert mentions.in_bytes(f"[x]({form})".encode())
    assert mentions.in_bytes(f"[x]({form})".encode("utf-16"))
    assert not mentions.in_bytes("[x](日.md)".encode())


def test_a_short_name_is_not_found_in_words() -> None:
    assert not Mentions("a.md").in_bytes(b"What a day, a long one, say: aa.md [b](ba.md)")


# Random texts

PIECES = st.sampled_from(
    [
        *"[]()<>`*_!\\\"'#|~ \t\n-.a&;^:",
        *("[a](", "](b.md)", "[[b]]", "[a](b.md)", "![i](b.md)", "<b.md>", "[x]: b.md", "\n\n"),
        *("    ", "\n> ", "\n- ", "\n1. ", "```\n", "``", "<a href='b.md'>", "<!--", "-->"),
        *("<div>\n", "[x]", "[x][x]", "[^1]: ", "(b.md \"t\")", "&amp;", "é", "\0"),
    ]
)  # fmt: skip


@given(st.lists(PIECES, max_size=30).map("".join))
def test_what_is_found_is_what_a_renderer_makes_links_of(text: str) -> None:
    """The other way round, a definition that nothing refers to is found, but not rendered."""
    assume("[^" not in text)  # the renderer knows no footnotes
    assume("<!--" not in text)  # and Python's HTML parser closes what is never closed
    rendered = {target for _, target in links_in_html(text) if target in ("b.md", "b")}
    source = {text[link.start : link.end] for link in find_links(text)}
    assert rendered <= source


@given(st.lists(PIECES, max_size=30).map("".join), st.sampled_from(["\n", "\r\n", "\r"]))
def test_only_targets_change_and_moving_back_restores_every_byte(text: str, newline: str) -> None:
    data = text.replace("\n", newline).encode()
    name, move = move_of("x.md: b.md -> c.md")
    back = Move(move.new, move.old, move.after, move.before)

    there = followed(data, name, move)
    again = followed(there.data, name, back)

    assert again == Relinked(data, there.links)
    assert re.sub(rb"c(?=\.md|\]\])", b"b", there.data) == data
