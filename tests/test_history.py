"""The history of documents, over real folders."""

import json
import os
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from docindex.indexer.atomic import temporary_for
from docindex.indexer.cleaning import DAY_SECONDS, adopt, clean, clean_if_due, cleaned_until
from docindex.indexer.errors import InvalidInput, VersionNotFound, WriteFailed
from docindex.indexer.files import Folder, version_of
from docindex.indexer.history import History
from docindex.indexer.ledger import Change, Place, line_of, place_of
from docindex.indexer.models import Options


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path / "state", tmp_path / "docs")


def chain(history: History, name: str, *texts: bytes | None) -> list[Change]:
    """Records that the document became one text after the other."""
    return [
        history.record(name, "updated" if after is not None else "deleted", before, after)
        for before, after in pairwise(texts)
    ]


def test_every_version_can_be_had_back_the_latest_first(history: History) -> None:
    chain(history, "a.md", None, b"one", b"two", b"three", None)
    found = history.versions("a.md")
    assert [(kept.version, kept.why, kept.bytes) for kept in found] == [
        (version_of(b"three"), "deleted", 5),
        (version_of(b"two"), "updated", 3),
        (version_of(b"one"), "updated", 3),
    ]
    for text in (b"one", b"two", b"three"):
        kept_text = history.find("a.md", version_of(text))
        assert kept_text is not None
        assert history.content(kept_text) == text


def test_the_current_version_is_not_offered_and_none_is_offered_twice(history: History) -> None:
    chain(history, "a.md", b"one", b"two", b"one", b"two", b"three")
    versions = [kept.version for kept in history.versions("a.md", version_of(b"three"))]
    assert versions == [version_of(b"two"), version_of(b"one")]


def test_what_another_program_replaced_is_kept_too(history: History) -> None:
    chain(history, "a.md", b"one", b"ours")
    chain(history, "a.md", b"theirs", b"three")
    found = {kept.version: kept.why for kept in history.versions("a.md", version_of(b"three"))}
    assert found[version_of(b"ours")] == "overwritten"
    assert found[version_of(b"theirs")] == "updated"


def test_a_text_is_stored_once_and_compressed(history: History) -> None:
    text = b"all work and no play\n" * 10_000
    chain(history, "a.md", b"x", text, b"x", text)
    chain(history, "b.md", None, text)
    sizes = dict(history.place.objects.sizes())
    assert len(sizes) == 2
    assert sum(sizes.values()) < len(text) / 20


def test_a_change_that_was_struck_out_is_not_there(history: History) -> None:
    first, second = chain(history, "a.md", b"one", b"two", b"three")
    history.strike(second)
    assert history.changes("a.md") == [first]


@pytest.mark.parametrize(("found", "stays"), [(b"one", False), (None, False), (b"two", True)])
def test_a_write_that_failed_is_struck_out_unless_the_document_has_its_text(
    history: History, found: bytes | None, stays: bool
) -> None:
    failing = history.attempt("a.md", "moved", b"one", b"two", look=lambda: found)
    with pytest.raises(WriteFailed), failing:
        raise WriteFailed("the disk is full")
    assert bool(history.names()) == stays


@pytest.mark.parametrize("torn", [b"", b"{", b'{"id": "x"}', b"\xff\xfe", b"[1]", b"7"])
def test_a_line_that_a_crash_has_torn_costs_no_other(history: History, torn: bytes) -> None:
    (first,) = chain(history, "a.md", b"one", b"two")
    with history.place.log("a.md").open("ab") as log:
        log.write(torn)
    (second,) = chain(history, "a.md", b"two", b"three")
    assert history.changes("a.md") == [first, second]


def test_a_damaged_text_is_said_to_be_so_and_is_mended_by_the_next_that_is_equal(
    history: History,
) -> None:
    chain(history, "a.md", b"one", b"two")
    kept = history.find("a.md", version_of(b"one"))
    assert kept is not None
    (path,) = [
        each
        for each in (history.place.path / "objects").rglob("*")
        if each.is_file() and each.parent.name + each.name == kept.key
    ]
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    with pytest.raises(VersionNotFound, match="damaged"):
        history.content(kept)
    chain(history, "b.md", b"one", b"two")
    assert history.content(kept) == b"one"


def test_the_history_is_the_users_alone(history: History, tmp_path: Path) -> None:
    chain(history, "a.md", b"one", b"two")
    for path in (tmp_path / "state").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path


def test_folders_in_each_other_share_the_history_of_their_files(tmp_path: Path) -> None:
    state, root = tmp_path / "state", tmp_path / "docs"
    outer, inner = History(state, root), History(state, root / "guide")
    chain(outer, "guide/a.md", b"one", b"two")
    chain(outer, "b.md", b"other", b"text")
    chain(inner, "a.md", b"two", b"three")
    for history, name in ((outer, "guide/a.md"), (inner, "a.md")):
        versions = [kept.version for kept in history.versions(name, version_of(b"three"))]
        assert versions == [version_of(b"two"), version_of(b"one")]
        for text in (b"one", b"three"):
            kept = history.find(name, version_of(text))
            assert kept is not None
            assert history.content(kept) == text
    assert set(outer.names()) == {"b.md", "guide/a.md"}
    assert set(inner.names()) == {"a.md"}
    assert History(state, tmp_path / "docs-2").names() == {}


def test_the_history_of_a_document_goes_on_where_it_was_moved_from(history: History) -> None:
    chain(history, "a.md", None, b"one", b"two")
    for old, new in (("a.md", "b.md"), ("b.md", "c.md")):
        history.record(new, "moved", None, b"two", old)
        history.record(old, "moved", b"two", None, new)
    chain(history, "a.md", None, b"another")
    chain(history, "c.md", b"two", b"three")
    versions = [kept.version for kept in history.versions("c.md", version_of(b"three"))]
    assert versions == [version_of(b"two"), version_of(b"one")]
    kept = history.find("c.md", version_of(b"one"))
    assert kept is not None
    assert history.content(kept) == b"one"
    assert [change.why for change in history.changes("c.md")] == ["moved", "updated"]


def moved(history: History, old: str, new: str, text: bytes) -> None:
    history.record(new, "moved", None, text, old)
    history.record(old, "moved", text, None, new)


def test_of_a_document_that_was_moved_away_it_is_known_where_it_went(
    tmp_path: Path, history: History
) -> None:
    chain(history, "a.md", None, b"one")
    assert history.moved_to("a.md") == ""
    moved(history, "a.md", "b.md", b"one")
    moved(history, "b.md", "c.md", b"one")
    assert [history.moved_to(name) for name in ("a.md", "b.md", "c.md")] == ["c.md", "c.md", ""]
    not_all = History(tmp_path / "state", tmp_path / "docs", lambda name: name != "c.md")
    assert [not_all.moved_to(name) for name in ("a.md", "b.md")] == ["b.md", ""]
    moved(history, "c.md", "a.md", b"one")
    assert [history.moved_to(name) for name in ("a.md", "b.md", "c.md")] == ["", "a.md", "a.md"]
    chain(history, "a.md", b"one", None)
    assert history.moved_to("a.md") == ""


def test_a_move_in_a_folder_within_leads_to_no_document_of_that_name_outside(
    tmp_path: Path,
) -> None:
    state, root = tmp_path / "state", tmp_path / "docs"
    outer, inner = History(state, root), History(state, root / "guide")
    chain(outer, "c.md", b"foreign", b"foreign too")
    chain(inner, "c.md", b"one", b"two")
    moved(inner, "c.md", "d.md", b"two")
    for history, name in ((outer, "guide/d.md"), (inner, "d.md")):
        assert [kept.version for kept in history.versions(name, version_of(b"two"))] == [
            version_of(b"one")
        ]
        assert history.find(name, version_of(b"foreign")) is None


def test_a_move_in_a_folder_around_leads_to_no_document_of_that_name_inside(
    tmp_path: Path,
) -> None:
    state, root = tmp_path / "state", tmp_path / "docs"
    outer, inner = History(state, root), History(state, root / "guide")
    chain(inner, "guide/c.md", b"foreign", b"foreign too")
    chain(outer, "guide/c.md", b"one", b"two")
    moved(outer, "guide/c.md", "guide/d.md", b"two")
    chain(outer, "e.md", b"secret", b"secret too")
    moved(outer, "e.md", "guide/f.md", b"secret too")
    assert [kept.version for kept in inner.versions("d.md", version_of(b"two"))] == [
        version_of(b"one")
    ]
    assert inner.versions("f.md", version_of(b"secret too")) == []
    assert {change.other for change in inner.changes("f.md")} == {""}


# Left-over files


@pytest.mark.parametrize(
    ("left", "kept"),
    [(b"two", False), (b"tw", False), (b"", False), (b"theirs", True), (b"two more", True)],
)
def test_what_a_killed_write_put_aside_is_kept_before_it_is_swept(
    tmp_path: Path, history: History, left: bytes, kept: bool
) -> None:
    root = tmp_path / "docs"
    (root / "guide").mkdir(parents=True)
    chain(history, "guide/a.md", b"one", b"two")
    chain(history, "a.md", b"theirs", b"two more")
    temporary = root / "guide" / temporary_for("a.md")
    temporary.write_bytes(left)
    os.utime(temporary, (1, 1))
    assert Folder(root, Options()).sweep_temporaries(history.rescue) == 1
    found = history.find("guide/a.md", version_of(left))
    assert (found is not None and history.content(found) == left) == (kept or left == b"two")
    assert not temporary.exists()


# Cleaning


def aged(place: Place, days: float) -> None:
    """Makes everything that is there so many days older."""
    for log in place.logs():
        changes = [
            json.loads(line_of(change)) | {"when": change.when - days * DAY_SECONDS}
            for change in place.changes(log)
        ]
        log.write_text("".join(json.dumps(change) + "\n" for change in changes))


def test_what_is_too_old_goes(history: History) -> None:
    chain(history, "a.md", b"one", b"two")
    chain(history, "b.md", b"gone", None)
    aged(history.place, 60)
    (young,) = chain(history, "a.md", b"two", b"three")
    clean(history.place, Options(history_days=30), young.when)
    assert history.changes("a.md") == [young]
    assert history.changes("b.md") == []
    assert len(dict(history.place.objects.sizes())) == 2
    assert cleaned_until(history.place) < young.when - 59 * DAY_SECONDS


def test_what_is_too_much_goes_the_oldest_first(history: History) -> None:
    texts = [os.urandom(1_000) for _ in range(20)]
    made = chain(history, "a.md", *texts)
    clean(history.place, Options(history_bytes=8_000), made[-1].when)
    found = history.versions("a.md", version_of(texts[-1]))
    assert [kept.version for kept in found] == [
        version_of(text) for text in reversed(texts[-1 - len(found) : -1])
    ]
    assert 4 <= len(found) <= 7
    assert sum(dict(history.place.objects.sizes()).values()) <= 8_000


def test_the_last_version_of_a_deleted_document_stays_until_it_is_old(history: History) -> None:
    lost = os.urandom(5_000)
    chain(history, "lost.md", os.urandom(5_000), lost, None)
    made = chain(history, "a.md", *(os.urandom(5_000) for _ in range(9)))
    clean(history.place, Options(history_bytes=6_000), made[-1].when)
    (kept,) = history.versions("lost.md")
    assert kept.version == version_of(lost)
    aged(history.place, 91)
    clean(history.place, Options(history_bytes=6_000), kept.when)
    assert history.versions("lost.md") == []
    assert dict(history.place.objects.sizes()) == {}


def test_without_limits_nothing_goes(history: History) -> None:
    made = chain(history, "a.md", *(os.urandom(1_000) for _ in range(9)))
    aged(history.place, 9_999)
    clean(history.place, Options(history_days=0, history_bytes=0), made[-1].when)
    assert len(history.changes("a.md")) == len(made)


def test_texts_that_no_change_names_go(history: History) -> None:
    (change,) = chain(history, "a.md", b"one", b"two")
    history.strike(change)
    clean(history.place, Options(), change.when)
    assert dict(history.place.objects.sizes()) == {}
    assert not history.place.logs()


def test_cleaning_is_done_now_and_then(history: History) -> None:
    chain(history, "a.md", b"one", b"two")
    options = Options(history_bytes=1_000_000)
    assert clean_if_due(history.place, options, 0)
    assert not clean_if_due(history.place, options, 10_000)
    assert clean_if_due(history.place, options, 100_000)


operations = st.lists(
    st.tuples(st.sampled_from("abc"), st.none() | st.integers(0, 9)), min_size=1, max_size=30
)


@given(operations, st.integers(1, 3_000), st.integers(0, 40))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_cleaning_leaves_what_can_be_read_and_the_latest_of_it(
    tmp_path_factory: pytest.TempPathFactory,
    done: list[tuple[str, int | None]],
    limit: int,
    days: int,
) -> None:
    place = tmp_path_factory.mktemp("history")
    history = History(place / "state", place / "docs")
    now: dict[str, bytes | None] = {}
    every: dict[str, list[Change]] = {}
    for name, number in done:
        before, after = now.get(name), None if number is None else os.urandom(99) + bytes(number)
        every.setdefault(name, []).append(history.record(name, "updated", before, after))
        now[name] = after
    latest = max(change.when for changes in every.values() for change in changes)
    aged(history.place, days)
    clean(history.place, Options(history_bytes=limit, history_days=30), latest)
    for name, changes in every.items():
        left = history.changes(name)
        assert [each.id for each in left] == [
            each.id for each in changes[len(changes) - len(left) :]
        ]
        for change in left:
            for kept in (change.before, change.after):
                assert kept is None or len(history.content(kept)) == kept.size
        assert not left or days < 31
        if days < 30 and changes[-1].after is None:
            assert left


# A folder that was renamed


def test_a_folder_that_was_renamed_takes_its_history_along(tmp_path: Path) -> None:
    state, old, new = tmp_path / "state", tmp_path / "old", tmp_path / "new"
    chain(History(state, old), "a.md", b"one", b"two")
    chain(History(state, old), "b.md", b"gone", None)
    chain(History(state, new), "a.md", b"two", b"three")
    assert adopt(state, old, new) == 2
    history = History(state, new)
    versions = [kept.version for kept in history.versions("a.md", version_of(b"three"))]
    assert versions == [version_of(b"two"), version_of(b"one")]
    kept = history.find("b.md", version_of(b"gone"))
    assert kept is not None
    assert history.content(kept) == b"gone"
    assert History(state, old).names() == {}
    with pytest.raises(InvalidInput, match="no history"):
        adopt(state, old, new)


def test_the_histories_of_folders_below_go_along_with_a_folder(tmp_path: Path) -> None:
    state, old, new = tmp_path / "state", tmp_path / "old", tmp_path / "old" / "new"
    chain(History(state, old / "sub"), "b.md", b"one", b"two", b"three")
    chain(History(state, old), "sub/b.md", b"three", b"four")
    chain(History(state, new), "a.md", b"here", b"already")
    chain(History(state, tmp_path / "old-2"), "c.md", b"another", b"folder")
    assert adopt(state, old, new) == 1
    for history, name in ((History(state, new), "sub/b.md"), (History(state, new / "sub"), "b.md")):
        versions = [kept.version for kept in history.versions(name, version_of(b"four"))]
        assert versions == [version_of(text) for text in (b"three", b"two", b"one")]
    assert set(History(state, new).names()) == {"a.md", "sub/b.md"}
    assert set(History(state, tmp_path / "old-2").names()) == {"c.md"}


def test_what_cannot_be_adopted_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="same folder"):
        adopt(tmp_path / "state", tmp_path / "a", tmp_path / "a")
    with pytest.raises(InvalidInput, match="no history"):
        adopt(tmp_path / "state", tmp_path / "a", tmp_path / "b")


def test_adopting_again_after_it_was_cut_short_doubles_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(path: Path) -> None:
        raise KeyboardInterrupt(path)

    state, old, new = tmp_path / "state", tmp_path / "old", tmp_path / "new"
    made = chain(History(state, old), "a.md", b"one", b"two", b"three")
    with monkeypatch.context() as patch:
        patch.setattr("shutil.rmtree", interrupt)
        with pytest.raises(KeyboardInterrupt):
            adopt(state, old, new)
    adopt(state, old, new)
    assert History(state, new).changes("a.md") == made
    assert place_of(state, old).logs() == []
