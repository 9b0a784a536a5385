"""Tokens of a real authorization server: OAuth as clients go through it."""

import subprocess
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import anyio
import httpx2
import pytest
from mcp import Client
from mcp.client.auth import OAuthClientProvider, TokenStorage
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata, OAuthToken
from pydantic import AnyUrl

from docindex.server import listening
from tests.e2e.http_sandbox import Served, served
from tests.e2e.sandbox import Sandbox, opened_sandbox

HERE = Path(__file__).parent
CLIENT, SECRET = "docindex", "hush"
REDIRECT = "http://127.0.0.1:9/callback"
ACCEPT = "application/json, text/event-stream"
SEARCH = {"query": "trimming the wick"}


@contextmanager
def provider(node: Path, resource: str, **env: str) -> Generator[str]:
    process = subprocess.Popen(
        [str(node), str(HERE / "oidc.mjs"), resource, CLIENT, SECRET, REDIRECT],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


def free_port() -> int:
    with listening.bind("127.0.0.1", 0) as listener:
        port: int = listener.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def sandbox(
    node_folders: tuple[Path, ...], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sandbox]:
    with opened_sandbox(tmp_path_factory.mktemp("oauth"), node_folders) as sandbox:
        yield sandbox


@contextmanager
def protected(
    sandbox: Sandbox, node: Path, *, opaque: bool = False
) -> Generator[tuple[Served, str]]:
    """A server that takes the tokens of an issuer, and the issuer."""
    port = free_port()
    extra = {"OPAQUE": "1"} if opaque else {}
    with provider(node, f"http://127.0.0.1:{port}/mcp", **extra) as issuer:
        env = {"DOCINDEX_OAUTH_ISSUER": issuer}
        if opaque:
            env["DOCINDEX_OAUTH_INTROSPECTION_URL"] = f"{issuer}/token/introspection"
            env["DOCINDEX_OAUTH_CLIENT_ID"] = CLIENT
            env["DOCINDEX_OAUTH_CLIENT_SECRET"] = SECRET
        command = (*sandbox.server, "--http", "--port", str(port))
        with served(sandbox, command=command, **env) as server:
            yield server, issuer


@pytest.fixture(scope="module")
def signed(sandbox: Sandbox, node_folders: tuple[Path, ...]) -> Iterator[tuple[Served, str]]:
    with protected(sandbox, node_folders[0] / "node") as found:
        yield found


@pytest.fixture(scope="module")
def introspected(sandbox: Sandbox, node_folders: tuple[Path, ...]) -> Iterator[tuple[Served, str]]:
    with protected(sandbox, node_folders[0] / "node", opaque=True) as found:
        yield found


def issued(issuer: str, resource: str, scope: str) -> str:
    """A token for a program, by its client's credentials."""
    answer = httpx2.post(
        f"{issuer}/token",
        data={"grant_type": "client_credentials", "scope": scope, "resource": resource},
        auth=(CLIENT, SECRET),
        trust_env=False,
    )
    assert answer.is_success, answer.text
    token: str = answer.json()["access_token"]
    return token


async def hits(server: Served, mode: str, **options: Any) -> list[str]:
    async with (
        httpx2.AsyncClient(timeout=20, trust_env=False, **options) as http,
        Client(streamable_http_client(server.mcp, http_client=http), mode=mode) as client,
    ):
        answer = await client.call_tool("search_documents", SEARCH)
        assert answer.structured_content is not None
        return [hit["name"] for hit in answer.structured_content["results"]]


class Memory(TokenStorage):
    def __init__(self) -> None:
        self.tokens: OAuthToken | None = None
        self.client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


class Browser:
    """Follows where it is sent, and comes back with a code."""

    def __init__(self) -> None:
        self.came_back = ""

    async def go(self, url: str) -> None:
        async with httpx2.AsyncClient(trust_env=False) as http:
            for _ in range(12):
                answer = await http.get(url)
                assert answer.is_redirect, answer.text
                url = str(answer.url.join(answer.headers["location"]))
                if url.startswith(REDIRECT):
                    assert "error" not in url, url
                    self.came_back = url
                    return
        raise AssertionError(f"still at {url}")

    async def code(self) -> Any:
        from mcp.client.auth import AuthorizationCodeResult

        found = {
            name: values[0] for name, values in parse_qs(urlsplit(self.came_back).query).items()
        }
        return AuthorizationCodeResult(
            code=found["code"], state=found.get("state"), iss=found.get("iss")
        )


@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_a_client_finds_the_issuer_registers_logs_in_and_searches(
    signed: tuple[Served, str], mode: str
) -> None:
    server, _ = signed
    browser, memory = Browser(), Memory()
    auth = OAuthClientProvider(
        server_url=server.mcp,
        client_metadata=OAuthClientMetadata(
            client_name="test",
            redirect_uris=[AnyUrl(REDIRECT)],
            grant_types=["authorization_code", "refresh_token"],
            response_types=["code"],
            token_endpoint_auth_method="none",
        ),
        storage=memory,
        redirect_handler=browser.go,
        callback_handler=browser.code,
    )

    async def search() -> list[str]:
        return await hits(server, mode, auth=auth)

    assert anyio.run(search)[0] == "guide/lamp.md"
    assert memory.tokens is not None
    assert "docs:read" in (memory.tokens.scope or "")
    assert "caller=ana" in server.log.read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", ["signed", "introspected"])
def test_a_program_calls_with_its_own_token_and_no_more_than_that_allows(
    kind: str, request: pytest.FixtureRequest
) -> None:
    server, issuer = request.getfixturevalue(kind)
    token = issued(issuer, server.mcp, "docs:read")
    assert (token.count(".") == 2) == (kind == "signed")

    async def search() -> list[str]:
        return await hits(server, "auto", headers={"Authorization": f"Bearer {token}"})

    assert anyio.run(search)[0] == "guide/lamp.md"
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "reindex"}}
    headers = {"Authorization": f"Bearer {token}", "Accept": ACCEPT}
    denied = httpx2.post(server.mcp, json=call, headers=headers, trust_env=False)
    assert denied.status_code == 403
    assert 'scope="docs:read docs:admin"' in denied.headers["www-authenticate"]
    assert token not in server.log.read_text(encoding="utf-8")


def test_tokens_are_taken_after_the_issuer_has_changed_its_keys(
    sandbox: Sandbox, node_folders: tuple[Path, ...]
) -> None:
    with protected(sandbox, node_folders[0] / "node") as (server, issuer):

        def status(token: str) -> int:
            headers = {"Authorization": f"Bearer {token}", "Accept": ACCEPT}
            message = {"jsonrpc": "2.0", "method": "notifications/initialized"}
            return httpx2.post(
                server.mcp, json=message, headers=headers, trust_env=False
            ).status_code

        # Before the keys were ever looked at, they change.
        old = issued(issuer, server.mcp, "docs:read")
        httpx2.post(f"{issuer}/rotate", trust_env=False)
        new = issued(issuer, server.mcp, "docs:read")
        assert (status(new), status(old)) == (202, 401)
