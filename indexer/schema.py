"""The Whoosh schema of a folder's index, and what is stored with each document of it.

A Whoosh document is one section. The sections of a file follow each other in
one segment; the first of them, the *head*, also stores the file's `Record`. A
file without text, and one that was skipped, has a head and nothing else. So
everything known of a file is found from its head, and a file is deleted or
filtered as one range of document numbers.
"""

from typing import Any

from docindex.indexer.analysis import terms
from docindex.indexer.models import Document, Record, Section, Stamp
from docindex.indexer.stock import ID, STORED, TEXT, IDAnalyzer, Schema

HEAD = "head"

Row = dict[str, object]
"""One Whoosh document, by field."""

StoredSection = tuple[int, tuple[str, ...], str, int, int]
"""Ordinal below the head, heading trail, anchor, first and last line."""


def new_schema() -> Any:
    """All text reaches Whoosh as ready terms, so the analyzers here do nothing;
    stock Whoosh opens the index without any of our classes."""
    analyzer = IDAnalyzer()
    return Schema(
        kind=ID(),
        path=ID(),
        title=TEXT(analyzer=analyzer),
        headings=TEXT(analyzer=analyzer),
        body=TEXT(analyzer=analyzer),
        section=STORED(),
        record=STORED(),
    )


def rows(record: Record, document: Document | None) -> list[Row]:
    """The Whoosh documents of one file, head first."""
    head: Row = {"kind": HEAD, "path": record.name, "record": pack(record)}
    if document is None:
        return [head]
    title = terms(document.title)
    found: list[Row] = []
    for ordinal, section in enumerate(document.sections):
        found.append(
            {
                "path": document.name,
                "title": title,
                "headings": terms(" ".join(section.trail)),
                "body": terms(f"{section.heading}\n{section.text}"),
                "section": _stored(ordinal, section),
            }
        )
    first = found[0] if found else {"title": title}
    trail = document.sections[0].trail if document.sections else ()
    # A document is found by its tags and its name too, at its beginning.
    first["headings"] = terms(" ".join((*trail, *document.tags, document.name)))
    return [{**first, **head}, *found[1:]]


def pack(record: Record) -> tuple[object, ...]:
    stamp = record.stamp
    return (
        record.name,
        record.version,
        (stamp.size, stamp.mtime_ns, stamp.ctime_ns, stamp.inode),
        record.title,
        record.tags,
        record.sections,
        record.skipped,
        record.remarks,
    )


def unpack(
    stored: tuple[
        str, str, tuple[int, int, int, int], str, tuple[str, ...], int, str, tuple[str, ...]
    ],
) -> Record:
    name, version, stamp, title, tags, sections, skipped, remarks = stored
    return Record(name, version, Stamp(*stamp), title, tags, sections, skipped, remarks)


def _stored(ordinal: int, section: Section) -> StoredSection:
    return (ordinal, section.trail, section.anchor, section.first_line, section.last_line)
