"""The indexer follows its folder by itself, and serves requests all the while."""

import errno
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from docindex.indexer import comparing, intake, stamps, standing, works
from docindex.indexer.compare import FEW_FILES
from docindex.indexer.errors import IndexUnavailable
from docindex.indexer.files import version_of
from docindex.indexer.keeper import Keeper
from docindex.indexer.letterbox import Request
from docindex.indexer.locks import Lease
from docindex.indexer.markdown import parse
from docindex.indexer.models import Document, Options
from docindex.indexer.patience import Patience
from docindex.indexer.status import IndexerStatus, write_status
from docindex.indexer.store import Store
from docindex.indexer.watch import Watcher
from tests.documents import slow
from tests.kept import Kept, kept_folder
from tests.waiting import until


def long_text(number: int) -> str:
    """4 kB: 300 of them are more than is indexed in one go."""
    return f"# Page {number}\n\n" + " ".join(f"w{number * n % 997}" for n in range(900)) + "\n"


def begin_long_run(kept: Kept, options: Options | None = None) -> None:
    """A first build that is still under way when this returns."""
    fill(kept)
    at_work = Keeper(kept.root, kept.home, options or Options())
    kept.thread = threading.Thread(target=at_work.run, args=(kept.stop, False))
    kept.thread.start()
    until(lambda: kept.status().total > 0)


def fill(kept: Kept) -> None:
    for number in range(300):
        kept.write(f"many/{number}.md", long_text(number))
    # So that the run is under way for a while.
    (kept.root / "many/slow.md").write_bytes(slow(100_000))


def see_nothing(watcher: Watcher) -> None:
    """What a watcher does that is deaf."""


def nfs(path: Path) -> str:
    return "nfs4"


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    with kept_folder(tmp_path) as kept:
        yield kept


def test_what_is_there_is_indexed_first(kept: Kept) -> None:
    kept.start()
    assert kept.names() == {"first.md", "second.md"}
    assert kept.status().documents == 2


def test_a_new_file_is_noticed(kept: Kept) -> None:
    kept.start()
    kept.write("third.md")
    until(lambda: "third.md" in kept.names())


def test_a_save_by_rename_is_one_changed_document(kept: Kept) -> None:
    kept.start()
    before = kept.version("first.md")
    kept.write(".first.md.swp", "# Renamed over\n").replace(kept.root / "first.md")
    until(lambda: kept.version("first.md") != before)
    assert kept.names() == {"first.md", "second.md"}


def test_a_deleted_file_is_noticed(kept: Kept) -> None:
    kept.start()
    (kept.root / "first.md").unlink()
    until(lambda: kept.names() == {"second.md"})


def test_a_folder_that_is_moved_in_is_indexed_with_all_that_is_in_it(
    kept: Kept, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    for number in range(5):
        path = outside / "deep" / f"{number}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("# Moved\n", encoding="utf-8")
    kept.start()
    outside.rename(kept.root / "inside")
    until(lambda: len(kept.names()) == 7)
    (kept.root / "inside").rename(outside)
    until(lambda: len(kept.names()) == 2)


def test_a_new_ignore_file_takes_documents_out_of_the_index(kept: Kept) -> None:
    kept.start()
    kept.write(".gitignore", "second.md\n")
    until(lambda: kept.names() == {"first.md"})
    until(lambda: kept.status().ignored == 1)
    (kept.root / ".gitignore").unlink()
    until(lambda: kept.names() == {"first.md", "second.md"})


def test_hundreds_of_files_at_once_all_arrive(kept: Kept) -> None:
    kept.start()
    for number in range(600):
        kept.write(f"many/{number % 7}/{number}.md", f"# Page {number}\n\nword{number}\n")
    until(lambda: len(kept.names()) == 602, seconds=60)
    until(lambda: (kept.status().state, kept.status().documents) == ("ready", 602))


def test_a_request_is_answered_with_the_generation_that_has_it(kept: Kept) -> None:
    kept.start()
    kept.write("own.md")
    reply = kept.ask(Request("index", ("own.md",)))
    assert reply.ok
    assert kept.snapshots.newest().generation >= reply.generation
    assert "own.md" in kept.names()


def test_a_write_that_cannot_be_committed_is_answered_and_indexed_later(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.start(Options(debounce_ms=10_000))
    kept.write("own.md")

    def fail(store: Store) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as full:
        full.setattr(Store, "_write_contents", fail)
        reply = kept.ask(Request("index", ("own.md",)))
    assert (reply.ok, reply.error) == (False, os.strerror(errno.ENOSPC))
    until(lambda: kept.status().state == "ready" and "own.md" in kept.names())


def test_an_own_write_is_served_while_a_long_run_is_under_way(kept: Kept) -> None:
    begin_long_run(kept)
    kept.write("own.md")
    assert kept.ask(Request("index", ("own.md",))).ok
    assert kept.status().state == "building"
    assert "own.md" in kept.names()
    until(lambda: kept.status().state == "ready", seconds=60)
    assert len(kept.names()) == 304


def test_a_file_that_changes_while_its_job_is_under_way_keeps_the_newer_text(kept: Kept) -> None:
    begin_long_run(kept)
    kept.write("many/299.md", "# Newer\n\nnewest\n")
    kept.ask(Request("index", ("many/299.md",)))
    newer = kept.version("many/299.md")
    until(lambda: kept.status().state == "ready", seconds=60)
    assert kept.version("many/299.md") == newer


def test_a_full_reindex_can_be_cancelled(kept: Kept) -> None:
    fill(kept)
    kept.start()
    asked = kept.letterbox.post(Request("reindex", full=True))
    until(lambda: kept.status().total > 0)
    kept.ask(Request("cancel", (asked,)))
    reply = kept.letterbox.wait(asked, 20.0, lambda: False)
    assert reply is not None
    assert (reply.ok, reply.error) == (False, "cancelled")
    until(lambda: kept.status().state == "ready", seconds=60)
    assert len(kept.names()) == 303


def test_a_folder_that_went_away_is_degraded_and_comes_back(kept: Kept) -> None:
    kept.start()
    aside = kept.root.with_name("aside")
    kept.root.rename(aside)
    until(lambda: kept.status().state == "degraded")
    assert kept.names() == {"first.md", "second.md"}
    aside.rename(kept.root)
    kept.write("third.md")
    until(lambda: "third.md" in kept.names())
    until(lambda: kept.status().state == "ready")


def test_a_keeper_ends_when_another_folder_takes_the_place_of_its_own(kept: Kept) -> None:
    kept.start()
    kept.root.rename(kept.root.with_name("aside"))
    kept.root.mkdir()
    assert kept.thread is not None
    kept.thread.join(timeout=20)
    assert not kept.thread.is_alive()


def test_one_that_is_attached_ends_after_the_last_lease(kept: Kept) -> None:
    lease = Lease(kept.home.leases)
    kept.start(Options(linger_seconds=0.0), attached=True)
    assert kept.thread is not None
    lease.release()
    kept.thread.join(timeout=20)
    assert not kept.thread.is_alive()


def test_a_keeper_goes_on_where_another_was_stopped(kept: Kept) -> None:
    kept.start()
    kept.end()
    kept.write("third.md")
    (kept.root / "first.md").unlink()
    generation = kept.snapshots.newest().generation
    kept.start()
    assert kept.names() == {"second.md", "third.md"}
    assert kept.snapshots.newest().generation == generation + 1


def test_many_small_segments_are_merged_in_a_quiet_moment(kept: Kept) -> None:
    kept.start()
    for number in range(20):
        kept.write(f"{number}.md")
        kept.ask(Request("index", (f"{number}.md",)))
    until(lambda: len(kept.snapshots.newest().leaves) < 10)
    assert len(kept.names()) == 22


def test_a_damaged_index_is_rebuilt_from_the_folder(kept: Kept) -> None:
    kept.start()
    kept.end()
    for path in kept.home.index.glob("*.seg"):
        path.write_bytes(path.read_bytes()[:100])
    kept.start()
    assert kept.names() == {"first.md", "second.md"}


def test_an_index_that_was_deleted_is_rebuilt(kept: Kept) -> None:
    kept.start()
    kept.end()
    shutil.rmtree(kept.home.index)
    kept.start()
    assert kept.names() == {"first.md", "second.md"}


def test_a_folder_that_goes_away_during_a_run_loses_nothing(kept: Kept) -> None:
    fill(kept)
    kept.start()
    asked = kept.letterbox.post(Request("reindex", full=True))
    until(lambda: kept.status().total > 0)
    aside = kept.root.with_name("aside")
    kept.root.rename(aside)
    reply = kept.letterbox.wait(asked, 20.0, lambda: False)
    assert reply is not None
    until(lambda: kept.status().state == "degraded" or reply.ok)
    assert len(kept.names()) == 303
    aside.rename(kept.root)
    until(lambda: kept.status().state == "ready", seconds=60)
    assert kept.status().skipped == {}
    assert len(kept.names()) == 303


def test_a_file_that_the_parser_fails_on_does_not_stop_the_others(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail_on_first(data: bytes, name: str, *, plain: bool) -> Document:
        if name == "first.md":
            raise RecursionError
        return parse(data, name)

    monkeypatch.setattr(intake, "parse", fail_on_first)
    kept.start()
    assert kept.names() == {"second.md"}
    assert list(kept.status().skipped) == ["first.md"]


def test_a_reindex_that_is_asked_for_during_a_run_sees_what_came_before_it(kept: Kept) -> None:
    fill(kept)
    kept.start(Options(debounce_ms=10_000))
    first = kept.letterbox.post(Request("reindex", full=True))
    until(lambda: kept.status().total > 0)
    kept.write("late.md")
    assert kept.ask(Request("reindex")).ok
    assert "late.md" in kept.names()
    assert kept.letterbox.reply(first) is not None


def test_what_came_during_a_cancelled_reindex_is_indexed_all_the_same(kept: Kept) -> None:
    fill(kept)
    kept.start(Options(debounce_ms=10_000))
    for number in range(300, 320):
        kept.write(f"many/{number}.md", long_text(number))
    asked = kept.letterbox.post(Request("reindex", full=True))
    until(lambda: kept.status().total > 0)
    kept.ask(Request("cancel", (asked,)))
    until(lambda: kept.status().state == "ready", seconds=60)
    assert len(kept.names()) == 323


@pytest.mark.parametrize("harm", ["delete", "truncate"])
def test_an_index_that_is_harmed_under_a_living_keeper_is_mended(kept: Kept, harm: str) -> None:
    kept.start()
    for path in kept.home.index.iterdir():
        if harm == "delete":
            path.unlink()
        else:
            path.write_bytes(b"")

    def found() -> set[str]:
        try:
            return kept.names()
        except IndexUnavailable:
            return set()

    until(lambda: found() == {"first.md", "second.md"} and kept.status().documents == 2)


@pytest.mark.parametrize("file", ["*.seg", "*.sum", "*.toc"])
@pytest.mark.parametrize("meanwhile", ["rest", "commit"])
def test_one_file_of_an_index_that_is_harmed_is_noticed_whatever_is_committed_meanwhile(
    kept: Kept, file: str, meanwhile: str
) -> None:
    kept.start()
    path = max(kept.home.index.glob(file), key=lambda path: path.stat().st_mtime_ns)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    if meanwhile == "commit":
        kept.write("third.md")
        assert kept.ask(Request("index", ("third.md",))).ok
    set_aside = kept.home.index.with_name(f"{kept.home.index.name}.damaged")
    # A table of contents that is harmed is of the past after a commit.
    expected = not (file == "*.toc" and meanwhile == "commit")
    until(lambda: set_aside.exists() or not expected)

    def found() -> set[str]:
        try:
            return kept.names()
        except IndexUnavailable:
            return set()

    names = {"first.md", "second.md", *(["third.md"] if meanwhile == "commit" else [])}
    until(lambda: found() == names and kept.status().documents == len(names))


HURRIED = Patience(file=1.0, megabyte=0.0)


def test_a_document_that_takes_too_long_is_read_as_text_and_the_others_are_found(
    kept: Kept,
) -> None:
    for number in range(60):
        kept.write(f"many/{number}.md", f"# Page {number}\n\n## Part\n\nword{number}\n")
    path = kept.root / "many" / "endless.md"
    path.write_bytes(slow(500_000))
    kept.start(patience=HURRIED)
    assert len(kept.names()) == 63
    assert list(kept.status().remarks) == ["many/endless.md"]
    assert kept.status().remarks["many/endless.md"] == intake.READ_PLAINLY
    sections = {h.record.name: h.record.sections for _, h in kept.snapshots.newest().heads()}
    assert sections["many/endless.md"] == 1
    assert sections["many/7.md"] == 2
    assert kept.status().skipped == {}


def test_a_document_that_took_too_long_is_not_tried_again_before_it_changes(kept: Kept) -> None:
    path = kept.root / "endless.md"
    path.write_bytes(slow(500_000))
    os.utime(path, (1e9, 1e9))
    kept.start(patience=HURRIED)
    generation = kept.snapshots.newest().generation
    assert kept.ask(Request("reindex")).indexed == 0
    assert kept.snapshots.newest().generation == generation
    path.write_text("# Short\n\n## Now\n", encoding="utf-8")
    kept.ask(Request("index", ("endless.md",)))
    until(lambda: kept.status().remarks == {})


def test_an_own_write_is_served_while_a_document_takes_too_long(kept: Kept) -> None:
    (kept.root / "endless.md").write_bytes(slow(900_000))
    at_work = Keeper(kept.root, kept.home, Options())
    kept.thread = threading.Thread(target=at_work.run, args=(kept.stop, False))
    kept.thread.start()
    until(lambda: "first.md" in kept.names())
    kept.write("own.md")
    assert kept.ask(Request("index", ("own.md",))).ok
    assert "own.md" in kept.names()
    assert "endless.md" not in kept.names()


def test_an_own_write_of_a_long_document_is_answered_when_it_is_found(kept: Kept) -> None:
    kept.start()
    kept.write("long.md", "# Long\n\n" + "many words\n" * 20_000)
    kept.write("short.md")
    assert kept.ask(Request("index", ("long.md", "short.md"))).ok
    assert {"long.md", "short.md"} <= kept.names()
    until(lambda: kept.status().state == "ready")


def test_an_own_write_of_a_long_document_does_not_wait_for_a_run(kept: Kept) -> None:
    begin_long_run(kept)
    kept.write("long.md", "# Long\n\n" + "many words\n" * 20_000)
    reply = kept.ask(Request("index", ("long.md",)))
    assert (reply.ok, reply.indexed) == (True, 1)
    assert "long.md" in kept.names()
    until(lambda: kept.status().state == "ready", seconds=60)
    assert len(kept.names()) == 304


def test_a_worker_that_is_killed_costs_nothing(kept: Kept) -> None:
    begin_long_run(kept)
    me = psutil.Process()
    until(lambda: bool(me.children()) or kept.status().state == "ready")
    for child in me.children():
        child.kill()
    until(lambda: kept.status().state == "ready", seconds=60)
    assert len(kept.names()) == 303
    assert (kept.status().skipped, kept.status().remarks) == ({}, {})


def test_after_a_long_run_there_are_few_segments(kept: Kept) -> None:
    fill(kept)
    kept.start()
    until(lambda: len(kept.snapshots.newest().leaves) <= 3)
    assert len(kept.names()) == 303


def test_a_full_reindex_leaves_nothing_of_the_old_index(kept: Kept) -> None:
    fill(kept)
    kept.start()
    before = {leaf.reader.segment_id for leaf in kept.snapshots.newest().leaves}
    assert kept.ask(Request("reindex", full=True)).indexed == 303
    leaves = kept.snapshots.newest().leaves
    assert not before & {leaf.reader.segment_id for leaf in leaves}
    assert [leaf.deleted for leaf in leaves] == [0] * len(leaves)


def test_what_is_deleted_does_not_take_part_for_long(kept: Kept) -> None:
    for number in range(10):
        kept.write(f"{number}.md")
    kept.start()
    for number in range(4):
        (kept.root / f"{number}.md").unlink()
    kept.ask(Request("reindex"))
    until(lambda: all(leaf.deleted == 0 for leaf in kept.snapshots.newest().leaves))
    assert len(kept.names()) == 8


def test_files_that_were_only_touched_are_read_once_and_not_at_every_start(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.start()
    for name in kept.names():
        os.utime(kept.root / name, (1e9, 1e9))
    # The change of the inode is long ago when the stamp is taken.
    monkeypatch.setattr(stamps, "UNSETTLED_NS", 0)
    assert kept.ask(Request("reindex")).ok
    kept.end()
    read: list[str] = []

    def note(data: bytes) -> str:
        read.append("")
        return version_of(data)

    monkeypatch.setattr(intake, "version_of", note)
    kept.start()
    assert read == []
    kept.write("first.md", "# Now it is another\n")
    until(lambda: read == [""])


def test_reading_again_what_was_too_fresh_to_prove_anything_is_no_change(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stamps, "UNSETTLED_NS", 3_600 * 1_000_000_000)
    # In this process, since workers have another idea of what is settled.
    monkeypatch.setattr(works, "FIRST_COMMIT_SECONDS", 3_600.0)
    monkeypatch.setattr(Watcher, "start", see_nothing)
    paths = [kept.write(f"many/{number}.md") for number in range(2 * FEW_FILES)]
    kept.start()
    told: list[tuple[str, int]] = []

    def note(path: Path, status: IndexerStatus) -> None:
        told.append((status.state, status.pending))
        write_status(path, status)

    monkeypatch.setattr(standing, "write_status", note)
    before = paths[7].stat()
    kept.write("many/7.md", "# Text\n\nw0rds\n")
    os.utime(paths[7], ns=(before.st_atime_ns, before.st_mtime_ns))
    was = kept.version("many/7.md")
    assert kept.ask(Request("reindex")).indexed == 1
    assert kept.version("many/7.md") != was
    assert set(told) == {("ready", 0)}
    told.clear()
    kept.write("many/8.md", "# Text\n\nlonger words\n")
    assert kept.ask(Request("reindex")).indexed == 1
    assert ("updating", len(paths) + 2) in told


def test_where_no_changes_are_told_the_folder_is_compared_again_and_again(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a network drive, where another machine has made them."""
    monkeypatch.setattr(comparing, "kind_of", nfs)
    monkeypatch.setattr(comparing, "RETRY_SECONDS", 0.1)
    monkeypatch.setattr(Watcher, "start", see_nothing)
    kept.start()
    kept.write("third.md")
    until(lambda: "third.md" in kept.names())
    (kept.root / "third.md").unlink()
    until(lambda: kept.names() == {"first.md", "second.md"})
    assert kept.status().state == "ready"


def test_what_is_removed_while_a_worker_has_it_does_not_come_back(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is in no index yet, so its removal changes none: but what has been read of it must
    not be committed."""
    monkeypatch.setattr(works, "FIRST_COMMIT_SECONDS", 0.0)
    monkeypatch.setattr(Watcher, "start", see_nothing)
    kept.start()
    short = [kept.write(f"many/{number}.md", long_text(number)) for number in range(38)]
    for number in range(3):
        (kept.root / f"many/slow{number}.md").write_bytes(slow(130_000))
    asked = kept.letterbox.post(Request("reindex"))
    until(lambda: kept.status().done >= 20)
    for path in short:
        path.unlink()
    gone = tuple(path.relative_to(kept.root).as_posix() for path in short)
    assert kept.ask(Request("index", gone)).ok
    assert kept.letterbox.wait(asked, 20.0, lambda: False) is not None
    assert kept.names() <= {"first.md", "second.md", *(f"many/slow{n}.md" for n in range(3))}
