"""Where the index of a folder lives, and the files that processes meet in.

    <cache>/<key>/<layout>/
        meta.json      which folder this is
        lock           held for life by the process that indexes
        holder.json    which process that is
        status.json    how far it is
        leases/        a file for each server, held for its life
        requests/      what servers want, a file each
        replies/       what came of it
        indexer.log    what an indexer started by a server says
        index/         Whoosh's files

Whoosh's files are pickles, so whoever can write here can run code as the user:
all of it is private to the user, and a folder of anybody else is not touched.
"""

import errno
import hashlib
import json
import os
import secrets
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from docindex.indexer.analysis import FINGERPRINT
from docindex.indexer.errors import FolderUnavailable, IndexUnavailable

PRIVATE = 0o700

SCHEMA_VERSION = 3
"""Changes whenever an index written before could not be read any more, or lacks something."""

LAYOUT = f"{SCHEMA_VERSION}-{FINGERPRINT}"
"""Names the folder of an index: another schema or another analysis has its own,
beside this one, and versions of docindex that differ leave each other alone."""


@dataclass(frozen=True, slots=True)
class Home:
    path: Path

    @property
    def lock(self) -> Path:
        return self.path / "lock"

    @property
    def holder(self) -> Path:
        return self.path / "holder.json"

    @property
    def status(self) -> Path:
        return self.path / "status.json"

    @property
    def leases(self) -> Path:
        return self.path / "leases"

    @property
    def requests(self) -> Path:
        return self.path / "requests"

    @property
    def replies(self) -> Path:
        return self.path / "replies"

    @property
    def log(self) -> Path:
        return self.path / "indexer.log"

    @property
    def index(self) -> Path:
        return self.path / "index"

    @property
    def meta(self) -> Path:
        return self.path / "meta.json"


def home_of(cache: Path, folder: Path) -> Home:
    """The home of a folder's index, made when it is not there.

    Its key holds the folder's identity beside its real path, so that another
    folder which comes to stand at the same path gets an index of its own.

    Raises FolderUnavailable when there is no such folder, IndexUnavailable when
    the home cannot be made, or is not the user's own.
    """
    try:
        real = folder.resolve()
        found = os.stat(real)
    except OSError as error:
        raise FolderUnavailable("the documents folder is not there") from error
    identity = f"{real}\0{found.st_dev}\0{found.st_ino}"
    key = hashlib.blake2b(os.fsencode(identity), digest_size=12).hexdigest()
    home = Home(cache / key / LAYOUT)
    try:
        places = (cache, cache / key, home.path, home.leases, home.requests, home.replies)
        for place in places:
            make_private(place)
        # What others could write to may hold anything by now: nothing of it is opened.
        open_to_others = [path for path in (*places, home.index) if _was_open_to_others(path)]
        if open_to_others:
            shutil.rmtree(home.index, ignore_errors=True)
        if not home.meta.exists():
            meta = {
                "path": str(real),
                "device": found.st_dev,
                "inode": found.st_ino,
                "version": LAYOUT,
            }
            write_json(home.meta, meta)
        if not os.access(home.path, os.W_OK):
            raise PermissionError(errno.EACCES, "it cannot be written to")
    except OSError as error:
        raise IndexUnavailable(
            f"the cache folder cannot be used ({error.strerror or error}); "
            "set cache_dir to a folder that you can write to"
        ) from error
    return home


def make_private(path: Path) -> None:
    """Makes a folder, and those above it that are not there, for the user alone."""
    if not path.is_dir():
        make_private(path.parent)
        path.mkdir(mode=PRIVATE, exist_ok=True)


def _was_open_to_others(path: Path) -> bool:
    """Whether others could write to a folder, which they cannot from now on."""
    if os.name == "nt" or not path.exists():
        return False  # Windows has access lists; the user's own profile is private already
    found = path.stat()
    if found.st_uid != os.geteuid():
        raise IndexUnavailable(
            "the cache folder belongs to another user; set cache_dir to a folder of your own"
        )
    if not stat.S_IMODE(found.st_mode) & 0o022:
        return False
    path.chmod(PRIVATE)
    return True


def write_json(path: Path, value: object) -> None:
    """Replaces a small file at once; a reader sees the old or the new one."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        temporary.write_text(json.dumps(value, ensure_ascii=True), encoding="utf-8")
        os.replace(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def read_json(path: Path) -> dict[str, object] | None:
    """None when there is no such file, or it does not hold what it should."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return cast("dict[str, object]", value) if isinstance(value, dict) else None
