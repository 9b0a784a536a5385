"""What the claims of a token say of whoever sent it."""

import re
from collections.abc import Mapping
from typing import Final, cast

from docindex.indexer.access import Caller
from docindex.server.callers import Identity
from docindex.server.http_settings import HttpSettings

_MOST_NAME: Final = 200


class BadToken(Exception):
    """The token is not taken. The message says why, and holds nothing of it."""


class IssuerUnreachable(Exception):
    """Whether the token is good cannot be told now."""


def identity(claims: Mapping[str, object], settings: HttpSettings) -> Identity:
    """Raises BadToken when they do not say who it is."""
    name = claims.get(settings.oauth_name_claim)
    if name is None and settings.oauth_name_claim == "sub":
        # A program that calls in its own name has no other one (RFC 7662 leaves `sub` out).
        name = claims.get("client_id")
    if not isinstance(name, str) or not name.strip() or len(name) > _MOST_NAME:
        raise BadToken(f"the token has no claim {settings.oauth_name_claim}")
    expires = claims.get("exp")
    return Identity(
        Caller(name, frozenset(_texts(claims.get(settings.oauth_groups_claim))), dict(claims)),
        # `scp` is how some call `scope`.
        frozenset((*_texts(claims.get("scope")), *_texts(claims.get("scp")))),
        float(expires) if isinstance(expires, int | float) else None,
    )


def _texts(value: object) -> list[str]:
    """Of a list of texts, or of a text that holds several."""
    if isinstance(value, str):
        return [item for item in re.split(r"[\s,]+", value) if item]
    if isinstance(value, list):
        return [item for item in cast("list[object]", value) if isinstance(item, str)]
    return []
