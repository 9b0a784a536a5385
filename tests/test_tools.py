"""The tools as a client meets them: their descriptions, their arguments, their errors."""

import json
import logging
import re
import threading
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest
from mcp import MCPError

from docindex.indexer.errors import (
    Cancelled,
    DocindexError,
    DocumentNotFound,
    SectionNotFound,
    TooLarge,
    VersionMismatch,
)
from docindex.indexer.models import (
    Edit,
    KeptVersion,
    Listed,
    ListRequest,
    Progress,
    SearchRequest,
    WriteOutcome,
)
from docindex.indexer.moving import Followed, MoveOutcome
from docindex.indexer.relinking import Remark
from docindex.server import offload
from docindex.server.progress import Reached
from docindex.server.tools import WRITE_TOOLS
from tests.fake_library import PATIENCE, FakeLibrary, hit, reading
from tests.served import ERAS, connected, failure, structured, texts

pytestmark = pytest.mark.anyio

JANUARY = 1_767_225_600.0
"""2026-01-01T00:00:00Z"""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@ERAS
async def test_every_tool_says_what_it_is_for_and_what_it_does(era: str) -> None:
    async with connected(FakeLibrary(), era) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    looking = {"search_documents", "read_document", "list_documents"}
    writing = {"update_document", "move_document", "delete_document", "restore_document"}
    assert tools.keys() == looking | writing | {"reindex"}
    for name, tool in tools.items():
        assert tool.title
        assert tool.description
        assert tool.output_schema
        assert tool.input_schema["additionalProperties"] is False
        assert tool.annotations is not None
        assert tool.annotations.read_only_hint is (name in looking)
        assert tool.annotations.open_world_hint is False
        if name not in looking:
            assert tool.annotations.destructive_hint is (name in writing)
            assert tool.annotations.idempotent_hint is (name != "update_document")


async def test_no_argument_is_repeated_in_a_header() -> None:
    """The server does not look for any (see `protocol.streamable_http`)."""
    async with connected(FakeLibrary()) as client:
        for tool in (await client.list_tools()).tools:
            assert "x-mcp-header" not in json.dumps(tool.input_schema)


async def test_schemas_hold_nothing_that_says_nothing() -> None:
    async with connected(FakeLibrary()) as client:
        tools = (await client.list_tools()).tools
    for tool in tools:
        for field in tool.input_schema["properties"].values():
            assert {"title", "anyOf", "$ref"}.isdisjoint(field)
            assert field.get("default", "said") not in ("", None, False, [])
        assert "$defs" not in json.dumps([tool.input_schema, tool.output_schema])
    search = next(tool for tool in tools if tool.name == "search_documents")
    assert search.input_schema["properties"]["max_results"]["default"] == 10
    assert search.output_schema is not None
    assert "title" in search.output_schema["properties"]["results"]["items"]["properties"]


async def test_descriptions_name_only_tools_and_fields_that_exist() -> None:
    async with connected(FakeLibrary()) as client:
        tools = (await client.list_tools()).tools
    names = {tool.name for tool in tools}
    for tool in tools:
        mentioned = set(re.findall(r"\b[a-z]+_documents?\b", tool.description or ""))
        assert mentioned <= names


@pytest.mark.parametrize(
    ("tool", "arguments", "told"),
    [
        ("search_documents", {"query": "x", "limit": 3}, 'no argument "limit".*max_results?'),
        ("search_documents", {"query": "x", "max_result": 3}, "did you mean max_results?"),
        ("search_documents", {"query": "x", "zebra": 3}, 'no argument "zebra"; it takes query, '),
        ("search_documents", {"q": "x"}, "did you mean query?"),
        ("read_document", {"path": "a.md"}, "did you mean name?"),
        ("update_document", {"name": "a.md", "etag": "1"}, "did you mean if_version?"),
        ("reindex", {"force": True}, 'reindex has no argument "force"; it takes full'),
        ("search_documents", {}, "search_documents needs query; it takes query, "),
        ("search_documents", {"query": None}, "needs query"),
        ("search_documents", {"query": 7}, "query must be a string, not 7"),
        ("search_documents", {"query": ["x"]}, 'query must be a string, not ["x"]'),
        (
            "search_documents",
            {"query": "x", "max_results": "lots"},
            'max_results must be a whole number from 1 to 50, not "lots"',
        ),
        ("search_documents", {"query": "x", "max_results": 0}, "from 1 to 50, not 0"),
        ("search_documents", {"query": "x", "max_results": -1}, "from 1 to 50, not -1"),
        ("search_documents", {"query": "x", "max_results": 10**9}, "from 1 to 50"),
        ("search_documents", {"query": "x", "max_results": 1.5}, "from 1 to 50, not 1.5"),
        ("search_documents", {"query": "x", "max_tokens": 1}, "from 400 to 10000, not 1"),
        ("search_documents", {"query": "x", "max_tokens": 20_000}, "from 400 to 10000"),
        (
            "search_documents",
            {"query": "x", "tags": "ops"},
            'tags must be a list of strings, not "',
        ),
        (
            "search_documents",
            {"query": "x", "tags": [1]},
            "tags must be a list of strings, not [1]",
        ),
        ("search_documents", {"query": "x", "tags": {"a": 1}}, "tags must be a list of strings"),
        (
            "search_documents",
            {"query": "x", "modified_after": "yesterday"},
            'modified_after must be a date .* or a time such as .*Z, not "yesterday"',
        ),
        ("list_documents", {"sort": "size"}, 'sort must be one of path, modified, not "size"'),
        ("list_documents", {"max_results": 201}, "from 1 to 200"),
        (
            "update_document",
            {"name": "a.md", "mode": "merge"},
            'mode must be one of replace, append, prepend, section, not "merge"',
        ),
        ("update_document", {"name": "a.md", "dry_run": "maybe"}, "dry_run must be true or false"),
        ("update_document", {"name": "a.md", "content": 1}, "content must be a string, not 1"),
        (
            "update_document",
            {"name": "a.md", "content": {"x": "y" * 99}},
            "content must be a string",
        ),
        ("delete_document", {}, "delete_document needs name"),
    ],
)
@ERAS
async def test_an_argument_that_does_not_fit_is_named_with_what_would(
    tool: str, arguments: dict[str, Any], told: str, era: str
) -> None:
    library = FakeLibrary()
    async with connected(library, era) as client:
        message = failure(await client.call_tool(tool, arguments))
    assert message.startswith("invalid_input: ")
    assert told in message or re.search(told, message)
    assert len(message) < 300
    assert "pydantic" not in message
    assert library.asked == []


async def test_a_list_may_come_as_a_string_of_json_and_null_for_what_is_optional() -> None:
    library = FakeLibrary()
    arguments = {"query": "x", "tags": '["a", "b"]', "path": None, "max_results": "5"}
    async with connected(library) as client:
        structured(await client.call_tool("search_documents", arguments))
    (asked,) = library.asked
    assert isinstance(asked, SearchRequest)
    assert (asked.tags, asked.path, asked.max_results) == (("a", "b"), "", 5)


@pytest.mark.parametrize("content", ['["a"]', "null", "12", '{"a": 1}', '"quoted"', "", "\r\n"])
async def test_content_that_looks_like_json_is_written_as_it_stands(content: str) -> None:
    library = FakeLibrary()
    async with connected(library) as client:
        await client.call_tool("update_document", {"name": "a.md", "content": content})
    assert library.asked == [Edit("a.md", content)]


async def test_leaving_out_content_and_tags_is_not_the_same_as_giving_none_of_them() -> None:
    library = FakeLibrary()
    async with connected(library) as client:
        await client.call_tool("update_document", {"name": "a.md", "tags": []})
        await client.call_tool("update_document", {"name": "a.md", "content": ""})
    assert library.asked == [Edit("a.md", None, ()), Edit("a.md", "", None)]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-01-01", JANUARY),
        ("2026-01-01T00:00:00Z", JANUARY),
        ("2026-01-01T01:30", JANUARY + 5_400),
        ("2026-01-01T01:00:00+01:00", JANUARY),
        ("0001-01-01T00:00:00+23:59", -62_135_683_140.0),
    ],
)
async def test_dates_are_understood_as_utc_unless_they_say_otherwise(
    text: str, seconds: float
) -> None:
    library = FakeLibrary()
    async with connected(library) as client:
        arguments = {"query": "x", "modified_after": text, "modified_before": text}
        structured(await client.call_tool("search_documents", arguments))
    (asked,) = library.asked
    assert isinstance(asked, SearchRequest)
    assert asked.modified_after == asked.modified_before == seconds


@pytest.mark.parametrize(
    "error",
    [
        DocumentNotFound("there is no guide/a.md; did you mean guide/b.md?"),
        SectionNotFound("there is no such section"),
        TooLarge("guide/a.md is too large"),
        VersionMismatch("it is 123 by now"),
    ],
)
@ERAS
async def test_what_the_library_refuses_is_told_with_its_code(
    error: DocindexError, era: str
) -> None:
    async with connected(FakeLibrary(failure=error), era) as client:
        message = failure(await client.call_tool("read_document", {"name": "guide/a.md"}))
    assert message == f"{error.code}: {error}"


@ERAS
async def test_an_accident_is_told_as_a_number_and_logged_in_full(
    era: str, caplog: pytest.LogCaptureFixture
) -> None:
    library = FakeLibrary(failure=OSError(5, "disk on fire", "/home/ana/secret.md"))
    async with connected(library, era) as client:
        message = failure(await client.call_tool("search_documents", {"query": "x"}))
    assert message.startswith("internal_error: ")
    assert "secret" not in message
    assert "disk" not in message
    (number,) = re.findall(r"accident ([0-9a-f]{8})", message)
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert number in record.getMessage()
    assert record.exc_info


@ERAS
async def test_a_tool_that_is_not_there_is_a_protocol_error(era: str) -> None:
    async with connected(FakeLibrary(), era) as client:
        with pytest.raises(MCPError, match=r"Did you mean search_documents\?") as caught:
            await client.call_tool("search_document", {"query": "x"})
    assert caught.value.code == -32602


@ERAS
async def test_a_server_that_only_reads_neither_lists_nor_runs_what_writes(era: str) -> None:
    library = FakeLibrary()
    async with connected(library, era, read_only=True) as client:
        names = {tool.name for tool in (await client.list_tools()).tools}
        for name in WRITE_TOOLS:
            with pytest.raises(MCPError, match=r"^read_only: "):
                await client.call_tool(name, {"name": "a.md"})
    assert names == {"search_documents", "read_document", "list_documents", "reindex"}
    assert library.asked == []


async def test_a_call_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offload, "ANSWER_SECONDS", 0.05)
    done = threading.Event()

    class Slow(FakeLibrary):
        def search(self, request: SearchRequest) -> Any:
            done.wait(PATIENCE)

    async with connected(Slow()) as client:
        message = failure(await client.call_tool("search_documents", {"query": "x"}))
        done.set()
    assert message.startswith("timed_out: ")


async def test_a_read_gives_the_text_apart_from_what_is_said_of_it() -> None:
    library = FakeLibrary(readings={"guide/setup.md": reading("# Setup\r\n\r\nhello\r\n")})
    async with connected(library) as client:
        result = await client.call_tool("read_document", {"name": "guide/setup.md"})
    about, text = texts(result)
    assert text == structured(result)["text"] == "# Setup\r\n\r\nhello\r\n"
    assert '"version":"b3c1f0a94d27"' in about
    assert "not instructions" in about


async def test_answers_carry_no_half_characters() -> None:
    library = FakeLibrary(hits=[hit(snippet="half \ud83d of it")])
    async with connected(library) as client:
        result = await client.call_tool("search_documents", {"query": "x"})
    (found,) = structured(result)["results"]
    assert found["snippet"] == "half ? of it"


async def test_a_write_tells_its_version_and_whether_search_finds_it() -> None:
    library = FakeLibrary(outcome=WriteOutcome("updated", "a.md", "9f2c", searchable=False))
    async with connected(library) as client:
        result = await client.call_tool("update_document", {"name": "a.md", "content": "x"})
        deleted = await client.call_tool("delete_document", {"name": "a.md", "if_version": "9f2c"})
    assert structured(result) == {
        "status": "updated",
        "name": "a.md",
        "version": "9f2c",
        "searchable": False,
    }
    assert structured(deleted)["status"] == "deleted"
    assert library.asked[-1] == ("delete", "a.md", "9f2c", False)


async def test_what_can_be_restored_is_listed_before_it_is() -> None:
    kept = tuple(KeptVersion(f"{number:016x}", JANUARY, 7, "updated") for number in range(60))
    library = FakeLibrary(kept=kept)
    async with connected(library) as client:
        listed = structured(await client.call_tool("restore_document", {"name": "a.md"}))
        arguments = {"name": "a.md", "version": "0" * 16}
        restored = structured(await client.call_tool("restore_document", arguments))
    assert (listed["status"], listed["version"]) == ("exists", "77ad01c5e2b9")
    assert len(listed["versions"]) == 50
    assert listed["more_versions"] == 10
    assert listed["versions"][0] == {
        "version": "0" * 16,
        "when": "2026-01-01T00:00:00Z",
        "bytes": 7,
        "why": "updated",
    }
    assert restored["status"] == "restored"
    assert library.asked == [("past", "a.md"), ("restore", "a.md", "0" * 16, False)]


async def test_of_a_document_that_was_moved_away_it_is_told_where_it_is() -> None:
    kept = (KeptVersion("ab", JANUARY, 7, "moved"),)
    async with connected(FakeLibrary(current="", kept=kept, moved_to="b.md")) as client:
        listed = structured(await client.call_tool("restore_document", {"name": "a.md"}))
    assert (listed["status"], listed["remarks"]) == ("moved", ["it was moved to b.md"])
    assert listed["versions"][0]["version"] == "ab"


async def test_of_a_deleted_document_no_version_is_the_current_one() -> None:
    library = FakeLibrary(current="", kept=(KeptVersion("ab", JANUARY, 7, "deleted"),))
    async with connected(library) as client:
        listed = structured(await client.call_tool("restore_document", {"name": "a.md"}))
    assert listed["status"] == "deleted"
    assert "version" not in listed
    assert "more_versions" not in listed


async def test_a_move_lists_who_followed_and_who_did_not() -> None:
    followed = tuple(Followed(f"{number}.md", "0a", "0b", 2) for number in range(25))
    left = (Remark("c.md", "it is read-only", 7, "a.md#x"), Remark("d.md", "too intricate"))
    moved = MoveOutcome("moved", "a.md", "b.md", "1a", "1b", followed, left, searchable=True)
    library = FakeLibrary(moved=moved)
    async with connected(library) as client:
        arguments = {"name": "a.md", "new_name": "b.md", "if_version": "1a"}
        answer = structured(await client.call_tool("move_document", arguments))
    assert library.asked == [("move", "a.md", "b.md", "1a", False)]
    assert (answer["new_name"], answer["version"], answer["searchable"]) == ("b.md", "1b", True)
    assert answer["followed"][0] == {"name": "0.md", "version": "0b", "links": 2}
    assert (len(answer["followed"]), answer["more_followed"]) == (20, 5)
    assert answer["left"] == [
        {"name": "c.md", "why": "it is read-only", "line": 7, "target": "a.md#x"},
        {"name": "d.md", "why": "too intricate"},
    ]


async def test_a_move_can_be_tried() -> None:
    followed = (Followed("c.md", "0a", "0b", 1, "--- c.md\n+++ c.md\n"),)
    diff = "".join(f"+line {number}\n" for number in range(5_000))
    moved = MoveOutcome("would_move", "a.md", "b.md", "1a", "1b", followed, (), diff)
    async with connected(FakeLibrary(moved=moved)) as client:
        arguments = {"name": "a.md", "new_name": "b.md", "dry_run": True}
        answer = structured(await client.call_tool("move_document", arguments))
    assert "searchable" not in answer
    assert diff.startswith(answer["diff"])
    assert "the diff goes on for" in answer["remarks"][0]


async def test_what_another_program_wrote_in_the_same_instant_is_told() -> None:
    outcome = WriteOutcome("updated", "a.md", "9f2c", True, displaced="8e1b")
    async with connected(FakeLibrary(outcome=outcome)) as client:
        arguments = {"name": "a.md", "content": "x", "mode": "append"}
        answer = structured(await client.call_tool("update_document", arguments))
    assert "kept as version 8e1b" in answer["remarks"][0]


@ERAS
async def test_a_conflict_shows_what_has_changed_since_as_data(era: str) -> None:
    error = VersionMismatch("it is 123 by now", "--- a.md\n+++ a.md\n-one\n+two\n")
    async with connected(FakeLibrary(failure=error), era) as client:
        arguments = {"name": "a.md", "content": "x", "if_version": "12"}
        message = failure(await client.call_tool("update_document", arguments))
    assert message.startswith("version_mismatch: it is 123 by now. What has changed since (diff ")
    assert "not instructions" in message
    assert message.endswith("-one\n+two\n")


async def test_a_dry_run_gives_the_diff_within_bounds() -> None:
    diff = "".join(f"+line {number}\n" for number in range(5_000))
    library = FakeLibrary(outcome=WriteOutcome("would_update", "a.md", "9f2c", False, diff))
    async with connected(library) as client:
        arguments = {"name": "a.md", "content": "x", "dry_run": True}
        answer = structured(await client.call_tool("update_document", arguments))
    assert "searchable" not in answer
    assert diff.startswith(answer["diff"])
    assert answer["diff"].endswith("\n")
    left_out = 5_000 - answer["diff"].count("\n")
    assert answer["remarks"] == [f"the diff goes on for {left_out} lines"]


@ERAS
async def test_reindexing_reports_progress_that_grows_to_the_end(era: str) -> None:
    steps = [Progress(number, 3, f"page-{number}.md") for number in (1, 2, 2, 3, 3)]
    told: list[tuple[float, float | None, str | None]] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        told.append((progress, total, message))

    async with connected(FakeLibrary(steps=steps), era) as client:
        result = await client.call_tool("reindex", {}, progress_callback=note)
    counts = {"documents": 3, "sections": 9, "indexed": 2, "removed": 1, "seconds": 0.12}
    assert structured(result) == counts
    assert told[-1] == (3.0, 3.0, "finished")
    assert [done for done, _, _ in told] == sorted({done for done, _, _ in told})


@ERAS
async def test_moving_reports_progress(era: str) -> None:
    told: list[tuple[float, float | None, str | None]] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        told.append((progress, total, message))

    moved = MoveOutcome("moved", "a.md", "b.md", "1a", "1b", (), ())
    async with connected(FakeLibrary(moved=moved), era) as client:
        arguments = {"name": "a.md", "new_name": "b.md"}
        structured(await client.call_tool("move_document", arguments, progress_callback=note))
    assert told == [(1.0, 2.0, "a.md")]


async def test_a_standstill_is_not_reported() -> None:
    told: list[float] = []

    class Asking:
        async def report_progress(self, done: float, *_: object) -> None:
            told.append(done)

    asking: Any = Asking()
    reached = Reached(asking)
    for done in (0, 1, 1, 0, 2):
        reached.note(Progress(done, 2, "a.md"))
        await reached.tell()
    reached.finish(3)
    await reached.tell()
    assert told == [1, 2]


@pytest.mark.parametrize(
    ("steps", "end"),
    [([], (3.0, 3.0)), ([Progress(0, 9, "")], (9.0, 9.0)), ([Progress(8, 9, "")], (9.0, 9.0))],
)
@ERAS
async def test_progress_ends_at_its_total_however_fast_it_went(
    steps: list[Progress], end: tuple[float, float], era: str
) -> None:
    told: list[tuple[float, float | None]] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        told.append((progress, total))

    async with connected(FakeLibrary(steps=steps), era) as client:
        structured(await client.call_tool("reindex", {}, progress_callback=note))
    assert told[-1] == end


async def test_documents_are_listed_as_they_were_asked_for() -> None:
    listed = [Listed("guide/a.md", "A", 7, 1_700_000_000.0, ("ops",))]
    library = FakeLibrary(listed=listed)
    arguments = {"path": "guide", "tags": ["ops"], "sort": "modified", "max_results": 3}
    async with connected(library) as client:
        answer = structured(await client.call_tool("list_documents", arguments))
    assert library.asked == [ListRequest("guide", ("ops",), "modified", 3)]
    assert answer["documents"] == [
        {
            "name": "guide/a.md",
            "size": 7,
            "title": "A",
            "modified": "2023-11-14T22:13:20Z",
            "tags": ["ops"],
        }
    ]


@ERAS
async def test_leaving_a_reindexing_stops_it(era: str) -> None:
    stopped = threading.Event()
    library = FakeLibrary(hold=stopped)
    async with connected(library, era) as client:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: client.call_tool("reindex", {}))
            while not library.asked:
                await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()
        assert await anyio.to_thread.run_sync(stopped.wait, PATIENCE * 2)


async def test_a_reindexing_that_is_cancelled_elsewhere_says_so() -> None:
    async with connected(FakeLibrary(failure=Cancelled("stopped by another caller"))) as client:
        message = failure(await client.call_tool("reindex", {}))
    assert message == "cancelled: stopped by another caller"
