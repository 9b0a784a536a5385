"""How often, and how many at once: for each caller, and for each tool.

A call that is refused says when to come again. Over stdio, and where no tokens are
asked for, there is nobody to tell from others, and nothing is counted.
"""

import math
import time
from collections import Counter
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import Final

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from docindex.indexer.errors import RateLimited
from docindex.server import failures
from docindex.server.callers import identity_of
from docindex.server.protocol import CallNext, HandlerResult, RequestContext

MOST_STREAMS: Final = 32
"""In which one caller listens for changes."""
LISTEN: Final = "subscriptions/listen"
_SOON: Final = 1


class Limits:
    def __init__(self, rates: Iterable[str], concurrent: int) -> None:
        """`rates` are as the setting `rate_limits` has them."""
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._rates = [_parsed(rate) for rate in rates]
        self._concurrent = concurrent
        self._running: Counter[tuple[str, bool]] = Counter()

    async def __call__(self, ctx: RequestContext, call_next: CallNext) -> HandlerResult:
        identity = identity_of(ctx)
        if identity is None or ctx.request_id is None:
            return await call_next(ctx)
        tool = (ctx.params or {}).get("name") if ctx.method == "tools/call" else None
        caller = identity.caller.name
        try:
            self._count(caller, tool)
            with self._one_more(caller, ctx.method == LISTEN):
                return await call_next(ctx)
        except RateLimited as error:
            if tool is None:
                raise failures.protocol_error(error) from None
            # The model reads it, and can wait.
            return failures.failed_call(failures.told(error))

    def _count(self, caller: str, tool: object) -> None:
        for which, rate in self._rates:
            if which in ("", tool) and not self._limiter.hit(rate, caller, which):
                again = self._limiter.get_window_stats(rate, caller, which).reset_time
                seconds = max(_SOON, math.ceil(again - time.time()))
                calls = "1 call" if rate.amount == 1 else f"{rate.amount} calls"
                are = "is" if rate.amount == 1 else "are"
                raise RateLimited(
                    f"{calls} {f'of {which}' if which else 'in all'} {are} allowed in "
                    f"{rate.get_expiry()} seconds (setting rate_limits); "
                    f"come again in {seconds} seconds.",
                    seconds,
                )

    @contextmanager
    def _one_more(self, caller: str, listening: bool) -> Generator[None]:
        key, most = (caller, listening), MOST_STREAMS if listening else self._concurrent
        if self._running[key] >= most:
            if listening:
                raise RateLimited(
                    f"you listen in {most} streams already, and one caller may have no more; "
                    "come again when one of them has ended.",
                    _SOON,
                )
            raise RateLimited(
                f"{most} calls of yours are under way already (setting concurrent_calls); "
                f"come again in {_SOON} second, or when one of them has ended.",
                _SOON,
            )
        self._running[key] += 1
        try:
            yield
        finally:
            self._running[key] -= 1
            if not self._running[key]:
                del self._running[key]


def _parsed(text: str) -> tuple[str, RateLimitItem]:
    tool, _, rate = text.rpartition("=")
    return tool, parse(rate)
