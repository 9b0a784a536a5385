"""MCP over standard input and output.

The SDK drops a line that it cannot read, and its sender waits for ever. Here every
line gets an answer; and one that only holds half of a character, as a client in
JavaScript sends when it cuts an emoji in two, is read with U+FFFD in its place.
"""

import json
from typing import cast

import anyio
from anyio.streams.memory import MemoryObjectSendStream
from mcp.server.stdio import stdio_server
from mcp.shared.message import SessionMessage
from mcp_types import INVALID_REQUEST, PARSE_ERROR, ErrorData, JSONRPCError
from mcp_types.jsonrpc import jsonrpc_message_adapter
from pydantic import ValidationError

from docindex.server.failures import printable
from docindex.server.protocol import Incoming, Lines, Messages, Server, run


async def run_on_stdio(server: Server) -> None:
    """Serves the process's standard input and output until the input ends."""
    async with stdio_server() as (lines, outgoing):
        readable, incoming = anyio.create_memory_object_stream[Incoming]()
        async with anyio.create_task_group() as beside:
            beside.start_soon(relay, lines, readable, outgoing)
            await run(server, incoming, outgoing)
            beside.cancel_scope.cancel()


async def relay(
    lines: Lines,
    readable: MemoryObjectSendStream[Incoming],
    outgoing: Messages,
) -> None:
    """Passes on what can be read, and answers the rest."""
    async with readable:
        async for item in lines:
            message = read_again(item) if isinstance(item, ValidationError) else item
            if isinstance(message, JSONRPCError):
                await outgoing.send(SessionMessage(message))
            else:
                await readable.send(message)


def read_again(error: ValidationError) -> SessionMessage | JSONRPCError:
    """The message in a line that the SDK could not read, or what to answer to it."""
    # The line as it was, when it could not be read at all; else the part that is wrong.
    line = cast(object, error.errors()[0]["input"])
    try:
        value = json.loads(line) if isinstance(line, str) else line
        text = printable(json.dumps(value, ensure_ascii=False))
    except (ValueError, TypeError, RecursionError):
        return _refusal(None, PARSE_ERROR, "this line is not JSON")
    try:
        return SessionMessage(jsonrpc_message_adapter.validate_json(text, by_name=False))
    except ValidationError:
        return _refusal(value, INVALID_REQUEST, "this line is not a JSON-RPC 2.0 message")


def _refusal(value: object, code: int, message: str) -> JSONRPCError:
    number = cast("dict[str, object]", value).get("id") if isinstance(value, dict) else None
    known = number if isinstance(number, str | int) else None
    return JSONRPCError(jsonrpc="2.0", id=known, error=ErrorData(code=code, message=message))
