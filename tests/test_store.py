"""The store commits segments, the snapshots read them, damage is set aside."""

import errno
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from docindex.indexer.merge import merge
from docindex.indexer.models import Document, Record, Section, Stamp
from docindex.indexer.segments import Builder, Built
from docindex.indexer.snapshot import Snapshots
from docindex.indexer.store import Store


def stamp(number: int = 1, time: int = 1) -> Stamp:
    return Stamp(10, time, number, number)


def document(name: str, *texts: str) -> tuple[Document, Record]:
    sections = tuple(
        Section(f"Part {number}", 1, (f"Part {number}",), f"part-{number}", number, number, text)
        for number, text in enumerate(texts, start=1)
    )
    parsed = Document(name, name.upper(), (), (), {}, sections, len(sections))
    return parsed, Record(name, "v1", stamp(), name.upper(), sections=len(sections))


def built(folder: Path, *documents: tuple[Document, Record]) -> Built:
    builder = Builder(folder)
    for parsed, record in documents:
        builder.add(record, parsed)
    return builder.finish()


def found(snapshots: Snapshots, term: str) -> set[tuple[str, str]]:
    """Names and anchors of the live sections whose body has a term."""
    hits: set[tuple[str, str]] = set()
    for leaf in snapshots.newest().leaves:
        for number in map(int, leaf.reader.postings("body", term).ids):
            if leaf.is_alive(number):
                first = max(n for n in map(int, leaf.reader.head_numbers()) if n <= number)
                head = leaf.reader.head(first)
                _, anchor, _, _ = head.sections[number - first]
                hits.add((head.record.name, anchor))
    return hits


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "index"


def test_a_committed_document_is_found_by_its_sections(folder: Path) -> None:
    store = Store(folder)
    store.commit(built(folder, document("a.md", "apple", "pear"), document("b.md", "pear")))
    assert found(Snapshots(folder), "pear") == {("a.md", "part-2"), ("b.md", "part-1")}
    assert [path for path in folder.iterdir() if path.is_dir()] == []


def test_a_document_that_is_committed_again_replaces_the_old_one(folder: Path) -> None:
    store, snapshots = Store(folder), Snapshots(folder)
    store.commit(built(folder, document("a.md", "apple"), document("b.md", "apple")))
    assert len(found(snapshots, "appl")) == 2
    store.commit(built(folder, document("a.md", "cherry")))
    assert found(snapshots, "appl") == {("b.md", "part-1")}
    assert found(snapshots, "cherri") == {("a.md", "part-1")}


def test_a_removed_document_is_gone_with_all_its_sections(folder: Path) -> None:
    store, snapshots = Store(folder), Snapshots(folder)
    store.commit(built(folder, document("a.md", "apple", "apple"), document("b.md", "apple")))
    store.commit(None, removed=["a.md"])
    assert found(snapshots, "appl") == {("b.md", "part-1")}
    assert set(store.records) == {"b.md"}


def test_a_document_that_changed_while_its_segment_was_built_stays_as_it_is(folder: Path) -> None:
    store, snapshots = Store(folder), Snapshots(folder)
    slow = built(folder, document("a.md", "old"), document("b.md", "old"))
    store.commit(built(folder, document("a.md", "new")))
    store.commit(slow, stale={"a.md"})
    assert found(snapshots, "new") == {("a.md", "part-1")}
    assert found(snapshots, "old") == {("b.md", "part-1")}


def test_a_merge_keeps_what_lives_and_drops_what_changed_meanwhile(folder: Path) -> None:
    store, snapshots = Store(folder), Snapshots(folder)
    for name in ("a.md", "b.md", "c.md"):
        store.commit(built(folder, document(name, "apple", "pear")))
    sources = [weight.segment_id for weight in store.weights()]
    merged = merge(folder, store.segments(sources))
    store.commit(built(folder, document("a.md", "plum")))
    store.commit(None, removed=["b.md"])
    store.commit_merge(merged, sources)
    assert found(snapshots, "pear") == {("c.md", "part-2")}
    assert found(snapshots, "plum") == {("a.md", "part-1")}
    assert set(store.records) == {"a.md", "c.md"}


def test_what_was_committed_is_there_when_the_store_opens_again(folder: Path) -> None:
    first = Store(folder)
    first.commit(built(folder, document("a.md", "apple"), document("empty.md")))
    first.commit(None, removed=["a.md"])
    second = Store(folder)
    assert second.repaired == ""
    assert set(second.records) == {"empty.md"}
    assert second.generation == first.generation


def test_a_reader_keeps_its_generation_while_files_are_replaced(folder: Path) -> None:
    store, snapshots = Store(folder), Snapshots(folder)
    store.commit(built(folder, document("a.md", "apple")))
    old = snapshots.newest()
    store.commit(built(folder, document("a.md", "cherry")))
    store.sweep(now=float("inf"))
    new = snapshots.newest()
    assert [head.record.name for _, head in old.heads()] == ["a.md"]
    assert old.leaves[0].is_alive(0)
    assert new.generation == old.generation + 1


def test_superseded_files_are_swept_and_the_current_ones_stay(folder: Path) -> None:
    store = Store(folder)
    for text in ("one", "two", "three"):
        store.commit(built(folder, document("a.md", text)))
    store.sweep(now=float("inf"))
    assert len(list(folder.glob("*.seg"))) == 1
    assert len(list(folder.glob("*.toc"))) == 1
    assert set(Store(folder).records) == {"a.md"}


@pytest.mark.parametrize("harm", ["zero", "halve", "delete", "flip"])
@pytest.mark.parametrize("kind", ["*.seg", "*.toc"])
def test_a_damaged_index_is_set_aside_and_begun_anew(folder: Path, harm: str, kind: str) -> None:
    Store(folder).commit(built(folder, *(document(f"{n}.md", "apple pear") for n in range(50))))
    (path,) = [p for p in folder.glob(kind) if p.name != "_MAIN_1.toc"] or folder.glob(kind)
    data = path.read_bytes()
    if harm == "delete":
        path.unlink()
    else:
        half = len(data) // 2
        flipped = bytes(byte ^ 0xFF for byte in data[:half]) + data[half:]
        path.write_bytes({"zero": bytes(len(data)), "halve": data[:half], "flip": flipped}[harm])
    store = Store(folder)
    if kind == "*.toc" and harm == "delete":
        assert store.repaired == ""  # the generation before is whole
    else:
        assert store.repaired
    assert store.records == {}
    store.commit(built(folder, document("new.md", "apple")))
    assert found(Snapshots(folder), "appl") == {("new.md", "part-1")}


def test_what_a_killed_process_has_left_is_removed(folder: Path) -> None:
    Store(folder).commit(built(folder, document("a.md", "apple")))
    built(folder, document("b.md", "pear"))
    (folder / "0123456789abcdef.seg").write_bytes(b"half a segm")
    (folder / "_MAIN_9.toc.1700000000.5").write_bytes(b"half a table")
    assert set(Store(folder).records) == {"a.md"}
    assert sorted(path.suffix for path in folder.iterdir()) == [".seg", ".sum", ".toc"]


def test_orphans_are_told_from_files_that_may_still_be_read(folder: Path) -> None:
    store = Store(folder)
    store.commit(built(folder, document("a.md", "apple")))
    store.commit(built(folder, document("a.md", "cherry")))
    before = set(folder.iterdir())
    orphan = built(folder, document("b.md", "pear"))
    store.remove_orphans()
    assert set(folder.iterdir()) == before
    assert not list(folder.glob(f"{orphan.segment.segment_id()}.*"))


def test_what_a_segment_weighs_tells_how_much_of_it_is_deleted(folder: Path) -> None:
    store = Store(folder)
    store.commit(built(folder, *(document(f"{n}.md", "apple", "pear") for n in range(4))))
    store.commit(None, removed=["1.md"])
    (weight,) = store.weights()
    (path,) = folder.glob("*.seg")
    assert weight.size == path.stat().st_size
    assert (weight.documents, weight.deleted) == (8, 2)
    assert weight.live == weight.size * 3 / 4


def test_what_the_system_refuses_is_not_taken_for_damage(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Store(folder).commit(built(folder, document("a.md", "apple")))

    def refuse(*_: object) -> None:
        raise OSError(errno.EMFILE, "too many open files")

    with monkeypatch.context() as patched:
        patched.setattr("docindex.indexer.segment_reader.read_segment", refuse)
        with pytest.raises(OSError, match="too many open files"):
            Store(folder)
    assert set(Store(folder).records) == {"a.md"}


def restamped(record: Record, number: int) -> Record:
    return replace(record, stamp=stamp(number))


def test_a_stamp_that_was_found_to_change_nothing_is_known_at_the_next_start(
    folder: Path,
) -> None:
    store = Store(folder)
    store.commit(built(folder, document("a.md", "apple"), document("b.md", "pear")))
    store.restamp(restamped(store.records["a.md"], 7))
    store.close()
    store = Store(folder)
    assert {name: record.stamp for name, record in store.records.items()} == {
        "a.md": stamp(7),
        "b.md": stamp(),
    }


@pytest.mark.parametrize("other", [{"version": "v2"}, {"stamp": stamp(1, time=2)}])
def test_a_stamp_is_of_one_version_and_time_and_says_nothing_of_another(
    folder: Path, other: dict[str, Any]
) -> None:
    store = Store(folder)
    store.commit(built(folder, document("a.md", "apple")))
    store.restamp(restamped(store.records["a.md"], 7))
    store.close()
    parsed, record = document("a.md", "pear")
    newer = replace(record, **other)
    store.commit(built(folder, (parsed, newer)))
    assert Store(folder).records["a.md"] == newer


@pytest.mark.parametrize("harm", [b"", b"{", b"[]", b'{"a.md": ["v1", "now", 0, 0, 0]}'])
def test_stamps_that_cannot_be_read_are_not_believed(folder: Path, harm: bytes) -> None:
    store = Store(folder)
    store.commit(built(folder, document("a.md", "apple")))
    store.restamp(restamped(store.records["a.md"], 7))
    store.close()
    (folder / "restamps.json").write_bytes(harm)
    store = Store(folder)
    assert store.records["a.md"].stamp == stamp()
    assert store.repaired == ""
