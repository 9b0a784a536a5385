"""Bad files: each is skipped with its reason or taken, and nothing outside comes in."""

import os
import socket
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import pytest

from docindex.indexer.directories import Directory
from docindex.indexer.errors import DocindexError, InvalidName
from docindex.indexer.files import Folder, version_of
from docindex.indexer.models import Options, Stamp
from tests.hostile.conftest import CANARY, Ground, fingerprint

LIMIT = 1_000_000


@dataclass(frozen=True)
class Bad:
    why: str
    make: Callable[[Ground], object]
    name: str = "bad.md"
    skipped: str = ""
    """Part of the reason; "" when it is not listed."""
    key: str = ""
    """Under which it is listed, when that is not its name."""
    code: str = "not_a_document"
    """Of the error when it is read all the same."""
    data: bytes | None = None
    """What reading gives."""


def _bytes(data: bytes) -> Callable[[Ground], object]:
    return lambda ground: (ground.root / "bad.md").write_bytes(data)


def _link(target: str, name: str = "bad.md") -> Callable[[Ground], object]:
    return lambda ground: (ground.root / name).symlink_to(target)


def _raw(name: bytes) -> Callable[[Ground], object]:
    def make(ground: Ground) -> None:
        with open(os.fsencode(ground.root) + b"/" + name, "wb"):
            pass

    return make


def _socket(ground: Ground) -> None:
    here = os.getcwd()
    os.chdir(ground.root)  # the path of a socket must be short
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind("bad.md")
    finally:
        os.chdir(here)


def _device(ground: Ground) -> None:
    try:
        os.mknod(ground.root / "bad.md", stat.S_IFCHR | 0o666, os.makedev(1, 5))  # /dev/zero
    except PermissionError:
        pytest.skip("only root makes devices")


def _sparse(size: int) -> Callable[[Ground], object]:
    def make(ground: Ground) -> None:
        with open(ground.root / "bad.md", "wb") as file:
            file.truncate(size)

    return make


def _time(seconds: int) -> Callable[[Ground], object]:
    def make(ground: Ground) -> None:
        (ground.root / "bad.md").write_bytes(b"x")
        os.utime(ground.root / "bad.md", (seconds, seconds))

    return make


def _hard_link(ground: Ground) -> None:
    os.link(ground.outside / "canary.md", ground.root / "bad.md")


LINK = "symbolic link: not followed"

BAD = [
    Bad("link to a file outside", _link("../outside/canary.md"), skipped=LINK),
    Bad("link to a file inside", _link("inside.md"), skipped=LINK),
    Bad("link to itself", _link("bad.md"), skipped=LINK),
    Bad("link to nothing", _link("nothing.md"), skipped=LINK),
    Bad("link to a device", _link("/dev/zero"), skipped=LINK),
    Bad(
        "link to a folder outside",
        _link("../outside", "link"),
        name="link/canary.md",
        skipped=LINK,
        key="link",
    ),
    Bad(
        "link to the folder above",
        _link("..", "link"),
        name="link/outside/canary.md",
        skipped=LINK,
        key="link",
    ),
    Bad(
        "link that makes a loop",
        _link(".", "loop"),
        name="loop/loop/inside.md",
        skipped=LINK,
        key="loop",
    ),
    Bad("link to the root of all", _link("/", "link"), "link/etc/x.md", LINK, key="link"),
    Bad("FIFO", lambda ground: os.mkfifo(ground.root / "bad.md"), skipped="a FIFO"),
    Bad("socket", _socket, skipped="a socket"),
    Bad("device", _device, skipped="a device"),
    Bad("5 GB, sparse", _sparse(5 << 30), skipped="too large: 5,368,709,120", code="too_large"),
    Bad("one byte too many", _sparse(LIMIT + 1), skipped="too large", code="too_large"),
    Bad("just not too large", _sparse(LIMIT), data=bytes(LIMIT)),
    Bad("zero length", _bytes(b""), data=b""),
    Bad("PNG", _bytes(b"\x89PNG\r\n\x1a\n\0\0"), data=b"\x89PNG\r\n\x1a\n\0\0"),
    Bad("invalid UTF-8", _bytes(b"a\xff\xfe\xc0\xaf"), data=b"a\xff\xfe\xc0\xaf"),
    Bad("UTF-16", _bytes("\ufeffä".encode("utf-16")), data="\ufeffä".encode("utf-16")),
    Bad("NUL bytes", _bytes(b"a\0b\0"), data=b"a\0b\0"),
    Bad("mtime in 2099", _time(4_070_908_800), data=b"x"),
    Bad("mtime in 1901", _time(-2_147_483_647), data=b"x"),
    Bad("hard link to a file outside counts as inside", _hard_link, data=CANARY.encode()),
    Bad(
        "folder with the name of a document",
        lambda ground: (ground.root / "bad.md").mkdir(),
    ),
    Bad(
        "name that is no UTF-8",
        _raw(b"b\xff.md"),
        "b\udcff.md",
        "Unicode",
        r"b\xff.md",
        "invalid_name",
    ),
    Bad("name with a newline", _raw(b"b\n.md"), "b\n.md", "control", r"b\n.md", "invalid_name"),
    Bad("name with ESC", _raw(b"b\x1b[.md"), "b\x1b[.md", "control", r"b\x1b[.md", "invalid_name"),
    Bad(
        "name with a backslash",
        _raw(b"b\\c.md"),
        r"b\c.md",
        "backslash",
        r"b\\c.md",
        "invalid_name",
    ),
    Bad("name like a drive", _raw(b"c:x.md"), "c:x.md", "drive", "c:x.md", "invalid_name"),
    Bad(
        "folder whose name is no UTF-8",
        lambda ground: os.mkdir(os.fsencode(ground.root) + b"/\xe9t\xe9"),
        "\udce9t\udce9/x.md",
        "Unicode",
        r"\xe9t\xe9/",
        "invalid_name",
    ),
]


@pytest.fixture(params=BAD, ids=lambda bad: bad.why)
def bad(request: pytest.FixtureRequest, ground: Ground) -> Bad:
    chosen: Bad = request.param
    try:
        chosen.make(ground)
    except OSError as error:
        pytest.skip(f"cannot be made here: {error.strerror}")
    return chosen


@pytest.fixture
def limited(ground: Ground, kind: type[Directory]) -> Folder:
    return Folder(ground.root, Options(max_document_bytes=LIMIT), directories=kind)


def test_a_bad_file_is_skipped_with_its_reason_or_taken(
    bad: Bad, limited: Folder, untouched: Callable[[], None]
) -> None:
    scan = limited.scan()
    good = {"inside.md", "guide/setup.md"}
    if bad.data is not None:
        good.add(bad.name)
    assert set(scan.files) == good
    if bad.skipped:
        assert list(scan.skipped) == [bad.key or bad.name]
        assert bad.skipped in scan.skipped[bad.key or bad.name]
    else:
        assert scan.skipped == {}
    nameless = bad.code == InvalidName.code
    known = {} if nameless else {**scan.files, **scan.skipped}
    assert limited.look(bad.name) == known.get(bad.name)
    untouched()


def test_a_bad_file_is_read_whole_or_refused(
    bad: Bad, ground: Ground, limited: Folder, untouched: Callable[[], None]
) -> None:
    if bad.data is not None:
        found = limited.read(bad.name)
        assert found.data == bad.data
        assert isinstance(limited.look(bad.name), Stamp)
        assert found.stamp == limited.look(bad.name)
    else:
        with pytest.raises(DocindexError) as caught:
            limited.read(bad.name)
        assert caught.value.code == bad.code
        _fit_to_show(caught.value, ground)
    untouched()


def test_a_bad_file_is_not_replaced_or_removed(bad: Bad, ground: Ground, limited: Folder) -> None:
    outsides = ground.outsides()
    before = fingerprint(ground.root)
    for use in (
        lambda: limited.write(bad.name, b"written", expect=""),
        lambda: limited.write(bad.name, b"written", expect="0123456789abcdef"),
        lambda: limited.remove(bad.name, expect="0123456789abcdef"),
    ):
        with pytest.raises(DocindexError) as caught:
            use()
        if bad.data is None:
            assert caught.value.code == bad.code
        else:
            assert caught.value.code == "version_mismatch"
        _fit_to_show(caught.value, ground)
    assert fingerprint(ground.root) == before
    assert ground.outsides() == outsides


def _fit_to_show(error: DocindexError, ground: Ground) -> None:
    message = str(error)
    assert message.isprintable()
    assert str(ground.root.parent) not in message
    assert CANARY not in message


def test_a_hard_link_to_a_file_outside_is_replaced_and_never_written_through(
    ground: Ground, folder: Folder
) -> None:
    _hard_link(ground)
    folder.write("bad.md", b"mine", expect=version_of(CANARY.encode()))
    assert (ground.outside / "canary.md").read_text(encoding="utf-8") == CANARY
    assert (ground.root / "bad.md").read_bytes() == b"mine"


def test_many_bad_entries_leave_the_good_ones(ground: Ground, limited: Folder) -> None:
    for number, bad in enumerate(BAD):
        below = Ground(ground.root / f"n{number}", ground.outside, ground.evil)
        below.root.mkdir()
        with suppress(OSError, pytest.skip.Exception):
            bad.make(below)
    scan = limited.scan()
    assert {"inside.md", "guide/setup.md"} <= set(scan.files)
    assert len(scan.skipped) >= 12
    for name, stamp in scan.files.items():
        assert limited.look(name) == stamp
