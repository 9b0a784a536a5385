"""The facade: a library of folders, as servers and people use it.

Importing it, and opening a library, costs no more than a few stats: the index,
the parser and numpy are imported by the first call that needs them.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import replace
from itertools import chain, compress
from operator import is_, is_not
from pathlib import Path
from typing import TYPE_CHECKING

from docindex.indexer.access import Caller, Rule
from docindex.indexer.attendant import Attendant
from docindex.indexer.errors import (
    DocindexError,
    DocumentNotFound,
    IndexUnavailable,
    NotADocument,
)
from docindex.indexer.indexing import index_all
from docindex.indexer.known_documents import KnownDocuments
from docindex.indexer.locks import held
from docindex.indexer.models import (
    Author,
    Changes,
    Edit,
    FolderSpec,
    IndexView,
    LibraryStatus,
    Listener,
    Listing,
    ListRequest,
    Options,
    Past,
    Reading,
    Record,
    ReindexReport,
    SearchAnswer,
    SearchRequest,
    Undoing,
    UndoPlan,
    WriteOutcome,
    Written,
    unheard,
)
from docindex.indexer.shelf import Shelf, together
from docindex.indexer.shelves import Shelves, check_labels

if TYPE_CHECKING:
    from docindex.indexer.authoring import Authoring
    from docindex.indexer.moving import MoveOutcome
    from docindex.indexer.rules import Principal, Reach, Rules
    from docindex.indexer.searching import Engine
    from docindex.indexer.visible import Visible
    from docindex.indexer.writing import Writer

NOBODY = Author()
"""The user whose process this is, by the tool that does the same."""

FIRST_COMMIT_SECONDS = 3.0
"""How long the very first search waits for something to find."""
POLL_SECONDS = 0.05
MOST_CALLERS = 16
"""Callers whose documents are remembered."""


class _Common:
    """What a library and all that callers see of it have in common."""

    def __init__(self) -> None:
        self.engine: Engine | None = None
        self.callers_engine: Engine | None = None
        self.attendant: Attendant | None = None
        self.writer: Writer | None = None
        self.waited = False
        self.lock = threading.Lock()
        self.visible: OrderedDict[frozenset[Principal], Visible] = OrderedDict()


class Library:
    """One or more folders, searched together. All methods may be called from any
    thread; all block, none for longer than its documented limit.

    What `seen_by` gives is the same library as far as one caller may read and write it:
    for all of its methods, what the caller may not read is not there."""

    def __init__(
        self,
        folders: Sequence[FolderSpec],
        *,
        cache: Path,
        state: Path,
        options: Options | None = None,
        rules: Sequence[Rule] = (),
    ) -> None:
        """`cache` holds the indexes, `state` the history, the locks of writes and the audit
        log. The `rules` tell what callers may; with none they may everything.

        Raises FolderUnavailable when a folder is not there, InvalidInput when
        two folders have one label or one of several has none, or a rule is none.
        """
        check_labels(folders)
        self._options = options or Options()
        self._state = state
        known = KnownDocuments()
        self._shelves = Shelves([Shelf(each, cache, self._options, known) for each in folders])
        self._rules = _read(rules) if rules else None
        self._who = ""
        self._seen: Sequence[Mapping[str, Record]] | None = None
        self._common = _Common()

    def seen_by(self, caller: Caller) -> "Library":
        """The library as far as the caller may read and write it. Cheap enough for each
        call; opening and closing is for the whole library alone."""
        seen = copy(self)
        reach = self._rules.reach(caller) if self._rules else None
        shelves = replace(self._shelves, reach=reach)
        vars(seen).update(_shelves=shelves, _who=caller.name, _seen=None)
        return seen

    def may_read(self, name: str) -> bool:
        """Whether a document is there for the caller, if it is there; by the name alone."""
        return self._shelves.may_read(name)

    def close(self) -> None:
        common = self._common
        with common.lock:
            if common.attendant is not None:
                common.attendant.close()
                common.attendant = None
        for shelf in self._shelves:
            shelf.close()

    def attend(self) -> None:
        """Holds a lease on the library's indexes and sees to it that somebody
        indexes each folder, now and for as long as the library is open (a thread
        of its own looks twice a second, and takes over within three seconds)."""
        with self._common.lock:
            if self._common.attendant is None:
                self._common.attendant = Attendant(
                    self._shelves.all, state=self._state, options=self._options
                )

    # Reading

    def search(self, request: SearchRequest) -> SearchAnswer:
        """Raises InvalidInput (empty or too long a query, a bad glob), InvalidCursor."""
        from docindex.indexer.searching import Engine

        self._await_first_commit()
        common, shelves = self._common, self._shelves
        before = self.view()
        if shelves.reach is None:
            common.engine = common.engine or Engine(shelves.all)
            answer = common.engine.search(request, before)
        else:
            common.callers_engine = common.callers_engine or Engine(shelves.all, self._rules)
            answer = common.callers_engine.search(request, before, self._visible(shelves.reach))
        if before.state == "ready" and (now := self.view()).state != "ready":
            # It may have come to be so before the index was looked at.
            return replace(answer, index=now)
        return answer

    def read(self, name: str, section: str = "", lines: str = "") -> Reading:
        """The whole document, one section with its subsections (anchor or heading trail),
        or the lines "120-160", "120-" or "120". Raises InvalidName, DocumentNotFound,
        SectionNotFound, NotADocument, TooLarge, InvalidInput."""
        from docindex.indexer.reading import read

        with self._naming_near(name, DocumentNotFound, NotADocument):
            shelf, inner = self._shelves.find(name)
            return read(shelf, inner, section, lines)

    def list(self, request: ListRequest) -> Listing:
        """Raises InvalidInput (a bad glob), InvalidCursor."""
        from docindex.indexer.listing import list_documents

        self._await_first_commit()
        if self._shelves.reach is not None:
            reach, visible = self._shelves.reach, self._visible(self._shelves.reach)
            return list_documents(
                visible.folders,
                visible.generations,
                request,
                self.view(),
                (reach.who,),
                reach.owns,
                named=reach.named,
            )
        catalogues = [shelf.catalogue() for shelf in self._shelves]
        generations = tuple(generation for generation, _ in catalogues)
        records = [each for _, each in catalogues]
        return list_documents(records, generations, request, self.view())

    def complete(self, prefix: str, limit: int) -> tuple[Sequence[str], int]:
        """Names that begin with `prefix`, then those that hold it, and how many there are."""
        names = sorted(self._names())
        wanted = prefix.casefold()
        first = [name for name in names if name.casefold().startswith(wanted)]
        others = [name for name in names if name.casefold().find(wanted) > 0]
        return [*first, *others][:limit], len(first) + len(others)

    def view(self) -> IndexView:
        """How fresh answers are: cheap enough for every answer."""
        view = together([self._view(shelf) for shelf in self._shelves])
        if self._shelves.reach is None:
            return view
        from docindex.indexer.visible import narrowed

        return narrowed(view, self._documents())

    def status(self) -> LibraryStatus:
        folders = [shelf.status() for shelf in self._shelves]
        if self._shelves.reach is not None:
            from docindex.indexer.visible import narrowed, told

            folders = [
                replace(
                    folder,
                    index=narrowed(folder.index, [records]),
                    generation=-1,
                    sections=sum(record.sections for record in records.values()),
                    index_bytes=0,
                    ignored=0,
                    skipped=told(folder.skipped, self.may_read),
                    remarks=told(folder.remarks, self.may_read),
                )
                for folder, records in zip(folders, self._documents(), strict=True)
            ]
        return LibraryStatus(self.view(), tuple(folders))

    def changes(self) -> Changes:
        """What came to the index since the last call (the first call gives nothing)."""
        catalogues = self._documents()
        before, self._seen = self._seen, catalogues
        if before is None or all(map(is_, before, catalogues)):
            return Changes()
        added: list[str] = []
        updated: list[str] = []
        removed: list[str] = []
        for old, new in zip(before, catalogues, strict=True):
            # Nearly all records are the very same, which is told outside of Python.
            others = map(is_not, map(old.get, new), new.values())
            for name in compress(new, others):
                if name not in old:
                    added.append(name)
                elif old[name].version != new[name].version:
                    updated.append(name)
            removed += old.keys() - new.keys()
        return Changes(
            added=tuple(sorted(added)),
            updated=tuple(sorted(updated)),
            removed=tuple(sorted(removed)),
        )

    # Writing

    def update(self, edit: Edit, author: Author = NOBODY) -> WriteOutcome:
        """Returns when search finds the document, or after three seconds.

        Raises InvalidName, NotADocument, InvalidInput, VersionRequired,
        VersionMismatch, SectionNotFound, TooLarge, ReadOnly, NotWritable, WriteFailed,
        TimedOut.
        """
        return self._authoring().update(edit, self._signed(author))

    def delete(
        self, name: str, if_version: str = "", dry_run: bool = False, author: Author = NOBODY
    ) -> WriteOutcome:
        """Removes a document, which stays in the history. Raises as `update` does, and
        DocumentNotFound."""
        with self._naming_near(name, DocumentNotFound):
            return self._authoring().delete(name, if_version, dry_run, self._signed(author))

    def restore(
        self, name: str, version: str, dry_run: bool = False, author: Author = NOBODY
    ) -> WriteOutcome:
        """Brings back an earlier version of a document, deleted or not. What is there now
        is kept. Raises as `update` does, and VersionNotFound."""
        return self._authoring().restore(name, version, dry_run, self._signed(author))

    def move(
        self,
        name: str,
        new_name: str,
        if_version: str = "",
        dry_run: bool = False,
        author: Author = NOBODY,
        listener: Listener = unheard,
    ) -> "MoveOutcome":
        """Gives a document another name in its folder, and lets the links of others follow
        it. `listener` hears of the documents that are looked at and of those that follow.
        Raises as `update` does, and InvalidInput for a name in another folder,
        DocumentNotFound, Conflict when the new name is taken."""
        self._shelves.locate(new_name)
        author = self._signed(author)
        with self._naming_near(name, DocumentNotFound):
            return self._authoring().move(name, new_name, if_version, dry_run, author, listener)

    def past(self, name: str) -> Past:
        """What can be restored. Raises InvalidName, VersionNotFound when nothing is kept
        and nothing there."""
        return self._authoring().past(name)

    def written(self) -> Sequence[Written]:
        """Every document that has a history, the one written last first."""
        return self._authoring().written()

    def plan_undoing(self, since: float) -> UndoPlan:
        """What would put back every document that was written through docindex since."""
        return self._authoring().plan_undoing(since)

    def undo(self, step: Undoing, author: Author = NOBODY) -> WriteOutcome:
        """Does one step of a plan. Raises as `restore` and `delete` do, and VersionMismatch
        when the document has changed since."""
        return self._authoring().undo(step, self._signed(author))

    # Indexing

    def catch_up(self, on_progress: Listener) -> None:
        """Brings the index up to date, here, unless somebody keeps it so already."""
        for shelf in self._shelves:
            if not held(shelf.home.lock):
                index_all(shelf, False, self._options, False, on_progress, threading.Event())

    def reindex(
        self,
        full: bool,
        on_progress: Listener,
        cancelled: threading.Event,
    ) -> ReindexReport:
        """Returns when every folder agrees with its index. Raises Cancelled once
        `cancelled` is set: what was committed by then stays, and the rest is
        caught up with in the background; FolderUnavailable; Unavailable."""
        start = time.monotonic()
        before = self._documents() if self._shelves.reach is not None else ()
        indexed = removed = 0
        for shelf in self._shelves:
            if shelf.not_kept and self._common.attendant is None:
                raise IndexUnavailable(shelf.not_kept)
            reply = index_all(
                shelf,
                full,
                self._options,
                self._common.attendant is not None,
                self._listener(shelf, on_progress),
                cancelled,
            )
            indexed += reply.indexed
            removed += reply.removed
        if self._shelves.reach is not None:
            from docindex.indexer.visible import differences

            indexed, removed = differences(before, self._documents(), full)
        folders = self.status().folders
        return ReindexReport(
            documents=sum(folder.index.documents for folder in folders),
            sections=sum(folder.sections for folder in folders),
            indexed=indexed,
            removed=removed,
            seconds=time.monotonic() - start,
            skipped=tuple(skipped for folder in folders for skipped in folder.skipped),
        )

    def _authoring(self) -> "Authoring":
        from docindex.indexer.authoring import Authoring
        from docindex.indexer.writing import Writer

        common = self._common
        common.writer = common.writer or Writer(self._state, self._options)
        attended = common.attendant is not None
        return Authoring(self._state, self._options, self._shelves, common.writer, attended)

    def _listener(self, shelf: Shelf, on_progress: Listener) -> Listener:
        if self._shelves.reach is None:
            return on_progress
        from docindex.indexer.visible import in_shares

        return in_shares(on_progress, lambda name: self.may_read(shelf.outer(name)))

    def _signed(self, author: Author) -> Author:
        return author if author.who else replace(author, who=self._who)

    def _documents(self) -> Sequence[Mapping[str, Record]]:
        """Those that the caller may read, folder by folder, by their outer names."""
        if self._shelves.reach is None:
            return [shelf.catalogue()[1] for shelf in self._shelves]
        return self._visible(self._shelves.reach).folders

    @contextmanager
    def _naming_near(self, name: str, *errors: type[DocindexError]) -> Generator[None]:
        """Such an error tells which documents have names much like the one asked for."""
        try:
            yield
        except errors as error:
            from docindex.indexer.near_names import with_near

            raise with_near(error, name, self._names) from None

    def _names(self) -> Iterator[str]:
        return chain.from_iterable(self._documents())

    def _visible(self, reach: "Reach") -> "Visible":
        from docindex.indexer.visible import Visible

        catalogues = [shelf.catalogue()[1] for shelf in self._shelves]
        kept = self._common.visible
        with self._common.lock:
            found = kept.get(reach.principals)
        if found is None or not found.is_of(catalogues):
            found = Visible(reach, catalogues)
            with self._common.lock:
                kept[reach.principals] = found
                kept.move_to_end(reach.principals)
                if len(kept) > MOST_CALLERS:
                    kept.popitem(last=False)
        return found

    def _view(self, shelf: Shelf) -> IndexView:
        view = shelf.view()
        attendant = self._common.attendant
        alone = attendant is not None and not attendant.running(shelf)
        if alone and view.state != "degraded":
            return replace(view, state="degraded", reason="no indexer is running")
        return view

    def _await_first_commit(self) -> None:
        """The very first search after a folder was given waits for something to find."""
        if self._common.attendant is None or self._common.waited:
            return
        end = time.monotonic() + FIRST_COMMIT_SECONDS
        while time.monotonic() < end:
            view = together([self._view(shelf) for shelf in self._shelves])
            if view.documents or view.state not in ("building", "rebuilding"):
                break
            time.sleep(POLL_SECONDS)
        self._common.waited = True


def _read(rules: Sequence[Rule]) -> "Rules":
    from docindex.indexer.rules import Rules

    return Rules(rules)
