"""From a question to hits: match, rank, three of a document at most, page by page.

The index only says where to look: `sight` looks there, at the files as they are now.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial

import numpy as np

from docindex.indexer.clauses import DocumentClause, Query, Tagged, as_typed
from docindex.indexer.cursors import Place, make_cursor, read_cursor
from docindex.indexer.errors import InvalidCursor, TimedOut
from docindex.indexer.filters import PathFilter
from docindex.indexer.listing import has_tags
from docindex.indexer.models import Hit, IndexView, Record, SearchAnswer, SearchRequest
from docindex.indexer.query import parse_query
from docindex.indexer.ranking import SECONDS, Bitmap, Ranked, Ranker, Ranking
from docindex.indexer.schema import unpack
from docindex.indexer.shelf import Shelf
from docindex.indexer.sight import Candidate, Sight
from docindex.indexer.snapshot import READING, Leaf, Snapshot

MOVED = "the index has changed since the first page; results may repeat or be missing"
MOST_PER_DOCUMENT = 3
SPARE = 20
"""Hits that are ranked beyond those asked for, since some will be dropped."""
DEEPEST = 1_000
"""Where paging ends: nobody reads so far, and each page ranks anew."""
DEEPER = 4
"""How much deeper is ranked when so many of one document came first that too few are left."""


class Engine:
    """Searches the shelves of a library together."""

    def __init__(self, shelves: Sequence[Shelf]) -> None:
        self._shelves = shelves
        self._snapshots: tuple[Snapshot, ...] = ()
        self._leaves: list[tuple[Shelf, Leaf, int]] = []
        """Each segment with its folder and the number of its first document."""
        self._ranker = Ranker([])

    def search(self, request: SearchRequest, view: IndexView) -> SearchAnswer:
        """Raises InvalidInput, InvalidCursor, IndexUnavailable, TimedOut."""
        query = parse_query(request.query)
        wanted = _filter(request)
        snapshots = tuple(shelf.snapshot() for shelf in self._shelves)
        generations = tuple(snapshot.generation for snapshot in snapshots)
        question = (request.query, replace(request, cursor="", max_results=1, snippet_bytes=0))
        place = read_cursor(request.cursor, generations, question)
        if place.offset > DEEPEST:
            raise InvalidCursor("the cursor points nowhere; leave it out to begin anew")
        total, candidates, remarks = self._find(query, wanted, snapshots, place, request)
        sight = Sight(query, request.snippet_bytes)
        hits: list[Hit] = []
        used = 0
        for candidate in candidates:
            if len(hits) == request.max_results:
                break
            used += 1
            if (hit := sight.see(candidate)) is not None:
                hits.append(hit)
        gone = used - len(hits)
        if sight.changed and view.state == "ready":
            # The indexer does not know yet what we have just seen.
            view = replace(view, state="updating", pending=sight.changed)
        end = place.offset + used
        more = used < len(candidates) and end <= DEEPEST
        moved = (MOVED,) if place.moved else ()
        return SearchAnswer(
            hits=tuple(hits),
            total=max(total - gone, len(hits)),
            cursor=make_cursor(end, generations, question) if more else "",
            index=view,
            remarks=(*query.remarks, *remarks, *moved),
        )

    def _find(
        self,
        query: Query,
        wanted: Callable[[Shelf, Record], bool] | None,
        snapshots: tuple[Snapshot, ...],
        place: Place,
        request: SearchRequest,
    ) -> tuple[int, list[Candidate], list[str]]:
        """How many sections match, those from the place on, and what to try otherwise."""
        deadline = time.monotonic() + SECONDS
        if not READING.acquire(timeout=SECONDS):
            raise TimedOut("other searches take all the time; try again")
        try:
            self._follow(snapshots)
            search = partial(self._ranker.rank, concerning=self._concerning, deadline=deadline)
            allowed = self._documents(wanted) if wanted else None
            total, found = self._candidates(
                partial(search, query, allowed), place.offset + request.max_results + SPARE
            )
            remarks: list[str] = []
            if allowed is not None and not allowed.any():
                remarks.append("No document matches the path, tags or dates that were given.")
            if total == 0 and query.conditions:
                with suppress(TimedOut):
                    remarks.extend(self._ways_out(query, partial(search, allowed=allowed)))
            return total, found[place.offset :], remarks
        finally:
            READING.release()

    def _follow(self, snapshots: tuple[Snapshot, ...]) -> None:
        if snapshots == self._snapshots:
            return
        self._leaves.clear()
        base = 0
        for shelf, snapshot in zip(self._shelves, snapshots, strict=True):
            for leaf in snapshot.leaves:
                self._leaves.append((shelf, leaf, base))
                base += leaf.reader.doc_count_all()
        self._ranker = Ranker([leaf.reader for _, leaf, _ in self._leaves])
        self._snapshots = snapshots

    def _candidates(
        self, search: Callable[..., Ranking], count: int
    ) -> tuple[int, list[Candidate]]:
        """At most three sections of one document, as many as asked for if there are."""
        depth = count
        while True:
            ranking = search(limit=depth)
            found = list(self._spread(ranking.best))
            if len(found) >= count or len(ranking.best) < depth:
                return ranking.total, found
            depth *= DEEPER

    def _spread(self, best: Sequence[Ranked]) -> Iterator[Candidate]:
        seen: Counter[str] = Counter()
        for ranked in best:
            candidate = self._locate(ranked)
            name = candidate.shelf.outer(candidate.record.name)
            seen[name] += 1
            if seen[name] <= MOST_PER_DOCUMENT:
                yield candidate

    def _locate(self, ranked: Ranked) -> Candidate:
        shelf, leaf, base = next(
            found for found in reversed(self._leaves) if found[2] <= ranked.docnum
        )
        number = ranked.docnum - base
        stored = leaf.reader.stored_fields(number)
        ordinal, trail, anchor, first, last = stored.get("section", (0, (), "", 1, 1))
        head = stored if "record" in stored else leaf.reader.stored_fields(number - ordinal)
        return Candidate(shelf, unpack(head["record"]), trail, anchor, first, last, ranked.score)

    def _ways_out(self, query: Query, search: Callable[..., Ranking]) -> Iterator[str]:
        """Which condition leaves nothing, and what would be found without it."""
        helpless = True
        for condition in query.conditions:
            wider = query.without(condition)
            if wider is None:
                continue
            count = search(wider, limit=1).total
            if count:
                helpless = False
                hits = "1 hit" if count == 1 else f"{count} hits"
                yield f"Nothing meets every condition; without {as_typed(condition)}: {hits}."
        if helpless:
            yield "Nothing meets every condition, nor would it with any one of them dropped."

    # Documents as ranges of sections

    def _documents(self, wanted: Callable[[Shelf, Record], bool]) -> Bitmap:
        found = np.zeros(self._ranker.size, np.bool_)
        for shelf, leaf, base in self._leaves:
            for head in leaf.heads:
                if head.record.sections and wanted(shelf, head.record):
                    found[base + head.docnum : base + head.last + 1] = True
        return found & self._ranker.everything()

    def _concerning(self, clause: DocumentClause) -> Bitmap:
        if isinstance(clause, Tagged):
            return self._documents(lambda shelf, record: clause.matches(record.tags))
        return self._documents(lambda shelf, record: clause.matches(shelf.outer(record.name)))


def _filter(request: SearchRequest) -> Callable[[Shelf, Record], bool] | None:
    """What the arguments beside the query ask of a document. Raises InvalidInput."""
    if not (request.path or request.tags or request.modified_after or request.modified_before):
        return None
    path = PathFilter(request.path)
    after = request.modified_after or float("-inf")
    before = request.modified_before or float("inf")

    def wanted(shelf: Shelf, record: Record) -> bool:
        return (
            after <= record.stamp.mtime_ns / 1e9 < before
            and has_tags(record, request.tags)
            and path.matches(shelf.outer(record.name))
        )

    return wanted
