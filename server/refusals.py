"""Answers to requests that never became a message."""

from collections.abc import Mapping

from mcp_types import INVALID_REQUEST
from starlette.responses import JSONResponse, Response


def refusal(
    status: int,
    message: str,
    headers: Mapping[str, str] | None = None,
    *,
    code: int = INVALID_REQUEST,
    data: Mapping[str, object] | None = None,
    of: object = None,
) -> Response:
    """A JSON-RPC error, whose `data.code` is stable, to the request that has the id `of`."""
    error: dict[str, object] = {"code": code, "message": message}
    if data:
        error["data"] = data
    content = {"jsonrpc": "2.0", "id": of, "error": error}
    return JSONResponse(content, status, dict(headers or {}))
