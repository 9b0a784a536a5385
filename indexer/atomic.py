"""Writing a file so that at every moment the old or the new one is there, whole.

The text goes to a temporary file beside its target, to the disk, and only then
takes the name; last, the folder goes to the disk.
"""

import errno
import hashlib
import os
import re
import secrets
import stat
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

from docindex.indexer.directories import Directory, words
from docindex.indexer.durable import write_all
from docindex.indexer.errors import WriteFailed
from docindex.indexer.models import Stamp
from docindex.indexer.names import normalised
from docindex.indexer.walk import stamp_of

LEFTOVER_SECONDS = 3600
"""A temporary file this old is nobody's any more."""

_TEMPORARY = re.compile(r"\.docindex-[0-9a-f]{16}\.tmp")
_NO_HARD_LINKS = frozenset(
    (errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK, errno.EXDEV)
)


@dataclass(frozen=True, slots=True)
class Attributes:
    """Who may do what with a file."""

    mode: int
    user: int = -1
    group: int = -1
    """-1 is whoever writes."""

    @classmethod
    def of(cls, status: os.stat_result) -> "Attributes":
        return cls(status.st_mode & 0o777, status.st_uid, status.st_gid)


def put(
    directory: Directory,
    entry: str,
    data: bytes,
    check: Callable[[], bool],
    displaced: Callable[[str], None],
    like: Attributes | None = None,
) -> Stamp:
    """Makes `entry` hold `data`.

    `check` is called at the last moment; it raises when the file must not be
    replaced, and tells whether there is one. A file that appears after that is
    not overwritten (where the file system has hard links). One that is changed
    after that is exchanged for the new one, in one step, and `displaced` is called
    with the name that it has then, to look at it: what it raises undoes the
    exchange. Where files cannot be exchanged, such a change is lost: the moment is
    that of two system calls.

    The new file has the mode of the old one and, where this process may give
    them away, its owner and group; where there is no old one, those of `like`. At no
    moment is it open to more people. Raises OSError when nothing has changed,
    WriteFailed when the file is replaced but may not survive a power cut.
    """
    with suppress(FileNotFoundError):
        like = Attributes.of(directory.status(entry))
    temporary = temporary_for(entry)
    descriptor = directory.create(temporary, 0o666 if like is None else 0o600)
    written = os.fstat(descriptor)
    try:
        try:
            write_all(descriptor, data)
            if like is not None:
                _liken(descriptor, like)
            os.fsync(descriptor)
            written = os.fstat(descriptor)
        finally:
            os.close(descriptor)
        if check():
            _replace(directory, temporary, entry, displaced)
        else:
            _add(directory, temporary, entry, check)
    except BaseException:
        # After an exchange that could not be undone, the name stands for another's text.
        with suppress(OSError):
            if directory.status(temporary).st_ino == written.st_ino:
                directory.unlink(temporary)
        raise
    _settle(directory, "the new text is in place")
    return _stamp(directory, entry, written)


def remove(directory: Directory, entry: str, displaced: Callable[[str], None]) -> None:
    """Takes the file away, to look at it before it is gone: `displaced` is called as in
    `put`, and what it raises puts the file back. Raises as `put` does."""
    temporary = temporary_for(entry)
    directory.rename(entry, temporary)
    try:
        displaced(temporary)
    except BaseException:
        _put_back(directory, temporary, entry)
        raise
    _discard(directory, temporary)
    _settle(directory, "the document is deleted")


def temporary_for(entry: str) -> str:
    """A new name for what is not, or no longer, called `entry`, from which `is_of` can tell
    that it belongs to it."""
    return f".docindex-{_mark(entry)}{secrets.token_hex(4)}.tmp"


def is_of(temporary: str, entry: str) -> bool:
    """Whether a temporary file may belong to an entry of the same folder."""
    return temporary.startswith(f".docindex-{_mark(entry)}")


def _mark(entry: str) -> str:
    return hashlib.blake2b(normalised(entry).encode("utf-8", "replace"), digest_size=4).hexdigest()


@contextmanager
def folders(directory: Directory, missing: Sequence[str]) -> Generator[Directory]:
    """Makes folders below `directory`, each in the one before, and gives the last.

    When what is done with it fails, those that were made are removed again.
    """
    made: list[tuple[Directory, str]] = []
    with ExitStack() as stack:
        try:
            for component in missing:
                with suppress(FileExistsError):
                    directory.make(component)
                    made.append((directory, component))
                    directory.sync()
                directory = stack.enter_context(directory.enter(component))
            yield directory
        except BaseException:
            for parent, component in reversed(made):
                with suppress(OSError):
                    parent.drop(component)
            raise


def is_leftover(directory: Directory, entry: os.DirEntry[str]) -> bool:
    """Whether it is a temporary file of a write that ended long ago without its end."""
    if not _TEMPORARY.fullmatch(entry.name):
        return False
    status = directory.status_of(entry)
    return stat.S_ISREG(status.st_mode) and time.time() - status.st_mtime > LEFTOVER_SECONDS


def _liken(descriptor: int, like: Attributes) -> None:
    if hasattr(os, "fchown"):
        for user, group in ((-1, like.group), (like.user, -1)):
            with suppress(PermissionError):
                os.fchown(descriptor, user, group)
    if hasattr(os, "fchmod"):
        os.fchmod(descriptor, like.mode)


def _replace(
    directory: Directory, temporary: str, entry: str, displaced: Callable[[str], None]
) -> None:
    if not directory.exchange(temporary, entry):
        directory.rename(temporary, entry)
        return
    try:
        displaced(temporary)
    except BaseException:
        with suppress(OSError):
            directory.exchange(temporary, entry)
        raise
    _discard(directory, temporary)


def _put_back(directory: Directory, temporary: str, entry: str) -> None:
    """Does not overwrite what may have come meanwhile, where the file system has hard
    links; then both are there."""
    with suppress(OSError):
        try:
            directory.link(temporary, entry)
        except FileExistsError:
            return
        except OSError:
            directory.rename(temporary, entry)
        else:
            _discard(directory, temporary)


def _discard(directory: Directory, temporary: str) -> None:
    """What stays in spite of that is swept some time later."""
    with suppress(OSError):
        directory.unlink(temporary)


def _add(directory: Directory, temporary: str, entry: str, check: Callable[[], bool]) -> None:
    """Gives the file its name only when nobody else has taken it meanwhile."""
    try:
        directory.link(temporary, entry)
    except FileExistsError:
        check()
        raise
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        directory.rename(temporary, entry)
    else:
        _discard(directory, temporary)


def _settle(directory: Directory, done: str) -> None:
    try:
        directory.sync()
    except OSError as error:
        raise WriteFailed(
            f"{done}, but the disk did not confirm it ({words(error)}): after a power cut "
            "the old one may be back; check the disk"
        ) from error


def _stamp(directory: Directory, entry: str, written: os.stat_result) -> Stamp:
    """The stamp of what was written. To take its name has changed the file's ctime; but
    when somebody has changed the file since, it must not pass for what we wrote."""
    now = None
    with suppress(OSError):  # the write stands, whatever becomes of this
        now = directory.status(entry)
    same = now is not None and all(
        getattr(now, part) == getattr(written, part)
        for part in ("st_ino", "st_size", "st_mtime_ns")
    )
    return stamp_of(now if now is not None and same else written)
