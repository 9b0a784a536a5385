"""Ending on a signal, whatever the process is doing.

The thread that reads standard input cannot be interrupted, so a server that is
asked to stop while its client stays connected cannot unwind. It cleans up and
leaves instead. Nothing is lost by that: writes of documents are atomic, and the
index belongs to another process.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Final, NoReturn

CLEANUP_SECONDS: Final = 2.0
"""How long the process may take to end."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_EXIT_STATUS = 128


def exit_soon(status: int) -> NoReturn:
    """Ends the process: a call that is still under way in a thread must not keep it."""
    timer = threading.Timer(CLEANUP_SECONDS, os._exit, (status,))
    timer.daemon = True
    timer.start()
    sys.exit(status)


class Shutdown:
    """Runs `clean_up` once: at the end of the program, or on SIGINT or SIGTERM."""

    def __init__(self, clean_up: Callable[[], None]) -> None:
        self._clean_up = clean_up
        self._once = threading.Lock()

    def on_signals(self) -> None:
        """Must be called by the main thread."""
        for number in _SIGNALS:
            signal.signal(number, lambda number, _: self.leave(number))

    def finish(self) -> None:
        if self._once.acquire(blocking=False):
            self._clean_up()

    def leave(self, number: int) -> None:
        """Cleans up and ends the process, in the handler of the signal `number`."""
        for other in _SIGNALS:
            signal.signal(other, signal.SIG_IGN)
        # Not in this thread: the signal may have come while it holds a lock.
        threading.Thread(target=self._finish_and_exit, args=(number,), daemon=True).start()

    def _finish_and_exit(self, number: int) -> None:
        cleaning = threading.Thread(target=self.finish, daemon=True)
        cleaning.start()
        cleaning.join(CLEANUP_SECONDS)
        os._exit(_EXIT_STATUS + number)
