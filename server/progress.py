"""Progress of work in a thread, reported to the client that waits for it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final

import anyio
from mcp.server.mcpserver import Context

from docindex.indexer.errors import DocindexError
from docindex.indexer.models import Progress
from docindex.indexer.names import shown

REPORT_SECONDS: Final = 0.1


class Reached:
    """How far the work is: noted by its thread, told by the event loop.

    The two meet in one attribute, so a client that reads slowly never holds up
    the work.
    """

    def __init__(self, ctx: Context[Any, Any]) -> None:
        self._ctx = ctx
        self._newest = Progress(0, 0, "")
        self._told = 0

    def note(self, progress: Progress) -> None:
        self._newest = progress

    def finish(self, total: int) -> None:
        """All is done: as many as were announced, or `total` when it went too fast for that."""
        total = self._newest.total or total
        self._newest = Progress(total, total, "finished")

    async def tell(self) -> None:
        """The protocol wants progress that grows, so a standstill is not told."""
        newest = self._newest
        if newest.done > self._told:
            self._told = newest.done
            await self._ctx.report_progress(newest.done, newest.total, shown(newest.at))

    async def keep_telling(self) -> None:
        while True:
            await self.tell()
            await anyio.sleep(REPORT_SECONDS)


@asynccontextmanager
async def reporting(ctx: Context[Any, Any]) -> AsyncGenerator[Reached]:
    """Reports what is noted while the body runs, and once more at its end."""
    reached = Reached(ctx)
    failure = None
    async with anyio.create_task_group() as beside:
        beside.start_soon(reached.keep_telling)
        try:
            yield reached
            await reached.tell()
        except DocindexError as error:
            # Raised in here, it would leave the task group inside an ExceptionGroup.
            failure = error
        beside.cancel_scope.cancel()
    if failure is not None:
        raise failure
