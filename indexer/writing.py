"""Changes to documents: checked, atomic, and none lost."""

import logging
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Literal, cast

from docindex.indexer import audit
from docindex.indexer.atomic import Attributes
from docindex.indexer.cleaning import clean_if_due
from docindex.indexer.diffs import diff
from docindex.indexer.doclocks import locked
from docindex.indexer.edits import apply
from docindex.indexer.errors import (
    DocindexError,
    DocumentNotFound,
    InvalidInput,
    TooLarge,
    VersionMismatch,
    VersionNotFound,
    VersionRequired,
    WriteFailed,
)
from docindex.indexer.files import version_of
from docindex.indexer.history import Attempt, History
from docindex.indexer.ledger import place_of
from docindex.indexer.models import (
    Author,
    Edit,
    Options,
    Past,
    Why,
    WriteOutcome,
    WriteStatus,
)
from docindex.indexer.names import shown
from docindex.indexer.permissions import Permissions
from docindex.indexer.shelf import Shelf

log = logging.getLogger(__name__)

ATTEMPTS = 5
"""How often a write that holds to no version is tried, while others who take no lock
(editors) keep changing the document."""
DIFF_CHARS = 2_000
"""Of what has changed since the version that a caller had read."""
_NAMED = 10


class Writer:
    """Writes through the one door. Does not index: its caller sees to that.

    A document is called `name` below its folder."""

    def __init__(self, state: Path, options: Options) -> None:
        """Raises InvalidInput when a path of the setting `writable_paths` is none."""
        self._state = state
        self._options = options
        self._permissions = Permissions(options)
        self._added: Counter[Path] = Counter()
        self._may_read: Callable[[str], bool] = lambda name: True

    def for_reader(self, may_read: Callable[[str], bool]) -> "Writer":
        """The same for somebody who may know of some documents alone, by their outer names."""
        writer = copy(self)
        vars(writer).update(_may_read=may_read)
        return writer

    def update(self, shelf: Shelf, name: str, edit: Edit, author: Author) -> WriteOutcome:
        """Raises what `Library.update` says."""
        edit = replace(edit, name=shelf.outer(name))
        self._permissions.check(edit.name)
        if edit.section and edit.mode == "replace":
            raise InvalidInput(
                'mode "replace" replaces the whole document; to replace one section, say mode '
                '"section"'
            )
        if edit.mode == "section" and not edit.section:
            raise InvalidInput('mode "section" needs section: an anchor, or a heading trail')
        return self._write(
            shelf,
            name,
            lambda: self._update(shelf, name, edit),
            replace(author, tool=author.tool or "update_document"),
        )

    def delete(
        self, shelf: Shelf, name: str, if_version: str, dry_run: bool, author: Author
    ) -> WriteOutcome:
        """Raises what `Library.delete` says."""
        self._permissions.check(shelf.outer(name))
        return self._write(
            shelf,
            name,
            lambda: self._delete(shelf, name, if_version, dry_run),
            replace(author, tool=author.tool or "delete_document"),
        )

    def restore(
        self,
        shelf: Shelf,
        name: str,
        version: str,
        dry_run: bool,
        author: Author,
        planned: str | None = None,
    ) -> WriteOutcome:
        """Raises what `Library.restore` says, and VersionMismatch unless the document has
        the version `planned`, if any is given: "" is that of none."""
        self._permissions.check(shelf.outer(name))
        return self._write(
            shelf,
            name,
            lambda: self._restore(shelf, name, version, dry_run, planned),
            replace(author, tool=author.tool or "restore_document"),
        )

    def past(self, shelf: Shelf, name: str) -> Past:
        """Raises what `Library.past` says."""
        old = self._read(shelf, name)
        current = "" if old is None else version_of(old)
        history = self._history(shelf)
        versions = history.versions(name, current)
        if old is None and not versions:
            raise self.nothing_kept(shelf, name)
        moved_to = history.moved_to(name) if old is None else ""
        return Past(shelf.outer(name), current, tuple(versions), moved_to and shelf.outer(moved_to))

    def _update(self, shelf: Shelf, name: str, edit: Edit) -> WriteOutcome:
        old = self._read(shelf, name)
        current = "" if old is None else version_of(old)
        if edit.if_version:
            self._check_version(shelf, name, edit.if_version, old)
        elif current and edit.content is not None and edit.mode in ("replace", "section"):
            raise VersionRequired(
                f"{shown(edit.name)} exists, with version {current}. Read it, and call again with "
                "if_version set to the version you have read, or append to it instead"
            )
        new = apply(old, edit, name)
        if len(new) > self._options.max_document_bytes:
            raise TooLarge(
                f"the document would be {len(new):,} bytes; the limit is "
                f"{self._options.max_document_bytes:,} (setting max_document_bytes)"
            )
        if edit.dry_run:
            shelf.folder.check_write(name, expect=current)
            text = diff(old or b"", new, edit.name)
            status: WriteStatus = "would_create" if old is None else "would_update"
            return WriteOutcome(status, edit.name, version_of(new), False, text, before=current)
        return self._put(shelf, name, old, new, "created" if old is None else "updated")

    def _delete(self, shelf: Shelf, name: str, if_version: str, dry_run: bool) -> WriteOutcome:
        outer = shelf.outer(name)
        old = shelf.folder.read(name).data
        version = version_of(old)
        if if_version:
            self._check_version(shelf, name, if_version, old)
        if dry_run:
            shelf.folder.check_write(name, expect=version)
            text = diff(old, b"", outer)
            return WriteOutcome("would_delete", outer, version, False, text, before=version)
        outcome = WriteOutcome("deleted", outer, version, False, before=version)
        with self._recorded(shelf, name, outcome, old, None) as displaced:
            shelf.folder.remove(name, expect=version, keep=displaced)
        return replace(outcome, displaced=displaced.version)

    def _restore(
        self,
        shelf: Shelf,
        name: str,
        version: str,
        dry_run: bool,
        planned: str | None,
    ) -> WriteOutcome:
        outer = shelf.outer(name)
        old = self._read(shelf, name)
        current = "" if old is None else version_of(old)
        if planned is not None and planned != current:
            raise VersionMismatch(
                f"{shown(outer)} has changed since this was planned, and was left as it is. Plan "
                "anew to see what it is now"
            )
        if current and current == version:
            return WriteOutcome("unchanged", outer, version, True, before=current)
        history = self._history(shelf)
        kept = history.find(name, version)
        if kept is None:
            versions = [each.version for each in history.versions(name, current)]
            if not versions:
                raise self.nothing_kept(shelf, name)
            raise VersionNotFound(
                f"no version {shown(version)} of {shown(outer)} is kept; there are "
                f"{_listed(versions)}"
            )
        new = history.content(kept)
        if dry_run:
            shelf.folder.check_write(name, expect=current)
            text = diff(old or b"", new, outer)
            return WriteOutcome("would_restore", outer, version, False, text, before=current)
        mode = history.mode(name)
        like = None if mode is None else Attributes(mode)
        return self._put(shelf, name, old, new, "restored", like)

    def _put(
        self,
        shelf: Shelf,
        name: str,
        old: bytes | None,
        new: bytes,
        status: Literal["created", "updated", "restored"],
        like: Attributes | None = None,
    ) -> WriteOutcome:
        outer = shelf.outer(name)
        version, current = version_of(new), "" if old is None else version_of(old)
        if new == old:
            return WriteOutcome("unchanged", outer, version, True, before=current)
        outcome = WriteOutcome(status, outer, version, False, before=current)
        with self._recorded(shelf, name, outcome, old, new) as displaced:
            shelf.folder.write(name, new, expect=current, keep=displaced, like=like)
        return replace(outcome, displaced=displaced.version)

    def _write(
        self,
        shelf: Shelf,
        name: str,
        attempt: Callable[[], WriteOutcome],
        author: Author,
    ) -> WriteOutcome:
        try:
            with locked(self._state, [(shelf.folder, name)]):
                outcome = _tried(attempt)
        except _StandsError as stands:
            self._note(shelf, stands.outcome, author)
            raise stands.error from None
        if outcome.status != "unchanged" and not outcome.status.startswith("would_"):
            self._note(shelf, outcome, author)
            self._clean(shelf.root)
        return outcome

    def _note(self, shelf: Shelf, outcome: WriteOutcome, author: Author) -> None:
        if self._options.audit:
            audit.note(self._state, shelf.root, outcome, author)

    @contextmanager
    def _recorded(
        self, shelf: Shelf, name: str, outcome: WriteOutcome, old: bytes | None, new: bytes | None
    ) -> Generator["_Displaced"]:
        """Around a write: keeps both texts before it, and takes that back when it fails."""
        history = History(self._state, shelf.root)
        displaced = _Displaced(history, name, new)
        self._added[shelf.root] += len(old or b"") + len(new or b"")
        why = cast("Why", outcome.status)
        mode = None if old is None else self._mode(shelf, name)
        attempt: Attempt | None = None
        try:
            with history.attempt(
                name, why, old, new, mode=mode, look=lambda: self._read(shelf, name)
            ) as attempt:
                yield displaced
        except VersionMismatch as error:
            raise _OvertakenError(error) from None
        except WriteFailed as error:
            if attempt is None or not attempt.stands:
                raise
            raise _StandsError(error, replace(outcome, displaced=displaced.version)) from None

    def _clean(self, root: Path) -> None:
        try:
            if clean_if_due(place_of(self._state, root), self._options, self._added[root]):
                self._added[root] = 0
        except (DocindexError, OSError) as error:
            log.warning("the history was not cleaned (%s)", error)

    def _check_version(self, shelf: Shelf, name: str, expected: str, old: bytes | None) -> None:
        """Raises VersionMismatch, with what has changed since where that is known."""
        outer = shelf.outer(name)
        if old is None:
            raise VersionMismatch(
                f"{shown(outer)} does not exist (any more). To create it, call again without "
                "if_version"
            )
        current = version_of(old)
        if expected == current:
            return
        history = self._history(shelf)
        since = ""
        with suppress(VersionNotFound):
            kept = history.find(name, expected)
            since = _short(diff(history.content(kept), old, outer)) if kept else ""
        raise VersionMismatch(
            f"{shown(outer)} has changed: its version is {current}, not {shown(expected)}. Nothing "
            "was written. Read it again, merge your change, and call with the version you have "
            "read",
            since,
        )

    def _read(self, shelf: Shelf, name: str) -> bytes | None:
        try:
            return shelf.folder.read(name).data
        except DocumentNotFound:
            return None

    def _mode(self, shelf: Shelf, name: str) -> int | None:
        try:
            return shelf.folder.attributes(name).mode
        except DocumentNotFound:
            return None

    def _history(self, shelf: Shelf) -> History:
        return History(self._state, shelf.root, lambda name: self._may_read(shelf.outer(name)))

    def nothing_kept(self, shelf: Shelf, name: str) -> VersionNotFound:
        """The error for a document without a history, or one that is not for who asks."""
        deleted = [
            shelf.outer(other)
            for other, changes in self._history(shelf).names().items()
            if changes[-1].after is None and changes[-1].why != "moved"
        ]
        said = f"; deleted documents are {_listed(deleted)}" if deleted else ""
        return VersionNotFound(f"nothing is kept of {shown(shelf.outer(name))}{said}")


class _OvertakenError(Exception):
    """Another program has changed the document between our look at it and our write."""

    def __init__(self, error: VersionMismatch) -> None:
        super().__init__()
        self.error = error


class _StandsError(Exception):
    """The write is done, but the disk did not confirm it."""

    def __init__(self, error: WriteFailed, outcome: WriteOutcome) -> None:
        super().__init__()
        self.error = error
        self.outcome = outcome


def _tried(attempt: Callable[[], WriteOutcome]) -> WriteOutcome:
    left = ATTEMPTS
    while True:
        left -= 1
        try:
            return attempt()
        except _OvertakenError as overtaken:
            if not left:
                raise overtaken.error from None


class _Displaced:
    """Keeps what another program wrote in the last instant before a write of ours."""

    def __init__(self, history: History, name: str, new: bytes | None) -> None:
        self._history = history
        self._name = name
        self._new = new
        self.version = ""

    def __call__(self, data: bytes) -> None:
        self._history.record(self._name, "displaced", data, self._new)
        self.version = version_of(data)


def _short(text: str) -> str:
    """The beginning of a diff, in whole lines."""
    if len(text) <= DIFF_CHARS:
        return text
    return text[: text.rfind("\n", 0, DIFF_CHARS) + 1] + "… and more, which is left out\n"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(map(shown, names[:_NAMED])) + (f" and {more} more" if more > 0 else "")
