"""A folder that a keeper follows, from a thread of the test."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from docindex.indexer.comparing import WHOLE
from docindex.indexer.home import Home, home_of
from docindex.indexer.keeper import Keeper
from docindex.indexer.letterbox import Letterbox, Reply, Request
from docindex.indexer.models import Options
from docindex.indexer.patience import Patience
from docindex.indexer.snapshot import Snapshots
from docindex.indexer.status import IndexerStatus, read_status
from tests.waiting import until


@dataclass
class Kept:
    """A folder with a keeper at work on it in a thread."""

    root: Path
    home: Home
    stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.letterbox = Letterbox(self.home)
        self.snapshots = Snapshots(self.home.index)
        self.thread: threading.Thread | None = None

    def start(
        self,
        options: Options | None = None,
        attached: bool = False,
        patience: Patience | None = None,
    ) -> None:
        self.keeper = Keeper(self.root, self.home, options or Options(debounce_ms=20), patience)
        self.stop.clear()
        self.thread = threading.Thread(target=self.keeper.run, args=(self.stop, attached))
        before = self.status().instance
        self.thread.start()
        until(lambda: self.status().instance != before and self.status().state == "ready")

    def settle(self) -> None:
        """Until it goes by what it is told alone: when its watch begins, it compares the
        whole folder, and once more a little later."""
        comparing = self.keeper._comparing
        until(lambda: comparing._before == {WHOLE})
        until(lambda: not comparing._before)

    def end(self) -> None:
        self.stop.set()
        if self.thread is not None:
            self.thread.join()

    def status(self) -> IndexerStatus:
        return read_status(self.home.status) or IndexerStatus("", 0, "building")

    def names(self) -> set[str]:
        """The documents that a search could find."""
        heads = self.snapshots.newest().heads()
        return {head.record.name for _, head in heads if not head.record.skipped}

    def versions(self) -> dict[str, str]:
        heads = [head.record for _, head in self.snapshots.newest().heads()]
        return {record.name: record.version for record in heads if not record.skipped}

    def version(self, name: str) -> str:
        return self.versions().get(name, "")

    def ask(self, request: Request) -> Reply:
        reply = self.letterbox.wait(self.letterbox.post(request), 20.0, lambda: False)
        assert reply is not None, "no reply came in time"
        return reply

    def write(self, name: str, text: str = "# Text\n\nwords\n") -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path


@contextmanager
def kept_folder(place: Path) -> Generator[Kept]:
    """With two documents; its keeper is not started yet, and ended at the end."""
    root = place / "documents"
    root.mkdir()
    kept = Kept(root, home_of(place / "cache", root))
    kept.write("first.md", "# First\n\nwords\n")
    kept.write("second.md", "# Second\n\nwords\n")
    try:
        yield kept
    finally:
        kept.end()
