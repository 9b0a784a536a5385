"""A document, or a part of it, as it stands on disk now."""

import re

from docindex.indexer.errors import InvalidInput, Unavailable
from docindex.indexer.intake import LIGHT_BYTES, READ_PLAINLY
from docindex.indexer.known_documents import KnownDocument
from docindex.indexer.models import Heading, Reading
from docindex.indexer.names import shown
from docindex.indexer.sections import find_section, section_range
from docindex.indexer.shelf import Shelf

_LINES = re.compile(r"(\d{1,9})(?:(-)(\d{1,9})?)?")


def read(shelf: Shelf, name: str, section: str, lines: str) -> Reading:
    """`name` is the one below the folder. Raises what `Library.read` says."""
    if section and lines:
        raise InvalidInput("give section or lines, not both")
    known, document = shelf.known.read_parsed(
        shelf.folder, name, lambda found: _takes_too_long(shelf, shelf.outer(name), found)
    )
    whole = known.lines
    first, last = 1, len(whole)
    if section:
        first, last = section_range(document, find_section(document.sections, section))
    elif lines:
        first, last = _range(lines, len(whole))
    return Reading(
        name=shelf.outer(name),
        title=document.title,
        version=known.version,
        text=whole.text(first - 1, last),
        first_line=first,
        last_line=last,
        line_count=len(whole),
        size=known.stamp.size,
        modified=known.stamp.mtime_ns / 1e9,
        tags=document.tags,
        front_matter=document.front_matter,
        outline=tuple(
            Heading(each.trail, each.anchor, each.first_line, each.last_line)
            for each in document.sections
            if each.trail
        ),
        remarks=(*document.remarks, READ_PLAINLY) if known.plain else document.remarks,
    )


def _takes_too_long(shelf: Shelf, name: str, known: KnownDocument) -> bool:
    """Whether the indexer has tried to read this as Markdown, and given it up."""
    if known.stamp.size <= LIGHT_BYTES:
        return False
    try:
        record = shelf.catalogue()[1].get(name)
    except Unavailable:
        return False
    return record is not None and record.version == known.version and READ_PLAINLY in record.remarks


def _range(lines: str, count: int) -> tuple[int, int]:
    """ "120-160", "120-" or "120": both ends are included, and the last one may be
    beyond the end."""
    match = _LINES.fullmatch(lines.strip())
    if match is None:
        raise InvalidInput(f'lines is "{shown(lines)}"; write 120-160, 120- or 120')
    first = int(match[1])
    last = int(match[3]) if match[3] else count if match[2] else first
    if not 1 <= first <= max(count, 1) or last < first:
        raise InvalidInput(f"there are no lines {shown(lines)}: the document has {count}")
    return first, min(last, count)
