"""Random changes of files, followed by an indexer, against an index built from scratch."""

import os
import random
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from docindex.indexer.home import Home, home_of
from docindex.indexer.keeper import Keeper
from docindex.indexer.letterbox import Letterbox, Request
from docindex.indexer.models import Options, Stamp
from docindex.indexer.snapshot import Snapshots
from tests.soak.world import Documents
from tests.waiting import until

STEPS = 100
NOWHEN = Stamp(0, 0, 0, 0)


def contents(home: Home) -> tuple[object, ...]:
    """All that is to be found, however it is spread over segments."""
    heads: dict[str, object] = {}
    terms: dict[str, list[tuple[str, int, float]]] = {}
    for leaf in Snapshots(home.index).newest().leaves:
        places: dict[int, tuple[str, int]] = {}
        for head in leaf.heads:
            if leaf.is_alive(head.docnum):
                stored = leaf.reader.head(head.docnum)
                assert head.record.name not in heads
                heads[head.record.name] = (replace(head.record, stamp=NOWHEN), stored.sections)
                for number in range(head.docnum, head.last + 1):
                    places[number] = (head.record.name, number - head.docnum)
        for term in leaf.reader.terms_from("body", ""):
            found = leaf.reader.postings("body", term)
            for number, weight in zip(found.ids.tolist(), found.weights.tolist(), strict=True):
                if number in places:
                    terms.setdefault(term, []).append((*places[number], weight))
    return heads, {term: sorted(found) for term, found in terms.items()}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "documents"
    root.mkdir()
    return root


@pytest.fixture
def followed(root: Path, tmp_path: Path) -> Iterator[Home]:
    """The home of an index whose keeper is at work."""
    home = home_of(tmp_path / "followed", root)
    keeper, stop = Keeper(root, home, Options(debounce_ms=20)), threading.Event()
    thread = threading.Thread(target=keeper.run, args=(stop, False))
    thread.start()
    yield home
    stop.set()
    thread.join()


def write_many(documents: Documents, count: int) -> None:
    for number in range(count):
        documents.write(f"many/{number}.md")


def change(documents: Documents, letterbox: Letterbox, chance: random.Random, step: int) -> None:
    names = sorted(documents.content)
    if len(names) < 6:
        documents.write(f"d{chance.randrange(4)}/{step}.md")
        return
    name, folder = chance.choice(names), chance.choice(documents.folders())
    match chance.randrange(8):
        case 0:
            documents.write(name)
        case 1:
            documents.remove(name)
        case 2:
            documents.rename(name, f"d{chance.randrange(4)}/deep/{step}.md")
        case 3:
            documents.rename_folder(folder, f"r{step}")
        case 4:
            os.utime(documents.root / name, (1e9, 1e9))
        case 5:
            (documents.root / folder / ".gitignore").write_text("*5.md\n", encoding="utf-8")
        case 6:
            write_many(documents, chance.randrange(60))
        case _:
            documents.write(f"own/{step}.md")
            letterbox.post(Request("index", (f"own/{step}.md",)))


@pytest.mark.parametrize("seed", range(2))
def test_what_was_followed_is_what_is_there(
    root: Path, tmp_path: Path, followed: Home, seed: int
) -> None:
    chance = random.Random(seed)
    documents = Documents(root, chance)
    letterbox = Letterbox(followed)
    for step in range(STEPS):
        change(documents, letterbox, chance, step)
    built = home_of(tmp_path / "scratch", root)
    Keeper(root, built, Options()).once(True, lambda progress: None, threading.Event())
    expected = contents(built)
    until(lambda: contents(followed) == expected, seconds=30)
