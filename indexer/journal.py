"""What a move is about to do, on disk before it does any of it.

    <state>/moves/<key of the folder>/
        lock         held by whoever moves or recovers
        undo         the intent, until the document is there under its new name: what
                     of it was done is to be undone
        redo         the same from then on: what is left of it is to be done
        last         the same when only the old name has to go

It is one file, which is renamed from stage to stage. That takes no space on the disk
and no time in between, so a move can be undone on a full disk too.
"""

import base64
import hashlib
import json
import os
import zlib
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypedDict, cast

from docindex.indexer.durable import replace_file, sync_folder
from docindex.indexer.errors import WriteFailed
from docindex.indexer.home import make_private
from docindex.indexer.locks import hold, let_go

Stage = Literal["undo", "redo", "last"]

_STAGES: tuple[Stage, ...] = ("undo", "redo", "last")


@dataclass(frozen=True, slots=True)
class Step:
    """One document whose text changes."""

    name: str
    before: bytes
    after: bytes


@dataclass(frozen=True, slots=True)
class Intent:
    """A document goes from `old` to `new`, and others follow it with their links."""

    old: str
    new: str
    before: bytes
    after: bytes
    links: tuple[Step, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return (self.old, self.new, *(step.name for step in self.links))


class Journal:
    """Of the moves in one folder, one at a time."""

    def __init__(self, state: Path, root: str) -> None:
        """`root` is the real path of the folder."""
        key = hashlib.blake2b(os.fsencode(root), digest_size=12).hexdigest()
        self._path = state / "moves" / key

    @contextmanager
    def held(self, seconds: float) -> Generator[bool]:
        """Whether it could be had within so many seconds. Raises WriteFailed."""
        try:
            make_private(self._path)
            lock = hold(self._path / "lock", seconds)
        except OSError as error:
            raise _failed(error) from error
        try:
            yield lock is not None
        finally:
            if lock is not None:
                let_go(lock)

    def stage(self) -> Stage | None:
        """None when no move is under way."""
        return next((stage for stage in _STAGES if os.path.exists(self._path / stage)), None)

    def intent(self, stage: Stage) -> Intent | None:
        """None when it is damaged, and set aside for that. Raises WriteFailed when it
        cannot be read now."""
        path = self._path / stage
        try:
            data = path.read_bytes()
        except OSError as error:
            raise _failed(error) from error
        try:
            return _loaded(data)
        except (ValueError, KeyError, TypeError, zlib.error):
            with suppress(OSError):
                os.replace(path, self._path / "damaged")
            return None

    def begin(self, intent: Intent) -> None:
        """In stage `undo`. Raises WriteFailed, and then has begun nothing."""
        try:
            replace_file(self._path / "undo", _dumped(intent))
        except OSError as error:
            with suppress(OSError):
                os.unlink(self._path / "undo")
            raise _failed(error) from error

    def turn(self, becomes: Stage) -> None:
        """Raises WriteFailed; the stage may have been turned all the same."""
        try:
            if stage := self.stage():
                os.replace(self._path / stage, self._path / becomes)
                sync_folder(self._path)
        except OSError as error:
            raise _failed(error) from error

    def end(self) -> None:
        """Raises WriteFailed: then the intent stays, though nothing is left of it to do."""
        try:
            if stage := self.stage():
                os.unlink(self._path / stage)
                sync_folder(self._path)
        except OSError as error:
            raise _failed(error) from error


def _failed(error: OSError) -> WriteFailed:
    return WriteFailed(
        f"the journal of moves cannot be used ({error.strerror}); free some space or "
        "set state_dir to a folder that you can write to"
    )


class _Dumped(TypedDict):
    old: str
    new: str
    texts: list[tuple[str, str, str]]
    """Name, bytes before and bytes after; of the document itself first."""


def _dumped(intent: Intent) -> bytes:
    own = Step(intent.new, intent.before, intent.after)
    texts = [
        (step.name, _packed(step.before), _packed(step.after)) for step in (own, *intent.links)
    ]
    dumped: _Dumped = {"old": intent.old, "new": intent.new, "texts": texts}
    return zlib.compress(json.dumps(dumped).encode(), level=1)


def _loaded(data: bytes) -> Intent:
    loaded = cast("_Dumped", json.loads(zlib.decompress(data)))
    own, *links = (
        Step(name, base64.b64decode(before), base64.b64decode(after))
        for name, before, after in loaded["texts"]
    )
    return Intent(loaded["old"], loaded["new"], own.before, own.after, tuple(links))


def _packed(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
