"""Several processes that answer at one address: Python uses one core in each.

Linux shares the connections out among them. The process that was started answers nothing:
it starts the others, again when one is lost, and tells them to end. When it is lost itself,
they end too.
"""

import logging
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from contextlib import closing
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from types import FrameType
from typing import Final

from docindex.indexer.errors import DocindexError, InvalidSettings
from docindex.server.http_settings import check
from docindex.server.listening import bind, local_url, serve_http
from docindex.server.logs import log_to_stderr
from docindex.server.metrics import SHARED, forget
from docindex.server.options import opened
from docindex.server.plan import Plan

logger = logging.getLogger(__name__)

SETTLED_SECONDS: Final = 10.0
"""One that has lived so long is no failure."""
MOST_FAILURES: Final = 3
_NO_SERVER: Final = 3
"""The exit status of one that could not begin, nor could any other."""
_SPAWN: Final = multiprocessing.get_context("spawn")


def serve_with_workers(plan: Plan) -> int:
    """Serves until a signal ends it. Gives the exit status.

    Raises InvalidSettings when the address cannot be listened on, or should not be, or
    cannot be shared.
    """
    settings = plan.settings
    check(settings)
    if sys.platform != "linux":
        raise InvalidSettings(
            "workers share an address on Linux alone; elsewhere, start several servers "
            "behind a proxy"
        )
    place = tempfile.mkdtemp(prefix="docindex-metrics-")
    os.environ[SHARED] = place
    try:
        # Whoever shares it already is another server: that must not be.
        with closing(bind(settings.host, settings.port)) as alone:
            port: int = alone.getsockname()[1]
        # Nobody else takes it between two workers.
        with closing(bind(settings.host, port, shared=True)) as reserved:
            logger.info("%d workers for %s", settings.workers, local_url(reserved))
            return Workers(plan, port).run()
    finally:
        shutil.rmtree(place, ignore_errors=True)


class Workers:
    def __init__(self, plan: Plan, port: int) -> None:
        self._plan = plan
        self._port = port
        self._running: dict[SpawnProcess, float] = {}
        """And when each was started."""
        self._failures = 0
        self._status = 0
        self._ending = False

    def run(self) -> int:
        numbers = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self._on_signal) for number in numbers}
        try:
            for _ in range(self._plan.settings.workers):
                self._start()
            while self._running:
                wait([process.sentinel for process in self._running])
                for process in [each for each in self._running if not each.is_alive()]:
                    self._lose(process)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        return self._status

    def _start(self) -> None:
        process = _SPAWN.Process(target=work, args=(self._plan, self._port))
        process.start()
        self._running[process] = time.monotonic()
        if self._ending:  # a signal came between
            process.terminate()

    def _lose(self, process: SpawnProcess) -> None:
        process.join()
        lived = time.monotonic() - self._running.pop(process)
        forget(process.pid or 0)
        if self._ending:
            return
        self._failures = 0 if lived >= SETTLED_SECONDS else self._failures + 1
        if process.exitcode == _NO_SERVER or self._failures > MOST_FAILURES:
            logger.error("no worker can begin; what is said above tells why")
            self._status = 1
            self._end()
            return
        logger.warning("a worker was lost (exit status %s); another begins", process.exitcode)
        self._start()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self._end()

    def _end(self) -> None:
        """Each of them lets its calls end, and leaves at once when told a second time."""
        self._ending = True
        for process in list(self._running):
            process.terminate()


def work(plan: Plan, port: int) -> None:
    """What a worker does."""
    # Ctrl-C reaches all that are in the foreground; these hear of it from their parent.
    os.setpgid(0, 0)
    settings = plan.settings.model_copy(update={"port": port})
    log_to_stderr(settings.log_level, settings.log_format)
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    try:
        with opened(plan) as library:
            serve_http(library, settings, read_only=settings.read_only)
    except DocindexError as error:
        logger.error("%s", error)
        sys.exit(_NO_SERVER)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        shutil.rmtree(os.environ[SHARED], ignore_errors=True)
        os.kill(os.getpid(), signal.SIGTERM)
