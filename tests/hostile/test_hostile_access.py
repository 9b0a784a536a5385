"""Files and folders that this process may not read or write."""

from pathlib import Path

import pytest

from docindex.indexer.directories import Directory
from docindex.indexer.errors import DocindexError, FolderUnavailable, Unavailable, WriteFailed
from docindex.indexer.files import Folder, version_of
from docindex.indexer.models import Options, Stamp
from tests.hostile.conftest import unprivileged

pytestmark = pytest.mark.skipif(
    not hasattr(__import__("os"), "geteuid"), reason="a matter of POSIX modes"
)


@pytest.fixture
def folder(public: Path, kind: type[Directory]) -> Folder:
    with unprivileged():
        (public / "sub").mkdir()
        for name in ("a.md", "b.md", "sub/c.md"):
            (public / name).write_bytes(b"text")
    return Folder(public, Options(), directories=kind)


def test_an_unreadable_file_is_found_and_fails_when_it_is_read(
    public: Path, folder: Folder
) -> None:
    (public / "a.md").chmod(0)
    with unprivileged():
        assert isinstance(folder.look("a.md"), Stamp)
        assert set(folder.scan().files) == {"a.md", "b.md", "sub/c.md"}
        with pytest.raises(Unavailable, match=r"^a\.md cannot be read now: permission denied$"):
            folder.read("a.md")
        with pytest.raises(WriteFailed, match="permission denied"):
            folder.write("a.md", b"new", expect=version_of(b"text"))


@pytest.mark.parametrize("mode", [0o000, 0o100, 0o200, 0o300])
def test_a_folder_that_cannot_be_listed_is_skipped_with_the_reason(
    public: Path, folder: Folder, mode: int
) -> None:
    (public / "sub").chmod(mode)
    with unprivileged():
        scan = folder.scan()
        assert set(scan.files) == {"a.md", "b.md"}
        assert scan.skipped == {"sub/": "cannot be read: permission denied"}
        assert folder.scan_below("sub").skipped == scan.skipped


@pytest.mark.parametrize("mode", [0o000, 0o200, 0o400])
def test_what_lies_in_a_closed_folder_cannot_be_read_or_written(
    public: Path, folder: Folder, mode: int
) -> None:
    (public / "sub").chmod(mode)
    with unprivileged():
        for use in (
            lambda: folder.read("sub/c.md"),
            lambda: folder.write("sub/c.md", b"new", expect=version_of(b"text")),
            lambda: folder.write("sub/new/d.md", b"new", expect=""),
            lambda: folder.remove("sub/c.md", expect=version_of(b"text")),
        ):
            with pytest.raises(Unavailable, match="permission denied") as caught:
                use()
            assert str(public) not in str(caught.value)
    (public / "sub").chmod(0o755)
    assert (public / "sub/c.md").read_bytes() == b"text"
    assert len(list((public / "sub").iterdir())) == 1


def test_files_that_can_be_listed_and_not_examined_are_skipped(
    public: Path, folder: Folder
) -> None:
    (public / "sub").chmod(0o400)
    with unprivileged():
        reason = "cannot be read: permission denied"
        assert folder.scan().skipped == {"sub/c.md": reason}
        assert folder.look("sub/c.md") == reason


def test_a_write_protected_document_stays(public: Path, folder: Folder) -> None:
    (public / "a.md").chmod(0o444)
    with unprivileged():
        with pytest.raises(WriteFailed, match="write-protected"):
            folder.write("a.md", b"new", expect=version_of(b"text"))
        with pytest.raises(WriteFailed, match="write-protected"):
            folder.remove("a.md", expect=version_of(b"text"))
    assert (public / "a.md").read_bytes() == b"text"


def test_a_folder_that_cannot_be_written_to_keeps_what_it_has(public: Path, folder: Folder) -> None:
    (public / "sub").chmod(0o555)
    with unprivileged():
        for name, expect in (
            ("sub/c.md", version_of(b"text")),
            ("sub/d.md", ""),
            ("sub/e/f.md", ""),
        ):
            with pytest.raises(WriteFailed, match="write-protected"):
                folder.write(name, b"new", expect=expect)
        with pytest.raises(WriteFailed, match="permission denied"):
            folder.remove("sub/c.md", expect=version_of(b"text"))
    assert [path.name for path in (public / "sub").iterdir()] == ["c.md"]


def test_an_unreadable_ignore_file_is_listed(public: Path, folder: Folder) -> None:
    (public / ".gitignore").write_text("a.md", encoding="utf-8")
    (public / ".gitignore").chmod(0)
    with unprivileged():
        scan = folder.scan()
    assert "permission denied" in scan.skipped[".gitignore"]
    assert "a.md" in scan.files


def test_an_unreadable_root_is_unavailable_and_not_empty(public: Path, folder: Folder) -> None:
    public.chmod(0)
    with unprivileged():
        for use in (folder.scan, lambda: folder.look("a.md"), lambda: folder.read("a.md")):
            with pytest.raises(FolderUnavailable, match="permission denied") as caught:
                use()
            assert str(public) not in str(caught.value)


def test_every_refusal_of_the_system_is_one_of_our_errors(public: Path, folder: Folder) -> None:
    (public / "sub").chmod(0o100)
    with unprivileged(), pytest.raises(DocindexError):
        folder.write("sub/c.md", b"new", expect=version_of(b"text"))
