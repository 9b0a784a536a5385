"""Looks for what keeps docindex from working, and for indexes that nobody uses.

level   meaning
ok      as it should be
warn    it works, but something is left out or could be better
fail    it does not work before this is mended
"""

import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from docindex.indexer.errors import DocindexError, Unavailable
from docindex.indexer.filesystems import is_remote, kind_of
from docindex.indexer.home import LAYOUT, Home, home_of, read_json
from docindex.indexer.library import Library
from docindex.indexer.locks import held, hold, leased
from docindex.indexer.models import FolderSpec, FolderStatus, Options
from docindex.indexer.snapshot import Snapshots

Level = Literal["ok", "warn", "fail"]

_KEY = re.compile(r"[0-9a-f]{24}")
_LAYOUT = re.compile(r"[0-9]+-[0-9A-Za-z]+")


@dataclass(frozen=True, slots=True)
class Finding:
    level: Level
    subject: str
    detail: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class UnusedCache:
    path: Path
    folder: str
    """The documents that it is an index of, or was."""
    size: int
    """Bytes."""
    why: str


def examine(
    folders: Sequence[FolderSpec], cache: Path, state: Path, options: Options
) -> Sequence[Finding]:
    """Everything that is worth knowing, problems and what is in order alike.

    Opens the index, but starts no indexer and writes nothing among the documents.
    """
    findings = [
        _examine_place("cache folder", "cache_dir", cache),
        _examine_place("state folder", "state_dir", state),
        *(_examine_folder(Path(folder.path)) for folder in folders),
    ]
    if all(finding.level != "fail" for finding in findings):
        findings.extend(_examine_library(folders, cache, state, options))
    return findings


def _examine_folder(folder: Path) -> Finding:
    subject = f"documents {folder}"
    try:
        with os.scandir(folder) as entries:
            empty = next(entries, None) is None
    except NotADirectoryError:
        return Finding("fail", subject, "is not a folder", "name the folder that it is in")
    except OSError as error:
        advice = "check its name, whether it is mounted, and whether you may read it"
        return Finding("fail", subject, f"cannot be read: {error.strerror}", advice)
    if empty:
        return Finding("warn", subject, "is empty", "check whether it is the right one")
    return Finding("ok", subject, "can be read")


def _examine_place(subject: str, setting: str, path: Path) -> Finding:
    """A place that docindex writes to: ours, private, local, and there is room in it."""
    subject = f"{subject} {path}"
    advice = f"set {setting} to a folder of your own on a local disk"
    nearest = next(place for place in (path, *path.parents) if place.exists())
    kind = kind_of(nearest)
    if is_remote(kind):
        return Finding("fail", subject, f"is on a remote file system ({kind})", advice)
    try:
        with tempfile.TemporaryFile(dir=nearest) as probe:
            probe.write(b"docindex")
            probe.flush()
    except OSError as error:
        return Finding("fail", subject, f"cannot be written to: {error.strerror}", advice)
    if nearest != path:
        return Finding("ok", subject, "will be made when it is needed")
    found = path.stat()
    if os.name != "nt" and found.st_uid != os.geteuid():
        return Finding("fail", subject, "belongs to another user", advice)
    if os.name != "nt" and stat.S_IMODE(found.st_mode) & 0o022:
        return Finding(
            "fail",
            subject,
            "can be written to by others, who could run code as you through it",
            f"chmod 700 {path}",
        )
    return Finding("ok", subject, "local, private and writable" if kind else "private and writable")


def _examine_library(
    folders: Sequence[FolderSpec], cache: Path, state: Path, options: Options
) -> Iterator[Finding]:
    try:
        library = Library(folders, cache=cache, state=state, options=options)
        try:
            found = library.status()
        finally:
            library.close()
    except DocindexError as error:
        yield Finding("fail", "index", str(error))
        return
    for folder, status in zip(folders, found.folders, strict=True):
        home = home_of(cache, Path(folder.path))
        yield _examine_index(folder, home, status)
        yield _examine_indexer(folder, home, status)
        for item in status.skipped:
            yield Finding("warn", f"skipped {item.name}", item.reason)
        for item in status.remarks:
            yield Finding("warn", f"document {item.name}", item.reason)


def _examine_index(folder: FolderSpec, home: Home, status: FolderStatus) -> Finding:
    subject = f"index of {folder.path}"
    rebuild = "`docindex reindex` builds it anew"
    try:
        documents = sum(1 for _ in Snapshots(home.index).newest().heads())
    except Unavailable as error:
        return Finding("fail", subject, str(error), rebuild)
    if status.index.state == "degraded":
        return Finding("fail", subject, status.index.reason, rebuild)
    if status.generation < 0:
        return Finding("warn", subject, "is not there yet", "`docindex reindex` builds it")
    return Finding("ok", subject, f"opens, {documents:,} files, {status.index.state}")


def _examine_indexer(folder: FolderSpec, home: Home, status: FolderStatus) -> Finding:
    detail = {"running": "is running", "none": "is not running"}
    said = f"; its log is {home.log}" if home.log.exists() else ""
    return Finding("ok", f"indexer of {folder.path}", detail[status.indexer] + said)


def unused_caches(cache: Path) -> Sequence[UnusedCache]:
    """Indexes of folders that are gone, and of other versions of docindex, which
    no process holds. Anything that is not an index is left out."""
    found: list[UnusedCache] = []
    for home in _homes(cache):
        folder, why = _why_unused(home)
        if why and not held(home.lock) and not leased(home.leases):
            size = sum(path.lstat().st_size for path in home.path.rglob("*"))
            found.append(UnusedCache(home.path, folder, size, why))
    return found


def remove_cache(unused: UnusedCache) -> bool:
    """False when somebody has come to use it, or it is not there any more."""
    home = Home(unused.path)
    if not _is_home(home):
        return False
    lock = hold(home.lock)
    if lock is None:
        return False
    try:
        if leased(home.leases) or not _why_unused(home)[1]:
            return False
        for path in home.path.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path != home.lock:
                path.unlink()
    finally:
        lock.release()
    shutil.rmtree(home.path, ignore_errors=True)
    if not any(home.path.parent.iterdir()):
        home.path.parent.rmdir()
    return True


def _homes(cache: Path) -> Iterator[Home]:
    for path in sorted(cache.glob("*/*")):
        if _is_home(Home(path)):
            yield Home(path)


def _is_home(home: Home) -> bool:
    """By its names and its meta file, so that a `cache_dir` which also holds
    other things loses none of them."""
    return (
        _KEY.fullmatch(home.path.parent.name) is not None
        and _LAYOUT.fullmatch(home.path.name) is not None
        and not home.path.parent.is_symlink()
        and not home.path.is_symlink()
        and home.meta.is_file()
    )


def _why_unused(home: Home) -> tuple[str, str]:
    """The documents' folder, and why nobody needs an index of it ("" when somebody may)."""
    meta = read_json(home.meta) or {}
    folder = str(meta.get("path", ""))
    try:
        found = os.stat(folder)
    except (OSError, ValueError):
        return folder, "its folder is gone"
    if (found.st_dev, found.st_ino) != (meta.get("device"), meta.get("inode")):
        return folder, "another folder has taken the place of its own"
    if home.path.name != LAYOUT:
        return folder, "it belongs to another version of docindex"
    return folder, ""
