"""Documents as they were read last, so that one that is still the same need not be read and
parsed again.

A file is asked for its stamp each time, through the one door to files, by the same way as
if it were read: so links, ignore rules and another root stop whoever asks for a known
document as they stop whoever reads it. All of its bytes have come through that door, and
nothing of them depends on who asked.
"""

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from itertools import chain
from typing import Final, cast

from docindex.indexer.byte_cache import ByteCache
from docindex.indexer.encoding import decode
from docindex.indexer.files import Folder, version_of
from docindex.indexer.lines import Lines
from docindex.indexer.models import Document, FileBytes, Section, Stamp
from docindex.indexer.root import Visit
from docindex.indexer.stamps import settled

LIMIT: Final = 12_000_000
"""Bytes that documents are kept in, by default."""
_SHARE: Final = 4
"""One document may take one part in so many of it."""
_ENTRY: Final = 500
"""Bytes that Python takes for an entry and its key."""
_NUMBER: Final = sys.getsizeof(1 << 29)
"""Bytes that it takes for the number of a line."""


@dataclass(frozen=True, slots=True)
class KnownDocument:
    stamp: Stamp
    """As of the moment when it was read; see `settled`."""
    version: str
    lines: Lines
    """All of its text, with the ends of lines."""
    nbytes: int
    """What it holds in memory."""
    parsed: Document | None = None
    """What its text says of itself, without the texts of its sections; None: it was not
    parsed yet."""
    plain: bool = False
    """It was parsed as plain text."""


class KnownDocuments:
    """For any number of threads at once."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._most = limit // _SHARE
        self._kept = ByteCache[tuple[Folder, str], KnownDocument](limit)

    @property
    def nbytes(self) -> int:
        return self._kept.nbytes

    def read(self, folder: Folder, name: str, visit: Visit | None = None) -> KnownDocument:
        """The document as it is now. Raises as `Folder.read` does."""
        return self._read(folder, name, visit)[0]

    def read_parsed(
        self, folder: Folder, name: str, plain: Callable[[KnownDocument], bool]
    ) -> tuple[KnownDocument, Document]:
        """The same, parsed, or taken for `plain` text."""
        known, data = self._read(folder, name)
        as_text = plain(known)
        if known.parsed is not None and known.plain == as_text:
            return known, known.parsed
        if data is None:
            file = folder.read(name)
            known, data = _known(file), file.data
            as_text = plain(known)
        # Imported at its first use: the first search need not wait for the parser.
        from docindex.indexer.markdown import parse

        whole = parse(data, name, plain=as_text)
        sections = tuple(replace(section, text="") for section in whole.sections)
        parsed = replace(whole, sections=sections, links=(), hashtags=())
        nbytes = known.nbytes + _size(parsed)
        known = replace(known, parsed=parsed, plain=as_text, nbytes=nbytes)
        self._keep(folder, name, known)
        return known, parsed

    def _read(
        self, folder: Folder, name: str, visit: Visit | None = None
    ) -> tuple[KnownDocument, bytes | None]:
        """The document, and its bytes if they had to be read."""
        known = self._kept.get((folder, name))
        if known is not None and folder.look(name, visit) == known.stamp:
            return known, None
        file = folder.read(name, visit)
        known = _known(file)
        self._keep(folder, name, known)
        return known, file.data

    def _keep(self, folder: Folder, name: str, known: KnownDocument) -> None:
        # A large one would push out all others.
        if known.nbytes <= self._most:
            self._kept.put((folder, name), known)


def _known(file: FileBytes) -> KnownDocument:
    lines = Lines(decode(file.data).text)
    return KnownDocument(settled(file.stamp), version_of(file.data), lines, _ENTRY + lines.nbytes)


def _size(value: object) -> int:
    """Bytes of a value and of all that it is made of; what stands there twice counts twice."""
    own = sys.getsizeof(value)
    parts: Iterable[object] = ()
    if isinstance(value, list | tuple):
        parts = cast("Sequence[object]", value)
    elif isinstance(value, dict):
        parts = chain.from_iterable(cast("dict[str, object]", value).items())
    elif isinstance(value, Section):
        # The headings above it are counted where they stand.
        parts = (value.heading, value.trail[-1:], value.anchor, value.text)
        own += sys.getsizeof(value.trail) + 2 * _NUMBER
        return own + sum(map(sys.getsizeof, parts))
    elif isinstance(value, Document):
        parts = (getattr(value, field.name) for field in fields(value))
    return own + sum(map(_size, parts))
