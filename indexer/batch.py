"""Some files into one segment."""

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from docindex.indexer.errors import (
    DocindexError,
    DocumentNotFound,
    FolderUnavailable,
    IndexUnavailable,
    Refused,
)
from docindex.indexer.files import Folder
from docindex.indexer.intake import LIGHT_BYTES, UNKNOWN, take_in
from docindex.indexer.models import Document, Record, Stamp
from docindex.indexer.segments import Builder, Built
from docindex.indexer.stamps import unsettled

log = logging.getLogger(__name__)

FAILED = "indexing it failed; the log of the indexer says how"
FAULT = "a file could not be indexed"
"""What is logged of a fault of ours, which must not keep the other files from being found."""


@dataclass(frozen=True, slots=True)
class Task:
    """A file that is to be indexed."""

    name: str
    stamp: Stamp
    """As it was scanned."""
    known: Record | None = None
    """What the index has of it."""
    refusal: str = ""
    """Why it is not taken."""
    plain: bool = False
    """It is read as plain text: parsing it has taken too long."""

    @property
    def light(self) -> bool:
        """Whether it takes little time whatever is in it. Any other file goes to a worker,
        which can be stopped."""
        return self.stamp.size <= LIGHT_BYTES

    @property
    def proves(self) -> bool:
        """Whether nothing speaks for a change: it is only to be proved that there was none."""
        return self.known is not None and self.known.stamp == unsettled(self.stamp)


@dataclass(frozen=True, slots=True)
class Outcome:
    built: Built | None = None
    """None when nothing had to be written."""
    same: tuple[Record, ...] = ()
    """Files with another stamp, and the same time and content."""
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
            record, document = _take(folder, task)
            if record is None:
                gone.append(task.name)
            elif document is None and not record.skipped:
                same.append(record)
            else:
                builder = builder or Builder(index)
                _add(builder, task, record, document)
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


def _take(folder: Folder, task: Task) -> tuple[Record | None, Document | None]:
    """No record: the file is gone. No document: it is as the index knows it, or was skipped."""
    if task.refusal:
        return _skipped(task, task.stamp, task.refusal), None
    try:
        return take_in(folder, task.name, task.known, plain=task.plain)
    except DocumentNotFound:
        return None, None
    except Refused as error:
        return _skipped(task, task.stamp, str(error)), None
    except FolderUnavailable:
        raise
    except DocindexError as error:
        return _skipped(task, UNKNOWN, str(error)), None
    except MemoryError:
        raise
    except Exception:
        log.exception(FAULT)
        return _skipped(task, task.stamp, FAILED), None


def _add(builder: Builder, task: Task, record: Record, document: Document | None) -> None:
    try:
        builder.add(record, document)
    except MemoryError:
        raise
    except Exception:
        log.exception(FAULT)
        builder.add(_skipped(task, task.stamp, FAILED), None)


def _skipped(task: Task, stamp: Stamp, reason: str) -> Record:
    """With an unknown stamp, the next comparison tries again."""
    return Record(task.name, "", stamp, skipped=reason)
