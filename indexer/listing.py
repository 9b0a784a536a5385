"""Which documents there are."""

from collections.abc import Callable, Mapping, Sequence

from docindex.indexer.clauses import TagFilter
from docindex.indexer.cursors import make_cursor, read_cursor
from docindex.indexer.filters import PathFilter
from docindex.indexer.models import IndexView, Listed, Listing, ListRequest, Record

NOTHING_OWN = "no rule of access names you in person, so no document is yours alone"
NONE_YET = "rules of access name you in person, but of what you ask for no document is yours"
MOVED = "the index has changed since the first page; documents may repeat or be missing"


def list_documents(
    catalogues: Sequence[Mapping[str, Record]],
    generations: tuple[int, ...],
    request: ListRequest,
    view: IndexView,
    who: tuple[str, ...] = (),
    own: Callable[[str], bool] = lambda name: False,
    *,
    named: bool = False,
) -> Listing:
    """Of all documents in the catalogues. `who` asks, if there are callers, `own` tells which
    documents belong to the caller, and `named` whether any could.
    Raises InvalidInput, InvalidCursor."""
    wanted, tags = PathFilter(request.path), TagFilter(request.tags)
    question = (request.path, request.tags, request.sort, request.own, *who)
    place = read_cursor(request.cursor, generations, question)
    found = [
        (name, record)
        for records in catalogues
        for name, record in records.items()
        if wanted.matches(name) and tags.matches(record.marks) and (own(name) or not request.own)
    ]
    if request.sort == "modified":
        found.sort(key=lambda item: (-item[1].stamp.mtime_ns, item[0]))
    else:
        found.sort(key=lambda item: item[0])
    end = place.offset + request.max_results
    remarks = (
        *([MOVED] if place.moved else ()),
        *([NONE_YET if named else NOTHING_OWN] if request.own and not found else ()),
    )
    return Listing(
        documents=tuple(_listed(name, record) for name, record in found[place.offset : end]),
        total=len(found),
        cursor=make_cursor(end, generations, question) if end < len(found) else "",
        index=view,
        remarks=remarks,
    )


def _listed(name: str, record: Record) -> Listed:
    return Listed(name, record.title, record.stamp.size, record.stamp.mtime_ns / 1e9, record.tags)
