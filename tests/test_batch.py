"""Some files become a segment, whatever is the matter with one of them."""

from dataclasses import replace
from pathlib import Path

import pytest

from docindex.indexer.batch import FAILED, Outcome, Task, build
from docindex.indexer.errors import IndexUnavailable
from docindex.indexer.files import Folder
from docindex.indexer.models import Document, Options, Record
from docindex.indexer.segments import Builder


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    place = tmp_path / "documents"
    place.mkdir()
    for name in ("a.md", "b.md", "c.md"):
        (place / name).write_text(f"# {name}\n\ntext\n\n## More\n\nof it\n")
    return Folder(str(place), Options())


@pytest.fixture
def index(tmp_path: Path) -> Path:
    place = tmp_path / "index"
    place.mkdir()
    return place


def tasks(folder: Folder) -> list[Task]:
    return [Task(name, stamp) for name, stamp in sorted(folder.scan().files.items())]


def records(outcome: Outcome) -> dict[str, Record]:
    heads = outcome.built.heads if outcome.built else ()
    return {head.record.name: head.record for head in heads}


def test_every_file_has_its_sections_in_the_segment(folder: Folder, index: Path) -> None:
    done: list[str] = []
    outcome = build(folder, index, tasks(folder), done.append)
    assert outcome.built is not None
    assert [(head.docnum, head.last) for head in outcome.built.heads] == [(0, 1), (2, 3), (4, 5)]
    assert outcome.built.segment.doc_count_all() == 6
    assert done == list(records(outcome)) == ["a.md", "b.md", "c.md"]
    assert outcome.indexed == 3


def test_files_that_are_gone_or_the_same_are_told_apart(folder: Folder, index: Path) -> None:
    first, second, third = tasks(folder)
    known = records(build(folder, index, [first]))["a.md"]
    gone = replace(third, name="gone.md")
    outcome = build(folder, index, [replace(first, known=known), second, gone])
    assert [record.name for record in outcome.same] == ["a.md"]
    assert outcome.gone == ("gone.md",)
    assert list(records(outcome)) == ["b.md"]


def test_a_file_that_is_refused_is_kept_with_the_reason(folder: Folder, index: Path) -> None:
    first, second, _ = tasks(folder)
    outcome = build(folder, index, [replace(first, refusal="too large"), second])
    assert records(outcome)["a.md"].skipped == "too large"
    assert outcome.built is not None
    assert outcome.built.segment.doc_count_all() == 3
    assert outcome.indexed == 1


def test_nothing_is_written_when_nothing_has_to_be(folder: Folder, index: Path) -> None:
    known = records(build(folder, index, tasks(folder)))
    before = set(index.iterdir())
    again = [replace(task, known=known[task.name]) for task in tasks(folder)]
    assert build(folder, index, again).built is None
    assert set(index.iterdir()) == before


def test_a_batch_ends_where_it_is_told_to(folder: Folder, index: Path) -> None:
    outcome = build(folder, index, tasks(folder), enough=lambda: True)
    assert list(records(outcome)) == ["a.md"]


def test_a_fault_of_ours_costs_one_file(
    folder: Folder, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = Builder.add

    def fails(self: Builder, record: Record, document: Document | None) -> None:
        if record.name == "b.md" and document is not None:
            raise ZeroDivisionError
        add(self, record, document)

    monkeypatch.setattr(Builder, "add", fails)
    found = records(build(folder, index, tasks(folder)))
    assert {name: record.skipped for name, record in found.items()} == {
        "a.md": "",
        "b.md": FAILED,
        "c.md": "",
    }


def test_an_index_that_cannot_be_written_is_said_to_be_so(folder: Folder, index: Path) -> None:
    index.rmdir()
    with pytest.raises(IndexUnavailable):
        build(folder, index, tasks(folder))
