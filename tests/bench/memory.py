"""Memory of processes, in bytes that are in use (RSS)."""

import os
import resource
import sys
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


def used() -> int:
    size: int = psutil.Process().memory_info().rss
    return size


def forget_peak() -> None:
    """Where the system can, so that `peak` tells of what comes now."""
    with suppress(OSError):
        _CLEAR.write_text("5", encoding="ascii")


def peak() -> int:
    """The most since the last `forget_peak`, or since the process began."""
    with suppress(OSError):
        for line in _STATUS.read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


class Watched:
    """A process and those it starts, looked at again and again until the block ends.

    Pages that several of them share count for each.
    """

    def __init__(self, pid: int, seconds: float = 0.05) -> None:
        self.together = 0
        """The most that all had at once."""
        self.largest = 0
        """The most that one of them had."""
        self._times: dict[int, float] = {}
        self._process = psutil.Process(pid)
        self._seconds = seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="memory")

    @property
    def cpu(self) -> float:
        """Seconds that all of them have used, but for the last instant of each."""
        return sum(self._times.values())

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._seconds):
            self._look()

    def _look(self) -> None:
        sizes: list[int] = []
        with suppress(psutil.NoSuchProcess):
            for each in [self._process, *self._process.children(recursive=True)]:
                with suppress(psutil.NoSuchProcess):
                    times = each.cpu_times()
                    self._times[each.pid] = times.user + times.system
                    sizes.append(each.memory_info().rss)
        self.largest = max([self.largest, *sizes])
        self.together = max(self.together, sum(sizes))


def folder_bytes(place: Path) -> int:
    return sum(os.stat(path).st_size for path in place.rglob("*") if path.is_file())
