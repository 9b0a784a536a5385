"""How an index stands, as the indexer tells it to all who look at its status."""

import logging
import os
import secrets
import time
from dataclasses import replace
from pathlib import Path

from docindex.indexer.errors import FolderUnavailable, Unavailable
from docindex.indexer.models import IndexState
from docindex.indexer.runs import Run
from docindex.indexer.status import UNAVAILABLE, IndexerStatus, read_status, write_status
from docindex.indexer.store import Store

log = logging.getLogger(__name__)

EMPTY = f"{UNAVAILABLE}: it is empty. If that is right, reindex it in full"

PULSE_SECONDS = 1.0


class Standing:
    """What is known of folder and index beside their contents."""

    def __init__(self, path: Path) -> None:
        previous = read_status(path)
        self._path = path
        self._instance = secrets.token_hex(8)
        self._compared = False
        self._told = -2
        self._last = previous
        self._beat = 0.0
        self.away = ""
        """Why the folder cannot be compared; what the index has of it stays."""
        self.blind = ""
        """Why no events come."""
        self.rebuilding = False
        self.ignored = 0
        self.reconciled_at = previous.reconciled_at if previous else None
        """When folder and index last agreed."""

    def miss(self, error: Unavailable) -> None:
        """The folder cannot be looked at, or the index cannot be kept."""
        self.away = UNAVAILABLE if isinstance(error, FolderUnavailable) else str(error)

    def agree(self) -> None:
        """Folder and index have been compared, and all that differed is indexed."""
        self._compared = True
        self.reconciled_at = time.time()
        self.rebuilding = False

    def begin_anew(self) -> None:
        """Says, before it is so, that the index is damaged and is about to be empty."""
        if self._last is not None:
            reason = "it was damaged"
            self._write(
                replace(self._last, state="rebuilding", reason=reason, documents=0, sections=0)
            )

    def told(self, generation: int) -> bool:
        """Whether the status tells of this generation already."""
        return self._told == generation

    def tell(self, store: Store, run: Run | None) -> None:
        records = store.records
        if not records and not self._compared:
            self.reconciled_at = None
        state, reason = self._state(store, run)
        status = IndexerStatus(
            instance=self._instance,
            pid=os.getpid(),
            state=state,
            reason=reason,
            generation=store.generation,
            documents=records.documents,
            sections=records.sections,
            reconciled_at=self.reconciled_at,
            ignored=self.ignored,
            skipped=records.skipped,
            remarks=records.remarks,
        )
        if run is not None and run.changes:
            status = replace(status, done=run.done, total=run.total, at=run.at, pending=run.pending)
        self._told = store.generation
        self._write(status)

    def pulse(self) -> None:
        """Says again what was said last, in the middle of something that may take long: who
        says nothing for a minute is taken for one that hangs."""
        if self._last is not None and time.monotonic() - self._beat >= PULSE_SECONDS:
            self._write(self._last)

    def _write(self, status: IndexerStatus) -> None:
        self._last, self._beat = status, time.monotonic()
        try:
            write_status(self._path, status)
        except OSError as error:
            log.warning("the status could not be written (%s)", error.strerror)

    def _state(self, store: Store, run: Run | None) -> tuple[IndexState, str]:
        if self.away:
            return "degraded", self.away
        if self.reconciled_at is None:
            return "building", ""
        if self.rebuilding:
            return "rebuilding", store.repaired
        if (run is not None and run.changes) or not self._compared:
            return "updating", ""
        if self.blind:
            return "degraded", f"changes are noticed late: {self.blind}"
        return "ready", ""
