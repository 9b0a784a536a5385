"""What the indexer says of itself, in a small file that is replaced each second or two.

It is a hint: which documents are searchable is told by the index itself, and
whether the indexer lives by its lock.
"""

import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from docindex.indexer.home import write_json
from docindex.indexer.models import IndexState
from docindex.indexer.stamps import TICK_NS

FORMAT = 1

UNWRITABLE = "the index cannot be written"

UNAVAILABLE = "folder unavailable"
"""How the reason begins when the folder, and not the index, is the matter."""


@dataclass(frozen=True, slots=True)
class IndexerStatus:
    instance: str
    """Of one run of one indexer; another value means another run."""
    pid: int
    state: IndexState
    generation: int = -1
    documents: int = 0
    sections: int = 0
    done: int = 0
    """Files of the present run that are finished, of `total`."""
    total: int = 0
    at: str = ""
    pending: int = 0
    """Files known to have changed that are not searchable yet."""
    reconciled_at: float | None = None
    """When the whole folder was last compared with the index."""
    ignored: int = 0
    reason: str = ""
    skipped: Mapping[str, str] = field(default_factory=dict[str, str])
    remarks: Mapping[str, str] = field(default_factory=dict[str, str])
    beat: float = 0.0
    format: int = FORMAT


_STATUS = TypeAdapter(IndexerStatus)


def write_status(path: Path, status: IndexerStatus) -> None:
    """When it cannot be written, the last one is put aside, which takes no space: what is
    read then says so. Raises OSError."""
    aside = _aside(path)
    try:
        write_json(path, asdict(status) | {"beat": time.time()})
    except OSError:
        with suppress(OSError):
            os.replace(path, aside)
        with suppress(OSError):
            os.utime(aside)
        raise
    aside.unlink(missing_ok=True)


def read_status(path: Path) -> IndexerStatus | None:
    """None when nobody has indexed yet, or another format was written."""
    if (status := _read(path)) is not None:
        return status
    if (status := _read(_aside(path))) is not None:
        return replace(status, state="degraded", reason=UNWRITABLE, beat=time.time())
    return None


class StatusFile:
    """Reads it again only when it is another one. For any number of threads at once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: tuple[tuple[int, int, int], IndexerStatus] | None = None

    def read(self) -> IndexerStatus | None:
        """What `read_status` gives."""
        try:
            found = os.stat(self._path)
        except OSError:
            return read_status(self._path)
        mark = (found.st_ino, found.st_mtime_ns, found.st_ctime_ns)
        known = self._known
        if known is not None and known[0] == mark:
            return known[1]
        # It is replaced and never changed, so another one has another mark, unless it got
        # the inode of the one before in the same tick of the clock.
        settled = time.time_ns() - found.st_ctime_ns > TICK_NS
        status = _read(self._path) if settled else None
        if status is None:
            return read_status(self._path)
        self._known = (mark, status)
        return status


def beat_of(path: Path) -> tuple[int, int] | None:
    """What changes each time that the indexer tells how it is, or tries to."""
    for place in (path, _aside(path)):
        with suppress(OSError):
            found = place.stat()
            return found.st_ino, found.st_mtime_ns
    return None


def _aside(path: Path) -> Path:
    return path.with_name(f"{path.name}.stale")


def _read(path: Path) -> IndexerStatus | None:
    try:
        status = _STATUS.validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None
    return status if status.format == FORMAT else None
