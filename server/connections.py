"""One connection over HTTP: the head of a request in time, an answer in one piece."""

import asyncio
from typing import Any, Final, cast

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

HEADER_SECONDS: Final = 20.0
"""How long a client may take to send the head of a request."""


class Joined(asyncio.Transport):
    """Sends what is written together with what follows it in the same round of the loop:
    head and body of an answer, for which the client would be woken twice otherwise."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._held = b""
        self._end_of_round: asyncio.Handle | None = None

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not data:
            return
        if self._end_of_round is None:
            self._held = bytes(data)
            self._end_of_round = self._loop.call_soon(self._send)
        else:
            self._held += data
            self._send()

    def _send(self) -> None:
        if self._end_of_round is not None:
            self._end_of_round.cancel()
            self._end_of_round = None
            self._transport.write(self._held)

    def close(self) -> None:
        self._send()
        self._transport.close()

    def abort(self) -> None:
        self._transport.abort()

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._transport.get_extra_info(name, default)


class Connection(H11Protocol):
    """Closed when the head of a request is not there in time; uvicorn would wait for ever."""

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(Joined(transport, self.loop))
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._unwatch()
        super().connection_lost(exc)

    def _watch(self) -> None:
        if self._at_work():
            self._unwatch()
        elif self._timer is None:
            self._timer = self.loop.call_later(HEADER_SECONDS, self._too_slow)

    def _unwatch(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_slow(self) -> None:
        self._timer = None
        if not self._at_work():
            self.transport.close()

    def _at_work(self) -> bool:
        cycle = cast("RequestResponseCycle | None", self.cycle)  # None at first
        return cycle is not None and not cycle.response_complete
