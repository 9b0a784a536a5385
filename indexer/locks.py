"""Locks that the operating system gives back when their holder dies.

`hold` takes a lock for life. `held` asks whether anybody has it, without taking
it for longer than the question. A `Lease` is a lock on a file of one's own.
"""

import secrets
from contextlib import suppress
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout


def hold(path: Path, seconds: float = 0.0) -> BaseFileLock | None:
    """The lock, None when somebody else still has it after so many seconds."""
    lock = FileLock(path, mode=0o600, thread_local=False)
    try:
        lock.acquire(timeout=seconds)
    except Timeout:
        return None
    return lock


def held(path: Path) -> bool:
    lock = hold(path)
    if lock is None:
        return True
    lock.release()
    return False


def let_go(lock: BaseFileLock) -> None:
    """Releases a lock when the work is done: what goes wrong now cannot undo it."""
    with suppress(OSError):
        lock.release()


class Lease:
    """Says for as long as it is held that somebody needs the index kept fresh."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / secrets.token_hex(8)
        self._lock = FileLock(self._path, mode=0o600, thread_local=False)
        self._lock.acquire(blocking=False)

    def stands(self) -> bool:
        """False when somebody has deleted the file: then nobody sees the lease."""
        return self._path.exists()

    def release(self) -> None:
        self._lock.release()
        self._path.unlink(missing_ok=True)


def leased(folder: Path) -> bool:
    """Whether anybody holds a lease; the files of those who died are removed."""
    found = False
    for path in folder.iterdir():
        lock = hold(path)
        if lock is None:
            found = True
        else:
            # While it is ours, so that nobody locks a file without a name.
            path.unlink(missing_ok=True)
            lock.release()
    return found
