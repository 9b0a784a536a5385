"""The facade: a library of folders, as servers and people use it.

Importing it, and opening a library, costs no more than a few stats: the index,
the parser and numpy are imported by the first call that needs them.
"""

import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from operator import is_
from pathlib import Path
from typing import TYPE_CHECKING

from docindex.indexer.attendant import Attendant
from docindex.indexer.errors import DocumentNotFound, InvalidInput
from docindex.indexer.indexing import index_all, index_names
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
    Progress,
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
from docindex.indexer.names import parse_name, shown
from docindex.indexer.shelf import Shelf, together

if TYPE_CHECKING:
    from docindex.indexer.moving import MoveOutcome
    from docindex.indexer.searching import Engine
    from docindex.indexer.writing import Writer

NOBODY = Author()
"""The user whose process this is, by the tool that does the same."""

FIRST_COMMIT_SECONDS = 3.0
"""How long the very first search waits for something to find."""
POLL_SECONDS = 0.05


class Library:
    """One or more folders, searched together. All methods may be called from any
    thread; all block, none for longer than its documented limit."""

    def __init__(
        self,
        folders: Sequence[FolderSpec],
        *,
        cache: Path,
        state: Path,
        options: Options | None = None,
    ) -> None:
        """`cache` holds the indexes, `state` the history, the locks of writes and the audit log.

        Raises FolderUnavailable when a folder is not there, InvalidInput when
        two folders have one label or one of several has none.
        """
        _check_labels(folders)
        self._options = options or Options()
        self._cache = cache
        self._state = state
        self._shelves = [Shelf(folder, cache, self._options) for folder in folders]
        self._engine: Engine | None = None
        self._attendant: Attendant | None = None
        self._made_writer: Writer | None = None
        self._attending = threading.Lock()
        self._seen: Sequence[Mapping[str, Record]] | None = None
        self._waited = False

    def close(self) -> None:
        with self._attending:
            if self._attendant is not None:
                self._attendant.close()
                self._attendant = None

    def attend(self) -> None:
        """Holds a lease on the library's indexes and sees to it that somebody
        indexes each folder, now and for as long as the library is open (a thread
        of its own looks twice a second, and takes over within three seconds)."""
        with self._attending:
            if self._attendant is None:
                self._attendant = Attendant(
                    self._shelves, cache=self._cache, state=self._state, options=self._options
                )

    # Reading

    def search(self, request: SearchRequest) -> SearchAnswer:
        """Raises InvalidInput (empty or too long a query, a bad glob), InvalidCursor."""
        from docindex.indexer.searching import Engine

        self._await_first_commit()
        if self._engine is None:
            self._engine = Engine(self._shelves)
        return self._engine.search(request, self.view())

    def read(self, name: str, section: str = "", lines: str = "") -> Reading:
        """The whole document, one section with its subsections (anchor or heading trail),
        or the lines "120-160", "120-" or "120". Raises InvalidName, DocumentNotFound,
        SectionNotFound, NotADocument, TooLarge, InvalidInput."""
        from docindex.indexer.reading import read

        shelf, inner = self._find(name)
        return read(shelf, inner, section, lines)

    def list(self, request: ListRequest) -> Listing:
        """Raises InvalidInput (a bad glob), InvalidCursor."""
        from docindex.indexer.listing import list_documents

        self._await_first_commit()
        return list_documents(self._shelves, request, self.view())

    def complete(self, prefix: str, limit: int) -> tuple[Sequence[str], int]:
        """Names that begin with `prefix`, then those that hold it, and how many there are."""
        names = sorted(name for shelf in self._shelves for name in shelf.catalogue()[1])
        wanted = prefix.casefold()
        first = [name for name in names if name.casefold().startswith(wanted)]
        others = [name for name in names if name.casefold().find(wanted) > 0]
        return [*first, *others][:limit], len(first) + len(others)

    def view(self) -> IndexView:
        """How fresh answers are: cheap enough for every answer."""
        return together([self._view(shelf) for shelf in self._shelves])

    def status(self) -> LibraryStatus:
        return LibraryStatus(self.view(), tuple(shelf.status() for shelf in self._shelves))

    def changes(self) -> Changes:
        """What came to the index since the last call (the first call gives nothing)."""
        catalogues = [shelf.catalogue()[1] for shelf in self._shelves]
        before, self._seen = self._seen, catalogues
        if before is None or all(map(is_, before, catalogues)):
            return Changes()
        old = {name: record.version for records in before for name, record in records.items()}
        new = {name: record.version for records in catalogues for name, record in records.items()}
        return Changes(
            added=tuple(name for name in new if name not in old),
            updated=tuple(
                name for name, version in new.items() if old.get(name, version) != version
            ),
            removed=tuple(name for name in old if name not in new),
        )

    # Writing

    def update(self, edit: Edit, author: Author = NOBODY) -> WriteOutcome:
        """Returns when search finds the document, or after three seconds.

        Raises InvalidName, NotADocument, InvalidInput, VersionRequired,
        VersionMismatch, SectionNotFound, TooLarge, ReadOnly, NotWritable, WriteFailed,
        TimedOut.
        """
        shelf, name = self._find(edit.name)
        return self._indexed(shelf, name, self._writer().update(shelf, name, edit, author))

    def delete(
        self, name: str, if_version: str = "", dry_run: bool = False, author: Author = NOBODY
    ) -> WriteOutcome:
        """Removes a document, which stays in the history. Raises as `update` does, and
        DocumentNotFound."""
        shelf, inner = self._find(name)
        outcome = self._writer().delete(shelf, inner, name, if_version, dry_run, author)
        return self._indexed(shelf, inner, outcome)

    def restore(
        self, name: str, version: str, dry_run: bool = False, author: Author = NOBODY
    ) -> WriteOutcome:
        """Brings back an earlier version of a document, deleted or not. What is there now
        is kept. Raises as `update` does, and VersionNotFound."""
        shelf, inner = self._find(name)
        outcome = self._writer().restore(shelf, inner, name, version, dry_run, author)
        return self._indexed(shelf, inner, outcome)

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
        target, new_inner = self._find(new_name)
        if target is not shelf:
            raise InvalidInput(
                f"{shown(new_name)} is in another folder; a document is moved within its own. "
                "Write it there, then delete it here"
            )
        names = (inner, new_inner)
        moved = move(
            self._state, self._options, shelf, names, if_version, dry_run, author, listener
        )
        if dry_run:
            return moved
        changed = (*names, *(self._find(each.name)[1] for each in moved.followed))
        attended = self._attendant is not None
        return replace(moved, searchable=index_names(shelf, changed, self._options, attended))

    def past(self, name: str) -> Past:
        """What can be restored. Raises InvalidName, VersionNotFound when nothing is kept
        and nothing there."""
        shelf, inner = self._find(name)
        return self._writer().past(shelf, inner, name)

    def written(self) -> Sequence[Written]:
        """Every document that has a history, the one written last first."""
        from docindex.indexer.history import History

        found = [
            Written(shelf.outer(name), changes[-1].when, changes[-1].why, len(changes))
            for shelf in self._shelves
            for name, changes in History(self._state, shelf.root).names().items()
        ]
        return sorted(found, key=lambda each: each.when, reverse=True)

    def plan_undoing(self, since: float) -> UndoPlan:
        """What would put back every document that was written through docindex since."""
        from docindex.indexer.cleaning import cleaned_until
        from docindex.indexer.ledger import place_of
        from docindex.indexer.undoing import steps

        found = [step for shelf in self._shelves for step in steps(self._state, shelf, since)]
        return UndoPlan(
            since,
            tuple(step for step in found if isinstance(step, Undoing)),
            tuple(step for step in found if isinstance(step, Skipped)),
            max(cleaned_until(place_of(self._state, shelf.root)) for shelf in self._shelves),
        )

    def undo(self, step: Undoing, author: Author = NOBODY) -> WriteOutcome:
        """Does one step of a plan. Raises as `restore` and `delete` do."""
        if step.target:
            return self.restore(step.name, step.target, author=author)
        return self.delete(step.name, step.current, author=author)

    # Indexing

    def catch_up(self, on_progress: Callable[[Progress], None]) -> None:
        """Brings the index up to date, here, unless somebody keeps it so already."""
        for shelf in self._shelves:
            if not held(shelf.home.lock):
                index_all(shelf, False, self._options, False, on_progress, threading.Event())

    def reindex(
        self,
        full: bool,
        on_progress: Callable[[Progress], None],
        cancelled: threading.Event,
    ) -> ReindexReport:
        """Returns when every folder agrees with its index. Raises Cancelled once
        `cancelled` is set: what was committed by then stays, and the rest is
        caught up with in the background; FolderUnavailable; Unavailable."""
        start = time.monotonic()
        indexed = removed = 0
        for shelf in self._shelves:
            reply = index_all(
                shelf, full, self._options, self._attendant is not None, on_progress, cancelled
            )
            indexed += reply.indexed
            removed += reply.removed
        folders = [shelf.status() for shelf in self._shelves]
        return ReindexReport(
            documents=sum(folder.index.documents for folder in folders),
            sections=sum(folder.sections for folder in folders),
            indexed=indexed,
            removed=removed,
            seconds=time.monotonic() - start,
            skipped=tuple(skipped for folder in folders for skipped in folder.skipped),
        )

    def _writer(self) -> "Writer":
        if self._made_writer is None:
            from docindex.indexer.writing import Writer

            self._made_writer = Writer(self._state, self._options)
        return self._made_writer

    def _indexed(self, shelf: Shelf, name: str, outcome: WriteOutcome) -> WriteOutcome:
        if outcome.searchable or outcome.status.startswith("would_"):
            return outcome
        attended = self._attendant is not None
        return replace(outcome, searchable=index_names(shelf, (name,), self._options, attended))

    def _find(self, name: str) -> tuple[Shelf, str]:
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
        alone = self._attendant is not None and not self._attendant.running(shelf.home)
        if alone and view.state != "degraded":
            return replace(view, state="degraded", reason="no indexer is running")
        return view

    def _await_first_commit(self) -> None:
        """The very first search after a folder was given waits for something to find."""
        if self._attendant is None or self._waited:
            return
        end = time.monotonic() + FIRST_COMMIT_SECONDS
        while time.monotonic() < end:
            view = self.view()
            if view.documents or view.state not in ("building", "rebuilding"):
                break
            time.sleep(POLL_SECONDS)
        self._waited = True


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
