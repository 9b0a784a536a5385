"""Servers and their indexer as processes: how many there are, and what their end leaves."""

import hashlib
import json
import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import psutil
import pytest
from mcp import Client

from docindex.indexer.home import home_of
from docindex.indexer.locks import held, leased
from tests.bench.session import Session
from tests.e2e.conversation import connected, indexed
from tests.e2e.sandbox import DOCUMENTS, LINGER_SECONDS, NOTES, Sandbox, alive, awaited, write

pytestmark = pytest.mark.anyio

ALL = bool(os.environ.get("DOCINDEX_ALL_FAULTS"))
TAKEOVER_SECONDS = 3
ANSWER_SECONDS = 5
BUILD = 1_500
"""Documents in the build that is interrupted."""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def status(sandbox: Sandbox) -> dict[str, Any]:
    """What the indexer says of itself; {} before it has said anything."""
    found = list(sandbox.cache.glob("*/*/status.json"))
    assert len(found) <= 1, found
    said: dict[str, Any] = json.loads(found[0].read_text(encoding="utf-8")) if found else {}
    return said


def servers(sandbox: Sandbox) -> list[psutil.Process]:
    return [process for process in sandbox.processes() if "serve" in process.cmdline()]


def indexers(sandbox: Sandbox) -> list[psutil.Process]:
    """Without the workers, which belong to an indexer."""
    return [
        process
        for process in sandbox.processes()
        if "docindex.indexer.process" in process.cmdline()
    ]


async def found(client: Client, query: str) -> list[str]:
    """The names that a search gives. Any error is a failure."""
    answer = await client.call_tool("search_documents", {"query": query})
    assert not answer.is_error, answer.content
    assert answer.structured_content is not None
    return [result["name"] for result in answer.structured_content["results"]]


async def write_document(client: Client, name: str, content: str) -> None:
    written = await client.call_tool("update_document", {"name": name, "content": content})
    assert not written.is_error, written.content


async def comes_true(condition: Callable[[], bool], seconds: float, what: str) -> float:
    """`awaited`, while the clients go on."""
    return await anyio.to_thread.run_sync(awaited, condition, seconds, what)


def page(number: int) -> str:
    """Some 3 KB in a few sections, with a word of its own."""
    some = random.Random(number)
    words = [f"word{some.randrange(5_000)}" for _ in range(400)]
    sections = (" ".join(words[start : start + 80]) for start in range(0, 400, 80))
    text = "\n\n".join(f"## Part {part}\n\n{body}" for part, body in enumerate(sections))
    return f"# Page {number}\n\nserial{number:05}\n\n{text}\n"


def checksums(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


async def test_two_servers_on_one_folder_share_one_indexer(sandbox: Sandbox) -> None:
    async with (
        connected(sandbox.server, sandbox.env) as first,
        connected(sandbox.server, sandbox.env) as second,
    ):
        await indexed(first)
        await indexed(second)
        assert len(servers(sandbox)) == 2
        await comes_true(lambda: len(indexers(sandbox)) == 1, 5, "one indexer")
        (indexer,) = indexers(sandbox)
        assert status(sandbox)["pid"] == indexer.pid

        await write_document(first, "by the first.md", "# Buoy\n\nIt whistles quaveringly.\n")
        assert await found(second, "quaveringly") == ["by the first.md"]
        await write_document(second, "by the second.md", "# Gong\n\nIt tolls sonorously.\n")
        assert await found(first, "sonorously") == ["by the second.md"]
        assert [process.pid for process in indexers(sandbox)] == [indexer.pid]


async def test_even_a_short_reindex_tells_of_its_progress(sandbox: Sandbox) -> None:
    steps: list[tuple[float, float | None]] = []

    async def report(progress: float, total: float | None, message: str | None) -> None:
        steps.append((progress, total))

    async with connected(sandbox.server, sandbox.env) as client:
        await indexed(client)
        answer = await client.call_tool("reindex", {"full": True}, progress_callback=report)
    assert not answer.is_error, answer.content
    documents = len(DOCUMENTS) + NOTES
    assert steps[-1:] == [(documents, documents)]


async def test_the_indexer_stays_as_long_as_one_of_its_servers(sandbox: Sandbox) -> None:
    async with connected(sandbox.server, sandbox.env) as stays:
        async with connected(sandbox.server, sandbox.env) as leaves:
            await indexed(leaves)
            said = status(sandbox)
        # It still tells of itself after the time that it waits when nobody needs it.
        enough = time.time() + LINGER_SECONDS + 2
        await comes_true(lambda: status(sandbox)["beat"] > enough, LINGER_SECONDS + 8, "its beat")
        assert [process.pid for process in indexers(sandbox)] == [said["pid"]]
        assert await found(stays, "trimming the wick")


@pytest.mark.parametrize("end", ["terminate", "kill"])
async def test_the_indexer_ends_when_all_its_servers_are_gone(sandbox: Sandbox, end: str) -> None:
    async with (
        connected(sandbox.server, sandbox.env) as first,
        connected(sandbox.server, sandbox.env) as second,
    ):
        await indexed(first)
        await indexed(second)
        for server in servers(sandbox):
            getattr(server, end)()
        await comes_true(lambda: not servers(sandbox), 20, "the servers' end")
        await comes_true(lambda: not sandbox.processes(), LINGER_SECONDS + 20, "the indexer's")


async def test_a_build_whose_indexer_is_killed_is_finished_by_another(sandbox: Sandbox) -> None:
    for number in range(BUILD):
        write(sandbox.documents / "build" / f"{number:05}.md", page(number))
    documents = len(DOCUMENTS) + NOTES + BUILD
    before = checksums(sandbox.documents)
    answered = 0

    async def keep_asking() -> None:
        nonlocal answered
        while True:
            with anyio.fail_after(ANSWER_SECONDS):
                await found(client, "lamp")
            answered += 1

    def halfway() -> bool:
        said = status(sandbox)
        return bool(said) and said["documents"] > 0 and said["done"] < said["total"]

    async with connected(sandbox.server, sandbox.env) as client:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(keep_asking)
            await comes_true(halfway, 20, "the middle of the build")
            victim = psutil.Process(status(sandbox)["pid"])
            family = [victim, *victim.children(recursive=True)]
            victim.kill()
            asked = answered
            waited = await comes_true(
                lambda: status(sandbox)["pid"] != victim.pid, TAKEOVER_SECONDS, "a takeover"
            )
            print(f"another indexer took over after {waited:.2f} s")
            assert answered > asked
            assert status(sandbox)["documents"] < documents, "the build was over when it was killed"
            await comes_true(
                lambda: not any(alive(process) for process in family), 5, "the workers' end"
            )
            await comes_true(lambda: status(sandbox)["state"] == "ready", 60, "the rest of it")
            tasks.cancel_scope.cancel()
        assert status(sandbox)["documents"] == documents
        assert len(indexers(sandbox)) == 1
        listed = await client.call_tool("list_documents", {"max_results": 1})
        assert listed.structured_content is not None
        assert listed.structured_content["total"] == documents
        for number in range(0, BUILD, 100):
            assert await found(client, f"serial{number:05}") == [f"build/{number:05}.md"]
    assert checksums(sandbox.documents) == before


@pytest.mark.timeout(900)
def test_servers_that_come_and_go_leave_nothing(sandbox: Sandbox) -> None:
    """A few; with DOCINDEX_ALL_FAULTS set, two hundred."""
    count = 200 if ALL else 8
    chance = random.Random(1)
    begun: list[Session] = []
    for number in range(count):
        session = Session(sandbox.server, sandbox.env)
        begun.append(session)
        if chance.random() < 0.7:
            session.call("search_documents", query="lamp")
        if len(begun) == 4 or number == count - 1:
            for each in begun:
                if chance.random() < 0.7:
                    each.process.kill()
                each.__exit__(None, None, None)
            begun = []
    awaited(lambda: not sandbox.processes(), LINGER_SECONDS + 8, "the last process to end")
    home = home_of(sandbox.cache, sandbox.documents)
    assert not held(home.lock)
    assert not leased(home.leases)  # which removes what the killed have left
    assert [path for place in (home.leases, home.requests) for path in place.iterdir()] == []
    assert not list(home.path.rglob(".*"))
    assert not list(Path(sandbox.env["TMPDIR"]).iterdir())
    assert not list(sandbox.documents.rglob(".*"))
