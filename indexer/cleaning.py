"""Keeping the history within its limits, and moving it along with a folder."""

import json
import shutil
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

from docindex.indexer.durable import replace_file
from docindex.indexer.errors import InvalidInput, WriteFailed
from docindex.indexer.history import History
from docindex.indexer.home import read_json
from docindex.indexer.ledger import Change, Place, line_of, place_of
from docindex.indexer.models import Options

CLEAN_SECONDS = 3600.0
DAY_SECONDS = 86_400.0
_SHARE = 0.9
"""Of the limit, what is left after cleaning, so that it need not be done at each write."""


def clean_if_due(place: Place, options: Options, added: int) -> bool:
    """Cleans when that was last done an hour ago, or `added` bytes have come that may
    matter; whether it did. Raises OSError, TimedOut."""
    last = _number(read_json(_marker(place)) or {}, "at")
    limit = options.history_bytes
    if time.time() - last < CLEAN_SECONDS and not (limit and added > limit * (1 - _SHARE) / 2):
        return False
    clean(place, options, time.time())
    return True


def clean(place: Place, options: Options, now: float) -> None:
    """Drops what is older than the limit of age, then the oldest of what is beyond the
    limit of size; never the last version of a deleted document before its age.

    Raises OSError, TimedOut.
    """
    until = cleaned_until(place)
    # To look takes long where much is kept, and seldom is there anything to do.
    if _Look(place, options, now).superfluous:
        with place.locked():
            look = _Look(place, options, now)
            for log, changes in look.logs.items():
                left = [change for change in changes if change.id in look.kept]
                if not left:
                    log.unlink()
                elif len(left) < len(changes):
                    replace_file(log, b"".join(line_of(change) + b"\n" for change in left))
            for key in look.unused:
                place.objects.drop(key)
        until = max([until, *(change.when for change in look.dropped)])
    replace_file(_marker(place), json.dumps({"at": now, "until": until}).encode())


class _Look:
    """What is there, and what of it is to go."""

    def __init__(self, place: Place, options: Options, now: float) -> None:
        self.logs = {log: place.changes(log) for log in place.logs()}
        sizes = dict(place.objects.sizes())
        self.kept = _within(self.logs.values(), sizes, options, now)
        every = [change for changes in self.logs.values() for change in changes]
        self.dropped = [change for change in every if change.id not in self.kept]
        used = _keys(change for change in every if change.id in self.kept)
        self.unused = sizes.keys() - set(used)
        self.empty = any(not changes for changes in self.logs.values())

    @property
    def superfluous(self) -> bool:
        return bool(self.dropped or self.unused or self.empty)


def cleaned_until(place: Place) -> float:
    """From here on the history is whole; before, something may have been cleaned away."""
    return _number(read_json(_marker(place)) or {}, "until")


def adopt(state: Path, old: Path, new: Path) -> int:
    """Gives the history of one folder to another, which was `old` once, and returns of
    how many documents. With it go the histories of folders below, that had servers of
    their own. Doing it twice, or after it was cut short, is harmless.

    Raises InvalidInput (there is no history of `old`, or it is the same folder),
    WriteFailed, TimedOut.
    """
    if place_of(state, old).path == place_of(state, new).path:
        raise InvalidInput("both are the same folder; name the one it was, and the one it is")
    folders = [*_below(state, old, new), old]
    # The one that was named is the last, so that it is there for another try.
    kept = [folder for folder in folders if place_of(state, folder).names.is_dir()]
    if not kept:
        raise InvalidInput(f"there is no history of {old}; name the folder as it was before")
    documents = set[Path]()
    for folder in kept:
        documents |= _adopt(state, folder, new / folder.relative_to(old))
    return len(documents)


def _below(state: Path, old: Path, new: Path) -> list[Path]:
    metas = [read_json(path) or {} for path in sorted(state.glob("history/*/folder.json"))]
    paths = [Path(str(meta["path"])) for meta in metas if "path" in meta]
    return [path for path in paths if old in path.parents and not path.is_relative_to(new)]


def _adopt(state: Path, old: Path, new: Path) -> set[Path]:
    """The documents that it is the history of."""
    documents = set[Path]()
    source, target = place_of(state, old), place_of(state, new)
    try:
        with ExitStack() as stack:
            for place in sorted((source, target), key=lambda place: place.path):
                stack.enter_context(place.locked())
            History(state, new).prepare()
            for log in source.logs():
                _merge(source, target, log)
                documents |= {new / change.name for change in source.changes(log)}
            shutil.rmtree(source.path / "objects")
            shutil.rmtree(source.names)
            (source.path / "folder.json").unlink(missing_ok=True)
    except OSError as error:
        raise WriteFailed(
            f"the history could not be moved ({error.strerror}); what was not moved is where "
            "it was, so try again"
        ) from error
    return documents


def _merge(source: Place, target: Place, log: Path) -> None:
    for change in (changes := source.changes(log)):
        for kept in change.texts:
            data = source.objects.read(kept.key, kept.size)
            if data is not None:
                target.objects.keep(data)
    into = target.names / log.name
    merged = {change.id: change for change in [*changes, *target.changes(into)]}
    ordered = sorted(merged.values(), key=lambda change: change.when)
    replace_file(into, b"".join(line_of(change) + b"\n" for change in ordered))


def _within(
    logs: Iterable[Sequence[Change]], sizes: dict[str, int], options: Options, now: float
) -> set[str]:
    """The changes that may stay, by their ids."""
    logs = list(logs)
    oldest = now - options.history_days * DAY_SECONDS if options.history_days else 0.0
    young = [change for changes in logs for change in changes if change.when >= oldest]
    kept = {change.id for change in young}
    uses = Counter(key for change in young for key in _keys([change]))
    total = sum(sizes.get(key, 0) for key in uses)
    if not options.history_bytes or total <= options.history_bytes:
        return kept
    deletions = {changes[-1].id for changes in logs if changes and changes[-1].after is None}
    for change in sorted(young, key=lambda change: change.when):
        if total <= options.history_bytes * _SHARE:
            break
        if change.id in deletions:
            continue
        kept.discard(change.id)
        for key in _keys([change]):
            uses[key] -= 1
            if not uses[key]:
                total -= sizes.get(key, 0)
    return kept


def _keys(changes: Iterable[Change]) -> list[str]:
    return [kept.key for change in changes for kept in change.texts]


def _marker(place: Place) -> Path:
    return place.path / "cleaned.json"


def _number(value: dict[str, object], key: str) -> float:
    found = value.get(key)
    return float(found) if isinstance(found, int | float) else 0.0
