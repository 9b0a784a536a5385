"""Many clients at once over HTTP: what a server takes, and whether it stays as it is.

    python -m tests.bench.load CORPUS [--clients 64] [--seconds 600] [--workers 1]

Each client has a connection of its own and calls again as soon as it is answered: 97 of 100
calls search or read, two write, one is given up in the middle. An empty server of the SDK is
loaded by the same clients on the same cores, before and after, for a tenth of the time.
"""

import argparse
import asyncio
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from docindex.server.listening import bind
from tests.http_server import request

EMPTY_SERVER = """if True:
    import sys
    from mcp.server import MCPServer
    server = MCPServer("empty", log_level="ERROR")
    @server.tool()
    def nothing() -> str:
        return ""
    server.run("streamable-http", port=int(sys.argv[1]), stateless_http=True)
"""
QUESTIONS = (
    "how does a range based for loop work",
    "vector push_back complexity",
    "std::unique_ptr custom deleter",
    "memory order acquire release",
    "string_view lifetime",
    "constexpr if",
    "iterator invalidation map erase",
    "lambda capture this",
    "exception safety guarantee",
    "format specification chrono",
)
WRITES, ABORTS = 0.02, 0.01
_FAILED = re.compile(rb'"isError": ?true|"error": ?\{')
"""Stands in no string of JSON, where quotes are escaped."""
START_SECONDS = 300.0
SETTLED, AT_END = 0.2, 0.98
"""Of the time; what a server needs by the first is what it is measured by at the second, when
the clients are connected still."""


@dataclass
class Tally:
    """What came of all calls."""

    calls: Counter[str] = field(default_factory=Counter[str])
    failures: Counter[str] = field(default_factory=Counter[str])
    seconds: list[float] = field(default_factory=list[float])
    """Of searches and reads."""
    names: list[str] = field(default_factory=list[str])
    """Documents that were found, to be read."""


class Client:
    """One connection, on which raw requests of HTTP are sent."""

    def __init__(self, port: int, number: int, tally: Tally, *, empty: bool) -> None:
        self._port, self._number, self._tally, self._empty = port, number, tally, empty
        self._random = random.Random(number)
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def run(self, until: float) -> None:
        while time.monotonic() < until:
            kind, tool, arguments = self._next()
            began = time.perf_counter()
            try:
                answer = await self._call(tool, arguments, give_up=kind == "abort")
            except (OSError, EOFError, ValueError) as error:
                self._tally.failures[f"{kind}: {error!r}"] += 1
                self._close()
                continue
            self._tally.calls[kind] += 1
            if kind in ("search", "read"):
                self._tally.seconds.append(time.perf_counter() - began)
            self._note(kind, answer)
        self._close()

    def _next(self) -> tuple[str, str, dict[str, Any]]:
        if self._empty:
            return "search", "nothing", {}
        chance = self._random.random()
        query = " ".join(self._random.sample(self._random.choice(QUESTIONS).split(), 2))
        if chance < ABORTS:
            return "abort", "search_documents", {"query": query}
        if chance < ABORTS + WRITES:
            name = f"load/{self._number}.md"
            return "write", "update_document", {"name": name, "content": query, "mode": "append"}
        if chance < 0.5 and self._tally.names:
            name = self._random.choice(self._tally.names)
            return "read", "read_document", {"name": name, "max_tokens": 1_000}
        return "search", "search_documents", {"query": query}

    async def _call(self, tool: str, arguments: Mapping[str, Any], *, give_up: bool) -> bytes:
        """The answer as JSON; nothing when it was given up."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        message, headers = request("tools/call", {"name": tool, "arguments": arguments})
        body = json.dumps(message).encode()
        lines = [f"{name}: {value}" for name, value in headers.items()]
        lines += [f"Host: 127.0.0.1:{self._port}", f"Content-Length: {len(body)}", "", ""]
        writer.write(("POST /mcp HTTP/1.1\r\n" + "\r\n".join(lines)).encode() + body)
        if give_up:
            await writer.drain()
            self._close()
            return b""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        status = int(head.split(" ", 2)[1])
        fields = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
        answer = await _body(reader, fields)
        if status != 200:
            raise ValueError(f"status {status}: {answer[:200]!r}")
        return answer

    def _note(self, kind: str, body: bytes) -> None:
        # What the clients need for an answer is taken from the server, on the same cores.
        wanted = kind == "search" and not self._empty and len(self._tally.names) < 1_000
        if not (wanted or _FAILED.search(body)):
            return
        answer: dict[str, Any] = json.loads(body)
        result = answer.get("result", {})
        if "error" in answer or result.get("isError"):
            self._tally.failures[f"{kind}: {json.dumps(answer)[:200]}"] += 1
        elif wanted:
            self._tally.names += [hit["name"] for hit in result["structuredContent"]["results"]]

    def _close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def _body(reader: asyncio.StreamReader, fields: Mapping[str, str]) -> bytes:
    """The JSON of an answer; of one that took so long that it became a stream, its last event."""
    if "content-length" in fields:
        return await reader.readexactly(int(fields["content-length"]))
    body = b""
    while size := int(await reader.readline(), 16):
        body += await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
    return body.rpartition(b"data: ")[2]


@dataclass(frozen=True)
class Outcome:
    tally: Tally
    seconds: float
    memory: tuple[float, float]
    """MB of all its processes, when it had settled and at the end."""
    handles: tuple[int, int]

    @property
    def rate(self) -> float:
        """Searches and reads in a second."""
        return len(self.tally.seconds) / self.seconds


async def load(
    port: int,
    clients: int,
    seconds: float,
    servers: Sequence[psutil.Process],
    *,
    empty: bool = False,
) -> Outcome:
    tally = Tally()
    began = time.monotonic()
    running = [
        asyncio.create_task(Client(port, number, tally, empty=empty).run(began + seconds))
        for number in range(clients)
    ]
    needs: list[tuple[float, int]] = []
    for share in (SETTLED, AT_END):
        await asyncio.sleep(began + seconds * share - time.monotonic())
        memory = sum(server.memory_info().rss for server in servers) / 1e6
        needs.append((memory, sum(server.num_fds() for server in servers)))
    await asyncio.gather(*running)
    (settled, handles), (at_end, handles_at_end) = needs
    took = time.monotonic() - began
    return Outcome(tally, took, (settled, at_end), (handles, handles_at_end))


@contextmanager
def started(command: Sequence[str], port: int, **env: str) -> Generator[psutil.Process]:
    process = subprocess.Popen(
        command, env={**os.environ, **env}, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _await(port, ready="docindex" in " ".join(command))
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(30)


def _await(port: int, *, ready: bool) -> None:
    from urllib.error import HTTPError, URLError
    from urllib.request import urlopen

    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        try:
            urlopen(f"http://127.0.0.1:{port}/readyz").close()
        except HTTPError:
            if not ready:
                return
        except URLError:
            pass
        else:
            return
        time.sleep(0.1)
    raise TimeoutError("the server is not ready")


def free_port() -> int:
    with bind("127.0.0.1", 0) as listener:
        port: int = listener.getsockname()[1]
        return port


def of_nothing(clients: int, seconds: float) -> float:
    port = free_port()
    with started([sys.executable, "-c", EMPTY_SERVER, str(port)], port) as server:
        return asyncio.run(load(port, clients, seconds, [server], empty=True)).rate


def of_docindex(corpus: Path, place: Path, clients: int, seconds: float, workers: int) -> Outcome:
    port = free_port()
    command = [sys.executable, "-m", "docindex", "serve", str(corpus), "--http"]
    command += ["--workers", str(workers), "--port"]
    env = {name: str(place / name) for name in ("DOCINDEX_CACHE_DIR", "DOCINDEX_STATE_DIR")}
    env |= {"DOCINDEX_LOG_LEVEL": "warning", "DOCINDEX_LINGER_SECONDS": "0.5"}
    with started([*command, str(port)], port, **env) as server:
        # The child of a single one is the indexer.
        servers = [server, *server.children()] if workers > 1 else [server]
        return asyncio.run(load(port, clients, seconds, servers))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--workers", type=int, default=1)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="docindex-load-", ignore_cleanup_errors=True) as folder:
        before = of_nothing(chosen.clients, chosen.seconds / 10)
        found = of_docindex(
            chosen.corpus, Path(folder), chosen.clients, chosen.seconds, chosen.workers
        )
        after = of_nothing(chosen.clients, chosen.seconds / 10)
    nothing = (before + after) / 2
    times = sorted(found.tally.seconds)
    print(f"{chosen.clients} clients, {found.seconds:.0f} s: {dict(found.tally.calls)}")
    print(f"searches and reads in a second: {found.rate:.0f}; empty server: {nothing:.0f}")
    print(f"  of it {found.rate / nothing:.2f} (goal 0.5)")
    p50, p99 = times[len(times) // 2], times[len(times) * 99 // 100]
    print(f"p50 {p50 * 1e3:.1f} ms, p99 {p99 * 1e3:.1f} ms")
    for what, (settled, at_end) in (("MB", found.memory), ("handles", found.handles)):
        ratio = at_end / settled
        print(
            f"{what}: {settled:.0f} when settled, {at_end:.0f} at the end: {ratio:.2f} (goal 1.1)"
        )
    for failure, count in found.tally.failures.most_common(10):
        print(f"failed {count} times: {failure}")


if __name__ == "__main__":
    main()
