"""The facade: a library of folders, as servers and people use it.

Importing it, and opening a library, costs no more than a few stats: the index,
the parser and numpy are imported by the first call that needs them.
"""

import re
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace
from operator import is_
from pathlib import Path
from typing import TYPE_CHECKING

from docindex.indexer.access import Caller, Rule
from docindex.indexer.attendant import Attendant
from docindex.indexer.errors import (
    DocumentNotFound,
    IndexUnavailable,
    InvalidInput,
    NotADocument,
    NotWritable,
    Unavailable,
)
from docindex.indexer.files import not_found
from docindex.indexer.indexing import index_all, index_names
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
    Skipped,
    Undoing,
    UndoPlan,
    WriteOutcome,
    Written,
    unheard,
)
from docindex.indexer.names import normalised, parse_name, shown
from docindex.indexer.shelf import Shelf, together

if TYPE_CHECKING:
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
        _check_labels(folders)
        self._options = options or Options()
        self._state = state
        known = KnownDocuments()
        self._shelves = [Shelf(folder, cache, self._options, known) for folder in folders]
        self._rules = _read(rules) if rules else None
        self._reach: Reach | None = None
        self._who = ""
        self._seen: Sequence[Mapping[str, Record]] | None = None
        self._common = _Common()

    def seen_by(self, caller: Caller) -> "Library":
        """The library as far as the caller may read and write it. Cheap enough for each
        call; opening and closing is for the whole library alone."""
        seen = copy(self)
        reach = self._rules.reach(caller) if self._rules else None
        vars(seen).update(_reach=reach, _who=caller.name, _seen=None)
        return seen

    def may_read(self, name: str) -> bool:
        """Whether a document is there for the caller, if it is there; by the name alone."""
        return self._reach is None or self._reach.may_read(name)

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
                    self._shelves, state=self._state, options=self._options
                )

    # Reading

    def search(self, request: SearchRequest) -> SearchAnswer:
        """Raises InvalidInput (empty or too long a query, a bad glob), InvalidCursor."""
        from docindex.indexer.searching import Engine

        self._await_first_commit()
        common = self._common
        before = self.view()
        if self._reach is None:
            common.engine = common.engine or Engine(self._shelves)
            answer = common.engine.search(request, before)
        else:
            common.callers_engine = common.callers_engine or Engine(self._shelves, self._rules)
            answer = common.callers_engine.search(request, before, self._visible(self._reach))
        if before.state == "ready" and (now := self.view()).state != "ready":
            # It may have come to be so before the index was looked at.
            return replace(answer, index=now)
        return answer

    def read(self, name: str, section: str = "", lines: str = "") -> Reading:
        """The whole document, one section with its subsections (anchor or heading trail),
        or the lines "120-160", "120-" or "120". Raises InvalidName, DocumentNotFound,
        SectionNotFound, NotADocument, TooLarge, InvalidInput."""
        from docindex.indexer.reading import read

        try:
            shelf, inner = self._find(name)
            return read(shelf, inner, section, lines)
        except (DocumentNotFound, NotADocument) as error:
            raise self._with_near_names(error, name) from None

    def list(self, request: ListRequest) -> Listing:
        """Raises InvalidInput (a bad glob), InvalidCursor."""
        from docindex.indexer.listing import list_documents

        self._await_first_commit()
        if self._reach is not None:
            reach, visible = self._reach, self._visible(self._reach)
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
        names = sorted(name for records in self._documents() for name in records)
        wanted = prefix.casefold()
        first = [name for name in names if name.casefold().startswith(wanted)]
        others = [name for name in names if name.casefold().find(wanted) > 0]
        return [*first, *others][:limit], len(first) + len(others)

    def view(self) -> IndexView:
        """How fresh answers are: cheap enough for every answer."""
        view = together([self._view(shelf) for shelf in self._shelves])
        if self._reach is None:
            return view
        from docindex.indexer.visible import narrowed

        return narrowed(view, self._documents())

    def status(self) -> LibraryStatus:
        folders = [shelf.status() for shelf in self._shelves]
        if self._reach is not None:
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
        old = {name: record.version for records in before for name, record in records.items()}
        new = {name: record.version for records in catalogues for name, record in records.items()}
        return Changes(
            added=tuple(sorted(new.keys() - old.keys())),
            updated=tuple(
                sorted(name for name in new.keys() & old.keys() if old[name] != new[name])
            ),
            removed=tuple(sorted(old.keys() - new.keys())),
        )

    # Writing

    def update(self, edit: Edit, author: Author = NOBODY) -> WriteOutcome:
        """Returns when search finds the document, or after three seconds.

        Raises InvalidName, NotADocument, InvalidInput, VersionRequired,
        VersionMismatch, SectionNotFound, TooLarge, ReadOnly, NotWritable, WriteFailed,
        TimedOut.
        """
        shelf, name = self._find_to_write(edit.name)
        outcome = self._writer().update(shelf, name, edit, self._signed(author))
        return self._indexed(shelf, name, outcome)

    def delete(
        self, name: str, if_version: str = "", dry_run: bool = False, author: Author = NOBODY
    ) -> WriteOutcome:
        """Removes a document, which stays in the history. Raises as `update` does, and
        DocumentNotFound."""
        shelf, inner = self._find(name)
        self._find_to_write(name)
        author = self._signed(author)
        outcome = self._writer().delete(shelf, inner, name, if_version, dry_run, author)
        return self._indexed(shelf, inner, outcome)

    def restore(
        self, name: str, version: str, dry_run: bool = False, author: Author = NOBODY
    ) -> WriteOutcome:
        """Brings back an earlier version of a document, deleted or not. What is there now
        is kept. Raises as `update` does, and VersionNotFound."""
        return self._restore(name, version, dry_run, author)

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
        from docindex.indexer.moves import move

        shelf, inner = self._find(name)
        self._find_to_write(name)
        target, new_inner = self._find_to_write(new_name)
        if target is not shelf:
            raise InvalidInput(
                f"{shown(new_name)} is in another folder; a document is moved within its own. "
                "Write it there, then delete it here"
            )
        names = (inner, new_inner)
        author = self._signed(author)
        moved = move(
            self._state,
            self._options,
            shelf,
            names,
            if_version,
            dry_run,
            author,
            listener,
            self._reach,
        )
        if dry_run:
            return moved
        changed = (*names, *(self._find(each.name)[1] for each in moved.followed))
        attended = self._common.attendant is not None
        return replace(moved, searchable=index_names(shelf, changed, self._options, attended))

    def past(self, name: str) -> Past:
        """What can be restored. Raises InvalidName, VersionNotFound when nothing is kept
        and nothing there."""
        shelf, inner = self._find_kept(name)
        return self._writer().past(shelf, inner, name)

    def written(self) -> Sequence[Written]:
        """Every document that has a history, the one written last first."""
        from docindex.indexer.history import History

        found = [
            Written(shelf.outer(name), changes[-1].when, changes[-1].why, len(changes))
            for shelf in self._shelves
            for name, changes in History(self._state, shelf.root).names().items()
            if self.may_read(shelf.outer(name))
        ]
        return sorted(found, key=lambda each: each.when, reverse=True)

    def plan_undoing(self, since: float) -> UndoPlan:
        """What would put back every document that was written through docindex since."""
        from docindex.indexer.cleaning import cleaned_until
        from docindex.indexer.ledger import place_of
        from docindex.indexer.undoing import steps

        found = [
            step
            for shelf in self._shelves
            for step in steps(self._state, shelf, since)
            if self._reach is None or self._reach.may_write(step.name)
        ]
        return UndoPlan(
            since,
            tuple(step for step in found if isinstance(step, Undoing)),
            tuple(step for step in found if isinstance(step, Skipped)),
            max(cleaned_until(place_of(self._state, shelf.root)) for shelf in self._shelves),
        )

    def undo(self, step: Undoing, author: Author = NOBODY) -> WriteOutcome:
        """Does one step of a plan. Raises as `restore` and `delete` do, and VersionMismatch
        when the document has changed since."""
        if not step.target:
            return self.delete(step.name, step.current, author=author)
        return self._restore(step.name, step.target, False, author, planned=step.current)

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
        before = self._documents() if self._reach is not None else ()
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
        if self._reach is not None:
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

    def _restore(
        self, name: str, version: str, dry_run: bool, author: Author, planned: str | None = None
    ) -> WriteOutcome:
        shelf, inner = self._find_kept(name)
        self._find_to_write(name)
        author = self._signed(author)
        outcome = self._writer().restore(shelf, inner, name, version, dry_run, author, planned)
        return self._indexed(shelf, inner, outcome)

    def _writer(self) -> "Writer":
        if self._common.writer is None:
            from docindex.indexer.writing import Writer

            self._common.writer = Writer(self._state, self._options)
        return self._common.writer.for_reader(self.may_read)

    def _indexed(self, shelf: Shelf, name: str, outcome: WriteOutcome) -> WriteOutcome:
        if outcome.searchable or outcome.status.startswith("would_"):
            return outcome
        attended = self._common.attendant is not None
        return replace(outcome, searchable=index_names(shelf, (name,), self._options, attended))

    def _listener(self, shelf: Shelf, on_progress: Listener) -> Listener:
        if self._reach is None:
            return on_progress
        from docindex.indexer.visible import in_shares

        return in_shares(on_progress, lambda name: self.may_read(shelf.outer(name)))

    def _signed(self, author: Author) -> Author:
        return author if author.who else replace(author, who=self._who)

    def _documents(self) -> Sequence[Mapping[str, Record]]:
        """Those that the caller may read, folder by folder, by their outer names."""
        if self._reach is None:
            return [shelf.catalogue()[1] for shelf in self._shelves]
        return self._visible(self._reach).folders

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

    def _find(self, name: str) -> tuple[Shelf, str]:
        """The folder that a name belongs to, and the name below it. Raises DocumentNotFound
        when the caller may not read it: before anybody looks whether it is there."""
        shelf, inner = self._locate(name)
        if not self.may_read(shelf.outer(inner)):
            raise not_found(inner)
        return shelf, inner

    def _with_near_names(
        self, error: DocumentNotFound | NotADocument, name: str
    ) -> DocumentNotFound | NotADocument:
        """The same error; where documents have names much like it, it names them."""
        from docindex.indexer.near_names import near

        try:
            names = [known for records in self._documents() for known in records]
        except Unavailable:
            return error
        found = ", ".join(shown(each) for each in near(normalised(name), names))
        return type(error)(f"{error}; near to it: {found}") if found else error

    def _find_kept(self, name: str) -> tuple[Shelf, str]:
        """The same for the history, which knows of documents that are not there any more.
        Raises VersionNotFound."""
        shelf, inner = self._locate(name)
        if not self.may_read(shelf.outer(inner)):
            raise self._writer().nothing_kept(shelf, name)
        return shelf, inner

    def _find_to_write(self, name: str) -> tuple[Shelf, str]:
        """The same. Raises NotWritable, whether it is there or not."""
        shelf, inner = self._locate(name)
        if self._reach is not None and not self._reach.may_write(shelf.outer(inner)):
            raise NotWritable(
                f"{shown(shelf.outer(inner))} is not where you may write (setting access); "
                "nothing was written"
            )
        return shelf, inner

    def _locate(self, name: str) -> tuple[Shelf, str]:
        """The folder that a name belongs to, and the name below it."""
        whole = parse_name(name)
        if not self._shelves[0].label:
            return self._shelves[0], whole
        label, _, inner = whole.partition("/")
        for shelf in self._shelves:
            if shelf.label == label and inner:
                return shelf, inner
        labels = ", ".join(f"{shelf.label}/" for shelf in self._shelves)
        raise DocumentNotFound(
            f"{shown(name)} is in none of the folders; names begin with {labels}"
        )

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


def _check_labels(folders: Sequence[FolderSpec]) -> None:
    labels = [folder.label for folder in folders]
    if not labels:
        raise InvalidInput("no folder was given")
    if len(labels) > 1 and "" in labels:
        raise InvalidInput("of several folders each needs a label: handbook=DIR adr=DIR")
    if len(set(labels)) < len(labels):
        raise InvalidInput("two folders have the same label; give each its own")
    for label in labels:
        if label and not re.fullmatch(r"[A-Za-z0-9_-]{1,40}", label):
            raise InvalidInput(
                f"{shown(label)} cannot be a label: letters, digits, - and _, at most 40 of them"
            )
