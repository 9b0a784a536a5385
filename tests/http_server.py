"""A server on a port of this machine, in a thread, for tests that speak HTTP with it."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import anyio
import httpx2

from docindex.indexer.library import Library
from docindex.server.listening import Process, bind, local_url, process_of, server_of
from docindex.server.metrics import Metrics
from docindex.server.settings import Settings
from tests.waiting import LIMIT_SECONDS, until

ACCEPT = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
MODERN = "2026-07-28"
META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


@dataclass(frozen=True)
class Serving:
    port: int
    process: Process
    thread: threading.Thread
    killed: list[int]
    """Signals that ended it at once."""
    client: httpx2.Client

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def mcp(self) -> str:
        return f"{self.url}/mcp"

    def get(self, path: str, **options: Any) -> httpx2.Response:
        return self.client.get(self.url + path, **options)

    def post(
        self,
        method: str,
        params: dict[str, Any] | None = None,
        *,
        era: str = MODERN,
        headers: dict[str, str] | None = None,
    ) -> httpx2.Response:
        """One message, as a client of either era sends it."""
        message, needed = request(method, params, era)
        return self.client.post(self.mcp, json=message, headers=needed | (headers or {}))


def request(
    method: str, params: dict[str, Any] | None, era: str = MODERN
) -> tuple[dict[str, Any], dict[str, str]]:
    """A message, and the headers that it needs."""
    params = params or {}
    if era != MODERN:
        needed = {"MCP-Protocol-Version": "2025-11-25"}
    else:
        needed = {"MCP-Protocol-Version": MODERN, "Mcp-Method": method}
        name = params.get("name", params.get("uri"))
        needed |= {"Mcp-Name": name} if name else {}
        params = params | {"_meta": META}
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}, ACCEPT | needed


@contextmanager
def serving(library: Library, *, read_only: bool = False, **settings: Any) -> Generator[Serving]:
    killed: list[int] = []
    chosen = Settings.model_validate({"http": True, "drain_seconds": 3} | settings)
    listener = bind("127.0.0.1", 0)
    resource = chosen.public_url or local_url(listener)
    metrics = Metrics(library)
    server = server_of(library, chosen, metrics, read_only=read_only)
    process = process_of(server, library, chosen, metrics, resource, killed.append)
    thread = threading.Thread(target=lambda: anyio.run(process.serve, [listener]), daemon=True)
    thread.start()
    # Not verifying is quicker: there is nothing to verify, and no certificates are read.
    client = httpx2.Client(verify=False, timeout=LIMIT_SECONDS, trust_env=False)
    try:
        until(lambda: process.started)
        with client:
            yield Serving(listener.getsockname()[1], process, thread, killed, client)
    finally:
        process.should_exit = True
        thread.join(LIMIT_SECONDS)
        assert not thread.is_alive()
