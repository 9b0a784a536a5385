"""docindex's own engine: its segment writer, its scorers, its ranking."""

import time
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import docindex
from docindex.indexer import scoring, segments, vocabulary
from docindex.indexer.analysis import Analysed, analyse, terms
from docindex.indexer.collection import Collection
from docindex.indexer.models import Document, Record, Stamp
from docindex.indexer.query import parse_query
from docindex.indexer.ranking import Ranker
from docindex.indexer.segment_writer import SegmentWriter
from docindex.indexer.segments import Builder, _write_text
from docindex.indexer.snapshot import Snapshots
from docindex.indexer.store import Store
from tests.bench.engines import TOP, Found

SEGMENT_BYTES = 50_000_000
"""Text that goes into one segment: a builder takes some ten times as much memory."""
SECONDS = 60.0


class Final:
    """What a search of the product ranks by."""

    version = docindex.__version__
    combines = True
    without: Sequence[str] = ()
    """What is left out of the build: fields, or the lexicon."""

    def __init__(self) -> None:
        self._documents: Sequence[Document] = ()
        self._ranker = Ranker(())
        self._collection = Collection(())

    def prepare(self, documents: Sequence[Document]) -> None:
        self._documents = documents

    def build(self, place: Path) -> None:
        store = Store(place / "index")
        for portion in _portions(self._documents):
            builder = Builder(store.folder)
            for each in self.without:
                _leave_out(builder, each)
            for document in portion:
                builder.add(_record(document), document)
            store.commit(builder.finish())

    def open(self, place: Path) -> None:
        leaves = Snapshots(place / "index").newest().leaves
        self._ranker = Ranker(leaves)
        self._collection = Collection(leaves)

    def any_of(self, words: str) -> Found:
        return self._rank(words)

    def all_of(self, words: str) -> Found:
        return self._rank(" ".join(f"+{word}" for word in words.split()))

    def phrase(self, words: str) -> Found:
        return self._rank(f'"{words}"')

    def _rank(self, text: str) -> Found:
        ranking = self._ranker.rank(
            parse_query(text),
            None,
            concerning=NotImplemented,
            limit=TOP,
            deadline=time.monotonic() + SECONDS,
        )
        return [(one.docnum, one.score) for one in ranking.best]


class Core(Final):
    """The fields of text and the forward stream alone."""

    without = ("identifiers", "lexicon")


class Base(Final):
    """Sums of BM25F over every word of the query: what stock Whoosh scores."""

    def any_of(self, words: str) -> Found:
        collection = self._collection
        counts = Counter(terms(words))
        weighted = [scoring.Weighted(collection.impacts(term), n) for term, n in counts.items()]
        found = scoring.best(weighted, None, TOP, collection.size)
        return list(zip(found.numbers.tolist(), found.scores.tolist(), strict=True))


def _portions(documents: Iterable[Document]) -> Iterator[list[Document]]:
    portion: list[Document] = []
    size = 0
    for document in documents:
        portion.append(document)
        size += sum(len(section.text) for section in document.sections)
        if size >= SEGMENT_BYTES:
            yield portion
            portion, size = [], 0
    if portion:
        yield portion


def _record(document: Document) -> Record:
    return Record(
        name=document.name,
        version="",
        stamp=Stamp(0, 0, 0, 0),
        title=document.title,
        sections=len(document.sections),
    )


class _Nowhere(array):  # type: ignore[type-arg]
    """Takes numbers and keeps none."""

    def append(self, number: object) -> None:
        """Does nothing."""

    def extend(self, numbers: object) -> None:
        """Does nothing."""


def _leave_out(builder: Builder, what: str) -> None:
    """For this process, since it does nothing else."""
    if what == "stream":
        SegmentWriter.add_streams = lambda *arguments: None  # type: ignore[method-assign]
    elif what == "lexicon":
        segments.encode_lexicon = lambda counts: b""  # type: ignore[attr-defined]
    elif what == "identifiers":
        vocabulary.analyse = _without_names  # type: ignore[attr-defined]
        segments._write_text = _write_words  # type: ignore[assignment]
    else:
        builder._texts[what].numbers = _Nowhere("I")


def _without_names(chunk: bytes) -> Analysed:
    # That they are found nevertheless is counted with the rest.
    return analyse(chunk)._replace(names=())


def _write_words(writer: SegmentWriter, field: str, *rest: Any) -> None:
    if field != "identifiers":
        _write_text(writer, field, *rest)
