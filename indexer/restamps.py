"""Stamps of files that were found to be what the index has of them, though the index has
another stamp: they were copied with their times, given other permissions, or so fresh when
they were read that their stamp proved nothing.

They are kept in a file beside the segments, so that they are not read again at each start.
Each belongs to one version of its file and one time, and proves nothing of another. The file
is a hint: when it is lost, or is not what was written, the contents are compared once more.
"""

import logging
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import astuple, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from docindex.indexer.home import write_json
from docindex.indexer.models import Record, Stamp

log = logging.getLogger(__name__)

FILE_NAME = "restamps.json"
SAVE_SECONDS = 30.0
"""Between two times that they are saved: thousands may be in it."""

_Kept = dict[str, tuple[str, int, int, int, int]]
"""Version and stamp, by name."""
_KEPT = TypeAdapter(_Kept)


class Restamps:
    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME
        self._kept: _Kept = {}
        self._changed = False
        self._saved = time.monotonic()
        with suppress(OSError, ValidationError):
            self._kept = _KEPT.validate_json(self._path.read_bytes())

    def put(self, record: Record) -> None:
        known = (record.version, *astuple(record.stamp))
        if self._kept.get(record.name) != known:
            self._kept[record.name] = known
            self._changed = True

    @property
    def due(self) -> bool:
        """Whether it is worth while to save them now."""
        return self._changed and time.monotonic() >= self._saved + SAVE_SECONDS

    def applied(self, record: Record) -> Record:
        """With the newer stamp, if one is known of this version and time."""
        stamp = self._stamp(record)
        return replace(record, stamp=stamp) if stamp else record

    def save(self, records: Mapping[str, Record]) -> None:
        """Those that belong to the version and time that `records` have. Never fails."""
        if not self._changed:
            return
        self._changed, self._saved = False, time.monotonic()
        self._kept = {
            name: kept
            for name, kept in self._kept.items()
            if name in records and self._stamp(records[name])
        }
        try:
            write_json(self._path, self._kept)
        except OSError as error:
            log.warning("stamps of files could not be kept (%s)", error.strerror)

    def _stamp(self, record: Record) -> Stamp | None:
        version, *found = self._kept.get(record.name, ("", 0, 0, 0, 0))
        stamp = Stamp(*found)
        same = (version, stamp.mtime_ns) == (record.version, record.stamp.mtime_ns)
        return stamp if same else None
