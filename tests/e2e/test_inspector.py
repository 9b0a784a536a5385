"""The command line of the MCP Inspector, one process and one server per call."""

import json
from typing import Any

from tests.e2e.sandbox import DOCUMENTS, NOTES, Sandbox


def inspected(sandbox: Sandbox, *request: str) -> Any:
    settings = [
        word for key, value in sandbox.server_env.items() for word in ("-e", f"{key}={value}")
    ]
    return json.loads(
        sandbox.run("mcp-inspector", "--cli", *settings, *sandbox.server, "--method", *request)
    )


def test_the_inspector_lists_tools_with_portable_schemas(indexed_sandbox: Sandbox) -> None:
    tools = inspected(indexed_sandbox, "tools/list", "--strict")["tools"]
    assert "search_documents" in {tool["name"] for tool in tools}


def test_the_inspector_searches(indexed_sandbox: Sandbox) -> None:
    query = ("--tool-name", "search_documents", "--tool-arg", "query=trimming the wick")
    found = inspected(indexed_sandbox, "tools/call", *query)["structuredContent"]
    assert found["results"][0]["name"] == "guide/lamp.md"


def test_the_inspector_reads_a_document_and_the_status(indexed_sandbox: Sandbox) -> None:
    lamp = inspected(indexed_sandbox, "resources/read", "--uri", "doc://documents/guide/lamp.md")
    assert "brass scissors" in lamp["contents"][0]["text"]
    status = inspected(indexed_sandbox, "resources/read", "--uri", "doc://index/status")
    assert str(len(DOCUMENTS) + NOTES) in status["contents"][0]["text"]


def test_the_inspector_lists_prompts(indexed_sandbox: Sandbox) -> None:
    prompts = inspected(indexed_sandbox, "prompts/list")["prompts"]
    assert "answer_from_documents" in {prompt["name"] for prompt in prompts}
