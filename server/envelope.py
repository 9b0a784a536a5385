"""Which bodies of requests are messages, and what is wrong with the others.

The SDK decides that once for each era of the protocol, with other codes and other words,
and in the earlier one quotes the whole body in those of pydantic.
"""

import json
from collections.abc import Mapping
from typing import cast

from mcp_types import INVALID_PARAMS, INVALID_REQUEST, PARSE_ERROR
from starlette.responses import Response

from docindex.server.refusals import refusal


def message_in(body: bytes) -> Mapping[str, object] | Response:
    """The one message in a body, or what to answer."""
    try:
        found: object = json.loads(body)
    except (ValueError, RecursionError):
        return refusal(400, "the body is not JSON", code=PARSE_ERROR)
    if isinstance(found, list):
        return refusal(400, "batches are not served: send one message with each request")
    message = cast("dict[str, object]", found) if isinstance(found, dict) else {}
    wrong = _wrong_envelope(message)
    if wrong is not None:
        said = f"the body is not a JSON-RPC 2.0 message: {wrong}"
        return refusal(400, said, code=INVALID_REQUEST)
    if not isinstance(message.get("params"), dict | None):
        return refusal(400, "params must be an object", code=INVALID_PARAMS, of=message.get("id"))
    return message


def _wrong_envelope(message: Mapping[str, object]) -> str | None:
    if message.get("jsonrpc") != "2.0":
        return 'jsonrpc must be "2.0"'
    if "method" not in message and message.keys() & {"result", "error"}:
        return "it is an answer, and nothing was asked"
    if not isinstance(message.get("method"), str):
        return "method must be a string"
    number = message.get("id", "")
    if isinstance(number, bool) or not isinstance(number, str | int):
        return "id must be a string or a whole number"
    return None
