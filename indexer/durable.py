"""Small files of our own that are on the disk when the call returns.

All raise OSError, and then have changed nothing, or nothing that a reader of
whole lines can see.
"""

import os
import secrets
from contextlib import suppress
from pathlib import Path

_APPEND = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
_READ = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0)


def replace_file(path: Path, data: bytes) -> None:
    """Makes or replaces a file, in one step."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        try:
            write_all(descriptor, data)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    sync_folder(path.parent)


def append_line(path: Path, line: bytes) -> None:
    """Adds a line, on a line of its own even when the last one was torn by a crash.

    Two calls for one file must not run at the same time."""
    descriptor = os.open(path, _APPEND, 0o600)
    try:
        size = os.fstat(descriptor).st_size
        try:
            torn = size > 0 and _last_byte(descriptor, size) != b"\n"
            write_all(descriptor, (b"\n" if torn else b"") + line + b"\n")
            os.fsync(descriptor)
        except BaseException:
            with suppress(OSError):
                os.ftruncate(descriptor, size)
            raise
    finally:
        os.close(descriptor)
    if not size:
        sync_folder(path.parent)


def write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def sync_folder(path: Path) -> None:
    """Puts on disk which files the folder has. Where folders cannot be opened
    (Windows) the system sees to that itself."""
    try:
        descriptor = os.open(path, _READ)
    except PermissionError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _last_byte(descriptor: int, size: int) -> bytes:
    os.lseek(descriptor, size - 1, os.SEEK_SET)
    return os.read(descriptor, 1)
