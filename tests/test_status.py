"""What an indexer says of itself is read as it was written, or said to be old."""

import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest

from docindex.indexer import status
from docindex.indexer.status import IndexerStatus, beat_of, read_status, write_status

READY = IndexerStatus("instance", 7, "ready", documents=3)


def refuse(path: Path, value: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_status_that_cannot_be_written_is_not_taken_for_the_present_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "status.json"
    assert (read_status(path), beat_of(path)) == (None, None)
    write_status(path, READY)
    with monkeypatch.context() as full:
        full.setattr(status, "write_json", refuse)
        with pytest.raises(OSError, match="No space left"):
            write_status(path, replace(READY, documents=4))
        found = read_status(path)
        assert found is not None
        assert (found.state, found.reason) == ("degraded", status.UNWRITABLE)
        assert found.documents == 3
        os.utime(tmp_path / "status.json.stale", (1, 1))
        before = beat_of(path)
        with pytest.raises(OSError, match="No space left"):
            write_status(path, READY)
        assert beat_of(path) != before  # who writes lives
    write_status(path, READY)
    assert [each.name for each in tmp_path.iterdir()] == ["status.json"]
    found = read_status(path)
    assert found is not None
    assert found.state == "ready"


def test_a_status_is_read_again_when_it_is_another_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "status.json"
    file = status.StatusFile(path)
    assert file.read() is None
    for documents in range(20):
        write_status(path, replace(READY, documents=documents))
        found = file.read()
        assert found is not None
        assert found.documents == documents
    monkeypatch.setattr(status, "TICK_NS", -1)  # whatever is written now is old enough
    first = file.read()
    assert first is not None
    assert file.read() is first
    write_status(path, replace(READY, documents=77))
    found = file.read()
    assert found is not None
    assert found.documents == 77
    path.unlink()
    assert file.read() is None
