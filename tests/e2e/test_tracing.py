"""Spans of OpenTelemetry, as the guide has them switched on: with its SDK and its command."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import httpx2

from docindex.server.static_tokens import make
from tests.e2e.http_sandbox import Served, served
from tests.e2e.sandbox import Sandbox, awaited
from tests.http_server import META, request

TOKEN, LINE = make("ana", ["docs:read"], [])
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
INSTRUMENT = str(Path(sys.executable).parent / "opentelemetry-instrument")


def spans(server: Served) -> list[dict[str, Any]]:
    """What was printed so far, between the lines of the log."""
    printed = server.log.read_text(encoding="utf-8")
    return [json.loads(span) for span in re.findall(r"(?ms)^\{$.*?^\}$", printed)]


def test_calls_are_traced_and_neither_texts_nor_queries_nor_tokens_are_in_it(
    sandbox: Sandbox,
) -> None:
    command = (INSTRUMENT, *sandbox.server, "--http", "--port", "0")
    chosen = {
        "OTEL_SERVICE_NAME": "docs",
        "OTEL_TRACES_EXPORTER": "console",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
    }
    calls = [
        ("search_documents", {"query": "trimming the wick"}, "the brass scissors"),
        ("read_document", {"name": "guide/lamp.md"}, "the brass scissors"),
        ("read_document", {"name": "guide/lamp.md", "section": "wick"}, "section_not_found"),
    ]
    with served(sandbox, command=command, DOCINDEX_TOKENS=LINE, **chosen) as server:
        for tool, arguments, said in calls:
            message, headers = request("tools/call", {"name": tool, "arguments": arguments})
            message["params"]["_meta"] = META | {"traceparent": f"00-{TRACE}-{PARENT}-01"}
            headers |= {"Authorization": f"Bearer {TOKEN}"}
            answer = httpx2.post(server.mcp, json=message, headers=headers, trust_env=False)
            assert said in answer.text
    # What was still to be sent was sent at the end.
    awaited(lambda: len(spans(server)) >= len(calls), 10, "the spans")
    found = spans(server)
    assert [span["name"] for span in found] == [f"tools/call {tool}" for tool, *_ in calls]
    for span, (tool, *_) in zip(found, calls, strict=True):
        assert span["kind"] == "SpanKind.SERVER"
        assert span["resource"]["attributes"]["service.name"] == "docs"
        assert span["context"]["trace_id"] == f"0x{TRACE}"
        assert span["parent_id"] == f"0x{PARENT}"
        assert span["attributes"]["gen_ai.tool.name"] == tool
        assert span["attributes"]["mcp.method.name"] == "tools/call"
        assert span["attributes"]["mcp.protocol.version"] == "2026-07-28"
    outcomes = [span["attributes"].get("error.type") for span in found]
    assert outcomes == [None, None, "tool_error"]
    printed = server.log.read_text(encoding="utf-8")
    for kept in (TOKEN, "wick", "scissors", "lamp.md"):
        assert kept not in printed
