"""Claude Code, from an empty home to a model that has seen hits of the folder: over stdio,
and over HTTP with a token."""

import json
from collections.abc import Iterator, Mapping

import pytest

from docindex.server.static_tokens import make
from tests.e2e.http_sandbox import served
from tests.e2e.messages_api import MessagesApi, serving
from tests.e2e.sandbox import Sandbox

SEARCH = "mcp__docs__search_documents"
REPLY = "With the brass scissors."
TOKEN, LINE = make("ana", ["docs:read"], [])


@pytest.fixture
def api() -> Iterator[MessagesApi]:
    """A model that searches before it replies. Fails when anything was sent elsewhere."""
    model = MessagesApi(SEARCH, {"query": "trimming the wick"}, REPLY)
    with serving(model):
        yield model
    assert model.strays == []


def offline(api: MessagesApi) -> Mapping[str, str]:
    """The environment in which Claude Code knows no other host than `api`."""
    return {
        "ANTHROPIC_API_KEY": "none-is-needed",
        "ANTHROPIC_BASE_URL": api.url,
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_AUTOUPDATER": "1",
        "DISABLE_ERROR_REPORTING": "1",
        "DISABLE_TELEMETRY": "1",
        "HTTPS_PROXY": api.url,
        "HTTP_PROXY": api.url,
        "NO_PROXY": "127.0.0.1",
    }


def test_claude_code_connects_to_the_server_that_was_added(
    node_sandbox: Sandbox, api: MessagesApi
) -> None:
    serve = ("docindex", "serve", str(node_sandbox.documents))
    node_sandbox.run("claude", "mcp", "add", "docs", "--", *serve, **offline(api))
    # The exit status is 0 however the connection went: only the text tells.
    listed = node_sandbox.run("claude", "mcp", "list", **offline(api))
    assert "✔ Connected" in listed, listed


def test_a_model_in_claude_code_searches_the_documents(
    indexed_sandbox: Sandbox, api: MessagesApi
) -> None:
    command, *arguments = indexed_sandbox.server
    said = asked(indexed_sandbox, api, {"command": command, "args": arguments})
    assert said.strip() == REPLY
    assert_hits_in_compact_json(api)


def test_claude_code_connects_over_http_with_a_token(
    node_sandbox: Sandbox, api: MessagesApi
) -> None:
    with served(node_sandbox, DOCINDEX_TOKENS=LINE) as server:
        adding = ("claude", "mcp", "add", "--transport", "http", "docs", server.mcp)
        header = f"Authorization: Bearer {TOKEN}"
        node_sandbox.run(*adding, "--header", header, **offline(api))
        listed = node_sandbox.run("claude", "mcp", "list", **offline(api))
        assert "✔ Connected" in listed, listed
        assert "caller=ana" in server.log.read_text(encoding="utf-8")


def test_a_model_in_claude_code_searches_over_http_with_a_token(
    node_sandbox: Sandbox, api: MessagesApi
) -> None:
    with served(node_sandbox, DOCINDEX_TOKENS=LINE) as server:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        said = asked(node_sandbox, api, {"type": "http", "url": server.mcp, "headers": headers})
        log = server.log.read_text(encoding="utf-8")
    assert said.strip() == REPLY
    assert_hits_in_compact_json(api)
    (call,) = (line for line in log.splitlines() if "tool=search_documents" in line)
    assert "caller=ana" in call


def asked(sandbox: Sandbox, api: MessagesApi, server: Mapping[str, object]) -> str:
    """What the model says in the end, in a Claude Code that has this server alone."""
    servers = sandbox.root / "servers.json"
    servers.write_text(json.dumps({"mcpServers": {"docs": server}}), encoding="utf-8")
    return sandbox.run(
        *("claude", "-p", "How do I trim the wick?"),
        *("--strict-mcp-config", "--mcp-config", str(servers), "--allowedTools", SEARCH),
        **offline(api),
        MCP_CONNECTION_NONBLOCKING="0",
        ENABLE_TOOL_SEARCH="false",
    )


def assert_hits_in_compact_json(api: MessagesApi) -> None:
    """What reached the model is the structured content, not the text made for others."""
    (result,) = api.tool_results
    assert not result.get("is_error"), result
    content = result["content"]
    text = content if isinstance(content, str) else "".join(block["text"] for block in content)
    hits = json.loads(text)
    best = hits["results"][0]
    assert (best["name"], best["anchor"]) == ("guide/lamp.md", "trimming-the-wick")
    assert text == json.dumps(hits, ensure_ascii=False, separators=(",", ":"))
