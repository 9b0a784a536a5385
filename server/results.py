"""The library's values, shaped into answers that fit their budget.

A budget is counted in tokens of four bytes of UTF-8, over the answer as compact
JSON. What does not fit is left out from the end, and the answer says how to go on.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Final, TypeVar

from mcp_types import CallToolResult, TextContent

from docindex.indexer.errors import InvalidInput
from docindex.indexer.models import (
    Hit,
    IndexView,
    Listed,
    Listing,
    ListRequest,
    ReindexReport,
    SearchAnswer,
    SearchRequest,
    Skipped,
)
from docindex.server import wire
from docindex.server.failures import printable

BYTES_PER_TOKEN: Final = 4

_SNIPPET_BYTES = 180
_SHORTEST_SNIPPET_BYTES = 60
_FIELD_BYTES = 200
"""What the fields of a result take besides its snippet, about."""
_CURSOR_BYTES = 300
"""Kept free for the cursor and the remark of an answer that is cut."""
TITLE_BYTES: Final = 100
HEADING_BYTES: Final = 160
_TAG_BYTES = 60
_TAGS = 10
REMARK_BYTES: Final = 300
_REMARKS = 3
_SKIPPED = 20

_WIDEST = 4
"""Bytes that a character takes in UTF-8 at most."""
# JSON takes six bytes for each, and no reader learns from them.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_Page = TypeVar("_Page", wire.SearchResults, wire.DocumentList)


compact: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""A value as JSON. Made once: most of the values are single lines, whose size is asked for."""


def size(value: object) -> int:
    """Bytes of `value` as compact JSON."""
    return _bytes(compact(value))


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))


def answer(structured: Mapping[str, object], text: str = "") -> CallToolResult:
    """A tool result, with the same as text for clients that read only that: `text`, where it
    was made already."""
    text = text or compact(structured)
    said = printable(text)
    return CallToolResult(
        content=[TextContent(type="text", text=said)],
        structured_content=dict(structured) if said == text else json.loads(said),
    )


def moment(seconds: float) -> str:
    """An instant as ISO 8601 in UTC, to the second; "" when no calendar has it."""
    try:
        return (_EPOCH + timedelta(seconds=int(seconds))).strftime("%Y-%m-%dT%H:%M:%SZ")
    except OverflowError:
        return ""


def clipped(text: str, limit: int) -> str:
    """One line of text within `limit` bytes of UTF-8, with an ellipsis when something went."""
    if not text.isprintable():
        text = _CONTROL.sub(" ", text)
    if len(text) * _WIDEST <= limit:
        return text
    data = text.encode("utf-8", "replace")
    if len(data) <= limit:
        return text
    return data[: limit - len("…".encode())].decode("utf-8", "ignore") + "…"


def trail_below(trail: Sequence[str], title: str) -> str:
    """A heading with those above it, without the document's title."""
    headings = trail[1:] if trail and trail[0] == title else trail
    return clipped(" > ".join(headings), HEADING_BYTES)


def index(view: IndexView) -> wire.Index:
    shaped: wire.Index = {"state": view.state, "documents": view.documents}
    if view.pending:
        shaped["pending"] = view.pending
    if view.as_of is not None:
        shaped["as_of"] = moment(view.as_of)
    if view.reason:
        shaped["reason"] = clipped(view.reason, REMARK_BYTES)
    return shaped


def search_results(
    ask: Callable[[SearchRequest], SearchAnswer], request: SearchRequest, max_tokens: int
) -> tuple[wire.SearchResults, str]:
    """What `ask` answers to `request`, within the budget: shorter snippets, then fewer results.
    And the same as JSON."""
    budget = max_tokens * BYTES_PER_TOKEN
    spare = budget // request.max_results - _FIELD_BYTES
    snippet = max(_SHORTEST_SNIPPET_BYTES, min(_SNIPPET_BYTES, spare))

    def page(limit: int) -> wire.SearchResults:
        found = ask(replace(request, max_results=limit, snippet_bytes=snippet))
        return _search_page(found, request, cut=limit < request.max_results)

    return _within(budget, page, lambda shaped: shaped["results"], request.max_results)


def document_list(
    ask: Callable[[ListRequest], Listing], request: ListRequest, max_tokens: int
) -> tuple[wire.DocumentList, str]:
    def page(limit: int) -> wire.DocumentList:
        listing = ask(replace(request, max_results=limit))
        return _list_page(listing, cut=limit < request.max_results)

    budget = max_tokens * BYTES_PER_TOKEN
    return _within(budget, page, lambda shaped: shaped["documents"], request.max_results)


def _within(
    budget: int,
    page: Callable[[int], _Page],
    items: Callable[[_Page], Sequence[object]],
    limit: int,
) -> tuple[_Page, str]:
    """The longest page that fits, and the same as JSON.

    Cursors are the library's, and point behind the last item of a page: so a page
    that has to end earlier is asked for again, as a shorter one.
    """
    shaped = page(limit)
    while (whole := _bytes(text := compact(shaped))) > budget:
        sizes = [size(item) + 1 for item in items(shaped)]
        limit = _how_many_fit(budget - _CURSOR_BYTES - (whole - sum(sizes)), sizes)
        if limit == 0:
            shaped = page(1)
            needed = -(-(size(shaped) + _CURSOR_BYTES) // BYTES_PER_TOKEN)
            raise InvalidInput(f"the next result alone needs max_tokens of at least {needed}.")
        shaped = page(limit)
    return shaped, text


def _how_many_fit(room: int, sizes: Sequence[int]) -> int:
    """Fewer than all of them, in any case."""
    count = 0
    for taken in accumulate(sizes[:-1]):
        if taken > room:
            break
        count += 1
    return count


def _search_page(found: SearchAnswer, request: SearchRequest, *, cut: bool) -> wire.SearchResults:
    dated = request.modified_after is not None or request.modified_before is not None
    shaped: wire.SearchResults = {
        "note": wire.SNIPPETS_ARE_DATA,
        "results": [_result(hit, bool(request.tags), dated) for hit in found.hits],
        "total": found.total,
        "index": index(found.index),
    }
    if found.cursor:
        shaped["cursor"] = found.cursor
    if found.corrected:
        shaped["corrected"] = clipped(found.corrected, REMARK_BYTES)
    if said := remarks(found.remarks, cut=cut):
        shaped["remarks"] = said
    return shaped


def _result(hit: Hit, tagged: bool, dated: bool) -> wire.Result:
    shaped: wire.Result = {
        "name": hit.name,
        "title": clipped(hit.title, TITLE_BYTES),
        "lines": f"{hit.first_line}-{hit.last_line}",
        "score": float(f"{hit.score:.3g}"),
    }
    if heading := trail_below(hit.trail, hit.title):
        shaped["heading"] = heading
    if hit.anchor and len(hit.anchor) <= HEADING_BYTES:
        shaped["anchor"] = hit.anchor
    if hit.snippet:
        shaped["snippet"] = _CONTROL.sub(" ", hit.snippet)
    if hit.repeats:
        shaped["repeats"] = hit.repeats
    if tagged:
        shaped["tags"] = _tags(hit.tags)
    if dated:
        shaped["modified"] = moment(hit.modified)
    return shaped


def _list_page(listing: Listing, *, cut: bool) -> wire.DocumentList:
    shaped: wire.DocumentList = {
        "documents": [_entry(listed) for listed in listing.documents],
        "total": listing.total,
        "index": index(listing.index),
    }
    if listing.cursor:
        shaped["cursor"] = listing.cursor
    if said := remarks(listing.remarks, cut=cut):
        shaped["remarks"] = said
    return shaped


def _entry(listed: Listed) -> wire.Entry:
    shaped: wire.Entry = {"name": listed.name, "size": listed.size}
    if listed.title:
        shaped["title"] = clipped(listed.title, TITLE_BYTES)
    if modified := moment(listed.modified):
        shaped["modified"] = modified
    if listed.tags:
        shaped["tags"] = _tags(listed.tags)
    return shaped


def _tags(tags: Sequence[str]) -> list[str]:
    """The first of them: whoever needs all reads the front matter."""
    return [clipped(tag, _TAG_BYTES) for tag in tags[:_TAGS]]


def remarks(said: Sequence[str], *, cut: bool = False) -> list[str]:
    own = ["cut to fit the budget: cursor goes on"] if cut else []
    return [clipped(remark, REMARK_BYTES) for remark in said[:_REMARKS]] + own


def reindexed(report: ReindexReport) -> wire.Reindexed:
    shaped: wire.Reindexed = {
        "documents": report.documents,
        "sections": report.sections,
        "indexed": report.indexed,
        "removed": report.removed,
        "seconds": round(report.seconds, 2),
    }
    if report.skipped:
        shaped["skipped"] = skipped(report.skipped[:_SKIPPED])
    if len(report.skipped) > _SKIPPED:
        shaped["more_skipped"] = len(report.skipped) - _SKIPPED
    return shaped


def skipped(files: Iterable[Skipped]) -> list[wire.SkippedFile]:
    return [
        {"name": clipped(file.name, HEADING_BYTES), "reason": clipped(file.reason, REMARK_BYTES)}
        for file in files
    ]
