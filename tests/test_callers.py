"""Two callers with tokens over HTTP, who see different documents of one library."""

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any, cast

import anyio
import httpx2
import pytest
from mcp.server.subscriptions import ServerEvent

from docindex.indexer.access import Caller, Rule
from docindex.indexer.library import Library
from docindex.indexer.listing import NONE_YET
from docindex.indexer.models import Changes, Edit, FolderSpec
from docindex.server import callers
from docindex.server.audience import Audience
from docindex.server.callers import Identity
from docindex.server.notices import HOLD_SECONDS, Notices
from docindex.server.scopes import SCOPES
from docindex.server.static_tokens import make
from tests.http_server import MODERN, Serving, request, serving

RULES = (
    Rule("**", read=("*",)),
    Rule("users/{user}/**", read=("{user}",), write=("{user}",)),
    Rule("staff", read=("group:staff",), write=("group:staff",)),
)
PAGES = {
    "index.md": "# Welcome\n\nThe lantern of the harbour.\n",
    "staff/plan.md": "# Plan\n\nA lantern for the staff.\n",
    "users/ana/a.md": "# Ana\n\nHer lantern.\n",
    "users/ben/b.md": "# Ben\n\nHis lantern and zeppelin.\n",
}
STATUS = "doc://index/status"
ERAS = pytest.mark.parametrize("era", ["2025-11-25", MODERN])


class Attended(Library):
    """Starts no process: what is there stays as it is."""

    def attend(self) -> None:
        pass


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Generator[Library]:
    place = tmp_path_factory.mktemp("callers")
    root = place / "documents"
    for name, text in PAGES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    library = Attended(
        [FolderSpec(str(root))], cache=place / "cache", state=place / "state", rules=RULES
    )
    library.catch_up(lambda progress: None)
    yield library
    library.close()


class Calling:
    """A caller with a token."""

    def __init__(self, server: Serving, token: str, era: str) -> None:
        self._server = server
        self._headers = {"Authorization": f"Bearer {token}"}
        self._era = era

    def __call__(self, method: str, **params: Any) -> dict[str, Any]:
        response = self._server.post(method, params, era=self._era, headers=self._headers)
        found = _message(response)
        return cast("dict[str, Any]", found.get("result") or {"error": found["error"]})

    def tool(self, called: str, /, **arguments: object) -> dict[str, Any]:
        result = self("tools/call", name=called, arguments=arguments)
        if result.get("isError"):
            return {"error": result["content"][0]["text"]}
        return cast("dict[str, Any]", result["structuredContent"])


def _message(response: httpx2.Response) -> dict[str, Any]:
    text = response.text
    if response.headers["Content-Type"].startswith("text/event-stream"):
        text = next(line[5:] for line in text.splitlines() if line.startswith("data:"))
    return cast("dict[str, Any]", json.loads(text))


@pytest.fixture(scope="module")
def tokens() -> dict[str, tuple[str, str]]:
    return {name: make(name, SCOPES, groups) for name, groups in (("ana", []), ("ben", ["staff"]))}


@pytest.fixture(scope="module")
def server(library: Library, tokens: dict[str, tuple[str, str]]) -> Generator[Serving]:
    lines = "\n".join(line for _, line in tokens.values())
    with serving(library, tokens=lines, rate_limits=["100000/second"]) as server:
        yield server


@pytest.fixture
def ana(server: Serving, tokens: dict[str, tuple[str, str]], era: str) -> Calling:
    return Calling(server, tokens["ana"][0], era)


@pytest.fixture
def ben(server: Serving, tokens: dict[str, tuple[str, str]], era: str) -> Calling:
    return Calling(server, tokens["ben"][0], era)


def names(found: dict[str, Any], key: str) -> set[str]:
    return {each["name"] for each in found[key]}


@ERAS
def test_each_caller_sees_its_documents_everywhere(ana: Calling, ben: Calling) -> None:
    for caller, own in (
        (ana, {"users/ana/a.md"}),
        (ben, {"users/ben/b.md", "staff/plan.md"}),
    ):
        seen = {"index.md"} | own
        found = caller.tool("search_documents", query="lantern")
        assert names(found, "results") == seen
        assert (found["total"], found["index"]["documents"]) == (len(seen), len(seen))
        assert names(caller.tool("list_documents"), "documents") == seen
        listed = {each["name"] for each in caller("resources/list")["resources"]}
        assert listed == seen | {"index-status"}
        ref = {"type": "ref/prompt", "name": "review_document"}
        completed = caller("completion/complete", ref=ref, argument={"name": "name", "value": ""})
        assert set(completed["completion"]["values"]) == seen
        text = caller("resources/read", uri=STATUS)["contents"][0]["text"]
        (folder,) = json.loads(text)["folders"]
        assert folder["index"]["documents"] == len(seen)
        assert "generation" not in folder


@ERAS
def test_each_caller_has_documents_of_its_own(ana: Calling, ben: Calling) -> None:
    assert names(ana.tool("get_user_documents"), "documents") == {"users/ana/a.md"}
    assert names(ben.tool("get_user_documents"), "documents") == {"users/ben/b.md"}


@ERAS
def test_who_has_no_documents_yet_is_not_told_that_no_rule_names_them(ana: Calling) -> None:
    found = ana.tool("get_user_documents", path="staff")
    assert found["documents"] == []
    assert found["remarks"] == [NONE_YET]


@ERAS
@pytest.mark.parametrize("name", ["users/ben/b.md", "staff/plan.md"])
def test_no_answer_tells_whether_a_private_document_exists(ana: Calling, name: str) -> None:
    def answers(name: str) -> list[str]:
        uri = f"doc://documents/{name}"
        found = [
            ana.tool("read_document", name=name),
            ana.tool("read_document", name=name, section="ben"),
            ana.tool("update_document", name=name, content="x"),
            ana.tool("update_document", name=name, content="x", mode="append"),
            ana.tool("move_document", name=name, new_name="users/ana/c.md"),
            ana.tool("move_document", name="users/ana/a.md", new_name=name),
            ana.tool("delete_document", name=name),
            ana.tool("restore_document", name=name),
            ana.tool("restore_document", name=name, version="0" * 16),
            ana("resources/read", uri=uri),
            ana("prompts/get", name="review_document", arguments={"name": name}),
            ana("prompts/get", name="summarize_document", arguments={"name": name}),
        ]
        assert all("error" in each for each in found)
        return [json.dumps(each).replace(name, "…") for each in found]

    assert answers(name) == answers(name.replace("b.md", "x.md").replace("plan.md", "none.md"))


def test_what_differs_by_caller_is_in_no_common_cache(
    server: Serving, tokens: dict[str, tuple[str, str]]
) -> None:
    ana = Calling(server, tokens["ana"][0], MODERN)
    for method, params in (
        ("resources/list", {}),
        ("resources/read", {"uri": "doc://documents/index.md"}),
        ("resources/read", {"uri": STATUS}),
        ("server/discover", {}),
    ):
        assert ana(method, **params)["cacheScope"] == "private", method
    assert ana("tools/list")["cacheScope"] == "public"


@ERAS
def test_the_introduction_counts_what_the_caller_may_read(ana: Calling, era: str) -> None:
    params = {
        "protocolVersion": era,
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    }
    told = ana("server/discover") if era == MODERN else ana("initialize", **params)
    assert "searches 2 Markdown documents" in told["instructions"]


async def _noted(library: Library, who: str, changes: list[Changes]) -> list[str]:
    """What a listener is told of some changes."""
    bus = Audience(library)
    told: list[ServerEvent] = []
    token = callers._current.set(Identity(Caller(who), frozenset()))
    bus.subscribe(told.append)
    callers._current.reset(token)
    notices = Notices(bus)
    for number, each in enumerate([*changes, Changes()]):
        await notices.tell(each, number * 2 * HOLD_SECONDS)
    return [str(getattr(event, "uri", "list")) for event in told]


def test_listeners_hear_of_what_they_may_read(library: Library) -> None:
    changes = [
        Changes(updated=("users/ben/b.md",)),
        Changes(added=("users/ben/c.md",), removed=("staff/plan.md",)),
    ]
    assert anyio.run(_noted, library, "ana", changes) == []
    uris = [f"doc://documents/users/ben/{name}.md" for name in "bc"]
    assert anyio.run(_noted, library, "ben", changes) == [uris[0], STATUS, uris[1], STATUS, "list"]
    public = [Changes(added=("guide.md", "users/ben/d.md"))]
    heard = ["doc://documents/guide.md", STATUS, "list"]
    assert anyio.run(_noted, library, "ana", public) == heard


def test_who_listens_over_http_hears_of_what_it_may_read(
    library: Library, server: Serving, tokens: dict[str, tuple[str, str]]
) -> None:
    uris = [f"doc://documents/users/{user}/new.md" for user in ("ben", "ana")]
    wanted = {"resourcesListChanged": True, "resourceSubscriptions": [*uris, STATUS]}
    message, headers = request("subscriptions/listen", {"notifications": wanted})
    headers["Authorization"] = f"Bearer {tokens['ana'][0]}"
    heard: list[str] = []
    with server.client.stream("POST", server.mcp, json=message, headers=headers) as response:
        lines = (line for line in response.iter_lines() if line.startswith("data:"))
        next(lines)  # it is open
        for user in ("ben", "ana"):
            library.seen_by(Caller(user)).update(Edit(f"users/{user}/new.md", "# New\n"))
        while not heard or "list_changed" not in heard[-1]:
            heard.append(next(lines))
    assert [json.loads(line[5:])["params"].get("uri") for line in heard] == [uris[1], STATUS, None]
    for user in ("ben", "ana"):
        library.seen_by(Caller(user)).delete(f"users/{user}/new.md")


def test_where_nobody_is_asked_who_calls_there_is_no_tool_for_own_documents(
    library: Library, tmp_path: Path
) -> None:
    with serving(library) as server:
        listed = _message(server.post("tools/list"))["result"]["tools"]
        found = _message(server.post("tools/call", {"name": "list_documents", "arguments": {}}))
    assert "get_user_documents" not in {tool["name"] for tool in listed}
    assert found["result"]["structuredContent"]["total"] == len(PAGES)
