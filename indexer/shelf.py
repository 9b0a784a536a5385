"""One folder of a library: its door, its index and what is known of their state."""

import shutil
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from docindex.indexer.errors import DocindexError, FolderUnavailable, IndexUnavailable
from docindex.indexer.files import Folder
from docindex.indexer.home import Home, home_of
from docindex.indexer.known_documents import KnownDocuments
from docindex.indexer.letterbox import Letterbox
from docindex.indexer.locks import held
from docindex.indexer.makeshift import makeshift_cache
from docindex.indexer.models import FolderSpec, FolderStatus, IndexView, Options, Record, Skipped
from docindex.indexer.status import UNAVAILABLE, IndexerStatus, StatusFile

SILENT_SECONDS = 60.0
"""An indexer says each second or two that it lives."""

if TYPE_CHECKING:
    from docindex.indexer.snapshot import Snapshot, Snapshots


class Opened:
    """What belongs to one folder, and not to another that takes its place."""

    def __init__(
        self, root: Path, cache: Path, options: Options, before: "Opened | None" = None
    ) -> None:
        """`before` is searched for as long as there is nothing in a makeshift index.

        Raises FolderUnavailable, IndexUnavailable."""
        self.identity = _identity(root)
        self.folder = Folder(root, options)
        self.cache = cache
        self.not_kept = ""
        """Why the index is a makeshift one, which ends with this process."""
        try:
            self.home = home_of(cache, root)
        except IndexUnavailable as error:
            self.not_kept = f"index not kept: {error}"
            try:
                self.cache = makeshift_cache()
            except OSError:
                raise error from None
            self.home = home_of(self.cache, root)
        self._before = before if self.not_kept else None
        self.letterbox = Letterbox(self.home)
        self.status = StatusFile(self.home.status)
        self._lock = threading.Lock()
        self._snapshots: Snapshots | None = None
        self._catalogue: tuple[Snapshot | None, Mapping[str, Record]] = (None, {})

    def snapshot(self) -> "Snapshot":
        """Raises IndexUnavailable."""
        with self._lock:
            if self._snapshots is None:
                # Whoosh is not imported before something is searched.
                from docindex.indexer.snapshot import Snapshots

                self._snapshots = Snapshots(self.home.index)
        newest, before = self._snapshots.newest(), self._before
        if before is not None and not newest.leaves:
            return before.snapshot()
        self._before = None
        return newest

    def catalogue(self, prefix: str) -> tuple[int, Mapping[str, Record]]:
        """Every document in the index by its name behind a prefix, and the generation."""
        known, records = self._catalogue  # first, so that it is none that came later
        snapshot = self.snapshot()
        if known is not snapshot:
            gone, come = snapshot.since(known)
            # Of tens of thousands, a commit changes a few.
            renewed = dict(records)
            for head in gone:
                renewed.pop(prefix + head.record.name, None)
            for head in come:
                if not head.record.skipped:
                    renewed[prefix + head.record.name] = head.record
            records = renewed
            self._catalogue = (snapshot, records)
        return snapshot.generation, records


class Shelf:
    def __init__(
        self, spec: FolderSpec, cache: Path, options: Options, known: KnownDocuments | None = None
    ) -> None:
        """`known` are the documents that were read, of this folder and of others. Raises
        FolderUnavailable when the folder is not there."""
        self.label = spec.label
        self.known = known or KnownDocuments()
        self.root = Path(spec.path).expanduser().resolve()
        self._cache = cache
        self._options = options
        self._lock = threading.Lock()
        if not self.root.is_dir():
            shown = f"the folder {spec.label}" if spec.label else "the documents folder"
            raise FolderUnavailable(f"{shown} is not there; check the path that docindex was given")
        self._opened = Opened(self.root, cache, options)

    @property
    def folder(self) -> Folder:
        return self._current().folder

    @property
    def home(self) -> Home:
        return self._current().home

    @property
    def cache(self) -> Path:
        """The one that its home is in."""
        return self._current().cache

    @property
    def not_kept(self) -> str:
        """Why the index is a makeshift one, which ends with this process; or ""."""
        return self._current().not_kept

    def settle(self) -> None:
        """Takes to a makeshift index when the cache cannot be written any more, and back
        to the cache when it can."""
        with suppress(OSError, DocindexError):
            found = Opened(self.root, self._cache, self._options, self._opened)
            with self._lock:
                if found.cache != self._opened.cache:
                    self._opened = found

    def close(self) -> None:
        """Whoever is at work on a makeshift index removes it at its end."""
        if self._opened.not_kept and not held(self._opened.home.lock):
            shutil.rmtree(self._opened.cache, ignore_errors=True)

    @property
    def letterbox(self) -> Letterbox:
        return self._current().letterbox

    def outer(self, name: str) -> str:
        """A name below the folder as the library calls it."""
        return f"{self.label}/{name}" if self.label else name

    def snapshot(self) -> "Snapshot":
        """Raises IndexUnavailable."""
        return self._current().snapshot()

    def catalogue(self) -> tuple[int, Mapping[str, Record]]:
        """Every document in the index by its outer name, and the generation."""
        return self._current().catalogue(self.label and f"{self.label}/")

    def view(self) -> IndexView:
        opened, there = self._look()
        return self._view(opened, opened.status.read(), there)

    def status(self) -> FolderStatus:
        opened, there = self._look()
        found = opened.status.read()
        size = 0
        for path in opened.home.index.glob("*"):
            with suppress(FileNotFoundError):
                size += path.stat().st_size
        return FolderStatus(
            label=self.label,
            index=self._view(opened, found, there),
            generation=found.generation if found else -1,
            sections=found.sections if found else 0,
            indexer="running" if held(opened.home.lock) else "none",
            index_bytes=size,
            ignored=found.ignored if found else 0,
            skipped=self._named(found.skipped if found else {}),
            remarks=self._named(found.remarks if found else {}),
        )

    def _current(self) -> Opened:
        return self._look()[0]

    def _look(self) -> tuple[Opened, bool]:
        """The folder, and whether it is there. One that was deleted and made again, or
        swapped for another, is another folder: it gets an index of its own."""
        try:
            identity = _identity(self.root)
        except OSError:
            return self._opened, False
        with self._lock:
            if identity != self._opened.identity:
                self._opened = Opened(self.root, self._cache, self._options)
            return self._opened, True

    def _named(self, reasons: Mapping[str, str]) -> tuple[Skipped, ...]:
        return tuple(Skipped(self.outer(name), reason) for name, reason in sorted(reasons.items()))

    def _view(self, opened: Opened, status: IndexerStatus | None, there: bool) -> IndexView:
        if status is None:
            return IndexView("building", 0, 0, None)
        if not there:
            return IndexView("degraded", status.documents, 0, status.reconciled_at, UNAVAILABLE)
        if time.time() - status.beat > SILENT_SECONDS and held(opened.home.lock):
            return IndexView(
                "degraded",
                status.documents,
                status.pending,
                status.reconciled_at,
                "the indexer does not respond",
            )
        state, reason = status.state, status.reason
        if opened.not_kept and state in ("ready", "updating"):
            state, reason = "degraded", opened.not_kept
        return IndexView(state, status.documents, status.pending, status.reconciled_at, reason)


def _identity(root: Path) -> tuple[int, int]:
    found = root.stat()
    return found.st_dev, found.st_ino


def together(views: list[IndexView]) -> IndexView:
    """The state of several folders as one: the worst state, the oldest moment."""
    order = ("ready", "updating", "rebuilding", "building", "degraded")
    worst = max(views, key=lambda view: order.index(view.state))
    moments = [view.as_of for view in views]
    return IndexView(
        worst.state,
        sum(view.documents for view in views),
        sum(view.pending for view in views),
        None if None in moments else min(moment for moment in moments if moment is not None),
        worst.reason,
    )
