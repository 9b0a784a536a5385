"""Who calls: kept with each request, and asked for here alone."""

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final, cast

from docindex.indexer.access import Caller
from docindex.indexer.library import NOBODY, Library
from docindex.indexer.models import Author
from docindex.server.protocol import CallNext, HandlerResult, RequestContext

IDENTITY: Final = "docindex.identity"
"""Where the ASGI scope of a request holds the `Identity`."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What a token says of whoever sent it."""

    caller: Caller
    scopes: frozenset[str]
    expires_at: float | None = None
    """Seconds since the epoch."""


_current: ContextVar[Identity | None] = ContextVar("docindex_identity", default=None)


def identity_of(context: RequestContext) -> Identity | None:
    """None over stdio, and where no tokens are asked for."""
    if context.request is None:
        return None
    return cast("Identity | None", context.request.scope.get(IDENTITY))


async def remember_the_caller(ctx: RequestContext, call_next: CallNext) -> HandlerResult:
    """While the request is answered, and in the threads that this takes."""
    token = _current.set(identity_of(ctx))
    try:
        return await call_next(ctx)
    finally:
        _current.reset(token)


def library_of_caller(library: Library) -> Library:
    """What of `library` is there for whoever calls: all of it, where nobody is asked who."""
    identity = _current.get()
    return library if identity is None else library.seen_by(identity.caller)


def author() -> Author:
    """On whose behalf something is written, for the audit log."""
    identity = _current.get()
    return NOBODY if identity is None else Author(who=identity.caller.name)
