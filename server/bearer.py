"""From the header of a request to who sent it."""

import hashlib
import time
from collections import OrderedDict
from typing import Final, Protocol

from docindex.server.callers import Identity
from docindex.server.claims import BadToken
from docindex.server.http_settings import HttpSettings
from docindex.server.static_tokens import StaticTokens, lines_of

KEPT_SECONDS: Final = 30.0
"""How long what was found of a token is taken for true without looking again: so a token
that is revoked is good for as long."""
MOST_KEPT: Final = 2_000
MOST_TOKEN_BYTES: Final = 16_000


class Verifier(Protocol):
    async def identity(self, token: str) -> Identity:
        """Raises BadToken, IssuerUnreachable."""
        ...


class Bearer:
    """Knows tokens of every kind that the settings allow."""

    def __init__(self, settings: HttpSettings, resource: str) -> None:
        """`resource` is the server's address, which tokens have to be meant for."""
        self._static = StaticTokens(lines_of(settings))
        self._issuer = _issuer(settings, resource)
        self._leeway = settings.oauth_leeway_seconds
        self._kept: OrderedDict[bytes, tuple[float, Identity]] = OrderedDict()

    async def identity(self, token: str) -> Identity:
        """Raises BadToken, IssuerUnreachable."""
        if len(token) > MOST_TOKEN_BYTES or not token.isascii():
            raise BadToken("the token cannot be read")
        known = self._static.identity(token)
        if known is not None:
            return known
        if self._issuer is None:
            raise BadToken("the token is not known")
        found = await self._found(self._issuer, token)
        if found.expires_at is not None and found.expires_at + self._leeway <= time.time():
            raise BadToken("the token has expired")
        return found

    async def _found(self, issuer: Verifier, token: str) -> Identity:
        key = hashlib.sha256(token.encode()).digest()
        kept = self._kept.get(key)
        if kept is not None and kept[0] > time.monotonic():
            return kept[1]
        found = await issuer.identity(token)
        # Only what is good is kept, so that nobody can push others out by bad ones.
        self._kept[key] = (time.monotonic() + KEPT_SECONDS, found)
        self._kept.move_to_end(key)
        if len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        return found


def _issuer(settings: HttpSettings, resource: str) -> Verifier | None:
    if not settings.oauth_issuer:
        return None
    audience = settings.oauth_audience or resource
    if settings.oauth_introspection_url:
        from docindex.server.introspection import AskedTokens

        return AskedTokens(settings, audience)
    from docindex.server.signed_tokens import SignedTokens

    return SignedTokens(settings, audience)
