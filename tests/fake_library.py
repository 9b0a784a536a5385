"""A library without a disk, for tests of how the server shapes what a library gives."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from docindex.indexer.access import Caller
from docindex.indexer.errors import DocumentNotFound
from docindex.indexer.library import NOBODY, Library
from docindex.indexer.models import (
    Author,
    Changes,
    Edit,
    FolderStatus,
    Hit,
    IndexView,
    KeptVersion,
    LibraryStatus,
    Listed,
    Listener,
    Listing,
    ListRequest,
    Past,
    Progress,
    Reading,
    ReindexReport,
    SearchAnswer,
    SearchRequest,
    Skipped,
    WriteOutcome,
    unheard,
)
from docindex.indexer.moving import MoveOutcome

PATIENCE = 20.0
"""Seconds that a thread waits for what will come, so that a failing test ends too."""

READY = IndexView("ready", 3, 0, 1_700_000_000.0)


def hit(number: int = 1, **changes: object) -> Hit:
    plain = Hit(
        name=f"guide/page-{number}.md",
        title=f"Page {number}",
        trail=(f"Page {number}", "Install", "Linux"),
        anchor="linux",
        first_line=12,
        last_line=34,
        snippet="Run the installer, then log out and in again.",
        snippet_line=13,
        score=12.3456,
        tags=("setup",),
        modified=1_700_000_000.0,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def reading(text: str, **changes: object) -> Reading:
    lines = max(1, text.count("\n"))
    plain = Reading(
        name="guide/setup.md",
        title="Setup",
        version="b3c1f0a94d27",
        text=text,
        first_line=1,
        last_line=lines,
        line_count=lines,
        size=len(text),
        modified=1_700_000_000.0,
        tags=(),
        front_matter={},
        outline=(),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


@dataclass
class FakeLibrary(Library):
    """Answers with what it was given; pages with cursors that are plain numbers."""

    hits: Sequence[Hit] = ()
    listed: Sequence[Listed] = ()
    readings: dict[str, Reading] = field(default_factory=dict[str, Reading])
    failure: Exception | None = None
    index: IndexView = READY
    labels: Sequence[str] = ("",)
    corrected: str = ""
    remarks: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    outcome: WriteOutcome | None = None
    steps: Sequence[Progress] = ()
    current: str = "77ad01c5e2b9"
    moved_to: str = ""
    kept: tuple[KeptVersion, ...] = ()
    moved: MoveOutcome | None = None
    news: Changes = field(default_factory=Changes)
    asked: list[object] = field(default_factory=list[object])
    attended: threading.Event = field(default_factory=threading.Event)
    hold: threading.Event | None = None
    """When given, a reindexing waits until it is cancelled, and sets this."""

    def _begin(self, request: object) -> None:
        self.asked.append(request)
        if self.failure is not None:
            raise self.failure

    def close(self) -> None:
        self.asked.append("close")

    def attend(self) -> None:
        self.attended.set()

    def seen_by(self, caller: Caller) -> Library:
        self.asked.append(caller)
        return self

    def may_read(self, name: str) -> bool:
        return True

    def search(self, request: SearchRequest) -> SearchAnswer:
        self._begin(request)
        first = int(request.cursor or 0)
        last = first + request.max_results
        cursor = str(last) if last < len(self.hits) else ""
        return SearchAnswer(
            hits=tuple(
                replace(found, snippet=found.snippet[: request.snippet_bytes])
                for found in self.hits[first:last]
            ),
            total=len(self.hits),
            cursor=cursor,
            index=self.index,
            corrected=self.corrected,
            remarks=self.remarks,
        )

    def read(self, name: str, section: str = "", lines: str = "") -> Reading:
        self._begin((name, section, lines))
        if name not in self.readings:
            raise DocumentNotFound(f"there is no {name}")
        return self.readings[name]

    def list(self, request: ListRequest) -> Listing:
        self._begin(request)
        first = int(request.cursor or 0)
        last = first + request.max_results
        cursor = str(last) if last < len(self.listed) else ""
        return Listing(tuple(self.listed[first:last]), len(self.listed), cursor, self.index)

    def complete(self, prefix: str, limit: int) -> tuple[Sequence[str], int]:
        names = [found.name for found in self.listed if found.name.startswith(prefix)]
        return names[:limit], len(names)

    def view(self) -> IndexView:
        return self.index

    def status(self) -> LibraryStatus:
        folders = [
            FolderStatus(label, self.index, 1, 10, "running", 1_000, 0, self.skipped)
            for label in self.labels
        ]
        return LibraryStatus(self.index, tuple(folders))

    def update(self, edit: Edit, author: Author = NOBODY) -> WriteOutcome:
        self._begin(edit)
        return self.outcome or WriteOutcome("created", edit.name, "77ad01c5e2b9", True)

    def delete(
        self, name: str, if_version: str = "", dry_run: bool = False, author: Author = NOBODY
    ) -> WriteOutcome:
        self._begin(("delete", name, if_version, dry_run))
        return WriteOutcome("deleted", name, "77ad01c5e2b9", True)

    def restore(
        self, name: str, version: str, dry_run: bool = False, author: Author = NOBODY
    ) -> WriteOutcome:
        self._begin(("restore", name, version, dry_run))
        return self.outcome or WriteOutcome("restored", name, version, True)

    def move(
        self,
        name: str,
        new_name: str,
        if_version: str = "",
        dry_run: bool = False,
        author: Author = NOBODY,
        listener: Listener = unheard,
    ) -> MoveOutcome:
        listener(Progress(1, 2, name))
        self._begin(("move", name, new_name, if_version, dry_run))
        assert self.moved is not None
        return self.moved

    def past(self, name: str) -> Past:
        self._begin(("past", name))
        return Past(name, self.current, self.kept, self.moved_to)

    def reindex(
        self,
        full: bool,
        on_progress: Callable[[Progress], None],
        cancelled: threading.Event,
    ) -> ReindexReport:
        self._begin(full)
        for step in self.steps:
            on_progress(step)
        if self.hold is not None and cancelled.wait(PATIENCE):
            self.hold.set()
        return ReindexReport(3, 9, 2, 1, 0.123, self.skipped)

    def changes(self) -> Changes:
        news, self.news = self.news, Changes()
        return news
