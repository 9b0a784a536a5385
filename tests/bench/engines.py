"""The search engines that are compared, seen alike."""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Protocol

from docindex.indexer.models import Document

TOP = 10

Found = list[tuple[int, float]]
"""Sections by their place in the corpus, best first, at most `TOP`, with scores. No
engine fetches more than that of a hit."""


class Engine(Protocol):
    """Queries are words in lower case with blanks between them; what an engine does
    to make its own query of them is timed, as its users pay for it too."""

    version: str
    """Of the package behind it."""
    combines: bool
    """Whether it can ask for all of some words, and for phrases."""

    def prepare(self, documents: Sequence[Document]) -> None:
        """Takes what is to be built; not timed."""
        ...

    def build(self, place: Path) -> None:
        """Writes the index into an empty folder."""
        ...

    def open(self, place: Path) -> None: ...

    def any_of(self, words: str) -> Found: ...

    def all_of(self, words: str) -> Found: ...

    def phrase(self, words: str) -> Found: ...


MODULES = {
    "docindex": "tests.bench.engine_docindex:Base",
    "docindex, final ranking": "tests.bench.engine_docindex:Final",
    "docindex without names and lexicon": "tests.bench.engine_docindex:Core",
    "SQLite FTS5": "tests.bench.engine_fts5:Fts5",
    "SQLite FTS5 without text": "tests.bench.engine_fts5:Contentless",
    "tantivy-py": "tests.bench.engine_tantivy:Tantivy",
    "tantivy-py without text": "tests.bench.engine_tantivy:Textless",
    "bm25s": "tests.bench.engine_bm25s:Bm25s",
    "stock Whoosh": "tests.bench.engine_whoosh:Whoosh",
}


def engine(name: str) -> Engine:
    """Raises ImportError when its package is not installed."""
    module, _, class_name = MODULES[name].partition(":")
    made: Engine = getattr(import_module(module), class_name)()
    return made


def missing(name: str) -> str:
    """The package that an engine lacks, or ""."""
    try:
        engine(name)
    except ImportError as error:
        return error.name or str(error)
    return ""
