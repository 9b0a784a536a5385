"""Puts the MCP server together, and runs it."""

import functools
import logging
import sys
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, TypeAlias

import anyio
from mcp.server import CacheHint, MCPServer
from mcp.server.caching import CacheableMethod
from mcp.server.context import ServerMiddleware

from docindex import __version__
from docindex.indexer.library import Library
from docindex.server import collector
from docindex.server.audience import Audience
from docindex.server.callers import library_of_caller, remember_the_caller
from docindex.server.instructions import instructions
from docindex.server.middleware import KnownNames, LiveInstructions, errors_in_our_words
from docindex.server.notices import Notices
from docindex.server.offload import Offload
from docindex.server.prompts import Prompts
from docindex.server.protocol import (
    CallNext,
    HandlerResult,
    RequestContext,
    Server,
    leave_the_log_alone,
)
from docindex.server.resources import Resources
from docindex.server.shutdown import Shutdown
from docindex.server.stdio import run_on_stdio
from docindex.server.tools import Toolbox

logger = logging.getLogger(__name__)

OPENING_SECONDS: Final = 1.0
INTRODUCTION_SECONDS: Final = 0.25
_HANDSHAKE = ("initialize", "server/discover", "ping")
_FIXED_LISTS: tuple[CacheableMethod, ...] = (
    "tools/list",
    "prompts/list",
    "resources/templates/list",
)

Guard: TypeAlias = ServerMiddleware[Any]


class Opening:
    """Tells when a connection has had its first answer, so that work may begin beside it."""

    def __init__(self) -> None:
        self._first_message = anyio.Event()
        self._answered = anyio.Event()

    async def over(self) -> None:
        """Returns after the first answer beyond the handshake, or `OPENING_SECONDS`
        after the first message."""
        await self._first_message.wait()
        with anyio.move_on_after(OPENING_SECONDS):
            await self._answered.wait()

    async def __call__(self, ctx: RequestContext, call_next: CallNext) -> HandlerResult:
        self._first_message.set()
        if ctx.method == "tools/call":
            # It may wait for the indexer, which waits for this.
            self._answered.set()
        result = await call_next(ctx)
        if ctx.request_id is not None and ctx.method not in _HANDSHAKE:
            self._answered.set()
        return result


def build(
    library: Library,
    *,
    read_only: bool = False,
    opened: Callable[[], None] = lambda: None,
    at_once: bool = False,
    guards: Sequence[Guard] = (),
    callers: bool = False,
) -> Server:
    """The server over `library`. It attends to the index while it runs, from its
    first answer on, when it calls `opened`, or `at_once`; opening and closing the library
    is for who calls this. Every message passes the `guards` before anything else. Where
    `callers` are told apart, there is a tool for what belongs to each."""
    offload = Offload()
    opening = Opening()
    audience = Audience(library)
    notices = Notices(audience)

    async def attend() -> None:
        if not at_once:
            await opening.over()
        opened()
        await _attend(library, notices, offload)

    @asynccontextmanager
    async def lifespan(_: Server) -> AsyncGenerator[None]:
        async with anyio.create_task_group() as beside:
            beside.start_soon(attend)
            yield
            beside.cancel_scope.cancel()

    tools = Toolbox(library, offload).tools(read_only=read_only, callers=callers)
    server: Server = MCPServer(
        "docindex",
        version=__version__,
        tools=[*tools],
        lifespan=lifespan,
        cache_hints=dict.fromkeys(_FIXED_LISTS, CacheHint(ttl_ms=60_000, scope="public")),
        subscriptions=audience,
    )
    Resources(library, offload).attach(server)
    Prompts(library, offload).attach(server)
    server.middleware.extend(guards)
    server.middleware.extend(
        [
            remember_the_caller,
            errors_in_our_words,
            opening,
            LiveInstructions(functools.partial(_introduction, library, offload, read_only)),
            KnownNames(server, [tool.name for tool in tools], read_only=read_only),
        ]
    )
    notices.attach(server)
    return server


def serve_stdio(library: Library, *, read_only: bool = False, log_level: str = "WARNING") -> None:
    """Serves standard input and output until the input ends, then closes `library`.

    On SIGINT and SIGTERM it closes the library and ends the process. The log goes
    to standard error.
    """
    leave_the_log_alone()
    logging.basicConfig(
        stream=sys.stderr, level=log_level, format="%(levelname)s %(name)s: %(message)s"
    )
    server = build(library, read_only=read_only, opened=collector.resume)
    shutdown = Shutdown(library.close)
    shutdown.on_signals()
    try:
        anyio.run(run_on_stdio, server)
    except* ConnectionError:
        logger.info("the client is gone")
    finally:
        shutdown.finish()


async def _attend(library: Library, notices: Notices, offload: Offload) -> None:
    try:
        await offload.finish(library.attend)
    except Exception:
        logger.exception("nobody looks after the index")
    await notices.watch(library, offload)


async def _introduction(library: Library, offload: Offload, read_only: bool) -> str:
    """Instructions with what is known without waiting."""
    status = None
    with anyio.move_on_after(INTRODUCTION_SECONDS):
        try:
            status = await offload.answer(lambda: library_of_caller(library).status())
        except Exception:
            logger.exception("the instructions say nothing of the index")
    return instructions(status, read_only=read_only)
