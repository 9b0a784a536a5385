"""Small indexes of real segments, for tests: ours to search, stock Whoosh's to compare."""

from collections.abc import Collection as Names
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from docindex.indexer import stock
from docindex.indexer.collection import K1, B, Collection
from docindex.indexer.models import Document, Record, Section, Stamp
from docindex.indexer.segments import Builder, Storage, open_segment
from docindex.indexer.snapshot import Leaf, Snapshots
from docindex.indexer.store import Store, read_contents


class Page(NamedTuple):
    """A section by its heading trail and its text; a document that has one of them."""

    text: str
    trail: tuple[str, ...] = ()
    title: str = ""


def index(folder: Path, segments: Sequence[Sequence[Page | str]], removed: Names[int] = ()) -> None:
    """One document for each page, numbered in order; `removed` are deleted afterwards."""
    store = Store(folder)
    number = 0
    for pages in segments:
        builder = Builder(folder)
        for page in pages:
            builder.add(*_document(f"{number}", Page(page) if isinstance(page, str) else page))
            number += 1
        store.commit(builder.finish())
    store.commit(None, removed=[f"{number}" for number in removed])


def leaves(*folders: Path) -> list[Leaf]:
    return [leaf for folder in folders for leaf in Snapshots(folder).newest().leaves]


def collection(*folders: Path) -> Collection:
    return Collection(leaves(*folders))


def searcher(*folders: Path) -> Any:
    """Stock Whoosh's, over the same segments in the same order."""
    readers: list[stock.Reader] = []
    for folder in folders:
        contents = read_contents(Storage(folder))
        assert contents is not None
        readers += [open_segment(Storage(folder), each) for each in contents.segments]
    weighting = stock.scoring.BM25F(B=B, K1=K1)
    return stock.Searcher(stock.multi_reader(readers), weighting=weighting)


def _document(name: str, page: Page) -> tuple[Record, Document]:
    heading = page.trail[-1] if page.trail else ""
    section = Section(heading, len(page.trail), page.trail, "", 1, 1, page.text)
    document = Document(name, page.title, (), (), {}, (section,), 1)
    return Record(name, "v", Stamp(1, 1, 1, 1), page.title, sections=1), document
