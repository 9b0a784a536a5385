"""A snapshot is one generation whole, however the index changes meanwhile."""

import os
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docindex.indexer import snapshot, stamps
from docindex.indexer.errors import IndexUnavailable
from docindex.indexer.merge import merge
from docindex.indexer.models import Document, Record, Section, Stamp
from docindex.indexer.segments import Builder, Built
from docindex.indexer.snapshot import Leaf, Snapshot, Snapshots
from docindex.indexer.store import Store
from tests.waiting import until


def built(folder: Path, *names: str, version: str = "v1", sections: int = 2) -> Built:
    """A segment with these files; one without sections was skipped."""
    builder = Builder(folder)
    parts = tuple(
        Section(f"Part {n}", 1, (f"Part {n}",), f"part-{n}", n, n, version)
        for n in range(1, sections + 1)
    )
    for name in names:
        record = Record(name, version, Stamp(1, 1, 1, 1), name, (), sections)
        builder.add(record, Document(name, name, (), (), {}, parts, 1) if parts else None)
    return builder.finish()


def versions(snapshot: Snapshot) -> dict[str, str]:
    return {head.record.name: head.record.version for _, head in snapshot.heads()}


def leaf_of(snapshot: Snapshot, built: Built) -> Leaf:
    return next(
        leaf for leaf in snapshot.leaves if leaf.reader.segment_id == built.segment.segment_id()
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "index"


def test_no_index_yet_is_an_empty_one(folder: Path) -> None:
    folder.mkdir()
    assert Snapshots(folder).newest().leaves == ()


def test_a_leaf_tells_what_is_deleted_of_its_segment(folder: Path) -> None:
    store, snapshots = Store(folder), Snapshots(folder)
    first = built(folder, "a.md", "b.md", "c.md")
    store.commit(first)
    leaf = leaf_of(snapshots.newest(), first)
    assert (leaf.reader.size, leaf.deleted, leaf.alive) == (6, 0, None)
    store.commit(None, removed=["b.md"])
    leaf = leaf_of(snapshots.newest(), first)
    assert leaf.deleted == 2
    assert leaf.alive is not None
    assert leaf.alive.tolist() == [True, True, False, False, True, True]
    assert [leaf.is_alive(number) for number in range(6)] == leaf.alive.tolist()


def test_the_live_files_of_all_segments_are_listed_skipped_ones_too(folder: Path) -> None:
    store, snapshots = Store(folder), Snapshots(folder)
    store.commit(built(folder, "a.md", "b.md", "c.md"))
    store.commit(built(folder, "skipped.md", sections=0))
    store.commit(built(folder, "b.md", version="v2"))
    snapshot = snapshots.newest()
    assert versions(snapshot) == {"a.md": "v1", "b.md": "v2", "c.md": "v1", "skipped.md": "v1"}
    places = [(head.record.name, head.docnum, head.last) for _, head in snapshot.heads()]
    assert places == [("a.md", 0, 1), ("c.md", 4, 5), ("skipped.md", 0, 0), ("b.md", 0, 1)]
    assert all(leaf.is_alive(head.docnum) for leaf, head in snapshot.heads())


def test_a_commit_to_an_index_that_has_long_been_at_rest_is_seen(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stamps, "UNSETTLED_NS", 0)  # at rest, and be it for a moment
    store, snapshots = Store(folder), Snapshots(folder)
    store.commit(built(folder, "a.md"))
    for version in ("v2", "v3"):
        assert snapshots.newest() is snapshots.newest()
        await_tick(tmp_path / "clock", folder)
        store.commit(built(folder, "a.md", version=version))
        assert versions(snapshots.newest()) == {"a.md": version}
    shutil.rmtree(folder)
    assert versions(snapshots.newest()) == {"a.md": "v3"}


def await_tick(clock: Path, folder: Path) -> None:
    """Until what happens in the folder gets another time than what has happened there."""

    def ticked() -> bool:
        clock.touch()
        return clock.stat().st_mtime_ns > folder.stat().st_ctime_ns

    until(ticked)


def test_a_commit_within_a_tick_of_the_clock_of_the_one_before_is_seen(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time_ns()

    def within_one_tick(_: os.stat_result) -> Stamp:
        return Stamp(1, now, now, 1)

    monkeypatch.setattr(snapshot, "stamp_of", within_one_tick)
    store, snapshots = Store(folder), Snapshots(folder)
    for version in ("v1", "v2", "v3"):
        store.commit(built(folder, "a.md", version=version))
        assert versions(snapshots.newest()) == {"a.md": version}


def test_newer_deletions_do_not_open_a_segment_again(folder: Path) -> None:
    store, snapshots = Store(folder), Snapshots(folder)
    first = built(folder, "a.md", "b.md")
    store.commit(first)
    old = snapshots.newest()
    heads = leaf_of(old, first).heads
    store.commit(built(folder, "b.md", version="v2"))
    new = snapshots.newest()
    assert leaf_of(new, first).reader is leaf_of(old, first).reader
    assert leaf_of(new, first).heads is heads
    assert leaf_of(old, first).deleted == 0
    assert (versions(old)["b.md"], versions(new)["b.md"]) == ("v1", "v2")


@given(
    st.lists(
        st.tuples(
            st.sets(st.sampled_from("abcdef"), max_size=4), st.sets(st.sampled_from("abcdef"))
        )
        | st.just(None),
        max_size=8,
    )
)
def test_what_went_and_what_came_make_one_snapshot_of_another(
    tmp_path_factory: pytest.TempPathFactory,
    commits: list[tuple[set[str], set[str]] | None],
) -> None:
    """None: all segments are merged into one."""
    folder = tmp_path_factory.mktemp("index")
    store, snapshots = Store(folder), Snapshots(folder)
    before: Snapshot | None = None
    known: dict[str, str] = {}
    for number, commit in enumerate(commits):
        if commit is None:
            sources = [weight.segment_id for weight in store.weights()]
            store.commit_merge(merge(folder, store.segments(sources)), sources)
        else:
            names, removed = commit
            new = built(folder, *sorted(names), version=f"v{number}") if names else None
            store.commit(new, removed=sorted(removed - names))
        newest = snapshots.newest()
        gone, come = newest.since(before)
        for head in gone:
            del known[head.record.name]
        known |= {head.record.name: head.record.version for head in come}
        assert known == versions(newest)
        before = newest


def test_a_snapshot_stays_what_it_was_when_its_files_are_gone(folder: Path) -> None:
    store, snapshots = Store(folder), Snapshots(folder)
    store.commit(built(folder, "a.md"))
    old = snapshots.newest()
    store.commit(built(folder, "a.md", version="v2"))
    store.sweep(now=float("inf"))
    assert versions(old) == {"a.md": "v1"}
    assert versions(snapshots.newest()) == {"a.md": "v2"}
    assert snapshots.newest() is snapshots.newest()


@pytest.mark.parametrize("harm", ["flip", "halve", "no checksum"])
def test_a_damaged_segment_leaves_the_snapshot_before_until_it_is_mended(
    folder: Path, harm: str
) -> None:
    store, snapshots = Store(folder), Snapshots(folder)
    store.commit(built(folder, "a.md"))
    old = snapshots.newest()
    new = built(folder, "a.md", version="v2")
    store.commit(new)
    path = folder / f"{new.segment.segment_id()}.seg"
    whole, checksum = path.read_bytes(), path.with_suffix(".sum").read_bytes()
    if harm == "no checksum":
        path.with_suffix(".sum").unlink()
    else:
        path.write_bytes(whole[:99] if harm == "halve" else bytes([whole[0] ^ 1]) + whole[1:])
    assert snapshots.newest() is old
    with pytest.raises(IndexUnavailable):
        Snapshots(folder).newest()
    path.write_bytes(whole)
    path.with_suffix(".sum").write_bytes(checksum)
    assert versions(snapshots.newest()) == {"a.md": "v2"}


def test_a_segment_that_never_comes_makes_the_index_unavailable(folder: Path) -> None:
    store = Store(folder)
    only = built(folder, "a.md")
    store.commit(only)
    (folder / f"{only.segment.segment_id()}.seg").unlink()
    with pytest.raises(IndexUnavailable):
        Snapshots(folder).newest()


def test_a_damaged_table_of_contents_leaves_the_snapshot_before(folder: Path) -> None:
    store, snapshots = Store(folder), Snapshots(folder)
    store.commit(built(folder, "a.md"))
    old = snapshots.newest()
    store.commit(built(folder, "b.md"))
    max(folder.glob("*.toc"), key=lambda path: path.stat().st_mtime_ns).write_bytes(b"no table")
    assert snapshots.newest() is old


def test_an_index_that_was_wiped_and_counts_from_one_again_is_noticed(folder: Path) -> None:
    snapshots = Snapshots(folder)
    Store(folder).commit(built(folder, "a.md"))
    assert versions(snapshots.newest()) == {"a.md": "v1"}
    shutil.rmtree(folder)
    Store(folder).commit(built(folder, "b.md"))
    assert versions(snapshots.newest()) == {"b.md": "v1"}


def test_readers_see_one_version_whole_while_another_is_committed(folder: Path) -> None:
    names = [f"{number}.md" for number in range(20)]
    store, snapshots = Store(folder), Snapshots(folder)
    store.commit(built(folder, *names, version="v0"))

    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            found = versions(snapshots.newest())
            assert list(found) == names
            assert len(set(found.values())) == 1

    with ThreadPoolExecutor(4) as pool:
        looking = [pool.submit(look) for _ in range(4)]
        try:
            for number in range(1, 41):
                store.commit(built(folder, *names, version=f"v{number}"))
                store.sweep(now=float("inf"))
        finally:
            done.set()
    for looked in looking:
        looked.result()
    assert set(versions(snapshots.newest()).values()) == {"v40"}
