"""What a move would change: the document, and every other one with links to it."""

import os
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass

from docindex.indexer.errors import (
    Conflict,
    DocindexError,
    DocumentNotFound,
    InvalidInput,
    TooLarge,
    VersionMismatch,
)
from docindex.indexer.files import Folder, WriteProtected, version_of
from docindex.indexer.journal import Intent, Step
from docindex.indexer.markdown import is_plain_text
from docindex.indexer.models import Listener, Progress, Stamp, unheard
from docindex.indexer.names import shown
from docindex.indexer.relinking import Mentions, Move, Relinked, Remark, relink
from docindex.indexer.targets import Names, without_extension


@dataclass(frozen=True, slots=True)
class Plan:
    intent: Intent
    move: Move
    links: Mapping[str, int]
    """How many links follow in each document of the intent."""
    remarks: tuple[Remark, ...]


@dataclass(frozen=True, slots=True)
class _Seen:
    stamp: Stamp
    before: bytes
    relinked: Relinked


class Planner:
    """Plans one move, and plans it again: what has not changed since is not read again."""

    def __init__(
        self,
        folder: Folder,
        name: str,
        new_name: str,
        *,
        if_version: str,
        may_write: Callable[[str], bool],
        may_read: Callable[[str], bool],
        listener: Listener = unheard,
    ) -> None:
        """`listener` hears of the documents that are looked at."""
        self._folder = folder
        self._name = name
        self._new_name = new_name
        self._if_version = if_version
        self._may_write = may_write
        self._may_read = may_read
        self._listener = listener
        self._names: Collection[str] = ()
        self._seen: dict[str, _Seen] = {}

    def plan(self) -> Plan:
        """Raises what `Mover.move` says."""
        name, new_name = self._name, self._new_name
        data = self._folder.read(name).data
        if self._if_version not in ("", version_of(data)):
            raise VersionMismatch(
                f"{shown(name)} has changed: its version is {version_of(data)}, not "
                f"{shown(self._if_version)}. Nothing was moved; read it again"
            )
        scan = self._folder.scan()
        self._check_new()
        with suppress(VersionMismatch):  # by now it is another text, which is read again
            self._folder.check_write(name, expect=version_of(data))
        files = {other: stamp for other, stamp in scan.files.items() if self._may_read(other)}
        move = move_of(self._folder, name, new_name, files)
        own = relink(data, name, move, lambda _: True)
        remarks = [*own.remarks, *_skipped(self._told(scan.skipped))]
        steps: list[Step] = []
        links: dict[str, int] = {}
        for other, seen in self._search(files, move).items():
            remarks += seen.relinked.remarks
            if seen.relinked.data == seen.before:
                continue
            if not self._may_write(other):
                remarks.append(Remark(other, "it may not be written, so its links stay"))
            elif self._is_protected(other, seen.before):
                remarks.append(Remark(other, "it is write-protected, so its links stay"))
            else:
                steps.append(Step(other, seen.before, seen.relinked.data))
                links[other] = seen.relinked.links
        intent = Intent(name, new_name, data, own.data, tuple(steps))
        return Plan(intent, move, links, tuple(remarks))

    def _told(self, skipped: Mapping[str, str]) -> Mapping[str, str]:
        """What was skipped that who moves may read; of a folder, what is in it too."""
        return {
            name: reason
            for name, reason in skipped.items()
            if self._may_read(name) and self._may_read(f"{name}/x.md")
        }

    def _search(self, files: Mapping[str, Stamp], move: Move) -> Mapping[str, _Seen]:
        """The documents that may have something to do with the move."""
        mentions = [Mentions(move.old)]
        last = without_extension(move.new).rpartition("/")[2]
        if any(page != move.old for page in move.before.pages(last, ())):
            # There is a page of that name already, and maybe wiki links to it.
            mentions.append(Mentions(move.new))

        def wanted(text: str) -> bool:
            return any(each.in_text(text) for each in mentions)

        if self._names != files.keys():
            self._names, self._seen = files.keys(), {}
        found: dict[str, _Seen] = {}
        for place, (name, stamp) in enumerate(files.items()):
            if name == move.old or is_plain_text(name):
                continue
            seen = self._seen.get(name)
            if seen is None or seen.stamp != stamp:
                self._listener(Progress(place, len(files), name))
                try:
                    read = self._folder.read(name)
                except DocumentNotFound:
                    continue
                except DocindexError as error:
                    found[name] = _Seen(stamp, b"", _unread(name, error))
                    continue
                if any(each.in_bytes(read.data) for each in mentions):
                    relinked = relink(read.data, name, move, wanted)
                    seen = _Seen(read.stamp, read.data, relinked)
                else:
                    seen = _Seen(read.stamp, b"", Relinked(b"", 0))
                self._seen[name] = seen
            found[name] = seen
        return found

    def _check_new(self) -> None:
        new = self._new_name
        if new == self._name:
            raise InvalidInput(f"{shown(new)} is its name already")
        try:
            self._folder.check_write(new, expect="")
        except (VersionMismatch, TooLarge):
            raise _taken(new) from None

    def _is_protected(self, name: str, data: bytes) -> bool:
        try:
            self._folder.check_write(name, expect=version_of(data))
        except VersionMismatch:
            return False  # by now it is another text, which is read again
        except WriteProtected:
            return True
        return False


def move_of(folder: Folder, old: str, new: str, files: Collection[str]) -> Move:
    """`files` are the documents that are there, before the move or in the midst of it."""
    # A file or a folder with the name of a document, but for the extension, is what a
    # link to that name leads to.
    bare = {without_extension(name) for name in (old, new)} - {old, new}
    others = {name for name in bare if os.path.lexists(os.path.join(folder.path, name))}
    before = Names({*files, old} - {new}, others)
    return Move(old, new, before, before.after(old, new))


def _skipped(reasons: Mapping[str, str]) -> list[Remark]:
    """Of what a scan leaves out, that which may be a document with links."""
    return [
        Remark(name, f"its links were not looked at: {reason}")
        for name, reason in reasons.items()
        if reason.startswith("cannot be read")
    ]


def _unread(name: str, error: DocindexError) -> Relinked:
    return Relinked(b"", 0, (Remark(name, f"its links were not looked at: {error}"),))


def _taken(name: str) -> Conflict:
    return Conflict(
        f"there is a document {shown(name)} already; nothing was moved. Choose another name, "
        "or move or delete that one first"
    )
