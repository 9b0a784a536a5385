"""Taking back everything that was written through docindex since some time."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from docindex.indexer.errors import DocindexError, DocumentNotFound
from docindex.indexer.files import version_of
from docindex.indexer.history import History
from docindex.indexer.ledger import Change, Kept
from docindex.indexer.models import Skipped, Undoing
from docindex.indexer.shelf import Shelf


def steps(state: Path, shelf: Shelf, since: float) -> Sequence[Undoing | Skipped]:
    """For each document that was written since then and is not what it was before: what
    would put it back, or why that cannot be. Names are those that the library uses.

    What is to be deleted comes first: its name, but for its capitals, may be that of
    another that is to come back."""
    return sorted(_steps(state, shelf, since), key=_comes_back)


def _comes_back(step: Undoing | Skipped) -> bool:
    return isinstance(step, Undoing) and step.target != ""


def _steps(state: Path, shelf: Shelf, since: float) -> Iterator[Undoing | Skipped]:
    history = History(state, shelf.root)
    for name, changes in history.names(since).items():
        written = [change for change in changes if change.why != "displaced"]
        first = next((change for change in written if change.when >= since), None)
        if first is None or _nothing_is_left(first, written[-1]):
            continue
        try:
            current = version_of(shelf.folder.read(name).data)
        except DocumentNotFound:
            current = ""
        except DocindexError as error:
            yield Skipped(shelf.outer(name), str(error))
            continue
        target = _version(first.before)
        if current != target:
            yield Undoing(shelf.outer(name), current, target, _edited(written[-1], current))


def _nothing_is_left(first: Change, last: Change) -> bool:
    """Whether our writes have come back to where they began, so that whatever else the
    document is, it was made by another program."""
    return _version(first.before) == _version(last.after)


def _edited(last: Change, current: str) -> bool:
    return current != _version(last.after)


def _version(kept: Kept | None) -> str:
    return kept.version if kept else ""
