"""The lines of a section that show why it was found."""

import unicodedata
from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from docindex.indexer.analysis import terms
from docindex.indexer.query import parse_query
from docindex.indexer.snippets import MAX_SCANNED, Snippet, Wanted, window

SECTION = """\
## Settings

Where the settings live, and what
they are for.

| Name | Default | Meaning |
|------|---------|---------|
| debounce | 200 | milliseconds of quiet |
| linger | 10 | seconds to stay |

The debounce is short.

Set linger and debounce together,
or neither of them.
""".split("\n")


def snippet(text: str | Sequence[str], query: str, max_bytes: int = 80) -> Snippet:
    lines = text.split("\n") if isinstance(text, str) else text
    return window(lines, 10, Wanted(dict.fromkeys(terms(query), 1.0)), max_bytes)


def test_the_lines_with_the_most_different_terms_are_shown() -> None:
    assert snippet(SECTION, "linger debounce", 60) == Snippet(
        "Set linger and debounce together,\nor neither of them.", 22
    )


def test_terms_may_lie_on_neighbouring_lines() -> None:
    text = "# H\nalpha\n\n\nalpha one\nbeta two\n\nbeta"
    assert snippet(text, "alpha beta", 20) == Snippet("alpha one\nbeta two", 14)


def test_terms_close_together_beat_terms_further_apart() -> None:
    text = "# H\nalpha\nx\nx\nbeta\nalpha\nbeta"
    assert snippet(text, "alpha beta", 16).first_line == 14


def test_words_are_matched_by_their_terms() -> None:
    assert snippet("# H\nnothing\nRestarted CAFÉS", "restarting café", 20).first_line == 12


def test_of_equals_the_one_with_more_matches_is_shown_then_the_first() -> None:
    assert snippet("# H\nalpha\nalpha alpha\nalpha alpha", "alpha", 12).first_line == 12


def test_a_rare_term_outweighs_common_ones() -> None:
    lines = ["# H", "common usual", "rare"]
    weights = {"common": 0.1, "usual": 0.1, "rare": 5.0}
    assert window(lines, 1, Wanted(dict.fromkeys(weights, 1.0)), 12).text == "common usual"
    assert window(lines, 1, Wanted(weights), 12).text == "rare"


def test_terms_that_begin_as_a_prefix_says_are_shown() -> None:
    lines = ["# H", "nothing", "a serviceaccount", "nothing", "the services"]
    wanted = Wanted({}, prefixes=parse_query("service*").prefixes)
    assert window(lines, 1, wanted, 18).text == "a serviceaccount"
    assert window(lines[:2] + lines[3:], 1, wanted, 18).text == "the services"


def test_room_is_filled_with_the_lines_below_then_those_above() -> None:
    text = "# H\none\ntwo\nneedle\nfour\nfive"
    assert snippet(text, "needle", 6) == Snippet("needle", 13)
    assert snippet(text, "needle", 11) == Snippet("needle\nfour", 13)
    assert snippet(text, "needle", 16) == Snippet("needle\nfour\nfive", 13)
    assert snippet(text, "needle", 20) == Snippet("two\nneedle\nfour\nfive", 12)
    assert snippet(text, "needle", 99) == Snippet("one\ntwo\nneedle\nfour\nfive", 11)


def test_the_beginning_is_shown_where_nothing_matches() -> None:
    assert snippet(SECTION, "absent", 50) == Snippet(
        "Where the settings live, and what\nthey are for.", 12
    )
    assert snippet(SECTION, "", 50) == snippet(SECTION, "absent", 50)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# Needle\ntext", Snippet("text", 11)),
        ("   ###### Needle ##\ntext", Snippet("text", 11)),
        ("#\ntext", Snippet("text", 11)),
        ("Needle\n===\ntext", Snippet("text", 12)),
        ("Needle\n---\n\ntext", Snippet("text", 13)),
        ("#needle\ntext", Snippet("#needle\ntext", 10)),
        ("- needle\n---\ntext", Snippet("- needle\n---\ntext", 10)),
        ("needle\ntext", Snippet("needle\ntext", 10)),
    ],
)
def test_the_heading_of_the_section_is_left_out(text: str, expected: Snippet) -> None:
    assert snippet(text, "needle") == expected


@pytest.mark.parametrize("text", ["", "# Heading", "# Heading\n\n   \n\t", "Heading\n======"])
def test_a_section_without_text_has_an_empty_snippet(text: str) -> None:
    assert snippet(text, "heading") == Snippet("", 10)
    assert window([], 10, Wanted({"heading": 1.0}), 80) == Snippet("", 10)


def test_blank_lines_at_the_ends_are_left_out() -> None:
    assert snippet("# H\n\n\nneedle\n\nx\n\n\n", "needle", 99) == Snippet("needle\n\nx", 13)


def test_a_row_of_a_table_keeps_its_header() -> None:
    assert snippet(SECTION, "linger stay", 65) == Snippet(
        "| Name | Default | Meaning |\n| linger | 10 | seconds to stay |", 18
    )


def test_a_header_is_left_out_where_there_is_no_room() -> None:
    assert snippet(SECTION, "linger stay", 50).text == "| linger | 10 | seconds to stay |"


def test_a_header_among_the_lines_is_not_repeated() -> None:
    text = snippet(SECTION, "meaning debounce", 120).text
    assert text.count("| Name |") == 1


def test_a_line_with_a_bar_is_no_table() -> None:
    assert snippet("a | b\nc | d\nneedle | x", "needle", 12).text == "needle | x"


CODE = """\
# H
Run it:

```sh
alpha
kubectl apply
omega
```

And then wait.
""".split("\n")


def test_code_keeps_its_fence() -> None:
    assert snippet(CODE, "kubectl", 30) == Snippet("```sh\nkubectl apply\nomega\n```", 15)
    assert snippet(CODE, "omega", 30) == Snippet("```sh\nkubectl apply\nomega\n```", 15)
    assert snippet(CODE, "kubectl", 24) == Snippet("```sh\nkubectl apply\n```", 15)


def test_a_fence_is_left_out_where_there_is_no_room() -> None:
    assert snippet(CODE, "kubectl", 20) == Snippet("kubectl apply\nomega", 15)


def test_a_fence_among_the_lines_is_not_repeated() -> None:
    assert snippet(CODE, "kubectl", 99).text.count("```") == 2
    assert snippet(CODE, "run", 99).text == "\n".join(CODE[1:-1])
    assert snippet(CODE, "run", 12).text == "Run it:"
    assert snippet(CODE, "wait", 16).text == "And then wait."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("~~~\n```\nneedle\n~~~", "~~~\n```\nneedle\n~~~"),
        ("````md\n```\nneedle\n```\n````", "````md\n```\nneedle\n```\n````"),
        ("> ```\n> needle\n> ```", "> ```\n> needle\n> ```"),
        ("```a `b` c```\nneedle", "```a `b` c```\nneedle"),
        ("```\nneedle", "```\nneedle\n```"),
    ],
)
def test_a_fence_is_what_opens_code(text: str, expected: str) -> None:
    assert snippet(text, "needle", 26).text == expected


@given(
    st.lists(st.sampled_from(["```", "~~~~", "needle", "| a |", "|--|", "", "x" * 30]), max_size=12)
)
@example(["```", "```", "|--|", "| a |", "needle"])
def test_every_fence_in_a_snippet_is_closed(lines: list[str]) -> None:
    found = window(lines, 1, Wanted({"needl": 1.0}), 40).text.split("\n")
    opened = ""
    for line in found:
        if line in ("```", "~~~~") and opened in ("", line):
            opened = "" if opened else line
    assert not opened or sum(map(len, found)) + len(found) > 30


def test_names_of_code_are_matched_whole_and_by_their_parts() -> None:
    text = "# H\nnothing\ncall getUserName here\nuser"
    assert snippet(text, "user name", 24).text == "call getUserName here"
    long = "x " * 100 + "getUserName" + " y" * 100
    assert "getUserName" in snippet(long, "user name", 40).text
    lines = ["# H", "std", "std::vector", "x"]
    assert window(lines, 1, Wanted({"stdvector": 1.0}), 12).text == "std::vector"


def test_terms_are_those_of_the_documents_language() -> None:
    lines = ["# H", "nichts", "viele Häuser"]
    assert (
        window(lines, 1, Wanted({"hauser|haus@de": 1.0}, language="de"), 14).text == "viele Häuser"
    )
    assert window(lines, 1, Wanted({"hauser|haus@de": 1.0}), 14).text == "viele Häuser"
    assert window(lines, 1, Wanted({"haus|haus@de": 1.0}), 14).text == "nichts"


def test_what_a_word_stands_for_counts_once() -> None:
    lines = ["# H", "alpha beta", "gamma"]
    wanted = Wanted({"alpha|beta": 1.0, "gamma": 1.5})
    assert window(lines, 1, wanted, 10).text == "gamma"


def test_a_long_line_is_cut_between_words_around_its_match() -> None:
    text = "# H\n" + "before " * 50 + "the needle in it " + "behind " * 50
    found = snippet(text, "needle", 60)
    assert found.first_line == 11
    assert found.text.startswith("…before ")
    assert " the needle in it behind" in found.text
    assert found.text.endswith(" behind…")
    assert 45 <= len(found.text.encode()) <= 60


def test_a_long_line_is_cut_where_most_different_terms_are() -> None:
    text = "alpha " + "x " * 200 + "beta alpha " + "x " * 200 + "beta"
    assert "beta alpha" in snippet(text, "alpha beta", 60).text


def test_a_long_line_wins_over_a_short_one_only_with_what_can_be_shown() -> None:
    far = "alpha " + "x " * 200 + "beta"
    assert snippet(f"alpha\n{far}", "alpha beta", 60).first_line == 10
    near = "x " * 200 + "alpha beta"
    found = snippet(f"alpha\n{near}", "alpha beta", 60)
    assert found.first_line == 11
    assert found.text.endswith(" x alpha beta")


def test_a_long_line_without_a_match_is_cut_at_its_end() -> None:
    found = snippet("# H\n" + "word " * 50, "absent", 30)
    assert found == Snippet("word word word word word…", 11)


def test_a_long_word_is_cut_inside() -> None:
    assert snippet("x" * 500, "absent", 30) == Snippet("x" * 24 + "…", 10)


def test_cjk_is_cut_between_characters() -> None:
    text = "前置" * 100 + "検索器" + "後置" * 100
    found = snippet(text, "検索器", 60).text
    assert found.startswith("…")
    assert found.endswith("…")
    assert "検索器" in found
    assert 50 <= len(found.encode()) <= 60


def test_an_accent_stays_with_its_letter() -> None:
    text = "e\u0301" * 300
    for room in range(10, 30):
        shown = snippet(text, "absent", room).text.rstrip("…")
        assert shown == "e\u0301" * (len(shown) // 2)


def test_control_characters_are_removed() -> None:
    text = "# H\n\x1b[31mred\x00 needle\u202e\tx\x85\ud800\r"
    assert snippet(text, "needle") == Snippet("[31mred needle\tx", 11)


def test_control_characters_are_blanks_in_a_line_that_is_cut() -> None:
    shown = snippet("a\x1bb\ud800 " * 100, "absent", 40).text
    assert shown.startswith("a b  a b")
    shown.encode()


# fmt: off
ODD_LINES = [
    "", "needle", "# needle", "| a | needle |", "|---|", "検索器" * 20, "hay " * 40, "🚀" * 40,
    "x" * 100 + " needle " + "é" * 100, "e\u0301" * 50, "\ud800\x00",
]
# fmt: on
LINES = st.lists(st.one_of(st.text(max_size=30), st.sampled_from(ODD_LINES)), max_size=12)


@given(LINES, st.integers(-1, 300), st.sets(st.sampled_from(["needl", "検索", "hay", "e"])))
@example(["needle"], 0, {"needl"})
def test_a_snippet_keeps_to_its_bytes_and_its_lines(
    lines: list[str], max_bytes: int, wanted: set[str]
) -> None:
    found = window(lines, 7, Wanted(dict.fromkeys(wanted, 1.0)), max_bytes)
    assert len(found.text.encode()) <= max(max_bytes, 0)
    assert 7 <= found.first_line < 7 + max(len(lines), 1)
    assert all(c in "\n\t" or unicodedata.category(c) != "Cc" for c in found.text)
    assert not found.text.startswith("\n")
    assert not found.text.endswith("\n")


@given(st.lists(st.text(alphabet="ab é\t", max_size=20), max_size=10), st.integers(0, 100))
def test_a_snippet_of_short_lines_holds_lines_of_the_section(
    lines: list[str], max_bytes: int
) -> None:
    found = window(lines, 0, Wanted({"a": 1.0, "b": 1.0}), max_bytes)
    for offset, line in enumerate(found.text.split("\n")):
        whole = lines[found.first_line + offset].rstrip() if lines else ""
        assert line == whole or len(whole.encode()) > max_bytes - 6


@given(st.integers(0, 40), st.integers(40, 120))
def test_a_match_is_always_shown_where_it_fits(position: int, max_bytes: int) -> None:
    lines = ["hay " * 7] * position + ["needle"] + ["hay " * 7] * (40 - position)
    assert "needle" in window(lines, 1, Wanted({"needl": 1.0}), max_bytes).text
    assert "needle" in window([" ".join(lines)], 1, Wanted({"needl": 1.0}), max_bytes).text


class Unread(str):
    """A line that is never gone through as a whole."""

    __slots__ = ()

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        raise AssertionError("the whole line was encoded")


def test_a_huge_line_is_not_looked_at_as_a_whole() -> None:
    line = Unread("hay " * MAX_SCANNED + "needle")
    assert snippet([line], "needle").text == "hay " * 17 + "hay…"
    assert snippet(["short", line], "hay").text.startswith("hay hay")


@pytest.mark.parametrize(
    "lines",
    [
        ["needle " * 2_000_000],
        ["needle"] * 500_000,
        ["|needle|"] * 500_000,
        [""] * 500_000 + ["needle"],
        ["|---|"] * 500_000,
        ["a" + "\u0301\u0327" * 2_000_000],
        ["x", "-" * 5_000_000],
        [" " * 20_000_000],
        ["needle", "\u0301" * 5_000_000],
    ],
    ids=["one line", "lines", "rows", "blanks", "delimiters", "marks", "dashes", "blank", "mark"],
)
def test_a_huge_section_has_a_snippet_too(lines: list[str]) -> None:
    assert len(window(lines, 1, Wanted({"needl": 1.0, "hay": 1.0}), 240).text.encode()) <= 240
