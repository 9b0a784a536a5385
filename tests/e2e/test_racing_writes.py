"""Many clients write one document at once, each through a server of its own.

Some writes are made; DOCINDEX_RACING_WRITES says how many.
"""

import os
from collections import Counter
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp_types import CallToolResult, TextContent

from docindex.indexer.files import version_of
from docindex.indexer.history import History
from tests.e2e.conversation import connected, indexed
from tests.e2e.sandbox import Sandbox

WRITES = int(os.environ.get("DOCINDEX_RACING_WRITES", "200"))
CLIENTS = 8
NAME = "log.md"
LINES = 40
"""A client that replaces the document drops the lines above the last of these."""

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120 + WRITES)]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Race:
    def __init__(self) -> None:
        self.accepted: dict[str, str] = {}
        """What each accepted write added, by the version that it made."""
        self.refused = Counter[str]()

    async def run(self, client: Client, number: int) -> None:
        turn = 0
        while len(self.accepted) < WRITES:
            turn += 1
            line = f"client {number} turn {turn}\n"
            if turn % 2:
                asked = {"mode": "append", "content": line}
            else:
                read = await client.call_tool("read_document", {"name": NAME})
                assert read.structured_content is not None, read.content
                lines = str(read.structured_content["text"]).splitlines(keepends=True)
                asked = {
                    "content": "".join([*lines[-LINES:], line]),
                    "if_version": read.structured_content["version"],
                }
            self._note(await client.call_tool("update_document", {"name": NAME, **asked}), line)

    def _note(self, result: CallToolResult, line: str) -> None:
        if result.is_error:
            (said,) = [block.text for block in result.content if isinstance(block, TextContent)]
            code = said.partition(":")[0]
            assert code in ("version_mismatch", "timed_out"), said
            self.refused[code] += 1
            return
        written: dict[str, Any] = result.structured_content or {}
        assert written["version"] not in self.accepted
        self.accepted[written["version"]] = line


async def test_no_accepted_write_is_lost_or_torn_and_all_are_in_order(sandbox: Sandbox) -> None:
    (sandbox.documents / NAME).write_bytes(b"start\n")
    env = {**sandbox.env, "DOCINDEX_HISTORY_DAYS": "0", "DOCINDEX_HISTORY_BYTES": "0"}
    race = Race()
    async with connected(sandbox.server, env) as first:
        await indexed(first)
        async with anyio.create_task_group() as tasks:
            for number in range(CLIENTS):
                tasks.start_soon(_take_part, race, sandbox, env, number)

    assert race.refused["version_mismatch"], "the clients never met"
    assert race.refused["timed_out"] <= len(race.accepted) / 20
    history = History(Path(sandbox.env["DOCINDEX_STATE_DIR"]), sandbox.documents)
    changes = history.changes(NAME)
    assert len(changes) == len(race.accepted) >= WRITES
    assert {change.after.version for change in changes if change.after} == set(race.accepted)
    text = b"start\n"
    for change in changes:
        assert change.before is not None
        assert change.after is not None
        assert history.content(change.before) == text, "a write is missing in between"
        after = history.content(change.after)
        added = race.accepted[change.after.version].encode()
        assert after.endswith(added)
        kept = after.removesuffix(added)
        assert kept, "the whole text was lost"
        assert text.endswith(kept), "something else was lost"
        assert len(kept.splitlines()) >= min(LINES, len(text.splitlines()))
        text = after
    assert (sandbox.documents / NAME).read_bytes() == text
    assert version_of(text) in race.accepted
    assert not list(sandbox.documents.rglob(".docindex-*"))


async def _take_part(race: Race, sandbox: Sandbox, env: dict[str, str], number: int) -> None:
    async with connected(sandbox.server, env) as client:
        await race.run(client, number)
