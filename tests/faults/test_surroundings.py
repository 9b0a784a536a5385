"""What goes wrong around a server and its indexer: each fault is provoked for real, and
said to be there; searches are answered all the while, and all is well again without a
person when it is over. Nothing of it touches the documents."""

import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from docindex.indexer import attendant, makeshift
from docindex.indexer.errors import IndexUnavailable
from docindex.indexer.home import Home, home_of
from docindex.indexer.letterbox import Letterbox
from docindex.indexer.library import Library
from docindex.indexer.locks import held
from docindex.indexer.models import Edit, FolderSpec, IndexView, Options, SearchRequest
from docindex.indexer.status import read_status
from tests.faults.within import (
    NAMESPACES,
    NOBODY,
    covered,
    limited,
    mounted,
    remounted,
    uncovered,
    within,
)
from tests.waiting import until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="provoked as Linux does it")

PAGES = 30
SECONDS = 60.0


class Served:
    """A library with an indexer of its own, and how it is asked."""

    def __init__(self, place: Path, cache: Path | None = None) -> None:
        self.root, self.cache = place / "documents", cache or place / "cache"
        self.state = place / "state"
        self.root.mkdir()
        for number in range(PAGES):
            self.write(f"page{number}.md", f"# Page {number}\n\nlantern number{number}x\n")
        self.before = self.contents()
        self.library = self.opened()

    def opened(self) -> Library:
        options = Options(linger_seconds=0.2, debounce_ms=50)
        folders = [FolderSpec(str(self.root))]
        return Library(folders, cache=self.cache, state=self.state, options=options)

    def attend(self) -> None:
        self.library.attend()
        until(lambda: self.view().documents == PAGES, SECONDS)

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def contents(self) -> dict[str, bytes]:
        files = (path for path in self.root.rglob("*") if path.is_file())
        return {str(path): path.read_bytes() for path in files if os.access(path, os.R_OK)}

    def names(self, word: str) -> list[str]:
        answer = self.library.search(SearchRequest(f"+{word}", max_results=50))
        return [hit.name for hit in answer.hits]

    def view(self) -> IndexView:
        return self.library.view()

    @property
    def home(self) -> Home:
        return home_of(self.cache, self.root)

    @property
    def indexer(self) -> psutil.Process:
        status = read_status(self.home.status)
        assert status is not None
        return psutil.Process(status.pid)

    def becomes(self, state: str, reason: str = "") -> None:
        """Searches are answered all the while."""

        def there() -> bool:
            assert self.names("number7x") == ["page7.md"]
            view = self.view()
            return view.state == state and reason in view.reason

        until(there, SECONDS)

    def finds(self, word: str, name: str) -> None:
        until(lambda: self.names(word) == [name], SECONDS)

    def is_well(self) -> None:
        """A document that comes now is found, and those that were there are as they were."""
        self.becomes("ready")
        self.write("afterwards.md", "# Afterwards\n\nall is wellagain\n")
        self.finds("wellagain", "afterwards.md")
        after = self.contents()
        assert {name: after[name] for name in self.before} == self.before


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    served = Served(tmp_path)
    served.attend()
    served.becomes("ready")
    yield served
    served.library.close()
    until(lambda: not held(served.home.lock))


# The indexer


def test_a_folder_that_is_served_under_two_labels_has_an_indexer_under_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attendant, "START_SECONDS", 0.0)
    place = Served(tmp_path)
    folders = [FolderSpec(str(place.root), label) for label in ("one", "other")]
    options = Options(linger_seconds=0.2)
    library = Library(folders, cache=place.cache, state=place.state, options=options)
    library.attend()
    try:
        until(lambda: library.view().state == "ready", SECONDS)
    finally:
        library.close()


def test_an_indexer_that_hangs_is_ended_and_another_takes_over(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attendant, "HANG_SECONDS", 2.5)
    served.library.update(Edit("own.md", "# Own\n\nownword\n"))
    hanging = served.indexer
    hanging.suspend()
    until(lambda: hanging.status() == psutil.STATUS_STOPPED)
    served.write("meanwhile.md", "# Meanwhile\n\nstuckword\n")
    # A write has its answer in time, whoever has taken the request with him.
    assert served.library.delete("own.md").status == "deleted"
    assert served.names("ownword") == []
    served.finds("stuckword", "meanwhile.md")
    until(lambda: not hanging.is_running())
    until(lambda: Letterbox(served.home).waiting() == [])
    assert served.indexer.pid != hanging.pid
    served.is_well()


def test_more_changes_than_the_system_keeps_in_mind_are_all_found(served: Served) -> None:
    """Of the events that come while nobody takes them, it keeps some thousands and drops the
    rest; a new file makes three."""
    kept = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text(encoding="ascii"))
    many = kept // 3 + 500
    assert many < 50_000
    stopped = served.indexer
    stopped.suspend()
    folder = served.root / "many"
    folder.mkdir()
    served.write("first.md", "# First\n\nbefore the flood\n")
    for number in range(many):
        (folder / f"{number}.md").write_bytes(b"# Flood\n")
    assert stopped.status() == psutil.STATUS_STOPPED
    stopped.resume()
    until(lambda: served.view().documents == PAGES + 1 + many, 100)
    served.becomes("ready")


def test_an_indexer_without_a_handle_to_spare_goes_on_when_it_has_some(served: Served) -> None:
    indexer = served.indexer
    until(lambda: indexer.num_fds() > 4)
    limited(indexer.pid, "nofile", 4)
    assert indexer.num_fds() > 4  # those it has stay open; no other is given
    served.write("meanwhile.md", "# Meanwhile\n\nspentword\n")
    for _ in range(100):
        assert served.names("number7x") == ["page7.md"]
    if indexer.is_running():
        limited(indexer.pid, "nofile", 1024)
    served.finds("spentword", "meanwhile.md")
    served.is_well()


def test_files_that_may_not_grow_are_told_of_and_tried_again(served: Served) -> None:
    indexer = served.indexer
    limited(indexer.pid, "fsize", 100)
    served.write("meanwhile.md", "# Meanwhile\n\ngrowingword\n")
    served.becomes("degraded", "the index cannot be written")
    limited(indexer.pid, "fsize", 1_000_000_000)
    served.finds("growingword", "meanwhile.md")
    served.is_well()


# The index


def _truncate(path: Path) -> None:
    path.write_bytes(b"")


def _halve(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)


@pytest.mark.parametrize("harm", [_truncate, _halve, _flip, Path.unlink])
def test_an_index_that_is_damaged_under_a_server_is_mended(
    served: Served, harm: Callable[[Path], None]
) -> None:
    for path in served.home.index.iterdir():
        harm(path)
    fresh = served.opened()  # one that has nothing in memory
    try:

        def found() -> bool:
            answer = served.library.search(SearchRequest("+number7x"))
            honest = answer.index.state != "ready"
            assert honest or [hit.name for hit in answer.hits] == ["page7.md"]
            try:
                answer = fresh.search(SearchRequest("+number7x"))
            except IndexUnavailable:
                return False
            return [hit.name for hit in answer.hits] == ["page7.md"]

        until(found, SECONDS)
    finally:
        fresh.close()
    served.is_well()


def test_a_cache_that_is_deleted_under_a_server_is_made_anew(served: Served) -> None:
    aside = served.cache.with_name("aside")
    served.cache.rename(aside)
    shutil.rmtree(aside, ignore_errors=True)
    until(lambda: served.view().documents == PAGES and served.names("number7x") != [], SECONDS)
    served.is_well()


# The places, in a namespace where they can be mounted


@within(*NAMESPACES)
def test_a_full_disk_is_told_of_and_left_behind(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    mounted(cache, "2m")
    served = Served(tmp_path, cache)
    served.attend()
    served.becomes("ready")
    ballast = cache / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    assert os.statvfs(cache).f_bavail == 0
    served.write("meanwhile.md", "# Meanwhile\n\nfullword\n")
    served.becomes("degraded", "the index cannot be written")
    ballast.unlink()
    served.finds("fullword", "meanwhile.md")
    served.is_well()
    served.library.close()
    until(lambda: not held(served.home.lock))


@within(*NAMESPACES)
def test_a_cache_that_cannot_be_written_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    cache = tmp_path / "cache"
    mounted(cache, "5m")
    remounted(cache, "ro")
    with pytest.raises(OSError, match="Read-only"):
        (cache / "probe").touch()
    served = Served(tmp_path, cache)
    served.attend()
    served.becomes("degraded", "index not kept")
    (place,) = tmp_path.glob(f"{makeshift.PREFIX}*")
    assert place.stat().st_mode & 0o777 == 0o700
    served.library.update(Edit("own.md", "# Own\n\nunkeptword\n"))
    served.finds("unkeptword", "own.md")
    (served.root / "own.md").unlink()

    remounted(cache, "rw")
    until(lambda: served.view().state == "ready", SECONDS)
    served.is_well()
    until(lambda: not place.exists())
    served.library.close()


@within(*NAMESPACES)
def test_a_cache_that_becomes_read_only_under_a_server_is_left_and_taken_up_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(attendant, "SETTLE_SECONDS", 1.0)
    cache = tmp_path / "cache"
    mounted(cache, "5m")
    served = Served(tmp_path, cache)
    served.attend()
    served.becomes("ready")
    first = served.indexer
    covered(cache)
    with pytest.raises(OSError, match="Read-only"):
        (cache / "probe").touch()
    assert first.is_running()
    served.becomes("degraded", "index not kept")
    served.write("meanwhile.md", "# Meanwhile\n\nprotectedword\n")
    served.finds("protectedword", "meanwhile.md")
    until(lambda: not first.is_running(), SECONDS)  # nobody needs it any more

    uncovered(cache)
    served.is_well()
    served.finds("protectedword", "meanwhile.md")
    served.library.close()
    until(lambda: not held(served.home.lock))


@within(*NAMESPACES)
def test_where_no_more_folders_can_be_watched_changes_are_found_late(tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / "documents" / f"part{number}").mkdir(parents=True)
    (tmp_path / "documents").rename(tmp_path / "prepared")
    limit = Path("/proc/sys/user/max_inotify_watches")
    before = limit.read_text(encoding="ascii")
    limit.write_text("3", encoding="ascii")
    served = Served(tmp_path)
    for path in (tmp_path / "prepared").iterdir():
        path.rename(served.root / path.name)
    served.attend()
    served.becomes("degraded", "changes are noticed late")
    served.write("part4/late.md", "# Late\n\nunwatchedword\n")
    served.finds("unwatchedword", "part4/late.md")
    limit.write_text(before, encoding="ascii")
    served.is_well()
    served.library.close()


@within(*NOBODY)
def test_what_may_not_be_read_any_more_is_listed_and_comes_back(tmp_path: Path) -> None:
    """Without a process of its own for the index: a user who is nobody may start none."""
    served = Served(tmp_path)
    served.write("closed/inner.md", "# Inner\n\ninnerword\n")

    def compare() -> set[str]:
        skipped = served.library.reindex(False, lambda progress: None, threading.Event()).skipped
        return {each.name for each in skipped}

    assert compare() == set()
    assert served.names("innerword") == ["closed/inner.md"]
    secret, folder = served.root / "page1.md", served.root / "closed"
    secret.chmod(0)
    folder.chmod(0)
    with pytest.raises(PermissionError):
        secret.read_bytes()
    assert served.names("number1x") == served.names("innerword") == []
    assert compare() == {"page1.md", "closed/"}
    assert served.names("number7x") == ["page7.md"]
    secret.chmod(0o600)
    folder.chmod(0o700)
    assert compare() == set()
    assert served.names("number1x") == ["page1.md"]
    assert served.names("innerword") == ["closed/inner.md"]
    assert served.contents().items() >= served.before.items()
    served.library.close()
