"""Tells that something in a folder may have changed.

An event means "look again" at a path, and nothing more: which files changed is
found by comparing them with the index. Whatever goes wrong with the events
becomes `Doubt`, after which the whole folder has to be compared.
"""

import errno
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from watchfiles import Change
from watchfiles._rust_notify import RustNotify

from docindex.indexer.calm import longer
from docindex.indexer.ignores import IGNORE_FILES

log = logging.getLogger(__name__)

STEP_MS = 20
"""Between two looks whether anything was reported. A change is heard of after some one and
a half of them."""
CALM_STEP_MS = 100
"""When nothing has happened for long: looking is what an idle indexer mostly does."""
TICK_MS = 500
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0


@dataclass(frozen=True, slots=True)
class Touched:
    """Paths below the root, POSIX, as the system spells them."""

    paths: frozenset[str]


@dataclass(frozen=True, slots=True)
class Doubt:
    """Events may have been missed."""

    reason: str
    blind: bool
    """No events come for now."""


class Watcher:
    """Watches one folder from a thread of its own, for ever, through all failures."""

    def __init__(
        self, root: Path, debounce_ms: int, listener: Callable[[Touched | Doubt], None]
    ) -> None:
        self._root = root
        self._debounce_ms = debounce_ms
        self._listener = listener
        self._stop = threading.Event()
        self._pause = FIRST_PAUSE
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._follow()
            except Exception as error:
                # The native watcher fails in many ways (a limit of the system, a file
                # name that is not UTF-8, a root that went away); none may end us.
                log.warning("watching failed (%s); looking again in %.0f s", error, self._pause)
                self._listener(Doubt(_plain(error), blind=True))
                self._stop.wait(self._pause)
                self._pause = min(self._pause * 2, LONGEST_PAUSE)

    def _follow(self) -> None:
        identity = self._identity()
        with RustNotify([str(self._root)], False, False, 0, True, False) as notify:
            self._pause = FIRST_PAUSE
            self._listener(Doubt("", blind=False))  # what came before the watch stood
            stirred = time.monotonic()
            while not self._stop.is_set():
                step = longer(STEP_MS, CALM_STEP_MS, stirred)
                found = notify.watch(self._debounce_ms, round(step), TICK_MS, self._stop)
                changes = found if isinstance(found, set) else set[tuple[int, str]]()
                # A folder that is made again often gets the number of the one before.
                deleted = (Change.deleted, str(self._root)) in changes
                if deleted or self._identity() != identity:
                    raise FileNotFoundError(errno.ENOENT, "the folder was replaced")
                if changes:
                    paths = (self._below(path) for _, path in changes)
                    if concerned := frozenset(filter(_concerns, paths)):
                        stirred = time.monotonic()
                        self._listener(Touched(concerned))

    def _identity(self) -> tuple[int, int]:
        found = self._root.stat()
        return found.st_dev, found.st_ino

    def _below(self, path: str) -> str:
        try:
            return Path(path).relative_to(self._root).as_posix()
        except ValueError:
            return "."


def _concerns(path: str) -> bool:
    """Hidden files are not documents, but ignore files decide what is."""
    *folders, last = path.split("/")
    if any(part.startswith(".") for part in folders):
        return False
    return not last.startswith(".") or last in IGNORE_FILES


def _plain(error: Exception) -> str:
    """An error of the system by its number's text: the whole would name a path."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if "limit" in str(error):
        return "the system's limit of watched folders is reached"
    return type(error).__name__
