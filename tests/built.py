"""Small indexes of real segments, for tests: ours to search, stock Whoosh's to compare."""

from collections.abc import Collection as Names
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from docindex.indexer.collection import Collection
from docindex.indexer.models import Document, Record, Section, Stamp
from docindex.indexer.segments import Builder, Storage
from docindex.indexer.snapshot import Leaf, Snapshots
from docindex.indexer.store import Store, read_contents
from docindex.indexer.weights import K1, OWN_B, B
from tests import stock


class Page(NamedTuple):
    """A section by its heading trail and its text; a document that has one of them."""

    text: str
    trail: tuple[str, ...] = ()
    title: str = ""


Content = str | Page | list[Page]
"""A document of one section, or of several, which have the title of the first."""


def index(folder: Path, segments: Sequence[Sequence[Content]], removed: Names[int] = ()) -> None:
    """Documents are named by their numbers, in order; `removed` are deleted afterwards."""
    store = Store(folder)
    number = 0
    for contents in segments:
        builder = Builder(folder)
        for content in contents:
            builder.add(*_document(f"{number}", content))
            number += 1
        store.commit(builder.finish())
    store.commit(None, removed=[f"{number}" for number in removed])


def leaves(*folders: Path) -> list[Leaf]:
    return [leaf for folder in folders for leaf in Snapshots(folder).newest().leaves]


def collection(*folders: Path) -> Collection:
    return Collection(leaves(*folders))


def searcher(*folders: Path) -> Any:
    """Stock Whoosh's, over the same segments in the same order."""
    readers: list[Any] = []
    for folder in folders:
        contents = read_contents(Storage(folder))
        assert contents is not None
        readers += [stock.open_segment(folder, each) for each in contents.segments]
    own = {f"{field}_B": b for field, b in OWN_B.items()}
    weighting = stock.scoring.BM25F(B=B, K1=K1, **own)
    return stock.searching.Searcher(stock.reading.MultiReader(readers), weighting=weighting)


def _document(name: str, content: Content) -> tuple[Record, Document]:
    if isinstance(content, str):
        content = Page(content)
    pages = content if isinstance(content, list) else [content]
    title = pages[0].title
    sections = tuple(
        Section(
            page.trail[-1] if page.trail else "", len(page.trail), page.trail, "", 1, 1, page.text
        )
        for page in pages
    )
    document = Document(name, title, (), (), {}, sections, 1)
    return Record(name, "v", Stamp(1, 1, 1, 1), title, sections=len(sections)), document
