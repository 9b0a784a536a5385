"""The server as a process on standard input and output: start, lines, end."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from docindex.server import shutdown

SERVE = """
import sys
from pathlib import Path
from docindex.indexer.library import Library
from docindex.indexer.models import FolderSpec, Options
from docindex.server.app import serve_stdio

place = Path(sys.argv[1])
library = Library(
    [FolderSpec(str(place / "documents"))],
    cache=place / "cache",
    state=place / "state",
    options=Options(linger_seconds=0.5),
)
"""
PLAIN = SERVE + "serve_stdio(library)"
CLOSING = (
    SERVE
    + """
def close():
    (place / "closed").touch()
library.close, close_library = close, library.close
try:
    serve_stdio(library)
finally:
    close_library()
"""
)
LOOKING = """
import anyio
import sys
from pathlib import Path
from mcp import Client
from docindex.indexer.library import Library
from docindex.indexer.models import Changes, FolderSpec
from docindex.server.app import build
from docindex.server.protocol import leave_the_log_alone


class Unattended(Library):
    def attend(self):
        pass

    def changes(self):
        return Changes()


async def look(place):
    folders = [FolderSpec(str(place / "documents"))]
    library = Unattended(folders, cache=place / "cache", state=place / "state")
    leave_the_log_alone()
    async with Client(build(library), mode="legacy") as client:
        await client.list_tools()
        heavy = "whoosh.index whoosh.fields numpy markdown_it yaml pathspec rich.console"
        print(*sorted({*heavy.split()} & sys.modules.keys()))


anyio.run(look, Path(sys.argv[1]))
"""
INITIALIZE = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "test", "version": "1"},
}
Json = dict[str, Any]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    documents = tmp_path / "documents"
    documents.mkdir()
    documents.joinpath("setup.md").write_text("# Setup\n\nRun the installer.\n", encoding="utf-8")
    return tmp_path


class Served:
    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        assert process.stdin
        assert process.stdout
        self.stdin, self._stdout = process.stdin, process.stdout

    def line(self, text: str) -> None:
        self.stdin.write(text + "\n")
        self.stdin.flush()

    def send(self, method: str, number: int | None = None, params: object = None) -> None:
        message: Json = {"jsonrpc": "2.0", "method": method}
        if number is not None:
            message["id"] = number
        if params is not None:
            message["params"] = params
        self.line(json.dumps(message))

    def answer(self) -> Json:
        while "id" not in (message := json.loads(self._stdout.readline())):
            pass
        found: Json = message
        return found

    def initialize(self) -> Json:
        self.send("initialize", 0, INITIALIZE)
        answer = self.answer()
        self.send("notifications/initialized")
        return answer


@contextmanager
def serving(place: Path, script: str = PLAIN) -> Generator[Served]:
    with subprocess.Popen(
        [sys.executable, "-c", script, str(place)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        try:
            yield Served(process)
        finally:
            process.kill()


def test_nothing_that_indexes_or_searches_is_loaded_before_the_first_answer(place: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOOKING, str(place)], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


def test_the_process_ends_when_its_input_does_and_closes_the_library(place: Path) -> None:
    with serving(place, CLOSING) as server:
        server.initialize()
        server.stdin.close()
        assert server.process.wait(20) == 0
    assert (place / "closed").exists()


def test_a_process_that_is_never_spoken_to_ends_as_well(place: Path) -> None:
    with serving(place) as server:
        server.stdin.close()
        assert server.process.wait(20) == 0


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals between processes")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_process_while_its_input_is_open(
    place: Path, number: signal.Signals
) -> None:
    with serving(place, CLOSING) as server:
        server.initialize()
        server.process.send_signal(number)
        assert server.process.wait(20) == 128 + number
    assert (place / "closed").exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals between processes")
def test_a_library_that_does_not_close_does_not_keep_the_process(place: Path) -> None:
    stuck = PLAIN.replace(
        "serve_stdio(library)",
        "library.close = lambda: __import__('time').sleep(1_000)\nserve_stdio(library)",
    )
    with serving(place, stuck) as server:
        server.initialize()
        server.process.terminate()
        server.process.wait(shutdown.CLEANUP_SECONDS + 20)


@pytest.mark.parametrize(
    ("line", "number", "code"),
    [
        ("not json", None, -32700),
        ("", None, -32700),
        ("[" * 100_000, None, -32700),
        ("\x00", None, -32700),
        ("null", None, -32600),
        ('[{"jsonrpc": "2.0", "id": 1, "method": "ping"}]', None, -32600),
        ('{"id": 8, "method": "ping"}', 8, -32600),
        ('{"jsonrpc": "1.0", "id": "a", "method": "ping"}', None, -32600),
        ('{"jsonrpc": "2.0", "id": 9, "method": 9}', None, -32600),
    ],
)
def test_a_line_that_is_no_message_is_answered_and_the_server_goes_on(
    place: Path, line: str, number: object, code: int
) -> None:
    with serving(place) as server:
        server.line(line)
        answer = server.answer()
        assert (answer["id"], answer["error"]["code"]) == (number, code)
        assert server.initialize()["result"]["serverInfo"]["name"] == "docindex"


def test_half_an_emoji_is_read_as_the_replacement_character(place: Path) -> None:
    half = '{"jsonrpc": "2.0", "id": 1, "method": "prompts/get", "params": {"name": "\\ud83d"}}'
    with serving(place) as server:
        server.initialize()
        server.line(half)
        answer = server.answer()
    assert answer["id"] == 1
    assert 'unknown prompt "?"' in answer["error"]["message"]


def test_requests_before_the_handshake_are_refused(place: Path) -> None:
    with serving(place) as server:
        server.send("tools/list", 1)
        assert server.answer()["error"]["code"] == -32602
        assert "result" in server.initialize()
