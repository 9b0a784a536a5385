"""Writes that nobody regrets: conflicts, editors, nested folders, what may be written,
what is kept, and what is logged."""

import errno
import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from docindex.indexer import audit, doclocks
from docindex.indexer.directories import NATIVE, HeldDirectory
from docindex.indexer.doclocks import locked
from docindex.indexer.errors import (
    DocindexError,
    InvalidInput,
    InvalidName,
    NotADocument,
    NotWritable,
    ReadOnly,
    TimedOut,
    VersionMismatch,
    VersionNotFound,
    WriteFailed,
)
from docindex.indexer.files import version_of
from docindex.indexer.models import Author, Edit, FolderSpec, Options, WriteOutcome
from docindex.indexer.shelf import Shelf
from docindex.indexer.writing import Writer

NAME = "guide/a.md"
OLD = b"# A\n\none\n\n## B\n\ntwo\n"

needs_exchange = pytest.mark.skipif(
    NATIVE is not HeldDirectory or sys.platform != "linux", reason="files are not exchanged here"
)


class Desk:
    """A folder, and somebody who writes in it."""

    def __init__(self, place: Path, root: Path, **options: object) -> None:
        self.root = root
        self.state = place / "state"
        self.shelf = Shelf(FolderSpec(str(root)), place / "cache", Options())
        self.writer = Writer(self.state, Options(**options))  # type: ignore[arg-type]

    def update(self, name: str, content: str, **edit: object) -> WriteOutcome:
        asked = Edit(name, content, **edit)  # type: ignore[arg-type]
        return self.writer.update(self.shelf, name, asked, Author())

    def delete(self, name: str, if_version: str = "", dry_run: bool = False) -> WriteOutcome:
        return self.writer.delete(self.shelf, name, if_version, dry_run, Author())

    def restore(self, name: str, version: str, dry_run: bool = False) -> WriteOutcome:
        return self.writer.restore(self.shelf, name, version, dry_run, Author())

    def kept(self, name: str) -> list[str]:
        return [kept.why for kept in self.writer.past(self.shelf, name).versions]

    def audited(self) -> list[dict[str, str]]:
        log = self.state / "audit" / "writes.jsonl"
        return [json.loads(line) for line in log.read_text().splitlines()]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "docs"
    (root / "guide").mkdir(parents=True)
    (root / NAME).write_bytes(OLD)
    return root


@pytest.fixture
def desk(tmp_path: Path, root: Path) -> Desk:
    return Desk(tmp_path, root)


# Conflicts


def test_of_two_writers_the_second_is_told_what_the_first_did(desk: Desk, root: Path) -> None:
    read = version_of(OLD)
    first = desk.update(NAME, "ONE\n", mode="section", section="a", if_version=read)
    with pytest.raises(VersionMismatch) as caught:
        desk.update(NAME, "late", if_version=read)
    assert first.version in str(caught.value)
    assert "\n-one\n" in caught.value.diff
    assert "\n+ONE\n" in caught.value.diff
    with pytest.raises(VersionMismatch) as again:
        desk.delete(NAME, if_version=read)
    assert again.value.diff == caught.value.diff
    assert version_of((root / NAME).read_bytes()) == first.version


def test_what_an_editor_did_to_a_version_of_ours_is_told_too(desk: Desk, root: Path) -> None:
    written = desk.update("new.md", "# New\n\nours\n")
    (root / "new.md").write_bytes(b"# New\n\ntheirs\n")
    with pytest.raises(VersionMismatch) as caught:
        desk.update("new.md", "late", if_version=written.version)
    assert "-ours\n+theirs" in caught.value.diff


def test_of_a_version_that_nobody_knows_no_diff_is_given(desk: Desk) -> None:
    with pytest.raises(VersionMismatch) as caught:
        desk.update(NAME, "late", if_version="0" * 16)
    assert caught.value.diff == ""


def test_the_diff_of_a_conflict_is_short(desk: Desk) -> None:
    written = desk.update("new.md", "old\n" * 5_000)
    desk.update("new.md", "new\n" * 5_000, if_version=written.version)
    with pytest.raises(VersionMismatch) as caught:
        desk.update("new.md", "late", if_version=written.version)
    assert len(caught.value.diff) < 2_100
    assert caught.value.diff.endswith("left out\n")


def test_a_section_goes_with_its_mode(desk: Desk) -> None:
    with pytest.raises(InvalidInput, match='mode "section"'):
        desk.update(NAME, "x", section="a", if_version=version_of(OLD))
    with pytest.raises(InvalidInput, match="needs section"):
        desk.update(NAME, "x", mode="section", if_version=version_of(OLD))


def test_adding_to_a_section_needs_no_version(desk: Desk, root: Path) -> None:
    desk.update(NAME, "more\n", mode="append", section="B")
    desk.update(NAME, "first\n", mode="prepend", section="A > B")
    assert (root / NAME).read_bytes() == b"# A\n\none\n\n## B\n\nfirst\ntwo\nmore\n"


# Editors, who take no lock


def interfering(
    monkeypatch: pytest.MonkeyPatch, method: str, act: Callable[[], object], times: int = 1
) -> None:
    """Somebody acts in the instant before a folder does so."""
    original = getattr(HeldDirectory, method)
    left = [times]

    def interfered(self: HeldDirectory, *arguments: str) -> object:
        if left[0]:
            left[0] -= 1
            act()
        return original(self, *arguments)

    monkeypatch.setattr(HeldDirectory, method, interfered)


@needs_exchange
@pytest.mark.parametrize("by_rename", [False, True])
def test_what_an_editor_saved_in_the_last_instant_is_kept_and_told(
    desk: Desk, root: Path, monkeypatch: pytest.MonkeyPatch, by_rename: bool
) -> None:
    def save() -> None:
        file = root / ("swap" if by_rename else NAME)
        file.write_bytes(b"theirs")
        if by_rename:
            file.rename(root / NAME)

    interfering(monkeypatch, "exchange", save)
    outcome = desk.update(NAME, "ours", if_version=version_of(OLD))
    assert outcome.displaced == version_of(b"theirs")
    assert (root / NAME).read_bytes() == b"ours"
    assert desk.kept(NAME) == ["displaced", "updated"]
    desk.restore(NAME, outcome.displaced)
    assert (root / NAME).read_bytes() == b"theirs"
    assert [path.name for path in root.rglob("*")] == ["guide", "a.md"]


@needs_exchange
def test_what_an_editor_saved_before_a_delete_is_kept_and_told(
    desk: Desk, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interfering(monkeypatch, "rename", lambda: (root / NAME).write_bytes(b"theirs"))
    outcome = desk.delete(NAME)
    assert outcome.displaced == version_of(b"theirs")
    assert desk.kept(NAME) == ["displaced", "deleted"]


@needs_exchange
@pytest.mark.parametrize("method", ["exchange", "rename"])
def test_what_cannot_be_kept_is_not_displaced(
    desk: Desk, root: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    def save_and_fill_the_disk() -> None:
        (root / NAME).write_bytes(b"theirs")
        monkeypatch.setattr("docindex.indexer.history.append_line", fail)

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    interfering(monkeypatch, method, save_and_fill_the_disk)
    acts: dict[str, Callable[[], object]] = {
        "exchange": lambda: desk.update(NAME, "ours", if_version=version_of(OLD)),
        "rename": lambda: desk.delete(NAME),
    }
    with pytest.raises(WriteFailed, match="left as it is"):
        acts[method]()
    assert (root / NAME).read_bytes() == b"theirs"
    assert [path.name for path in root.rglob("*")] == ["guide", "a.md"]


@needs_exchange
def test_a_folder_that_takes_the_name_in_the_last_instant_stays(
    desk: Desk, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def swap() -> None:
        (root / NAME).rename(root / "aside")
        (root / NAME).mkdir()

    interfering(monkeypatch, "exchange", swap)
    with pytest.raises(NotADocument):
        desk.update(NAME, "ours", if_version=version_of(OLD))
    assert (root / NAME).is_dir()
    assert (root / "aside").read_bytes() == OLD


def test_an_append_goes_on_from_what_an_editor_saved_meanwhile(
    desk: Desk, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interfering(monkeypatch, "create", lambda: (root / NAME).write_bytes(b"theirs\n"))
    outcome = desk.update(NAME, "ours\n", mode="append")
    assert (root / NAME).read_bytes() == b"theirs\nours\n"
    assert outcome.before == version_of(b"theirs\n")


def test_a_write_gives_up_when_the_document_never_stands_still(
    desk: Desk, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = iter(range(99))
    interfering(
        monkeypatch, "create", lambda: (root / NAME).write_text(str(next(numbers))), times=99
    )
    with pytest.raises(VersionMismatch):
        desk.update(NAME, "ours\n", mode="append")
    assert desk.kept(NAME) == []
    assert not list(root.rglob(".docindex-*"))


# Locks


def test_servers_on_folders_in_each_other_wait_for_each_other(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doclocks, "LOCK_SECONDS", 0.05)
    outer, inner = Desk(tmp_path, root), Desk(tmp_path, root / "guide")
    (tmp_path / "link").symlink_to(root)
    linked = Desk(tmp_path, tmp_path / "link")
    with locked(outer.state, [(outer.shelf.folder, NAME)]):
        for desk, name in ((inner, "a.md"), (linked, NAME)):
            with pytest.raises(TimedOut, match="another write"):
                desk.update(name, "late", mode="append")
        inner.update("other.md", "free")


def test_a_lock_goes_with_the_folder_when_it_is_renamed(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doclocks, "LOCK_SECONDS", 0.05)
    desk = Desk(tmp_path, root)
    with locked(desk.state, [(desk.shelf.folder, NAME)]):
        (root / "guide").rename(root / "manual")
        with pytest.raises(TimedOut):
            desk.update("manual/a.md", "late", mode="append")


def test_locks_of_many_documents_are_taken_in_one_order_and_each_once(
    desk: Desk,
) -> None:
    folder = desk.shelf.folder
    names = [f"many/{number}.md" for number in range(600)]  # more than there are locks
    done: list[int] = []

    def hold(order: int) -> None:
        for _ in range(5):
            with locked(desk.state, [(folder, name) for name in names[::order]]):
                done.append(order)

    threads = [threading.Thread(target=hold, args=(order,)) for order in (1, -1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 10


# What may be written


@pytest.mark.parametrize("name", ["private/a.md", "a.md", "notesmore/a.md", "drafts/deep/a.md"])
def test_only_writable_paths_are_written(tmp_path: Path, root: Path, name: str) -> None:
    desk = Desk(tmp_path, root, writable_paths=("notes", "drafts/*.md"))
    with pytest.raises(NotWritable, match=r"writable_paths\); allowed: notes, drafts/\*\.md$"):
        desk.update(name, "x")
    for allowed in ("notes/deep/a.md", "drafts/a.md"):
        assert desk.update(allowed, "x").status == "created"


def test_only_writable_extensions_are_written(tmp_path: Path, root: Path) -> None:
    desk = Desk(tmp_path, root, writable_extensions=(".md", ".mdx"))
    for name in ("a.txt", "a.markdown"):
        with pytest.raises(NotWritable, match=r"writable_extensions\); allowed: \.md, \.mdx$"):
            desk.update(name, "x")
    assert desk.update("B.MD", "x").status == "created"


@pytest.mark.parametrize(
    ("options", "error"),
    [({"read_only": True}, ReadOnly), ({"writable_paths": ("notes",)}, NotWritable)],
)
def test_what_may_not_be_written_may_not_be_deleted_or_restored(
    tmp_path: Path, root: Path, options: dict[str, object], error: type[Exception]
) -> None:
    desk = Desk(tmp_path, root, **options)
    for dry_run in (False, True):
        with pytest.raises(error):
            desk.delete(NAME, "", dry_run)
        with pytest.raises(error):
            desk.restore(NAME, version_of(OLD), dry_run)
        with pytest.raises(error):
            desk.update(NAME, "x", mode="append", dry_run=dry_run)
    assert (root / NAME).read_bytes() == OLD
    assert not desk.state.exists()


@pytest.mark.parametrize("name", [".hidden/a.md", "a.docx", "build/a.md", "a.md/b"])
def test_a_name_that_would_not_be_indexed_is_refused(desk: Desk, root: Path, name: str) -> None:
    (root / ".gitignore").write_text("build/\n")
    with pytest.raises(NotADocument):
        desk.update(name, "x")
    with pytest.raises(NotADocument):
        desk.restore(name, "0" * 16)
    assert {path.name for path in root.rglob("*")} == {".gitignore", "guide", "a.md"}


# Trying


def test_trying_shows_the_change_and_touches_nothing(desk: Desk, root: Path) -> None:
    version = desk.update(NAME, "new\n", if_version=version_of(OLD)).version
    before = {path: path.stat().st_mtime_ns for path in desk.state.rglob("*") if path.is_file()}
    tried = [
        desk.update(NAME, "newer\n", if_version=version, dry_run=True),
        desk.update("b.md", "b\n", dry_run=True),
        desk.delete(NAME, dry_run=True),
        desk.restore(NAME, version_of(OLD), dry_run=True),
    ]
    assert [outcome.status for outcome in tried] == [
        "would_update",
        "would_create",
        "would_delete",
        "would_restore",
    ]
    assert [("-new" in each.diff, "+one" in each.diff) for each in tried] == [
        (True, False),
        (False, False),
        (True, False),
        (True, True),
    ]
    assert (root / NAME).read_bytes() == b"new\n"
    assert not (root / "b.md").exists()
    after = {path: path.stat().st_mtime_ns for path in desk.state.rglob("*") if path.is_file()}
    assert {path for path in after if path.parent.name != "locks"} <= set(before)
    assert all(after[path] == when for path, when in before.items() if "locks" not in path.parts)


@pytest.mark.parametrize("name", ["CON.md", "Guide/b.md", "guide/A.md"])
def test_trying_says_that_a_name_is_refused(desk: Desk, name: str) -> None:
    for dry_run in (True, False):
        with pytest.raises(InvalidName):
            desk.update(name, "b\n", dry_run=dry_run)


def test_trying_says_that_a_document_is_write_protected(
    desk: Desk, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = desk.update(NAME, "new\n", if_version=version_of(OLD)).version

    def writable(self: object, entry: str) -> bool:
        return False

    monkeypatch.setattr(NATIVE, "writable", writable)
    acts: list[Callable[[], object]] = [
        lambda: desk.update(NAME, "newer\n", if_version=new, dry_run=True),
        lambda: desk.delete(NAME, dry_run=True),
        lambda: desk.restore(NAME, version_of(OLD), dry_run=True),
    ]
    for act in acts:
        with pytest.raises(WriteFailed, match="write-protected"):
            act()


# Restoring


def test_a_restore_can_be_taken_back_too(desk: Desk, root: Path) -> None:
    new = desk.update(NAME, "new\n", if_version=version_of(OLD)).version
    assert desk.restore(NAME, version_of(OLD)).status == "restored"
    assert (root / NAME).read_bytes() == OLD
    assert desk.restore(NAME, version_of(OLD)).status == "unchanged"
    assert desk.restore(NAME, new).before == version_of(OLD)
    assert (root / NAME).read_bytes() == b"new\n"
    desk.delete(NAME)
    assert desk.restore(NAME, version_of(OLD)).before == ""
    assert (root / NAME).read_bytes() == OLD


@pytest.mark.skipif(NATIVE is not HeldDirectory, reason="files have no modes here")
@pytest.mark.parametrize("deleted_here", [True, False])
def test_a_private_document_that_is_restored_is_private_again(
    desk: Desk, root: Path, deleted_here: bool
) -> None:
    (root / NAME).chmod(0o600)
    desk.update(NAME, "new\n", if_version=version_of(OLD))
    if deleted_here:
        (root / NAME).chmod(0o640)
        desk.delete(NAME)
    else:
        (root / NAME).unlink()
    desk.restore(NAME, version_of(OLD))
    assert (root / NAME).stat().st_mode & 0o777 == (0o640 if deleted_here else 0o600)


def test_what_is_not_kept_is_named_with_what_is(desk: Desk) -> None:
    desk.update(NAME, "new\n", if_version=version_of(OLD))
    with pytest.raises(VersionNotFound, match=f"there are {version_of(OLD)}$"):
        desk.restore(NAME, "0" * 16)
    desk.update("lost.md", "x")
    desk.delete("lost.md")
    with pytest.raises(VersionNotFound, match=r"nothing is kept of no\.md; deleted .* lost\.md$"):
        desk.writer.past(desk.shelf, "no.md")
    with pytest.raises(VersionNotFound, match="nothing is kept"):
        desk.restore("no.md", "0" * 16)


texts = st.binary(max_size=60) | st.text(max_size=60).map(str.encode)
edits = st.tuples(
    st.sampled_from(["replace", "append", "prepend", "section"]),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20),
    st.none() | st.lists(st.sampled_from("abc"), max_size=2).map(tuple),
)


@given(texts, st.lists(edits, min_size=1, max_size=4))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_edit_then_restore_gives_the_original_bytes(
    tmp_path_factory: pytest.TempPathFactory,
    original: bytes,
    done: list[tuple[str, str, tuple[str, ...] | None]],
) -> None:
    place = tmp_path_factory.mktemp("desk")
    (place / "docs").mkdir()
    file = place / "docs" / "a.md"
    file.write_bytes(original)
    desk = Desk(place, place / "docs")
    for mode, content, tags in done:
        version = version_of(file.read_bytes())
        try:
            desk.update(
                "a.md",
                content,
                mode=mode,
                tags=tags,
                section="a" if mode == "section" else "",
                if_version=version,
            )
        except DocindexError:
            assert version_of(file.read_bytes()) == version
    desk.restore("a.md", version_of(original))
    assert file.read_bytes() == original


def test_a_folder_under_git_stays_gits_business(desk: Desk, root: Path) -> None:
    git = ["git", "-C", str(root), "-c", "user.name=n", "-c", "user.email=e"]
    try:
        for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "one"]):
            subprocess.run([*git, *command], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("git is not installed")

    def inside() -> dict[str, bytes]:
        return {str(p): p.read_bytes() for p in (root / ".git").rglob("*") if p.is_file()}

    before = inside()
    desk.update(NAME, "new\n", if_version=version_of(OLD))
    desk.update("b.md", "b\n")
    desk.delete(NAME)
    assert inside() == before


# The audit log


def test_each_write_is_a_line_in_the_audit_log(desk: Desk, root: Path) -> None:
    new = desk.update(NAME, "new\n", if_version=version_of(OLD)).version
    desk.update("b.md", "b\n", dry_run=True)
    desk.update(NAME, "new\n", if_version=new)  # changes nothing
    desk.delete(NAME)
    desk.writer.restore(desk.shelf, NAME, new, False, Author("docindex restore", "ana"))
    lines = desk.audited()
    assert [(line["tool"], line["name"], line["before"], line["after"]) for line in lines] == [
        ("update_document", NAME, version_of(OLD), new),
        ("delete_document", NAME, new, ""),
        ("docindex restore", NAME, "", new),
    ]
    assert lines[2]["who"] == "ana"
    assert all(line["who"] and line["when"].endswith("+00:00") for line in lines)
    assert {line["folder"] for line in lines} == {str(root)}


def test_a_write_that_the_disk_did_not_confirm_is_in_the_audit_log(
    desk: Desk, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: HeldDirectory) -> None:
        raise OSError(errno.EIO, "input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(HeldDirectory, "sync", fail)
        with pytest.raises(WriteFailed, match="did not confirm"):
            desk.update(NAME, "new\n", if_version=version_of(OLD))
        with pytest.raises(WriteFailed, match="did not confirm"):
            desk.delete(NAME)
    new = version_of(b"new\n")
    assert not (root / NAME).exists()
    assert [(line["status"], line["before"], line["after"]) for line in desk.audited()] == [
        ("updated", version_of(OLD), new),
        ("deleted", new, ""),
    ]
    assert desk.kept(NAME) == ["deleted", "updated"]


def test_the_audit_log_can_be_switched_off(tmp_path: Path, root: Path) -> None:
    desk = Desk(tmp_path, root, audit=False)
    desk.update("b.md", "b\n")
    assert not (desk.state / "audit").exists()


def test_the_audit_log_is_put_aside_when_it_is_long(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "MAX_BYTES", 600)
    for number in range(40):
        desk.update(f"{number}.md", "x")
    files = sorted((desk.state / "audit").glob("*.jsonl"))
    assert [file.name for file in files] == [
        *(f"writes.{number}.jsonl" for number in range(1, audit.FILES)),
        "writes.jsonl",
    ]
    names = [
        json.loads(line)["name"]
        for file in [*files[-2::-1], files[-1]]
        for line in file.read_text().splitlines()
    ]
    assert names == [f"{number}.md" for number in range(40 - len(names), 40)]
    assert all(file.stat().st_size < 1_200 for file in files)


def test_a_write_stands_when_it_cannot_be_logged(
    desk: Desk, root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    desk.state.mkdir()
    (desk.state / "audit").write_text("no folder")
    desk.update("b.md", "b\n")
    assert (root / "b.md").exists()
    assert "missing from the audit log" in caplog.text
