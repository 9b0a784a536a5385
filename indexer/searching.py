"""From a question to hits: match, rank, three of a document at most, page by page.

The index only says where to look: `sight` looks there, at the files as they are now.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache, partial

from docindex.indexer.clauses import DocumentClause, Query, TagFilter, Tagged, as_typed
from docindex.indexer.cursors import make_cursor, read_cursor
from docindex.indexer.errors import InvalidCursor, TimedOut
from docindex.indexer.filters import PathFilter, is_glob
from docindex.indexer.holdings import Holdings, Portion
from docindex.indexer.impacts import Bitmap
from docindex.indexer.models import Hit, IndexView, Record, SearchAnswer, SearchRequest
from docindex.indexer.query import parse_query
from docindex.indexer.ranking import SECONDS, Ranked, Ranking
from docindex.indexer.rules import Reach, Rules
from docindex.indexer.shelf import Shelf
from docindex.indexer.sight import Candidate, Sight, Snippets
from docindex.indexer.snapshot import Snapshot
from docindex.indexer.visible import Visible

NO_DOCUMENT = "No document matches the path, tags or dates that were given."
BELOW = " A glob that ends with / takes in all below the folders that match: 2026-*/"
MOVED = "the index has changed since the first page; results may repeat or be missing"
SPARE = 20
"""Hits that are ranked beyond those asked for, since some will be dropped;"""
DEEPER = 4
"""and so many times as many when that was too few."""
SNIPPETS_BYTES = 4_000_000
"""What the snippets that were chosen last may take: who asks the same again, or for a page
that overlaps, gets the same lines of what has not changed."""
DEEPEST = 1_000
"""Where paging ends: nobody reads so far, and each page ranks anew."""

_parsed = lru_cache(maxsize=256)(parse_query)
"""A question is asked again for the next page, and by others."""


class Engine:
    """Searches the shelves of a library together."""

    def __init__(self, shelves: Sequence[Shelf], rules: Rules | None = None) -> None:
        """With rules, it searches for callers, by what each of them may read."""
        self._shelves = shelves
        self._rules = rules
        self._lock = threading.Lock()
        self._newest = Holdings((), ())
        self._snippets = Snippets(SNIPPETS_BYTES)

    def search(
        self, request: SearchRequest, view: IndexView, visible: Visible | None = None
    ) -> SearchAnswer:
        """`visible` is what the caller may read, if there are rules. Raises InvalidInput,
        InvalidCursor, IndexUnavailable, TimedOut."""
        wanted = _filter(request)
        snapshots = tuple(shelf.snapshot() for shelf in self._shelves)
        who: tuple[str, ...] = ()
        reach: Reach | None = None
        if visible is None:
            generations = tuple(snapshot.generation for snapshot in snapshots)
        else:
            reach, generations = visible.reach, visible.generations
            who = (reach.who,)
        plain = replace(request, cursor="", max_results=1, snippet_bytes=0)
        question = (request.query, plain, *who)
        place = read_cursor(request.cursor, generations, question)
        if place.offset > DEEPEST:
            raise InvalidCursor("the cursor points nowhere; leave it out to begin anew")
        holdings = self._holdings(snapshots)
        portion = holdings.portion(reach)
        query = _parsed(request.query, portion.languages)
        query, corrected, hints = portion.speller.understand(query)
        asked = (request.path, request.tags, request.modified_after, request.modified_before)
        allowed = holdings.sections(asked, wanted) if wanted else None
        count = request.max_results + SPARE
        ranks, remarks = _find(holdings, query, portion, allowed, place.offset, count)
        if allowed is not None and not allowed.any():
            remarks.insert(0, NO_DOCUMENT + (BELOW if is_glob(request.path) else ""))
        hits: list[Hit] = []
        candidates: list[Candidate] = []
        used = repeats = 0
        with Sight(query, request.snippet_bytes, holdings.ranker.rarity, self._snippets) as sight:
            for ranked in ranks:
                if len(hits) == request.max_results:
                    break
                used += 1
                candidate = holdings.candidate(ranked)
                if sight.repeats(candidate):
                    repeats += 1
                elif (hit := sight.see(candidate)) is not None:
                    if request.explain:
                        why = holdings.ranker.explain(query, ranked)
                        hit = replace(hit, explanation=why)
                    hits.append(hit)
                    candidates.append(candidate)
        gone = used - len(hits) - repeats
        if sight.changed and view.state == "ready":
            # The indexer does not know yet what we have just seen.
            view = replace(view, state="updating", pending=sight.changed)
        end = place.offset + used
        more = ranks.go_on(used) and end <= DEEPEST
        moved = (MOVED,) if place.moved else ()
        return SearchAnswer(
            hits=tuple(
                replace(hit, repeats=times - 1) if (times := sight.times(candidate)) > 1 else hit
                for hit, candidate in zip(hits, candidates, strict=True)
            ),
            total=max(ranks.total - gone, len(hits)),
            cursor=make_cursor(end, generations, question) if more else "",
            index=view,
            corrected=corrected,
            remarks=(*query.remarks, *hints, *remarks, *moved),
        )

    def _holdings(self, snapshots: tuple[Snapshot, ...]) -> Holdings:
        with self._lock:
            if snapshots != self._newest.snapshots:
                before = self._newest
                self._newest = Holdings(
                    self._shelves, snapshots, self._rules, before.parts, before.heads
                )
            return self._newest


class _Ranks:
    """Ranked sections from an offset on. More are ranked when some turn out to be no hits."""

    def __init__(self, rank: Callable[[int], Ranking], offset: int, count: int) -> None:
        """`rank` gives the best ones, as many as it is asked for if there are so many."""
        self._rank = rank
        self._offset = offset
        self._limit = offset + count
        self._ranking = rank(self._limit)

    @property
    def total(self) -> int:
        return self._ranking.total

    def __iter__(self) -> Iterator[Ranked]:
        at = self._offset
        while True:
            yield from self._ranking.best[at:]
            if self._complete or self._limit >= DEEPEST:
                return
            limit = min(self._limit * DEEPER, DEEPEST)
            try:
                self._ranking = self._rank(limit)
            except TimedOut:
                return  # the next page goes on
            at, self._limit = self._limit, limit

    def go_on(self, used: int) -> bool:
        """Whether there are others behind so many."""
        return self._offset + used < len(self._ranking.best) or not self._complete

    @property
    def _complete(self) -> bool:
        return len(self._ranking.best) < self._limit


def _find(
    holdings: Holdings,
    query: Query,
    portion: Portion,
    allowed: Bitmap | None,
    offset: int,
    count: int,
) -> tuple[_Ranks, list[str]]:
    """The sections that match, from the offset on, and what to try otherwise."""
    search = partial(
        holdings.ranker.rank,
        concerning=partial(_concerning, holdings),
        deadline=time.monotonic() + SECONDS,
        readable=portion.readable,
    )
    if allowed is not None and portion.readable is not None:
        allowed = allowed & portion.readable
    ranks = _Ranks(lambda limit: search(query, allowed, limit=limit), offset, count)
    remarks: list[str] = []
    if ranks.total == 0 and query.conditions:
        with suppress(TimedOut):
            remarks.extend(_ways_out(query, partial(search, allowed=allowed)))
    return ranks, remarks


def _ways_out(query: Query, search: Callable[..., Ranking]) -> Iterator[str]:
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


def _concerning(holdings: Holdings, clause: DocumentClause) -> Bitmap:
    if isinstance(clause, Tagged):
        return holdings.sections(clause, lambda name, record: clause.matches(record.marks))
    return holdings.sections(clause, lambda name, record: clause.matches(name))


def _filter(request: SearchRequest) -> Callable[[str, Record], bool] | None:
    """What the arguments beside the query ask of a document. Raises InvalidInput."""
    dates = request.modified_after, request.modified_before
    if not (request.path or request.tags) and dates == (None, None):
        return None
    path, tags = PathFilter(request.path), TagFilter(request.tags)
    after = float("-inf") if request.modified_after is None else request.modified_after
    before = float("inf") if request.modified_before is None else request.modified_before

    def wanted(name: str, record: Record) -> bool:
        return (
            after <= record.stamp.mtime_ns / 1e9 < before
            and tags.matches(record.marks)
            and path.matches(name)
        )

    return wanted
