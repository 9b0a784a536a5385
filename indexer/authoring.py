"""Writes as a caller asks for them: in the right folder, permitted, and searchable when they
return."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from docindex.indexer.cleaning import cleaned_until
from docindex.indexer.errors import InvalidInput
from docindex.indexer.history import History
from docindex.indexer.indexing import index_names
from docindex.indexer.ledger import place_of
from docindex.indexer.models import (
    Author,
    Edit,
    Listener,
    Options,
    Past,
    Skipped,
    Undoing,
    UndoPlan,
    WriteOutcome,
    Written,
)
from docindex.indexer.moves import move
from docindex.indexer.moving import MoveOutcome
from docindex.indexer.names import shown
from docindex.indexer.shelf import Shelf
from docindex.indexer.shelves import Shelves
from docindex.indexer.undoing import steps
from docindex.indexer.writing import Writer


class Authoring:
    """For one caller. Its methods do, and raise, what those of `Library` say that have
    the same names."""

    def __init__(
        self, state: Path, options: Options, shelves: Shelves, writer: Writer, attended: bool
    ) -> None:
        """`attended`: somebody indexes, and is told what to look at. Else it is done here."""
        self._state = state
        self._options = options
        self._shelves = shelves
        self._writer = writer.for_reader(shelves.may_read)
        self._attended = attended

    def update(self, edit: Edit, author: Author) -> WriteOutcome:
        shelf, name = self._shelves.find_to_write(edit.name)
        return self._indexed(shelf, name, self._writer.update(shelf, name, edit, author))

    def delete(self, name: str, if_version: str, dry_run: bool, author: Author) -> WriteOutcome:
        shelf, inner = self._shelves.find(name)
        self._shelves.find_to_write(name)
        outcome = self._writer.delete(shelf, inner, if_version, dry_run, author)
        return self._indexed(shelf, inner, outcome)

    def restore(
        self, name: str, version: str, dry_run: bool, author: Author, planned: str | None = None
    ) -> WriteOutcome:
        """See `Writer.restore` for `planned`."""
        shelf, inner = self._find_kept(name)
        self._shelves.find_to_write(name)
        outcome = self._writer.restore(shelf, inner, version, dry_run, author, planned)
        return self._indexed(shelf, inner, outcome)

    def move(
        self,
        name: str,
        new_name: str,
        if_version: str,
        dry_run: bool,
        author: Author,
        listener: Listener,
    ) -> MoveOutcome:
        shelf, inner = self._shelves.find(name)
        self._shelves.find_to_write(name)
        target, new_inner = self._shelves.find_to_write(new_name)
        if target is not shelf:
            raise InvalidInput(
                f"{shown(new_name)} is in another folder; a document is moved within its own. "
                "Write it there, then delete it here"
            )
        names = (inner, new_inner)
        moved = move(
            self._state,
            self._options,
            shelf,
            names,
            if_version,
            dry_run,
            author,
            listener,
            self._shelves.reach,
        )
        if dry_run:
            return moved
        changed = (*names, *(self._shelves.find(each.name)[1] for each in moved.followed))
        return replace(moved, searchable=self._index(shelf, changed))

    def past(self, name: str) -> Past:
        shelf, inner = self._find_kept(name)
        return self._writer.past(shelf, inner)

    def written(self) -> Sequence[Written]:
        found = [
            Written(shelf.outer(name), changes[-1].when, changes[-1].why, len(changes))
            for shelf in self._shelves
            for name, changes in History(self._state, shelf.root).names().items()
            if self._shelves.may_read(shelf.outer(name))
        ]
        return sorted(found, key=lambda each: each.when, reverse=True)

    def plan_undoing(self, since: float) -> UndoPlan:
        found = [
            step
            for shelf in self._shelves
            for step in steps(self._state, shelf, since)
            if self._shelves.may_write(step.name)
        ]
        return UndoPlan(
            since,
            tuple(step for step in found if isinstance(step, Undoing)),
            tuple(step for step in found if isinstance(step, Skipped)),
            max(cleaned_until(place_of(self._state, shelf.root)) for shelf in self._shelves),
        )

    def undo(self, step: Undoing, author: Author) -> WriteOutcome:
        if not step.target:
            return self.delete(step.name, step.current, False, author)
        return self.restore(step.name, step.target, False, author, planned=step.current)

    def _find_kept(self, name: str) -> tuple[Shelf, str]:
        """As `Shelves.find` does, for the history, which knows of documents that are not
        there any more. Raises VersionNotFound."""
        shelf, inner = self._shelves.locate(name)
        if not self._shelves.may_read(shelf.outer(inner)):
            raise self._writer.nothing_kept(shelf, inner)
        return shelf, inner

    def _indexed(self, shelf: Shelf, name: str, outcome: WriteOutcome) -> WriteOutcome:
        if outcome.searchable or outcome.status.startswith("would_"):
            return outcome
        return replace(outcome, searchable=self._index(shelf, (name,)))

    def _index(self, shelf: Shelf, names: tuple[str, ...]) -> bool:
        return index_names(shelf, names, self._options, self._attended)
