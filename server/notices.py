"""Changes of the documents, told to the clients that asked.

Clients of the protocol 2026-07-28 listen on the bus that the SDK serves. Earlier
ones get list_changed without asking, and resources/updated for what they
subscribed to; they are known here for as long as their connection is open.
"""

import logging
import time
from collections.abc import Sequence
from typing import Final

import anyio
from mcp.server.connection import Connection
from mcp.server.subscriptions import ResourcesListChanged, ResourceUpdated
from mcp_types import EmptyResult, SubscribeRequestParams, UnsubscribeRequestParams

from docindex.indexer.errors import DocindexError, InvalidInput
from docindex.indexer.library import Library
from docindex.indexer.models import Changes
from docindex.indexer.names import parse_uri, uri_of
from docindex.server.audience import Audience
from docindex.server.offload import Offload
from docindex.server.protocol import (
    CallNext,
    HandlerResult,
    RequestContext,
    Server,
    connection_of,
    serve_method,
    without_session,
)
from docindex.server.resources import STATUS_URI

logger = logging.getLogger(__name__)

LOOK_SECONDS: Final = 0.5
LONGEST_PAUSE: Final = 60.0
"""Between looks that fail, so that the log does not fill up."""
HOLD_SECONDS: Final = 5.0
"""How long a list that keeps changing is kept back: a checkout is one change."""
SEND_SECONDS: Final = 1.0
MOST_SUBSCRIPTIONS: Final = 1_000


class ListChange:
    """Turns a flurry of changes of the list of documents into one notice."""

    def __init__(self) -> None:
        self._since: float | None = None

    def due(self, changed: bool, now: float) -> bool:
        """Whether to tell now: once it is quiet, or after `HOLD_SECONDS` of flurry."""
        if changed and self._since is None:
            self._since = now
        if self._since is None or (changed and now - self._since < HOLD_SECONDS):
            return False
        self._since = None
        return True


class Notices:
    def __init__(self, audience: Audience) -> None:
        self._audience = audience
        self._list_change = ListChange()
        self._listed: set[str] = set()
        """What came to the list, or went, since its change was told."""
        self._subscribed: dict[Connection, dict[str, str]] = {}
        """For each open connection of an earlier protocol: the URIs it subscribed to, as
        it wrote them, and the address under which each is known to change."""

    def attach(self, server: Server) -> None:
        serve_method(server, "resources/subscribe", SubscribeRequestParams, self._subscribe)
        serve_method(server, "resources/unsubscribe", UnsubscribeRequestParams, self._unsubscribe)
        server.middleware.append(self._on_message)

    async def _on_message(self, ctx: RequestContext, call_next: CallNext) -> HandlerResult:
        result = await call_next(ctx)
        if ctx.method == "notifications/initialized":
            self.join(connection_of(ctx))
        return result

    @property
    def connections(self) -> int:
        """How many of an earlier protocol are open."""
        return len(self._subscribed)

    def join(self, connection: Connection) -> dict[str, str]:
        """Tells `connection` of changes until it closes. Gives its subscriptions."""
        if connection not in self._subscribed:
            self._subscribed[connection] = {}
            connection.exit_stack.callback(self._subscribed.pop, connection, None)
        return self._subscribed[connection]

    async def _subscribe(
        self, context: RequestContext, params: SubscribeRequestParams
    ) -> EmptyResult:
        if without_session(context):
            raise InvalidInput(
                "over HTTP only clients of the protocol 2026-07-28 hear of changes "
                "(subscriptions/listen): read the resource again instead."
            )
        uri = str(params.uri)
        document = _document_uri(uri)
        subscriptions = self.join(connection_of(context))
        if uri not in subscriptions and len(subscriptions) >= MOST_SUBSCRIPTIONS:
            raise InvalidInput(
                f"a connection may subscribe to {MOST_SUBSCRIPTIONS} resources: "
                "unsubscribe from some first, or wait for list_changed instead."
            )
        subscriptions[uri] = document
        return EmptyResult()

    async def _unsubscribe(
        self, context: RequestContext, params: UnsubscribeRequestParams
    ) -> EmptyResult:
        self.join(connection_of(context)).pop(str(params.uri), None)
        return EmptyResult()

    async def watch(self, library: Library, offload: Offload) -> None:
        """Looks for changes and tells them, until cancelled."""
        pause = LOOK_SECONDS
        while True:
            try:
                changes = await offload.answer(library.changes)
                pause = LOOK_SECONDS
            except Exception as error:
                unexpected = not isinstance(error, DocindexError)
                logger.warning("changes cannot be told: %s", error, exc_info=unexpected)
                changes = Changes()
                pause = min(pause * 2, LONGEST_PAUSE)
            await self.tell(changes, time.monotonic())
            await anyio.sleep(pause)

    async def tell(self, changes: Changes, now: float) -> None:
        list_changed = bool(changes.added or changes.removed)
        self._listed.update(changes.added, changes.removed)
        if changes:
            await self._tell_updated((*changes.added, *changes.updated, *changes.removed))
        if self._list_change.due(list_changed, now):
            await self._tell_list_changed()

    async def _tell_updated(self, names: Sequence[str]) -> None:
        for name in names:
            await self._audience.tell(ResourceUpdated(uri_of(name)), (name,))
        await self._audience.tell(ResourceUpdated(STATUS_URI), names)
        changed = frozenset((*map(uri_of, names), STATUS_URI))
        for connection, subscriptions in list(self._subscribed.items()):
            with anyio.move_on_after(SEND_SECONDS):
                for uri, document in list(subscriptions.items()):
                    if document in changed:
                        await connection.send_resource_updated(uri)

    async def _tell_list_changed(self) -> None:
        await self._audience.tell(ResourcesListChanged(), tuple(self._listed))
        self._listed.clear()
        for connection in list(self._subscribed):
            with anyio.move_on_after(SEND_SECONDS):
                await connection.send_resource_list_changed()


def _document_uri(uri: str) -> str:
    """The address that changes are known by; a section changes with its document."""
    if uri == STATUS_URI:
        return uri
    name, _ = parse_uri(uri)
    return uri_of(name)
