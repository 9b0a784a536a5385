"""Some files into one segment."""

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from docindex.indexer import schema
from docindex.indexer.errors import (
    DocindexError,
    DocumentNotFound,
    FolderUnavailable,
    IndexUnavailable,
    Refused,
)
from docindex.indexer.files import Folder
from docindex.indexer.intake import UNKNOWN, take_in
from docindex.indexer.models import Record, Stamp
from docindex.indexer.schema import Row
from docindex.indexer.segments import Builder, Built

log = logging.getLogger(__name__)

FAILED = "indexing it failed; the log of the indexer says how"


@dataclass(frozen=True, slots=True)
class Task:
    """A file that is to be indexed."""

    name: str
    stamp: Stamp
    """As it was scanned."""
    known: Record | None = None
    """What the index has of it."""
    refusal: str = ""
    """Why the scan would not take it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    built: Built | None = None
    """None when nothing had to be written."""
    same: tuple[Record, ...] = ()
    """Files with another stamp and the same content."""
    gone: tuple[str, ...] = ()

    @property
    def indexed(self) -> int:
        """Files that were really read anew, skipped ones not counted."""
        heads = self.built.heads if self.built else ()
        return sum(not head.record.skipped for head in heads)


def build(
    folder: Folder,
    index: Path,
    tasks: Sequence[Task],
    advance: Callable[[str], None] = lambda name: None,
    enough: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Indexes tasks in order, until `enough` says so; `advance` hears of each that is done.

    One bad file never stops the others: it becomes a record that says why.
    Raises FolderUnavailable, and IndexUnavailable when nothing can be written.
    """
    builder: Builder | None = None
    same: list[Record] = []
    gone: list[str] = []
    try:
        for task in tasks:
            record, rows = _take(folder, task)
            if record is None:
                gone.append(task.name)
            elif rows is None:
                same.append(record)
            else:
                builder = builder or Builder(index)
                builder.add(record, rows)
            advance(task.name)
            if enough():
                break
        built = builder.finish() if builder else None
    except BaseException as error:
        if builder is not None:
            with suppress(OSError):
                builder.discard()
        if isinstance(error, OSError):
            raise IndexUnavailable(f"the index cannot be written: {error.strerror}") from error
        raise
    return Outcome(built, tuple(same), tuple(gone))


def _take(folder: Folder, task: Task) -> tuple[Record | None, list[Row] | None]:
    """No record: the file is gone. No rows: it is as the index knows it."""
    if task.refusal:
        return _skipped(task, task.stamp, task.refusal)
    try:
        record, document = take_in(folder, task.name, task.known)
        return record, None if document is None else schema.rows(record, document)
    except DocumentNotFound:
        return None, None
    except Refused as error:
        return _skipped(task, task.stamp, str(error))
    except FolderUnavailable:
        raise
    except DocindexError as error:
        return _skipped(task, UNKNOWN, str(error))
    except MemoryError:
        raise
    except Exception:
        # A fault of ours: it must not keep the other files from being found.
        log.exception("a file could not be indexed")
        return _skipped(task, task.stamp, FAILED)


def _skipped(task: Task, stamp: Stamp, reason: str) -> tuple[Record, list[Row]]:
    """With an unknown stamp, the next comparison tries again."""
    record = Record(task.name, "", stamp, skipped=reason)
    return record, schema.rows(record, None)
