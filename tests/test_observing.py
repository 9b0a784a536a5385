"""What can be seen of a server: its log and its metrics, which hold no document and no token."""

import json
import logging
import re
from collections.abc import Generator
from typing import Any

import pytest

from docindex.indexer.models import IndexView, LibraryStatus
from docindex.server.logs import FIELDS, Harmless, JsonLines
from docindex.server.static_tokens import make
from tests.fake_library import FakeLibrary, hit, reading
from tests.http_server import Serving, serving

SECRET = "the word that only a document holds"
TOKEN, LINE = make("ana", ["docs:read", "docs:admin"], [])
BEARER = {"Authorization": f"Bearer {TOKEN}"}
VERSIONS = pytest.mark.parametrize("version", ["2025-11-25", "2026-07-28"])
SEARCH = ("tools/call", {"name": "search_documents", "arguments": {"query": SECRET}})
READ = ("tools/call", {"name": "read_document", "arguments": {"name": "private/plan.md"}})


@pytest.fixture
def server(caplog: pytest.LogCaptureFixture) -> Generator[Serving]:
    caplog.set_level(logging.INFO, "docindex")
    library = FakeLibrary(
        hits=[hit(1, snippet=SECRET), hit(2, snippet=SECRET)],
        readings={"private/plan.md": reading(SECRET, name="private/plan.md")},
        index=IndexView("updating", 42, 7, 1.0),
    )
    with serving(library, tokens=[LINE]) as server:
        yield server


def fields(caplog: pytest.LogCaptureFixture, message: str) -> list[dict[str, Any]]:
    return [getattr(record, FIELDS) for record in caplog.records if record.getMessage() == message]


@VERSIONS
def test_each_call_is_logged_with_who_what_how_long_and_how_much(
    server: Serving, caplog: pytest.LogCaptureFixture, version: str
) -> None:
    answer = server.post(*SEARCH, era=version, headers=BEARER | {"X-Request-Id": "abc-1"})
    assert answer.headers["x-request-id"] == "abc-1"
    (call,) = fields(caplog, "call")
    assert isinstance(call.pop("ms"), float)
    assert call == {
        "request": "abc-1",
        "caller": "ana",
        "method": "tools/call",
        "tool": "search_documents",
        "outcome": "ok",
        "hits": 2,
        "protocol": version,
    }


@VERSIONS
def test_neither_documents_nor_queries_nor_tokens_are_logged_or_counted(
    server: Serving, caplog: pytest.LogCaptureFixture, version: str
) -> None:
    caplog.set_level(logging.DEBUG, "docindex")
    calls: list[tuple[str, dict[str, Any]]]
    calls = [SEARCH, READ, ("tools/call", {"name": SECRET}), (SECRET, {})]
    for call in calls:
        server.post(*call, era=version, headers=BEARER)
    server.post("tools/call", {"name": "read_document"}, headers=BEARER | {"X-Request-Id": SECRET})
    server.post(*SEARCH, headers={"Authorization": "Bearer " + "y" * 43})
    seen = server.get("/metrics", headers=BEARER).text + "".join(
        JsonLines().format(record)
        for record in caplog.records
        if record.name.startswith("docindex")
    )
    for private in (SECRET, "plan.md", TOKEN, "y" * 43):
        assert private not in seen


def test_what_became_no_message_is_logged_and_counted(
    server: Serving, caplog: pytest.LogCaptureFixture
) -> None:
    server.post(*SEARCH)
    server.post(*SEARCH, headers=BEARER | {"Host": "evil.example"})
    server.post(
        "tools/call", {"name": "update_document", "arguments": {"name": "a.md"}}, headers=BEARER
    )
    refused = fields(caplog, "refused")
    assert [each["status"] for each in refused] == [401, 421, 403]
    assert "a token is needed" in refused[0]["said"]
    assert len({each["request"] for each in refused}) == 3
    metrics = server.get("/metrics", headers=BEARER).text
    for status in (401, 421, 403):
        assert f'docindex_requests_refused_total{{status="{status}"}} 1.0' in metrics


@VERSIONS
def test_calls_are_counted_by_how_they_ended(server: Serving, version: str) -> None:
    server.post(*SEARCH, era=version, headers=BEARER)
    missing = ("tools/call", {"name": "read_document", "arguments": {"name": "none.md"}})
    server.post(*missing, era=version, headers=BEARER)
    server.post("resources/read", {"uri": "doc://documents/none.md"}, era=version, headers=BEARER)
    for made_up in ("a", "b"):
        server.post("tools/call", {"name": made_up}, era=version, headers=BEARER)
        server.post(f"made/up-{made_up}", {}, era=version, headers=BEARER)
    text = server.get("/metrics", headers=BEARER).text
    counted = dict(re.findall(r"^docindex_calls_total\{(.*)\} (.*)$", text, re.MULTILINE))
    assert counted['method="tools/call",outcome="ok",tool="search_documents"'] == "1.0"
    assert counted['method="tools/call",outcome="document_not_found",tool="read_document"'] == "1.0"
    assert counted['method="resources/read",outcome="document_not_found",tool=""'] == "1.0"
    assert counted['method="tools/call",outcome="invalid_input",tool="unknown"'] == "2.0"
    assert counted['method="unknown",outcome="-32601",tool=""'] == "2.0"
    assert 'docindex_call_seconds_count{method="tools/call",tool="search_documents"} 1.0' in text
    assert "docindex_calls_running 0.0" in text


def test_the_metrics_tell_of_the_index(server: Serving) -> None:
    text = server.get("/metrics", headers=BEARER).text
    for line in (
        'docindex_documents{folder=""} 42.0',
        'docindex_pending_files{folder=""} 7.0',
        'docindex_index_state{folder="",state="updating"} 1.0',
        'docindex_watcher_state{folder="",state="running"} 1.0',
        'docindex_skipped_files{folder=""} 0.0',
    ):
        assert line in text
    assert re.search(r'^docindex_index_lag_seconds\{folder=""\} [1-9]', text, re.MULTILINE)


def test_the_metrics_are_there_when_the_index_is_not(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(FakeLibrary):
        def status(self) -> LibraryStatus:
            raise OSError(5, "disk on fire")

    with serving(Broken()) as server:
        text = server.get("/metrics").text
    assert "docindex_calls_running" in text
    assert "docindex_documents" not in text
    assert "disk on fire" in caplog.text


def record(message: str, **given: object) -> logging.LogRecord:
    made = logging.LogRecord("docindex.x", logging.INFO, "x.py", 1, message, (), None)
    setattr(made, FIELDS, given)
    return made


def test_a_line_of_json_holds_everything_on_one_line() -> None:
    line = JsonLines().format(record("a\nb", caller="an\na", ms=1.5))
    assert "\n" not in line
    found = json.loads(line)
    assert found["message"] == "a\nb"
    assert (found["caller"], found["ms"], found["level"]) == ("an\na", 1.5, "info")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]{12}\+00:00", found["time"])


def test_a_failure_is_logged_with_its_trace_in_either_form() -> None:
    made = record("failed")
    try:
        raise OSError("disk on fire")
    except OSError as error:
        made.exc_info = (type(error), error, error.__traceback__)
    assert "disk on fire" in json.loads(JsonLines().format(made))["exception"]
    assert "disk on fire" in Harmless("%(message)s").format(made)


def test_a_line_of_text_cannot_be_made_to_look_like_two() -> None:
    line = Harmless("%(message)s").format(record("call", caller="ana\n2026 INFO call caller=bo"))
    assert line.count("\n") == 0
    assert "\\x0a" in line
