"""Moving documents: what follows, what is left, and that nothing else changes.

With the variable MOVE_CORPUS, a folder of Markdown, the link checker goes over a copy of
it while MOVE_PAGES (200) of its pages are moved; else over the user guide.
"""

import os
import random
import shutil
import stat
import tempfile
import threading
from collections.abc import Collection, Generator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from docindex.indexer.atomic import Attributes
from docindex.indexer.carrying import Keep, Strike
from docindex.indexer.doclocks import locked
from docindex.indexer.errors import (
    Conflict,
    DocumentNotFound,
    InvalidInput,
    InvalidName,
    NotADocument,
    ReadOnly,
    TimedOut,
    TooLarge,
    Unavailable,
    VersionMismatch,
    WriteFailed,
)
from docindex.indexer.files import Folder, version_of
from docindex.indexer.history import History
from docindex.indexer.journal import Intent, Journal
from docindex.indexer.models import FileBytes, Options, Progress
from docindex.indexer.moves import keep_in
from docindex.indexer.moving import Followed, Mover
from tests.linkcheck import BROKEN, all_targets

CORPUS = Path(os.environ.get("MOVE_CORPUS") or Path(__file__).parent.parent / "sample_docs")
PAGES = int(os.environ.get("MOVE_PAGES", "200"))


class Kept:
    """A history that remembers what it was given."""

    def __init__(self) -> None:
        self.changes: list[tuple[str, bytes | None, bytes | None, str]] = []

    @contextmanager
    def __call__(
        self, name: str, before: bytes | None, after: bytes | None, other: str = ""
    ) -> Generator[Strike]:
        self.changes.append((name, before, after, other))
        yield lambda: None


class Seen(Protocol):
    def __call__(self, name: str, before: bytes | None, after: bytes | None) -> None: ...


def seen_by(act: Seen) -> Keep:
    """A history that calls `act` when a document is about to change."""

    @contextmanager
    def keep(
        name: str, before: bytes | None, after: bytes | None, other: str = ""
    ) -> Generator[Strike]:
        act(name, before, after)
        yield lambda: None

    return keep


class Desk:
    """A folder in which documents are moved."""

    def __init__(self, path: Path, options: Options | None = None) -> None:
        self.root = path / "docs"
        self.root.mkdir(exist_ok=True)
        self.state = path / "state"
        self.kept = Kept()
        self.options = options or Options()
        self.folder = Folder(self.root, self.options)
        self.mover = Mover(self.folder, self.state, locked=self.locked, keep=self.kept)

    def locked(self, names: Collection[str]) -> AbstractContextManager[None]:
        return locked(self.state, [(self.folder, name) for name in names])

    def put(self, **documents: str) -> None:
        self.fill({name.replace("__", "/") + ".md": text for name, text in documents.items()})

    def fill(self, documents: dict[str, str]) -> None:
        for name, text in documents.items():
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_bytes(text.encode())

    def texts(self) -> dict[str, str]:
        return {name: data.decode() for name, data in documents(self.root).items()}

    @property
    def journal(self) -> Journal:
        return Journal(self.state, self.folder.path)


@pytest.fixture
def bound_desk() -> Generator[Desk]:
    """Of a user whom modes bind: the administrator may write whatever they say."""
    administrator = os.name != "nt" and os.geteuid() == 0
    with tempfile.TemporaryDirectory() as path:
        if administrator:
            os.chown(path, 65534, 65534)
            os.seteuid(65534)
        try:
            yield Desk(Path(path))
        finally:
            if administrator:
                os.seteuid(0)


def documents(root: Path) -> dict[str, bytes]:
    """Every file, hidden ones too."""
    files = (path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


# What follows


def test_a_move_tells_how_many_documents_it_has_looked_at_and_changed(desk: Desk) -> None:
    desk.put(a="[b](b.md)\n", b="# B\n", c="[b](b.md)\n", d="nothing\n")
    told: list[Progress] = []
    desk.mover.move("b.md", "new.md", listener=told.append)
    at = [progress.at for progress in told]
    assert sorted(at[:3]) == ["a.md", "c.md", "d.md"]
    assert sorted(at[3:]) == ["a.md", "c.md"]
    done = [progress.done for progress in told]
    assert done == sorted(set(done))
    assert all(progress.done < progress.total for progress in told)


def test_links_follow_and_the_document_is_moved(desk: Desk) -> None:
    desk.put(
        guide__b="# B\n[x](x.md) [self](b.md#b)\n",
        guide__x="[b](b.md#b)\r\n",
        y="[b](guide/b.md) [[b]] `[b](guide/b.md)`\n",
        z="[x](guide/x.md)\n",
    )

    outcome = desk.mover.move("guide/b.md", "ref/c.md")

    after = {
        "ref/c.md": "# B\n[x](../guide/x.md) [self](c.md#b)\n",
        "guide/x.md": "[b](../ref/c.md#b)\r\n",
        "y.md": "[b](ref/c.md) [[c]] `[b](guide/b.md)`\n",
        "z.md": "[x](guide/x.md)\n",
    }
    assert desk.texts() == after
    assert (outcome.status, outcome.name, outcome.new_name) == ("moved", "guide/b.md", "ref/c.md")
    assert outcome.version == version_of(after["ref/c.md"].encode())
    assert outcome.before == version_of(b"# B\n[x](x.md) [self](b.md#b)\n")
    assert {each.name: each.links for each in outcome.followed} == {"guide/x.md": 1, "y.md": 2}
    assert outcome.followed[0].version == version_of(after[outcome.followed[0].name].encode())
    assert outcome.remarks == ()
    assert desk.journal.stage() is None


def test_every_version_that_is_replaced_goes_into_the_history_first(desk: Desk) -> None:
    desk.put(b="B", x="[b](b.md)")
    desk.mover.move("b.md", "c.md")
    assert desk.kept.changes == [
        ("c.md", None, b"B", "b.md"),
        ("x.md", b"[b](b.md)", b"[b](c.md)", ""),
        ("b.md", b"B", None, "c.md"),
    ]


def test_a_dry_run_shows_what_would_change_and_touches_nothing(desk: Desk) -> None:
    desk.put(a__b="[x](../x.md)\n", x="[b](a/b.md)\n")
    before = documents(desk.root)

    outcome = desk.mover.move("a/b.md", "b.md", dry_run=True)

    assert outcome.status == "would_move"
    assert outcome.diff == "--- b.md\n+++ b.md\n@@ -1 +1 @@\n-[x](../x.md)\n+[x](x.md)\n"
    diff = "--- x.md\n+++ x.md\n@@ -1 +1 @@\n-[b](a/b.md)\n+[b](b.md)\n"
    versions = (version_of(b"[b](a/b.md)\n"), version_of(b"[b](b.md)\n"))
    assert outcome.followed == (Followed("x.md", *versions, links=1, diff=diff),)
    assert documents(desk.root) == before
    assert desk.kept.changes == []
    assert not desk.state.exists()


def test_documents_are_called_in_diffs_what_the_library_calls_them(desk: Desk) -> None:
    desk.put(b="", x="[b](b.md)")
    mover = Mover(
        desk.folder, desk.state, locked=desk.locked, keep=desk.kept, outer=lambda name: f"l/{name}"
    )
    assert mover.move("b.md", "c.md", dry_run=True).followed[0].diff.startswith("--- l/x.md\n")


def test_what_may_not_be_written_keeps_its_links_and_is_named(desk: Desk) -> None:
    desk.put(b="", x="[b](b.md)", y="[b](b.md)")
    mover = Mover(
        desk.folder, desk.state, locked=desk.locked, keep=desk.kept, may_write="y.md".__ne__
    )
    outcome = mover.move("b.md", "c.md")
    assert desk.texts() == {"c.md": "", "x.md": "[b](c.md)", "y.md": "[b](b.md)"}
    assert [(each.name, each.why) for each in outcome.remarks] == [
        ("y.md", "it may not be written, so its links stay")
    ]


def test_links_that_are_left_alone_are_reported_with_their_lines(desk: Desk) -> None:
    desk.put(a__b="", d__b="", x="text\n[[b]]\n")
    (remark,) = desk.mover.move("a/b.md", "c.md").remarks
    assert (remark.name, remark.line, remark.target) == ("x.md", 2, "b")
    assert desk.texts()["x.md"] == "text\n[[b]]\n"


def test_a_file_without_an_extension_is_what_a_link_to_its_name_leads_to(desk: Desk) -> None:
    desk.fill({"LICENSE.md": "", "LICENSE": "", "x.md": "[a](LICENSE) [b](LICENSE.md)"})
    desk.mover.move("LICENSE.md", "legal/LICENSE.md")
    assert desk.texts()["x.md"] == "[a](LICENSE) [b](legal/LICENSE.md)"


def test_what_cannot_be_read_is_named(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.put(b="", x="[b](b.md)")
    read = Folder.read

    def failing(self: Folder, name: str) -> FileBytes:
        if name == "x.md":
            raise Unavailable("x.md cannot be read now: permission denied")
        return read(self, name)

    monkeypatch.setattr(Folder, "read", failing)
    (remark,) = desk.mover.move("b.md", "c.md").remarks
    assert remark.name == "x.md"
    assert "permission denied" in remark.why


@pytest.mark.skipif(os.name == "nt", reason="modes are those of POSIX")
def test_mode_is_kept_and_at_no_moment_wider(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.put(b="secret")
    (desk.root / "b.md").chmod(0o600)
    modes: list[tuple[int, int]] = []
    write = Folder.write

    def watched(
        self: Folder, name: str, data: bytes, *, expect: str, like: Attributes | None = None
    ) -> object:
        stamp = write(self, name, data, expect=expect, like=like)
        status = (desk.root / name).stat()
        modes.append((stat.S_IMODE(status.st_mode), status.st_size))
        return stamp

    monkeypatch.setattr(Folder, "write", watched)
    desk.mover.move("b.md", "c.md")
    assert stat.S_IMODE((desk.root / "c.md").stat().st_mode) == 0o600
    assert [mode for mode, size in modes if size] == [0o600]


@pytest.mark.skipif(os.name == "nt", reason="modes are those of POSIX")
@pytest.mark.parametrize("protected", ["y.md", "sub"])
def test_what_is_write_protected_keeps_its_links_and_is_named(
    bound_desk: Desk, protected: str
) -> None:
    bound_desk.put(b="", x="[b](b.md)", y="[b](b.md)", sub__y="[b](../b.md)")
    before = bound_desk.texts()
    (bound_desk.root / protected).chmod(0o444 if protected == "y.md" else 0o555)
    outcome = bound_desk.mover.move("b.md", "c.md")
    (bound_desk.root / protected).chmod(0o755)
    left = "y.md" if protected == "y.md" else "sub/y.md"
    after = bound_desk.texts()
    assert after.pop("c.md") == ""
    assert {name for name in after if after[name] == before[name]} == {left}
    assert [(each.name, each.why) for each in outcome.remarks] == [
        (left, "it is write-protected, so its links stay")
    ]


@pytest.mark.skipif(os.name == "nt", reason="modes are those of POSIX")
def test_the_history_knows_the_mode_of_what_has_moved_away(desk: Desk) -> None:
    desk.put(b="secret")
    (desk.root / "b.md").chmod(0o600)
    history = History(desk.state, desk.root)
    keep = keep_in(history, desk.folder)
    Mover(desk.folder, desk.state, locked=desk.locked, keep=keep).move("b.md", "c.md")
    assert history.mode("b.md") == 0o600


# What is refused


@pytest.mark.skipif(os.name == "nt", reason="modes are those of POSIX")
def test_a_dry_run_of_what_write_protection_forbids_is_refused_too(bound_desk: Desk) -> None:
    bound_desk.put(b="", sub__x="")
    (bound_desk.root / "sub").chmod(0o555)
    with pytest.raises(WriteFailed, match=r"the folder of sub/b\.md is write-protected"):
        bound_desk.mover.move("b.md", "sub/b.md", dry_run=True)
    (bound_desk.root / "b.md").chmod(0o444)
    with pytest.raises(WriteFailed, match=r"b\.md is write-protected"):
        bound_desk.mover.move("b.md", "c.md", dry_run=True)
    (bound_desk.root / "sub").chmod(0o755)
    assert bound_desk.texts() == {"b.md": "", "sub/x.md": ""}


@pytest.mark.parametrize(
    ("name", "new_name", "error", "message"),
    [
        ("no.md", "c.md", DocumentNotFound, "no document no.md"),
        ("b.md", "b.md", InvalidInput, "is its name already"),
        ("b.md", "x.md", Conflict, "there is a document x.md already"),
        ("b.md", "c.png", NotADocument, "does not end in"),
        ("b.md", ".c.md", NotADocument, "hidden"),
        ("b.md", "../c.md", InvalidName, "component"),
        ("b.md", "ignored/c.md", NotADocument, "ignore rule"),
        ("b.md", "con.md", InvalidName, "Windows reserves"),
        ("b.md", "new:/c.md", InvalidName, "Windows does not allow"),
        ("b.md", "folder.md", NotADocument, "is not a"),
        ("b.md", "x.md/c.md", NotADocument, "is not a"),
    ],
)
@pytest.mark.parametrize("dry_run", [False, True])
def test_a_move_that_cannot_be_is_refused_and_changes_nothing(
    desk: Desk, name: str, new_name: str, error: type[Exception], message: str, dry_run: bool
) -> None:
    desk.put(b="[x](x.md)", x="[b](b.md)")
    (desk.root / "folder.md").mkdir()
    (desk.root / ".gitignore").write_text("ignored/\n", encoding="utf-8")
    before = documents(desk.root)
    with pytest.raises(error, match=message):
        desk.mover.move(name, new_name, dry_run=dry_run)
    assert documents(desk.root) == before
    assert desk.journal.stage() is None


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_name_that_only_capital_letters_tell_from_another_is_refused(
    desk: Desk, dry_run: bool
) -> None:
    desk.put(b="", x="[b](b.md)")
    for new_name in ("X.md", "B.md"):
        with pytest.raises(InvalidName, match="capital letters"):
            desk.mover.move("b.md", new_name, dry_run=dry_run)
    assert desk.texts() == {"b.md": "", "x.md": "[b](b.md)"}
    assert desk.journal.stage() is None


def test_a_version_that_is_not_there_any_more_is_refused(desk: Desk) -> None:
    desk.put(b="new")
    with pytest.raises(VersionMismatch, match=version_of(b"new")):
        desk.mover.move("b.md", "c.md", if_version=version_of(b"old"))
    assert desk.texts() == {"b.md": "new"}
    assert desk.mover.move("b.md", "c.md", if_version=version_of(b"new")).status == "moved"


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_library_that_only_reads_moves_nothing(tmp_path: Path, dry_run: bool) -> None:
    desk = Desk(tmp_path, Options(read_only=True))
    desk.put(b="", x="[b](b.md)")
    with pytest.raises(ReadOnly):
        desk.mover.move("b.md", "c.md", dry_run=dry_run)
    assert desk.texts() == {"b.md": "", "x.md": "[b](b.md)"}
    assert desk.journal.stage() is None


def test_a_document_that_would_become_too_large_stops_the_move(tmp_path: Path) -> None:
    desk = Desk(tmp_path, Options(max_document_bytes=100))
    desk.put(b="", a="[b](b.md)", x="[b](b.md)" + "x" * 91)
    before = documents(desk.root)
    with pytest.raises(TooLarge):
        desk.mover.move("b.md", "a-longer-name.md")
    assert documents(desk.root) == before
    assert desk.journal.stage() is None


# Others, at the same time


def test_an_edit_between_the_look_and_the_locks_is_seen(desk: Desk) -> None:
    desk.put(b="", x="[b](b.md)", y="")
    locks: list[set[str]] = []

    @contextmanager
    def late(names: Collection[str]) -> Generator[None]:
        if not locks:
            desk.put(x="new [b](b.md) text", y="[b](b.md)")
        locks.append(set(names))
        with desk.locked(names):
            yield

    Mover(desk.folder, desk.state, locked=late, keep=desk.kept).move("b.md", "c.md")
    assert desk.texts() == {"c.md": "", "x.md": "new [b](c.md) text", "y.md": "[b](c.md)"}
    assert locks == [{"b.md", "c.md", "x.md"}, {"b.md", "c.md", "x.md", "y.md"}]


def test_an_edit_by_a_program_that_knows_no_locks_is_kept(desk: Desk) -> None:
    desk.put(b="", x="[b](b.md)", y="[b](b.md)")

    def act(name: str, before: bytes | None, after: bytes | None) -> None:
        if name == "c.md":  # the document is on its way, the links have yet to follow
            desk.put(x="[b](b.md) and [more](b.md#more)", y="nothing")

    mover = Mover(desk.folder, desk.state, locked=desk.locked, keep=seen_by(act))
    (followed,) = mover.move("b.md", "c.md").followed
    assert desk.texts() == {
        "c.md": "",
        "x.md": "[b](c.md) and [more](c.md#more)",
        "y.md": "nothing",
    }
    assert followed == Followed(
        "x.md",
        version_of(b"[b](b.md) and [more](b.md#more)"),
        version_of(b"[b](c.md) and [more](c.md#more)"),
        links=2,
    )


def test_an_edit_that_is_taken_back_leaves_no_trace(desk: Desk) -> None:
    desk.put(b="", x="[b](b.md)")
    edits = iter(["edited [b](b.md)", "[b](b.md)"])

    def act(name: str, before: bytes | None, after: bytes | None) -> None:
        if name == "x.md":
            desk.put(x=next(edits, desk.texts()["x.md"]))

    Mover(desk.folder, desk.state, locked=desk.locked, keep=seen_by(act)).move("b.md", "c.md")
    assert desk.texts() == {"c.md": "", "x.md": "[b](c.md)"}


def test_a_document_that_takes_the_new_name_meanwhile_is_left(desk: Desk) -> None:
    desk.put(b="", x="[b](b.md)")

    def act(name: str, before: bytes | None, after: bytes | None) -> None:
        desk.put(c="")

    with pytest.raises(Conflict, match=r"there is a document c\.md by now"):
        Mover(desk.folder, desk.state, locked=desk.locked, keep=seen_by(act)).move("b.md", "c.md")
    assert desk.texts() == {"b.md": "", "c.md": "", "x.md": "[b](b.md)"}
    assert desk.journal.stage() is None


def test_a_document_that_is_edited_while_it_moves_arrives_as_edited(desk: Desk) -> None:
    desk.put(b="", x="[b](b.md)")

    def act(name: str, before: bytes | None, after: bytes | None) -> None:
        if before is None:
            desk.put(b="[x](x.md)")

    mover = Mover(desk.folder, desk.state, locked=desk.locked, keep=seen_by(act))
    outcome = mover.move("b.md", "sub/c.md")
    assert desk.texts() == {"sub/c.md": "[x](../x.md)", "x.md": "[b](sub/c.md)"}
    assert outcome.before == version_of(b"[x](x.md)")
    assert outcome.version == version_of(b"[x](../x.md)")


def test_links_that_keep_being_written_do_not_hold_a_move_up_for_ever(desk: Desk) -> None:
    desk.put(b="")
    numbers = iter(range(100))

    @contextmanager
    def late(names: Collection[str]) -> Generator[None]:
        desk.fill({f"{next(numbers)}.md": "[b](b.md)"})
        with desk.locked(names):
            yield

    with pytest.raises(TimedOut, match="nothing was moved"):
        Mover(desk.folder, desk.state, locked=late, keep=desk.kept).move("b.md", "c.md")
    assert "b.md" in desk.texts()


def test_what_cannot_be_kept_in_the_history_is_not_moved(desk: Desk) -> None:
    desk.put(b="", x="[b](b.md)")

    def act(name: str, before: bytes | None, after: bytes | None) -> None:
        if (name, after) == ("x.md", b"[b](c.md)"):
            raise WriteFailed("the disk is full")

    with pytest.raises(WriteFailed, match="the disk is full"):
        Mover(desk.folder, desk.state, locked=desk.locked, keep=seen_by(act)).move("b.md", "c.md")
    assert desk.texts() == {"b.md": "", "x.md": "[b](b.md)"}
    assert desk.journal.stage() is None


def test_a_move_that_is_refused_at_the_last_moment_leaves_nothing_in_the_history(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.put(b="secret", x="[b](b.md)")
    history = History(desk.state, desk.root)
    mover = Mover(desk.folder, desk.state, locked=desk.locked, keep=keep_in(history, desk.folder))
    begin = Journal.begin

    def late(self: Journal, intent: Intent) -> None:
        begin(self, intent)
        desk.put(c="somebody else's")

    monkeypatch.setattr(Journal, "begin", late)
    with pytest.raises(Conflict):
        mover.move("b.md", "c.md")
    assert history.names() == {}


def test_a_move_that_is_taken_back_leaves_nothing_in_the_history(desk: Desk) -> None:
    desk.put(b="", x="[b](b.md)", y="[b](b.md)", z="[b](b.md)")
    history = History(desk.state, desk.root)
    keep = keep_in(history, desk.folder)

    @contextmanager
    def failing(
        name: str, before: bytes | None, after: bytes | None, other: str = ""
    ) -> Generator[Strike]:
        with keep(name, before, after, other) as strike:
            if (name, after) == ("z.md", b"[b](c.md)"):
                raise WriteFailed("the disk is full")
            yield strike

    with pytest.raises(WriteFailed, match="the disk is full"):
        Mover(desk.folder, desk.state, locked=desk.locked, keep=failing).move("b.md", "c.md")
    assert desk.texts() == {
        "b.md": "",
        "x.md": "[b](b.md)",
        "y.md": "[b](b.md)",
        "z.md": "[b](b.md)",
    }
    assert history.names() == {}


def test_what_was_edited_while_a_move_was_taken_back_stays_in_the_history(desk: Desk) -> None:
    desk.put(b="", x="[b](b.md)", y="[b](b.md)")
    history = History(desk.state, desk.root)
    keep = keep_in(history, desk.folder)

    @contextmanager
    def failing(
        name: str, before: bytes | None, after: bytes | None, other: str = ""
    ) -> Generator[Strike]:
        with keep(name, before, after, other) as strike:
            if (name, after) == ("y.md", b"[b](c.md)"):
                desk.put(x="edited [b](c.md)")
                raise WriteFailed("the disk is full")
            yield strike

    with pytest.raises(WriteFailed, match="the disk is full"):
        Mover(desk.folder, desk.state, locked=desk.locked, keep=failing).move("b.md", "c.md")
    assert desk.texts() == {"b.md": "", "x.md": "edited [b](b.md)", "y.md": "[b](b.md)"}
    assert list(history.names()) == ["x.md"]
    assert history.find("x.md", version_of(b"edited [b](c.md)"))


def test_two_moves_that_need_each_others_documents_both_come_about(desk: Desk) -> None:
    desk.put(a="[b](b.md)", b="[a](a.md)", **{f"x{n}": "[a](a.md) [b](b.md)" for n in range(20)})
    failed: list[BaseException] = []

    def move(name: str, new_name: str) -> None:
        try:
            mover = Mover(desk.folder, desk.state, locked=desk.locked, keep=Kept())
            mover.move(name, new_name)
        except BaseException as error:
            failed.append(error)

    threads = [
        threading.Thread(target=move, args=names)
        for names in [("a.md", "sub/a2.md"), ("b.md", "sub/b2.md")]
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    texts = desk.texts()
    assert texts.pop("sub/a2.md") == "[b](b2.md)"
    assert texts.pop("sub/b2.md") == "[a](a2.md)"
    assert set(texts.values()) == {"[a](sub/a2.md) [b](sub/b2.md)"}


# Random documents and moves

FOLDERS = ["", "guide/", "guide/deep/", "a b/"]
NAMES = [f"{folder}{stem}.md" for folder in FOLDERS for stem in ("one", "two x", "three")]


def _relative(name: str, target: str) -> str:
    return os.path.relpath(f"/{target}", f"/{os.path.dirname(name)}")


def _link(name: str, target: str, form: int) -> str:
    relative = _relative(name, target)
    return [
        f"[t]({relative.replace(' ', '%20')}#h)",
        f"![t](<{relative}> 'T')",
        f"[t](/{target.replace(' ', '%20')}?q)",
        f"\n\n[d]: {relative.replace(' ', '%20')}\n\n",
        f'<a href="{relative.replace(" ", "%20")}">',
        f"[[/{target.removesuffix('.md')}|s]]",
        f"`[t]({target})`",
        f"[t]({relative.replace(' ', '%20').removesuffix('.md')})",
        "text\r\n\té",
    ][form]


@st.composite
def folders_of_documents(draw: st.DrawFn) -> dict[str, str]:
    names = draw(st.lists(st.sampled_from(NAMES), min_size=2, max_size=6, unique=True))
    texts: dict[str, str] = {}
    for name in names:
        links = draw(
            st.lists(st.tuples(st.sampled_from([*names, "gone.md"]), st.integers(0, 8)), max_size=5)
        )
        texts[name] = " ".join(_link(name, *link) for link in links)
    return texts


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(folders_of_documents(), st.data())
def test_links_lead_where_they_led_and_moving_back_restores_every_byte(
    tmp_path_factory: pytest.TempPathFactory, texts: dict[str, str], data: st.DataObject
) -> None:
    desk = Desk(tmp_path_factory.mktemp("desk"))
    desk.fill(texts)
    before = documents(desk.root)
    led = all_targets(before, before)
    moves = data.draw(st.lists(st.sampled_from(NAMES), max_size=4))
    now = {name: name for name in texts}
    done: list[tuple[str, str]] = []
    for new in moves:
        if new in now.values():
            continue
        old = data.draw(st.sampled_from(sorted(now)))
        desk.mover.move(now[old], new)
        done.append((now[old], new))
        now[old] = new
        after = documents(desk.root)
        leads = all_targets(after, after)
        assert leads == {
            now[name]: [now.get(target, target) for target in targets]
            for name, targets in led.items()
        }
    for old, new in reversed(done):
        desk.mover.move(new, old)
    assert documents(desk.root) == before


# A corpus


@pytest.mark.timeout(3600)
def test_moving_the_pages_of_a_corpus_breaks_no_link(tmp_path: Path) -> None:
    shutil.copytree(CORPUS, tmp_path / "docs")
    desk = Desk(tmp_path)
    before = documents(desk.root)
    led = all_targets({name: text for name, text in before.items() if name.endswith(".md")}, before)
    chance = random.Random(6)
    pages = sorted(led)
    moved = {name: name for name in before}
    for name in chance.sample(pages, min(PAGES, len(pages))):
        folder = os.path.dirname(chance.choice([name, *pages]))
        new = os.path.join(folder, f"moved {os.path.basename(name)}").replace(os.sep, "/")
        if new in moved.values():
            continue
        desk.mover.move(name, new)
        moved[name] = new
    after = documents(desk.root)
    leads = all_targets({name: after[name] for name in map(moved.__getitem__, led)}, after)

    wrong = [
        (name, target, now)
        for name, targets in led.items()
        for target, now in zip(targets, leads[moved[name]], strict=True)
        if now != moved.get(target, target) and not target.startswith(BROKEN)
    ]
    assert wrong == []
    assert sum(target != BROKEN for targets in led.values() for target in targets) > 20
    assert any(name != new for name, new in moved.items())
