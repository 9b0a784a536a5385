"""Bad names: each gets its clear error, or is taken for what it is: a name."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from docindex.indexer.directories import CheckedDirectory
from docindex.indexer.errors import DocindexError, DocumentNotFound
from docindex.indexer.files import Folder
from docindex.indexer.models import Options
from docindex.indexer.names import parse_name, parse_uri, uri_of
from tests.hostile.conftest import Ground

HERE = Path(__file__).parent
NAMES = json.loads((HERE / "names.json").read_text(encoding="utf-8"))
ADDRESSES = json.loads((HERE / "addresses.json").read_text(encoding="utf-8"))

Row = dict[str, str]


def _name(row: Row) -> str:
    return row["name"] * int(row.get("times", 1)) + row.get("then", "")


def _code(use: Callable[[], object], ground: Ground | None = None) -> str:
    """The code of the error; "taken" when there is none. Every message is fit to show."""
    try:
        use()
    except DocindexError as error:
        message = str(error)
        assert message.isprintable()
        assert len(message) < 400
        if ground is not None:
            assert str(ground.root.parent) not in message
        return error.code
    return "taken"


@pytest.fixture(params=NAMES, ids=lambda row: row["why"])
def row(request: pytest.FixtureRequest) -> Row:
    chosen: Row = request.param
    return chosen


@pytest.fixture
def folder(ground: Ground) -> Folder:
    return Folder(ground.root, Options())


def test_a_bad_name_is_refused_or_taken_as_characters(row: Row) -> None:
    name = _name(row)
    assert _code(lambda: parse_name(name)) == row["gives"]
    creating = row.get("creating", row["gives"]).replace("invalid_name_in_folder", "taken")
    assert _code(lambda: parse_name(name, creating=True)) == creating
    if row["gives"] == "taken":
        assert parse_uri(uri_of(parse_name(name))) == (parse_name(name), "")


def test_nothing_is_read_or_removed_by_a_bad_name(
    row: Row, ground: Ground, folder: Folder, untouched: Callable[[], None]
) -> None:
    name = _name(row)
    expected = row["gives"].replace("taken", DocumentNotFound.code)
    assert _code(lambda: folder.read(name), ground) == expected
    assert _code(lambda: folder.remove(name, expect="0123456789abcdef"), ground) == expected
    assert folder.look(name) is None
    scan = folder.scan_below(name)
    assert not scan.files
    untouched()


def test_nothing_is_written_outside_by_a_bad_name(row: Row, ground: Ground, folder: Folder) -> None:
    name = _name(row)
    outsides = ground.outsides()
    expected = row.get("creating", row["gives"]).removesuffix("_in_folder")
    assert _code(lambda: folder.write(name, b"written", expect=""), ground) == expected
    assert ground.outsides() == outsides
    if expected == "taken":
        assert folder.read(name).data == b"written"
        assert folder.scan().files[parse_name(name)] == folder.look(name)
    else:
        assert len(list(ground.root.rglob("*"))) == 3


def test_the_fallback_refuses_the_same_names(ground: Ground, untouched: Callable[[], None]) -> None:
    folder = Folder(ground.root, Options(), directories=CheckedDirectory)
    for row in NAMES:
        name = _name(row)
        code = row["gives"].replace("taken", DocumentNotFound.code)
        assert _code(partial(folder.read, name), ground) == code, row
        assert folder.look(name) is None, row
        if row.get("creating", row["gives"]) != "taken":
            assert _code(partial(folder.write, name, b"", expect=""), ground) != "taken"
    untouched()


def test_an_address_with_a_lone_surrogate_is_refused() -> None:
    for uri in ("doc://documents/a\ud800.md", "doc://documents/inside.md#a\ud800"):
        assert _code(partial(parse_uri, uri)) == "invalid_name"


@pytest.mark.parametrize("row", ADDRESSES, ids=lambda row: row["why"])
def test_a_bad_address_is_refused_or_means_what_it_says(row: Row) -> None:
    uri = row["uri"] * int(row.get("times", 1))
    assert _code(lambda: parse_uri(uri)) == row["gives"]
    if row["gives"] == "taken":
        assert parse_uri(uri) == (row["name"], row.get("anchor", ""))
