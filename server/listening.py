"""The HTTP server as a process: its socket, its connections, its end.

On the first SIGINT or SIGTERM it takes no more connections and lets the calls under way
end; on the second it leaves at once.
"""

import asyncio
import logging
import signal
import socket
import threading
from collections.abc import Callable, Collection, Generator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

import anyio
import uvicorn

from docindex.indexer.errors import InvalidSettings
from docindex.indexer.library import Library
from docindex.server import collector
from docindex.server.app import Guard, build
from docindex.server.connections import Connection
from docindex.server.http_settings import HttpSettings, check, knows_callers
from docindex.server.limits import Limits
from docindex.server.metrics import Metrics
from docindex.server.observing import Calls
from docindex.server.protocol import Server, end_subscriptions, leave_the_log_alone
from docindex.server.shutdown import Shutdown
from docindex.server.web import PATH, web_app

logger = logging.getLogger(__name__)

KEEP_ALIVE_SECONDS: Final = 75
"""Longer than proxies keep their connections, so that it is they who close them."""
MOST_CONNECTIONS: Final = 1_000
_MOST_HEAD_BYTES: Final = 64 * 1024
_BEAT_SECONDS: Final = 0.5


_ENDING: Final = (signal.SIGINT, signal.SIGTERM)


def serve_http(
    library: Library,
    settings: HttpSettings,
    *,
    read_only: bool = False,
    at_once: Collection[int] = _ENDING,
    beat: Callable[[], None] = lambda: None,
) -> None:
    """Serves until a signal ends it, then closes `library`. The signals that end it
    `at_once` do so when they come after another. While it is able to answer, `beat` is
    called twice a second.

    Raises InvalidSettings when the address cannot be listened on, or should not be.
    """
    check(settings)
    leave_the_log_alone()
    listener = bind(settings.host, settings.port, shared=settings.workers > 1)
    try:
        # Only now is it sure that nobody else has the port.
        listener.listen()
    except OSError as error:
        listener.close()
        raise _unusable(settings.host, settings.port, error) from None
    shutdown = Shutdown(library.close)

    def leave(number: int) -> None:
        if number in at_once:
            shutdown.leave(number)

    try:
        anyio.run(_serve, library, settings, read_only, listener, leave, beat)
    finally:
        listener.close()
        shutdown.finish()


def bind(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """Raises InvalidSettings. One that is `shared` may be bound several times by one user:
    the system shares connections out among those that listen."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if shared:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            listener.bind(address)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise _unusable(host, port, error) from None
    return listener


def _unusable(host: str, port: int, error: OSError) -> InvalidSettings:
    return InvalidSettings(
        f"cannot listen on {host}, port {port}: {error.strerror or error}; "
        "choose others with --host and --port"
    )


async def _serve(
    library: Library,
    settings: HttpSettings,
    read_only: bool,
    listener: socket.socket,
    leave: Callable[[int], None],
    beat: Callable[[], None],
) -> None:
    resource = settings.public_url or local_url(listener)
    metrics = Metrics(library, shared=settings.workers > 1)
    server = server_of(library, settings, metrics, read_only=read_only)
    process = process_of(server, library, settings, metrics, resource, leave)
    process.beat = beat
    collector.resume_seldom()
    logger.info("listening on %s", local_url(listener))
    await process.serve([listener])


def local_url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return f"http://{place}{PATH}"


def server_of(
    library: Library, settings: HttpSettings, metrics: Metrics, *, read_only: bool = False
) -> Server:
    """The MCP server over `library`, with what stands around each call over HTTP."""
    guards: list[Guard] = [Calls(metrics)]
    if knows_callers(settings):
        guards.append(Limits(settings.rate_limits, settings.concurrent_calls))
    return build(
        library,
        read_only=read_only,
        at_once=True,
        guards=guards,
        callers=knows_callers(settings),
    )


def process_of(
    server: Server,
    library: Library,
    settings: HttpSettings,
    metrics: Metrics,
    resource: str,
    leave: Callable[[int], None],
) -> "Process":
    """`server` over HTTP, to be run. `resource` is the address under which clients know it;
    `leave` ends the process at a second signal."""
    process = Process(
        web_app(server, library, metrics, settings, resource, lambda: process.should_exit),
        drain_seconds=settings.drain_seconds,
        told_to_end=lambda: end_subscriptions(server),
        leave=leave,
    )
    return process


class Process(uvicorn.Server):
    """uvicorn, which ends as this module says."""

    def __init__(
        self,
        app: Any,
        *,
        drain_seconds: int,
        told_to_end: Callable[[], None],
        leave: Callable[[int], None],
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=Connection,
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                limit_concurrency=MOST_CONNECTIONS,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=drain_seconds,
                h11_max_incomplete_event_size=_MOST_HEAD_BYTES,
            )
        )
        logging.getLogger("uvicorn.error").addFilter(_is_no_cut)
        self._told_to_end = told_to_end
        self._leave = leave
        self.beat: Callable[[], None] = lambda: None
        """Called twice a second, from the loop that answers."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in _ENDING}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        del frame
        if self.should_exit:
            self._leave(sig)
        self.should_exit = True

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        beating = asyncio.create_task(self._beat())
        try:
            await super().serve(sockets)
        finally:
            beating.cancel()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        logger.info("ending: %d connections are open", len(self.server_state.connections))
        self._told_to_end()
        await super().shutdown(sockets)

    async def _beat(self) -> None:
        while True:
            self.beat()
            await asyncio.sleep(_BEAT_SECONDS)


def _is_no_cut(record: logging.LogRecord) -> bool:
    """uvicorn says how many clients it cuts off at the end, and then, with a traceback for
    each, that they were cut off: that is no accident."""
    return not (record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError))
