"""Segments: written whole, then never changed.

A segment is built without touching the table of contents, so several can be
built at once, in other processes too; it takes part in searches only when the
`Store` commits it.
"""

import os
import re
import zlib
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from docindex.indexer import schema, stock
from docindex.indexer.columns import Values, length_bytes
from docindex.indexer.frontmatter import prose_of
from docindex.indexer.inversion import BREAK, Inverted, Order, Ragged, Text, invert
from docindex.indexer.languages import ENGLISH, language_of
from docindex.indexer.lexicon import encode as encode_lexicon
from docindex.indexer.models import Document, Record
from docindex.indexer.segment_writer import SegmentWriter
from docindex.indexer.stock import Segment
from docindex.indexer.vocabulary import Vocabulary

_WRITTEN = ("body", "headings", "title")
"""The fields that the others follow from."""

_VERSIONED = re.compile(r"([^/]*\d\.\d[^/]*)\.[^./]+$")
"""The last part of a name with a version in it: the ending would be taken for a part of that."""

SEGMENT = ".seg"
CHECKSUM = ".sum"


class Damaged(Exception):
    """A segment is not what was written."""


class Storage(stock.FileStorage):  # type: ignore[misc]
    """Whoosh's files in a folder, made durable: what a table of contents names is
    on disk before it, and the table itself appears whole or not at all."""

    def __init__(self, folder: Path) -> None:
        # A map of a file that is truncated kills the process that reads it.
        stock.FileStorage.__init__(self, str(folder), supports_mmap=False)

    def open_file(self, name: str, **options: Any) -> Any:
        """A table of contents in memory: nothing that happens to the file afterwards can
        hurt."""
        path = Path(self.folder) / name
        if path.suffix != ".toc":
            return stock.FileStorage.open_file(self, name, **options)
        return stock.BufferFile(path.read_bytes(), name=name)

    def rename_file(self, oldname: str, newname: str, safe: bool = False) -> None:
        del safe
        sync_file(Path(self.folder) / oldname)
        os.replace(Path(self.folder) / oldname, Path(self.folder) / newname)
        sync_folder(Path(self.folder))


@dataclass(frozen=True, slots=True)
class Head:
    record: Record
    docnum: int
    """Of the file's first document in its segment; its sections follow it."""

    @property
    def last(self) -> int:
        return self.docnum + max(self.record.sections, 1) - 1


@dataclass(frozen=True, slots=True)
class Built:
    """A finished segment that no table of contents names yet. Can be pickled."""

    segment: Segment
    heads: tuple[Head, ...]


class Builder:
    """Builds one segment in memory, which takes some seven times as much as the text that
    it is given, and writes it when it is finished. Nothing is on disk before.

        builder = Builder(folder)
        builder.add(record, document)
        built = builder.finish()
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._vocabulary = Vocabulary()
        self._texts = {field: Text() for field in _WRITTEN}
        self._heads: list[Head] = []
        self._stored: list[bytes] = []
        self._documents = 0

    def add(self, record: Record, document: Document | None) -> None:
        """A file with what the parser found in it, or None when it was skipped. After an
        exception the builder is as it was before."""
        language = ENGLISH
        if document is not None:
            language = language_of(document.front_matter, (s.text for s in document.sections))
        stored = schema.stored(record, document, language)
        try:
            self._add_texts(document, language)
            self._vocabulary.settle()
        except BaseException:
            for text in self._texts.values():
                text.truncate(self._documents)
            raise
        self._heads.append(Head(record, self._documents))
        documents = len(self._texts["body"])
        self._stored += [stored, *[b""] * (documents - self._documents - 1)]
        self._documents = documents

    def _add_texts(self, document: Document | None, language: str) -> None:
        """Each section is a document of the index; without any, the file itself is."""
        body, headings, title = (self._texts[field] for field in _WRITTEN)
        numbers = partial(self._vocabulary.numbers, language=language)
        titled = array("I")
        if document is not None:
            titled.extend(numbers(document.title))
        trails: dict[tuple[str, ...], array[int]] = {(): array("I")}

        def numbered(trail: tuple[str, ...]) -> "array[int]":
            known = trails.get(trail)
            if known is None:
                known = trails[trail] = numbered(trail[:-1]) + array("I", (BREAK,))
                known.extend(numbers(trail[-1]))
            return known

        sections = document.sections if document else ()
        for ordinal, section in enumerate(sections or (None,)):
            above = numbered(section.trail) if section else trails[()]
            if ordinal == 0 and document is not None:
                # A document is found by its tags and its name too, at its beginning.
                above = above[:]
                for name in (*document.tags, document.name, *_VERSIONED.findall(document.name)):
                    above.append(BREAK)
                    above.extend(numbers(name))
            title.numbers.extend(titled)
            headings.numbers.extend(above)
            body.numbers.extend(titled)
            body.numbers.extend(above)
            for said in _said(document, ordinal):
                body.numbers.append(BREAK)
                body.numbers.extend(numbers(said))
            for text in (body, headings, title):
                text.end_document()

    def finish(self) -> Built:
        """Writes the segment; the last that is done with a builder. Raises OSError."""
        writer = SegmentWriter(self._documents)
        vocabulary = self._vocabulary
        vocabulary.settle(0)
        order = Order(*vocabulary.in_order())
        words = vocabulary.words, vocabulary.terms_of_words()
        for field in _WRITTEN:
            text = self._texts.pop(field)
            _write_text(writer, field, text, order, *words)
            if field == "body":
                names = vocabulary.names, vocabulary.names.values()
                _write_text(writer, "identifiers", text, order, *names)
                writer.add_lexicon(encode_lexicon(vocabulary.times(text)))
        paths = {
            head.record.name.encode(): range(head.docnum, head.last + 1) for head in self._heads
        }
        writer.add_names(
            "kind", Inverted.of_sets({schema.HEAD.encode(): [h.docnum for h in self._heads]})
        )
        writer.add_names("path", Inverted.of_sets(paths))
        writer.add_stored(Values.of(self._stored))
        return Built(write(self._folder, writer), tuple(self._heads))

    def discard(self) -> None:
        """Lets go of all that was added."""
        self._texts.clear()


def _said(document: Document | None, ordinal: int) -> Iterator[str]:
    """What stands below the headings of a section; at its beginning a document is found by
    what its front matter says, too."""
    if document is not None:
        if document.sections:
            yield document.sections[ordinal].text
        if ordinal == 0:
            yield from prose_of(document.front_matter)


def _write_text(
    writer: SegmentWriter,
    field: str,
    text: Text,
    order: Order,
    chunks: Ragged,
    terms: NDArray[np.uint32],
) -> None:
    """A field, from its text. The chunks of the text stand for `chunks.values()`, the terms
    of which are `terms`."""
    used = chunks.uses(text.chunks()) > 0
    ordered, numbers = order.renumber(terms, used)
    found = chunks.expand(text.chunks(), text.bounds(), numbers)
    postings, lengths = invert(ordered, found)
    writer.add_text(field, postings, length_bytes(lengths), int(lengths.sum()))
    if field == "body":
        writer.add_streams(found.numbers, found.sizes)


def write(folder: Path, writer: SegmentWriter) -> Segment:
    """Puts a segment into its folder, for good."""
    segment, parts = writer.finish()
    path = folder / f"{segment.segment_id()}{SEGMENT}"
    size = check = 0
    try:
        with path.open("xb") as file:
            for part in parts:
                file.write(part)
                size += len(part)
                check = zlib.crc32(part, check)
            file.flush()
            os.fsync(file.fileno())
        path.with_suffix(CHECKSUM).write_text(f"{size} {check:08x}", encoding="ascii")
        sync_file(path.with_suffix(CHECKSUM))
    except BaseException:
        for suffix in (SEGMENT, CHECKSUM):
            path.with_suffix(suffix).unlink(missing_ok=True)
        raise
    return segment


def read_segment(path: Path) -> bytes:
    """The whole file. Raises Damaged when it is not as it was written."""
    try:
        written = path.with_suffix(CHECKSUM).read_text(encoding="ascii", errors="replace")
    except FileNotFoundError:
        written = ""
    data = path.read_bytes()
    if written != f"{len(data)} {zlib.crc32(data):08x}":
        raise Damaged(path.name)
    return data


def sync_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(path: Path) -> None:
    """Makes a rename durable. Windows cannot open a folder, and needs not."""
    if os.name != "nt":
        sync_file(path)
