"""The Whoosh schema of a folder's index, and what is stored with each document of it.

A Whoosh document is one section. The sections of a file follow each other in
one segment; the first of them, the *head*, also stores the file's `Record` and
where its sections are. A file without text, and one that was skipped, has a head and
nothing else. So everything known of a file is found from its head, and a file is
deleted or filtered as one range of document numbers.

Postings hold no positions. For phrases, the terms of each section's `body` are kept in
order too, as numbers in the column `stream`.
"""

import pickle
import zlib
from typing import Any

from docindex.indexer.models import Document, Record, Stamp
from docindex.indexer.stock import COLUMN, ID, STORED, TEXT, Existence, IDAnalyzer, Schema

HEAD = "head"

TEXT_FIELDS = ("body", "identifiers", "headings", "title")
"""`body` is all the text of a section, so that what stands in its headings and its title
stands there too. `identifiers` are the names of code in it, in the forms that are no words
of the text (see `identifiers`)."""

NAME_FIELDS = ("kind", "path")

COMPRESSION = 1
"""Of what is stored: zlib's fastest, since it is nearly as small as its best."""

StoredSection = tuple[tuple[str, ...], str, int, int]
"""Heading trail, anchor, first and last line."""


def new_schema() -> Any:
    """All text reaches the index as ready terms, so the analyzers here do nothing;
    stock Whoosh opens the index without any of our classes."""
    return Schema(
        kind=ID(),
        path=ID(),
        title=_text(),
        headings=_text(),
        body=_text(),
        identifiers=_text(),
        stream=COLUMN(),
        record=STORED(),
        sections=STORED(),
        language=STORED(),
    )


def _text() -> Any:
    """Scored by the weights of its postings; there is nothing else in them."""
    field = TEXT(analyzer=IDAnalyzer(), phrase=False)
    field.format = Existence()
    return field


def stored(record: Record, document: Document | None, language: str = "") -> bytes:
    """What is kept with the head of a file, as Whoosh stores it. The language is named when
    it is not English."""
    sections: list[StoredSection] = []
    if document is not None:
        sections = [(s.trail, s.anchor, s.first_line, s.last_line) for s in document.sections]
    fields: dict[str, object] = {"record": pack(record), "sections": tuple(sections)}
    if language:
        fields["language"] = language
    return zlib.compress(pickle.dumps(fields, 4), COMPRESSION)


def record_in(stored: bytes) -> Record:
    """The record of a file in what `stored` gave."""
    fields = pickle.loads(zlib.decompress(stored))  # noqa: S301 - from our private cache
    return unpack(fields["record"])


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
        record.fields,
    )


def unpack(stored: tuple[Any, ...]) -> Record:
    """The record that `pack` took apart."""
    name, version, stamp, *rest = stored
    return Record(name, version, Stamp(*stamp), *rest)
