"""The history of one folder on disk: a log for each document, and the texts.

<state>/history/<key of the folder>/
    folder.json            which folder this is
    lock                   held by whoever adds or cleans
    names/<hash>.jsonl     what became of one document, a line for each write
    objects/               the texts, each once
"""

import hashlib
import json
import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

from filelock import FileLock, Timeout

from docindex.indexer.errors import TimedOut
from docindex.indexer.home import make_private
from docindex.indexer.locks import let_go
from docindex.indexer.models import Why
from docindex.indexer.objects import Objects

LOCK_SECONDS = 5.0
POLL_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class Kept:
    """A text in the history."""

    version: str
    key: str
    size: int


@dataclass(frozen=True, slots=True)
class Change:
    """One write: what was there before, and after. None is no document."""

    id: str
    name: str
    when: float
    why: Why
    before: Kept | None
    after: Kept | None
    other: str = ""
    """The other name of a document that was moved."""
    mode: int | None = None
    """Who might do what with the file that was there, where that is known."""

    @property
    def texts(self) -> tuple[Kept, ...]:
        """Those that are kept for it."""
        return tuple(kept for kept in (self.before, self.after) if kept is not None)


class Place:
    """The history of one folder on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.objects = Objects(path / "objects")

    @property
    def names(self) -> Path:
        return self.path / "names"

    def log(self, name: str) -> Path:
        digest = hashlib.blake2b(name.encode("utf-8", "replace"), digest_size=12).hexdigest()
        return self.names / f"{digest}.jsonl"

    def changes(self, log: Path) -> list[Change]:
        """The lines of a log, but for what was struck out, and what a crash has torn."""
        try:
            lines = log.read_bytes().split(b"\n")
        except FileNotFoundError:
            return []
        found: dict[str, Change] = {}
        for line in lines:
            value = _parsed(line)
            if "void" in value:
                found.pop(str(value["void"]), None)
            elif (change := _change(value)) is not None:
                found[change.id] = change
        return list(found.values())

    def logs(self) -> list[Path]:
        return sorted(self.names.glob("*.jsonl"))

    @contextmanager
    def locked(self) -> Generator[None]:
        """Raises TimedOut, OSError."""
        make_private(self.path)
        lock = FileLock(self.path / "lock", mode=0o600, thread_local=False)
        try:
            lock.acquire(timeout=LOCK_SECONDS, poll_interval=POLL_SECONDS)
        except Timeout:
            raise TimedOut(
                "the history of the folder is in use; nothing was written, try again"
            ) from None
        try:
            yield
        finally:
            let_go(lock)


def place_of(state: Path, root: Path) -> Place:
    """The history of a folder, by its real path, though it need not be there any more."""
    key = hashlib.blake2b(os.fsencode(root), digest_size=12).hexdigest()
    return Place(state / "history" / key)


def line_of(change: Change) -> bytes:
    return json.dumps(asdict(change), ensure_ascii=True, separators=(",", ":")).encode()


def _parsed(line: bytes) -> dict[str, object]:
    try:
        value: object = json.loads(line)
    except ValueError:
        return {}
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


def _change(value: dict[str, object]) -> Change | None:
    try:
        before, after = (_kept(value[which]) for which in ("before", "after"))
        return Change(
            id=str(value["id"]),
            name=str(value["name"]),
            when=float(cast("float", value["when"])),
            why=cast("Why", value["why"]),
            before=before,
            after=after,
            other=str(value.get("other", "")),
            mode=None if (mode := value.get("mode")) is None else int(cast("int", mode)) & 0o777,
        )
    except (KeyError, TypeError, ValueError):
        return None


def _kept(value: object) -> Kept | None:
    if value is None:
        return None
    fields = cast("dict[str, object]", value)
    return Kept(str(fields["version"]), str(fields["key"]), int(cast("int", fields["size"])))
