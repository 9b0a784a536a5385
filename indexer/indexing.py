"""Getting a folder indexed: by whoever keeps its index, or else right here."""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from docindex.indexer.errors import (
    Cancelled,
    DocindexError,
    FolderUnavailable,
    IndexUnavailable,
    TimedOut,
    Unavailable,
)
from docindex.indexer.holders import sign
from docindex.indexer.home import Home
from docindex.indexer.letterbox import Letterbox, Reply, Request
from docindex.indexer.locks import held, hold
from docindex.indexer.models import Options, Progress
from docindex.indexer.shelf import Shelf
from docindex.indexer.status import UNAVAILABLE, read_status

log = logging.getLogger(__name__)

SEARCHABLE_SECONDS = 3.0
"""How long a write waits until search finds it."""
PROGRESS_SECONDS = 0.1
MOST_INSTANCES = 4
"""Indexers that may fail before a request is given up."""
START_SECONDS = 10.0
"""How long a request may wait for an indexer to start."""


def index_names(shelf: Shelf, names: tuple[str, ...], options: Options, attended: bool) -> bool:
    """Whether search finds the named documents as they are on disk now."""
    try:
        if not attended and not held(shelf.home.lock):
            _here(shelf, False, options, lambda progress: None, threading.Event())
            return True
        letterbox = shelf.letterbox
        request_id = letterbox.post(Request("index", names))
        reply = letterbox.wait(request_id, SEARCHABLE_SECONDS, lambda: False)
    except (OSError, DocindexError):
        # The document is written, whatever is wrong with the index.
        log.warning("a write is not searchable yet", exc_info=True)
        return False
    return reply is not None and reply.ok


def index_all(
    shelf: Shelf,
    full: bool,
    options: Options,
    attended: bool,
    listener: Callable[[Progress], None],
    cancelled: threading.Event,
) -> Reply:
    """Compares the whole folder with its index and returns when they agree.

    Raises Cancelled, FolderUnavailable, Unavailable, TimedOut.
    """
    home, letterbox = shelf.home, shelf.letterbox
    if not attended and not held(home.lock):
        return _here(shelf, full, options, listener, cancelled)
    try:
        request_id = letterbox.post(Request("reindex", full=full))
    except OSError as error:
        raise IndexUnavailable(f"the index cannot be written: {error.strerror}") from error
    try:
        reply = _await(shelf, home, letterbox, request_id, attended, listener, cancelled)
    except (TimedOut, IndexUnavailable):
        _withdraw(letterbox, request_id)
        raise
    if reply is None:
        _withdraw(letterbox, request_id)
        if shelf.home != home:
            # Another folder, or another cache, has come in its place meanwhile.
            return index_all(shelf, full, options, attended, listener, cancelled)
        # Who kept the index has gone, and nobody sends for another.
        return _here(shelf, full, options, listener, cancelled)
    if not reply.ok:
        gone = reply.error.startswith(UNAVAILABLE)
        raise FolderUnavailable(reply.error) if gone else Unavailable(reply.error)
    return reply


def _withdraw(letterbox: Letterbox, request_id: str) -> None:
    with suppress(OSError):
        letterbox.withdraw(request_id)


def _await(
    shelf: Shelf,
    home: Home,
    letterbox: Letterbox,
    request_id: str,
    attended: bool,
    listener: Callable[[Progress], None],
    cancelled: threading.Event,
) -> Reply | None:
    """None when nobody is left who could answer."""
    since = time.monotonic()
    instances: set[str] = set()
    while (reply := letterbox.wait(request_id, PROGRESS_SECONDS, cancelled.is_set)) is None:
        if cancelled.is_set():
            letterbox.post(Request("cancel", (request_id,)))
            raise Cancelled("reindexing was cancelled; what was done so far is kept")
        if shelf.home != home:
            return None
        if held(home.lock):
            since = time.monotonic()
            if status := read_status(home.status):
                listener(Progress(status.done, status.total, status.at))
                instances.add(status.instance)
        elif not attended:
            return None
        elif time.monotonic() - since > START_SECONDS:
            raise TimedOut("no indexer could be started; `docindex doctor` says why")
        if len(instances) > MOST_INSTANCES:
            raise IndexUnavailable("the indexer keeps failing; `docindex doctor` says why")
    return reply


def _here(
    shelf: Shelf,
    full: bool,
    options: Options,
    listener: Callable[[Progress], None],
    cancelled: threading.Event,
) -> Reply:
    from docindex.indexer.keeper import Keeper

    lock = hold(shelf.home.lock, seconds=1.0)
    if lock is None:
        return index_all(shelf, full, options, True, listener, cancelled)
    sign(shelf.home)
    try:
        return Keeper(shelf.root, shelf.home, options).once(full, listener, cancelled)
    finally:
        lock.release()
