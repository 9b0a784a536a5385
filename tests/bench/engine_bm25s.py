"""bm25s: scores computed while it builds, one field, no conditions."""

from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

from docindex.indexer.models import Document
from tests.bench.engines import TOP, Found
from tests.bench.sections import texts

bm25s: Any = import_module("bm25s")  # there only where the benchmarks are installed
Stemmer: Any = import_module("Stemmer")


class Bm25s:
    version = version("bm25s")
    combines = False

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._stemmer: Any = Stemmer.Stemmer("english")
        self._retriever: Any = None

    def prepare(self, documents: Sequence[Document]) -> None:
        self._texts = [" ".join(section) for section in texts(documents)]

    def build(self, place: Path) -> None:
        tokens = bm25s.tokenize(
            self._texts, stopwords=None, stemmer=self._stemmer, show_progress=False
        )
        retriever = bm25s.BM25(k1=1.2, b=0.75)
        retriever.index(tokens, show_progress=False)
        retriever.save(str(place), show_progress=False)

    def open(self, place: Path) -> None:
        self._retriever = bm25s.BM25.load(str(place))

    def any_of(self, words: str) -> Found:
        tokens = bm25s.tokenize(
            [words],
            stopwords=None,
            stemmer=self._stemmer,
            return_ids=False,
            show_progress=False,
        )
        numbers, scores = self._retriever.retrieve(tokens, k=TOP, show_progress=False)
        pairs = zip(numbers[0].tolist(), scores[0].tolist(), strict=True)
        return [(number, score) for number, score in pairs if score > 0]

    def all_of(self, words: str) -> Found:
        raise NotImplementedError

    def phrase(self, words: str) -> Found:
        raise NotImplementedError
