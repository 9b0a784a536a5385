"""The way from the root of a folder to what lies below it, one component at a time."""

import errno
import os
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Self

from docindex.indexer.directories import Directory, is_link, words
from docindex.indexer.errors import FolderUnavailable, NotADocument
from docindex.indexer.ignores import NO_RULES, IgnoreRules, load
from docindex.indexer.models import Stamp
from docindex.indexer.names import has_one_form, normalised, shown
from docindex.indexer.stamps import settled
from docindex.indexer.walk import stamp_of

MOST_OPEN = 64
"""Folders that a visit holds open from one document to the next."""

MOST_WITHOUT_RULES = 10_000
"""Folders of which it is known that they have no ignore file;"""
WITHOUT_RULES_SECONDS = 5.0
"""and for so long, since not every file system tells by a folder's times what came to it."""


@dataclass(frozen=True, slots=True)
class Place:
    """The folder on the way to a name that is the last one to exist."""

    directory: Directory
    path: Sequence[str]
    """The components that lead to it from the root, in NFC."""
    missing: Sequence[str]
    """Those that would have to follow."""
    above: IgnoreRules
    """The ignore rules of the folders above it."""
    rules: IgnoreRules
    """Those that hold in it, its own among them."""


class Visit:
    """Holds the folders open on the way to names below one root.

    A search reads several documents at once, which often lie in the same folders: with
    one visit each folder is entered once. What it knows of ignore rules is as old as it
    is, so it lasts for one answer and no longer. Not for several threads.
    """

    def __init__(self) -> None:
        self._places: dict[tuple[str, ...], Place] = {}
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def place(self, path: tuple[str, ...]) -> Place | None:
        return self._places.get(path)

    def hold(self, directory: Directory) -> Directory:
        """It is closed at the end."""
        return self._open.enter_context(directory)

    def remember(self, path: tuple[str, ...], place: Place) -> Place:
        self._places[path] = place
        return place

    def rest(self) -> None:
        """Between two documents: leaves the folders when there are many."""
        if len(self._places) > MOST_OPEN:
            self._places.clear()
            self._open.close()


class Root:
    """One root, which is the folder that was there when it was first opened."""

    def __init__(self, path: str, honour_ignore_files: bool, directories: type[Directory]) -> None:
        self.path = os.path.realpath(path)
        self._honour_ignore_files = honour_ignore_files
        self._directories = directories
        self._identity: tuple[int, int] | None = None
        self._folds_case: bool | None = None
        self._without_rules: dict[tuple[int, Stamp], float] = {}

    def open(self) -> Directory:
        """Raises FolderUnavailable when the root is not there, or is another one by now."""
        try:
            directory = self._directories.root(self.path)
        except OSError as error:
            raise FolderUnavailable(
                f"the documents folder cannot be opened ({words(error)}): it may have been "
                "moved, deleted or not mounted"
            ) from error
        try:
            identity = directory.identity()
            self._identity = self._identity or identity
            if identity != self._identity:
                raise FolderUnavailable(
                    "another folder has taken the place of the documents folder: start docindex "
                    "again to use that one"
                )
            if self._folds_case is None:
                self._folds_case = _folds_case(directory)
        except OSError as error:
            directory.close()
            raise FolderUnavailable(
                f"the documents folder cannot be read ({words(error)})"
            ) from error
        except BaseException:
            directory.close()
            raise
        return directory

    def descend(self, visit: Visit, name: str, folders: Sequence[str]) -> Place:
        """Goes as far towards `folders` as there are folders; `visit` closes them.

        `name` is for messages. Raises NotADocument when the way leads through a
        link, a file or an ignored folder; OSError; FolderUnavailable.
        """
        place = visit.place(())
        if place is None:
            directory = visit.hold(self.open())
            rules = self._rules(directory, 0, NO_RULES)
            place = visit.remember((), Place(directory, (), (), NO_RULES, rules))
        for depth, component in enumerate(folders):
            path = tuple(folders[: depth + 1])
            known = visit.place(path)
            if known is None:
                if place.rules.ignore(place.path, component, folder=True):
                    raise left_out(name)
                try:
                    directory = visit.hold(self._entered(place.directory, component, name))
                except FileNotFoundError:
                    return replace(place, missing=folders[depth:])
                rules = self._rules(directory, depth + 1, place.rules)
                known = visit.remember(path, Place(directory, path, (), place.rules, rules))
            place = known
        return place

    def entry(self, directory: Directory, component: str) -> tuple[str, os.stat_result]:
        """How the disk spells an entry (in NFC, `component`), and its status. Raises
        FileNotFoundError.

        Exactly so, or in another Unicode form; never in other case, though the
        file system might not mind: ignore rules and the index do.
        """
        _check_one(component)
        if not self._folds_case:
            try:
                return component, directory.status(component)
            except FileNotFoundError:
                if has_one_form(component):
                    raise
        names = [entry.name for entry in directory.entries()]
        if component in names:
            return component, directory.status(component)
        forms = [name for name in names if normalised(name) == component]
        if not forms:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        spelled = min(forms)
        return spelled, directory.status(spelled)

    def _rules(self, directory: Directory, depth: int, above: IgnoreRules) -> IgnoreRules:
        """Those that hold in a folder. One without ignore files is looked through once more
        when something has come to it, or after some seconds."""
        if not self._honour_ignore_files:
            return NO_RULES
        status = directory.own_status()
        stamp = settled(stamp_of(status))
        key, now = (status.st_dev, stamp), time.monotonic()
        if self._without_rules.get(key, 0.0) > now:
            return above
        rules, problems = load(directory, depth, above)
        if rules is above and not problems and stamp.ctime_ns:
            if len(self._without_rules) >= MOST_WITHOUT_RULES:
                self._without_rules.clear()
            self._without_rules[key] = now + WITHOUT_RULES_SECONDS
        return rules

    def _entered(self, directory: Directory, component: str, name: str) -> Directory:
        """A folder below another. Raises FileNotFoundError when there is none."""
        _check_one(component)
        if not self._folds_case:
            try:
                return _enter(directory, component, name, component)
            except FileNotFoundError:
                if has_one_form(component):
                    raise
        spelled, _ = self.entry(directory, component)
        return _enter(directory, spelled, name, component)


def _check_one(component: str) -> None:
    if component in ("", ".", "..") or "/" in component:
        raise ValueError(f"not one component: {component!r}")


def _enter(directory: Directory, spelled: str, name: str, component: str) -> Directory:
    try:
        return directory.enter(spelled)
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.ENOTDIR):
            raise
        link = is_link(directory.status(spelled))
        kind = "a symbolic link, and links are not followed" if link else "not a folder"
        raise NotADocument(
            f"{shown(name)} is not a document: {shown(component)} is {kind}"
        ) from error


def left_out(name: str) -> NotADocument:
    return NotADocument(
        f"{shown(name)} is not a document: an ignore rule of the folder (.gitignore, .ignore "
        "or .docindexignore) leaves it out"
    )


def _folds_case(directory: Directory) -> bool | None:
    """Whether the file system takes `A` for `a`; None when nothing is there to tell by."""
    entries = directory.entries()
    names = {entry.name for entry in entries}
    for name in names:
        other = name.swapcase()
        if other in names or other.swapcase() != name:
            continue
        try:
            directory.status(other)
        except FileNotFoundError:
            return False
        return True
    return None
