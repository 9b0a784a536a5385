"""A makeshift index that nobody uses any more is removed, and no other."""

import os
from pathlib import Path

import pytest

from docindex.indexer.home import home_of
from docindex.indexer.locks import Lease
from docindex.indexer.makeshift import PREFIX, remove_abandoned


def test_what_killed_servers_have_left_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    documents = tmp_path / "documents"
    documents.mkdir()
    left, used, young = (tmp_path / f"{PREFIX}{name}" for name in ("left", "used", "young"))
    for place in (left, used, young):
        home_of(place, documents)
    lease = Lease(home_of(used, documents).leases)
    for place in (left, used):
        os.utime(place, (1e9, 1e9))
    remove_abandoned()
    assert (left.exists(), used.exists(), young.exists()) == (False, True, True)
    lease.release()
