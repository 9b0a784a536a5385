"""Clients that people use, with docindex over HTTP; and two servers behind nginx."""

import json
import re
import shutil
import subprocess
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


def test_the_servers_of_the_example_start_and_ask_for_tokens(tmp_path: Path) -> None:
    compose = yaml.safe_load(in_example("yaml"))
    chosen: dict[str, str] = compose["services"]["docs"]["environment"]
    assert compose["services"]["docs-2"]["environment"] == chosen
    own = {name: value for name, value in chosen.items() if not name.endswith("_DIR")}
    with opened_sandbox(tmp_path) as sandbox:
        command = (*sandbox.server, "--port", "0")
        with served(sandbox, command=command, **own) as server:
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
