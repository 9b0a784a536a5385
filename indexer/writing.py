"""Changes to documents: checked, atomic, and none lost."""

import hashlib
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from docindex.indexer.edits import apply, diff
from docindex.indexer.errors import (
    DocumentNotFound,
    InvalidInput,
    ReadOnly,
    TimedOut,
    TooLarge,
    VersionMismatch,
    VersionRequired,
    WriteFailed,
)
from docindex.indexer.files import version_of
from docindex.indexer.home import make_private
from docindex.indexer.models import Edit, Options, WriteOutcome, WriteStatus
from docindex.indexer.names import shown
from docindex.indexer.shelf import Shelf
from docindex.indexer.trash import Trash

LOCK_SECONDS = 5.0
"""How long a write waits for another one to the same document."""


class Writer:
    """Writes through the one door. Does not index: its caller sees to that."""

    def __init__(self, state: Path, options: Options) -> None:
        self._state = state
        self._options = options

    def update(self, shelf: Shelf, name: str, edit: Edit) -> WriteOutcome:
        """`name` is the one below the folder; `edit.name` the one that was asked for.

        Raises what `Library.update` says.
        """
        self._check_writable()
        if bool(edit.section) != (edit.mode == "section"):
            raise InvalidInput('section and mode "section" go together: give both or neither')
        with self._locked(shelf, name):
            try:
                old: bytes | None = shelf.folder.read(name).data
            except DocumentNotFound:
                old = None
            current = "" if old is None else version_of(old)
            self._check_version(edit, current)
            new = apply(old, edit, name)
            if len(new) > self._options.max_document_bytes:
                raise TooLarge(
                    f"the document would be {len(new):,} bytes; the limit is "
                    f"{self._options.max_document_bytes:,} (setting max_document_bytes)"
                )
            version = version_of(new)
            if edit.dry_run:
                text = diff(old or b"", new, edit.name)
                status: WriteStatus = "would_create" if old is None else "would_update"
                return WriteOutcome(status, edit.name, version, False, text)
            if new == old:
                return WriteOutcome("unchanged", edit.name, version, True)
            shelf.folder.write(name, new, expect=current)
            return WriteOutcome("created" if old is None else "updated", edit.name, version, False)

    def delete(self, shelf: Shelf, name: str, asked: str, if_version: str) -> WriteOutcome:
        """Moves a document to the trash: it is there before it is gone here."""
        self._check_writable()
        with self._locked(shelf, name):
            data = shelf.folder.read(name).data
            version = version_of(data)
            if if_version and if_version != version:
                raise _mismatch(asked, if_version, version)
            Trash(self._state, shelf.root).keep(name, version, data)
            shelf.folder.remove(name, expect=version)
            return WriteOutcome("deleted", asked, version, False)

    def _check_writable(self) -> None:
        if self._options.read_only:
            raise ReadOnly("this server only reads (setting read_only); nothing was written")

    def _check_version(self, edit: Edit, current: str) -> None:
        if edit.if_version:
            if edit.if_version != current:
                raise _mismatch(edit.name, edit.if_version, current)
        elif current and edit.content is not None and edit.mode in ("replace", "section"):
            raise VersionRequired(
                f"{shown(edit.name)} exists, with version {current}. Read it, and call again with "
                "if_version set to the version you have read, or append to it instead"
            )

    @contextmanager
    def _locked(self, shelf: Shelf, name: str) -> Generator[None]:
        """One lock for each real file, whatever folder it is reached through."""
        folder = self._state / "locks"
        # One of 256, by the name: a lock for each document would leave a file for each.
        key = hashlib.blake2b(os.fsencode(shelf.root / name), digest_size=1).hexdigest()
        lock = FileLock(folder / key, mode=0o600, timeout=LOCK_SECONDS, thread_local=False)
        try:
            make_private(folder)
            lock.acquire()
        except Timeout:
            raise TimedOut(
                f"another write to {shown(name)} did not end; nothing was written, try again"
            ) from None
        except OSError as error:
            raise WriteFailed(
                f"the state folder cannot be used ({error.strerror}); nothing was written. "
                "Set state_dir to a folder that you can write to"
            ) from error
        try:
            yield
        finally:
            lock.release()


def _mismatch(name: str, expected: str, current: str) -> VersionMismatch:
    if not current:
        return VersionMismatch(
            f"{shown(name)} does not exist (any more). To create it, call again without if_version"
        )
    return VersionMismatch(
        f"{shown(name)} has changed: its version is {current}, not {shown(expected)}. Nothing was "
        "written. Read it again, merge your change, and call with the version you have read"
    )
