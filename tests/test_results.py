"""Answers that fit their budget, and can be gone on with."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docindex.indexer.errors import InvalidInput
from docindex.indexer.models import (
    Hit,
    IndexView,
    Listed,
    ListRequest,
    ReindexReport,
    SearchRequest,
    Skipped,
)
from docindex.server import results
from tests.fake_library import FakeLibrary, hit
from tests.served import tokens

TEXT = st.text(st.characters(codec="utf-8", exclude_characters='"\\\n\t'), max_size=300)
"""Without what JSON writes as two bytes, so that one result always fits the smallest budget."""
HITS = st.lists(
    st.builds(
        Hit,
        name=st.text("abcé/", min_size=1, max_size=120).map(lambda name: f"{name}.md"),
        title=TEXT,
        trail=st.lists(TEXT, max_size=4).map(tuple),
        anchor=st.text("abc-", max_size=400),
        first_line=st.integers(1, 10**6),
        last_line=st.integers(1, 10**6),
        snippet=TEXT,
        snippet_line=st.just(1),
        score=st.floats(0, 1e6),
        tags=st.lists(TEXT, max_size=40).map(tuple),
        modified=st.floats(-1e12, 1e15),
    ),
    max_size=40,
)


def search(library: FakeLibrary, max_tokens: int = 1_300, **asked: Any) -> Any:
    request = SearchRequest("x", **asked)
    return results.search_results(library.search, request, max_tokens)[0]


def only(library: FakeLibrary, **asked: Any) -> Any:
    (result,) = search(library, **asked)["results"]
    return result


def test_a_result_leaves_out_what_is_empty_or_said_already() -> None:
    bare = hit(trail=("Page 1",), anchor="", snippet="")
    assert only(FakeLibrary(hits=[bare])) == {
        "name": "guide/page-1.md",
        "title": "Page 1",
        "lines": "12-34",
        "score": 12.3,
    }


@pytest.mark.parametrize(
    ("trail", "heading"),
    [
        (("Page 1", "Install", "Linux"), "Install > Linux"),
        (("Install", "Linux"), "Install > Linux"),
        (("Install", "Page 1"), "Install > Page 1"),
        (("Page 1",), None),
        ((), None),
    ],
)
def test_the_heading_is_the_trail_without_the_title(trail: tuple[str, ...], heading: str) -> None:
    assert only(FakeLibrary(hits=[hit(trail=trail)])).get("heading") == heading


def test_tags_and_times_are_shown_when_they_were_filtered_by() -> None:
    library = FakeLibrary(hits=[hit()])
    assert {"tags", "modified"}.isdisjoint(only(library))
    assert only(library, tags=("setup",))["tags"] == ["setup"]
    for argument in ("modified_after", "modified_before"):
        assert only(library, **{argument: 1.0})["modified"] == "2023-11-14T22:13:20Z"


@pytest.mark.parametrize(
    ("score", "shown"), [(12.3456, 12.3), (0.012345, 0.0123), (1234.5, 1230.0), (0.0, 0.0)]
)
def test_scores_have_three_digits(score: float, shown: float) -> None:
    assert only(FakeLibrary(hits=[hit(score=score)]))["score"] == shown


def test_sections_with_the_same_text_are_counted() -> None:
    assert only(FakeLibrary(hits=[hit(repeats=2)]))["repeats"] == 2
    assert "repeats" not in only(FakeLibrary(hits=[hit()]))


def test_the_state_of_the_index_is_in_every_answer() -> None:
    building = IndexView("building", 7, 93, None)
    broken = IndexView("degraded", 7, 0, 0.0, "folder unavailable")
    assert search(FakeLibrary(index=building))["index"] == {
        "state": "building",
        "documents": 7,
        "pending": 93,
    }
    listing, _ = results.document_list(FakeLibrary(index=broken).list, ListRequest(), 1_000)
    assert listing["index"] == {
        "state": "degraded",
        "documents": 7,
        "as_of": "1970-01-01T00:00:00Z",
        "reason": "folder unavailable",
    }


def test_a_mended_query_and_remarks_are_passed_on() -> None:
    answer = search(FakeLibrary(corrected="install", remarks=("a", "b")))
    assert (answer["corrected"], answer["remarks"]) == ("install", ["a", "b"])


def test_snippets_are_shortened_before_results_are_left_out() -> None:
    library = FakeLibrary(hits=[hit(number, snippet="word " * 100) for number in range(10)])
    roomy, tight = search(library, 4_000), search(library, 900)
    assert len(roomy["results"]) == len(tight["results"]) == 10
    assert len(tight["results"][0]["snippet"]) < len(roomy["results"][0]["snippet"])


def test_an_answer_that_is_cut_says_so_and_how_to_go_on() -> None:
    library = FakeLibrary(hits=[hit(number) for number in range(50)])
    answer = search(library, 600, max_results=50)
    assert 1 < len(answer["results"]) < 50
    assert answer["remarks"] == ["cut to fit the budget: cursor goes on"]
    assert answer["cursor"] == str(len(answer["results"]))
    assert tokens(answer) <= 600


def test_a_page_of_the_size_that_was_asked_for_is_not_called_cut() -> None:
    answer = search(FakeLibrary(hits=[hit(number) for number in range(5)]), max_results=2)
    assert len(answer["results"]) == 2
    assert answer["cursor"]
    assert "remarks" not in answer


@given(hits=HITS, max_tokens=st.integers(400, 10_000), max_results=st.integers(1, 50))
def test_following_the_cursors_gives_every_hit_once_within_the_budget(
    hits: list[Hit], max_tokens: int, max_results: int
) -> None:
    library = FakeLibrary(hits=hits)
    names: list[str] = []
    cursor = ""
    while True:
        page = search(library, max_tokens, max_results=max_results, cursor=cursor)
        assert tokens(page) <= max_tokens
        names += [result["name"] for result in page["results"]]
        cursor = page.get("cursor", "")
        if not cursor:
            break
        assert page["results"]
    assert names == [found.name for found in hits]


def test_escapes_count_as_the_bytes_they_take() -> None:
    quoted = hit(title='"' * 300, trail=("\\" * 300,), snippet='"\n' * 300)
    library = FakeLibrary(hits=[quoted] * 30)
    answer = search(library, 700, max_results=30)
    assert answer["results"]
    assert tokens(answer) <= 700


def test_a_result_that_is_too_long_by_itself_tells_what_it_takes() -> None:
    library = FakeLibrary(hits=[hit(name="x" * 4_000 + ".md")])
    with pytest.raises(InvalidInput, match=r"max_tokens of at least \d+") as caught:
        search(library, 400)
    needed = int("".join(filter(str.isdigit, str(caught.value))))
    assert search(library, needed)["results"]


@given(
    listed=st.lists(
        st.builds(
            Listed,
            name=st.text("abcé/", min_size=1, max_size=200),
            title=TEXT,
            size=st.integers(0, 10**9),
            modified=st.floats(-1e15, 1e15),
            tags=st.lists(TEXT, max_size=20).map(tuple),
        ),
        max_size=80,
    ),
    max_tokens=st.integers(1_000, 10_000),
)
def test_a_list_fits_its_budget_and_can_be_gone_on_with(
    listed: list[Listed], max_tokens: int
) -> None:
    library = FakeLibrary(listed=listed)
    names: list[str] = []
    cursor = ""
    while True:
        page, _ = results.document_list(library.list, ListRequest(cursor=cursor), max_tokens)
        assert tokens(page) <= max_tokens
        names += [entry["name"] for entry in page["documents"]]
        cursor = page.get("cursor", "")
        if not cursor:
            break
    assert names == [found.name for found in listed]


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.0, "1970-01-01T00:00:00Z"),
        (-2_177_452_800.0, "1901-01-01T00:00:00Z"),
        (4_070_908_800.9, "2099-01-01T00:00:00Z"),
        (1e18, ""),
        (-1e18, ""),
    ],
)
def test_moments_are_written_in_utc_or_not_at_all(seconds: float, shown: str) -> None:
    assert results.moment(seconds) == shown


@given(text=TEXT, limit=st.integers(3, 200))
def test_clipped_text_is_a_beginning_within_the_limit(text: str, limit: int) -> None:
    clipped = results.clipped(text, limit)
    line = "".join(" " if ord(each) < 32 or ord(each) == 127 else each for each in text)
    assert len(clipped.encode()) <= limit
    assert clipped == line or (clipped.endswith("…") and line.startswith(clipped[:-1]))


def test_a_report_of_reindexing_lists_some_skipped_files_and_counts_the_rest() -> None:
    skipped = tuple(Skipped(f"{number}.md", "too large") for number in range(50))
    report = results.reindexed(ReindexReport(9, 99, 9, 0, 1.234, skipped))
    assert report["seconds"] == 1.23
    assert report.get("skipped", [])[0] == {"name": "0.md", "reason": "too large"}
    assert len(report.get("skipped", [])) + report.get("more_skipped", 0) == 50
    assert tokens(report) < 1_000
