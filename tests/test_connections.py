"""What is written at once is sent at once."""

import asyncio
import socket

import pytest

from docindex.server.connections import Joined

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Sent(asyncio.Transport):
    """Takes what is sent, piece by piece."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[bytes | None] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.pieces.append(bytes(data))

    def close(self) -> None:
        self.pieces.append(None)


def joined() -> tuple[Joined, Sent]:
    sent = Sent()
    return Joined(sent, asyncio.get_running_loop()), sent


async def test_head_and_body_of_an_answer_are_sent_in_one_piece() -> None:
    subject, sent = joined()
    for written in (b"head ", b"body", b""):
        subject.write(written)
    await asyncio.sleep(0)
    assert sent.pieces == [b"head body"]


async def test_a_piece_that_nothing_follows_is_sent_at_the_end_of_the_round() -> None:
    subject, sent = joined()
    for event in (b"one", b"two"):
        subject.write(event)
        await asyncio.sleep(0)
    assert sent.pieces == [b"one", b"two"]


async def test_what_is_written_is_sent_before_the_end() -> None:
    subject, sent = joined()
    subject.write(b"last")
    subject.close()
    await asyncio.sleep(0)
    assert sent.pieces == [b"last", None]


async def test_what_a_transport_can_do_it_can_do_joined() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        loop = asyncio.get_running_loop()
        inner, _ = await loop.create_connection(asyncio.Protocol, sock=ours)
        subject = Joined(inner, loop)
        assert subject.get_extra_info("socket").fileno() == ours.fileno()
        subject.pause_reading()
        assert not inner.is_reading()
        subject.resume_reading()
        assert inner.is_reading()
        subject.abort()
        assert subject.is_closing()
        await asyncio.sleep(0)
