import os
import stat
from pathlib import Path

import pytest

from docindex.indexer.home import home_of, read_json, write_json


def test_everything_in_the_cache_is_private_to_the_user(tmp_path: Path) -> None:
    home = home_of(tmp_path / "far" / "cache", tmp_path)
    for folder in (tmp_path / "far", tmp_path / "far" / "cache", home.path.parent, home.path):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_folder_keeps_its_home(tmp_path: Path) -> None:
    documents = tmp_path / "documents"
    documents.mkdir()
    (tmp_path / "link").symlink_to(documents)
    cache = tmp_path / "cache"
    assert home_of(cache, documents) == home_of(cache, documents)
    assert home_of(cache, tmp_path / "link") == home_of(cache, documents)


def test_another_folder_at_the_same_path_gets_a_home_of_its_own(tmp_path: Path) -> None:
    documents = tmp_path / "documents"
    documents.mkdir()
    first = home_of(tmp_path / "cache", documents)
    documents.rename(tmp_path / "old")
    documents.mkdir()
    assert home_of(tmp_path / "cache", documents) != first


@pytest.mark.parametrize("place", ["", "index", "requests"])
def test_an_index_that_others_could_write_to_is_not_opened(tmp_path: Path, place: str) -> None:
    home = home_of(tmp_path / "cache", tmp_path)
    home.index.mkdir()
    (home.index / "_MAIN_1.toc").write_bytes(b"a planted pickle")
    (home.path / place).chmod(0o777)
    home_of(tmp_path / "cache", tmp_path)
    assert not home.index.exists()
    assert stat.S_IMODE(home.path.stat().st_mode) & 0o022 == 0


def test_a_json_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "value.json"
    write_json(path, {"a": 1})
    write_json(path, {"a": 2})
    assert read_json(path) == {"a": 2}
    assert os.listdir(tmp_path) == ["value.json"]


@pytest.mark.parametrize("junk", [b"", b"{", b"[1]", b"\xff\xfe"])
def test_a_file_that_holds_something_else_reads_as_nothing(tmp_path: Path, junk: bytes) -> None:
    (tmp_path / "value.json").write_bytes(junk)
    assert read_json(tmp_path / "value.json") is None
