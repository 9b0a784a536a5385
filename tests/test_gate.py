"""Who may call over HTTP: every kind of bad token, against everything that can be called."""

import logging
import time
from collections.abc import Callable, Generator
from typing import Any

import httpx2
import pytest

from docindex.indexer.access import Caller
from docindex.indexer.library import NOBODY
from docindex.indexer.models import Author, Edit, WriteOutcome
from docindex.server import bearer, callers, scopes, signed_tokens
from docindex.server.logs import FIELDS
from docindex.server.static_tokens import make
from tests.fake_library import FakeLibrary, hit, reading
from tests.http_server import Serving, serving
from tests.issuer import CLIENT, Issuer, Key, by_hand, issuing

RESOURCE = "http://127.0.0.1:8000/mcp"
METADATA = "http://127.0.0.1:8000/.well-known/oauth-protected-resource/mcp"
VERSIONS = ["2025-11-25", "2026-07-28"]


def tool(called: str, /, **arguments: object) -> tuple[str, dict[str, Any]]:
    return "tools/call", {"name": called, "arguments": arguments}


def prompt(asked: str, /, **arguments: object) -> tuple[str, dict[str, Any]]:
    return "prompts/get", {"name": asked, "arguments": arguments}


def completion(**ref: str) -> tuple[str, dict[str, Any]]:
    return "completion/complete", {"ref": ref, "argument": {"name": "name", "value": "s"}}


THERE, NOT_THERE = "guide/setup.md", "guide/none.md"
CALLS: list[tuple[str, tuple[str, dict[str, Any]]]] = [
    (scopes.READ, tool("search_documents", query="install")),
    *[(scopes.READ, tool("read_document", name=name)) for name in (THERE, NOT_THERE)],
    (scopes.READ, tool("list_documents")),
    (scopes.WRITE, tool("update_document", name=THERE, content="x", mode="append")),
    (scopes.WRITE, tool("move_document", name=THERE, new_name=NOT_THERE)),
    *[(scopes.WRITE, tool("delete_document", name=name)) for name in (THERE, NOT_THERE)],
    (scopes.WRITE, tool("restore_document", name=THERE)),
    (scopes.ADMIN, tool("reindex")),
    (scopes.READ, tool("no_such_tool")),
    *[
        (scopes.READ, ("resources/read", {"uri": uri}))
        for uri in (
            f"doc://documents/{THERE}",
            f"doc://documents/{NOT_THERE}",
            "doc://index/status",
        )
    ],
    (scopes.READ, ("resources/list", {})),
    (scopes.READ, ("resources/templates/list", {})),
    (scopes.READ, ("tools/list", {})),
    (scopes.READ, ("prompts/list", {})),
    (scopes.READ, prompt("answer_from_documents", question="what")),
    *[(scopes.READ, prompt("review_document", name=name)) for name in (THERE, NOT_THERE)],
    (scopes.READ, prompt("summarize_document", name=THERE)),
    (scopes.READ, completion(type="ref/prompt", name="review_document")),
    (scopes.READ, completion(type="ref/resource", uri="doc://documents/{+name}")),
    (scopes.READ, ("subscriptions/listen", {"notifications": {}})),
    (scopes.READ, ("ping", {})),
    (scopes.READ, ("server/discover", {})),
]
IDS = [
    f"{method} {params.get('name') or params.get('uri') or params.get('ref', '')}"
    for _, (method, params) in CALLS
]


def library() -> FakeLibrary:
    return FakeLibrary(hits=[hit()], readings={THERE: reading("# Setup\n", name=THERE)})


@pytest.fixture(scope="module")
def issuer() -> Generator[Issuer]:
    with issuing() as issuer:
        yield issuer


@pytest.fixture(scope="module")
def server(issuer: Issuer) -> Generator[Serving]:
    with serving(
        library(), public_url=RESOURCE, oauth_issuer=issuer.url, rate_limits=["100000/second"]
    ) as server:
        yield server


@pytest.fixture(scope="module")
def asking(issuer: Issuer) -> Generator[Serving]:
    """A server that asks the issuer about each token."""
    with serving(
        library(),
        public_url=RESOURCE,
        oauth_issuer=issuer.url,
        oauth_introspection_url=f"{issuer.url}/ask",
        oauth_client_id=CLIENT[0],
        oauth_client_secret=CLIENT[1],
    ) as server:
        yield server


def bearing(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _header(issuer: Issuer, **changes: object) -> dict[str, object]:
    return {"alg": "RS256", "kid": issuer.key.kid, "typ": "at+jwt"} | changes


def jwt_without_kid(issuer: Issuer) -> str:
    return issuer.key.sign(issuer.claims(RESOURCE), kid=None)


def own_key(issuer: Issuer) -> str:
    forged = Key("forged")
    return forged.sign(issuer.claims(RESOURCE), jwk=forged.jwk, jku="http://127.0.0.1:1/keys")


def changed(token: str) -> str:
    head, claims, signature = token.split(".")
    middle = len(signature) // 2
    other = "A" if signature[middle] != "A" else "B"
    return f"{head}.{claims}.{signature[:middle]}{other}{signature[middle + 1 :]}"


BAD: dict[str, Callable[[Issuer], str]] = {
    "expired": lambda issuer: issuer.token(RESOURCE, exp=int(time.time()) - 31),
    "early": lambda issuer: issuer.token(RESOURCE, nbf=int(time.time()) + 60),
    "issued later": lambda issuer: issuer.token(RESOURCE, iat=int(time.time()) + 60),
    "endless": lambda issuer: issuer.token(RESOURCE, exp=None),
    "of another issuer": lambda issuer: issuer.token(RESOURCE, iss="https://id.example.com"),
    "of no issuer": lambda issuer: issuer.token(RESOURCE, iss=None),
    "of the issuer with a slash": lambda issuer: issuer.token(RESOURCE, iss=issuer.url + "/"),
    "for another": lambda issuer: issuer.token("https://other.example.com/mcp"),
    "for the host alone": lambda issuer: issuer.token(RESOURCE.removesuffix("/mcp")),
    "for others": lambda issuer: issuer.token(RESOURCE, aud=["a", "b"]),
    "for nobody": lambda issuer: issuer.token(RESOURCE, aud=None),
    "without a name": lambda issuer: issuer.token(RESOURCE, sub=None),
    "with an empty name": lambda issuer: issuer.token(RESOURCE, sub=" "),
    "with a long name": lambda issuer: issuer.token(RESOURCE, sub="x" * 201),
    "of an unknown key": lambda issuer: Key("unknown").sign(issuer.claims(RESOURCE)),
    "of a key with a known name": lambda issuer: Key("first").sign(issuer.claims(RESOURCE)),
    "without a key's name": jwt_without_kid,
    "unsigned": lambda issuer: by_hand(_header(issuer, alg="none"), issuer.claims(RESOURCE)),
    "signed by none": lambda issuer: by_hand(_header(issuer, alg="NONE"), issuer.claims(RESOURCE)),
    "HS256 with the public key": lambda issuer: by_hand(
        _header(issuer, alg="HS256"), issuer.claims(RESOURCE), issuer.key.pem()
    ),
    "RS256 that is HMAC": lambda issuer: by_hand(
        _header(issuer), issuer.claims(RESOURCE), issuer.key.pem()
    ),
    "of the wrong kind of key": lambda issuer: by_hand(
        _header(issuer, alg="ES256"), issuer.claims(RESOURCE), b"x"
    ),
    "with a part that must be understood": lambda issuer: issuer.key.sign(
        issuer.claims(RESOURCE), crit=["exp2"], exp2=1
    ),
    "with a key of its own": own_key,
    "an ID token": lambda issuer: issuer.key.sign(issuer.claims(RESOURCE), typ="logout+jwt"),
    "changed": lambda issuer: changed(issuer.token(RESOURCE)),
    "cut": lambda issuer: issuer.token(RESOURCE)[:-8],
    "without its signature": lambda issuer: issuer.token(RESOURCE).rpartition(".")[0] + ".",
    "garbage": lambda issuer: "garbage",
    "dots": lambda issuer: "..",
    "huge": lambda issuer: "x" * 20_000,
    "not ASCII": lambda issuer: "t\xf6ken",
}


def challenge(answer: httpx2.Response) -> str:
    assert len(answer.content) < 400
    found: str = answer.headers["www-authenticate"]
    assert f'resource_metadata="{METADATA}"' in found
    return found


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_token_is_refused_whatever_it_is_used_for(
    server: Serving, issuer: Issuer, kind: str
) -> None:
    token = BAD[kind](issuer)
    headers = {b"Authorization": b"Bearer " + token.encode("latin-1")}
    said = set[tuple[str, bytes]]()
    for version in VERSIONS:
        for _, (method, params) in CALLS:
            answer = server.post(method, params, era=version, headers=headers)  # type: ignore[arg-type]
            assert answer.status_code == 401, (method, params)
            said.add((challenge(answer), answer.content))
    (only,) = said
    assert only[0].startswith('Bearer error="invalid_token"')
    assert 'scope="docs:read"' in only[0]
    assert token[:40].encode("latin-1") not in only[1] or kind == "dots"


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Basic YTpi"}, {"Authorization": "Bearer"}]
)
@pytest.mark.parametrize("version", VERSIONS)
def test_without_a_token_nothing_is_said_but_where_to_get_one(
    server: Serving, headers: dict[str, str], version: str
) -> None:
    for _, call in CALLS:
        answer = server.post(*call, era=version, headers=headers)
        assert answer.status_code == 401
        assert challenge(answer).startswith('Bearer scope="docs:read"')


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("scope", "call"), CALLS, ids=IDS)
def test_a_token_without_the_scope_is_told_which_it_needs(
    server: Serving, issuer: Issuer, scope: str, call: tuple[str, dict[str, Any]], version: str
) -> None:
    others = [each for each in scopes.SCOPES if each != scope]
    for held in ("", others[0], " ".join(others), scope + "s", scope.upper()):
        headers = bearing(issuer.token(RESOURCE, scope=held))
        answer = server.post(*call, era=version, headers=headers)
        assert answer.status_code == 403
        found = challenge(answer)
        assert found.startswith('Bearer error="insufficient_scope"')
        wanted = [each for each in scopes.SCOPES if each == scope or each in held.split()]
        assert f'scope="{" ".join(wanted)}"' in found
        assert THERE not in answer.text


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("scope", "call"), CALLS, ids=IDS)
def test_a_token_with_the_scope_gets_an_answer(
    server: Serving, issuer: Issuer, scope: str, call: tuple[str, dict[str, Any]], version: str
) -> None:
    if call[0] == "subscriptions/listen":
        return  # its answer does not end
    headers = bearing(issuer.token(RESOURCE, scope=f"openid {scope}"))
    assert server.post(*call, era=version, headers=headers).status_code not in (401, 403, 500)


GOOD: dict[str, Callable[[Issuer], str]] = {
    "plain": lambda issuer: issuer.token(RESOURCE),
    "for several": lambda issuer: issuer.token(RESOURCE, aud=["a", RESOURCE]),
    "expired within the leeway": lambda issuer: issuer.token(RESOURCE, exp=int(time.time()) - 5),
    "early within the leeway": lambda issuer: issuer.token(RESOURCE, nbf=int(time.time()) + 5),
    "of another key": lambda issuer: issuer.keys[1].sign(issuer.claims(RESOURCE)),
    "of no kind": lambda issuer: issuer.key.sign(issuer.claims(RESOURCE), typ="JWT"),
    "with scp": lambda issuer: issuer.token(RESOURCE, scope=None, scp=["docs:read"]),
}


@pytest.mark.parametrize("kind", GOOD)
def test_a_good_token_is_taken(server: Serving, issuer: Issuer, kind: str) -> None:
    answer = server.post("tools/list", headers=bearing(GOOD[kind](issuer)))
    assert answer.status_code == 200


OTHER: dict[str, dict[str, object] | None] = {
    "unknown": None,
    "inactive": {"active": False},
    "active by word": {"active": "true"},
    "expired": {"exp": 1},
    "early": {"nbf": 9_999_999_999},
    "for another": {"aud": "https://other.example.com"},
    "for nobody": {"aud": None},
    "of another issuer": {"iss": "https://id.example.com"},
    "without a name": {"sub": None},
}


@pytest.mark.parametrize("kind", OTHER)
def test_a_token_of_which_the_issuer_says_no_good_is_refused(
    asking: Serving, issuer: Issuer, kind: str
) -> None:
    changes = OTHER[kind]
    if changes is not None:
        issuer.known[kind] = {"active": True} | issuer.claims(RESOURCE, **changes)
    answer = asking.post("tools/list", headers=bearing(kind.replace(" ", "%20")))
    answer = asking.post("tools/list", headers=bearing(kind))
    assert answer.status_code == 401
    challenge(answer)


def test_a_token_of_which_the_issuer_says_good_is_taken_and_asked_for_once(
    asking: Serving, issuer: Issuer
) -> None:
    issuer.known["good"] = {"active": True} | issuer.claims(RESOURCE, scope="docs:read")
    before = issuer.asked["/ask"]
    for _ in range(3):
        assert asking.post("tools/list", headers=bearing("good")).status_code == 200
    assert issuer.asked["/ask"] == before + 1
    denied = asking.post(*tool("reindex"), headers=bearing("good"))
    assert denied.status_code == 403


def test_a_program_without_a_subject_is_called_by_its_client(
    asking: Serving, issuer: Issuer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "docindex")
    known = {"active": True, "client_id": "robot"} | issuer.claims(RESOURCE, sub=None)
    issuer.known["program"] = known
    assert asking.post("tools/list", headers=bearing("program")).status_code == 200
    assert getattr(caplog.records[-1], FIELDS)["caller"] == "robot"


def test_a_revoked_token_is_refused_once_it_is_looked_at_again(
    asking: Serving, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bearer, "KEPT_SECONDS", 0.0)
    issuer.known["revoked"] = {"active": True} | issuer.claims(RESOURCE)
    assert asking.post("tools/list", headers=bearing("revoked")).status_code == 200
    del issuer.known["revoked"]
    assert asking.post("tools/list", headers=bearing("revoked")).status_code == 401


def test_an_issuer_that_is_down_is_no_reason_to_throw_a_token_away(
    asking: Serving, issuer: Issuer, caplog: pytest.LogCaptureFixture
) -> None:
    issuer.down = True
    try:
        answer = asking.post("tools/list", headers=bearing("any"))
    finally:
        issuer.down = False
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert "any" not in caplog.text


class TestKeys:
    @pytest.fixture(autouse=True)
    def quick(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(bearer, "KEPT_SECONDS", 0.0)
        monkeypatch.setattr(signed_tokens, "UNKNOWN_KEY_SECONDS", 0.0)
        monkeypatch.setattr(signed_tokens, "RETRY_SECONDS", 0.0)

    @pytest.fixture
    def issuer(self) -> Generator[Issuer]:
        with issuing() as issuer:
            yield issuer

    @pytest.fixture
    def server(self, issuer: Issuer) -> Generator[Serving]:
        with serving(library(), public_url=RESOURCE, oauth_issuer=issuer.url) as server:
            yield server

    @staticmethod
    def status(server: Serving, token: str) -> int:
        return server.post("tools/list", headers=bearing(token)).status_code

    def test_are_fetched_once(self, server: Serving, issuer: Issuer) -> None:
        assert [self.status(server, issuer.token(RESOURCE, jti=each)) for each in "abc"] == [
            200
        ] * 3
        assert issuer.asked["/keys"] == 1

    def test_a_new_one_is_found_and_an_old_one_is_forgotten(
        self, server: Serving, issuer: Issuer
    ) -> None:
        old = issuer.token(RESOURCE)
        assert self.status(server, old) == 200
        issuer.key = Key("second")
        issuer.keys = [issuer.key]
        assert self.status(server, issuer.token(RESOURCE)) == 200
        assert self.status(server, old) == 401

    def test_are_not_fetched_for_each_token_that_names_another(
        self, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(signed_tokens, "UNKNOWN_KEY_SECONDS", 60.0)
        unknown = Key("unknown")
        with serving(library(), public_url=RESOURCE, oauth_issuer=issuer.url) as server:
            for each in "abcdef":
                token = unknown.sign(issuer.claims(RESOURCE, jti=each))
                assert self.status(server, token) == 401
        assert issuer.asked["/keys"] == 1

    def test_hold_while_the_issuer_is_down(
        self, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(signed_tokens, "KEYS_SECONDS", 1e-9)
        with serving(library(), public_url=RESOURCE, oauth_issuer=issuer.url) as server:
            assert self.status(server, issuer.token(RESOURCE)) == 200
            issuer.down = True
            assert self.status(server, issuer.token(RESOURCE)) == 200
            assert self.status(server, Key("new").sign(issuer.claims(RESOURCE))) == 503
            monkeypatch.setattr(signed_tokens, "STALE_SECONDS", -1.0)
            assert self.status(server, issuer.token(RESOURCE)) == 503
            issuer.down = False
            assert self.status(server, issuer.token(RESOURCE)) == 200

    def test_of_an_issuer_that_was_never_there_are_asked_for_again(
        self, server: Serving, issuer: Issuer
    ) -> None:
        issuer.down = True
        assert self.status(server, issuer.token(RESOURCE)) == 503
        issuer.down = False
        assert self.status(server, issuer.token(RESOURCE)) == 200


@pytest.mark.parametrize("path", ["", "/mcp"])
def test_the_metadata_say_who_gives_tokens_and_any_page_may_read_them(
    server: Serving, issuer: Issuer, path: str
) -> None:
    answer = server.get(
        f"/.well-known/oauth-protected-resource{path}", headers={"Origin": "https://any.example"}
    )
    assert answer.headers["access-control-allow-origin"] == "*"
    found = answer.json()
    assert found["resource"] == RESOURCE
    assert found["authorization_servers"] == [issuer.url]
    assert found["scopes_supported"] == ["docs:read", "docs:write", "docs:admin"]


def test_the_metadata_of_other_resources_are_not_here(server: Serving) -> None:
    assert server.get("/.well-known/oauth-protected-resource/other").status_code == 404


def test_the_metrics_need_the_scope_of_an_administrator(server: Serving, issuer: Issuer) -> None:
    statuses = {
        held: server.get("/metrics", headers=bearing(issuer.token(RESOURCE, scope=held)))
        for held in ("docs:read docs:write", "docs:admin")
    }
    assert [each.status_code for each in statuses.values()] == [403, 200]
    assert server.get("/metrics").status_code == 401
    assert server.get("/healthz").status_code == 200


class Recording(FakeLibrary):
    def __init__(self) -> None:
        super().__init__(hits=[hit()])
        self.callers: list[Caller] = []
        self.authors: list[str] = []

    def update(self, edit: Edit, author: Author = NOBODY) -> WriteOutcome:
        self.authors.append(author.who)
        identity = callers._current.get()
        assert identity is not None
        self.callers.append(identity.caller)
        return super().update(edit, author)


WRITE = tool("update_document", name="a.md", content="x")


@pytest.mark.parametrize("version", VERSIONS)
def test_a_token_becomes_a_caller(issuer: Issuer, version: str) -> None:
    library = Recording()
    with serving(
        library,
        public_url=RESOURCE,
        oauth_issuer=issuer.url,
        oauth_name_claim="email",
        oauth_groups_claim="roles",
    ) as server:
        token = issuer.token(RESOURCE, email="ana@example.com", roles=["staff", 7, "ops"])
        assert server.post(*WRITE, era=version, headers=bearing(token)).status_code == 200
        text = issuer.token(RESOURCE, email="bo@example.com", roles="staff, ops")
        assert server.post(*WRITE, era=version, headers=bearing(text)).status_code == 200
    assert [caller.name for caller in library.callers] == ["ana@example.com", "bo@example.com"]
    assert {caller.groups for caller in library.callers} == {frozenset({"staff", "ops"})}
    assert library.callers[0].claims["sub"] == "ana"
    assert library.authors == ["ana@example.com", "bo@example.com"]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_token_that_was_handed_out_becomes_a_caller(
    version: str, tmp_path: Any, issuer: Issuer
) -> None:
    library = Recording()
    ana, line = make("ana", ["docs:read", "docs:write"], ["staff", "ops"])
    bo, other = make("bo", ["docs:read"], [])
    file = tmp_path / "tokens"
    file.write_text(f"# who may call\n\n{line}\n", encoding="utf-8")
    with serving(
        library,
        tokens_file=str(file),
        tokens=[other],
        public_url=RESOURCE,
        oauth_issuer=issuer.url,
    ) as server:
        assert server.post(*WRITE, era=version, headers=bearing(ana)).status_code == 200
        assert server.post(*WRITE, era=version, headers=bearing(bo)).status_code == 403
        assert server.post(*WRITE, era=version, headers=bearing(ana[:-1])).status_code == 401
        # Both kinds are taken side by side.
        signed = issuer.token(RESOURCE)
        assert server.post(*WRITE, era=version, headers=bearing(signed)).status_code == 200
    assert library.callers[0] == Caller("ana", frozenset({"staff", "ops"}), {})
    assert library.authors == ["ana", "ana"]


def test_a_hash_is_no_token() -> None:
    _, line = make("ana", ["docs:read"], [])
    with serving(library(), tokens=[line]) as server:
        digest = line.split()[2]
        for guess in (digest, digest.removeprefix("sha256:"), line):
            assert server.post("tools/list", headers=bearing(guess)).status_code == 401
        # Nobody gives tokens here: there is nowhere to send a client to.
        answer = server.post("tools/list")
        assert "resource_metadata" not in answer.headers["www-authenticate"]
        assert server.get("/.well-known/oauth-protected-resource").status_code == 404


def test_those_who_listen_do_so_no_longer_than_their_token_holds(issuer: Issuer) -> None:
    with serving(
        library(), public_url=RESOURCE, oauth_issuer=issuer.url, oauth_leeway_seconds=0
    ) as server:
        token = issuer.token(RESOURCE, exp=int(time.time()) + 2)
        answer = server.post(
            "subscriptions/listen",
            {"notifications": {"resourcesListChanged": True}},
            headers=bearing(token),
        )
        assert answer.status_code == 200
        assert "acknowledged" in answer.text
