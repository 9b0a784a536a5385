"""A server over some library, and a client that is connected to it."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
from mcp import Client
from mcp_types import CallToolResult, TextContent

from docindex.indexer.library import Library
from docindex.server.app import build

ERAS = pytest.mark.parametrize("era", ["legacy", "2026-07-28"])
"""For tests that must hold in the protocols up to 2025-11-25 and from 2026-07-28 on."""


@asynccontextmanager
async def connected(
    library: Library,
    era: str = "legacy",
    *,
    read_only: bool = False,
    callers: bool = False,
    **options: Any,
) -> AsyncGenerator[Client]:
    mode = era if era == "legacy" else "auto"
    server = build(library, read_only=read_only, callers=callers)
    async with Client(server, mode=mode, **options) as client:
        yield client


def texts(result: CallToolResult) -> list[str]:
    assert all(isinstance(block, TextContent) for block in result.content)
    return [block.text for block in result.content if isinstance(block, TextContent)]


def structured(result: CallToolResult) -> dict[str, Any]:
    assert not result.is_error, result.content
    assert result.structured_content is not None
    return cast("dict[str, Any]", result.structured_content)


def failure(result: CallToolResult) -> str:
    assert result.is_error
    assert result.structured_content is None
    (text,) = texts(result)
    return text


def tokens(value: object) -> float:
    """Of `value` as compact JSON, at four bytes each."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return len(text.encode()) / 4
