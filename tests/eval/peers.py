"""Other engines on the same documents, each as its own documentation says to use it.

A document is one text: its title, its headings and what stands under them. Two more engines
have the title as a field of its own besides, at a weight that its users give it. Questions
are asked as words, any of which may match.
"""

import re
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any, Protocol

from docindex.indexer.models import Document

tantivy: Any = import_module("tantivy")  # there only where `eval` is installed
bm25s: Any = import_module("bm25s")
Stemmer: Any = import_module("Stemmer")

_WORD = re.compile(r"[^\W_]+")


class Peer(Protocol):
    def ranked(self, text: str, depth: int) -> list[str]:
        """The names of documents, best first."""
        ...


def whole_text(document: Document) -> str:
    lines = [line for each in document.sections for line in (each.heading, each.text)]
    return "\n".join(lines if document.title in lines else (document.title, *lines))


def words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


class Fts5:
    """SQLite's full text search, with its Porter stemmer."""

    title: float | None = None

    def __init__(self, documents: Sequence[Document]) -> None:
        self._names = [document.name for document in documents]
        self._connection = sqlite3.connect(":memory:")
        self._connection.execute(
            "CREATE VIRTUAL TABLE documents USING fts5(title, body, tokenize = 'porter unicode61')"
        )
        self._connection.executemany(
            "INSERT INTO documents(rowid, title, body) VALUES(?, ?, ?)",
            (
                (number, "" if self.title is None else document.title, whole_text(document))
                for number, document in enumerate(documents)
            ),
        )

    def ranked(self, text: str, depth: int) -> list[str]:
        match = " OR ".join(f'"{word}"' for word in words(text))
        found = self._connection.execute(
            "SELECT rowid FROM documents WHERE documents MATCH ? "
            f"ORDER BY bm25(documents, {self.title or 0.0}, 1.0) LIMIT ?",
            (match, depth),
        )
        return [self._names[number] for (number,) in found]


class Fts5Title(Fts5):
    title = 4.0


class Tantivy:
    """With its English stemmer."""

    title: float | None = None

    def __init__(self, documents: Sequence[Document]) -> None:
        builder = tantivy.SchemaBuilder()
        for field in ("title", "body"):
            builder.add_text_field(field, stored=False, tokenizer_name="en_stem")
        builder.add_text_field("name", stored=True, tokenizer_name="raw")
        self._index = tantivy.Index(builder.build())
        writer = self._index.writer(heap_size=200_000_000, num_threads=1)
        for document in documents:
            title = "" if self.title is None else document.title
            writer.add_document(
                tantivy.Document(title=title, body=whole_text(document), name=document.name)
            )
        writer.commit()
        writer.wait_merging_threads()
        self._index.reload()
        self._searcher = self._index.searcher()

    def ranked(self, text: str, depth: int) -> list[str]:
        fields = ["body"] if self.title is None else ["title", "body"]
        boosts = {} if self.title is None else {"title": self.title}
        query = self._index.parse_query(" ".join(words(text)), fields, field_boosts=boosts)
        hits = self._searcher.search(query, depth, count=False).hits
        return [self._searcher.doc(address)["name"][0] for _, address in hits]


class TantivyTitle(Tantivy):
    title = 2.0


class Bm25s:
    """With Snowball's English stemmer, and its own list of stop words."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self._names = [document.name for document in documents]
        self._stemmer = Stemmer.Stemmer("english")
        self._retriever = bm25s.BM25(k1=1.2, b=0.75)
        self._retriever.index(self._tokens(list(map(whole_text, documents))), show_progress=False)

    def ranked(self, text: str, depth: int) -> list[str]:
        tokens = self._tokens([text], return_ids=False)
        count = min(depth, len(self._names))
        numbers, scores = self._retriever.retrieve(tokens, k=count, show_progress=False)
        found = zip(numbers[0].tolist(), scores[0].tolist(), strict=True)
        return [self._names[number] for number, score in found if score > 0]

    def _tokens(self, texts: list[str], **options: bool) -> Any:
        return bm25s.tokenize(
            texts, stopwords="en", stemmer=self._stemmer, show_progress=False, **options
        )


PEERS: Mapping[str, Callable[[Sequence[Document]], Peer]] = {
    "SQLite FTS5": Fts5,
    "FTS5, title ×4": Fts5Title,
    "tantivy": Tantivy,
    "tantivy, title ×2": TantivyTitle,
    "bm25s": Bm25s,
}
