"""Moving a document, so that every link that led to it still does.

All or nothing: the document gets its new name, the links of other documents follow
one by one, the old name goes; at every moment each link leads to a document. What a
crash interrupts is in the journal, and `Mover.recover` finishes or undoes it.
"""

import logging
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from docindex.indexer.carrying import Carrier, Keep, NameTaken, Written
from docindex.indexer.diffs import diff
from docindex.indexer.errors import (
    DocindexError,
    FolderUnavailable,
    InvalidInput,
    NotADocument,
    TimedOut,
    TooLarge,
    VersionMismatch,
    WriteFailed,
)
from docindex.indexer.files import Folder, version_of
from docindex.indexer.journal import Intent, Journal, Stage
from docindex.indexer.models import Listener, Progress, unheard
from docindex.indexer.names import parse_name, shown
from docindex.indexer.planning import Plan, Planner, move_of
from docindex.indexer.relinking import Remark

log = logging.getLogger(__name__)

LOCK_SECONDS = 5.0
"""How long a move waits for another one in the same folder."""
_ATTEMPTS = 5
"""How often is looked again, while others keep writing links to the document."""

Locked = Callable[[Collection[str]], AbstractContextManager[None]]
"""Holds the locks of documents; they are taken in an order that is the same for
everybody, so that nobody waits in a circle."""


@dataclass(frozen=True, slots=True)
class Followed:
    """A document whose links lead to the new name."""

    name: str
    before: str
    """The version that was there."""
    version: str
    links: int
    diff: str = ""
    """A unified diff, for a dry run."""


@dataclass(frozen=True, slots=True)
class MoveOutcome:
    status: Literal["moved", "would_move"]
    name: str
    new_name: str
    before: str
    version: str
    """Another one than `before` when links of the document itself were rewritten."""
    followed: tuple[Followed, ...]
    remarks: tuple[Remark, ...]
    """Links that were left alone though they led, or may have led, to the document."""
    diff: str = ""
    """Of the document itself, for a dry run."""
    searchable: bool = False
    """Search finds all of it under the new names already."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """What became of a move that was interrupted."""

    name: str
    new_name: str
    outcome: Literal["finished", "undone", "given up"]
    remarks: tuple[Remark, ...]
    done: Intent
    """What has come of it when it is finished, by whoever did it."""
    written: tuple[Written, ...]
    """What was written now."""


class Mover:
    """Moves the documents of one folder."""

    def __init__(
        self,
        folder: Folder,
        state: Path,
        *,
        locked: Locked,
        keep: Keep,
        may_write: Callable[[str], bool] = lambda _: True,
        may_read: Callable[[str], bool] = lambda _: True,
        outer: Callable[[str], str] = str,
        recovered: Callable[[Recovery], None] = lambda _: None,
    ) -> None:
        """`may_write` tells whether the links of a document may be rewritten, `may_read`
        whether it is there at all for who moves; `outer` is what the library calls a
        document, for diffs. `recovered` hears of moves that were interrupted."""
        self._folder = folder
        self._journal = Journal(state, folder.path)
        self._locked = locked
        self._keep = keep
        self._may_write = may_write
        self._may_read = may_read
        self._outer = outer
        self._recovered = recovered

    def move(
        self,
        name: str,
        new_name: str,
        *,
        if_version: str = "",
        dry_run: bool = False,
        listener: Listener = unheard,
    ) -> MoveOutcome:
        """A dry run changes nothing, and says what would be. `listener` hears of the
        documents that are looked at, and then of those that follow.

        Raises InvalidName, InvalidInput (it is its name already), DocumentNotFound,
        NotADocument, VersionMismatch, Conflict (the new name is taken), TooLarge,
        ReadOnly, WriteFailed, TimedOut, Unavailable, FolderUnavailable. Then all is as
        it was, unless a message says that it could not be undone yet.
        """
        name, new_name = parse_name(name), parse_name(new_name)
        reached = _Reached(listener)
        planner = Planner(
            self._folder,
            name,
            new_name,
            if_version=if_version,
            may_write=self._may_write,
            may_read=self._may_read,
            listener=reached.looking,
        )
        if dry_run:
            return self._outcome(planner.plan(), dry_run=True)
        with self._journal.held(LOCK_SECONDS) as held:
            if not held:
                raise TimedOut("another move has not ended; nothing was moved, try again")
            self._recover()
            plan = planner.plan()
            for _ in range(_ATTEMPTS):
                names = plan.intent.names
                with self._locked(names):
                    plan = planner.plan()
                    if set(plan.intent.names) <= set(names):
                        return self._outcome(self._carry(plan, reached.following), dry_run=False)
        raise TimedOut(f"links to {shown(name)} keep being written; nothing was moved, try again")

    def recover(self) -> Recovery | None:
        """Finishes or undoes a move that was interrupted. What was written since is not
        overwritten. None when there is no such move, or who moves is alive.

        Raises WriteFailed, TimedOut, Unavailable, FolderUnavailable: then no document can
        be moved before another try.
        """
        if self._journal.stage() is None:
            return None
        with self._journal.held(0.0) as held:
            return self._recover() if held else None

    # Doing it

    def _carry(self, plan: Plan, listener: Listener) -> Plan:
        """The plan as it has come about."""
        intent, journal = plan.intent, self._journal
        carrier = Carrier(self._folder, self._keep, intent, plan.move, listener)
        journal.begin(intent)
        try:
            carrier.create()
            journal.turn("redo")
            if not carrier.finish(lambda: journal.turn("last"), lenient=False):
                raise VersionMismatch(
                    f"{shown(intent.new)} was deleted while {shown(intent.old)} moved there; "
                    "nothing was moved"
                )
        except NameTaken:
            self._end()
            raise
        except BaseException as error:
            self._take_back(intent, carrier, error)
            raise
        self._end()
        return replace(
            plan,
            intent=carrier.done,
            links={**plan.links, **carrier.links},
            remarks=(*plan.remarks, *carrier.remarks),
        )

    def _take_back(self, intent: Intent, carrier: Carrier, error: BaseException) -> None:
        """Undoes what was done. Where it cannot, the journal stays, for `recover`."""
        try:
            if self._journal.stage() == "last" and not carrier.has_old:
                return  # it is done, but a power cut might undo a part of it
            self._journal.turn("undo")
            if not carrier.undo():
                return
        except DocindexError as undoing:
            raise WriteFailed(
                f"{shown(intent.old)} could not be moved ({error}), and what was done of it "
                f"could not be undone yet ({undoing}): that is tried again before the next move"
            ) from error
        self._end()

    def _end(self) -> None:
        """A journal that stays does no harm: nothing is left of it to do."""
        try:
            self._journal.end()
        except WriteFailed as error:
            log.warning("%s", error)

    def _recover(self) -> Recovery | None:
        stage = self._journal.stage()
        intent = self._journal.intent(stage) if stage is not None else None
        if stage is None or intent is None:
            return None
        files = self._folder.scan().files
        if not files:
            raise FolderUnavailable(
                "the documents are not there, and a move that was interrupted waits to be finished"
            )
        move = move_of(self._folder, intent.old, intent.new, files)
        carrier = Carrier(self._folder, self._keep, intent, move)
        with self._locked(intent.names):
            try:
                outcome = self._resume(carrier, stage)
            except (InvalidInput, NotADocument, TooLarge) as error:
                outcome = "given up"
                carrier.remarks.append(Remark(intent.new, f"the move was not finished: {error}"))
            self._journal.end()
        log.warning("an interrupted move, %s to %s, was %s", intent.old, intent.new, outcome)
        recovery = Recovery(
            intent.old,
            intent.new,
            outcome,
            tuple(carrier.remarks),
            carrier.done,
            tuple(carrier.written),
        )
        self._recovered(recovery)
        return recovery

    def _resume(self, carrier: Carrier, stage: Stage) -> Literal["finished", "undone", "given up"]:
        if stage == "undo":
            if carrier.undo():
                return "undone"
            carrier.finish(None, lenient=True)
            return "finished"
        on_last = None if stage == "last" else lambda: self._journal.turn("last")
        if carrier.finish(on_last, lenient=True):
            return "finished"
        self._journal.turn("undo")
        carrier.undo()
        return "undone"

    def _outcome(self, plan: Plan, *, dry_run: bool) -> MoveOutcome:
        intent = plan.intent

        def compared(before: bytes, after: bytes, name: str) -> str:
            return diff(before, after, self._outer(name)) if dry_run else ""

        return MoveOutcome(
            status="would_move" if dry_run else "moved",
            name=intent.old,
            new_name=intent.new,
            before=version_of(intent.before),
            version=version_of(intent.after),
            followed=tuple(
                Followed(
                    step.name,
                    version_of(step.before),
                    version_of(step.after),
                    plan.links[step.name],
                    compared(step.before, step.after, step.name),
                )
                for step in intent.links
            ),
            remarks=plan.remarks,
            diff=compared(intent.before, intent.after, intent.new),
        )


class _Reached:
    """One count of documents for both halves of a move, which may be long."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._looked = 0

    def looking(self, progress: Progress) -> None:
        self._looked = progress.total
        self._listener(progress)

    def following(self, progress: Progress) -> None:
        done, total = self._looked + progress.done, self._looked + progress.total
        self._listener(Progress(done, total, progress.at))
