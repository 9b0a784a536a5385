"""Moves that are interrupted, at every step: after recovery all is as before the move, or
as after it. What was written meanwhile is never lost."""

import errno
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from docindex.indexer import moving
from docindex.indexer.directories import HeldDirectory
from docindex.indexer.errors import DocindexError, FolderUnavailable, TimedOut, WriteFailed
from docindex.indexer.files import Folder, version_of
from docindex.indexer.journal import Intent, Stage, Step
from docindex.indexer.models import Author, FolderSpec
from docindex.indexer.moves import move, recover
from docindex.indexer.moving import Mover
from docindex.indexer.shelf import Shelf
from tests.test_moving import Desk

BEFORE = {
    "guide/b.md": "# B\n[x](x.md) [self](b.md)\n",
    "guide/x.md": "[b](b.md)\r\n",
    "y.md": "[b](guide/b.md)\n",
    "z.md": "no links\n",
}
AFTER = {
    "ref/c.md": "# B\n[x](../guide/x.md) [self](c.md)\n",
    "guide/x.md": "[b](../ref/c.md)\r\n",
    "y.md": "[b](ref/c.md)\n",
    "z.md": "no links\n",
}
OLD, NEW = "guide/b.md", "ref/c.md"
KILLS = int(os.environ.get("MOVE_KILLS", "8"))


class Killed(BaseException):
    """Ends a process at once; nothing that comes after it may change a file."""


CALLS = ("write", "fsync", "rename", "replace", "link", "unlink", "mkdir", "fchmod")


class Faults:
    """Lets one call of the system fail: the `at`-th of those that may change something.
    When it is a kill (no `fault`), so do all that come after."""

    def __init__(
        self, patch: pytest.MonkeyPatch, at: int, fault: int | None, *, for_ever: bool = False
    ) -> None:
        self.at, self.fault, self.calls = at, fault, 0
        self.for_ever = for_ever or fault is None
        for name in CALLS:
            patch.setattr(os, name, self._failing(getattr(os, name)))
        patch.setattr(os, "open", self._failing(os.open, only_if=os.O_CREAT))
        patch.setattr(HeldDirectory, "exchange", self._failing(HeldDirectory.exchange))

    @property
    def happened(self) -> bool:
        return self.calls >= self.at

    def _failing(self, call: Callable[..., object], only_if: int = 0) -> Callable[..., object]:
        """With `only_if`, a call without these flags (its second argument) is not counted."""

        def failing(*arguments: Any, **options: Any) -> object:
            if only_if and not arguments[1] & only_if:
                return call(*arguments, **options)
            self.calls += 1
            if self.calls == self.at or (self.happened and self.for_ever):
                if self.fault is None:
                    raise Killed
                raise OSError(self.fault, os.strerror(self.fault))
            return call(*arguments, **options)

        return failing


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk(tmp_path)
    desk.fill(BEFORE)
    return desk


def visible(desk: Desk) -> dict[str, str]:
    """Without the temporary files that a kill leaves, and that are swept later."""
    return {name: text for name, text in desk.texts().items() if "/." not in f"/{name}"}


def again(desk: Desk) -> Mover:
    """As the next process has it."""
    return Mover(Folder(desk.root, desk.options), desk.state, locked=desk.locked, keep=desk.kept)


def every_call(tmp_path: Path, fault: int | None) -> Iterator[tuple[Desk, Exception | None]]:
    """A desk after a move of which the first call has failed; the second; and so on."""
    at = 0
    while True:
        at += 1
        (tmp_path / f"{at}").mkdir()
        desk = Desk(tmp_path / f"{at}")
        desk.fill(BEFORE)
        raised: Exception | None = None
        with pytest.MonkeyPatch.context() as patch:
            faults = Faults(patch, at, fault)
            try:
                desk.mover.move(OLD, NEW)
            except Killed:
                pass
            except DocindexError as error:
                raised = error
        if not faults.happened:
            assert visible(desk) == AFTER
            assert at > 40
            return
        yield desk, raised


def test_a_move_that_is_killed_at_any_call_is_recovered(tmp_path: Path) -> None:
    outcomes: set[str] = set()
    for desk, _ in every_call(tmp_path, None):
        texts = visible(desk)
        recovery = again(desk).recover()
        outcomes.add(recovery.outcome if recovery else "none")
        assert visible(desk) in (BEFORE, AFTER)
        assert recovery is not None or visible(desk) == texts
        assert desk.journal.stage() is None
        assert again(desk).recover() is None
    assert outcomes == {"none", "undone", "finished"}


@pytest.mark.parametrize("fault", [errno.EIO, errno.ENOSPC, errno.EXDEV])
def test_a_move_of_which_any_call_fails_is_done_or_not(tmp_path: Path, fault: int) -> None:
    failed = 0
    for desk, error in every_call(tmp_path, fault):
        texts = visible(desk)
        if error is None:
            assert texts == AFTER
        elif "the document is deleted, but" in str(error):
            assert texts == AFTER
            assert desk.journal.stage() == "last"
        else:
            failed += 1
            assert texts == BEFORE
            assert str(tmp_path) not in str(error)
            again(desk).recover()
            assert visible(desk) == BEFORE
        again(desk).recover()
        assert visible(desk) == texts
        assert desk.journal.stage() is None
    assert failed > 10


def test_where_undoing_fails_too_recovery_goes_on_with_it(tmp_path: Path) -> None:
    """The disk fills up, and stays full until the next start."""
    undone = failed = 0
    for at in count(1):
        (tmp_path / f"{at}").mkdir()
        desk = Desk(tmp_path / f"{at}")
        desk.fill(BEFORE)
        with pytest.MonkeyPatch.context() as patch:
            faults = Faults(patch, at, errno.ENOSPC, for_ever=True)
            try:
                desk.mover.move(OLD, NEW)
            except DocindexError as error:
                failed += 1
                undone += "could not be undone yet" in str(error)
        if not faults.happened:
            break
        again(desk).recover()
        assert visible(desk) in (BEFORE, AFTER)
        assert desk.journal.stage() is None
    assert failed > 40
    assert undone > 0


LOOP = """
import sys
from contextlib import nullcontext
from itertools import cycle
from pathlib import Path
from docindex.indexer.files import Folder, version_of
from docindex.indexer.models import Options
from docindex.indexer.models import Author, FolderSpec
from docindex.indexer.moves import move, recover
from docindex.indexer.moving import Mover
from docindex.indexer.shelf import Shelf
root, state, old, new = sys.argv[1:]
mover = Mover(
    Folder(root, Options()),
    Path(state),
    locked=lambda names: nullcontext(),
    keep=lambda name, before, after, other="": nullcontext(lambda: None),
)
print("moving", flush=True)
for back in cycle((False, True)):
    mover.move(*((new, old) if back else (old, new)))
"""


@pytest.mark.timeout(120 + 10 * KILLS)
def test_a_process_that_is_killed_while_it_moves_leaves_what_can_be_recovered(desk: Desk) -> None:
    desk.fill({f"more/{n}.md": f"[b](../{OLD})" for n in range(20)})
    before = visible(desk)
    desk.mover.move(OLD, NEW)
    after = visible(desk)
    desk.mover.move(NEW, OLD)
    assert visible(desk) == before
    chance = random.Random(6)
    seen: set[str] = set()
    for _ in range(KILLS):
        command = [sys.executable, "-c", LOOP, str(desk.root), str(desk.state), OLD, NEW]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"moving\n"
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(chance.uniform(0, 0.3))
            process.kill()
        recovery = again(desk).recover()
        seen.add(recovery.outcome if recovery else "none")
        assert visible(desk) in (before, after)
        if visible(desk) == after:
            again(desk).move(NEW, OLD)
    assert seen & {"undone", "finished"}


# What others do before a recovery

INTENT = Intent(
    OLD,
    NEW,
    BEFORE[OLD].encode(),
    AFTER[NEW].encode(),
    tuple(
        Step(name, BEFORE[name].encode(), AFTER[name].encode()) for name in ("guide/x.md", "y.md")
    ),
)
LINKS_BEFORE = {name: BEFORE[name] for name in ("guide/x.md", "y.md")}
LINKS_AFTER = {name: AFTER[name] for name in ("guide/x.md", "y.md")}


@pytest.mark.parametrize(
    ("stage", "found", "becomes", "outcome"),
    [
        pytest.param(
            "undo",
            {OLD: BEFORE[OLD], NEW: "somebody else's", **LINKS_BEFORE},
            {OLD: BEFORE[OLD], NEW: "somebody else's", **LINKS_BEFORE},
            "undone",
            id="a document of the new name is left",
        ),
        pytest.param(
            "undo",
            {OLD: "edited [x](x.md)", NEW: AFTER[NEW], **LINKS_BEFORE},
            {OLD: "edited [x](x.md)", **LINKS_BEFORE},
            "undone",
            id="an edit under the old name stays there",
        ),
        pytest.param(
            "undo",
            {NEW: AFTER[NEW], **LINKS_BEFORE},
            {NEW: AFTER[NEW], **LINKS_AFTER},
            "finished",
            id="who deletes the old one wants the new one",
        ),
        pytest.param(
            "undo",
            {
                OLD: BEFORE[OLD],
                NEW: AFTER[NEW],
                "guide/x.md": "edited [b](../ref/c.md#x)",
                "y.md": AFTER["y.md"],
            },
            {OLD: BEFORE[OLD], "guide/x.md": "edited [b](b.md#x)", "y.md": BEFORE["y.md"]},
            "undone",
            id="links in an edited document lead back",
        ),
        pytest.param(
            "redo",
            {OLD: BEFORE[OLD], NEW: AFTER[NEW], **LINKS_BEFORE, "y.md": "edited [b](guide/b.md#x)"},
            {NEW: AFTER[NEW], **LINKS_AFTER, "y.md": "edited [b](ref/c.md#x)"},
            "finished",
            id="links in an edited document follow",
        ),
        pytest.param(
            "redo",
            {OLD: "edited [x](x.md)", NEW: AFTER[NEW], **LINKS_BEFORE},
            {NEW: "edited [x](../guide/x.md)", **LINKS_AFTER},
            "finished",
            id="an edit under the old name moves",
        ),
        pytest.param(
            "redo",
            {OLD: BEFORE[OLD], NEW: "edited", **LINKS_BEFORE},
            {NEW: "edited", **LINKS_AFTER},
            "finished",
            id="an edit under the new name stays",
        ),
        pytest.param(
            "redo",
            {OLD: "edited", NEW: "edited too", **LINKS_BEFORE},
            {OLD: "edited", NEW: "edited too", **LINKS_AFTER},
            "finished",
            id="of two edits both are left",
        ),
        pytest.param(
            "redo",
            {OLD: BEFORE[OLD], "guide/x.md": AFTER["guide/x.md"], "y.md": BEFORE["y.md"]},
            {OLD: BEFORE[OLD], **LINKS_BEFORE},
            "undone",
            id="who deletes the new one wants the old one",
        ),
        pytest.param(
            "redo",
            {**LINKS_BEFORE},
            {**LINKS_BEFORE},
            "finished",
            id="who deletes both wants none",
        ),
        pytest.param(
            "redo",
            {OLD: BEFORE[OLD], NEW: AFTER[NEW], "y.md": BEFORE["y.md"]},
            {NEW: AFTER[NEW], "y.md": AFTER["y.md"]},
            "finished",
            id="a document that is gone stays so",
        ),
        pytest.param(
            "last",
            {OLD: "a new document", NEW: AFTER[NEW], **LINKS_AFTER},
            {OLD: "a new document", NEW: AFTER[NEW], **LINKS_AFTER},
            "finished",
            id="a new document of the old name is left",
        ),
        pytest.param(
            "last",
            {OLD: BEFORE[OLD], NEW: AFTER[NEW], **LINKS_AFTER},
            {NEW: AFTER[NEW], **LINKS_AFTER},
            "finished",
            id="the old name goes",
        ),
    ],
)
def test_what_was_written_before_a_recovery_is_not_lost(
    tmp_path: Path, stage: Stage, found: dict[str, str], becomes: dict[str, str], outcome: str
) -> None:
    desk = Desk(tmp_path)
    desk.fill({**found, "other.md": ""})
    begun(desk, stage)

    recovery = desk.mover.recover()

    assert desk.texts() == {**becomes, "other.md": ""}
    assert recovery is not None
    assert recovery.outcome == outcome
    assert desk.journal.stage() is None
    # Every text that is not there any more is in the history, unless it was the move's own.
    kept = {before.decode() for _, before, _, _ in desk.kept.changes if before is not None}
    own = {*BEFORE.values(), *AFTER.values(), ""}
    assert set(found.values()) - set(becomes.values()) - own <= kept
    if {OLD, NEW} <= set(becomes) or not {OLD, NEW} & set(becomes):
        assert recovery.remarks


def begun(desk: Desk, stage: Stage) -> None:
    with desk.journal.held(0.0):
        desk.journal.begin(INTENT)
        desk.journal.turn(stage)


def audited(desk: Desk) -> set[tuple[str, ...]]:
    """Without the time and the user."""
    log = desk.state / "audit/writes.jsonl"
    lines = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    parts = ("tool", "status", "name", "before", "after")
    return {tuple(line[part] for part in parts) for line in lines}


@pytest.mark.parametrize("by_a_move", [False, True])
def test_what_a_recovery_finishes_is_in_the_audit_log(desk: Desk, by_a_move: bool) -> None:
    edited = "edited [b](guide/b.md#x)"
    desk.fill({NEW: AFTER[NEW], "guide/x.md": AFTER["guide/x.md"], "y.md": edited})
    begun(desk, "redo")
    shelf = Shelf(FolderSpec(str(desk.root)), desk.state.parent / "cache", desk.options)
    if by_a_move:
        move(desk.state, desk.options, shelf, ("z.md", "q.md"), "", False, Author())
    else:
        recover(desk.state, desk.options, shelf)
    lines = {line for line in audited(desk) if line[0] == "recovery"}
    versions = [
        ("moved", OLD, BEFORE[OLD], AFTER[NEW]),
        ("updated", "guide/x.md", BEFORE["guide/x.md"], AFTER["guide/x.md"]),
        ("updated", "y.md", edited, desk.texts()["y.md"]),
    ]
    assert lines == {
        ("recovery", status, name, version_of(before.encode()), version_of(after.encode()))
        for status, name, before, after in versions
    }
    assert desk.texts()["y.md"] == "edited [b](ref/c.md#x)"


def test_what_a_recovery_undoes_is_in_the_audit_log(desk: Desk) -> None:
    desk.fill({NEW: AFTER[NEW], "y.md": AFTER["y.md"]})
    begun(desk, "undo")
    shelf = Shelf(FolderSpec(str(desk.root)), desk.state.parent / "cache", desk.options)
    recover(desk.state, desk.options, shelf)
    new = version_of(AFTER[NEW].encode())
    after, before = (version_of(texts["y.md"].encode()) for texts in (AFTER, BEFORE))
    assert desk.texts() == BEFORE
    assert audited(desk) == {
        ("recovery", "deleted", NEW, new, ""),
        ("recovery", "updated", "y.md", after, before),
    }


def test_a_recovery_is_not_logged_where_writes_are_not(desk: Desk) -> None:
    begun(desk, "redo")
    options = replace(desk.options, audit=False)
    shelf = Shelf(FolderSpec(str(desk.root)), desk.state.parent / "cache", options)
    assert recover(desk.state, options, shelf) is not None
    assert not (desk.state / "audit").exists()


def test_the_next_move_finishes_the_one_before(desk: Desk) -> None:
    desk.fill({NEW: AFTER[NEW]})
    begun(desk, "redo")
    desk.mover.move(NEW, "d.md")
    assert desk.texts() == {
        "d.md": "# B\n[x](guide/x.md) [self](d.md)\n",
        "guide/x.md": "[b](../d.md)\r\n",
        "y.md": "[b](d.md)\n",
        "z.md": "no links\n",
    }


def test_a_document_that_is_none_any_more_does_not_hold_up_the_others(desk: Desk) -> None:
    desk.fill({NEW: AFTER[NEW]})
    (desk.root / "y.md").unlink()
    (desk.root / "y.md").mkdir()
    begun(desk, "redo")
    recovery = desk.mover.recover()
    assert recovery is not None
    assert [remark.name for remark in recovery.remarks] == ["y.md"]
    assert desk.texts() == {
        NEW: AFTER[NEW],
        "guide/x.md": AFTER["guide/x.md"],
        "z.md": "no links\n",
    }


def test_a_move_whose_names_mean_something_else_by_now_is_given_up(desk: Desk) -> None:
    (desk.root / NEW).mkdir(parents=True)
    begun(desk, "redo")
    recovery = desk.mover.recover()
    assert recovery is not None
    assert recovery.outcome == "given up"
    assert visible(desk) == BEFORE
    assert desk.journal.stage() is None


def test_a_folder_that_is_empty_is_not_taken_for_one_whose_documents_are_deleted(
    tmp_path: Path,
) -> None:
    desk = Desk(tmp_path)
    begun(desk, "redo")
    with pytest.raises(FolderUnavailable):
        desk.mover.recover()
    desk.fill({**BEFORE, NEW: AFTER[NEW]})
    assert desk.mover.recover() is not None
    assert desk.texts() == AFTER


def test_a_move_that_is_alive_is_not_recovered(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moving, "LOCK_SECONDS", 0.0)
    begun(desk, "redo")
    with desk.journal.held(0.0):
        assert again(desk).recover() is None
        with pytest.raises(TimedOut, match="nothing was moved"):
            again(desk).move("z.md", "q.md")
    assert visible(desk) == BEFORE


def test_a_journal_that_cannot_be_read_is_set_aside(desk: Desk) -> None:
    begun(desk, "redo")
    (path,) = desk.state.rglob("redo")
    path.write_bytes(path.read_bytes()[:-5])
    assert desk.mover.recover() is None
    assert desk.mover.move("z.md", "q.md").status == "moved"
    assert path.with_name("damaged").exists()


def test_the_journal_holds_what_was_put_into_it(desk: Desk) -> None:
    intent = Intent("a", "é", b"\xff\0", b"", (Step("x", b"\r\n", b"\xfe" * 1000),))
    with desk.journal.held(0.0):
        desk.journal.begin(intent)
    assert (desk.journal.stage(), desk.journal.intent("undo")) == ("undo", intent)


@pytest.mark.skipif(os.name == "nt", reason="modes are those of POSIX")
def test_the_journal_is_private_to_the_user(desk: Desk) -> None:
    begun(desk, "undo")
    for path in (desk.state, *desk.state.rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path


def test_a_state_folder_that_cannot_be_used_stops_the_move(desk: Desk) -> None:
    desk.state.write_bytes(b"a file")
    with pytest.raises(WriteFailed, match="state_dir"):
        desk.mover.move(OLD, NEW)
    assert visible(desk) == BEFORE
