"""A corpus as the engines get it: parsed once, the same for all of them."""

import pickle
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path

from docindex.indexer.markdown import parse
from docindex.indexer.models import Document, Section

SUFFIXES = frozenset({".md", ".markdown", ".mdx", ".mdown"})

SALTED = 10
"""One word in so many is another word in each further copy of a corpus: words that
are new keep coming as a corpus grows (Heaps' law)."""

Texts = tuple[str, str, str]
"""Title of the document, heading trail, text of one section."""


def read(folder: Path) -> list[Document]:
    """Every Markdown document below a folder that has sections, by name."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    parsed = (parse(path.read_bytes(), path.relative_to(folder).as_posix()) for path in paths)
    return [document for document in parsed if document.sections]


def size(documents: Iterable[Document]) -> int:
    """In sections."""
    return sum(len(document.sections) for document in documents)


def text_bytes(documents: Iterable[Document]) -> int:
    return sum(len(section.text.encode()) for each in documents for section in each.sections)


def texts(documents: Iterable[Document]) -> Iterator[Texts]:
    """What the peers index of each section. docindex takes the same from the same
    documents, and repeats title and trail in its field of all text, at its own cost."""
    for document in documents:
        for section in document.sections:
            yield document.title, " ".join(section.trail), section.text


def spread_sample(documents: Sequence[Document], sections: int) -> list[Document]:
    """Documents from all over the corpus, with about so many sections."""
    total = size(documents)
    if total <= sections:
        return list(documents)
    chosen: list[Document] = []
    owed = 0  # in sections, times `total`
    for document in documents:
        owed += len(document.sections) * sections
        if owed >= len(document.sections) * total:
            chosen.append(document)
            owed -= len(document.sections) * total
    return chosen


def grown(documents: Sequence[Document], sections: int) -> list[Document]:
    """The first so many sections of the corpus; beyond its size, of copies of it
    whose words are partly others."""
    found: list[Document] = []
    missing = sections
    for copy in count():
        for document in documents:
            if missing <= 0:
                return found
            taken = document.sections[:missing]
            missing -= len(taken)
            found.append(_copied(replace(document, sections=taken), copy))
    raise AssertionError("unreachable")


def save(documents: Sequence[Document], path: Path) -> Path:
    with path.open("wb") as file:
        pickle.dump(list(documents), file, protocol=pickle.HIGHEST_PROTOCOL)
    return path


def load(path: Path) -> list[Document]:
    """Only what `save` wrote in the same run."""
    with path.open("rb") as file:
        documents: list[Document] = pickle.load(file)
    return documents


_WORD = re.compile(r"[A-Za-z]{4,}")


def _copied(document: Document, copy: int) -> Document:
    if copy == 0:
        return document
    salt = chr(ord("a") + copy % 26) * 2

    def other(word: re.Match[str]) -> str:
        chosen = zlib.crc32(word[0].lower().encode()) % SALTED == 0
        return word[0] + salt if chosen else word[0]

    def salted(section: Section) -> Section:
        return replace(
            section,
            heading=_WORD.sub(other, section.heading),
            trail=tuple(_WORD.sub(other, each) for each in section.trail),
            text=_WORD.sub(other, section.text),
        )

    return replace(
        document,
        name=f"copy{copy}/{document.name}",
        title=_WORD.sub(other, document.title),
        sections=tuple(map(salted, document.sections)),
    )
