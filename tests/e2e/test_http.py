"""Clients that people use, with docindex over HTTP; and two servers behind nginx."""

import json
import shutil
import subprocess
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from docindex.server import listening
from docindex.server.static_tokens import make
from tests.e2e.http_sandbox import Served, served
from tests.e2e.messages_api import MessagesApi, serving
from tests.e2e.sandbox import Sandbox, awaited, opened_sandbox
from tests.http_server import request

HERE = Path(__file__).parent
TOKEN, LINE = make("ana", ["docs:read"], [])


@pytest.fixture
def api() -> Iterator[MessagesApi]:
    with serving(MessagesApi("none", {}, "none")) as model:
        yield model


def test_claude_code_connects_over_http_with_a_token(
    node_sandbox: Sandbox, api: MessagesApi
) -> None:
    offline = {
        "ANTHROPIC_API_KEY": "none-is-needed",
        "ANTHROPIC_BASE_URL": api.url,
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "NO_PROXY": "127.0.0.1",
    }
    with served(node_sandbox, DOCINDEX_TOKENS=LINE) as server:
        adding = ("claude", "mcp", "add", "--transport", "http", "docs", server.mcp)
        header = f"Authorization: Bearer {TOKEN}"
        node_sandbox.run(*adding, "--header", header, **offline)
        listed = node_sandbox.run("claude", "mcp", "list", **offline)
        assert "✔ Connected" in listed, listed
        assert "caller=ana" in server.log.read_text(encoding="utf-8")


@pytest.mark.parametrize("client", ["legacy", "modern"])
def test_the_typescript_client_searches_and_writes_over_http(
    node_sandbox: Sandbox, node_folders: tuple[Path, ...], client: str
) -> None:
    with served(node_sandbox) as server:
        said = node_sandbox.run("node", str(HERE / "http.ts"), client, server.mcp)
    found: dict[str, Any] = json.loads(said)
    assert found["version"] == ("2025-11-25" if client == "legacy" else "2026-07-28")
    assert found["best"] == "guide/lamp.md"
    assert found["written"] == "created"
    assert found["progress"] >= 1


def needed(program: str) -> str:
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"{program} is not installed")
    return path


CONFIGURATION = """
daemon off;
pid {root}/nginx.pid;
error_log {root}/nginx-errors.log;
events {{}}
http {{
  access_log off;
  client_body_temp_path {root}/nginx-body;
  proxy_temp_path {root}/nginx-proxy;
  fastcgi_temp_path {root}/nginx-fastcgi;
  uwsgi_temp_path {root}/nginx-uwsgi;
  scgi_temp_path {root}/nginx-scgi;
  upstream docs {{
    server 127.0.0.1:{first} max_fails=1 fail_timeout=5s;
    server 127.0.0.1:{second} max_fails=1 fail_timeout=5s;
    keepalive 32;
  }}
  server {{
    listen 127.0.0.1:{port};
    client_max_body_size 4m;
    location / {{
      proxy_pass http://docs;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Request-Id $request_id;
      proxy_buffering off;
      proxy_read_timeout 1h;
      proxy_next_upstream error timeout;
    }}
  }}
}}
"""
"""That of the guide's example, without TLS."""


@contextmanager
def nginx(root: Path, first: Served, second: Served) -> Generator[str]:
    program = needed("nginx")
    with listening.bind("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
    ports = {"first": first.url.rpartition(":")[2], "second": second.url.rpartition(":")[2]}
    file = root / "nginx.conf"
    file.write_text(CONFIGURATION.format(root=root, port=port, **ports), encoding="utf-8")
    process = subprocess.Popen(
        [program, "-p", str(root), "-c", str(file)], stderr=subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}"
    try:
        awaited(lambda: _answers(url), 10, "nginx")
        yield url
    finally:
        process.terminate()
        process.wait(10)


def _answers(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/healthz", verify=False, trust_env=False).is_success
    except httpx2.HTTPError:
        return False


class Caller(threading.Thread):
    """Searches through the proxy until it is told to stop."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.url, self.stop = f"{url}/mcp", threading.Event()
        self.answers: set[str] = set()
        self.calls, self.began = 0, float("inf")
        self.failed: list[tuple[float, str]] = []
        """When the call began, and what came of it."""

    def run(self) -> None:
        arguments = {"query": "trimming the wick"}
        call = ("tools/call", {"name": "search_documents", "arguments": arguments})
        message, headers = request(*call)
        with httpx2.Client(verify=False, trust_env=False, timeout=20) as http:
            while not self.stop.is_set():
                self.began = time.monotonic()
                try:
                    answer = http.post(self.url, json=message, headers=headers)
                    found = answer.json()["result"]["structuredContent"]
                    self.answers.add(json.dumps(found["results"]))
                except (httpx2.HTTPError, ValueError, KeyError) as error:
                    self.failed.append((self.began, repr(error)))
                self.calls += 1


def test_of_two_servers_behind_nginx_one_may_die(tmp_path: Path) -> None:
    needed("nginx")
    with opened_sandbox(tmp_path) as sandbox, served(sandbox) as first, served(sandbox) as second:
        with nginx(sandbox.root, first, second) as url:
            callers = [Caller(url) for _ in range(4)]
            for caller in callers:
                caller.start()
            awaited(lambda: all(caller.calls >= 25 for caller in callers), 60, "calls")
            first.process.kill()
            died = time.monotonic()
            before = [caller.calls for caller in callers]
            awaited(
                lambda: all(
                    caller.calls >= count + 50
                    for caller, count in zip(callers, before, strict=True)
                ),
                60,
                "calls after one has died",
            )
            for caller in callers:
                caller.stop.set()
            for caller in callers:
                caller.join(20)
        for server in (first, second):
            assert "request=" in server.log.read_text(encoding="utf-8")
    # They answer alike, and what was not under way when one died did not fail.
    assert len(set[str]().union(*(caller.answers for caller in callers))) == 1
    late = [failure for caller in callers for failure in caller.failed if failure[0] > died]
    assert late == []
    assert sum(len(caller.failed) for caller in callers) <= len(callers)
