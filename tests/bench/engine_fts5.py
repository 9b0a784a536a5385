"""SQLite's full-text index: porter stems, bm25(), its text beside it or not."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from docindex.indexer.models import Document
from tests.bench.engines import TOP, Found
from tests.bench.sections import Texts, texts

CACHE_KIB = 262_144
"""As much memory for pages as it wants, so that nothing is read twice."""

# Sorting by `rank` lets FTS5 score within itself: faster than ORDER BY bm25(sections).
_SELECT = "SELECT rowid, rank FROM sections WHERE sections MATCH ? ORDER BY rank LIMIT ?"


class Fts5:
    version = sqlite3.sqlite_version
    combines = True
    options = ""

    def __init__(self) -> None:
        self._sections: list[Texts] = []
        self._connection: sqlite3.Connection | None = None

    def prepare(self, documents: Sequence[Document]) -> None:
        self._sections = list(texts(documents))

    def build(self, place: Path) -> None:
        connection = self._connect(place)
        columns = f"title, headings, body, tokenize = 'porter unicode61'{self.options}"
        connection.execute(f"CREATE VIRTUAL TABLE sections USING fts5({columns})")
        connection.execute(
            "INSERT INTO sections(sections, rank) VALUES('rank', 'bm25(0.5, 0.5, 1.0)')"
        )
        rows = ((number, *section) for number, section in enumerate(self._sections))
        connection.executemany(
            "INSERT INTO sections(rowid, title, headings, body) VALUES(?, ?, ?, ?)", rows
        )
        connection.commit()
        connection.close()

    def open(self, place: Path) -> None:
        self._connection = self._connect(place)

    def any_of(self, words: str) -> Found:
        return self._select(" OR ".join(f'"{word}"' for word in words.split()))

    def all_of(self, words: str) -> Found:
        return self._select(" AND ".join(f'"{word}"' for word in words.split()))

    def phrase(self, words: str) -> Found:
        return self._select(f'"{words}"')

    def _select(self, match: str) -> Found:
        assert self._connection is not None
        found = self._connection.execute(_SELECT, (match, TOP)).fetchall()
        return [(number, -rank) for number, rank in found]

    def _connect(self, place: Path) -> sqlite3.Connection:
        connection = sqlite3.connect(place / "sections.db")
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        return connection


class Contentless(Fts5):
    options = ", content = ''"
