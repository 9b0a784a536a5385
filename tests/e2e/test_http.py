"""Clients that people use, with docindex over HTTP; and two servers behind nginx."""

import json
import re
import shlex
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from docindex.server import listening
from tests.e2e.http_sandbox import Served, served
from tests.e2e.sandbox import Sandbox, awaited, opened_sandbox
from tests.http_server import request

HERE = Path(__file__).parent


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


EXAMPLE = (HERE.parent.parent / "sample_docs" / "team" / "example.md").read_text(encoding="utf-8")


def in_example(language: str) -> str:
    """The block of the guide's example that is written in a language."""
    found = re.search(rf"^```{language}\n(.*?)^```$", EXAMPLE, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def certificate(root: Path) -> None:
    """One for this machine, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "docs.example.com")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    for of in ("docs", "id"):
        root.joinpath(f"{of}.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
        root.joinpath(f"{of}.key").write_bytes(secret)


@contextmanager
def nginx(root: Path, first: Served, second: Served) -> Generator[str]:
    """That of the guide's example, with the ports of this machine."""
    program = needed("nginx")
    with listening.bind("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
    certificate(root)
    text = in_example("nginx")
    for said, meant in (
        ("docs:8000", first.url.removeprefix("http://")),
        ("docs-2:8000", second.url.removeprefix("http://")),
        ("keycloak:8080", "127.0.0.1:1"),
        ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        ("/certificates", str(root)),
    ):
        assert said in text
        text = text.replace(said, meant)
    kept = "".join(
        f"{kind}_temp_path {root}/nginx-{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    text = text.replace("http {\n", f"http {{\naccess_log off;\n{kept}", 1)
    text = f"daemon off;\npid {root}/nginx.pid;\nerror_log {root}/nginx-errors.log;\n{text}"
    file = root / "nginx.conf"
    file.write_text(text, encoding="utf-8")
    process = subprocess.Popen(
        [program, "-p", str(root), "-c", str(file)], stderr=subprocess.DEVNULL
    )
    url = f"https://127.0.0.1:{port}"
    try:
        awaited(lambda: _answers(url), 10, "nginx")
        yield url
    finally:
        process.terminate()
        process.wait(10)


def _answers(url: str) -> bool:
    try:
        # What is for monitoring inside is not there outside.
        return httpx2.get(f"{url}/healthz", verify=False, trust_env=False).status_code == 404
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
            first.process.wait(10)
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


COMPOSE = yaml.safe_load(in_example("yaml"))


@contextmanager
def example_server(sandbox: Sandbox) -> Generator[Served]:
    """That of the example, but for where it keeps what, and its port."""
    chosen: dict[str, str] = COMPOSE["services"]["docs"]["environment"]
    assert COMPOSE["services"]["docs-2"]["environment"] == chosen
    own = {name: value for name, value in chosen.items() if not name.endswith("_DIR")}
    with served(sandbox, command=(*sandbox.server, "--port", "0"), **own) as server:
        yield server


def test_the_servers_of_the_example_start_and_ask_for_tokens(tmp_path: Path) -> None:
    with opened_sandbox(tmp_path) as sandbox, example_server(sandbox) as server:
        message, headers = request("tools/list", {})
        said = httpx2.post(
            server.mcp,
            json=message,
            headers=headers | {"Host": "docs.example.com"},
            trust_env=False,
        )
    assert said.status_code == 401
    public = "https://docs.example.com/.well-known/oauth-protected-resource/mcp"
    assert f'resource_metadata="{public}"' in said.headers["www-authenticate"]


def test_the_commands_of_the_example_find_its_server_behind_nginx(tmp_path: Path) -> None:
    needed("nginx")
    curl = needed("curl")
    health: list[str] = COMPOSE["services"]["docs"]["healthcheck"]["test"]
    commands = [shlex.split(line) for line in in_example("bash").splitlines()]
    with (
        opened_sandbox(tmp_path) as sandbox,
        example_server(sandbox) as server,
        nginx(sandbox.root, server, server) as url,
    ):
        assert health[:2] == ["CMD", "python"]
        code = health[-1].replace("http://127.0.0.1:8000", server.url)
        subprocess.run([sys.executable, "-c", code], env=dict(sandbox.env), check=True)
        there = url.removeprefix("https://")
        elsewhere = ("--silent", "--insecure", "--connect-to", f"docs.example.com:443:{there}")
        asked, found = (
            subprocess.run(
                [curl, *elsewhere, *command[1:]],
                env=dict(sandbox.env),
                capture_output=True,
                encoding="utf-8",
                check=True,
            ).stdout
            for command in commands
            if command[0] == "curl"
        )
    metadata = "https://docs.example.com/.well-known/oauth-protected-resource/mcp"
    assert asked.startswith("HTTP/1.1 401")
    assert f'resource_metadata="{metadata}"' in asked
    assert json.loads(found)["resource"] == "https://docs.example.com/mcp"
    assert json.loads(found)["authorization_servers"] == ["https://id.example.com/realms/company"]
