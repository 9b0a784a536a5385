"""Lines that are made of a text when they are asked for."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docindex.indexer.encoding import split_lines
from docindex.indexer.lines import Lines

texts = st.text(st.sampled_from("ab é日\U0001f600\ud800\n\n\r\r\x0b\x85\u2028"), max_size=40)
places = st.none() | st.integers(-50, 50)


@given(texts, places, places)
def test_lines_are_those_that_the_whole_text_splits_into(
    text: str, first: int | None, last: int | None
) -> None:
    lines, whole = Lines(text), split_lines(text)
    assert list(lines) == whole
    assert len(lines) == len(whole)
    assert lines[first:last] == whole[first:last]


@given(texts)
def test_each_line_is_found_by_its_place(text: str) -> None:
    lines, whole = Lines(text), split_lines(text)
    for at in range(-len(whole), len(whole)):
        assert lines[at] == whole[at]
    for beyond in (len(whole), -len(whole) - 1):
        with pytest.raises(IndexError):
            lines[beyond]


@given(texts, st.data())
def test_some_lines_are_given_together(text: str, data: st.DataObject) -> None:
    lines, whole = Lines(text), split_lines(text)
    first = data.draw(st.integers(0, len(whole)))
    last = data.draw(st.integers(0, len(whole)))
    together = "".join(whole[first:last])
    assert lines.text(first, last) == together
    bare = together.encode("utf-8", "surrogatepass").split()
    assert lines.without_blanks(first, last) == b" ".join(bare)


def test_what_lines_hold_is_counted() -> None:
    text = "A line é of text.\n" * 1_000
    tracemalloc.start()
    try:
        lines = [Lines(text) for _ in range(20)]
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    counted = sum(each.nbytes for each in lines)
    assert taken <= counted <= 1.2 * taken
