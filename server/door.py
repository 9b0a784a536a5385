"""What a request passes over HTTP before it becomes a message.

The SDK reads a body whole. What it leaves open is decided here, before anything is
started: where a request may come from, how large it may be and how long it may take, whose
it is, and whether they may send such a message.
"""

import time
from collections.abc import Mapping
from typing import Final, cast

import anyio
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from docindex.server.addresses import Addresses
from docindex.server.callers import IDENTITY, Identity
from docindex.server.envelope import message_in
from docindex.server.gate import Gate
from docindex.server.observing import REFUSED
from docindex.server.refusals import refusal

BODY_SECONDS: Final = 30.0
"""How long a client may take to send one request."""
_MOST_SAID: Final = 300
_CLOSE: Final = {"Connection": "close"}
"""What is still to come of a request would have to be read otherwise."""


class Door:
    """The ASGI application at /mcp: checks, then the SDK's own."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        addresses: Addresses,
        max_request_bytes: int,
        gate: Gate | None,
    ) -> None:
        self._app = app
        self._addresses = addresses
        self._most = max_request_bytes
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        refused = self._refused(request)
        if refused is None and self._gate is not None:
            admitted = await self._gate.admit(request)
            if isinstance(admitted, Response):
                refused = admitted
            else:
                scope[IDENTITY] = admitted
        if refused is None:
            body = await read_body(receive, self._most)
            if body is None:
                return
            message = body if isinstance(body, Response) else message_in(body)
            if isinstance(message, Response):
                refused = message
            else:
                await self._pass(message, cast(bytes, body), scope, receive, send)
                return
        await _refuse(refused, scope, receive, send)

    def _refused(self, request: Request) -> Response | None:
        foreign = self._addresses.refused(request)
        if foreign is not None:
            return foreign
        if request.method != "POST":
            # There are no sessions, so there is neither a stream to get nor one to end.
            return refusal(405, "send messages with POST", {"Allow": "POST"})
        declared = request.headers.get("content-length", "")
        if declared.isdecimal() and int(declared[:20]) > self._most:
            return too_large(self._most)
        return None

    async def _pass(
        self,
        message: Mapping[str, object],
        body: bytes,
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        whole: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Message:
            return whole.pop() if whole else await receive()

        identity: Identity | None = scope.get(IDENTITY)
        if self._gate is None or identity is None:
            await self._app(scope, replay, send)
            return
        refused = self._gate.allow(identity, message)
        if refused is not None:
            await _refuse(refused, scope, receive, send)
            return
        # Whoever listens for changes listens no longer than their token holds.
        left = float("inf")
        if identity.expires_at is not None and message.get("method") == "subscriptions/listen":
            left = identity.expires_at - time.time()
        with anyio.move_on_after(left) as listening:
            await self._app(scope, replay, send)
        if listening.cancelled_caught:
            await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _refuse(refused: Response, scope: Scope, receive: Receive, send: Send) -> None:
    scope.setdefault(REFUSED, bytes(refused.body).decode(errors="replace")[:_MOST_SAID])
    await refused(scope, receive, send)


def too_large(most: int) -> Response:
    return refusal(413, f"a request may have {most} bytes (setting max_request_bytes)", _CLOSE)


async def read_body(receive: Receive, most: int) -> bytes | Response | None:
    """A whole body; what to answer instead; None when the client has left."""
    body = bytearray()
    with anyio.move_on_after(BODY_SECONDS):
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return None
            body += message.get("body", b"")
            if len(body) > most:
                return too_large(most)
            if not message.get("more_body", False):
                return bytes(body)
    return refusal(408, "the request took too long to arrive", _CLOSE)
