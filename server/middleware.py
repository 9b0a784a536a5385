"""What every message passes before it reaches its handler."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, cast

from mcp import MCPError
from mcp_types import INTERNAL_ERROR, Prompt
from pydantic import ValidationError

from docindex.indexer.errors import DocindexError, InvalidInput, ReadOnly
from docindex.indexer.names import shown
from docindex.server import failures
from docindex.server.protocol import (
    CallNext,
    HandlerResult,
    RequestContext,
    Server,
    without_session,
)
from docindex.server.tools import WRITE_TOOLS


async def errors_in_our_words(ctx: RequestContext, call_next: CallNext) -> HandlerResult:
    """Errors of the library become protocol errors; of accidents, only a number gets out."""
    try:
        return await call_next(ctx)
    except MCPError:
        raise
    except ValidationError as error:
        raise failures.protocol_error(failures.misfit(error, ctx.params)) from None
    except DocindexError as error:
        raise failures.protocol_error(error) from None
    except Exception as error:
        raise MCPError(INTERNAL_ERROR, failures.accident(shown(ctx.method), error)) from None


class LiveInstructions:
    """Puts the instructions of this moment into the answer that opens a connection.

    The SDK knows only instructions that are fixed when the server is built. The same
    answer promises notices of changes, which it would leave out for older clients, and
    would promise to those that cannot be told.
    """

    def __init__(self, instructions: Callable[[], Awaitable[str]]) -> None:
        self._instructions = instructions

    async def __call__(self, ctx: RequestContext, call_next: CallNext) -> HandlerResult:
        result = await call_next(ctx)
        if ctx.method not in ("initialize", "server/discover") or not isinstance(result, dict):
            return result
        capabilities = cast(dict[str, Any], result["capabilities"])
        told = not without_session(ctx)
        promised = {"listChanged": told, "subscribe": told}
        resources = cast(dict[str, Any], capabilities["resources"]) | promised
        return result | {
            "instructions": await self._instructions(),
            "capabilities": capabilities | {"resources": resources},
        }


class KnownNames:
    """Refuses tools and prompts that are not there, and prompts' arguments that do not fit.

    The SDK answers an unknown prompt as an internal error with a traceback in the
    log, and an unknown tool as a failed call.
    """

    def __init__(self, server: Server, tools: Iterable[str], *, read_only: bool) -> None:
        self._server = server
        self._tools = frozenset(tools)
        self._read_only = read_only

    async def __call__(self, ctx: RequestContext, call_next: CallNext) -> HandlerResult:
        params = ctx.params or {}
        name = params.get("name")
        if isinstance(name, str):
            if ctx.method == "tools/call":
                await self._check_tool(name)
            elif ctx.method == "prompts/get":
                await self._check_prompt(name, params.get("arguments"))
        return await call_next(ctx)

    async def _check_tool(self, name: str) -> None:
        if name in self._tools:
            return
        if self._read_only and name in WRITE_TOOLS:
            raise ReadOnly(f"{name} is switched off: this server only reads.")
        known = [tool.name for tool in await self._server.list_tools()]
        if name not in known:
            raise _unknown("tool", name, known)

    async def _check_prompt(self, name: str, arguments: object) -> None:
        prompts = {prompt.name: prompt for prompt in await self._server.list_prompts()}
        if name not in prompts:
            raise _unknown("prompt", name, prompts)
        if arguments is None or isinstance(arguments, Mapping):
            given = cast("Mapping[str, object]", arguments or {})
            _check_prompt_arguments(prompts[name], given)


def _check_prompt_arguments(prompt: Prompt, given: Mapping[str, object]) -> None:
    known = [argument.name for argument in prompt.arguments or ()]
    for name in given:
        if name not in known:
            raise _unknown(f"argument of {prompt.name}", name, known)
    for argument in prompt.arguments or ():
        if argument.required and not str(given.get(argument.name, "")).strip():
            raise InvalidInput(f"{prompt.name} needs {argument.name}.")


def _unknown(kind: str, name: str, known: Iterable[str]) -> InvalidInput:
    from difflib import get_close_matches  # needed only by those who mistype

    names = list(known)
    close = get_close_matches(name, names, 1)
    hint = f" Did you mean {close[0]}?" if close else ""
    return InvalidInput(f'unknown {kind} "{shown(name)}"; there are {", ".join(names)}.{hint}')
