import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docindex.indexer.cursors import Place, make_cursor, read_cursor
from docindex.indexer.errors import InvalidCursor

QUESTION = ("pods", "", ())


@given(st.integers(0, 10**9), st.lists(st.integers(0, 10**9), max_size=5))
def test_a_cursor_leads_back_to_its_place(offset: int, generations: list[int]) -> None:
    cursor = make_cursor(offset, tuple(generations), QUESTION)
    assert read_cursor(cursor, tuple(generations), QUESTION) == Place(offset, moved=False)


def test_no_cursor_is_the_beginning() -> None:
    assert read_cursor("", (1,), QUESTION) == Place(0, moved=False)


def test_a_cursor_survives_a_new_generation_and_says_so() -> None:
    cursor = make_cursor(10, (1, 2), QUESTION)
    assert read_cursor(cursor, (1, 3), QUESTION) == Place(10, moved=True)


def test_a_cursor_of_another_question_is_refused() -> None:
    cursor = make_cursor(10, (1,), QUESTION)
    with pytest.raises(InvalidCursor, match="another question"):
        read_cursor(cursor, (1,), ("services", "", ()))


@given(st.text(max_size=60))
def test_anything_that_is_no_cursor_is_refused(text: str) -> None:
    if text:
        with pytest.raises(InvalidCursor):
            read_cursor(text, (1,), QUESTION)


@pytest.mark.parametrize("offset", [-1, "x", None])
def test_a_forged_offset_is_refused(offset: object) -> None:
    forged = make_cursor(offset, (1,), QUESTION)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    with pytest.raises(InvalidCursor, match="nowhere"):
        read_cursor(forged, (1,), QUESTION)


def test_a_cursor_of_a_bottomless_list_is_refused() -> None:
    bottomless = base64.urlsafe_b64encode(b"[" * 600).decode()
    with pytest.raises(InvalidCursor):
        read_cursor(bottomless, (1,), QUESTION)
