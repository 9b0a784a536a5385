"""What a command costs: time, and the memory of it and all that it starts."""

import os
import subprocess
import time
from collections.abc import Mapping, Sequence

from pydantic.dataclasses import dataclass

from tests.bench.memory import Watched


@dataclass(frozen=True)
class Cost:
    wall: float
    cpu: float
    together: int
    """Memory, the most that all its processes had at once."""
    largest: int
    """The most that one of them had."""


def cost(command: Sequence[str], environment: Mapping[str, str], cwd: str | None = None) -> Cost:
    """Runs a command to its end. Raises CalledProcessError with what it said."""
    before = _children_seconds()
    begin = time.perf_counter()
    with subprocess.Popen(
        command,
        env=environment,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        with Watched(process.pid) as watched:
            said, _ = process.communicate()
        wall = time.perf_counter() - begin
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, said)
    cpu = max(_children_seconds() - before, watched.cpu)
    return Cost(wall, cpu, watched.together, watched.largest)


def _children_seconds() -> float:
    """CPU of all processes that this one, and those that it started, have waited for."""
    times = os.times()
    return times.children_user + times.children_system
