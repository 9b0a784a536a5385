"""A conversation with docindex over MCP, as a client such as Claude has it.

    make demo

serves a temporary copy of the user guide on stdio, and prints what is asked and
what is answered. Nothing of it is staged: the client is the one of the MCP SDK.
"""

import json
import os
import shutil
import sys
import tempfile
import textwrap
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import anyio
from mcp import Client, MCPError, StdioServerParameters
from mcp.shared.dispatcher import ProgressFnT
from mcp_types import TextResourceContents

GUIDE = Path(__file__).parent.parent / "sample_docs"
WIDTH = 96
SHOWN_LINES = 14


class ToolFailed(Exception):
    """What a tool answered instead of a result."""


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="docindex-demo-") as temporary:
        root = Path(temporary)
        documents = root / "docs"
        shutil.copytree(GUIDE, documents)
        environ = {name: value for name, value in os.environ.items() if "DOCINDEX" not in name}
        environ |= {
            "DOCINDEX_CONFIG": os.devnull,
            "DOCINDEX_CACHE_DIR": str(root / "cache"),
            "DOCINDEX_STATE_DIR": str(root / "state"),
            "DOCINDEX_LINGER_SECONDS": "0",
            "DOCINDEX_LOG_LEVEL": "warning",
        }
        try:
            anyio.run(converse, documents, environ)
        except* (ToolFailed, MCPError) as failures:
            sys.exit(f"the demo has failed: {failures.exceptions!r}")


async def converse(documents: Path, environ: Mapping[str, str]) -> None:
    say("$ docindex serve docs    (a temporary copy of sample_docs, nothing indexed yet)")
    command = [sys.executable, "-m", "docindex", "serve", str(documents)]
    server = StdioServerParameters(command=command[0], args=command[1:], env=dict(environ))
    start = time.perf_counter()
    async with Client(server) as client:
        tools = (await client.list_tools()).tools
        say(f"connected in {time.perf_counter() - start:.1f} s, MCP {client.protocol_version}")
        say(client.instructions or "")

        title("tools/list")
        for tool in tools:
            first = (tool.description or "").split(". ")[0].replace("\n", " ")
            say(f"{tool.name:<17} {first.removesuffix('.')}.")

        await search(client, "how do I get a deleted document back")
        await search(client, "how do I give an assistant read access only")

        title("resources/read")
        uri = "doc://documents/writing.md#how-to-undo-a-delete"
        say(uri)
        for content in (await client.read_resource(uri)).contents:
            if isinstance(content, TextResourceContents):
                quote(content.text)

        title("update_document: a page that is not there yet")
        page = {
            "name": "team/lighthouse.md",
            "content": "# Lighthouse\n\nThe keeper of the lighthouse waters the marigolds.\n",
            "tags": ["people"],
        }
        written = await call(client, "update_document", page)
        say(json.dumps(written))
        say(f"docs/team/lighthouse.md: {(documents / 'team/lighthouse.md').stat().st_size} bytes")
        await search(client, "who waters the marigolds", most=1)

        title("reindex, from scratch")
        say(json.dumps(await call(client, "reindex", {"full": True}, show_progress)))


async def search(client: Client, query: str, most: int = 3) -> None:
    title(f"search_documents: {query}")
    found = await call(client, "search_documents", {"query": query, "max_results": most})
    if "corrected" in found:
        say(f"(searched for: {found['corrected']})")
    for rank, hit in enumerate(found["results"], start=1):
        where = " > ".join(part for part in (hit.get("title"), hit.get("heading")) if part)
        say(f"{rank}. {hit['name']}:{hit['lines']}  {where}")
        say(" ".join(hit.get("snippet", "").split()), indent="      ")
    say(f"{found['total']} sections match; index: {json.dumps(found['index'])}")


async def call(
    client: Client,
    tool: str,
    arguments: dict[str, Any],
    on_progress: ProgressFnT | None = None,
) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments, progress_callback=on_progress)
    if result.is_error or result.structured_content is None:
        raise ToolFailed(f"{tool}: {result.content}")
    return cast("dict[str, Any]", result.structured_content)


async def show_progress(progress: float, total: float | None, message: str | None) -> None:
    say(f"progress {progress:g} of {total or 0:g}  {message or ''}")


def title(text: str) -> None:
    print(f"\n--- {text}")


def say(text: str, indent: str = "") -> None:
    print(textwrap.fill(text, WIDTH, initial_indent=indent, subsequent_indent=indent or "    "))


def quote(text: str) -> None:
    lines = text.splitlines()
    for line in lines[:SHOWN_LINES]:
        print(f"    | {line}")
    if len(lines) > SHOWN_LINES:
        print(f"    | ... and {len(lines) - SHOWN_LINES} lines more")


if __name__ == "__main__":
    main()
