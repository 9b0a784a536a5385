"""Who may read and write what, by rules."""

import json
from pathlib import Path
from typing import cast

import pytest

from docindex.indexer.access import Caller, Rule
from docindex.indexer.errors import InvalidInput
from docindex.indexer.rules import Realm, Rules

CASES = Path(__file__).parent / "fixtures" / "access"


def cases(name: str) -> list[list[str]]:
    lines = (CASES / f"{name}.tsv").read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines if not line.startswith("# ")]


def may_read(rules: Rules, name: str, who: str) -> bool:
    return rules.reach(Caller(who)).may_read(name)


@pytest.mark.parametrize(("path", "name", "values"), cases("paths"))
def test_a_path_fits_in_one_way(path: str, name: str, values: str) -> None:
    known = dict(each.split("=") for each in values.split() if values != "-")
    rule = Rule(path, read=tuple(f"group:{placeholder}={{{placeholder}}}" for placeholder in known))
    realm = Rules([Rule("**", read=("nobody",)), rule]).realm(name)
    if values == "-":
        assert realm.readers == {("user", "nobody")}
    else:
        assert realm.readers == {("group", f"{key}={value}") for key, value in known.items()}


@pytest.mark.parametrize(("path", "who", "message"), cases("wrong"))
def test_a_rule_that_is_none_is_refused(path: str, who: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        Rules([Rule(path, read=(who,))])
    if path.strip("/"):
        with pytest.raises(InvalidInput, match=message):
            Rules([Rule(path, write=(who,))])


@pytest.mark.parametrize(("who", "name", "known", "expected"), cases("who"))
def test_a_rule_names_users_groups_and_claims(
    who: str, name: str, known: str, expected: str
) -> None:
    claims: dict[str, object] = json.loads(known)
    groups = cast("list[str]", claims.pop("groups", []))
    caller = Caller(name, frozenset(groups), claims)
    reach = Rules([Rule("teams/{team}/{user}/**", read=(who,))]).reach(caller)
    assert reach.may_read("teams/red/ana/a.md") is (expected == "yes")
    assert not reach.may_write("teams/red/ana/a.md")


def test_the_last_rule_that_fits_decides_alone() -> None:
    rules = Rules(
        [
            Rule("**", read=("*",)),
            Rule("users/{user}/**", read=("{user}",)),
            Rule("users/{user}/public", read=("*",)),
        ]
    )
    assert may_read(rules, "index.md", "ben")
    assert not may_read(rules, "users/ana/a.md", "ben")
    assert may_read(rules, "users/ana/a.md", "ana")
    assert may_read(rules, "users/ana/public/a.md", "ben")


def test_what_no_rule_fits_is_for_nobody() -> None:
    assert Rules([Rule("guide", read=("*",))]).realm("other.md") == Realm(frozenset(), frozenset())
    assert not may_read(Rules([]), "index.md", "ana")


def test_who_may_write_may_read() -> None:
    reach = Rules([Rule("**", write=("group:editors",))]).reach(
        Caller("ana", frozenset({"editors"}))
    )
    assert reach.may_read("index.md")
    assert reach.may_write("index.md")


def test_a_folder_cannot_make_itself_a_group() -> None:
    rules = Rules([Rule("users/{user}/**", read=("{user}",))])
    for name in ("users/*/a.md", "users/group:staff/a.md", "users/{user}/a.md"):
        assert not may_read(rules, name, "ben")
        staff = Caller("ben", frozenset({"staff"}))
        assert not rules.reach(staff).may_read(name)


def test_a_document_belongs_to_the_users_whom_its_rule_names() -> None:
    rules = Rules(
        [
            Rule("**", read=("*", "group:staff")),
            Rule("users/{user}/**", read=("{user}",)),
            Rule("pairs", read=("*",), write=("ana", "ben")),
        ]
    )
    reach = rules.reach(Caller("ana", frozenset({"staff"})))
    owned = [name for name in ("a.md", "users/ana/a.md", "pairs/a.md") if reach.owns(name)]
    assert owned == ["users/ana/a.md", "pairs/a.md"]


@pytest.mark.parametrize("user", ["auth0|123", "ana@example.com", "3f2b-9c"])
def test_a_name_that_a_folder_can_have_opens_that_folder(user: str) -> None:
    rules = Rules([Rule("users/{user}/**", read=("{user}",))])
    assert may_read(rules, f"users/{user}/a.md", user)


def test_a_name_that_no_folder_can_have_is_known_by_a_claim() -> None:
    by_name = Rules([Rule("users/{user}/**", read=("{user}",))])
    by_claim = Rules([Rule("users/{user}/**", read=("claim:email={user}@example.com",))])
    ana = Caller("https://id.example.com/ana", claims={"email": "ana@example.com"})
    assert not by_name.reach(ana).may_read("users/ana/a.md")
    assert by_claim.reach(ana).may_read("users/ana/a.md")
    assert not by_claim.reach(ana).may_read("users/ben/a.md")


@pytest.mark.parametrize(
    ("rule", "names"),
    [
        (Rule("pairs", write=("ana",)), True),
        (Rule("users/{user}/**", read=("{user}",)), True),
        (Rule("users/{first}/{last}", read=("{first}na{last}",)), False),
        (Rule("users/{first}/{last}", read=("{first}n{last}",)), True),
        (Rule("users/{user}", read=("{user}.x",)), False),
        (Rule("**", read=("*", "group:ana", "claim:name=ana")), False),
        (Rule("teams/{ana}", read=("group:{ana}",)), False),
        (Rule("pairs", write=("ben",)), False),
    ],
)
def test_a_user_is_told_from_those_whom_no_rule_names(rule: Rule, names: bool) -> None:
    rules = Rules([Rule("**", read=("*",)), rule])
    assert rules.reach(Caller("ana", frozenset({"ana"}))).named == names
    assert not rules.reach(Caller("")).named


def test_names_are_compared_in_one_unicode_form() -> None:
    rules = Rules([Rule("users/{user}/**", read=("{user}",))])
    assert may_read(rules, "users/\u00e9lan/a.md", "e\u0301lan")
