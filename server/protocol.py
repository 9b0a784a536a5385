"""The one place that reaches behind the public face of the MCP SDK.

Everything else in `docindex.server` uses what the SDK documents. What is here was
written against mcp 2.3 and is to be looked at when the SDK moves.
"""
# pyright: reportPrivateUsage=false, reportPrivateImportUsage=false
# ruff: noqa: SLF001

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeAlias, TypeVar, cast

from mcp import MCPError
from mcp.server import MCPServer, ServerRequestContext
from mcp.server import mcpserver as sdk
from mcp.server.connection import Connection
from mcp.server.mcpserver.context import Context
from mcp.server.mcpserver.tools import Tool as SdkTool
from mcp.server.subscriptions import ListenHandler
from mcp.server.transport_security import TransportSecuritySettings
from mcp.shared._stream_protocols import ReadStream, WriteStream
from mcp.shared.message import SessionMessage
from mcp_types import RequestParams
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from pydantic import BaseModel
from starlette.types import ASGIApp

from docindex.indexer.errors import DocindexError
from docindex.server import failures, schemas
from docindex.server.arguments import checked

RequestContext: TypeAlias = ServerRequestContext[Any, Any]
CallNext: TypeAlias = Callable[[RequestContext], Awaitable["HandlerResult"]]
Server: TypeAlias = MCPServer[Any]
HandlerResult: TypeAlias = BaseModel | dict[str, Any] | None

Incoming: TypeAlias = SessionMessage | Exception
Lines: TypeAlias = ReadStream[Incoming]
Messages: TypeAlias = WriteStream[SessionMessage]

_Params = TypeVar("_Params", bound=RequestParams)


def leave_the_log_alone() -> None:
    """Servers built from now on do not set up logging, which is the program's to do; the
    SDK would import rich for it, on the way to the first answer."""
    sdk.server.configure_logging = _configured_already  # type: ignore[attr-defined]


def _configured_already(level: str = "") -> None:
    del level


class Tool(SdkTool):
    """A tool whose arguments are strict, whose schemas are lean and whose errors are ours.

    The SDK ignores arguments that it does not know, and words the rest in pydantic's way.
    """

    @classmethod
    def from_function(cls, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> "Tool":
        tool = super().from_function(fn, *args, **kwargs)
        tool.parameters = schemas.of_arguments(tool.parameters)
        metadata = tool.fn_metadata
        if metadata.output_schema is not None:
            metadata.output_schema = schemas.of_answer(metadata.output_schema)
        return cast(Tool, tool)

    async def run(
        self,
        arguments: dict[str, Any],
        context: Context[Any, Any],
        convert_result: bool = False,  # noqa: ARG002 - ours are results already
    ) -> Any:
        try:
            model = self.fn_metadata.arg_model
            values = checked(self.name, self.parameters, model, arguments)
            if self.context_kwarg is not None:
                values[self.context_kwarg] = context
            return await self.fn(**values)
        except MCPError:
            raise
        except DocindexError as error:
            return failures.failed_call(failures.told(error))
        except Exception as error:
            return failures.failed_call(failures.accident(self.name, error))


def serve_method(
    server: Server,
    method: str,
    params: type[_Params],
    handler: Callable[[RequestContext, _Params], Awaitable[HandlerResult]],
) -> None:
    """Answers `method` by `handler`, in the place of the SDK's own."""
    server._lowlevel_server.add_request_handler(method, params, handler)


def sdk_handler(
    server: Server, method: str
) -> Callable[[RequestContext, Any], Awaitable[HandlerResult]]:
    """What answers `method` so far."""
    entry = server._lowlevel_server.get_request_handler(method)
    if entry is None:
        raise LookupError(method)
    return entry.handler


def connection_of(context: RequestContext) -> Connection:
    """The connection behind a request: what a session is, beyond the one message."""
    return context.session._connection


def without_session(context: RequestContext) -> bool:
    """Whether the client can be told nothing but answers: it speaks an earlier protocol, and
    each of its requests over HTTP stands alone."""
    return context.request is not None and context.protocol_version in HANDSHAKE_PROTOCOL_VERSIONS


async def run(
    server: Server,
    incoming: Lines,
    outgoing: Messages,
) -> None:
    """Serves one connection until its input ends."""
    low = server._lowlevel_server
    await low.run(incoming, outgoing, low.create_initialization_options())


def streamable_http(
    server: Server, max_request_bytes: int
) -> tuple[ASGIApp, Callable[[object], AbstractAsyncContextManager[None]]]:
    """The endpoint that serves both eras, and what has to be open while it does.

    Without sessions, so that any replica can answer; and never as JSON alone, with which
    there would be no progress and no cancelling. Names and pages are for the door to check,
    since the SDK compares them letter by letter.
    """
    server.streamable_http_app(
        stateless_http=True,
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
        max_request_body_size=max_request_bytes,
    )
    # The SDK would walk through a tool's schema at each call, in search of arguments that
    # headers repeat. None has any.
    server._lowlevel_server.get_tool_input_schema = _no_arguments_in_headers
    manager = server.session_manager
    return manager.handle_request, lambda _: manager.run()


def _no_arguments_in_headers(name: str) -> None:
    del name


def end_subscriptions(server: Server) -> None:
    """Ends the streams of those who listen for changes, as the protocol wants it."""
    cast(ListenHandler, sdk_handler(server, "subscriptions/listen")).close()
