"""Waiting for what another thread or process does, with a limit."""

import threading
import time
from collections.abc import Callable

LIMIT_SECONDS = 20.0
_NEVER = threading.Event()


def until(condition: Callable[[], bool], seconds: float = LIMIT_SECONDS) -> None:
    """Returns as soon as the condition holds; fails when it does not within the limit."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        _NEVER.wait(0.01)
