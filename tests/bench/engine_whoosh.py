"""Whoosh as it comes: its own analysis, writer and searcher."""

import warnings
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

from docindex.indexer.models import Document
from tests.bench.engines import TOP, Found
from tests.bench.sections import Texts, texts

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # its modules warn when today's Python compiles them
    analysis: Any = import_module("whoosh.analysis")
    fields: Any = import_module("whoosh.fields")
    index: Any = import_module("whoosh.index")
    queries: Any = import_module("whoosh.query")
    scoring: Any = import_module("whoosh.scoring")

BOOSTS = {"title": 0.5, "headings": 0.5, "body": 1.0}
POOL_MEGABYTES = 256


class Whoosh:
    version = version("whoosh")
    combines = True

    def __init__(self) -> None:
        # Nothing is left out, as the others do; the memory of stems has no limit.
        self._analyzer: Any = analysis.StemmingAnalyzer(stoplist=None, minsize=1, cachesize=-1)
        self._sections: list[Texts] = []
        self._searcher: Any = None

    def prepare(self, documents: Sequence[Document]) -> None:
        self._sections = list(texts(documents))

    def build(self, place: Path) -> None:
        text = fields.TEXT(analyzer=self._analyzer)
        schema = fields.Schema(title=text, headings=text, body=text)
        writer = index.create_in(str(place), schema).writer(limitmb=POOL_MEGABYTES)
        for title, headings, body in self._sections:
            writer.add_document(title=title, headings=headings, body=body)
        writer.commit(optimize=True)

    def open(self, place: Path) -> None:
        weighting = scoring.BM25F(B=0.75, K1=1.2)
        self._searcher = index.open_dir(str(place)).searcher(weighting=weighting)

    def any_of(self, words: str) -> Found:
        terms = self._terms(words)
        return self._search(queries.Or([self._anywhere(term) for term in terms]))

    def all_of(self, words: str) -> Found:
        terms = self._terms(words)
        return self._search(queries.And([self._anywhere(term) for term in terms]))

    def phrase(self, words: str) -> Found:
        terms = self._terms(words)
        return self._search(queries.Or([queries.Phrase(field, terms) for field in BOOSTS]))

    def _terms(self, words: str) -> list[str]:
        return [token.text for token in self._analyzer(words)]

    def _anywhere(self, term: str) -> Any:
        return queries.Or([queries.Term(field, term, boost=b) for field, b in BOOSTS.items()])

    def _search(self, query: Any) -> Found:
        results = self._searcher.search(query.normalize(), limit=TOP)
        return [(number, score) for score, number in results.top_n]
