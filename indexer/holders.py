"""Who holds the lock of an index, so that one who hangs can be ended, and nobody else.

A lock is never broken: it is free when its holder is dead. The number of a process is not
enough to tell that it is the holder, since numbers are given again, and each container
has its own. So the holder signs, and is ended only while everything that it signed with
is still true, and it has the very lock file open.
"""

import logging
import os
import signal
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from docindex.indexer.home import Home, read_json, write_json

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Holder:
    """A process, told from all others that were or will be."""

    pid: int
    started: str
    """Since the machine's start, as the kernel counts; "" where it does not tell."""
    boot: str
    namespace: str
    """The one that its number counts in: each container has its own."""


def sign(home: Home) -> None:
    """Says who has the lock. Whoever calls has it."""
    try:
        write_json(home.holder, asdict(_process(os.getpid())))
    except OSError as error:
        log.warning("who indexes could not be noted (%s)", error.strerror)
        with suppress(OSError):
            home.holder.unlink(missing_ok=True)


def end_holder(home: Home) -> bool:
    """Kills the process that holds the lock of an index. False when there is none, or it
    is not certain which one it is: of another user, in another container, or where the
    system does not tell (any but Linux)."""
    noted = read_json(home.holder)
    pid = noted.get("pid") if noted else None
    if not isinstance(pid, int) or pid == os.getpid() or not hasattr(os, "pidfd_open"):
        return False
    try:
        # From here on the number means this process, or nothing.
        handle = os.pidfd_open(pid)
    except OSError:
        return False
    try:
        same = noted == asdict(_process(pid)) and os.stat(f"/proc/{pid}").st_uid == os.geteuid()
        if not same or not _has_open(pid, home.lock):
            return False
        signal.pidfd_send_signal(handle, signal.SIGKILL)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True


def _process(pid: int) -> Holder:
    return Holder(
        pid,
        started=_started(pid),
        boot=_read(Path("/proc/sys/kernel/random/boot_id")).strip(),
        namespace=_link(Path(f"/proc/{pid}/ns/pid")),
    )


def _started(pid: int) -> str:
    # proc(5): field 22 is the start, and the name before it may hold anything.
    fields = _read(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
    return fields[19] if fields else ""


def _has_open(pid: int, path: Path) -> bool:
    wanted = path.stat()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            if os.path.samestat(entry.stat(), wanted):
                return True
    return False


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""


def _link(path: Path) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""
