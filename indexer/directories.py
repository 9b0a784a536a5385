"""A folder of the disk, held open: the one way to what is in it.

Everything is asked of an open folder, by the name of one entry, and no link is
ever followed. Where the system can work relative to an open folder (`openat`),
nobody can slip a link into the path between a check and its use. Elsewhere
(Windows) `CheckedDirectory` looks at each component just before it is used,
and verifies afterwards where it has arrived; a moment remains in which another
program could interfere.
"""

import errno
import os
import stat
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Self

from docindex.indexer.errors import Unavailable

_READ = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)  # a FIFO must not hold us up
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_BINARY", 0)
)
_CREATE = (
    os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
)
_ENTER = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_DIRECTORY", 0)

_PIECE = 1 << 16
"""Bytes read at once: to make room for more takes longer than to ask again."""
_EFFECTIVE = os.access in os.supports_effective_ids

_RENAME_EXCHANGE = 2
_CANNOT_EXCHANGE = (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP)
"""What a kernel or a file system says that does not know how."""

_SICK = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)

_LINK_TAGS = (0xA000000C, 0xA0000003)
"""IO_REPARSE_TAG_SYMLINK and IO_REPARSE_TAG_MOUNT_POINT, which only Windows defines."""

_WORDS = {
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.EROFS: "the file system is read-only",
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the system does not allow so large a file",
    errno.EIO: "the disk reported an error",
    errno.EMFILE: "too many files are open",
    errno.ENFILE: "too many files are open",
    errno.ELOOP: "it is a symbolic link, which is not followed",
    errno.EISDIR: "it is not a regular file",
}


def words(error: OSError) -> str:
    """What went wrong, without the path that `str(error)` would show."""
    if error.errno is None:
        return "the system gives no reason"
    return _WORDS.get(error.errno) or os.strerror(error.errno).lower()


def unreadable(error: OSError) -> str:
    """Why one file or folder is skipped. What ails the whole process must not look like
    missing files, and is raised as Unavailable."""
    if error.errno in _SICK:
        raise Unavailable(f"files cannot be read now: {words(error)}; try again later") from error
    return f"cannot be read: {words(error)}"


def is_link(status: os.stat_result) -> bool:
    """Whether it is a symbolic link or, on Windows, a junction."""
    return stat.S_ISLNK(status.st_mode) or getattr(status, "st_reparse_tag", 0) in _LINK_TAGS


class Directory(ABC):
    """An open folder. Its methods raise OSError, and take the name of one entry.

    A link is never followed: ELOOP or ENOTDIR is raised instead.
    """

    @classmethod
    @abstractmethod
    def root(cls, path: str) -> Self:
        """Opens a folder by its real path."""

    @abstractmethod
    def enter(self, name: str) -> Self: ...

    @abstractmethod
    def own_status(self) -> os.stat_result:
        """That of the folder itself."""

    def identity(self) -> tuple[int, int]:
        """Device and inode."""
        status = self.own_status()
        return status.st_dev, status.st_ino

    @abstractmethod
    def entries(self) -> Sequence[os.DirEntry[str]]: ...

    @abstractmethod
    def status(self, name: str) -> os.stat_result: ...

    @abstractmethod
    def status_of(self, entry: os.DirEntry[str]) -> os.stat_result:
        """The same as `status`, faster where the system allows."""

    @abstractmethod
    def open(self, name: str) -> int:
        """A descriptor to read a regular file; EISDIR for anything else."""

    @abstractmethod
    def create(self, name: str, mode: int) -> int:
        """A descriptor to write a file that was not there before."""

    @abstractmethod
    def make(self, name: str) -> None: ...

    @abstractmethod
    def drop(self, name: str) -> None:
        """Removes an empty folder."""

    @abstractmethod
    def link(self, old: str, new: str) -> None:
        """A second name for a file; FileExistsError when the name is taken."""

    @abstractmethod
    def rename(self, old: str, new: str) -> None:
        """Replaces what has the new name, in one step."""

    def exchange(self, one: str, other: str) -> bool:
        """Swaps two files in one step; False where the system or the disk cannot."""
        del one, other
        return False

    @abstractmethod
    def unlink(self, name: str) -> None: ...

    @abstractmethod
    def writable(self, name: str) -> bool:
        """Whether the file's mode lets this process write to it."""

    @abstractmethod
    def sync(self) -> None:
        """Puts on disk what was made, renamed and removed here."""

    def close(self) -> None:
        return None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class HeldDirectory(Directory):
    """Holds a descriptor, and works relative to it (POSIX)."""

    def __init__(self, descriptor: int) -> None:
        self._fd = descriptor

    @classmethod
    def root(cls, path: str) -> Self:
        return cls(os.open(path, _ENTER))

    def enter(self, name: str) -> Self:
        return type(self)(os.open(name, _ENTER, dir_fd=self._fd))

    def own_status(self) -> os.stat_result:
        return os.fstat(self._fd)

    def entries(self) -> Sequence[os.DirEntry[str]]:
        with os.scandir(self._fd) as entries:
            return list(entries)

    def status(self, name: str) -> os.stat_result:
        return os.stat(name, dir_fd=self._fd, follow_symlinks=False)

    def status_of(self, entry: os.DirEntry[str]) -> os.stat_result:
        return entry.stat(follow_symlinks=False)

    def open(self, name: str) -> int:
        _require_regular(self.status(name))  # to open a device may already do something
        return _regular(os.open(name, _READ, dir_fd=self._fd))

    def create(self, name: str, mode: int) -> int:
        return os.open(name, _CREATE, mode, dir_fd=self._fd)

    def make(self, name: str) -> None:
        os.mkdir(name, dir_fd=self._fd)

    def drop(self, name: str) -> None:
        os.rmdir(name, dir_fd=self._fd)

    def link(self, old: str, new: str) -> None:
        os.link(old, new, src_dir_fd=self._fd, dst_dir_fd=self._fd, follow_symlinks=False)

    def rename(self, old: str, new: str) -> None:
        os.rename(old, new, src_dir_fd=self._fd, dst_dir_fd=self._fd)

    def exchange(self, one: str, other: str) -> bool:
        renameat2 = _renameat2()
        if renameat2 is None:
            return False
        names = os.fsencode(one), os.fsencode(other)
        failed = renameat2(self._fd, names[0], self._fd, names[1], _RENAME_EXCHANGE)
        if failed in _CANNOT_EXCHANGE:
            return False
        if failed:
            raise OSError(failed, os.strerror(failed))
        return True

    def unlink(self, name: str) -> None:
        os.unlink(name, dir_fd=self._fd)

    def writable(self, name: str) -> bool:
        return os.access(name, os.W_OK, dir_fd=self._fd, effective_ids=_EFFECTIVE)

    def sync(self) -> None:
        _sync(self._fd)

    def close(self) -> None:
        # Nothing was written through it, so that nothing can have gone wrong.
        with suppress(OSError):
            os.close(self._fd)


class CheckedDirectory(Directory):
    """Holds a path, and verifies before and after each use that it leads where it did."""

    def __init__(self, path: str, root: Path) -> None:
        self._path = path
        self._root = root

    @classmethod
    def root(cls, path: str) -> Self:
        root = cls(path, Path(path))
        root.entries()
        return root

    def enter(self, name: str) -> Self:
        status = self.status(name)
        if is_link(status):
            raise OSError(errno.ELOOP, "link")
        if not stat.S_ISDIR(status.st_mode):
            raise NotADirectoryError(errno.ENOTDIR, "not a folder")
        return type(self)(os.path.join(self._path, name), self._root)

    def own_status(self) -> os.stat_result:
        return os.stat(self._path)

    def entries(self) -> Sequence[os.DirEntry[str]]:
        with os.scandir(self._verified()) as entries:
            return list(entries)

    def status(self, name: str) -> os.stat_result:
        return os.lstat(self._at(name))

    def status_of(self, entry: os.DirEntry[str]) -> os.stat_result:
        # Windows keeps neither the inode nor the full times in a listing.
        return os.lstat(entry.path)

    def open(self, name: str) -> int:
        before = self.status(name)
        _require_regular(before)
        descriptor = _regular(os.open(self._at(name), _READ))
        try:
            after = os.fstat(descriptor)
            if (after.st_dev, after.st_ino) != (before.st_dev, before.st_ino):
                raise OSError(errno.ELOOP, "another file")
            self._verified()
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def create(self, name: str, mode: int) -> int:
        return os.open(self._at(name), _CREATE, mode)

    def make(self, name: str) -> None:
        os.mkdir(self._at(name))

    def drop(self, name: str) -> None:
        os.rmdir(self._at(name))

    def link(self, old: str, new: str) -> None:
        os.link(self._at(old), self._at(new))

    def rename(self, old: str, new: str) -> None:
        os.replace(self._at(old), self._at(new))

    def unlink(self, name: str) -> None:
        os.unlink(self._at(name))

    def writable(self, name: str) -> bool:
        return os.access(self._at(name), os.W_OK, effective_ids=_EFFECTIVE)

    def sync(self) -> None:
        with suppress(PermissionError):  # Windows opens no folder, and needs not
            descriptor = os.open(self._verified(), os.O_RDONLY)
            try:
                _sync(descriptor)
            finally:
                os.close(descriptor)

    def _verified(self) -> str:
        if not Path(os.path.realpath(self._path)).is_relative_to(self._root):
            raise OSError(errno.ELOOP, "leads out of the root")
        return self._path

    def _at(self, name: str) -> str:
        return os.path.join(self._verified(), name)


@cache
def _renameat2() -> Callable[[int, bytes, int, bytes, int], int] | None:
    """Linux's call, which gives an errno or 0; None where the C library has none."""
    import ctypes  # needed by those who write, not by a server that starts

    try:
        function = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):
        return None
    function.argtypes = (
        ctypes.c_int,
        ctypes.c_char_p,
        ctypes.c_int,
        ctypes.c_char_p,
        ctypes.c_uint,
    )

    def call(old_at: int, old: bytes, new_at: int, new: bytes, flags: int) -> int:
        return ctypes.get_errno() if function(old_at, old, new_at, new, flags) else 0

    return call


def _regular(descriptor: int) -> int:
    try:
        _require_regular(os.fstat(descriptor))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _require_regular(status: os.stat_result) -> None:
    if is_link(status):
        raise OSError(errno.ELOOP, "link")
    if not stat.S_ISREG(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, "not a regular file")


def _sync(descriptor: int) -> None:
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some file systems cannot sync a folder
            raise


def read_bytes(directory: Directory, name: str, limit: int) -> bytes:
    """The content of a regular file; at most `limit` + 1 bytes, which tells that
    there are more."""
    descriptor = directory.open(name)
    try:
        return read_descriptor(descriptor, limit)
    finally:
        os.close(descriptor)


def read_descriptor(descriptor: int, limit: int) -> bytes:
    """As `read_bytes`, from where the descriptor stands."""
    parts: list[bytes] = []
    wanted = limit + 1
    while wanted > 0 and (part := os.read(descriptor, min(wanted, _PIECE))):
        parts.append(part)
        wanted -= len(part)
    return b"".join(parts)


_HOLDS = (
    hasattr(os, "O_NOFOLLOW")
    and hasattr(os, "O_DIRECTORY")
    and {os.open, os.stat, os.mkdir, os.rmdir, os.link, os.rename, os.unlink, os.access}
    <= os.supports_dir_fd
    and os.scandir in os.supports_fd
)
NATIVE: type[Directory] = HeldDirectory if _HOLDS else CheckedDirectory
"""The safest kind that this system has."""
