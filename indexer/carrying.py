"""Carrying out a move, finishing one that was interrupted, and undoing one.

All go by what is on the disk, never by what should be there: a text that is as the
intent has it is replaced by the intent's other text; one that somebody has changed
since is read anew, and only its links are changed. So what was begun can be gone on
with at any point, by another process too, and any number of times.
"""

from collections.abc import Callable
from typing import Protocol

from docindex.indexer.errors import (
    Conflict,
    DocumentNotFound,
    NotADocument,
    TooLarge,
    VersionMismatch,
)
from docindex.indexer.files import Folder, version_of
from docindex.indexer.journal import Intent, Step
from docindex.indexer.models import Listener, Progress, unheard
from docindex.indexer.names import shown
from docindex.indexer.relinking import Mentions, Move, Remark, relink

_ATTEMPTS = 5
"""How often a document is read anew that somebody else keeps writing."""


class Keep(Protocol):
    """Takes the texts of a document into the history, before they change. None is no
    document; `other` is the other name of the one that moves. Raises WriteFailed, and
    then nothing is changed."""

    def __call__(
        self, name: str, before: bytes | None, after: bytes | None, other: str = ""
    ) -> None: ...


class NameTaken(Conflict):
    """Somebody else has made a document of the new name."""


class Carrier:
    """One move in one folder, under the locks of all its documents."""

    def __init__(
        self,
        folder: Folder,
        keep: Keep,
        intent: Intent,
        move: Move,
        *,
        lenient: bool,
        listener: Listener = unheard,
    ) -> None:
        """With `lenient`, a document whose links cannot be changed is remarked on, and the
        others follow all the same. `listener` hears of those that follow."""
        self._folder = folder
        self._keep = keep
        self._intent = intent
        self._move = move
        self._lenient = lenient
        self._listener = listener
        self.remarks: list[Remark] = []

    @property
    def has_old(self) -> bool:
        """Whether there is a document of the old name."""
        return self._read(self._intent.old) is not None

    def create(self) -> None:
        """Puts the document under its new name, beside the old one. Raises NameTaken when
        it was not begun with, and as `Folder.write` does."""
        new, after = self._intent.new, self._intent.after
        self._keep(new, None, after, self._intent.old)
        try:
            self._folder.write(
                new, after, expect="", like=self._folder.attributes(self._intent.old)
            )
        except VersionMismatch as error:
            raise NameTaken(
                f"there is a document {shown(new)} by now; nothing was moved. Choose another name"
            ) from error

    def finish(self, on_last: Callable[[], None] | None) -> bool:
        """Lets the links follow, then removes the old name. `on_last` is called between
        the two; it is None when that was reached before. Raises as `Folder.write` does.

        False, and nothing is changed, when the document has gone from its new name but is
        still there under the old one: then the move has to be undone.
        """
        intent = self._intent
        old, new = self._read(intent.old), self._read(intent.new)
        if new is None and old is not None:
            return False
        if new is None:
            self._remark(intent.new, "it was deleted before its move had ended")
            return True
        over = old == intent.before
        if not over and old is not None and new == intent.after and on_last is not None:
            over = self._take_over(old)
        for place, step in enumerate(intent.links):
            self._listener(Progress(place, len(intent.links), step.name))
            self._follow(step, self._move, step.before, step.after)
        if on_last is not None:
            on_last()
        if over and old is not None:
            self._keep(intent.old, old, None, intent.new)
            self._folder.remove(intent.old, expect=version_of(old))
        elif old is not None:
            self._remark(
                intent.old,
                f"it was written to while it moved to {shown(intent.new)}: both are there",
            )
        return True

    def undo(self) -> bool:
        """Lets the links lead to the old name again, then removes the new one. Raises as
        `Folder.write` does.

        False, and nothing is changed, when the document is there only under its new name:
        then the move has to be finished.
        """
        intent, move = self._intent, self._move
        old, new = self._read(intent.old), self._read(intent.new)
        if old is None and new is not None:
            return False
        back = Move(move.new, move.old, move.after, move.before)
        for step in reversed(intent.links):
            self._follow(step, back, step.after, step.before)
        if new is not None and new == intent.after:
            self._keep(intent.new, new, None, intent.old)
            self._folder.remove(intent.new, expect=version_of(new))
        elif new is not None:
            self._remark(
                intent.new,
                f"it was there before {shown(intent.old)} could move to it: both are there",
            )
        return True

    def _follow(self, step: Step, move: Move, was: bytes, becomes: bytes) -> None:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                found = self._read(step.name)
                if found is None or found == becomes:
                    return
                followed = becomes
                if found != was:
                    relinked = relink(found, step.name, move, Mentions(move.old).in_text)
                    followed = relinked.data
                    self.remarks += relinked.remarks
                    if found == followed:
                        return
                self._keep(step.name, found, followed)
                self._folder.write(step.name, followed, expect=version_of(found))
            except VersionMismatch:
                if attempt == _ATTEMPTS:
                    raise
            except (NotADocument, TooLarge) as error:
                if not self._lenient:
                    raise
                self._remark(step.name, f"its links could not follow: {error}")
                return
            else:
                return

    def _take_over(self, old: bytes) -> bool:
        """Somebody has changed the document under its old name: that is what moves."""
        intent = self._intent
        after = relink(old, intent.old, self._move, lambda _: True).data
        self._keep(intent.new, intent.after, after, intent.old)
        try:
            self._folder.write(intent.new, after, expect=version_of(intent.after))
        except VersionMismatch:
            return False
        return True

    def _read(self, name: str) -> bytes | None:
        try:
            return self._folder.read(name).data
        except DocumentNotFound:
            return None

    def _remark(self, name: str, why: str) -> None:
        self.remarks.append(Remark(name, why))
