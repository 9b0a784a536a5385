"""Changes of the documents, as clients of both protocols hear of them."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from mcp import Client, MCPError
from mcp.server import MCPServer
from mcp.server.connection import Connection
from mcp.server.subscriptions import (
    ResourcesListChanged,
    ResourceUpdated,
)
from mcp_types import (
    EmptyResult,
    ResourceListChangedNotification,
    ResourceUpdatedNotification,
    SubscribeRequest,
    SubscribeRequestParams,
    UnsubscribeRequest,
    UnsubscribeRequestParams,
)

from docindex.indexer.models import Changes
from docindex.server import notices
from docindex.server.audience import Audience
from docindex.server.notices import HOLD_SECONDS, ListChange, Notices
from tests.fake_library import FakeLibrary
from tests.served import connected

pytestmark = pytest.mark.anyio

PATIENCE = 10.0
STATUS = "doc://index/status"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def uri(name: str) -> str:
    return f"doc://documents/{name}"


async def subscribe(client: Client, address: str) -> None:
    request = SubscribeRequest(params=SubscribeRequestParams(uri=address))
    await client.session.send_request(request, EmptyResult)


async def unsubscribe(client: Client, address: str) -> None:
    request = UnsubscribeRequest(params=UnsubscribeRequestParams(uri=address))
    await client.session.send_request(request, EmptyResult)


class Heard:
    """The notices that a client of an earlier protocol got."""

    def __init__(self) -> None:
        self.notices: list[str] = []

    async def __call__(self, message: object) -> None:
        if isinstance(message, ResourceUpdatedNotification):
            self.notices.append(message.params.uri)
        elif isinstance(message, ResourceListChangedNotification):
            self.notices.append("list")

    async def get(self, count: int) -> list[str]:
        with anyio.fail_after(PATIENCE):
            while len(self.notices) < count:
                await anyio.lowlevel.checkpoint()
        return self.notices


@asynccontextmanager
async def legacy(told: Notices, bus: Audience) -> AsyncGenerator[tuple[Client, Heard]]:
    server: MCPServer[Any] = MCPServer("notices", subscriptions=bus)
    told.attach(server)
    heard = Heard()
    async with Client(server, mode="legacy", message_handler=heard) as client:
        while not told.connections:
            await anyio.lowlevel.checkpoint()
        yield client, heard


@pytest.fixture
def bus() -> Audience:
    return Audience(FakeLibrary())


@pytest.fixture
def told(bus: Audience) -> Notices:
    return Notices(bus)


def test_a_change_of_the_list_is_told_once_it_is_quiet() -> None:
    change = ListChange()
    assert [change.due(changed, now) for changed, now in [(True, 0), (False, 1), (False, 2)]] == [
        False,
        True,
        False,
    ]


def test_a_flurry_of_changes_is_told_now_and_then() -> None:
    change = ListChange()
    seconds = [step * 0.5 for step in range(40)]
    told = [now for now in seconds if change.due(True, now)]
    assert len(told) == int(20 / (HOLD_SECONDS + 0.5))
    assert told[0] == HOLD_SECONDS


async def test_legacy_clients_hear_of_the_list_and_of_what_they_subscribed_to(
    told: Notices, bus: Audience
) -> None:
    async with legacy(told, bus) as (client, heard):
        await subscribe(client, uri("caf%c3%a9.md"))
        await subscribe(client, uri("gone.md"))
        await subscribe(client, uri("gone.md") + "#section")
        await unsubscribe(client, uri("gone.md"))
        await subscribe(client, STATUS)
        await told.tell(Changes(updated=("café.md", "other.md")), 0)
        assert sorted(await heard.get(2)) == [uri("caf%c3%a9.md"), STATUS]
        heard.notices.clear()
        await told.tell(Changes(removed=("gone.md",)), 1)
        assert sorted(await heard.get(2)) == [uri("gone.md") + "#section", STATUS]
        heard.notices.clear()
        await told.tell(Changes(), 2)
        assert await heard.get(1) == ["list"]


async def test_nothing_is_told_of_what_was_unsubscribed(told: Notices, bus: Audience) -> None:
    async with legacy(told, bus) as (client, heard):
        await subscribe(client, uri("a.md"))
        await subscribe(client, uri("b.md"))
        await unsubscribe(client, uri("a.md"))
        await unsubscribe(client, uri("never.md"))
        await told.tell(Changes(updated=("a.md", "b.md")), 0)
        await told.tell(Changes(added=("c.md",)), 1)
        await told.tell(Changes(), 2)
        assert await heard.get(2) == [uri("b.md"), "list"]


async def test_a_checkout_of_ten_thousand_files_is_one_notice(told: Notices, bus: Audience) -> None:
    names = tuple(f"docs/{number}.md" for number in range(10_000))
    async with legacy(told, bus) as (client, heard):
        await subscribe(client, uri("docs/7.md"))
        await told.tell(Changes(added=names[:5_000]), 0)
        await told.tell(Changes(added=names[5_000:]), 1)
        await told.tell(Changes(), 2)
        await told.tell(Changes(), 3)
        assert await heard.get(2) == [uri("docs/7.md"), "list"]


async def test_what_is_no_resource_cannot_be_subscribed_to() -> None:
    async with connected(FakeLibrary()) as client:
        for address in ("doc://documents/../x.md", "file:///etc/passwd", "doc://index/other"):
            with pytest.raises(MCPError, match=r"^invalid_name: ") as caught:
                await subscribe(client, address)
            assert caught.value.code == -32602


async def test_subscriptions_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notices, "MOST_SUBSCRIPTIONS", 3)
    async with connected(FakeLibrary()) as client:
        for number in range(3):
            await subscribe(client, uri(f"{number}.md"))
        await subscribe(client, uri("2.md"))
        with pytest.raises(MCPError, match="may subscribe to 3 resources"):
            await subscribe(client, uri("3.md"))


async def test_a_connection_that_closed_is_forgotten(told: Notices, bus: Audience) -> None:
    async with legacy(told, bus) as (client, _):
        await subscribe(client, uri("a.md"))
        assert told.connections == 1
    assert told.connections == 0
    await told.tell(Changes(updated=("a.md",), removed=("b.md",)), 0)


async def test_a_client_that_does_not_read_keeps_nobody_waiting(
    told: Notices, bus: Audience, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stuck:
        async def notify(self, *_args: object) -> None:
            await anyio.sleep_forever()

        async def send_raw_request(self, *_args: object) -> dict[str, Any]:
            raise AssertionError

    stuck: Any = Stuck()
    monkeypatch.setattr(notices, "SEND_SECONDS", 0.01)
    async with legacy(told, bus) as (_, heard):
        told.join(Connection.for_loop(stuck))
        await told.tell(Changes(added=("a.md",)), 0)
        await told.tell(Changes(), 1)
        assert await heard.get(1) == ["list"]


async def test_listeners_hear_of_changes_while_the_server_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(notices, "LOOK_SECONDS", 0.01)
    library = FakeLibrary()
    async with connected(library, "2026-07-28") as client:
        await client.list_tools()
        subscribed = [uri("a.md"), STATUS]
        async with client.listen(
            resources_list_changed=True, resource_subscriptions=subscribed
        ) as events:
            library.news = Changes(added=("b.md",), updated=("a.md",))
            expected: set[object] = {
                ResourcesListChanged(),
                *(ResourceUpdated(uri=each) for each in subscribed),
            }
            with anyio.fail_after(PATIENCE):
                async for event in events:
                    expected.remove(event)
                    if not expected:
                        break
        assert not expected
    assert library.attended.is_set()


async def test_a_look_that_fails_does_not_end_the_looking(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(notices, "LOOK_SECONDS", 0.01)

    class Moody(FakeLibrary):
        looks = 0

        def changes(self) -> Changes:
            self.looks += 1
            if self.looks == 1:
                raise OSError(5, "disk on fire")
            return Changes(added=("a.md",)) if self.looks == 2 else Changes()

    heard = Heard()
    async with connected(Moody(), message_handler=heard) as client:
        await client.list_tools()
        assert await heard.get(1) == ["list"]
    assert "disk on fire" in caplog.text
