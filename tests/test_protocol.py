"""What holds for every message, whatever it asks for."""

import threading

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest
from mcp import MCPError
from mcp_types import EmptyResult, Request

from docindex.indexer.errors import FolderUnavailable
from docindex.indexer.models import IndexState, IndexView, LibraryStatus
from docindex.server import app
from tests.fake_library import PATIENCE, FakeLibrary
from tests.served import ERAS, connected, structured, tokens

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def introduced(library: FakeLibrary, era: str = "legacy", *, read_only: bool = False) -> str:
    async with connected(library, era, read_only=read_only) as client:
        assert client.instructions is not None
        return client.instructions


@ERAS
async def test_instructions_say_what_is_here_now(era: str) -> None:
    library = FakeLibrary(index=IndexView("building", 41, 9, None), labels=["docs", "adr"])
    said = await introduced(library, era)
    assert "41 Markdown documents in the folders docs, adr; the index is being built" in said
    assert "update_document" in said
    library.index = IndexView("ready", 50, 0, 1.0)
    assert "50 Markdown documents" in await introduced(library, era)


async def test_instructions_of_a_server_that_only_reads_do_not_speak_of_writing() -> None:
    assert "update_document" not in await introduced(FakeLibrary(), read_only=True)


@pytest.mark.parametrize("state", ["building", "updating", "ready", "rebuilding", "degraded"])
async def test_instructions_take_few_tokens(state: IndexState) -> None:
    library = FakeLibrary(
        index=IndexView(state, 1_000_000, 10, None, "folder unavailable"),
        labels=[f"folder-{number}" for number in range(40)],
    )
    assert tokens(await introduced(library)) <= 120


@ERAS
async def test_a_state_that_cannot_be_known_does_not_hold_up_the_handshake(
    era: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(app, "INTRODUCTION_SECONDS", 0.01)
    done = threading.Event()

    class Slow(FakeLibrary):
        def status(self) -> LibraryStatus:
            done.wait(PATIENCE)
            return super().status()

    class Broken(FakeLibrary):
        def status(self) -> LibraryStatus:
            raise FolderUnavailable("not there")

    for library in (Slow(), Broken()):
        assert (await introduced(library, era)).startswith("docindex searches Markdown documents.")
        done.set()
    assert "not there" in caplog.text


@ERAS
async def test_clients_are_promised_notices_of_changed_lists_and_resources(era: str) -> None:
    async with connected(FakeLibrary(), era) as client:
        offered = client.server_capabilities
    assert offered.resources is not None
    assert offered.resources.list_changed
    assert offered.resources.subscribe
    assert offered.completions is not None


@ERAS
async def test_the_server_says_its_name_and_version(era: str) -> None:
    async with connected(FakeLibrary(), era) as client:
        await client.list_tools()
        assert client.server_info is not None
        assert client.server_info.name == "docindex"
        assert client.server_info.version
        # It is repeated in every answer of the newer protocol.
        assert tokens(client.server_info.model_dump(exclude_none=True)) < 20


@ERAS
async def test_accidents_in_any_method_become_an_internal_error_without_details(
    era: str, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(FakeLibrary):
        def complete(self, prefix: str, limit: int) -> tuple[list[str], int]:
            raise OSError(5, "disk on fire", f"/home/ana/{prefix}{limit}")

    async with connected(Broken(failure=RuntimeError("secret")), era) as client:
        with pytest.raises(MCPError, match=r"^internal_error: ") as listing:
            await client.list_resources()
        with pytest.raises(MCPError, match=r"^internal_error: ") as prompting:
            await client.get_prompt("review_document", {"name": "a.md"})
    for caught in (listing, prompting):
        assert caught.value.code == -32603
        assert "secret" not in str(caught.value)
    assert "secret" in caplog.text


@ERAS
async def test_lists_that_never_change_may_be_kept_by_the_client(era: str) -> None:
    async with connected(FakeLibrary(), era) as client:
        tools, prompts = await client.list_tools(), await client.list_prompts()
        templates = await client.list_resource_templates()
        documents = await client.list_resources()
    if era != "legacy":
        assert tools.ttl_ms == prompts.ttl_ms == templates.ttl_ms == 60_000
    assert documents.ttl_ms == 0


@ERAS
async def test_the_index_is_attended_to_from_the_first_answer_on(
    era: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "OPENING_SECONDS", 1_000.0)
    library = FakeLibrary()
    async with connected(library, era) as client:
        for _ in range(20):
            await anyio.lowlevel.checkpoint()
        assert not library.attended.is_set()
        await client.list_tools()
        assert await anyio.to_thread.run_sync(library.attended.wait, 10)


async def test_a_client_that_asks_nothing_is_attended_to_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(app, "OPENING_SECONDS", 0.01)
    library = FakeLibrary()
    async with connected(library):
        assert await anyio.to_thread.run_sync(library.attended.wait, 10)


async def test_a_server_goes_on_when_nobody_can_index(caplog: pytest.LogCaptureFixture) -> None:
    class Alone(FakeLibrary):
        def attend(self) -> None:
            super().attend()
            raise OSError(28, "no space left")

    library = Alone()
    async with connected(library) as client:
        await client.list_tools()
        assert await anyio.to_thread.run_sync(library.attended.wait, 10)
        structured(await client.call_tool("search_documents", {"query": "x"}))
    assert "no space left" in caplog.text


async def test_a_ping_is_answered() -> None:
    async with connected(FakeLibrary()) as client:
        assert await client.session.send_ping() == EmptyResult()


class Message(Request[dict[str, object], str]):
    """Any, as it is sent."""


MISFITS: list[tuple[str, dict[str, object], str]] = [
    ("tools/call", {"arguments": {}}, "params.name is missing."),
    ("tools/call", {"name": 7}, "params.name must be a string."),
    ("tools/call", {"name": "reindex", "arguments": []}, "params.arguments must be an object."),
    ("tools/call", {"name": "reindex", "_meta": {"progressToken": {}}}, "progressToken does not"),
    ("prompts/get", {"name": "review_document", "arguments": {"name": 7}}, "arguments.name must"),
    ("resources/read", {"uri": None}, "params.uri must be a string."),
    ("completion/complete", {"ref": {}, "argument": {}}, "params.argument.name is missing."),
    ("completion/complete", {"ref": {}, "argument": {"name": "", "value": ""}}, "params.ref does"),
    (
        "completion/complete",
        {
            "ref": {"type": "ref/prompt", "name": "review_document"},
            "argument": {"name": "name", "value": ""},
            "context": {"arguments": {"k" * 9_000: 7}},
        },
        "kkk must be a string.",
    ),
]


@ERAS
@pytest.mark.parametrize(("method", "params", "said"), MISFITS)
async def test_params_that_do_not_fit_are_named(
    era: str, method: str, params: dict[str, object], said: str
) -> None:
    async with connected(FakeLibrary(), era) as client:
        with pytest.raises(MCPError) as caught:
            await client.session.send_request(Message(method=method, params=params), EmptyResult)
    assert caught.value.code == -32602
    assert caught.value.error.data == {"code": "invalid_input"}
    assert said in caught.value.error.message
    assert len(caught.value.error.message) < 300
