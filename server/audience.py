"""Notices for those who may read what they are about."""

from collections.abc import Callable
from dataclasses import dataclass

from mcp.server.subscriptions import (
    InMemorySubscriptionBus,
    ResourcesListChanged,
    ResourceUpdated,
    ServerEvent,
)

from docindex.indexer.library import Library
from docindex.server.callers import library_of_caller


@dataclass(frozen=True)
class ChangeOf(ResourceUpdated):
    """A resource has changed, because of some documents."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class ListChangeOf(ResourcesListChanged):
    """The list has changed by some documents."""

    names: tuple[str, ...]


class Audience(InMemorySubscriptionBus):
    """Tells each listener what it may know: of changes to documents that it may read."""

    def __init__(self, library: Library) -> None:
        super().__init__()
        self._library = library

    def subscribe(self, listener: Callable[[ServerEvent], None]) -> Callable[[], None]:
        """For whoever calls now."""
        seen = library_of_caller(self._library)

        def tell(event: ServerEvent) -> None:
            if not isinstance(event, ChangeOf | ListChangeOf) or any(
                map(seen.may_read, event.names)
            ):
                listener(event)

        return super().subscribe(tell)
