"""Diffs that show what a change does to a document."""

import re

from hypothesis import example, given
from hypothesis import strategies as st

from docindex.indexer.diffs import MAX_DIFF_CHARS, diff
from docindex.indexer.edits import apply
from docindex.indexer.encoding import split_lines
from docindex.indexer.models import Edit

NAME = "guide/setup.md"


def patched(old: str, unified: str) -> str:
    """Applies a unified diff, strictly."""
    lines, result, position, sign = split_lines(old), list[str](), 0, ""
    for line in unified.split("\n")[2:-1]:
        if match := re.fullmatch(r"@@ -(\d+)(?:,(\d+))? \+\d+(?:,\d+)? @@", line):
            start = int(match[1]) - (match[2] != "0")
            result += lines[position:start]
            position = start
        elif line.startswith("\\"):
            if sign != "-":
                result[-1] = result[-1].rstrip("\n")
        elif line.startswith("+"):
            result.append(line[1:] + "\n")
        else:
            assert lines[position].rstrip("\n") == line[1:]
            if line.startswith(" "):
                result.append(lines[position])
            position += 1
        sign = line[:1]
    return "".join(result + lines[position:])


short_lines = st.lists(st.sampled_from(["a", "b", "c", "d", "---", "x: 1"]), max_size=30)
short_texts = st.tuples(short_lines.map("\n".join), st.sampled_from(["", "\n"])).map("".join)


@given(short_texts, short_texts)
@example("", "a\n")
@example("a", "a\n")
def test_a_diff_turns_the_old_text_into_the_new_one(old: str, new: str) -> None:
    assert patched(old, diff(old.encode(), new.encode(), NAME)) == new


def test_a_diff_shows_what_changes_with_three_lines_around() -> None:
    old = "".join(f"{number}\n" for number in range(1, 21))
    new = old.replace("5\n", "five\n", 1).replace("20\n", "20")
    assert diff(old.encode(), new.encode(), "a/b.md") == (
        "--- a/b.md\n+++ a/b.md\n"
        "@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n"
        "@@ -17,4 +17,4 @@\n 17\n 18\n 19\n-20\n+20\n\\ No newline at end of file\n"
    )


def test_equal_bytes_have_no_diff() -> None:
    assert diff(b"a", b"a", NAME) == ""


def test_a_change_of_encoding_alone_is_said() -> None:
    assert "only the encoding" in diff("é\n".encode(), "é\n".encode("cp1252"), NAME)


def test_a_diff_of_anything_is_short() -> None:
    old, new = b"a b c\n" * 300_000, b"x\n" * 300_000
    assert len(diff(old, new, NAME)) < 2 * MAX_DIFF_CHARS
    assert len(diff(b"a" * 1_000_000, b"b" * 1_000_000, NAME)) < 2 * MAX_DIFF_CHARS


def test_a_long_document_with_changes_at_both_ends_has_a_small_diff() -> None:
    body = "".join(f"line {number}\n" for number in range(50_000))
    old = f"---\ntitle: x\n---\n{body}".encode()
    new = apply(old, Edit(NAME, content="end", mode="append", tags=("a",)), NAME)
    assert diff(old, new, NAME).count("\n") < 20
