"""The library as a caller may read and write it, over a real folder and a real index."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from docindex.indexer.access import Caller, Rule
from docindex.indexer.errors import (
    DocindexError,
    DocumentNotFound,
    InvalidCursor,
    NotWritable,
    VersionNotFound,
)
from docindex.indexer.library import Library
from docindex.indexer.models import (
    Edit,
    FolderSpec,
    IndexView,
    ListRequest,
    Progress,
    SearchRequest,
)
from docindex.indexer.visible import narrowed

RULES = (
    Rule("**", read=("*",)),
    Rule("shared", read=("*",), write=("*",)),
    Rule("teams/{team}/**", read=("group:{team}",), write=("group:{team}-editors",)),
    Rule("users/{user}/**", read=("{user}",), write=("{user}",)),
)
PAGES = {
    "index.md": "# Welcome\n\nThe lantern of the harbour is lit.\n",
    "guide/restart.md": "# Restarting\n\nRestart the pump while restarting.\n",
    "shared/plan.md": "# Plan\n\nThe lantern moves.\n",
    "teams/red/plan.md": "# Red plan\n\nThe lantern is red.\n",
    "users/ana/a.md": "# Ana\n\nA private lantern, and [the plan](../../shared/plan.md).\n",
    "users/ben/b.md": "# Ben\n\nAnother private lantern restarts, like a zeppelin.\n",
}
ANA = Caller("ana")
BEN = Caller("ben", frozenset({"red"}))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "documents"
    for name, text in PAGES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


@pytest.fixture
def library(root: Path, tmp_path: Path) -> Iterator[Library]:
    library = open_library(tmp_path, root)
    yield library
    library.close()


def open_library(place: Path, root: Path, rules: tuple[Rule, ...] = RULES) -> Library:
    library = Library(
        [FolderSpec(str(root))], cache=place / "cache", state=place / "state", rules=rules
    )
    library.catch_up(ignore)
    return library


def ignore(progress: Progress) -> None:
    del progress


def found(library: Library, query: str) -> set[str]:
    return {hit.name for hit in library.search(SearchRequest(query)).hits}


def refused(call: Callable[[], object]) -> tuple[type[DocindexError], str]:
    with pytest.raises(DocindexError) as caught:
        call()
    return caught.type, str(caught.value)


# Reading


def test_each_caller_finds_what_he_may_read(library: Library) -> None:
    public = {"index.md", "shared/plan.md"}
    assert found(library.seen_by(ANA), "lantern") == public | {"users/ana/a.md"}
    assert found(library.seen_by(BEN), "lantern") == public | {
        "teams/red/plan.md",
        "users/ben/b.md",
    }
    assert found(library.seen_by(Caller("")), "lantern") == public


def test_who_runs_the_process_finds_everything(library: Library) -> None:
    assert len(found(library, "lantern")) == 5
    assert library.view().documents == len(PAGES)


def test_without_rules_callers_find_everything(root: Path, tmp_path: Path) -> None:
    seen = open_library(tmp_path / "other", root, ()).seen_by(ANA)
    assert len(found(seen, "lantern")) == 5
    assert seen.list(ListRequest(own=True)).documents == ()


def test_in_several_folders_paths_begin_with_the_label(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        for user in ("ana", "ben"):
            (tmp_path / folder / f"{user}.md").write_text("# Page\n\nLantern.\n")
    library = Library(
        [FolderSpec(str(tmp_path / "one"), "one"), FolderSpec(str(tmp_path / "two"), "two")],
        cache=tmp_path / "cache",
        state=tmp_path / "state",
        rules=(Rule("one/{user}.md", read=("{user}",)), Rule("two", write=("*",))),
    )
    library.catch_up(ignore)
    ana = library.seen_by(ANA)
    assert found(ana, "lantern") == {"one/ana.md", "two/ana.md", "two/ben.md"}
    assert [each.index.documents for each in ana.status().folders] == [1, 2]
    for name in ("one/ben.md", "one/none.md", "two/none.md"):
        with pytest.raises(DocumentNotFound, match=f"there is no document {name[4:]}"):
            ana.read(name)
    library.close()


def test_counts_are_of_what_may_be_read(library: Library) -> None:
    ana = library.seen_by(ANA)
    assert ana.search(SearchRequest("lantern")).total == 3
    assert ana.view().documents == 4
    assert ana.list(ListRequest()).total == 4
    assert ana.complete("", 10) == (
        ["guide/restart.md", "index.md", "shared/plan.md", "users/ana/a.md"],
        4,
    )
    (folder,) = ana.status().folders
    assert (folder.index.documents, folder.sections, folder.generation) == (4, 4, -1)


NOT_FOR_ANA = ["users/ben/b.md", "teams/red/plan.md"]


@pytest.mark.parametrize("name", NOT_FOR_ANA)
def test_what_may_not_be_read_is_as_if_it_were_not_there(library: Library, name: str) -> None:
    ana = library.seen_by(ANA)
    nothing = name.replace("ben/", "bun/").replace("red/", "rod/")
    calls: list[Callable[[str], object]] = [
        ana.read,
        lambda name: ana.read(name, section="ben"),
        lambda name: ana.read(name, lines="1-2"),
        ana.past,
        ana.delete,
        lambda name: ana.delete(name, if_version="0" * 16, dry_run=True),
        lambda name: ana.restore(name, "0" * 16),
        lambda name: ana.move(name, "shared/stolen.md"),
        lambda name: ana.move("shared/plan.md", name),
        lambda name: ana.update(Edit(name, "# Mine\n")),
        lambda name: ana.update(Edit(name, "x", mode="append", dry_run=True)),
        lambda name: ana.update(Edit(name, "x", mode="section", section="ben")),
    ]
    for call in calls:
        kind, message = refused(partial(call, name))
        assert (kind, message.replace(name, nothing)) == refused(partial(call, nothing))
        assert kind in (DocumentNotFound, VersionNotFound, NotWritable)


def test_only_names_that_may_be_read_are_said_to_be_near(library: Library) -> None:
    for caller, near in ((ANA, ": shared/plan.md"), (BEN, ": teams/red/plan.md, shared/plan.md")):
        message = refused(partial(library.seen_by(caller).read, "teams/rod/plan.md"))[1]
        assert message.endswith("near to it" + near)


def test_equal_sections_are_in_the_order_of_their_names(tmp_path: Path) -> None:
    found: list[list[str]] = []
    for place, order in (("first", "abcdefgh"), ("second", "hgbacedf")):
        root = tmp_path / place / "documents"
        root.mkdir(parents=True)
        library = open_library(tmp_path / place, root)
        for letter in order:
            (root / f"{letter}.md").write_text("# Page\n\nLantern.\n")
            library.catch_up(ignore)
        seen = library.seen_by(ANA)
        for query in ("lantern", "path:*.md", "+lantern", "lan*"):
            hits = seen.search(SearchRequest(query)).hits
            found.append([hit.name[0] for hit in hits])
        library.close()
    assert found == [list("abcdefgh")] * 8


def test_own_documents_are_those_that_a_rule_gives_to_the_user(library: Library) -> None:
    for caller, names in ((ANA, ["users/ana/a.md"]), (BEN, ["users/ben/b.md"])):
        listing = library.seen_by(caller).list(ListRequest(own=True))
        assert [each.name for each in listing.documents] == names
        assert listing.total == 1


def test_a_cursor_is_for_the_caller_who_got_it(library: Library) -> None:
    ana, ben = library.seen_by(ANA), library.seen_by(BEN)
    request = SearchRequest("lantern", max_results=1)
    cursor = ana.search(request).cursor
    again = SearchRequest("lantern", max_results=1, cursor=cursor)
    assert ana.search(again).hits
    for other in (ben, library):
        with pytest.raises(InvalidCursor):
            other.search(again)
    listed = ana.list(ListRequest(max_results=1)).cursor
    with pytest.raises(InvalidCursor):
        ben.list(ListRequest(max_results=1, cursor=listed))


# What others have makes no difference


def test_a_private_word_mends_no_typo_of_others(library: Library) -> None:
    assert library.seen_by(BEN).search(SearchRequest("zeppelin")).total == 1
    assert library.seen_by(ANA).search(SearchRequest("zeppelinn")).corrected == ""
    assert library.seen_by(BEN).search(SearchRequest("zeppelinn")).corrected == ""
    assert library.seen_by(ANA).search(SearchRequest("harbuor")).corrected == "harbour"


def test_a_private_form_of_a_public_word_mends_no_typo(library: Library) -> None:
    # "restarts" stands with Ben alone, though the public "restart" is found by the same term.
    for caller in (ANA, BEN):
        answer = library.seen_by(caller).search(SearchRequest("restartx"))
        assert answer.corrected == "restart"
    assert library.search(SearchRequest("restartsx")).corrected == "restarts"
    assert library.seen_by(ANA).search(SearchRequest("restartsx")).corrected == "restart"


def test_a_word_that_others_alone_have_is_mended(library: Library) -> None:
    library.seen_by(BEN).update(Edit("users/ben/x.md", "# X\n\nlanternq\n"))
    assert library.seen_by(BEN).search(SearchRequest("lanternq")).corrected == ""
    assert library.seen_by(ANA).search(SearchRequest("lanternq")).corrected == "lantern"


def test_how_often_others_write_a_word_does_not_choose_what_was_meant(library: Library) -> None:
    library.update(
        Edit("guide/animals.md", "# Cats\n\nA weasel, a measel.\n\n# More\n\nA weasel.\n")
    )
    library.seen_by(BEN).update(Edit("users/ben/many.md", "# Many\n\n" + "measel " * 99))
    assert library.search(SearchRequest("beasel")).corrected == "measel"
    for caller in (ANA, BEN):
        assert library.seen_by(caller).search(SearchRequest("beasel")).corrected == "weasel"


def test_private_words_take_no_place_among_those_that_a_prefix_stands_for(
    library: Library,
) -> None:
    ana, ben = library.seen_by(ANA), library.seen_by(BEN)
    ana.update(Edit("shared/last.md", "# Last\n\nquzz\n"))
    private = " ".join(
        f"qu{first}{second}" for first in "abcdefghijkl" for second in "abcdefghijkl"
    )
    ben.update(Edit("users/ben/many.md", f"# Many\n\n{private}\n"))
    assert ana.search(SearchRequest("qu*")).total == 1
    assert ben.search(SearchRequest("qu*")).total == 1


def test_no_score_depends_on_private_documents(library: Library) -> None:
    request = SearchRequest("lantern pump harbour", explain=True)
    before = library.seen_by(ANA).search(request)
    ben = library.seen_by(BEN)
    for number in range(20):
        ben.update(Edit(f"users/ben/{number}.md", "# Lantern\n\nPump lantern harbour.\n" * 9))
    assert library.seen_by(ANA).search(request).hits == before.hits
    assert ben.search(request).total > before.total


def test_where_nothing_is_for_everybody_the_better_sections_come_first_all_the_same(
    root: Path, tmp_path: Path
) -> None:
    (root / "users" / "ana" / "long.md").write_text(
        "# Lanterns\n\nA lantern, and how a lantern is lit. " + "Words. " * 60
    )
    (root / "users" / "ana" / "short.md").write_text("# Short\n\nNo lantern.\n")
    rule = Rule("users/{user}", read=("{user}",))
    ana = open_library(tmp_path / "other", root, (rule,)).seen_by(ANA)
    hits = ana.search(SearchRequest("lantern lit")).hits
    assert hits[0].name == "users/ana/long.md"


def test_others_writes_do_not_show_in_the_state(library: Library) -> None:
    ana = library.seen_by(ANA)
    page = ana.search(SearchRequest("lantern", max_results=1))
    status = ana.status().folders[0]
    ana.changes()
    library.seen_by(BEN).update(Edit("users/ben/new.md", "# New\n"))
    following = SearchRequest("lantern", max_results=1, cursor=page.cursor)
    assert ana.search(following).remarks == ()
    as_of = ana.view().as_of
    assert ana.status().folders[0] == replace(status, index=replace(status.index, as_of=as_of))
    assert not ana.changes()
    library.seen_by(BEN).update(Edit("shared/new.md", "# New\n"))
    assert ana.search(following).remarks
    assert ana.changes().added == ("shared/new.md",)


def test_changes_under_way_are_not_told() -> None:
    view = narrowed(IndexView("updating", 9, 3, 1.0), [{}])
    assert view == IndexView("ready", 0, 0, 1.0)
    building = IndexView("building", 9, 3, None)
    assert narrowed(building, [{}]) == IndexView("building", 0, 0, None)


def test_reindexing_tells_a_caller_of_his_documents(library: Library, root: Path) -> None:
    (root / "users" / "ben" / "bad.md").write_bytes(b"x" * 20_000_001)
    (root / "users" / "ana" / "bad.md").write_bytes(b"x" * 20_000_001)
    (root / "users" / "zoe").symlink_to(root / "users" / "ben")
    heard: list[Progress] = []
    report = library.seen_by(ANA).reindex(True, heard.append, threading.Event())
    assert (report.documents, report.indexed, report.removed) == (4, 4, 0)
    assert [each.name for each in report.skipped] == ["users/ana/bad.md"]
    assert all(each.total == 100 and "ben" not in each.at for each in heard)


# Writing


def test_a_caller_writes_where_a_rule_says_so(library: Library, root: Path) -> None:
    ana, ben = library.seen_by(ANA), library.seen_by(BEN)
    ana.update(Edit("users/ana/new.md", "# New\n"))
    ana.update(Edit("shared/new.md", "# New\n"))
    for name in ("guide/new.md", "users/ben/new.md", "new.md"):
        with pytest.raises(NotWritable):
            ana.update(Edit(name, "# New\n"))
        assert not (root / name).exists()
    with pytest.raises(NotWritable):
        ben.update(Edit("teams/red/plan.md", "x", mode="append"))
    editor = library.seen_by(Caller("eve", frozenset({"red-editors"})))
    assert editor.update(Edit("teams/red/plan.md", "x", mode="append")).status == "updated"


def test_the_audit_log_names_the_caller(library: Library, tmp_path: Path) -> None:
    library.seen_by(ANA).update(Edit("shared/new.md", "# New\n"))
    (line,) = (tmp_path / "state" / "audit" / "writes.jsonl").read_text().splitlines()
    assert json.loads(line)["who"] == "ana"


def test_what_was_private_before_a_move_stays_so(library: Library) -> None:
    ana, ben = library.seen_by(ANA), library.seen_by(BEN)
    ana.update(Edit("users/ana/a.md", "secret", mode="append"))
    version = ana.past("users/ana/a.md").versions[0].version
    ana.update(Edit("users/ana/a.md", "# Fine\n", if_version=ana.past("users/ana/a.md").current))
    ana.move("users/ana/a.md", "shared/a.md")
    assert version in [each.version for each in ana.past("shared/a.md").versions]
    assert ben.past("shared/a.md").versions == ()
    with pytest.raises(VersionNotFound):
        ben.restore("shared/a.md", version)
    current = ben.past("shared/a.md").current
    kind, message = refused(lambda: ben.update(Edit("shared/a.md", "# x\n", if_version=version)))
    assert kind.code == "version_mismatch"
    assert "secret" not in message
    assert ben.read("shared/a.md").version == current


def test_deleted_documents_are_named_to_those_who_could_read_them(library: Library) -> None:
    library.seen_by(BEN).delete("users/ben/b.md")
    _, message = refused(lambda: library.seen_by(ANA).past("shared/none.md"))
    assert "users/ben" not in message
    _, message = refused(lambda: library.seen_by(BEN).past("shared/none.md"))
    assert "users/ben/b.md" in message


def test_a_move_leaves_the_links_of_those_that_may_not_be_written(
    library: Library, root: Path
) -> None:
    linking = "# Links\n\n[the plan](../shared/plan.md)\n"
    (root / "guide" / "links.md").write_text(linking)
    (root / "shared" / "links.md").write_text("[the plan](plan.md)\n")
    library.catch_up(ignore)
    moved = library.seen_by(BEN).move("shared/plan.md", "shared/new.md")
    assert [each.name for each in moved.followed] == ["shared/links.md"]
    assert [each.name for each in moved.remarks] == ["guide/links.md"]
    assert (root / "guide" / "links.md").read_text() == linking
    assert (root / "users/ana/a.md").read_text() == PAGES["users/ana/a.md"]


def test_a_page_of_others_does_not_change_where_a_link_leads(library: Library, root: Path) -> None:
    ben = library.seen_by(BEN)
    ben.update(Edit("users/ben/log.md", "# Log\n"))
    ben.update(Edit("users/ben/links.md", "[[log]]\n"))
    (root / "users" / "ana" / "log.md").write_text("# Log of Ana\n")
    library.catch_up(ignore)
    ben.move("users/ben/log.md", "users/ben/diary.md")
    assert (root / "users" / "ben" / "links.md").read_text() == "[[diary]]\n"
