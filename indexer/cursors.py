"""Cursors: where the next page of an answer begins.

A cursor holds the place, the generation of the index that it was given under,
and a digest of what was asked, so that it cannot be used for another question.
It outlives the generation; the answer then says that the index moved.
"""

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass

from docindex.indexer.errors import InvalidCursor

LONGEST = 1_000


@dataclass(frozen=True, slots=True)
class Place:
    offset: int
    moved: bool
    """The index is not the one any more that the cursor was given under."""


def make_cursor(offset: int, generations: tuple[int, ...], question: tuple[object, ...]) -> str:
    value = [offset, list(generations), _digest(question)]
    text = json.dumps(value, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(cursor: str, generations: tuple[int, ...], question: tuple[object, ...]) -> Place:
    """Raises InvalidCursor. An empty cursor is the beginning."""
    if not cursor:
        return Place(0, False)
    try:
        if len(cursor) > LONGEST:
            raise ValueError
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        offset, known, digest = json.loads(text)
    except (binascii.Error, ValueError, TypeError, RecursionError):
        raise InvalidCursor("this is no cursor of ours; leave it out to begin anew") from None
    if digest != _digest(question):
        raise InvalidCursor(
            "the cursor belongs to another question; repeat all other arguments, or leave it out"
        )
    if not isinstance(offset, int) or offset < 0:
        raise InvalidCursor("the cursor points nowhere; leave it out to begin anew")
    return Place(offset, known != list(generations))


def _digest(question: tuple[object, ...]) -> str:
    return hashlib.blake2b(repr(question).encode(), digest_size=4).hexdigest()
