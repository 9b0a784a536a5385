"""A client that speaks to an MCP server over stdio in raw lines of JSON, so that its
own part of a round trip is as small as can be, and the same for every server."""

import json
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import IO, Any, Self, cast

EMPTY_SERVER = """if True:
    from mcp.server import MCPServer
    server = MCPServer("empty")
    @server.tool()
    def nothing() -> str:
        return ""
    server.run()
"""
"""A server of the SDK with one tool that does nothing: what every call costs."""

END_SECONDS = 20


class Session:
    """A server that was started and has been initialized; it ends with the block."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        log: IO[bytes] | int = subprocess.DEVNULL,
    ) -> None:
        """`log` takes what the server says on standard error."""
        self.begun = time.perf_counter()
        """When the process was started."""
        self._next = 0
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=environment,
        )
        try:
            self._ask(
                "initialize",
                protocolVersion="2025-11-25",
                capabilities={},
                clientInfo={"name": "bench", "version": "1"},
            )
            self._send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        except (OSError, RuntimeError):
            self.__exit__(None, None, None)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            self.process.wait(timeout=END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()

    def list_tools(self) -> dict[str, Any]:
        return self._ask("tools/list")

    def call(self, tool: str, **arguments: object) -> dict[str, Any]:
        """Raises RuntimeError when the tool says that it failed."""
        result = self._ask("tools/call", name=tool, arguments=arguments)
        if result.get("isError"):
            raise RuntimeError(f"{tool} failed: {result.get('content')}")
        return result

    def timed(self, tool: str, **arguments: object) -> float:
        """Seconds from the question to the answer."""
        begin = time.perf_counter()
        self.call(tool, **arguments)
        return time.perf_counter() - begin

    def _ask(self, method: str, **params: object) -> dict[str, Any]:
        self._next += 1
        self._send({"jsonrpc": "2.0", "id": self._next, "method": method, "params": params})
        assert self.process.stdout is not None
        for line in self.process.stdout:
            message = cast("dict[str, Any]", json.loads(line))
            if message.get("id") == self._next and "method" not in message:
                if "error" in message:
                    raise RuntimeError(f"{method} failed: {message['error']}")
                result: dict[str, Any] = message["result"]
                return result
        raise RuntimeError(f"the server ended without an answer to {method}")

    def _send(self, message: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()
