"""What documents were before docindex wrote to them: nothing is lost by a write.

A line is written before the document is, with both texts. A write that fails is
struck out by another line; of one that was killed it need not be known whether it
was done, because what is restored are texts, and both are kept.

All folders that hold a file have a part in its history: what a server on `docs`
wrote to `docs/guide/a.md` is seen by one on `docs/guide` as the history of `a.md`.
"""

import json
import logging
import secrets
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from docindex.indexer.atomic import is_of
from docindex.indexer.durable import append_line, replace_file, sync_folder
from docindex.indexer.errors import DocindexError, Unavailable, VersionNotFound, WriteFailed
from docindex.indexer.files import version_of
from docindex.indexer.home import make_private, read_json
from docindex.indexer.ledger import Change, Kept, Place, line_of, place_of
from docindex.indexer.models import KeptVersion, Why
from docindex.indexer.names import normalised, shown

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _View:
    """Another folder's history, as far as it is about files of this one."""

    place: Place
    inside: str
    """The way from that folder down to this one, with a final `/`."""
    above: str
    """The way from this folder down to that one, with a final `/`."""

    def changes(self, name: str) -> list[Change]:
        """What became of our document, with our names for it, and "" for the other name of
        one that was moved from or to where we do not reach."""
        if not name.startswith(self.above):
            return []
        theirs = self.place.log(self.inside + name.removeprefix(self.above))
        return [self._ours(change) for change in self.place.changes(theirs)]

    def every(self, since: float) -> Iterator[Change]:
        """Those of all our documents, from logs that were added to since then."""
        for theirs in self.place.logs():
            if theirs.stat().st_mtime + 1 >= since:
                ours = map(self._ours, self.place.changes(theirs))
                yield from (change for change in ours if change.name)

    def _ours(self, change: Change) -> Change:
        return replace(change, name=self._name(change.name), other=self._name(change.other))

    def _name(self, theirs: str) -> str:
        inside = theirs and theirs.startswith(self.inside)
        return self.above + theirs.removeprefix(self.inside) if inside else ""


@dataclass(slots=True)
class Attempt:
    """A write that is being done."""

    change: Change
    stands: bool = False
    """It has failed, and is done all the same."""


class History:
    def __init__(
        self, state: Path, root: Path, may_read: Callable[[str], bool] = lambda name: True
    ) -> None:
        """`root` is the real path of the folder; `may_read` tells of which documents in it
        the history may be told."""
        self._state = state
        self._may_read = may_read
        self._root = root
        self.place = place_of(state, root)

    # Adding

    def record(
        self,
        name: str,
        why: Why,
        before: bytes | None,
        after: bytes | None,
        other: str = "",
        mode: int | None = None,
    ) -> Change:
        """Keeps both texts and what becomes of them, on disk, before it is done.

        Raises WriteFailed, TimedOut: then the document must not be touched.
        """
        try:
            with self.place.locked():
                self.prepare()
                change = Change(
                    id=secrets.token_hex(6),
                    name=name,
                    when=time.time(),
                    why=why,
                    before=self._kept(before),
                    after=self._kept(after),
                    other=other,
                    mode=mode,
                )
                append_line(self.place.log(name), line_of(change))
        except OSError as error:
            raise WriteFailed(
                f"what {shown(name)} was could not be kept ({error.strerror}), so it was left "
                "as it is; free some space or set state_dir"
            ) from error
        return change

    @contextmanager
    def attempt(
        self,
        name: str,
        why: Why,
        before: bytes | None,
        after: bytes | None,
        other: str = "",
        mode: int | None = None,
        *,
        look: Callable[[], bytes | None],
    ) -> Generator[Attempt]:
        """Around a write: records it, and strikes it out when it fails, unless `look` shows
        that the document has become what it was to become: then it failed later. Raises
        as `record` does."""
        change = self.record(name, why, before, after, other, mode)
        attempt = Attempt(change)
        try:
            yield attempt
        except DocindexError:
            try:
                attempt.stands = look() == after
                if not attempt.stands:
                    self.strike(change)
            except (DocindexError, OSError) as error:
                log.info("a write that failed is still in the history (%s)", error)
            raise

    def strike(self, change: Change) -> None:
        """The change was not done after all. Raises OSError, TimedOut."""
        with self.place.locked():
            append_line(self.place.log(change.name), json.dumps({"void": change.id}).encode())

    def rescue(self, folder: str, temporary: str, data: bytes) -> None:
        """Keeps the bytes of a left-over file, found in `folder` (with a final `/`), unless
        they are (the beginning of) a text that is known: a write that was killed may
        have put aside what nobody else has. Raises WriteFailed, TimedOut."""
        for name, changes in self.names().items():
            above, last = name[: len(folder)], name[len(folder) :]
            if above != folder or "/" in last or not is_of(temporary, last):
                continue
            known = (
                self._read(kept)
                for change in changes
                for kept in change.texts
                if kept.size >= len(data)
            )
            if not any(text is not None and text.startswith(data) for text in known):
                self.record(name, "displaced", data, None)

    def prepare(self) -> None:
        """Makes the folders; under the lock. Raises OSError."""
        if self.place.names.is_dir():
            return
        make_private(self.place.names)
        make_private(self.place.path / "objects")
        replace_file(
            self.place.path / "folder.json", json.dumps({"path": str(self._root)}).encode()
        )
        sync_folder(self.place.path.parent)

    def _kept(self, data: bytes | None) -> Kept | None:
        if data is None:
            return None
        return Kept(version_of(data), self.place.objects.keep(data), len(data))

    # Looking

    def changes(self, name: str) -> list[Change]:
        """What became of a document, the oldest first. This, and all below, raises
        Unavailable when the history cannot be read."""
        with _reading():
            own = self.place.changes(self.place.log(name))
            others = [change for view in self._views() for change in view.changes(name)]
        return sorted([*own, *others], key=lambda change: change.when) if others else own

    def lineage(self, name: str) -> list[Change]:
        """The same, with what a document was before it was moved here, from wherever it
        may be read."""
        found = self.changes(name)
        followed = {name}
        ahead = [change for change in found if change.why == "moved" and change.after]
        while ahead:
            move = ahead.pop()
            if move.other and move.other not in followed and self._may_read(move.other):
                followed.add(move.other)
                earlier = [each for each in self.changes(move.other) if each.when <= move.when]
                ahead += [each for each in earlier if each.why == "moved" and each.after]
                found = sorted([*found, *earlier], key=lambda change: change.when)
        return found

    def versions(self, name: str, current: str = "") -> list[KeptVersion]:
        """What can be restored, the latest first, each once, without the current version."""
        found: dict[str, KeptVersion] = {}
        following = current
        for change in reversed(self.lineage(name)):
            if change.after is not None and change.after.version != following:
                _add(found, change.after, change.when, "overwritten")
            if change.before is not None:
                _add(found, change.before, change.when, change.why)
            following = change.before.version if change.before is not None else ""
        found.pop(current, None)
        return list(found.values())

    def moved_to(self, name: str) -> str:
        """The name that a document went to from here, over all moves that may be known;
        "" when it was not moved away."""
        followed = [name]
        while changes := self.changes(followed[-1]):
            last = changes[-1]
            gone = last.why == "moved" and last.after is None and last.other not in followed
            if not (gone and last.other and self._may_read(last.other)):
                break
            followed.append(last.other)
        return followed[-1] if len(followed) > 1 else ""

    def find(self, name: str, version: str) -> Kept | None:
        known = (kept for change in self.lineage(name) for kept in change.texts)
        return next((kept for kept in known if kept.version == version), None)

    def mode(self, name: str) -> int | None:
        """Who might do what with the file when it was written last, if that is known."""
        known = (change.mode for change in reversed(self.lineage(name)))
        return next((mode for mode in known if mode is not None), None)

    def content(self, kept: Kept) -> bytes:
        """Raises VersionNotFound when the text is gone or damaged."""
        data = self._read(kept)
        if data is None:
            raise VersionNotFound(
                f"the text of version {kept.version} is damaged, or was cleaned away meanwhile"
            )
        return data

    def _read(self, kept: Kept) -> bytes | None:
        data = self.place.objects.read(kept.key, kept.size)
        with _reading():
            for view in self._views() if data is None else ():
                data = view.place.objects.read(kept.key, kept.size)
                if data is not None:
                    break
        return data

    def names(self, since: float = 0.0) -> dict[str, list[Change]]:
        """Every document that was written, with its changes, the oldest first: those whose
        last one is not before `since`."""
        found: dict[str, list[Change]] = {}
        with _reading():
            for view in (_View(self.place, "", ""), *self._views()):
                for change in view.every(since):
                    if self._may_read(change.name):
                        found.setdefault(change.name, []).append(change)
        for changes in found.values():
            changes.sort(key=lambda change: change.when)
        return {name: found[name] for name in sorted(found) if found[name][-1].when >= since}

    def _views(self) -> Iterator[_View]:
        """The histories of folders above and below this one."""
        for meta in sorted(self._state.glob("history/*/folder.json")):
            path = meta.parent
            if path == self.place.path:
                continue
            theirs = PurePath(normalised(str((read_json(meta) or {}).get("path", ""))))
            ours = PurePath(normalised(str(self._root)))
            if ours == theirs:
                yield _View(Place(path), "", "")
            elif ours.is_relative_to(theirs):
                yield _View(Place(path), _way(theirs, ours), "")
            elif theirs.is_relative_to(ours):
                yield _View(Place(path), "", _way(ours, theirs))


@contextmanager
def _reading() -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise Unavailable(f"the history cannot be read now ({error.strerror})") from error


def _way(above: PurePath, below: PurePath) -> str:
    return f"{below.relative_to(above).as_posix()}/"


def _add(found: dict[str, KeptVersion], kept: Kept, when: float, why: Why) -> None:
    found.setdefault(kept.version, KeptVersion(kept.version, when, kept.size, why))
