"""What is seen of each request and each call: a line in the log, and a count."""

import logging
import re
import secrets
import time
from collections.abc import Mapping
from itertools import count
from typing import Any, Final, cast

import anyio
from mcp import MCPError
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from docindex.indexer.names import shown
from docindex.server.callers import identity_of
from docindex.server.logs import FIELDS
from docindex.server.metrics import METHODS, Metrics
from docindex.server.protocol import CallNext, HandlerResult, RequestContext
from docindex.server.scopes import TOOLS

logger = logging.getLogger(__name__)

REQUEST: Final = "docindex.request"
"""Where the ASGI scope of a request holds its id."""
REFUSED: Final = "docindex.refused"
"""Where it holds why it became no message."""
_HEADER: Final = "X-Request-Id"
_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


class Requests:
    """Gives each request an id, that of a proxy if there is one, and notes those that
    became no message."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics
        self._process = secrets.token_hex(4)
        self._count = count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(_HEADER, "")
        number = given if _ID.fullmatch(given) else f"{self._process}-{next(self._count):x}"
        scope[REQUEST] = number

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[_HEADER] = number
                if REFUSED in scope:
                    self._note(scope, int(message["status"]))
            await send(message)

        await self._app(scope, receive, told)

    def _note(self, scope: Scope, status: int) -> None:
        self._metrics.refused.labels(str(status)).inc()
        fields = {"request": scope[REQUEST], "status": status, "said": scope[REFUSED]}
        logger.info("refused", extra={FIELDS: fields})


class Calls:
    """Notes each call: who, what, how long, how it ended, how much was found."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    async def __call__(self, ctx: RequestContext, call_next: CallNext) -> HandlerResult:
        if ctx.request_id is None:
            return await call_next(ctx)
        start = time.perf_counter()
        outcome, found = "ok", None
        self._metrics.running.inc()
        try:
            result = await call_next(ctx)
            outcome, found = _outcome(result), _found(result)
        except MCPError as error:
            outcome = _code(error)
            raise
        except anyio.get_cancelled_exc_class():
            outcome = "left"
            raise
        except Exception:
            outcome = "internal_error"
            raise
        else:
            return result
        finally:
            self._metrics.running.dec()
            self._note(ctx, time.perf_counter() - start, outcome, found)

    def _note(self, ctx: RequestContext, seconds: float, outcome: str, found: int | None) -> None:
        tool = ""
        if ctx.method == "tools/call":
            name = (ctx.params or {}).get("name")
            tool = name if isinstance(name, str) and name in TOOLS else "unknown"
        self._metrics.call(ctx.method, tool, outcome, seconds)
        if not logger.isEnabledFor(logging.INFO):
            return
        identity = identity_of(ctx)
        fields: dict[str, object] = {
            "request": ctx.request.scope.get(REQUEST) if ctx.request is not None else None,
            "caller": shown(identity.caller.name) if identity else None,
            "method": ctx.method if ctx.method in METHODS else "unknown",
            "tool": tool or None,
            "ms": round(seconds * 1_000, 1),
            "outcome": outcome,
            "hits": found,
            "protocol": ctx.protocol_version,
        }
        given = {name: value for name, value in fields.items() if value is not None}
        logger.info("call", extra={FIELDS: given})


def _outcome(result: HandlerResult) -> str:
    """`ok`, or the code of the error that a tool has answered."""
    answer = _plain(result)
    if not answer.get("isError"):
        return "ok"
    blocks = cast("list[dict[str, Any]]", answer.get("content") or [{}])
    code = str(blocks[0].get("text", "")).partition(":")[0]
    return code if re.fullmatch(r"[a-z_]{1,40}", code) else "error"


def _found(result: HandlerResult) -> int | None:
    structured = _plain(result).get("structuredContent")
    if not isinstance(structured, Mapping):
        return None
    for name in ("results", "documents"):
        items = cast("Mapping[str, object]", structured).get(name)
        if isinstance(items, list):
            return len(cast("list[object]", items))
    return None


def _plain(result: HandlerResult) -> Mapping[str, Any]:
    if result is None or isinstance(result, dict):
        return result or {}
    return result.model_dump(by_alias=True)


def _code(error: MCPError) -> str:
    data: object = error.error.data
    if isinstance(data, dict) and "code" in data:
        return str(cast("dict[str, object]", data)["code"])
    return str(error.error.code)
