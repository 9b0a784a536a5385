"""Documents are chosen by their names and records, at one generation."""

from pathlib import Path

import numpy as np

from docindex.indexer.holdings import CHOICES, Holdings
from docindex.indexer.models import FolderSpec, Options
from docindex.indexer.ranking import Ranked
from docindex.indexer.shelf import Shelf
from docindex.indexer.snapshot import Snapshot, Snapshots
from tests.built import index


def held(place: Path, *folders: tuple[str, list[list[str]]]) -> Holdings:
    """A labelled shelf for each folder, whose documents are named by numbers."""
    shelves: list[Shelf] = []
    snapshots: list[Snapshot] = []
    for label, segments in folders:
        (place / label).mkdir()
        index(place / f"{label}.index", segments)
        shelves.append(Shelf(FolderSpec(str(place / label), label), place / "cache", Options()))
        snapshots.append(Snapshots(place / f"{label}.index").newest())
    return Holdings(shelves, snapshots)


def chosen(holdings: Holdings, *names: str) -> list[int]:
    found = holdings.sections(names, lambda name, record: name in names)
    return np.flatnonzero(found).tolist()


def test_documents_are_chosen_by_the_names_that_the_library_gives_them(tmp_path: Path) -> None:
    holdings = held(tmp_path, ("one", [["red", "fox"], ["hen"]]), ("two", [["owl"], ["red"]]))
    assert chosen(holdings, "one/1", "two/1") == [1, 4]
    assert chosen(holdings, "1", "two/0") == [3]


def test_choices_are_remembered_apart_from_each_other(tmp_path: Path) -> None:
    size = CHOICES + 5
    holdings = held(tmp_path, ("one", [["red"] * size]))
    for _ in range(2):
        for number in range(size):
            assert chosen(holdings, f"one/{number}") == [number]


def test_ranked_sections_are_found_in_their_documents(tmp_path: Path) -> None:
    holdings = held(tmp_path, ("one", [["red", "fox"], ["hen"]]), ("two", [["owl"], ["red"]]))
    names = [
        candidate.shelf.outer(candidate.record.name)
        for number in range(5)
        if (candidate := holdings.candidate(Ranked(number, 1.0)))
    ]
    assert names == ["one/0", "one/1", "one/2", "two/0", "two/1"]


def test_heads_are_kept_for_the_holdings_that_follow(tmp_path: Path) -> None:
    before = held(tmp_path, ("one", [["red", "fox"], ["hen"]]))
    ranked = Ranked(2, 1.0)
    record = before.candidate(ranked).record
    shelves = [before.candidate(ranked).shelf]
    after = Holdings(shelves, before.snapshots, heads=before.heads)
    assert after.candidate(ranked).record is record
    assert before.candidate(Ranked(0, 1.0)).record.name == "0"
    other = Holdings(shelves, before.snapshots)
    assert other.candidate(ranked).record == record
    assert other.candidate(ranked).record is not record
