"""How often callers may call, and how many of their calls may be under way."""

import threading
from collections.abc import Generator
from typing import Any

import httpx2
import pytest

from docindex.indexer.models import SearchAnswer, SearchRequest
from docindex.server import limits
from docindex.server.static_tokens import make
from tests.fake_library import PATIENCE, FakeLibrary, hit
from tests.http_server import Serving, request, serving

ANA, ANAS = make("ana", ["docs:read", "docs:admin"], [])
BO, BOS = make("bo", ["docs:read"], [])
VERSIONS = pytest.mark.parametrize("version", ["2025-11-25", "2026-07-28"])
SEARCH = ("tools/call", {"name": "search_documents", "arguments": {"query": "install"}})
REINDEX: tuple[str, dict[str, Any]] = ("tools/call", {"name": "reindex", "arguments": {}})


def ask(
    server: Serving, token: str, call: tuple[str, dict[str, Any]] = SEARCH, era: str = "2026-07-28"
) -> httpx2.Response:
    return server.post(*call, era=era, headers={"Authorization": f"Bearer {token}"})


@VERSIONS
def test_whoever_calls_too_often_is_told_when_to_come_again(version: str) -> None:
    with serving(FakeLibrary(hits=[hit()]), tokens=[ANAS, BOS], rate_limits=["3/hour"]) as server:
        for _ in range(3):
            assert "rate_limited" not in ask(server, ANA, era=version).text
        refused = ask(server, ANA, era=version).text
        assert '"isError":true' in refused.replace(" ", "")
        assert "rate_limited: 3 calls in all are allowed in 3600 seconds" in refused
        assert "come again in 3600 seconds" in refused or "come again in 3599" in refused
        # Others are not held up by it.
        assert "rate_limited" not in ask(server, BO, era=version).text


@VERSIONS
def test_what_is_no_tool_is_refused_by_an_error_with_the_seconds_in_it(version: str) -> None:
    with serving(FakeLibrary(), tokens=[BOS], rate_limits=["1/minute"]) as server:
        ask(server, BO, ("resources/list", {}), version)
        text = ask(server, BO, ("resources/list", {}), version).text
        assert '"code":"rate_limited"' in text.replace(" ", "")
        assert '"retry_after":' in text


def test_a_tool_may_have_a_rate_of_its_own() -> None:
    rates = ["100/minute", "reindex=1/minute"]
    with serving(FakeLibrary(), tokens=[ANAS], rate_limits=rates) as server:
        assert "rate_limited" not in ask(server, ANA, REINDEX).text
        assert (
            "rate_limited: 1 call of reindex is allowed in 60 seconds"
            in ask(server, ANA, REINDEX).text
        )
        assert "rate_limited" not in ask(server, ANA).text


class Slow(FakeLibrary):
    def __init__(self) -> None:
        super().__init__(hits=[hit()])
        self.searching, self.go_on = threading.Semaphore(0), threading.Event()

    def search(self, request: SearchRequest) -> SearchAnswer:
        self.searching.release()
        self.go_on.wait(PATIENCE)
        return super().search(request)


@pytest.fixture
def busy() -> Generator[tuple[Serving, Slow]]:
    library = Slow()
    with serving(library, tokens=[ANAS, BOS], concurrent_calls=2) as server:
        yield server, library
        library.go_on.set()


def test_a_caller_may_not_take_all_the_room(busy: tuple[Serving, Slow]) -> None:
    server, library = busy
    calling = [threading.Thread(target=ask, args=(server, ANA)) for _ in range(2)]
    for thread in calling:
        thread.start()
    for _ in calling:
        assert library.searching.acquire(timeout=PATIENCE)
    assert "rate_limited: 2 calls of yours are under way" in ask(server, ANA).text
    library.go_on.set()
    assert "rate_limited" not in ask(server, BO).text
    for thread in calling:
        thread.join(PATIENCE)
    assert "rate_limited" not in ask(server, ANA).text


def test_who_listens_in_too_many_streams_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_STREAMS", 1)
    listen: tuple[str, dict[str, Any]] = (
        "subscriptions/listen",
        {"notifications": {"resourcesListChanged": True}},
    )
    message, headers = request(*listen)
    headers["Authorization"] = f"Bearer {ANA}"
    with (
        serving(FakeLibrary(), tokens=[ANAS], concurrent_calls=8) as server,
        server.client.stream("POST", server.mcp, json=message, headers=headers) as response,
    ):
        lines = response.iter_lines()
        next(lines)  # it is open
        refused = ask(server, ANA, listen).text
        assert "you listen in 1 streams already" in refused
        assert "concurrent_calls" not in refused
        # Listening takes no room from calls.
        assert "rate_limited" not in ask(server, ANA).text


def test_without_tokens_nobody_is_counted() -> None:
    with serving(FakeLibrary(), rate_limits=["1/minute"], concurrent_calls=1) as server:
        for _ in range(3):
            assert "rate_limited" not in server.post(*SEARCH).text
