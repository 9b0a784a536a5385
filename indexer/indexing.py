"""Getting a folder indexed: by whoever keeps its index, or else right here."""

import logging
import threading
import time
from collections.abc import Callable

from docindex.indexer.errors import (
    Cancelled,
    DocindexError,
    FolderUnavailable,
    IndexUnavailable,
    TimedOut,
    Unavailable,
)
from docindex.indexer.holders import sign
from docindex.indexer.letterbox import Reply, Request
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
        request_id = shelf.letterbox.post(Request("index", names))
        reply = shelf.letterbox.wait(request_id, SEARCHABLE_SECONDS, lambda: False)
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
    if not attended and not held(shelf.home.lock):
        return _here(shelf, full, options, listener, cancelled)
    try:
        request_id = shelf.letterbox.post(Request("reindex", full=full))
    except OSError as error:
        raise IndexUnavailable(f"the index cannot be written: {error.strerror}") from error
    try:
        reply = _await(shelf, request_id, attended, listener, cancelled)
    except (TimedOut, IndexUnavailable):
        shelf.letterbox.withdraw(request_id)
        raise
    if reply is None:
        # Who kept the index has gone, and nobody sends for another.
        shelf.letterbox.withdraw(request_id)
        return _here(shelf, full, options, listener, cancelled)
    if not reply.ok:
        gone = reply.error.startswith(UNAVAILABLE)
        raise FolderUnavailable(reply.error) if gone else Unavailable(reply.error)
    return reply


def _await(
    shelf: Shelf,
    request_id: str,
    attended: bool,
    listener: Callable[[Progress], None],
    cancelled: threading.Event,
) -> Reply | None:
    """None when nobody is left who could answer."""
    since = time.monotonic()
    instances: set[str] = set()
    while (reply := shelf.letterbox.wait(request_id, PROGRESS_SECONDS, cancelled.is_set)) is None:
        if cancelled.is_set():
            shelf.letterbox.post(Request("cancel", (request_id,)))
            raise Cancelled("reindexing was cancelled; what was done so far is kept")
        if held(shelf.home.lock):
            since = time.monotonic()
            if status := read_status(shelf.home.status):
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
