"""Choosing documents by tags and by what else their front matter says."""

import pytest

from docindex.indexer.listing import has_tags
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
    assert has_tags(RECORD, tags)


@pytest.mark.parametrize(
    "tags",
    [("lin",), ("search",), ("linux", "windows"), ("draft",), ("status=",), ("status=dra",), ("",)],
)
def test_a_document_has_to_have_all_of_them_whole(tags: tuple[str, ...]) -> None:
    assert not has_tags(RECORD, tags)
