"""A part of a document, shaped into an answer that fits its budget."""

import json
from collections.abc import Mapping, Sequence
from typing import cast

from mcp_types import CallToolResult, TextContent

from docindex.indexer.encoding import split_lines
from docindex.indexer.errors import InvalidInput
from docindex.indexer.models import Heading, JsonValue, Reading
from docindex.indexer.names import shown
from docindex.server import results, wire
from docindex.server.failures import printable

_FRONT_MATTER_SHARE = 8
_FRONT_MATTER_DEPTH = 20
_OUTLINE_SHARE = 4
"""The front matter and the outline get one part in so many of the budget, at most."""
_CUT_BYTES = 200
"""What `cut` takes besides its outline, at most."""


def document_part(reading: Reading, max_tokens: int) -> wire.DocumentPart:
    """All of `reading`, or its beginning up to the end of a line, and an outline of the rest."""
    budget = max_tokens * results.BYTES_PER_TOKEN
    head = _head(reading, budget)
    room = budget - results.size(head) - len(',"text":')
    text = reading.text
    if len(text) <= room and results.size(text) <= room:
        return cast(wire.DocumentPart, {**head, "text": text})

    outline_room = budget // _OUTLINE_SHARE
    if room < outline_room + 2 * _CUT_BYTES:
        raise InvalidInput(f"max_tokens is too small for {shown(reading.name)}: double it.")
    end, whole_lines = _fitting(text, room - outline_room - _CUT_BYTES)
    last_line = reading.first_line + max(whole_lines, 1) - 1
    cut: wire.Cut = {}
    if whole_lines == 0:
        cut["remark"] = (
            f"line {last_line} is too long: this is its beginning, more max_tokens give more"
        )
    if last_line < reading.last_line:
        cut["next_lines"] = _range(last_line + 1, reading.last_line)
    below, left_out = _outline(reading, last_line, outline_room)
    if below:
        cut["outline"] = below
    if left_out:
        cut["more_headings"] = left_out
    head["lines"] = _range(reading.first_line, last_line)
    return cast(wire.DocumentPart, {**head, "cut": cut, "text": text[:end]})


def reading_answer(part: wire.DocumentPart) -> CallToolResult:
    """For clients that read only text: what is said of the document, then the text itself."""
    about = results.compact({key: value for key, value in part.items() if key != "text"})
    told = [about, part["text"]]
    said = list(map(printable, told))
    return CallToolResult(
        content=[TextContent(type="text", text=each) for each in said],
        structured_content=dict(part)
        if said == told
        else json.loads(printable(results.compact(part))),
    )


def _head(reading: Reading, budget: int) -> wire.DocumentHead:
    head: wire.DocumentHead = {
        "name": reading.name,
        "title": results.clipped(reading.title, results.TITLE_BYTES),
        "version": reading.version,
        "lines": _range(reading.first_line, reading.last_line),
        "line_count": reading.line_count,
        "modified": results.moment(reading.modified),
        "note": wire.TEXT_IS_DATA,
    }
    if reading.first_line == 1 and reading.front_matter and _is_plain(reading.front_matter, budget):
        head["front_matter"] = dict(reading.front_matter)
    if reading.remarks:
        head["remarks"] = results.remarks(reading.remarks)
    return head


def _is_plain(front_matter: Mapping[str, JsonValue], budget: int) -> bool:
    """Small, shallow, and JSON. Other front matter can still be read in the text."""
    try:
        text = json.dumps(front_matter, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return False
    small = len(text.encode("utf-8", "replace")) <= budget // _FRONT_MATTER_SHARE
    return small and _depth(front_matter) <= _FRONT_MATTER_DEPTH


def _depth(value: object) -> int:
    if isinstance(value, Mapping):
        return 1 + max(map(_depth, cast(Mapping[str, object], value).values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(_depth, cast(list[object], value)), default=0)
    return 0


def _fitting(text: str, room: int) -> tuple[int, int]:
    """How much of `text` fits `room` bytes of JSON: the end, and the whole lines before it.

    Ends at the end of a line; when not even one fits, inside the first.
    """
    end = lines = taken = 0
    # Two characters more than could fit, for a line is whole only with all of its CR LF.
    for line in split_lines(text[: room + 2]):
        taken += _escaped_size(line)
        if taken > room:
            break
        end += len(line)
        lines += 1
    return (end, lines) if lines else (_fitting_characters(text, room), 0)


def _fitting_characters(text: str, room: int) -> int:
    low, high = 0, min(room, len(text))
    while low < high:
        middle = (low + high + 1) // 2
        if _escaped_size(text[:middle]) <= room:
            low = middle
        else:
            high = middle - 1
    return low


def _escaped_size(text: str) -> int:
    return results.size(text) - 2


def _outline(reading: Reading, after: int, room: int) -> tuple[list[wire.Heading], int]:
    """The headings whose text goes on below line `after`, and how many were left out.

    Deep ones are left out first, then those at the end.
    """
    below: list[tuple[int, wire.Heading]] = [
        (
            len(heading.trail),
            {
                "heading": results.trail_below(heading.trail, reading.title) or reading.title,
                "lines": _range(heading.first_line, last),
            },
        )
        for heading, last in _with_subsections(reading.outline, reading.line_count)
        if last > after
    ]
    shown: list[wire.Heading] = []
    for deepest in sorted({depth for depth, _ in below}, reverse=True):
        shown = [heading for depth, heading in below if depth <= deepest]
        if results.size(shown) <= room:
            return shown, len(below) - len(shown)
    while shown and results.size(shown) > room:
        del shown[len(shown) * 3 // 4 :]
    return shown, len(below) - len(shown)


def _with_subsections(outline: Sequence[Heading], line_count: int) -> list[tuple[Heading, int]]:
    """Each heading with the last line of all that stands under it."""
    spans: list[tuple[Heading, int]] = []
    open_until = [(0, line_count)]
    for heading in reversed(outline):
        depth = len(heading.trail)
        while open_until[-1][0] > depth:
            open_until.pop()
        spans.append((heading, open_until[-1][1]))
        open_until.append((depth, heading.first_line - 1))
    return spans[::-1]


def _range(first: int, last: int) -> str:
    return f"{first}-{last}"
