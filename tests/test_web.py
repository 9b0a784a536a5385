"""The server over HTTP: what it answers, what it refuses, and how it ends."""

import contextlib
import json
import signal
import socket
import threading
from collections.abc import Generator
from typing import Any

import anyio
import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mcp import Client, MCPError
from mcp.server.subscriptions import ResourcesListChanged
from mcp_types import EmptyResult, SubscribeRequest, SubscribeRequestParams
from starlette.requests import Request

from docindex.indexer.errors import FolderUnavailable, InvalidSettings
from docindex.indexer.models import Changes, IndexView, Progress, SearchAnswer, SearchRequest
from docindex.server import connections, door, notices
from docindex.server.addresses import Addresses
from docindex.server.http_settings import HttpSettings
from docindex.server.listening import bind
from docindex.server.logs import FIELDS
from docindex.server.static_tokens import make
from tests.fake_library import PATIENCE, FakeLibrary, hit
from tests.http_server import ACCEPT, Serving, request, serving
from tests.served import ERAS, structured
from tests.waiting import LIMIT_SECONDS, until

TOKEN, LINE = make("ana", ["docs:read"], [])
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}
SEARCH = ("tools/call", {"name": "search_documents", "arguments": {"query": "install"}})


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def served() -> Generator[Serving]:
    with serving(FakeLibrary(hits=[hit()]), max_request_bytes=100_000) as server:
        yield server


def found(answer: httpx2.Response) -> Any:
    """The result in an answer, whichever form it has."""
    text = answer.text
    if answer.headers["content-type"].startswith("text/event-stream"):
        text = text.split("data: ", 1)[1].splitlines()[0]
    return json.loads(text)["result"]


def test_it_tells_that_it_is_able_to_answer(served: Serving) -> None:
    told = threading.Event()
    served.process.beat = told.set
    for _ in range(2):
        assert told.wait(LIMIT_SECONDS)
        told.clear()


@pytest.mark.anyio
@ERAS
async def test_clients_of_both_eras_search_read_the_lists_and_hear_of_progress(era: str) -> None:
    library = FakeLibrary(hits=[hit()], steps=[Progress(1, 3, "a.md")])
    heard: list[float] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append(progress)

    with serving(library) as server:
        async with Client(server.mcp, mode="legacy" if era == "legacy" else "auto") as client:
            answer = await client.call_tool(*SEARCH[1].values())  # type: ignore[arg-type]
            assert [each["name"] for each in structured(answer)["results"]] == ["guide/page-1.md"]
            assert len((await client.list_tools()).tools) == 8
            assert await client.list_prompts()
            await client.call_tool("reindex", {}, progress_callback=hear)
    assert heard[-1] == 3
    assert library.attended.is_set()


def test_the_index_is_attended_to_before_anybody_calls() -> None:
    library = FakeLibrary()
    with serving(library):
        assert library.attended.wait(LIMIT_SECONDS)


@pytest.mark.anyio
async def test_clients_of_the_earlier_eras_are_promised_no_notices_over_http(
    served: Serving,
) -> None:
    async with Client(served.mcp, mode="legacy") as client:
        offered = client.server_capabilities.resources
        assert offered is not None
        assert not offered.subscribe
        assert not offered.list_changed
        subscribing = SubscribeRequest(
            params=SubscribeRequestParams(uri="doc://documents/guide/setup.md")
        )
        with pytest.raises(MCPError, match="2026-07-28"):
            await client.session.send_request(subscribing, EmptyResult)


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
@pytest.mark.parametrize("version", ["2025-11-25", "2026-07-28"])
def test_there_are_no_sessions_to_get_or_to_end(served: Serving, method: str, version: str) -> None:
    headers = ACCEPT | {"MCP-Protocol-Version": version}
    answer = served.client.request(method, served.mcp, headers=headers)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


HOSTS = [
    ("127.0.0.1", 200),
    ("127.0.0.1:8000", 200),
    ("localhost", 200),
    ("localhost:1", 200),
    ("[::1]:9", 200),
    ("docs.example.com", 200),
    ("docs.example.com:443", 200),
    ("Docs.Example.COM", 200),
    ("docs.example.com:80", 421),
    ("docs.example.com:*", 421),
    ("LOCALHOST:8000", 200),
    ("127.7.7.7:8000", 200),
    ("proxy:81", 200),
    ("PROXY:81", 200),
    ("proxy", 421),
    ("inner", 200),
    ("inner:9", 421),
    ("[fe80::1]", 200),
    ("[fe80::1]:9", 200),
    ("proxy:82", 421),
    ("evil.example", 421),
    ("localhost.evil.example", 421),
    ("evil.example:127.0.0.1", 421),
    ("evil.example@localhost", 421),
    ("docs.example.com/", 421),
    ("127.0.0.1.evil.example:80", 421),
    ("", 421),
]
ORIGINS = [
    (None, 200),
    ("https://docs.example.com", 200),
    ("https://app.example.com", 200),
    ("https://docs.example.com:443", 200),
    ("https://docs.example.com:8443", 403),
    ("http://docs.example.com", 403),
    ("http://localhost:6274", 200),
    ("http://[::1]:6274", 200),
    ("https://localhost", 403),
    ("http://127.0.0.1", 200),
    ("http://app.example.com", 403),
    ("https://app.example.com.evil.example", 403),
    ("https://evil.example", 403),
    ("http://localhost.evil.example:80", 403),
    ("null", 403),
    ("file://", 403),
]


@pytest.fixture(scope="module")
def known() -> Generator[Serving]:
    with serving(
        FakeLibrary(hits=[hit()]),
        public_url="https://docs.example.com/mcp",
        allowed_hosts=["Proxy:81", "inner", "[FE80::1]:*", "[fe80::1]"],
        allowed_origins=["https://App.example.com:443"],
        tokens=[LINE],
    ) as server:
        yield server


@pytest.mark.parametrize("era", ["2025-11-25", "2026-07-28"])
@pytest.mark.parametrize(("host", "status"), HOSTS)
def test_only_the_names_of_the_server_are_answered_for(
    known: Serving, host: str, status: int, era: str
) -> None:
    headers = AUTHORIZED | {"Host": host}
    assert known.post(*SEARCH, era=era, headers=headers).status_code == status


@pytest.mark.parametrize(
    ("url", "host", "status"),
    [
        ("https://Docs.Example.com/mcp", "docs.example.com", 200),
        ("https://docs.example.com:443/mcp", "docs.example.com", 200),
        ("https://docs.example.com:8443/mcp", "docs.example.com:8443", 200),
        ("https://docs.example.com:8443/mcp", "docs.example.com", 200),
        ("https://docs.example.com:8443/mcp", "docs.example.com:443", 421),
        ("http://LocalHost:8001/mcp", "localhost:8001", 200),
    ],
)
def test_the_public_url_may_be_written_as_people_write_it(url: str, host: str, status: int) -> None:
    addresses = Addresses(HttpSettings(public_url=url))
    scope = {"type": "http", "headers": [(b"host", host.encode())]}
    refused = addresses.refused(Request(scope))
    assert (refused.status_code if refused else 200) == status


def test_who_is_refused_is_told_which_setting_to_look_at_and_the_log_which_host_came(
    known: Serving, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "docindex")
    for name, value, setting in (
        ("Host", "Evil.example:9", "allowed_hosts, or set public_url"),
        ("Origin", "https://evil.example", "allowed_origins"),
    ):
        answer = known.post(*SEARCH, headers=AUTHORIZED | {name: value})
        assert setting in answer.json()["error"]["message"]
        assert "evil" not in answer.text.lower()
        said = getattr(caplog.records[-1], FIELDS)["said"]
        assert f'"{value}"' in said
        assert setting in said


@pytest.mark.parametrize("path", ["/mcp/", "/metrics/", "/healthz/"])
def test_nobody_is_led_elsewhere(known: Serving, path: str) -> None:
    answer = known.get(path, headers={"Host": "evil.example"})
    assert answer.status_code == 404
    assert "location" not in answer.headers


@pytest.mark.parametrize("era", ["2025-11-25", "2026-07-28"])
@pytest.mark.parametrize(("origin", "status"), ORIGINS)
def test_only_pages_that_are_allowed_may_call(
    known: Serving, origin: str | None, status: int, era: str
) -> None:
    headers = AUTHORIZED | ({} if origin is None else {"Origin": origin})
    answer = known.post(*SEARCH, era=era, headers=headers)
    assert answer.status_code == status
    assert ("access-control-allow-origin" in answer.headers) == (
        origin in ("https://app.example.com", "https://docs.example.com")
    )


FOREIGN = [({"Host": "evil.example"}, 421), ({"Origin": "https://evil.example"}, 403)]


@pytest.mark.parametrize(("headers", "status"), FOREIGN)
def test_foreign_pages_see_no_metrics(
    served: Serving, headers: dict[str, str], status: int
) -> None:
    assert served.get("/metrics").status_code == 200
    answer = served.get("/metrics", headers=headers)
    assert answer.status_code == status
    assert "docindex_" not in answer.text


@pytest.mark.parametrize("headers", [headers for headers, _ in FOREIGN])
def test_balancers_may_ask_for_health_by_any_name_and_hear_one_word(
    served: Serving, headers: dict[str, str]
) -> None:
    for path, word in (("/healthz", "alive"), ("/readyz", "ready")):
        assert served.get(path, headers=headers).json() == {"status": word}


def test_browsers_are_told_what_an_allowed_page_may_send(known: Serving) -> None:
    asked = {"Access-Control-Request-Method": "POST"}
    asked["Access-Control-Request-Headers"] = "authorization, mcp-method, content-type"
    for origin, status in (("https://app.example.com", 200), ("https://evil.example", 400)):
        headers = asked | {"Origin": origin}
        answer = known.client.options(known.mcp, headers=headers)
        assert answer.status_code == status


BODIES = [
    (b"", -32700, "the body is not JSON"),
    (b"{", -32700, "the body is not JSON"),
    (b"\xff\xfe", -32700, "the body is not JSON"),
    (b"[" * 90_000, -32700, "the body is not JSON"),
    (b"1" * 90_000, -32700, "the body is not JSON"),
    (b"[]", -32600, "batches are not served: send one message with each request"),
    (b"[" + b"{}," * 9_999 + b"{}]", -32600, "batches are not served"),
    (b"null", -32600, "not a JSON-RPC 2.0 message"),
    (b'"tools/list"', -32600, "not a JSON-RPC 2.0 message"),
    (b"{}", -32600, 'not a JSON-RPC 2.0 message: jsonrpc must be "2.0"'),
    (b'{"id": 1, "method": "ping"}', -32600, 'jsonrpc must be "2.0"'),
    (b'{"jsonrpc": "1.0", "id": 1, "method": "ping"}', -32600, 'jsonrpc must be "2.0"'),
    (b'{"jsonrpc": 2.0, "id": 1, "method": "ping"}', -32600, 'jsonrpc must be "2.0"'),
    (b'{"jsonrpc": "2.0", "id": 1}', -32600, "method must be a string"),
    (b'{"jsonrpc": "2.0", "id": 1, "method": 7}', -32600, "method must be a string"),
    (b'{"jsonrpc": "2.0", "id": {}, "method": "ping"}', -32600, "id must be a string or"),
    (b'{"jsonrpc": "2.0", "id": null, "method": "ping"}', -32600, "id must be a string or"),
    (b'{"jsonrpc": "2.0", "id": true, "method": "ping"}', -32600, "id must be a string or"),
    (b'{"jsonrpc": "2.0", "id": 1.5, "method": "ping"}', -32600, "id must be a string or"),
    (b'{"jsonrpc": "2.0", "id": 1, "result": {}}', -32600, "nothing was asked"),
    (b'{"jsonrpc": "2.0", "id": 1, "error": "x"}', -32600, "nothing was asked"),
    (b'{"jsonrpc": "2.0", "id": 1, "method": "ping", "params": []}', -32602, "params must be"),
    (b'{"jsonrpc": "2.0", "id": 1, "method": "ping", "params": "x"}', -32602, "params must be"),
    (b'{"jsonrpc": "2.0", "method": "notifications/x", "params": 7}', -32602, "params must be"),
    (b" " * 100_001, -32600, "max_request_bytes"),
]


@pytest.mark.parametrize("version", ["2025-11-25", "2026-07-28"])
@pytest.mark.parametrize(("body", "code", "said"), BODIES, ids=range(len(BODIES)))
def test_what_is_no_message_is_refused_in_few_words(
    served: Serving, body: bytes, code: int, said: str, version: str
) -> None:
    headers = ACCEPT | {"MCP-Protocol-Version": version, "Mcp-Method": "ping"}
    answer = served.client.post(served.mcp, content=body, headers=headers)
    assert answer.status_code == (413 if len(body) > 100_000 else 400)
    assert len(answer.content) < 200
    error = answer.json()["error"]
    assert error["code"] == code
    assert said in error["message"]
    assert served.post(*SEARCH).status_code == 200


def test_an_answer_to_params_that_are_no_object_names_the_request(served: Serving) -> None:
    message: dict[str, object] = {"jsonrpc": "2.0", "id": "seven", "method": "ping", "params": []}
    assert served.client.post(served.mcp, json=message, headers=ACCEPT).json()["id"] == "seven"


@settings(max_examples=40)
@given(
    body=st.one_of(
        st.binary(max_size=300),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        ).map(lambda value: json.dumps(value).encode()),
        st.fixed_dictionaries(
            {"jsonrpc": st.just("2.0"), "id": st.integers() | st.text()},
            optional={
                "method": st.sampled_from(["tools/call", "resources/read", "completion/complete"])
                | st.text(),
                "params": st.dictionaries(
                    st.sampled_from(["name", "arguments", "uri", "_meta", "ref"]),
                    st.none() | st.text() | st.dictionaries(st.text(), st.text()),
                ),
            },
        ).map(lambda value: json.dumps(value).encode()),
    ),
    version=st.sampled_from(["2025-11-25", "2026-07-28", "2024-11-05", "9999-01-01", ""]),
)
def test_no_body_makes_the_server_fail(served: Serving, body: bytes, version: str) -> None:
    headers = ACCEPT | {"MCP-Protocol-Version": version}
    answer = served.client.post(served.mcp, content=body, headers=headers)
    assert answer.status_code < 500
    assert "Traceback" not in answer.text
    assert "pydantic" not in answer.text


class Wire:
    """A connection on which anything may be sent."""

    def __init__(self, server: Serving) -> None:
        self.socket = socket.create_connection(("127.0.0.1", server.port), LIMIT_SECONDS)

    def send(self, text: bytes) -> None:
        self.socket.sendall(text)

    def rest(self) -> bytes:
        """All that comes until the server closes."""
        found = b""
        with self.socket, contextlib.suppress(ConnectionError):
            while piece := self.socket.recv(65_536):
                found += piece
        return found


HEAD = (
    b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Accept: application/json, text/event-stream\r\n"
)


def test_of_a_hundred_megabytes_nothing_is_read(served: Serving) -> None:
    wire = Wire(served)
    wire.send(HEAD + b"Content-Length: 100000000\r\n\r\n" + b"x" * 1_000)
    assert wire.rest().startswith(b"HTTP/1.1 413")


def test_a_body_that_does_not_say_how_long_it_is_ends_at_the_limit(served: Serving) -> None:
    wire = Wire(served)
    wire.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    with contextlib.suppress(ConnectionError):
        for _ in range(100):
            wire.send(b"1000\r\n" + b"x" * 0x1000 + b"\r\n")
    assert wire.rest().startswith((b"HTTP/1.1 413", b""))
    assert served.post(*SEARCH).status_code == 200


def test_a_body_that_takes_too_long_is_not_waited_for(
    served: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "BODY_SECONDS", 0.05)
    wire = Wire(served)
    wire.send(HEAD + b"Content-Length: 10\r\n\r\nx")
    assert wire.rest().startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize("sent", [b"", b"POST /mcp HT", HEAD])
def test_a_head_that_takes_too_long_is_not_waited_for(
    served: Serving, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(connections, "HEADER_SECONDS", 0.05)
    wire = Wire(served)
    wire.send(sent)
    assert wire.rest() == b""
    assert served.post(*SEARCH).status_code == 200


def test_a_thousand_clients_that_leave_do_not_disturb_the_next(served: Serving) -> None:
    message, headers = request(*SEARCH)
    body = json.dumps(message).encode()
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode()
    whole = b"POST /mcp HTTP/1.1\r\nHost: localhost\r\n" + lines
    whole += b"Content-Length: %d\r\n\r\n" % len(body) + body
    for number in range(1_000):
        wire = Wire(served)
        wire.send(whole[: len(whole) * (number % 11) // 10])
        wire.socket.close()
    assert found(served.post(*SEARCH))["structuredContent"]["results"]
    until(lambda: not served.process.server_state.tasks)


def test_the_server_is_ready_from_its_first_whole_index_on() -> None:
    library = FakeLibrary(index=IndexView("building", 5, 7, None))
    with serving(library) as server:
        assert server.get("/healthz").json() == {"status": "alive"}
        waiting = server.get("/readyz")
        assert (waiting.status_code, waiting.json()) == (503, {"status": "building"})
        library.index = IndexView("ready", 12, 0, 1.0)
        assert server.get("/readyz").json() == {"status": "ready"}
        library.index = IndexView("rebuilding", 12, 0, None)
        assert server.get("/readyz").status_code == 200


def test_a_server_that_cannot_tell_is_not_ready() -> None:
    class Gone(FakeLibrary):
        def view(self) -> IndexView:
            raise FolderUnavailable("not there")

    with serving(Gone()) as server:
        assert server.get("/readyz").json() == {"status": "folder_unavailable"}


class Slow(FakeLibrary):
    """Searches until it is told to go on."""

    def __init__(self) -> None:
        super().__init__(hits=[hit()])
        self.searching, self.go_on = threading.Event(), threading.Event()

    def search(self, request: SearchRequest) -> SearchAnswer:
        self.searching.set()
        self.go_on.wait(PATIENCE)
        return super().search(request)


def test_a_server_that_is_told_to_end_lets_calls_end_and_takes_no_more() -> None:
    library = Slow()
    answers: list[httpx2.Response] = []
    with serving(library) as server:
        assert server.get("/readyz").status_code == 200
        calling = threading.Thread(target=lambda: answers.append(server.post(*SEARCH)))
        calling.start()
        assert library.searching.wait(PATIENCE)
        server.process.handle_exit(signal.SIGTERM, None)
        with pytest.raises(httpx2.HTTPError):
            until(lambda: server.client.get(f"{server.url}/readyz").status_code == 0)
        library.go_on.set()
        calling.join(PATIENCE)
        assert answers[0].status_code == 200
        assert server.killed == []
        server.thread.join(PATIENCE)
        assert not server.thread.is_alive()


def test_calls_that_do_not_end_are_cut_off_in_the_end() -> None:
    library = Slow()
    with serving(library, drain_seconds=0) as server:
        outcomes: list[object] = []

        def call() -> None:
            try:
                outcomes.append(server.post(*SEARCH).status_code)
            except httpx2.HTTPError as error:
                outcomes.append(error)

        calling = threading.Thread(target=call)
        calling.start()
        assert library.searching.wait(PATIENCE)
        server.process.handle_exit(signal.SIGTERM, None)
        server.thread.join(PATIENCE)
        assert not server.thread.is_alive()
        library.go_on.set()
        calling.join(PATIENCE)
        assert outcomes
        assert outcomes != [200]


def test_a_client_that_is_cut_off_is_no_accident(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    head = (
        "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        "Content-Length: 100\r\nExpect: 100-continue\r\n\r\n"
    )
    with (
        serving(FakeLibrary(), drain_seconds=0) as server,
        socket.create_connection(("127.0.0.1", server.port), LIMIT_SECONDS) as client,
    ):
        client.sendall(head.encode())
        # It waits for the body now.
        assert b"100 Continue" in client.recv(1000)
        server.process.handle_exit(signal.SIGTERM, None)
        server.thread.join(PATIENCE)
        assert not server.thread.is_alive()
    assert [record for record in caplog.records if record.exc_info] == []
    assert any("Cancel 1 running task" in record.getMessage() for record in caplog.records)


def test_the_second_signal_ends_it_at_once() -> None:
    with serving(FakeLibrary()) as server:
        server.process.handle_exit(signal.SIGTERM, None)
        server.process.handle_exit(signal.SIGINT, None)
        assert server.killed == [signal.SIGINT]


@pytest.mark.anyio
async def test_those_who_listen_hear_of_changes_and_of_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(notices, "LOOK_SECONDS", 0.01)
    library = FakeLibrary()
    with serving(library) as server:
        async with (
            Client(server.mcp, mode="auto") as client,
            client.listen(resources_list_changed=True) as events,
        ):
            library.news = Changes(added=("b.md",))
            heard: list[object] = []
            with anyio.fail_after(PATIENCE):
                async for event in events:
                    heard.append(event)
                    server.process.should_exit = True
        assert heard == [ResourcesListChanged()]


def test_a_port_that_is_taken_is_an_error_that_says_what_to_do() -> None:
    with contextlib.closing(bind("127.0.0.1", 0)) as taken:
        taken.listen()
        with pytest.raises(InvalidSettings, match=r"cannot listen on .* --port"):
            bind("127.0.0.1", taken.getsockname()[1])
    with pytest.raises(InvalidSettings, match=r"cannot listen on nowhere\.invalid"):
        bind("nowhere.invalid", 80)
