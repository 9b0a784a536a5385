"""Bad names, addresses and arguments as a client sends them: through the whole server.

In the earlier protocol, for in the newer the SDK's client sends no half characters.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp import MCPError

from docindex.indexer.library import Library
from docindex.indexer.models import FolderSpec
from tests.hostile.conftest import CANARY, Ground
from tests.served import connected, failure, structured, texts

pytestmark = pytest.mark.anyio

HERE = Path(__file__).parent
NAMES = json.loads((HERE / "names.json").read_text(encoding="utf-8"))
ADDRESSES = json.loads((HERE / "addresses.json").read_text(encoding="utf-8"))
QUERIES = [
    "",
    "   ",
    "*",
    "?*?*?*z",
    "[a TO z]",
    " OR ".join(f"term{number}" for number in range(20_000)),
    "x" * 1_000_000,
    "(" * 5_000,
    "NOT " * 3_000 + "x",
    '"unbalanced',
    "nofield:value",
    "half \ud83d",
    "a\x00b",
    "title:(((",
    "-only -not",
    "+",
]


class Unattended(Library):
    """Starts no process."""

    def attend(self) -> None:
        pass


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def library(ground: Ground, tmp_path: Path) -> Iterator[Library]:
    opened = Unattended(
        [FolderSpec(str(ground.root))], cache=tmp_path / "cache", state=tmp_path / "state"
    )
    opened.catch_up(lambda _: None)
    yield opened
    opened.close()


def fit_to_show(message: str, ground: Ground) -> str:
    """Its code, for a message that tells nothing of the server."""
    assert str(ground.root.parent) not in message
    assert CANARY not in message
    assert "pydantic" not in message
    assert message.isprintable()
    assert len(message) < 500
    return message.partition(": ")[0]


async def test_no_bad_name_reads_writes_or_deletes_anything(
    library: Library, ground: Ground, untouched: Callable[[], None]
) -> None:
    async with connected(library, "legacy") as client:
        for row in NAMES:
            name = row["name"] * int(row.get("times", 1)) + row.get("then", "")
            refused = {"document_not_found" if row["gives"] == "taken" else row["gives"]}
            calls: list[tuple[str, dict[str, Any]]] = [("read_document", {"name": name})]
            calls.append(("delete_document", {"name": name}))
            if row["gives"] != "taken":
                calls.append(("update_document", {"name": name, "content": "x"}))
            for tool, arguments in calls:
                message = failure(await client.call_tool(tool, arguments))
                assert fit_to_show(message, ground) in refused, (tool, row)
            with pytest.raises(MCPError) as caught:
                await client.get_prompt("review_document", {"name": name})
            assert caught.value.code == -32602
            fit_to_show(caught.value.message, ground)
    untouched()


async def test_no_bad_address_reads_anything(
    library: Library, ground: Ground, untouched: Callable[[], None]
) -> None:
    async with connected(library, "legacy") as client:
        for row in ADDRESSES:
            if row["gives"] == "taken":
                continue
            address = row["uri"] * int(row.get("times", 1)) + row.get("then", "")
            with pytest.raises(MCPError) as caught:
                await client.read_resource(address)
            assert caught.value.code == -32602
            fit_to_show(caught.value.message, ground)
    untouched()


async def test_every_query_is_answered_or_refused_in_words(
    library: Library, ground: Ground
) -> None:
    async with connected(library, "legacy") as client:
        for query in QUERIES:
            result = await client.call_tool("search_documents", {"query": query})
            if result.is_error:
                assert fit_to_show(failure(result), ground) == "invalid_input"
            else:
                assert CANARY not in "".join(texts(result))
                assert structured(result)["index"]["documents"] == 2


@pytest.mark.parametrize(
    "arguments",
    [
        {"path": "../outside"},
        {"path": "[" * 600},
        {"path": "\x00"},
        {"cursor": "nonsense"},
        {"cursor": "x" * 100_000},
        {"cursor": "gASVIQAAAAAAAACMBXBvc2l4lIwGc3lzdGVtlJOUjAZlY2hvIDGUhZRSlC4="},
    ],
    ids=lambda arguments: str(arguments)[:40],
)
async def test_bad_filters_and_cursors_are_refused_in_words(
    library: Library, ground: Ground, arguments: dict[str, str]
) -> None:
    async with connected(library, "legacy") as client:
        for tool, needed in (("search_documents", {"query": "setup"}), ("list_documents", {})):
            message = failure(await client.call_tool(tool, needed | arguments))
            assert fit_to_show(message, ground) in {"invalid_input", "invalid_cursor"}
