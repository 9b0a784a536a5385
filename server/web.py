"""The server over HTTP: what is at which address."""

from collections.abc import Callable
from typing import Final

from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, request_response
from starlette.types import ASGIApp, Receive, Scope, Send

from docindex.indexer.errors import DocindexError
from docindex.indexer.library import Library
from docindex.server.addresses import Addresses
from docindex.server.door import Door
from docindex.server.gate import WELL_KNOWN, Gate
from docindex.server.http_settings import HttpSettings, knows_callers
from docindex.server.metrics import MEDIA_TYPE, Metrics
from docindex.server.observing import Requests
from docindex.server.offload import Offload
from docindex.server.protocol import Server, streamable_http
from docindex.server.scopes import ADMIN

PATH: Final = "/mcp"
_REQUEST_HEADERS: Final = (
    *("Authorization", "Accept", "Content-Type", "Last-Event-ID"),
    *("MCP-Protocol-Version", "Mcp-Method", "Mcp-Name", "Mcp-Session-Id"),
)


def web_app(
    server: Server,
    library: Library,
    metrics: Metrics,
    settings: HttpSettings,
    resource: str,
    stopping: Callable[[], bool],
) -> ASGIApp:
    """`resource` is the address under which clients know it, `stopping` tells whether it
    was told to end."""
    addresses = Addresses(settings)
    http, lifespan = streamable_http(server, settings.max_request_bytes)
    gate = Gate(settings, resource) if knows_callers(settings) else None
    door: ASGIApp = Door(
        http, addresses=addresses, max_request_bytes=settings.max_request_bytes, gate=gate
    )
    if settings.allowed_origins:
        door = CORSMiddleware(
            door,
            allow_origins=addresses.pages,
            allow_methods=["POST"],
            allow_headers=_REQUEST_HEADERS,
            expose_headers=["WWW-Authenticate", "Retry-After"],
        )
    readiness = Readiness(library, stopping)
    routes = [
        Route("/healthz", alive),
        Route("/readyz", readiness.answer),
        Route("/metrics", Told(metrics, addresses, gate).answer),
    ]
    if gate is not None:
        public = CORSMiddleware(request_response(gate.metadata), allow_origins=["*"])
        routes.append(Route(WELL_KNOWN, public))
        routes.append(Route(WELL_KNOWN + "/{path:path}", public))
    others = Starlette(routes=routes, lifespan=lifespan)
    # It would send a client that ends an address with / to whatever host it had named.
    others.router.redirect_slashes = False

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        # Calls, which are many, go straight to the door.
        called = scope["type"] == "http" and scope["path"] == PATH
        await (door if called else others)(scope, receive, send)

    return Requests(app, metrics)


async def alive(_: Request) -> Response:
    return JSONResponse({"status": "alive"})


class Readiness:
    """Whether calls should be sent here: from the first whole index on, and until the
    server is told to end. What the documents are is nobody's business who asks this: balancers
    ask by a number, so any host is answered for, with one word."""

    def __init__(self, library: Library, stopping: Callable[[], bool]) -> None:
        self._library = library
        self._stopping = stopping
        self._offload = Offload()
        self._was_ready = False

    async def answer(self, _: Request) -> Response:
        if self._stopping():
            return JSONResponse({"status": "stopping"}, 503)
        if not self._was_ready:
            try:
                index = await self._offload.answer(self._library.view)
            except DocindexError as error:
                return JSONResponse({"status": error.code}, 503)
            if index.state in ("building", "degraded") and index.as_of is None:
                return JSONResponse({"status": index.state}, 503)
            self._was_ready = True
        return JSONResponse({"status": "ready"})


class Told:
    """The metrics, for whoever may know how much is here and how it is used: no foreign
    page, even where no token is asked for."""

    def __init__(self, metrics: Metrics, addresses: Addresses, gate: Gate | None) -> None:
        self._metrics = metrics
        self._addresses = addresses
        self._gate = gate
        self._offload = Offload()

    async def answer(self, request: Request) -> Response:
        foreign = self._addresses.refused(request)
        if foreign is not None:
            return foreign
        if self._gate is not None:
            identity = await self._gate.admit(request)
            if isinstance(identity, Response):
                return identity
            refused = self._gate.require(identity, ADMIN)
            if refused is not None:
                return refused
        text = await self._offload.answer(self._metrics.text)
        return Response(text, media_type=MEDIA_TYPE)
