"""tantivy through its Python binding: English stems, positions, its text stored or not."""

from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

from docindex.indexer.models import Document
from tests.bench.engines import TOP, Found
from tests.bench.sections import Texts, texts

tantivy: Any = import_module("tantivy")  # there only where the benchmarks are installed

FIELDS = ("title", "headings", "body")
BOOSTS = {"title": 0.5, "headings": 0.5, "body": 1.0}
HEAP_BYTES = 500_000_000
"""With one thread, enough to write one segment: the fastest to search."""


class Tantivy:
    version = version("tantivy")
    combines = True
    stores = True

    def __init__(self) -> None:
        self._sections: list[Texts] = []
        self._index: Any = None
        self._searcher: Any = None

    def prepare(self, documents: Sequence[Document]) -> None:
        self._sections = list(texts(documents))

    def build(self, place: Path) -> None:
        builder = tantivy.SchemaBuilder()
        for field in FIELDS:
            builder.add_text_field(
                field, stored=self.stores, tokenizer_name="en_stem", index_option="position"
            )
        index = tantivy.Index(builder.build(), path=str(place))
        writer = index.writer(heap_size=HEAP_BYTES, num_threads=1)
        add, document = writer.add_document, tantivy.Document
        for title, headings, body in self._sections:
            add(document(title=title, headings=headings, body=body))
        writer.commit()
        writer.wait_merging_threads()

    def open(self, place: Path) -> None:
        self._index = tantivy.Index.open(str(place))
        self._searcher = self._index.searcher()

    def any_of(self, words: str) -> Found:
        return self._search(words)

    def all_of(self, words: str) -> Found:
        return self._search(" ".join(f"+{word}" for word in words.split()))

    def phrase(self, words: str) -> Found:
        return self._search(f'"{words}"')

    def _search(self, text: str) -> Found:
        query = self._index.parse_query(text, FIELDS, field_boosts=BOOSTS)
        hits = self._searcher.search(query, TOP, count=False).hits
        return [(address.doc, score) for score, address in hits]


class Textless(Tantivy):
    stores = False
