"""The one door: scanning, looking, reading, writing, removing."""

import errno
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import pytest

from docindex.indexer import ignores, stamps
from docindex.indexer import root as root_module
from docindex.indexer.atomic import Attributes
from docindex.indexer.directories import NATIVE, CheckedDirectory, Directory, HeldDirectory
from docindex.indexer.errors import (
    DocumentNotFound,
    FolderUnavailable,
    InvalidName,
    NotADocument,
    ReadOnly,
    TooLarge,
    VersionMismatch,
    WriteFailed,
)
from docindex.indexer.files import Folder, version_of
from docindex.indexer.ignores import IgnoreRules
from docindex.indexer.models import Options, Stamp
from docindex.indexer.root import MOST_OPEN, Visit

OpenFolder = Callable[..., Folder]


@pytest.fixture(params=[HeldDirectory, CheckedDirectory])
def kind(request: pytest.FixtureRequest) -> type[Directory]:
    """What works relative to open folders, and what systems without that fall back to."""
    chosen: type[Directory] = request.param
    return chosen


@pytest.fixture
def root(tmp_path: Path) -> Path:
    path = tmp_path / "docs"
    path.mkdir()
    return path


@pytest.fixture
def folder(root: Path, kind: type[Directory]) -> Folder:
    return Folder(root, Options(max_document_bytes=1000), directories=kind)


def put(path: Path, text: str = "text\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
    return path


def test_one_visit_enters_each_folder_once_and_leaves_all_of_them(root: Path) -> None:
    entered: list[str] = []
    left: list[str] = []

    class Counting(HeldDirectory):
        def enter(self, name: str) -> Self:
            entered.append(name)
            return super().enter(name)

        def close(self) -> None:
            left.append("")
            super().close()

    for name in ("a/b/1.md", "a/b/2.md", "a/c/3.md", "4.md"):
        put(root / name, f"{name}\n")
    folder = Folder(root, Options(), directories=Counting)

    with Visit() as visit:
        read = [folder.read(name, visit).data for name in ("a/b/1.md", "a/b/2.md", "a/c/3.md")]
        with pytest.raises(DocumentNotFound):
            folder.read("a/b/none.md", visit)

    assert read == [b"a/b/1.md\n", b"a/b/2.md\n", b"a/c/3.md\n"]
    assert entered == ["a", "b", "c"]
    assert len(left) == 4


def test_a_visit_to_many_folders_holds_few_of_them_open(root: Path) -> None:
    for number in range(3 * MOST_OPEN):
        put(root / f"{number}/page.md")
    folder = Folder(root, Options())

    with Visit() as visit:
        most = 0
        for number in range(3 * MOST_OPEN):
            folder.read(f"{number}/page.md", visit)
            most = max(most, len(os.listdir("/proc/self/fd")) if os.path.exists("/proc") else 0)

    assert most < 2 * MOST_OPEN


def leftovers(root: Path) -> list[str]:
    return [str(path) for path in root.rglob(".docindex-*")]


def test_linux_and_macos_work_relative_to_open_folders() -> None:
    assert (NATIVE is HeldDirectory) == (os.name == "posix")


# Scanning and looking


def test_a_scan_finds_what_is_indexable_with_its_stamp(folder: Folder, root: Path) -> None:
    for name in ("a.md", "b.TXT", "sub/c.markdown", "sub/deep/d.mdx", "sub/folder.md/e.mdown"):
        put(root / name)
    for name in ("image.png", "sub/README", "md", ".hidden.md", ".git/x.md", "sub/.obsidian/y.md"):
        put(root / name)
    scan = folder.scan()
    assert set(scan.files) == {
        "a.md",
        "b.TXT",
        "sub/c.markdown",
        "sub/deep/d.mdx",
        "sub/folder.md/e.mdown",
    }
    assert scan.skipped == {}
    assert scan.ignored == 0
    assert scan.folders == {"sub", "sub/deep", "sub/folder.md"}
    status = (root / "a.md").stat()
    assert scan.files["a.md"] == Stamp(5, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
    for name, stamp in scan.files.items():
        assert folder.look(name) == stamp
        assert folder.read(name).stamp == stamp


def test_a_scan_below_a_folder_is_that_part_of_the_scan(folder: Folder, root: Path) -> None:
    for name in ("a.md", "sub/c.md", "sub/deep/d.md", "subway/e.md"):
        put(root / name)
    whole, part = folder.scan(), folder.scan_below("sub")
    assert part.files == {n: s for n, s in whole.files.items() if n.startswith("sub/")}
    assert part.folders == {"sub/deep"}
    for nothing in ("nothing", "a.md", "", ".", "..", "../docs", "/", "sub/../sub", "\0", "\udcff"):
        assert not folder.scan_below(nothing).files


def test_a_hidden_folder_is_not_scanned_on_its_own_either(folder: Folder, root: Path) -> None:
    put(root / ".git/x.md")
    assert not folder.scan_below(".git").files
    assert folder.look(".git/x.md") is None


@pytest.mark.parametrize(
    "name", ["nothing.md", "a.md/x.md", "sub", "sub.md", "a.png", "", "../a.md"]
)
def test_a_look_finds_nothing_where_there_is_no_document(
    folder: Folder, root: Path, name: str
) -> None:
    put(root / "a.md")
    put(root / "a.png")
    put(root / "sub/b.md")
    (root / "sub.md").mkdir()
    assert folder.look(name) is None


def test_what_is_too_large_is_skipped_with_the_reason(folder: Folder, root: Path) -> None:
    put(root / "big.md", "x" * 1001)
    put(root / "fits.md", "x" * 1000)
    reason = folder.scan().skipped["big.md"]
    assert reason == folder.look("big.md") == "too large: 1,001 bytes, and the limit is 1,000"
    assert "fits.md" in folder.scan().files
    with pytest.raises(TooLarge, match="1,001 bytes"):
        folder.read("big.md")


def test_an_nfd_file_is_found_by_its_nfc_name(folder: Folder, root: Path) -> None:
    put(root / "re\u0301sume\u0301/cafe\u0301.md", "coffee")
    name = "r\u00e9sum\u00e9/caf\u00e9.md"
    scan = folder.scan()
    assert set(scan.files) == {name}
    assert scan.folders == {"r\u00e9sum\u00e9"}
    assert folder.look(name) == scan.files[name]
    assert folder.read(name).data == b"coffee"
    folder.write(name, b"tea", expect=version_of(b"coffee"))
    assert (root / "re\u0301sume\u0301/cafe\u0301.md").read_bytes() == b"tea"
    folder.remove(name, expect=version_of(b"tea"))
    assert os.listdir(root / "re\u0301sume\u0301") == []


def test_a_name_that_is_ascii_only_in_nfc_is_found(folder: Folder, root: Path) -> None:
    put(root / "\u212aelvin.md", "273")
    assert set(folder.scan().files) == {"Kelvin.md"}
    assert folder.read("Kelvin.md").data == b"273"


def test_of_unicode_twins_the_nfc_one_wins_and_the_other_is_listed(
    folder: Folder, root: Path
) -> None:
    put(root / "cafe\u0301.md", "nfd")
    put(root / "caf\u00e9.md", "nfc")
    put(root / "e\u0301/x.md", "nfd")
    put(root / "\u00e9/x.md", "nfc")
    put(root / "a\u0328\u0301.md", "nfd")  # no one of these two is NFC
    put(root / "a\u0301\u0328.md", "other order")
    scan = folder.scan()
    assert set(scan.files) == {"caf\u00e9.md", "\u00e9/x.md", "\u0105\u0301.md"}
    assert set(scan.skipped) == {r"cafe\u0301.md", r"e\u0301/", r"a\u0328\u0301.md"}
    for name, stamp in scan.files.items():
        assert folder.look(name) == stamp
    assert folder.read("caf\u00e9.md").data == folder.read("\u00e9/x.md").data == b"nfc"


def test_a_folder_nested_too_deep_is_listed(root: Path) -> None:
    deep = root
    for _ in range(70):
        deep /= "d"
    put(deep / "x.md")
    scan = Folder(root, Options()).scan()
    assert not scan.files
    assert list(scan.skipped) == ["d/" * 65]


# The root


def test_a_root_that_went_away_is_noticed_and_one_in_its_place_too(
    folder: Folder, root: Path
) -> None:
    put(root / "a.md")
    folder.check()
    identity = folder.identity
    root.rename(root.with_name("elsewhere"))
    with pytest.raises(FolderUnavailable):
        folder.check()
    put(root / "a.md")
    for use in (
        folder.check,
        folder.scan,
        lambda: folder.scan_below("a"),
        lambda: folder.look("a.md"),
        lambda: folder.read("a.md"),
        lambda: folder.write("b.md", b"", expect=""),
        lambda: folder.remove("a.md", expect=version_of(b"text\n")),
    ):
        with pytest.raises(FolderUnavailable, match="another folder") as caught:
            use()
        assert str(root) not in str(caught.value)
    (root / "a.md").unlink()
    root.rmdir()
    with pytest.raises(FolderUnavailable, match="no such file"):
        folder.scan()
    root.with_name("elsewhere").rename(root)
    assert folder.identity == identity
    assert set(folder.scan().files) == {"a.md"}


def test_a_root_that_goes_away_during_a_scan_is_not_an_empty_one(root: Path) -> None:
    class Vanishing(HeldDirectory):
        def enter(self, name: str) -> "Vanishing":
            root.rename(root.with_name("elsewhere"))
            return super().enter(name)

    put(root / "sub/a.md")
    with pytest.raises(FolderUnavailable):
        Folder(root, Options(), directories=Vanishing).scan()


def test_a_folder_opens_lazily_and_may_be_reached_through_a_link(
    tmp_path: Path, kind: type[Directory]
) -> None:
    put(tmp_path / "real/a.md")
    (tmp_path / "link").symlink_to("real")
    folder = Folder(tmp_path / "link", Options(), directories=kind)
    assert folder.path == os.path.realpath(tmp_path / "real")
    assert set(folder.scan().files) == {"a.md"}
    later = Folder(tmp_path / "later", Options(), directories=kind)
    put(tmp_path / "later/b.md")
    assert set(later.scan().files) == {"b.md"}


def test_a_file_system_that_folds_case_does_not_open_the_door(root: Path) -> None:
    """A stand-in for macOS and Windows, where `SECRET` opens `secret`."""

    class Folding(HeldDirectory):
        def _same(self, name: str) -> str:
            alike = [e.name for e in self.entries() if e.name.casefold() == name.casefold()]
            return alike[0] if alike else name

        def status(self, name: str) -> os.stat_result:
            return super().status(self._same(name))

        def enter(self, name: str) -> "Folding":
            return super().enter(self._same(name))

        def open(self, name: str) -> int:
            return super().open(self._same(name))

        def link(self, old: str, new: str) -> None:
            super().link(old, self._same(new))

    put(root / ".gitignore", "secret/\n")
    put(root / "secret/x.md")
    put(root / "guide/x.md")
    folder = Folder(root, Options(), directories=Folding)
    assert folder.read("guide/x.md").data == b"text\n"
    for name in ("SECRET/x.md", "Guide/x.md", "guide/X.md"):
        assert folder.look(name) is None
        with pytest.raises(DocumentNotFound):
            folder.read(name)
    with pytest.raises(InvalidName, match="only capital letters"):
        folder.write("guide/X.md", b"", expect="")


def test_ignore_files_are_looked_for_again_when_something_has_come_to_a_folder(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stamps, "UNSETTLED_NS", 0)
    loaded: list[int] = []

    def load(directory: Directory, depth: int, above: IgnoreRules) -> Any:
        loaded.append(depth)
        return ignores.load(directory, depth, above)

    monkeypatch.setattr(root_module, "load", load)
    put(root / "guide/a.md")
    for place in (root, root / "guide"):
        os.utime(place, ns=(1, 1))
    folder = Folder(root, Options())
    assert folder.look("guide/a.md") is not None
    assert loaded == [0, 1]
    assert folder.read("guide/a.md").data == b"text\n"
    assert loaded == [0, 1]
    put(root / "guide/.gitignore", "a.md\n")
    assert folder.look("guide/a.md") is None
    assert loaded == [0, 1, 1]
    with pytest.raises(NotADocument, match="ignore rule"):
        folder.read("guide/a.md")
    # Where there is one, it may change while the folder stays the same.
    put(root / "guide/.gitignore", "b.md\n")
    assert folder.look("guide/a.md") is not None


# Reading


def test_what_is_not_there_is_not_found(folder: Folder, root: Path) -> None:
    put(root / "a.md")
    for name in ("b.md", "sub/a.md"):
        with pytest.raises(DocumentNotFound, match="there is no document"):
            folder.read(name)
        with pytest.raises(DocumentNotFound):
            folder.remove(name, expect=version_of(b""))
    with pytest.raises(NotADocument, match="not a folder"):
        folder.read("a.md/b.md")


def test_a_file_that_goes_between_the_look_and_the_opening_is_not_found(root: Path) -> None:
    class Losing(HeldDirectory):
        def open(self, name: str) -> int:
            self.unlink(name)
            return super().open(name)

    put(root / "a.md")
    with pytest.raises(DocumentNotFound):
        Folder(root, Options(), directories=Losing).read("a.md")


def test_a_file_swapped_for_a_link_between_the_look_and_the_opening_is_refused(
    root: Path, tmp_path: Path
) -> None:
    secret = put(tmp_path / "secret.md", "canary")

    class Swapping(HeldDirectory):
        def open(self, name: str) -> int:
            (root / name).unlink()
            (root / name).symlink_to(secret)
            return super().open(name)

    put(root / "a.md")
    with pytest.raises(NotADocument, match="symbolic link"):
        Folder(root, Options(), directories=Swapping).read("a.md")


def test_a_growing_file_is_read_as_it_was_at_some_moment_or_refused(
    folder: Folder, root: Path
) -> None:
    path = put(root / "log.md", "")
    stop = threading.Event()

    def grow() -> None:
        while not stop.is_set():
            with open(path, "ab") as file:
                for _ in range(200):
                    file.write(b"line\n")
                    file.flush()
            path.write_bytes(b"")

    thread = threading.Thread(target=grow)
    thread.start()
    try:
        for _ in range(300):
            try:
                found = folder.read("log.md")
            except TooLarge:
                continue
            assert (b"line\n" * 200).startswith(found.data)
    finally:
        stop.set()
        thread.join()


def test_a_version_depends_on_the_bytes_alone() -> None:
    assert version_of(b"a") == version_of(b"ab"[:1])
    assert len(version_of(b"a")) == 16
    assert version_of(b"a") != version_of(b"a\n")


# Writing


@pytest.mark.parametrize(
    ("name", "expect", "error"),
    [
        ("b.md", "", None),
        ("new/deep/b.md", "", None),
        ("a.md", version_of(b"text\n"), None),
        ("a.md", "", VersionMismatch),
        ("b.md", version_of(b"text\n"), VersionMismatch),
        ("A.md", "", InvalidName),
        ("con.md", "", InvalidName),
        ("a.md/b.md", "", NotADocument),
        (".b.md", "", NotADocument),
    ],
)
def test_a_check_tells_beforehand_whether_a_write_is_refused(
    folder: Folder, root: Path, name: str, expect: str, error: type[Exception] | None
) -> None:
    put(root / "a.md")
    if error is None:
        folder.check_write(name, expect=expect)
    else:
        with pytest.raises(error) as checked:
            folder.check_write(name, expect=expect)
        with pytest.raises(error) as written:
            folder.write(name, b"new", expect=expect)
        assert str(checked.value) == str(written.value)
    assert os.listdir(root) == ["a.md"]
    assert (root / "a.md").read_bytes() == b"text\n"


def test_a_document_is_created_with_its_folders(folder: Folder, root: Path) -> None:
    old = os.umask(0o027)
    try:
        stamp = folder.write("new/deep/a.md", b"\xef\xbb\xbfone\r\ntwo", expect="")
    finally:
        os.umask(old)
    assert (root / "new/deep/a.md").read_bytes() == b"\xef\xbb\xbfone\r\ntwo"
    assert folder.look("new/deep/a.md") == stamp
    assert stat.S_IMODE((root / "new/deep/a.md").stat().st_mode) == 0o640
    assert stat.S_IMODE((root / "new").stat().st_mode) == 0o750
    assert (root / "new/deep/a.md").stat().st_nlink == 1
    assert leftovers(root) == []


@pytest.mark.skipif(os.name == "nt", reason="modes are those of POSIX")
def test_a_new_document_has_the_mode_it_is_given_and_at_no_moment_a_wider_one(root: Path) -> None:
    modes: list[int] = []

    class Watching(HeldDirectory):
        def link(self, old: str, new: str) -> None:
            modes.append(self.status(old).st_mode)
            super().link(old, new)

        def create(self, name: str, mode: int) -> int:
            modes.append(mode)
            return super().create(name, mode)

    folder = Folder(root, Options(), directories=Watching)
    folder.write("a.md", b"secret", expect="", like=Attributes(0o640))
    assert [stat.S_IMODE(mode) for mode in modes] == [0o600, 0o640]
    assert folder.attributes("a.md") == Attributes(0o640, os.geteuid(), os.getegid())


def test_a_document_is_replaced_and_keeps_its_mode(folder: Folder, root: Path) -> None:
    path = put(root / "a.md", "old")
    path.chmod(0o604)
    stamp = folder.write("a.md", b"new", expect=version_of(b"old"))
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o604
    assert folder.look("a.md") == folder.scan().files["a.md"] == stamp
    assert leftovers(root) == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root")
def test_a_document_keeps_its_owner_and_group(folder: Folder, root: Path) -> None:
    path = put(root / "a.md", "old")
    os.chown(path, 12345, 54321)
    folder.write("a.md", b"new", expect=version_of(b"old"))
    assert (path.stat().st_uid, path.stat().st_gid) == (12345, 54321)


def test_a_document_that_is_not_as_expected_is_left_alone(folder: Folder, root: Path) -> None:
    path = put(root / "a.md", "theirs")
    with pytest.raises(VersionMismatch, match=version_of(b"theirs")):
        folder.write("a.md", b"mine", expect=version_of(b"older"))
    with pytest.raises(VersionMismatch, match="exists by now"):
        folder.write("a.md", b"mine", expect="")
    with pytest.raises(VersionMismatch):
        folder.remove("a.md", expect=version_of(b"older"))
    with pytest.raises(VersionMismatch, match="not there"):
        folder.write("new/b.md", b"mine", expect=version_of(b"older"))
    assert path.read_bytes() == b"theirs"
    assert sorted(os.listdir(root)) == ["a.md"]


@pytest.mark.parametrize("before", ["old", None])
def test_a_change_during_the_write_is_noticed_at_the_last_moment(
    root: Path, before: str | None
) -> None:
    """The version is right when the write begins, and wrong when it ends."""

    class Interrupted(HeldDirectory):
        def create(self, name: str, mode: int) -> int:
            put(root / "a.md", "theirs")
            return super().create(name, mode)

    expect = ""
    if before is not None:
        put(root / "a.md", before)
        expect = version_of(before.encode())
    with pytest.raises(VersionMismatch):
        Folder(root, Options(), directories=Interrupted).write("a.md", b"mine", expect=expect)
    assert (root / "a.md").read_bytes() == b"theirs"
    assert os.listdir(root) == ["a.md"]


def test_a_new_document_never_replaces_one_that_came_just_before(root: Path) -> None:
    """Between the last check and the moment when the new file takes its name."""

    class Interrupted(HeldDirectory):
        def link(self, old: str, new: str) -> None:
            put(root / new, "theirs")
            super().link(old, new)

    with pytest.raises(VersionMismatch, match="exists by now"):
        Folder(root, Options(), directories=Interrupted).write("a.md", b"mine", expect="")
    assert (root / "a.md").read_bytes() == b"theirs"
    assert leftovers(root) == []


def test_a_file_system_without_hard_links_will_do(root: Path) -> None:
    class Linkless(HeldDirectory):
        def link(self, old: str, new: str) -> None:
            raise PermissionError(errno.EPERM, f"{old} gets no name {new}")

    Folder(root, Options(), directories=Linkless).write("a.md", b"mine", expect="")
    assert (root / "a.md").read_bytes() == b"mine"
    assert os.listdir(root) == ["a.md"]


def test_what_somebody_writes_right_after_us_does_not_get_our_stamp(root: Path) -> None:
    class Overtaken(HeldDirectory):
        def sync(self) -> None:
            super().sync()
            put(root / "b.md", "theirs").rename(root / "a.md")

    put(root / "a.md", "old")
    folder = Folder(root, Options(), directories=Overtaken)
    stamp = folder.write("a.md", b"ours", expect=version_of(b"old"))
    assert stamp.size == 4
    assert folder.look("a.md") != stamp


def test_the_other_names_of_a_hard_link_keep_the_old_text(
    folder: Folder, root: Path, tmp_path: Path
) -> None:
    outside = put(tmp_path / "outside.md", "shared")
    os.link(outside, root / "a.md")
    folder.write("a.md", b"changed", expect=version_of(b"shared"))
    assert outside.read_bytes() == b"shared"


def test_a_document_is_removed_and_its_folder_stays(folder: Folder, root: Path) -> None:
    put(root / "sub/a.md", "old")
    folder.remove("sub/a.md", expect=version_of(b"old"))
    assert os.listdir(root / "sub") == []


def test_case_twins_are_not_created_but_may_be_there(folder: Folder, root: Path) -> None:
    put(root / "guide/setup.md")
    put(root / "guide/SETUP.md")
    assert folder.read("guide/SETUP.md").data == b"text\n"
    folder.write("guide/SETUP.md", b"x", expect=version_of(b"text\n"))
    for name in ("guide/Setup.md", "Guide/new.md", "GUIDE/deep/new.md"):
        with pytest.raises(InvalidName, match="only capital letters"):
            folder.write(name, b"", expect="")
    assert os.listdir(root) == ["guide"]


def test_an_odd_name_is_edited_where_it_is_and_not_made_anew(folder: Folder, root: Path) -> None:
    put(root / "Q&A: notes?/why.md", "old")
    folder.write("Q&A: notes?/why.md", b"new", expect=version_of(b"old"))
    folder.write("Q&A: notes?/new.md", b"new", expect="")
    with pytest.raises(InvalidName, match="does not allow"):
        folder.write("Q&A: notes?/what?.md", b"new", expect="")


def test_a_text_over_the_limit_is_not_written(folder: Folder, root: Path) -> None:
    with pytest.raises(TooLarge, match="1,001 bytes"):
        folder.write("a.md", b"x" * 1001, expect="")
    assert os.listdir(root) == []


def test_a_read_only_library_changes_nothing(root: Path, kind: type[Directory]) -> None:
    put(root / "a.md", "old")
    folder = Folder(root, Options(read_only=True), directories=kind)
    for use in (
        lambda: folder.write("a.md", b"new", expect=version_of(b"old")),
        lambda: folder.remove("a.md", expect=version_of(b"old")),
        folder.sweep_temporaries,
    ):
        with pytest.raises(ReadOnly):
            use()
    assert folder.read("a.md").data == b"old"


def test_folders_made_for_a_write_that_fails_are_removed_again(root: Path) -> None:
    class Full(HeldDirectory):
        def create(self, name: str, mode: int) -> int:
            raise OSError(errno.ENOSPC, f"no room for {name} with mode {mode}")

    put(root / "there/a.md")
    folder = Folder(root, Options(), directories=Full)
    with pytest.raises(WriteFailed, match="the disk is full; what was there is unchanged"):
        folder.write("there/new/deep/b.md", b"x", expect="")
    assert os.listdir(root / "there") == ["a.md"]


def test_temporary_files_are_swept_when_they_are_old_and_ours(folder: Folder, root: Path) -> None:
    ours, fresh, other = (
        put(root / "sub" / name)
        for name in (".docindex-0123456789abcdef.tmp", ".docindex-fedcba9876543210.tmp", ".x.tmp")
    )
    for path in (ours, other):
        os.utime(path, (1, 1))
    assert folder.sweep_temporaries() == 1
    assert not ours.exists()
    assert fresh.exists()
    assert other.exists()
