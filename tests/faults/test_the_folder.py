"""What befalls a folder while its indexer follows it: all that is there is found, what is
not to be taken is listed, and nothing has to be done about it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue

import pytest

from docindex.indexer import stamps
from docindex.indexer.files import version_of
from docindex.indexer.home import home_of
from docindex.indexer.letterbox import Request
from docindex.indexer.library import Library
from docindex.indexer.locks import held
from docindex.indexer.models import FolderSpec, Options, SearchRequest
from docindex.indexer.standing import EMPTY
from docindex.indexer.watch import Doubt, Touched, Watcher
from tests.kept import Kept, kept_folder
from tests.waiting import until

ALL = bool(os.environ.get("DOCINDEX_ALL_FAULTS"))
PAGES = 10_000 if ALL else 36
"""That a checkout changes."""

LINK = "symbolic link: not followed; add its target as a folder of its own"


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    with kept_folder(tmp_path) as kept:
        yield kept


def is_ready(kept: Kept, documents: int) -> bool:
    return (kept.status().state, kept.status().documents) == ("ready", documents)


def same_identity(watcher: Watcher) -> tuple[int, int]:
    return (1, 1)


# Made, deleted and exchanged


def test_hundreds_of_folders_that_are_made_at_once_are_all_looked_into(kept: Kept) -> None:
    """The system tells of a folder when it is there, and of what is in it from then on that
    it is watched: of most of these files it tells nothing."""
    kept.start()
    kept.settle()
    deep = kept.root / "deep"
    levels = [deep.joinpath(*("d" for _ in range(number))) for number in range(1, 51)]
    levels[-1].mkdir(parents=True)
    wide = [kept.root / f"wide{number % 3}" / f"{number}" / "in" / "it" for number in range(150)]
    for folder in wide:
        folder.mkdir(parents=True)
        (folder / "page.md").write_bytes(b"# Wide\n")
    for folder in levels:
        (folder / "page.md").write_bytes(b"# Deep\n")
    until(lambda: is_ready(kept, 202), 60)
    pages = {path.relative_to(kept.root).as_posix() for path in kept.root.rglob("*.md")}
    assert len(pages) == 202
    assert kept.names() == pages


def test_a_folder_that_is_deleted_and_made_again_is_followed_from_then_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Most file systems give it the number of the one before: nothing else tells them apart."""
    root = tmp_path / "documents"
    root.mkdir()
    monkeypatch.setattr(Watcher, "_identity", same_identity)
    monkeypatch.setattr("docindex.indexer.watch.FIRST_PAUSE", 0.01)
    heard = SimpleQueue[Touched | Doubt]()
    watcher = Watcher(root, 20, heard.put)
    watcher.start()
    try:
        assert heard.get(timeout=20) == Doubt("", blind=False)
        shutil.rmtree(root)
        root.mkdir()
        while (told := heard.get(timeout=20)) != Doubt("", blind=False):
            assert isinstance(told, Doubt)
            assert told.blind
        (root / "again.md").write_bytes(b"# Again\n")
        assert heard.get(timeout=20) == Touched(frozenset({"again.md"}))
    finally:
        watcher.stop()


def test_a_library_whose_folder_is_deleted_and_made_again_goes_on(tmp_path: Path) -> None:
    root = tmp_path / "documents"
    root.mkdir()
    for number in range(3):
        (root / f"{number}.md").write_text(f"# Page {number}\n\nbefore\n", encoding="utf-8")
    library = Library(
        [FolderSpec(str(root))],
        cache=tmp_path / "cache",
        state=tmp_path / "state",
        options=Options(linger_seconds=0.2, debounce_ms=20),
    )

    def found(word: str) -> list[str]:
        return sorted(hit.name for hit in library.search(SearchRequest(f"+{word}")).hits)

    library.attend()
    try:
        until(lambda: library.view().state == "ready" and len(found("before")) == 3)
        shutil.rmtree(root)
        root.mkdir()
        assert found("before") == []
        (root / "first.md").write_text("# First\n\nafterwards\n", encoding="utf-8")
        until(lambda: found("afterwards") == ["first.md"] and library.view().state == "ready")
        # It is watched, too.
        (root / "second.md").write_text("# Second\n\nafterwards\n", encoding="utf-8")
        until(lambda: found("afterwards") == ["first.md", "second.md"])
        assert library.view().documents == 2
    finally:
        library.close()
    until(lambda: not held(home_of(tmp_path / "cache", root).lock))


def test_a_folder_whose_documents_are_all_gone_at_once_is_not_taken_for_an_empty_one(
    kept: Kept, tmp_path: Path
) -> None:
    """As when a file system is unmounted below it."""
    mounted, aside = kept.root / "mounted", tmp_path / "aside"
    mounted.mkdir()
    for name in ("first.md", "second.md"):
        (kept.root / name).rename(mounted / name)
    kept.start()
    kept.settle()
    mounted.rename(aside)
    until(lambda: kept.status().state == "degraded")
    assert list(kept.root.iterdir()) == []
    assert kept.status().reason == EMPTY
    assert kept.names() == {"mounted/first.md", "mounted/second.md"}
    aside.rename(mounted)
    until(lambda: is_ready(kept, 2))


# Links, and what is no file


def test_a_link_to_a_folder_is_listed_and_what_happens_behind_it_is_not_followed(
    kept: Kept, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    (outside / "deep").mkdir(parents=True)
    canary = outside / "deep" / "canary.md"
    canary.write_bytes(b"# Canary\n")
    (kept.root / "before").symlink_to(outside)  # is there when the watch begins
    (kept.root / "inside").mkdir()
    kept.start()
    kept.settle()
    (kept.root / "later").symlink_to(outside)
    (kept.root / "inside" / "loop").symlink_to("..")
    (kept.root / "inside" / "dangling").symlink_to("nowhere")
    links = {"before", "later", "inside/loop", "inside/dangling"}
    until(lambda: kept.status().skipped == dict.fromkeys(links, LINK))

    canary.write_bytes(b"# Canary, edited\n")
    (outside / "new.md").write_bytes(b"# New\n")
    kept.write("inside/real.md")
    until(lambda: "inside/real.md" in kept.names())
    assert kept.ask(Request("reindex")).ok
    assert kept.names() == {"first.md", "second.md", "inside/real.md"}

    for name in links - {"inside/loop"}:
        (kept.root / name).unlink()
    until(lambda: kept.status().skipped == {"inside/loop": LINK})
    assert canary.read_bytes() == b"# Canary, edited\n"


def test_a_folder_that_becomes_a_link_takes_its_documents_out_of_the_index(
    kept: Kept, tmp_path: Path
) -> None:
    kept.write("guide/setup.md")
    kept.start()
    kept.settle()
    (kept.root / "guide").rename(tmp_path / "guide")
    (kept.root / "guide").symlink_to(tmp_path / "guide")
    until(lambda: kept.names() == {"first.md", "second.md"})
    until(lambda: kept.status().skipped == {"guide": LINK})
    assert (kept.root / "guide" / "setup.md").exists()
    (kept.root / "guide").unlink()
    (tmp_path / "guide").rename(kept.root / "guide")
    until(lambda: "guide/setup.md" in kept.names() and kept.status().skipped == {})


def test_a_folder_that_is_reached_through_a_link_is_followed(tmp_path: Path) -> None:
    with kept_folder(tmp_path) as real:
        link = tmp_path / "link"
        link.symlink_to(real.root)
        kept = Kept(link, home_of(tmp_path / "cache", link))
        assert kept.home == real.home
        kept.start()
        kept.settle()
        (real.root / "third.md").write_bytes(b"# Third\n")
        until(lambda: kept.names() == {"first.md", "second.md", "third.md"})
        kept.write("sub/fourth.md")
        until(lambda: "sub/fourth.md" in kept.names())
        kept.end()


def test_what_would_block_or_never_end_is_listed_and_holds_nobody_up(kept: Kept) -> None:
    kept.start()
    kept.settle()
    os.mkfifo(kept.root / "pipe.md")
    with (kept.root / "sparse.md").open("wb") as file:
        file.truncate(5 << 30)
    kept.write("third.md")
    until(lambda: "third.md" in kept.names())
    until(lambda: set(kept.status().skipped) == {"pipe.md", "sparse.md"})
    assert "FIFO" in kept.status().skipped["pipe.md"]
    assert "too large" in kept.status().skipped["sparse.md"]
    assert kept.status().state == "ready"


# Storms, and changes that are hard to see


def git(folder: Path, *command: str) -> None:
    own = ("-c", "user.name=me", "-c", "user.email=me@example.org", "-c", "gc.auto=0")
    subprocess.run(["git", *own, *command], cwd=folder, check=True, capture_output=True)


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_a_checkout_of_another_branch_is_found_whole(kept: Kept) -> None:
    """Every file changes, some go and others come. With DOCINDEX_ALL_FAULTS, 10,000."""

    def fill(branch: str) -> None:
        for number in range(PAGES):
            if number % 10 or branch == "one":
                kept.write(f"part{number % 7}/{number}.md", f"# Page {number}\n\nof {branch}\n")
        for number in range(PAGES // 10):
            kept.write(f"{branch}/{number}.md", f"# Only on {branch}\n\n{number}\n")

    git(kept.root, "init", "--quiet", "--initial-branch=one")
    fill("one")
    git(kept.root, "add", "--all")
    git(kept.root, "commit", "--quiet", "-m", "One")
    git(kept.root, "checkout", "--quiet", "--orphan", "two")
    git(kept.root, "rm", "-r", "--quiet", "--force", ".")
    for name in ("first.md", "second.md"):
        kept.write(name)
    fill("two")
    git(kept.root, "add", "--all")
    git(kept.root, "commit", "--quiet", "-m", "Two")
    kept.start()
    kept.settle()
    for branch in ("one", "two"):
        git(kept.root, "checkout", "--quiet", branch)
        expected = {
            path.relative_to(kept.root).as_posix(): version_of(path.read_bytes())
            for path in kept.root.rglob("*.md")
        }
        assert any(name.startswith(f"{branch}/") for name in expected)
        until(lambda: kept.versions() == expected, 60 if not ALL else 600)  # noqa: B023
    until(lambda: is_ready(kept, len(expected)), 60)


@pytest.mark.parametrize("fresh", [True, False])
def test_an_edit_that_leaves_size_and_time_is_seen(
    kept: Kept, monkeypatch: pytest.MonkeyPatch, fresh: bool
) -> None:
    """By the time of the inode, or by the content while that proves nothing yet."""
    if not fresh:
        monkeypatch.setattr(stamps, "UNSETTLED_NS", 0)
    path = kept.write("first.md", "# One\n")
    kept.start()
    kept.settle()
    before, found = kept.versions(), path.stat()
    path.write_text("# Two\n", encoding="utf-8")
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
    now = path.stat()
    assert (now.st_size, now.st_mtime_ns) == (found.st_size, found.st_mtime_ns)
    until(lambda: kept.versions() == before | {"first.md": version_of(b"# Two\n")})


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are Unicode")
def test_a_name_that_ends_the_watch_is_listed_and_the_watch_begins_anew(
    kept: Kept, caplog: pytest.LogCaptureFixture
) -> None:
    kept.start()
    kept.settle()
    with open(os.fsencode(kept.root) + b"/bad\xff.md", "wb") as file:
        file.write(b"# Bad\n")
    until(lambda: "watching failed" in caplog.text)
    until(lambda: list(kept.status().skipped) == ["bad\\xff.md"])
    kept.write("third.md")
    until(lambda: is_ready(kept, 3))
