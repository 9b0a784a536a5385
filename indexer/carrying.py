"""Carrying out a move, finishing one that was interrupted, and undoing one.

All go by what is on the disk, never by what should be there: a text that is as the
intent has it is replaced by the intent's other text; one that somebody has changed
since is read anew, and only its links are changed. So what was begun can be gone on
with at any point, by another process too, and any number of times.
"""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

from docindex.indexer.atomic import Attributes
from docindex.indexer.errors import (
    Conflict,
    DocindexError,
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

log = logging.getLogger(__name__)

_ATTEMPTS = 5
"""How often a document is read anew that somebody else keeps writing."""

Strike = Callable[[], None]
"""Strikes a change out of the history. Raises OSError, TimedOut."""


class Keep(Protocol):
    """Around a write: takes the texts of a document into the history before they change,
    and strikes them out when that fails. None is no document; `other` is the other name of
    the one that moves. Raises WriteFailed, TimedOut, and then nothing is changed."""

    def __call__(
        self, name: str, before: bytes | None, after: bytes | None, other: str = ""
    ) -> AbstractContextManager[Strike]: ...


@dataclass(frozen=True, slots=True)
class Written:
    """One write of a move. None is no document."""

    name: str
    before: bytes | None
    after: bytes | None
    strike: Strike


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
        listener: Listener = unheard,
    ) -> None:
        """`listener` hears of the documents that follow."""
        self._folder = folder
        self._keep = keep
        self._intent = intent
        self._move = move
        self._listener = listener
        self.remarks: list[Remark] = []
        self.written: list[Written] = []
        self._own = (intent.before, intent.after)
        self._followed: list[Step] = []
        self.links: dict[str, int] = {}
        """How many followed in each document in which others did than was intended."""

    @property
    def done(self) -> Intent:
        """What has come of the intent: with the texts that there really were, and are."""
        before, after = self._own
        return Intent(self._intent.old, self._intent.new, before, after, tuple(self._followed))

    @property
    def has_old(self) -> bool:
        """Whether there is a document of the old name."""
        return self._read(self._intent.old) is not None

    def create(self) -> None:
        """Puts the document under its new name, beside the old one. Raises NameTaken when
        it was not begun with, and as `Folder.write` does."""
        old, new, after = self._intent.old, self._intent.new, self._intent.after
        try:
            self._write(new, None, after, old, like=self._folder.attributes(old))
        except VersionMismatch as error:
            raise NameTaken(
                f"there is a document {shown(new)} by now; nothing was moved. Choose another name"
            ) from error

    def finish(self, on_last: Callable[[], None] | None, *, lenient: bool) -> bool:
        """Lets the links follow, then removes the old name. `on_last` is called between
        the two; it is None when that was reached before. With `lenient`, a document whose
        links cannot be changed is remarked on, and the others follow all the same. Raises
        as `Folder.write` does.

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
            if followed := self._follow(step, self._move, lenient=lenient):
                self._followed.append(followed)
        if on_last is not None:
            on_last()
        if over and old is not None:
            self._write(intent.old, old, None, intent.new)
        elif old is not None:
            self._remark(
                intent.old,
                f"it was written to while it moved to {shown(intent.new)}: both are there",
            )
        return True

    def undo(self) -> bool:
        """Lets the links lead to the old name again, as far as they can, then removes the
        new one, and strikes out of the history what came to nothing. Raises as
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
            self._follow(Step(step.name, step.after, step.before), back, lenient=True)
        if new is not None and new == intent.after:
            self._write(intent.new, new, None, intent.old)
        elif new is not None:
            self._remark(
                intent.new,
                f"it was there before {shown(intent.old)} could move to it: both are there",
            )
        self._strike_out()
        return True

    def _follow(self, step: Step, move: Move, *, lenient: bool) -> Step | None:
        """None when there was nothing in the document that could follow."""
        left = _ATTEMPTS
        while True:
            left -= 1
            try:
                return self._follow_once(step, move)
            except VersionMismatch:
                if not left:
                    raise
            except (NotADocument, TooLarge) as error:
                if not lenient:
                    raise
                self._remark(step.name, f"its links could not follow: {error}")
                return None

    def _follow_once(self, step: Step, move: Move) -> Step | None:
        found = self._read(step.name)
        if found is None:
            return None
        if found == step.after:
            return step
        followed = step.after
        if found != step.before:
            relinked = relink(found, step.name, move, Mentions(move.old).in_text)
            followed = relinked.data
            self.remarks += relinked.remarks
            self.links[step.name] = relinked.links
            if found == followed:
                return None
        self._write(step.name, found, followed)
        return Step(step.name, found, followed)

    def _take_over(self, old: bytes) -> bool:
        """Somebody has changed the document under its old name: that is what moves."""
        intent = self._intent
        after = relink(old, intent.old, self._move, lambda _: True).data
        try:
            self._write(intent.new, intent.after, after, intent.old)
        except VersionMismatch:
            return False
        self._own = (old, after)
        return True

    def _write(
        self,
        name: str,
        before: bytes | None,
        after: bytes | None,
        other: str = "",
        *,
        like: Attributes | None = None,
    ) -> None:
        expect = "" if before is None else version_of(before)
        with self._keep(name, before, after, other) as strike:
            if after is None:
                self._folder.remove(name, expect=expect)
            else:
                self._folder.write(name, after, expect=expect, like=like)
        self.written.append(Written(name, before, after, strike))

    def _strike_out(self) -> None:
        """Of documents that are as they were, and that nobody else has written to between."""
        written: dict[str, list[Written]] = {}
        for each in self.written:
            written.setdefault(each.name, []).append(each)
        for chain in written.values():
            if chain[0].before != chain[-1].after:
                continue
            if any(one.after != following.before for one, following in pairwise(chain)):
                continue
            try:
                for each in chain:
                    each.strike()
            except (DocindexError, OSError) as error:
                log.info("a move that was undone is still in the history (%s)", error)

    def _read(self, name: str) -> bytes | None:
        try:
            return self._folder.read(name).data
        except DocumentNotFound:
            return None

    def _remark(self, name: str, why: str) -> None:
        self.remarks.append(Remark(name, why))
