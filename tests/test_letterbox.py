"""Requests reach the indexer, replies come back, and nothing is lost between."""

import os
from pathlib import Path

import pytest

from docindex.indexer.home import Home, home_of
from docindex.indexer.letterbox import ABANDONED_SECONDS, Letterbox, Reply, Request


@pytest.fixture
def home(tmp_path: Path) -> Home:
    documents = tmp_path / "documents"
    documents.mkdir()
    return home_of(tmp_path / "cache", documents)


def test_a_request_waits_until_it_is_answered(home: Home) -> None:
    server, indexer = Letterbox(home), Letterbox(home)
    request_id = server.post(Request("index", ("a.md",)))
    assert server.reply(request_id) is None
    (request,) = indexer.requests()
    assert (request.op, request.names, request.id) == ("index", ("a.md",), request_id)
    indexer.answer(request, Reply(generation=7, indexed=1))
    assert list(indexer.requests()) == []
    assert server.wait(request_id, 1.0, lambda: False) == Reply(generation=7, indexed=1)


def test_a_reply_is_fetched_once(home: Home) -> None:
    letterbox = Letterbox(home)
    request_id = letterbox.post(Request("reindex", full=True))
    letterbox.answer(Request("reindex", id=request_id), Reply(1))
    assert letterbox.reply(request_id) == Reply(1)
    assert letterbox.reply(request_id) is None


def test_requests_come_oldest_first(home: Home) -> None:
    letterbox = Letterbox(home)
    posted = [letterbox.post(Request("index", (f"{number}.md",))) for number in range(20)]
    assert [request.id for request in letterbox.requests()] == posted


def test_waiting_ends_when_it_is_given_up(home: Home) -> None:
    letterbox = Letterbox(home)
    assert letterbox.wait(letterbox.post(Request("reindex")), 60.0, lambda: True) is None


@pytest.mark.parametrize(
    "junk",
    [
        b"",
        b"not JSON",
        b"[]",
        b"{}",
        b'{"op":"index","names":7}',
        b'{"op":"explode","names":[],"full":0}',
    ],
)
def test_a_file_that_is_no_request_is_removed_and_stops_nobody(home: Home, junk: bytes) -> None:
    letterbox = Letterbox(home)
    (home.requests / "0-junk").write_bytes(junk)
    request_id = letterbox.post(Request("index", ("a.md",)))
    assert [request.id for request in letterbox.requests()] == [request_id]
    assert not (home.requests / "0-junk").exists()


def test_replies_that_nobody_fetched_are_removed_in_the_end(home: Home) -> None:
    letterbox = Letterbox(home)
    for name in ("old", "new"):
        letterbox.answer(Request("index", id=name), Reply(1))
    moment = (home.replies / "new").stat().st_mtime - ABANDONED_SECONDS - 1
    os.utime(home.replies / "old", (moment, moment))
    letterbox.remove_abandoned()
    assert [path.name for path in home.replies.iterdir()] == ["new"]
