"""From spawn to the answer to tools/list, against a server of the SDK with nothing in it."""

import json
import os
import statistics
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import IO

import psutil

EMPTY_SERVER = "from mcp.server import MCPServer; MCPServer('empty').run()"

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "bench", "version": "1"},
    },
}
INITIALIZED = {"jsonrpc": "2.0", "method": "notifications/initialized"}
LIST_TOOLS = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}


INDEXER_ENDS_SECONDS = 60.0


def measure(place: Path, corpus: Path, runs: int) -> None:
    """Prints the medians of runs in turn, and the median of the ratios pair by pair.

    The next run begins when the indexer that a server has started is gone: it would
    take its time from the server beside it.
    """
    empty = place / "empty"
    empty.mkdir()
    ours = [str(Path(sys.executable).with_name("docindex")), "serve"]
    for title, folder in (("empty folder", empty), (f"{_count(corpus):,} files", corpus)):
        cache = place / f"cache-{folder.name}"
        environment = os.environ | {
            "DOCINDEX_CACHE_DIR": str(cache),
            "DOCINDEX_STATE_DIR": str(place / "state"),
            "DOCINDEX_LINGER_SECONDS": "0",
        }
        floor_times: list[float] = []
        our_times: list[float] = []
        for run in range(runs + 1):
            floor = _once([sys.executable, "-c", EMPTY_SERVER], environment)
            own = _once([*ours, str(folder)], environment)
            _await_quiet(cache)
            if run:  # the first pair warms the page cache
                floor_times.append(floor)
                our_times.append(own)
        ratios = [own / floor for own, floor in zip(our_times, floor_times, strict=True)]
        print(
            f"spawn → tools/list, {title}: docindex {statistics.median(our_times) * 1e3:.0f} ms, "
            f"empty SDK server {statistics.median(floor_times) * 1e3:.0f} ms, "
            f"ratio {statistics.median(ratios):.3f} (median of {runs} pairs)"
        )


def _await_quiet(cache: Path) -> None:
    deadline = time.monotonic() + INDEXER_ENDS_SECONDS
    while any(map(partial(_concerns, cache), psutil.process_iter(["cmdline"]))):
        if time.monotonic() > deadline:
            raise TimeoutError("an indexer does not end though nobody needs it")
        time.sleep(0.1)


def _concerns(cache: Path, process: psutil.Process) -> bool:
    """An indexer is told the cache on its command line."""
    return any(str(cache) in argument for argument in process.info["cmdline"] or ())


def _once(command: list[str], environment: dict[str, str]) -> float:
    begin = time.perf_counter()
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        _send(process.stdin, INITIALIZE)
        _answer(process.stdout, 1)
        _send(process.stdin, INITIALIZED)
        _send(process.stdin, LIST_TOOLS)
        _answer(process.stdout, 2)
        elapsed = time.perf_counter() - begin
        process.stdin.close()
        process.wait(timeout=20)
    return elapsed


def _send(stream: IO[bytes], message: object) -> None:
    stream.write(json.dumps(message).encode() + b"\n")
    stream.flush()


def _answer(stream: IO[bytes], number: int) -> object:
    for line in stream:
        message = json.loads(line)
        if message.get("id") == number:
            return message["result"]
    raise RuntimeError("the server ended without an answer")


def _count(folder: Path) -> int:
    return sum(1 for path in folder.rglob("*") if path.is_file())
