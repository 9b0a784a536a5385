"""Tokens for small teams: made here, handed out by hand, kept as hashes.

A line says who has a token, what it may do, and how to recognize it:

    ana docs:read,docs:write sha256:9f86d081884c7d65… editors,staff

A token is 256 random bits, so that a plain hash tells nothing about it.
"""

import hashlib
import re
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from docindex.indexer.access import Caller
from docindex.indexer.errors import InvalidInput, InvalidSettings
from docindex.indexer.names import shown
from docindex.server.callers import Identity
from docindex.server.http_settings import HttpSettings
from docindex.server.scopes import SCOPES

PREFIX: Final = "docindex_"
_LINE = re.compile(
    r"(?P<name>\S{1,200})\s+(?P<scopes>\S+)\s+sha256:(?P<hash>[0-9a-f]{64})(?:\s+(?P<groups>\S+))?"
)


class StaticTokens:
    def __init__(self, lines: Iterable[str]) -> None:
        """Raises InvalidSettings, without the line, for one that cannot be read."""
        self._identities: dict[str, Identity] = {}
        for number, line in enumerate(lines, 1):
            text = line.strip()
            if text and not text.startswith("#"):
                digest, identity = _parsed(text, number)
                self._identities[digest] = identity

    def identity(self, token: str) -> Identity | None:
        return self._identities.get(_digest(token))


def lines_of(settings: HttpSettings) -> list[str]:
    """Those of the setting itself and of the file. Raises InvalidSettings."""
    lines = [line.get_secret_value() for line in settings.tokens]
    if not settings.tokens_file:
        return lines
    try:
        return lines + Path(settings.tokens_file).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise InvalidSettings(f"tokens_file cannot be read: {error}") from None


def make(name: str, scopes: Iterable[str], groups: Iterable[str]) -> tuple[str, str]:
    """A new token, and its line. Raises InvalidInput."""
    for word in (name, *groups):
        if not re.fullmatch(r"[^\s,#]\S*", word) or "," in word:
            raise InvalidInput(f"{shown(word)!r} has a space or a comma in it, or is empty")
    token = PREFIX + secrets.token_urlsafe(32)
    line = f"{name} {','.join(scopes)} sha256:{_digest(token)} {','.join(groups)}".rstrip()
    return token, line


def _parsed(text: str, number: int) -> tuple[str, Identity]:
    found = _LINE.fullmatch(text)
    if found is None:
        raise InvalidSettings(
            f"line {number} of the tokens is not NAME SCOPES sha256:HASH [GROUPS]; "
            "make one with `docindex token NAME`"
        )
    scopes = frozenset(found["scopes"].split(","))
    unknown = scopes.difference(SCOPES)
    if unknown:
        raise InvalidSettings(
            f"line {number} of the tokens: there is no scope {min(unknown)}; "
            f"there are {', '.join(SCOPES)}"
        )
    groups = frozenset((found["groups"] or "").split(",")) - {""}
    return found["hash"], Identity(Caller(found["name"], groups, {}), scopes)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
