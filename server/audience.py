"""Notices for those who may read what they are about."""

import logging
from collections.abc import Callable, Sequence

import anyio.lowlevel
from mcp.server.subscriptions import ServerEvent

from docindex.indexer.library import Library
from docindex.server.callers import library_of_caller

logger = logging.getLogger(__name__)

Listener = Callable[[ServerEvent], None]


class Audience:
    """The SDK's `SubscriptionBus`, on which each listener hears of what it may read."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._listeners: dict[object, tuple[Listener, Library]] = {}

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """For whoever calls now."""
        key = object()
        self._listeners[key] = (listener, library_of_caller(self._library))

        def leave() -> None:
            self._listeners.pop(key, None)

        return leave

    async def publish(self, event: ServerEvent) -> None:
        """Tells everybody."""
        await self._tell(event, [listener for listener, _ in self._listeners.values()])

    async def tell(self, event: ServerEvent, names: Sequence[str]) -> None:
        """Tells those who may read any of the documents that it is about."""
        await self._tell(
            event,
            [
                listener
                for listener, seen in self._listeners.values()
                if any(map(seen.may_read, names))
            ],
        )

    async def _tell(self, event: ServerEvent, listeners: Sequence[Listener]) -> None:
        for listener in listeners:
            try:
                listener(event)
            except Exception:
                logger.exception("a listener could not be told")
        # So that what was told can go out before the next event comes.
        await anyio.lowlevel.checkpoint()
