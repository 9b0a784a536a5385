"""The filter that chooses documents by path."""

import fnmatch
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docindex.indexer.errors import InvalidInput
from docindex.indexer.filters import MAX_FILTER_CHARACTERS, PathFilter

NAMES = (
    "README.md",
    "notes.txt",
    "guide/setup.md",
    "guide/adr-1.md",
    "guide/deep/adr-2.md",
    "guides/other.md",
    "old/guide/setup.md",
    "app/[slug].mdx",
)


@pytest.mark.parametrize(
    ("text", "selected"),
    [
        *((text, NAMES) for text in ("", "/", ".", "./")),
        ("./guide/deep", ("guide/deep/adr-2.md",)),
        ("guide", ("guide/setup.md", "guide/adr-1.md", "guide/deep/adr-2.md")),
        ("guide/", ("guide/setup.md", "guide/adr-1.md", "guide/deep/adr-2.md")),
        ("/guide", ("guide/setup.md", "guide/adr-1.md", "guide/deep/adr-2.md")),
        ("guide/deep", ("guide/deep/adr-2.md",)),
        ("guide/setup.md", ("guide/setup.md",)),
        ("GUIDE", ()),
        ("guid", ()),
        ("guide/*.md", ("guide/setup.md", "guide/adr-1.md")),
        ("guide/*", ("guide/setup.md", "guide/adr-1.md")),
        ("guide/**", ("guide/setup.md", "guide/adr-1.md", "guide/deep/adr-2.md")),
        ("**/adr-*.md", ("guide/adr-1.md", "guide/deep/adr-2.md")),
        ("adr-?.md", ("guide/adr-1.md", "guide/deep/adr-2.md")),
        ("guide/**/*.md", ("guide/setup.md", "guide/adr-1.md", "guide/deep/adr-2.md")),
        ("**/guide/*.md", ("guide/setup.md", "guide/adr-1.md", "old/guide/setup.md")),
        ("*.txt", ("notes.txt",)),
        ("/*.md", ("README.md",)),
        ("*.MD", ()),
        ("[Rr]*.md", ("README.md",)),
        ("app/[slug].mdx", ("app/[slug].mdx",)),
        ("d*p/", ("guide/deep/adr-2.md",)),
        ("**", NAMES),
        ("**/**", NAMES),
    ],
)
def test_a_filter_selects(text: str, selected: Sequence[str]) -> None:
    chosen = PathFilter(text)
    assert tuple(name for name in NAMES if chosen.matches(name)) == tuple(selected)


def test_a_filter_in_another_unicode_form_selects_too() -> None:
    assert PathFilter("cafe\u0301").matches("caf\u00e9/x.md")


@pytest.mark.parametrize(
    "text",
    ["..", "a/../b", "../a", "a//b", "//", "a\\b", "C:/x", "a\0b", "\ud800", "*" * 513, "*/" * 65],
)
def test_an_absurd_filter_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        PathFilter(text)
    assert str(caught.value).isprintable()


parts = st.sampled_from(["a", "b", "ab", "a*", "*b", "**", "*", "?", "[ab]", "[!a]b"])


def _matches(wanted: Sequence[str], found: Sequence[str]) -> bool:
    """Slow, and plainly right."""
    if not wanted:
        return not found
    if wanted[0] == "**":
        if len(wanted) == 1:
            return bool(found)
        return any(_matches(wanted[1:], found[skip:]) for skip in range(len(found) + 1))
    return (
        bool(found) and fnmatch.fnmatchcase(found[0], wanted[0]) and _matches(wanted[1:], found[1:])
    )


@given(
    st.lists(parts, min_size=2, max_size=6),
    st.lists(st.sampled_from(["a", "b", "ab", "ba", "bb"]), min_size=1, max_size=6),
)
def test_globs_agree_with_their_definition(wanted: list[str], found: list[str]) -> None:
    if not any(character in "/".join(wanted) for character in "*?["):
        wanted.append("*")
    assert PathFilter("/".join(wanted)).matches("/".join(found)) == (
        wanted == found or _matches(wanted, found)
    )


@pytest.mark.parametrize(
    "text",
    [
        "*a" * 127 + "b",
        "**/" * 60 + "*b",
        "**/a*/" * 30 + "*b",
        "?*" * 127 + "b",
        "[!b]*" * 50 + "b",
    ],
)
def test_no_filter_takes_long(text: str) -> None:
    """These take a backtracking matcher longer than the age of the universe."""
    assert len(text) <= MAX_FILTER_CHARACTERS
    chosen = PathFilter(text)
    folders = "/".join(["a" * 255] * 15)
    assert not any(chosen.matches(f"{folders}/{'a' * 240}{n}.md") for n in range(100))
