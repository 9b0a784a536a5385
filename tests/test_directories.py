"""Open folders: nothing but what is in them, and no link ever."""

import os
from pathlib import Path

import pytest

from docindex.indexer.directories import CheckedDirectory, Directory, HeldDirectory, words
from docindex.indexer.errors import NotADocument
from docindex.indexer.files import Folder
from docindex.indexer.models import Options
from docindex.indexer.root import Root


@pytest.fixture(params=[HeldDirectory, CheckedDirectory])
def kind(request: pytest.FixtureRequest) -> type[Directory]:
    chosen: type[Directory] = request.param
    return chosen


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "docs"
    (root / "sub").mkdir(parents=True)
    (root / "a.md").write_bytes(b"a")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/a.md").write_bytes(b"canary")
    return root


def test_only_regular_files_are_opened_and_a_fifo_does_not_hold_us_up(
    root: Path, kind: type[Directory]
) -> None:
    os.mkfifo(root / "fifo.md")
    (root / "link.md").symlink_to("a.md")
    with kind.root(str(root)) as directory:
        os.close(directory.open("a.md"))
        for name in ("fifo.md", "link.md", "sub"):
            with pytest.raises(OSError, match=r"not a regular file|link"):
                directory.open(name)


def test_links_are_not_entered(root: Path, kind: type[Directory]) -> None:
    (root / "link").symlink_to("../outside")
    with kind.root(str(root)) as directory:
        directory.enter("sub").close()
        for name in ("link", "a.md"):
            with pytest.raises(OSError, match=r"link|[Nn]ot a"):
                directory.enter(name)


def test_a_path_that_has_become_a_link_is_noticed_by_the_fallback(root: Path) -> None:
    with CheckedDirectory.root(str(root)) as top, top.enter("sub") as directory:
        (root / "sub").rename(root / "aside")
        (root / "sub").symlink_to("../outside")
        for use in (
            directory.entries,
            directory.sync,
            lambda: directory.status("a.md"),
            lambda: directory.open("a.md"),
            lambda: directory.create("b.md", 0o600),
            lambda: directory.unlink("a.md"),
            lambda: directory.rename("a.md", "b.md"),
        ):
            with pytest.raises(OSError, match="leads out"):
                use()
    assert (root.parent / "outside/a.md").read_bytes() == b"canary"


def test_a_file_swapped_for_a_fifo_just_before_it_is_opened_is_refused(root: Path) -> None:
    class Swapping(HeldDirectory):
        def status(self, name: str) -> os.stat_result:
            status = super().status(name)
            self.unlink(name)
            os.mkfifo(root / name)
            return status

    with pytest.raises(NotADocument, match="not a regular file"):
        Folder(root, Options(), directories=Swapping).read("a.md")


def test_the_fallback_refuses_another_file_than_the_one_it_has_looked_at(root: Path) -> None:
    class Swapping(CheckedDirectory):
        def status(self, name: str) -> os.stat_result:
            status = super().status(name)
            if name == "a.md":
                (root / "new").write_bytes(b"other")
                (root / "new").rename(root / name)
            return status

    with pytest.raises(NotADocument):
        Folder(root, Options(), directories=Swapping).read("a.md")


@pytest.mark.parametrize("component", ["", ".", "..", "sub/..", "/etc"])
def test_what_is_not_one_component_never_reaches_the_system(root: Path, component: str) -> None:
    way = Root(str(root), honour_ignore_files=True, directories=HeldDirectory)
    with way.open() as directory, pytest.raises(ValueError, match="not one component"):
        way.entry(directory, component)


def test_words_for_an_error_hold_no_path(root: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        os.stat(root / "nothing")
    assert words(caught.value) == "no such file or directory"
    assert words(OSError(f"about {root}")) == "the system gives no reason"
