"""How servers ask the indexer for something, and hear what came of it.

A request is a file in one folder, its reply a file of the same name in
another. The indexer lists requests and never waits for events of the file
system, so none is missed; asking for the same thing twice does no harm.
"""

import os
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from docindex.indexer.home import Home, write_json

Operation = Literal["index", "reindex", "cancel"]

ABANDONED_SECONDS = 3600.0
"""A reply that nobody fetched for so long is removed."""
POLL_SECONDS = 0.005


@dataclass(frozen=True, slots=True)
class Request:
    op: Operation
    names: tuple[str, ...] = ()
    """The documents to index; for `cancel`, the requests to give up."""
    full: bool = False
    id: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    generation: int
    """The first one that holds what was asked for."""
    ok: bool = True
    error: str = ""
    indexed: int = 0
    removed: int = 0


_REQUEST = TypeAdapter(Request)
_REPLY = TypeAdapter(Reply)


class Letterbox:
    def __init__(self, home: Home) -> None:
        self._home = home

    def post(self, request: Request) -> str:
        """Leaves a request, and gives its id."""
        request_id = f"{time.time_ns():020d}-{secrets.token_hex(4)}"
        write_json(self._home.requests / request_id, asdict(request) | {"id": request_id})
        return request_id

    def reply(self, request_id: str) -> Reply | None:
        """Takes the reply out of the box; None while there is none."""
        path = self._home.replies / request_id
        try:
            reply = _REPLY.validate_json(path.read_bytes())
        except (OSError, ValidationError):
            return None
        path.unlink(missing_ok=True)
        return reply

    def wait(self, request_id: str, seconds: float, given_up: Callable[[], bool]) -> Reply | None:
        """The reply, None when it did not come in time or `given_up` says so."""
        end = time.monotonic() + seconds
        while (reply := self.reply(request_id)) is None:
            if time.monotonic() >= end or given_up():
                return None
            time.sleep(POLL_SECONDS)
        return reply

    def requests(self) -> Iterator[Request]:
        """All that wait for an answer, oldest first."""
        for name in self.waiting():
            path = self._home.requests / name
            try:
                request = _REQUEST.validate_json(path.read_bytes())
            except OSError:
                continue  # gone, or not to be read just now
            except ValidationError:
                path.unlink(missing_ok=True)
                continue
            yield replace(request, id=path.name)

    def waiting(self) -> list[str]:
        """Their ids. Asked for many times a second, mostly to find none."""
        names = os.listdir(self._home.requests)
        return sorted(name for name in names if not name.startswith("."))  # half written

    def answer(self, request: Request, reply: Reply) -> None:
        """The reply is there before the request is gone, so that an indexer which
        dies between the two leaves work that is done again, and never lost."""
        write_json(self._home.replies / request.id, asdict(reply))
        (self._home.requests / request.id).unlink(missing_ok=True)

    def withdraw(self, request_id: str) -> None:
        """Takes back a request of one's own that nobody has to answer any more."""
        (self._home.requests / request_id).unlink(missing_ok=True)

    def waits(self, request_id: str) -> bool:
        return (self._home.requests / request_id).exists()

    def remove_abandoned(self) -> None:
        for path in self._home.replies.iterdir():
            try:
                if time.time() - path.stat().st_mtime > ABANDONED_SECONDS:
                    path.unlink()
            except FileNotFoundError:
                continue
