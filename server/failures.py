"""What a caller is told when something goes wrong.

A failure that docindex foresaw (a `DocindexError`) is told in its own words,
with its stable code in front: `document_not_found: there is no …`. Anything else
is an accident: its details may hold paths or other people's text, so they go to
the log under a number, and the caller is told the number.

A failed tool call carries no `structuredContent`. The TypeScript client before
version 2, which Claude Code is built on, holds it against the tool's output
schema even when `isError` is set, and would replace our message by its own.
"""

import logging
import secrets

from mcp import MCPError
from mcp_types import INTERNAL_ERROR, INVALID_PARAMS, CallToolResult, TextContent

from docindex.indexer.errors import (
    Conflict,
    DocindexError,
    InvalidInput,
    NotFound,
    RateLimited,
    Refused,
    VersionMismatch,
)
from docindex.server.wire import DIFF_IS_DATA

logger = logging.getLogger(__name__)

_CALLERS_FAULT = (InvalidInput, NotFound, Conflict, Refused)


def printable(text: str) -> str:
    """`text` without lone surrogates, which no UTF-8 stream can carry."""
    return text.encode("utf-8", "replace").decode("utf-8")


def told(error: DocindexError) -> str:
    said = f"{error.code}: {error}"
    if isinstance(error, VersionMismatch) and error.diff:
        said += f". What has changed since ({DIFF_IS_DATA}):\n{error.diff}"
    return printable(said)


def accident(where: str, error: Exception) -> str:
    """Logs `error` under a number and returns what to tell the caller."""
    number = secrets.token_hex(4)
    logger.error("accident %s in %s", number, where, exc_info=error)
    return (
        f"internal_error: docindex failed at this (accident {number} in the server's log). "
        "Try again; if it stays, `docindex doctor` may say why."
    )


def failed_call(message: str) -> CallToolResult:
    """A tool result that the model reads as an error."""
    return CallToolResult(content=[TextContent(type="text", text=message)], is_error=True)


def protocol_error(error: DocindexError) -> MCPError:
    """For methods that have no result to put an error into: resources, prompts, completion."""
    code = INVALID_PARAMS if isinstance(error, _CALLERS_FAULT) else INTERNAL_ERROR
    data: dict[str, object] = {"code": error.code}
    if isinstance(error, RateLimited):
        data["retry_after"] = error.retry_after
    return MCPError(code, told(error), data)
