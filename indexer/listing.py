"""Which documents there are."""

from collections.abc import Sequence

from docindex.indexer.clauses import Tagged
from docindex.indexer.cursors import make_cursor, read_cursor
from docindex.indexer.filters import PathFilter
from docindex.indexer.models import IndexView, Listed, Listing, ListRequest, Record
from docindex.indexer.shelf import Shelf

MOVED = "the index has changed since the first page; documents may repeat or be missing"


def list_documents(shelves: Sequence[Shelf], request: ListRequest, view: IndexView) -> Listing:
    """Raises InvalidInput, InvalidCursor, IndexUnavailable."""
    wanted = PathFilter(request.path)
    catalogues = [shelf.catalogue() for shelf in shelves]
    generations = tuple(generation for generation, _ in catalogues)
    question = (request.path, request.tags, request.sort)
    place = read_cursor(request.cursor, generations, question)
    found = [
        (name, record)
        for _, records in catalogues
        for name, record in records.items()
        if wanted.matches(name) and has_tags(record, request.tags)
    ]
    if request.sort == "modified":
        found.sort(key=lambda item: (-item[1].stamp.mtime_ns, item[0]))
    else:
        found.sort(key=lambda item: item[0])
    end = place.offset + request.max_results
    return Listing(
        documents=tuple(_listed(name, record) for name, record in found[place.offset : end]),
        total=len(found),
        cursor=make_cursor(end, generations, question) if end < len(found) else "",
        index=view,
        remarks=(MOVED,) if place.moved else (),
    )


def has_tags(record: Record, tags: Sequence[str]) -> bool:
    """All of them, whatever their case; a tag takes in those below it, and `status=draft`
    is a field of the front matter."""
    return all(Tagged(tag.strip("#/ ")).matches(record.marks) for tag in tags)


def _listed(name: str, record: Record) -> Listed:
    return Listed(name, record.title, record.stamp.size, record.stamp.mtime_ns / 1e9, record.tags)
