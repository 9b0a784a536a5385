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
from collections.abc import Mapping
from typing import Final, cast

from mcp import MCPError
from mcp_types import INTERNAL_ERROR, INVALID_PARAMS, CallToolResult, TextContent
from pydantic import ValidationError

from docindex.indexer.errors import (
    Conflict,
    DocindexError,
    InvalidInput,
    NotFound,
    RateLimited,
    Refused,
    VersionMismatch,
)
from docindex.indexer.names import shown
from docindex.server.wire import DIFF_IS_DATA

logger = logging.getLogger(__name__)

_CALLERS_FAULT = (InvalidInput, NotFound, Conflict, Refused)
_MISFITS: Final = {
    "missing": "is missing",
    "string_type": "must be a string",
    "int_type": "must be a whole number",
    "dict_type": "must be an object",
    "model_type": "must be an object",
}
"""By pydantic's names for them."""


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


def misfit(error: ValidationError, params: Mapping[str, object] | None) -> InvalidInput:
    """Which part of a message does not fit, by names that are in the message."""
    wrong = error.errors(include_url=False, include_context=False, include_input=False)[0]
    path = [str(part) for part in wrong["loc"]]
    known: list[str] = []
    inside: object = {"params": params} if params is not None else {}
    for part in path:
        if not isinstance(inside, Mapping) or part not in inside:
            break
        inside = cast("Mapping[str, object]", inside)[part]
        known.append(part)
    if wrong["type"] == "missing" and len(known) + 1 == len(path):
        known = path
    # What else is left of the path are pydantic's names for the members of a union.
    meaning = _MISFITS.get(wrong["type"]) if known == path else None
    return InvalidInput(f"{shown('.'.join(known) or 'params')} {meaning or 'does not fit'}.")
