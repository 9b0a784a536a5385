"""Moves as the library asks for them: permitted, locked, kept in the history, logged."""

from collections.abc import Collection, Generator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from docindex.indexer import audit
from docindex.indexer.carrying import Keep, Strike, Written
from docindex.indexer.doclocks import locked
from docindex.indexer.errors import DocumentNotFound, NotWritable
from docindex.indexer.files import Folder, version_of
from docindex.indexer.history import History
from docindex.indexer.journal import Step
from docindex.indexer.models import (
    Author,
    Listener,
    Options,
    Progress,
    WriteOutcome,
    WriteStatus,
    unheard,
)
from docindex.indexer.moving import MoveOutcome, Mover, Recovery
from docindex.indexer.permissions import Permissions
from docindex.indexer.rules import Reach
from docindex.indexer.shelf import Shelf


def move(
    state: Path,
    options: Options,
    shelf: Shelf,
    names: tuple[str, str],
    if_version: str,
    dry_run: bool,
    author: Author,
    listener: Listener = unheard,
    reach: Reach | None = None,
) -> MoveOutcome:
    """`names` are the old and the new one below the folder; the outcome has those that the
    library uses. Documents that the caller may not read are as if they were not there, and
    links in those that he may not write stay. Raises what `Library.move` says."""
    permissions = Permissions(options)
    for name in names:
        permissions.check(shelf.outer(name))

    def note(progress: Progress) -> None:
        listener(replace(progress, at=shelf.outer(progress.at)))

    mover = _mover(state, options, shelf, reach)
    moved = mover.move(*names, if_version=if_version, dry_run=dry_run, listener=note)
    outcome = _named(moved, shelf)
    if options.audit and not dry_run:
        _note(state, shelf, outcome, replace(author, tool=author.tool or "move_document"))
    return outcome


def recover(state: Path, options: Options, shelf: Shelf) -> Recovery | None:
    """Finishes or undoes a move that was interrupted. Raises as `Mover.recover`."""
    return _mover(state, options, shelf).recover()


def keep_in(history: History, folder: Folder) -> Keep:
    @contextmanager
    def keep(
        name: str, before: bytes | None, after: bytes | None, other: str = ""
    ) -> Generator[Strike]:
        def look() -> bytes | None:
            try:
                return folder.read(name).data
            except DocumentNotFound:
                return None

        mode = None
        with suppress(DocumentNotFound):
            mode = folder.attributes(name).mode
        with history.attempt(name, "moved", before, after, other, mode=mode, look=look) as attempt:
            yield partial(history.strike, attempt.change)

    return keep


def _mover(state: Path, options: Options, shelf: Shelf, reach: Reach | None = None) -> Mover:
    permissions = Permissions(options)
    history = History(state, shelf.root)

    def hold(names: Collection[str]) -> AbstractContextManager[None]:
        return locked(state, [(shelf.folder, name) for name in names])

    def may_write(name: str) -> bool:
        try:
            permissions.check(shelf.outer(name))
        except NotWritable:
            return False
        return reach is None or reach.may_write(shelf.outer(name))

    def may_read(name: str) -> bool:
        return reach is None or reach.may_read(shelf.outer(name))

    return Mover(
        shelf.folder,
        state,
        locked=hold,
        keep=keep_in(history, shelf.folder),
        may_write=may_write,
        may_read=may_read,
        outer=shelf.outer,
        recovered=partial(_note_recovery, state, shelf) if options.audit else lambda _: None,
    )


def _named(moved: MoveOutcome, shelf: Shelf) -> MoveOutcome:
    return replace(
        moved,
        name=shelf.outer(moved.name),
        new_name=shelf.outer(moved.new_name),
        followed=tuple(replace(each, name=shelf.outer(each.name)) for each in moved.followed),
        remarks=tuple(replace(each, name=shelf.outer(each.name)) for each in moved.remarks),
    )


def _note(state: Path, shelf: Shelf, moved: MoveOutcome, author: Author) -> None:
    line = WriteOutcome("moved", moved.name, moved.version, False, before=moved.before)
    audit.note(state, shelf.root, line, author, moved.new_name)
    for each in moved.followed:
        line = WriteOutcome("updated", each.name, each.version, False, before=each.before)
        audit.note(state, shelf.root, line, author)


def _note_recovery(state: Path, shelf: Shelf, recovery: Recovery) -> None:
    """Of a move that is finished, all of it: who began it has not lived to note a part. Of
    another one, what was written to undo it."""

    def note(status: WriteStatus, step: Written | Step, new_name: str = "") -> None:
        before, after = (
            "" if text is None else version_of(text) for text in (step.before, step.after)
        )
        line = WriteOutcome(status, shelf.outer(step.name), after, False, before=before)
        audit.note(state, shelf.root, line, Author("recovery"), new_name)

    done = recovery.done
    if recovery.outcome == "finished":
        note("moved", Step(done.old, done.before, done.after), shelf.outer(done.new))
        for step in done.links:
            note("updated", step)
        return
    for write in recovery.written:
        note("deleted" if write.after is None else "updated", write)
