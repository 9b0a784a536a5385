"""The library blocks; the event loop must not, or only for a moment. Calls go to threads."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from typing import Final, TypeVar

import anyio
import anyio.to_thread

from docindex.indexer.errors import TimedOut

ANSWER_SECONDS: Final = 5.0
_THREADS = 4
_TURN_SECONDS = 0.02
"""How long the event loop stands still for a call. Python runs one thread at a time, and two
that take it from each other at every system call need a sixth more of it: so the loop rests
while a call is answered, unless it is slow."""
_TURNS = 4
"""Calls for which it does so before it looks after everything else: a round for each costs a
twentieth more."""
_WRITING_THREADS = 4
"""Writes mostly wait, for disks and for the index; nobody who looks has to wait for them."""
_LONG_THREADS = 2

_Result = TypeVar("_Result")


class Offload:
    """For one event loop."""

    def __init__(self) -> None:
        self._idle = [ThreadPoolExecutor(1, f"answer_{number}") for number in range(_THREADS)]
        self._places = anyio.Semaphore(_THREADS, fast_acquire=True)
        self._turns = asyncio.Semaphore(_TURNS)
        self._writing_limiter = anyio.CapacityLimiter(_WRITING_THREADS)
        self._long_limiter = anyio.CapacityLimiter(_LONG_THREADS)

    async def answer(self, call: Callable[[], _Result]) -> _Result:
        """For calls that only look. Nobody waits for one that takes too long: its
        thread goes on alone, within the limits that the library puts on every call.

        Raises TimedOut after `ANSWER_SECONDS`, the wait for a free thread included.
        """
        with anyio.move_on_after(ANSWER_SECONDS):
            # First come, first served; given back in the next round of the loop.
            await self._turns.acquire()
            asyncio.get_running_loop().call_soon(self._turns.release)
            await self._places.acquire()
            return await self._in_a_thread(call)
        raise TimedOut(
            f"no answer within {ANSWER_SECONDS:.0f} seconds. "
            "Try again, or ask for less: fewer words, a path, fewer results."
        )

    async def _in_a_thread(self, call: Callable[[], _Result]) -> _Result:
        # The one that was busy last, whose memory and stack are at hand: to wake four in turn
        # costs a tenth of all time.
        thread = self._idle.pop()
        try:
            running = thread.submit(copy_context().run, call)
        except BaseException:
            # It could not be started: another one may be, later.
            self._give_back(ThreadPoolExecutor(1, "answer"))
            raise
        try:
            with suppress(TimeoutError):
                running.exception(_TURN_SECONDS)  # waits
            return running.result() if running.done() else await asyncio.wrap_future(running)
        finally:
            if running.done():
                self._give_back(thread)
            else:
                # Nobody waits for it any more; it keeps its thread, and so a place, to its end.
                loop = asyncio.get_running_loop()
                running.add_done_callback(lambda _: self._give_back_to(loop, thread))

    def _give_back(self, thread: ThreadPoolExecutor) -> None:
        self._idle.append(thread)
        self._places.release()

    def _give_back_to(self, loop: asyncio.AbstractEventLoop, thread: ThreadPoolExecutor) -> None:
        with suppress(RuntimeError):  # it may have ended
            loop.call_soon_threadsafe(self._give_back, thread)

    async def finish(self, call: Callable[[], _Result]) -> _Result:
        """For calls that change something: a caller who leaves does not cut them short."""
        return await anyio.to_thread.run_sync(call, limiter=self._writing_limiter)

    async def long(self, call: Callable[[], _Result]) -> _Result:
        """For calls that take minutes and can be told to stop: when the caller leaves,
        this returns at once, and the caller tells them."""
        return await anyio.to_thread.run_sync(
            call, abandon_on_cancel=True, limiter=self._long_limiter
        )
