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
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Generator
from contextlib import closing, contextmanager, suppress
from ctypes import c_double
from dataclasses import dataclass, field, replace
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from multiprocessing.sharedctypes import RawValue
from pathlib import Path
from types import FrameType
from typing import Final

from pydantic import SecretStr

from docindex.indexer.errors import DocindexError, InvalidSettings
from docindex.indexer.locks import held, hold
from docindex.server.http_settings import check
from docindex.server.listening import bind, local_url, serve_http
from docindex.server.logs import log_to_stderr
from docindex.server.metrics import SHARED, forget
from docindex.server.options import opened
from docindex.server.plan import Plan
from docindex.server.settings import Settings
from docindex.server.shutdown import CLEANUP_SECONDS, exit_soon
from docindex.server.static_tokens import StaticTokens, lines_of

logger = logging.getLogger(__name__)

SETTLED_SECONDS: Final = 10.0
"""One that has lived so long is no failure."""
FREE_TRIES: Final = 3
LONGEST_PAUSE: Final = 30.0
SILENT_SECONDS: Final = 30.0
"""One that has not come to look for calls for so long hangs."""
_SLACK_SECONDS: Final = 1.0
_TURN_SECONDS: Final = 1.0
_NO_SERVER: Final = 3
"""The exit status of one that could not begin."""
_COUNTED: Final = "docindex-metrics-"
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
    plan = replace(plan, settings=_with_tokens_read(settings))
    with (
        closing(bind(settings.host, settings.port)) as alone,
        _reserved(alone),
        _counted_together(),
    ):
        port: int = alone.getsockname()[1]
        logger.info("%d workers for %s", settings.workers, local_url(alone))
        alone.close()
        with closing(bind(settings.host, port, shared=True)):
            return Workers(plan, port).run()


def _with_tokens_read(settings: Settings) -> Settings:
    """All workers know the same ones, also those that are started later."""
    if not settings.tokens_file:
        return settings
    lines = lines_of(settings)
    StaticTokens(lines)
    return settings.model_copy(update={"tokens": tuple(map(SecretStr, lines)), "tokens_file": ""})


@contextmanager
def _reserved(listener: socket.socket) -> Generator[None]:
    """Nobody else starts workers at this address: connections would be shared with them."""
    host, port = listener.getsockname()[:2]
    with socket.socket(socket.AF_UNIX) as mark:
        try:
            # A name without a file: it goes when its holder does.
            mark.bind(f"\0docindex-{host}-{port}")
        except OSError:
            raise InvalidSettings(
                f"cannot listen on {host}, port {port}: the workers of another server do; "
                "choose others with --host and --port"
            ) from None
        yield


@contextmanager
def _counted_together() -> Generator[None]:
    """A folder in which the workers count; those that servers left behind are removed."""
    for left in Path(tempfile.gettempdir()).glob(f"{_COUNTED}*"):
        lock = left / "lock"
        with suppress(OSError):
            # Another user may have made it, to have us open what it leads to.
            own = left.lstat().st_uid == os.geteuid()
            if own and lock.exists() and not held(lock):
                shutil.rmtree(left, ignore_errors=True)
    place = Path(tempfile.mkdtemp(prefix=_COUNTED))
    held_lock = hold(place / "lock")
    os.environ[SHARED] = str(place)
    try:
        yield
    finally:
        if held_lock is not None:
            held_lock.release()
        shutil.rmtree(place, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class Life:
    """Of a worker, in seconds of the clock that only goes on, which is the same for all
    processes."""

    began: float = field(default_factory=time.monotonic)
    last: c_double = field(default_factory=lambda: RawValue(c_double, 0.0))
    """When it last looked for calls, in memory that both processes see; 0 before the first
    time."""

    def beat(self) -> None:
        self.last.value = time.monotonic()


class Workers:
    def __init__(self, plan: Plan, port: int) -> None:
        self._plan = plan
        self._port = port
        self._running: dict[SpawnProcess, Life] = {}
        self._due: list[float] = []
        """When others are to be started, in the place of those that were lost."""
        self._killing: float | None = None
        """When those are killed that do not end."""
        self._settled = False
        self._failures = 0
        self._status = 0
        self._signals = 0
        self._looked = time.monotonic()
        """When it was looked for workers that hang."""

    def run(self) -> int:
        numbers = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self._on_signal) for number in numbers}
        try:
            self._due = [0.0] * self._plan.settings.workers
            while self._running or self._due:
                while self._due and self._due[0] <= time.monotonic():
                    self._due.pop(0)
                    self._start()
                # Not for ever, since what is due and who hangs is looked for as well.
                wait([process.sentinel for process in self._running], _TURN_SECONDS)
                if self._killing is not None and time.monotonic() >= self._killing:
                    self._kill()
                self._kill_hanging()
                for process in [each for each in self._running if not each.is_alive()]:
                    self._lose(process)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        return self._status

    def _start(self) -> None:
        life = Life()
        process = _SPAWN.Process(target=work, args=(self._plan, self._port, life))
        # Somebody may have swept the folder of temporary files.
        os.makedirs(os.environ[SHARED], mode=0o700, exist_ok=True)
        try:
            with _uninterrupted():
                process.start()
        except OSError as error:
            logger.warning("a worker cannot be started (%s)", error.strerror)
            self._fail()
            return
        self._running[process] = life
        if self._signals:  # one came between
            process.terminate()

    def _lose(self, process: SpawnProcess) -> None:
        process.join()
        began = self._running.pop(process).began
        forget(process.pid or 0)
        if self._signals:
            return
        now = time.monotonic()
        if any(
            now - each >= SETTLED_SECONDS
            for each in (began, *(life.began for life in self._running.values()))
        ):
            self._settled = True
        if now - began >= SETTLED_SECONDS:
            self._failures = 0
        if process.exitcode == _NO_SERVER and not self._settled:
            self._give_up()
            return
        logger.warning("a worker was lost (exit status %s)", process.exitcode)
        self._fail()

    def _fail(self) -> None:
        """Another is started: at once, and ever later when one after the other is lost."""
        self._failures += 1
        more = self._failures - FREE_TRIES
        if more > 0 and not self._settled:
            self._give_up()
            return
        self._due.append(time.monotonic() + (min(2.0**more, LONGEST_PAUSE) if more > 0 else 0.0))
        self._due.sort()

    def _give_up(self) -> None:
        logger.error("no worker can begin; what is said above tells why")
        self._status = 1
        self._end(signal.SIGTERM)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        # Whoever ends a server may tell the workers as well, by the same signal as here.
        self._end(signal.SIGINT if self._signals else signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        """By SIGTERM each of them lets its calls end, by a SIGINT after it, it leaves."""
        left = self._plan.settings.drain_seconds if number == signal.SIGTERM else 0
        self._killing = time.monotonic() + left + CLEANUP_SECONDS + _SLACK_SECONDS
        self._signals += 1
        self._due.clear()
        for process in list(self._running):
            if process.pid is not None and process.is_alive():
                with suppress(ProcessLookupError):
                    os.kill(process.pid, number)

    def _kill_hanging(self) -> None:
        """The system goes on giving connections to one that hangs."""
        now = time.monotonic()
        stopped = now - self._looked > SILENT_SECONDS / 2
        self._looked = now
        for process, life in self._running.items():
            # Perhaps they were all stopped with this process.
            silent = life.last.value and now - life.last.value > SILENT_SECONDS
            if not silent or self._signals:
                continue
            if not stopped:
                logger.warning("a worker does not respond; it is killed")
                process.kill()
            life.beat()

    def _kill(self) -> None:
        logger.warning("workers that did not end are killed")
        for process in self._running:
            process.kill()


@contextmanager
def _uninterrupted() -> Generator[None]:
    """A process that is started meanwhile hears no SIGINT before it asks for it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT,))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def work(plan: Plan, port: int, life: Life) -> None:
    """What a worker does."""
    # Ctrl-C reaches all that are in the foreground; these hear of it from their parent.
    os.setpgid(0, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT,))
    settings = plan.settings.model_copy(update={"port": port})
    log_to_stderr(settings.log_level, settings.log_format)
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    status = 0
    try:
        with opened(plan) as library:
            read_only = settings.read_only
            at_once = (signal.SIGINT,)
            serve_http(library, settings, read_only=read_only, at_once=at_once, beat=life.beat)
    except DocindexError as error:
        logger.error("%s", error)
        status = _NO_SERVER
    except Exception:
        logger.exception("a worker ends")
        status = 1
    finally:
        parent = multiprocessing.parent_process()
        if parent is not None and not parent.is_alive():
            shutil.rmtree(os.environ[SHARED], ignore_errors=True)
    exit_soon(status)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
