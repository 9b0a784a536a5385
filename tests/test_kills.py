"""Whatever is killed, and whenever: the index agrees with its folder afterwards."""

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import psutil
import pytest

from docindex.indexer.home import Home, home_of
from docindex.indexer.letterbox import Letterbox, Request
from docindex.indexer.locks import Lease
from docindex.indexer.models import Options
from docindex.indexer.segments import Storage
from docindex.indexer.snapshot import Snapshots
from docindex.indexer.store import latest_generation
from tests.waiting import until

PAGES = 240
KILLS = 8


class Indexer:
    """A folder, and the process that indexes it."""

    def __init__(self, place: Path) -> None:
        self.cache, self.root = place / "cache", place / "documents"
        self.root.mkdir()
        self.home: Home = home_of(self.cache, self.root)
        self.letterbox = Letterbox(self.home)
        self.lease = Lease(self.home.leases)
        self.content: dict[str, int] = {}

    def start(self) -> None:
        order = {
            "folders": [str(self.root)],
            "cache": str(self.cache),
            "options": asdict(Options(debounce_ms=50)),
        }
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "docindex.indexer.process", json.dumps(order)],
            stderr=subprocess.DEVNULL,
        )

    def write(self, number: int, version: int) -> None:
        """4 kB, so that many are a matter for workers, and so is merging them."""
        words = " ".join(f"w{number * n % 997}" for n in range(900))
        text = f"# Page {number}\n\nversion{version}\n\n{words}\n"
        (self.root / f"{number}.md").write_text(text, encoding="utf-8")
        self.content[f"{number}.md"] = version

    def remove(self, number: int) -> None:
        (self.root / f"{number}.md").unlink(missing_ok=True)
        self.content.pop(f"{number}.md", None)

    def generation(self) -> int:
        return latest_generation(Storage(self.home.index)) if self.home.index.exists() else -1

    def wait_for_commits(self, count: int) -> None:
        """For so many, or until there is no need of any."""
        end = self.generation() + count
        until(lambda: self.generation() >= end or self.found() == self.content)

    def found(self) -> dict[str, int]:
        """The version of every document that a search would find."""
        found: dict[str, int] = {}
        for leaf in Snapshots(self.home.index).newest().leaves:
            heads = {head.docnum: head.record.name for head in leaf.heads}
            for term in leaf.reader.terms_from("body", "version"):
                for number in map(int, leaf.reader.postings("body", term).ids):
                    if leaf.is_alive(number):
                        assert heads[number] not in found
                        found[heads[number]] = int(term.removeprefix("version"))
        return found

    def kill(self, what: str) -> None:
        process = psutil.Process(self.process.pid)
        workers = process.children()
        if what != "workers":
            process.kill()
            self.process.wait()
        if what != "indexer":
            for worker in workers:
                worker.kill()
        if what != "workers":
            # What is left ends by itself.
            until(lambda: not any(worker.is_running() for worker in workers))


@pytest.fixture
def indexer(tmp_path: Path) -> Iterator[Indexer]:
    indexer = Indexer(tmp_path)
    yield indexer
    indexer.kill("all")
    indexer.lease.release()


@pytest.mark.parametrize("seed", range(2))
def test_an_index_agrees_with_its_folder_after_kills_at_any_moment(
    indexer: Indexer, seed: int
) -> None:
    chance = random.Random(seed)
    for number in range(PAGES):
        indexer.write(number, 0)
    indexer.start()
    for version in range(1, KILLS + 1):
        for number in chance.sample(range(PAGES), chance.choice([3, 30, 100])):
            if chance.random() < 0.3:
                indexer.remove(number)
            else:
                indexer.write(number, version)
        # After some commits, among them those of merges; at once, for none.
        indexer.wait_for_commits(chance.randrange(4))
        what = chance.choice(["indexer", "workers", "all"])
        indexer.kill(what)
        if what != "workers":
            indexer.start()
    answer = indexer.letterbox.wait(indexer.letterbox.post(Request("reindex")), 60, lambda: False)
    assert answer is not None
    assert answer.ok
    assert indexer.found() == indexer.content
