"""What docindex costs a model: the tools it lists, the answers it gives by default."""

import statistics
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from docindex.indexer.library import Library
from docindex.indexer.models import FolderSpec
from tests.fake_library import FakeLibrary
from tests.served import ERAS, connected, structured, tokens

pytestmark = pytest.mark.anyio

GUIDE = Path(__file__).parent.parent / "sample_docs"
QUESTIONS = [
    "how do I install docindex",
    "connect Claude Code to a folder of notes",
    "what happens when two agents write the same document",
    "search in one folder only",
    "index state degraded",
    "restore a deleted document",
    "which files are ignored",
    "where is the index kept",
    "filter results by tag",
    "read one section of a long document",
    "settings environment variables",
    "the server does not start",
    "phrase search with quotes",
    "symlinks are not followed",
    "how fresh are search results",
    "写入 文档",
    "several folders with labels",
    "snippets quoted text instructions",
    "reindex progress",
    "version conflict when writing",
]


class Unattended(Library):
    """Starts no process: what is there stays as it is."""

    def attend(self) -> None:
        pass


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def guide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """The user guide, indexed here."""
    place = tmp_path_factory.mktemp("guide")
    library = Unattended([FolderSpec(str(GUIDE))], cache=place / "cache", state=place / "state")
    library.reindex(False, lambda _: None, threading.Event())
    yield library
    library.close()


@ERAS
async def test_the_list_of_tools_is_short(era: str) -> None:
    async with connected(FakeLibrary(), era, callers=True) as client:
        tools = (await client.list_tools()).tools
    whole = [tool.model_dump(by_alias=True, exclude_none=True) for tool in tools]
    needed = [{key: tool[key] for key in ("name", "description", "inputSchema")} for tool in whole]
    assert tokens(needed) <= 1_500
    assert tokens(whole) <= 3_000


async def test_ten_results_take_a_thousand_tokens(guide: Library) -> None:
    taken: list[float] = []
    async with connected(guide) as client:
        for question in QUESTIONS:
            answer = structured(await client.call_tool("search_documents", {"query": question}))
            taken.append(tokens(answer) / max(len(answer["results"]), 1) * 10)
    assert statistics.median(taken) <= 1_000
    assert statistics.quantiles(taken, n=20)[-1] <= 1_300


@pytest.mark.parametrize("max_tokens", [400, 1_000, 10_000])
async def test_no_answer_is_above_what_was_asked_for(guide: Library, max_tokens: int) -> None:
    bound = {"max_tokens": max_tokens}
    async with connected(guide) as client:
        for question in QUESTIONS:
            arguments = {"query": question, "max_results": 50, **bound}
            answer = structured(await client.call_tool("search_documents", arguments))
            assert tokens(answer) <= max_tokens
        listed = structured(await client.call_tool("list_documents", {"max_results": 200}))
        for document in listed["documents"]:
            arguments = {"name": document["name"], **bound}
            assert (
                tokens(structured(await client.call_tool("read_document", arguments))) <= max_tokens
            )
