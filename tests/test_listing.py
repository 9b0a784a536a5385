"""Choosing documents by tags and by what else their front matter says."""

import pytest

from docindex.indexer.clauses import MAX_TAG, MAX_TAGS, TagFilter
from docindex.indexer.errors import InvalidInput
from docindex.indexer.models import Record, Stamp

RECORD = Record(
    "a.md",
    "v",
    Stamp(1, 1, 1, 1),
    tags=("Linux", "area/Search", "Café"),
    fields=("status=Draft", "author=Ada"),
)


@pytest.mark.parametrize(
    "tags",
    [
        (), ("linux",), ("#Linux",), ("area",), ("area/search", "LINUX"), ("cafe",),
        ("status=draft",), ("Status=DRAFT", "linux"), ("author=ada", "status=draft"),
    ],
)  # fmt: skip
def test_a_document_is_chosen_by_tags_and_fields(tags: tuple[str, ...]) -> None:
    assert TagFilter(tags).matches(RECORD.marks)


@pytest.mark.parametrize(
    "tags",
    [("lin",), ("search",), ("linux", "windows"), ("draft",), ("status=",), ("status=dra",), ("",)],
)
def test_a_document_has_to_have_all_of_them_whole(tags: tuple[str, ...]) -> None:
    assert not TagFilter(tags).matches(RECORD.marks)


@pytest.mark.parametrize("tags", [[f"t{n}" for n in range(MAX_TAGS + 1)], ["a" * (MAX_TAG + 1)]])
def test_more_tags_than_anybody_asks_for_are_refused(tags: list[str]) -> None:
    with pytest.raises(InvalidInput, match="at most 100 tags of at most 512"):
        TagFilter(tags)


def test_a_tag_that_is_asked_for_again_and_again_counts_once() -> None:
    assert TagFilter(["linux", "#linux", "linux/"] * 10_000).matches(RECORD.marks)
