"""TOML as data that JSON can hold."""

import tomllib
from datetime import date, datetime, time
from typing import cast

from docindex.indexer.models import JsonValue
from docindex.indexer.yamltree import MAX_BYTES, MAX_DEPTH, Unreadable

_LARGEST = 1e300
_BITS = 64


def read_toml(text: str) -> dict[str, JsonValue]:
    """The values of front matter, without its first line. Dates and times are text, as ISO
    8601 has them. Raises Unreadable."""
    if len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise Unreadable(f"it is larger than {MAX_BYTES:,} bytes")
    try:
        # A line more, so that messages count those of the document.
        values = tomllib.loads(f"\n{text}")
    except tomllib.TOMLDecodeError as error:
        raise Unreadable(f"it is not valid TOML: {error}") from None
    except (RecursionError, ValueError):
        raise Unreadable("it is nested too deep, or holds a number that is too large") from None
    return {key: _json(value, MAX_DEPTH) for key, value in values.items()}


def _json(value: object, depth: int) -> JsonValue:
    if depth == 0:
        raise Unreadable("it is nested too deep")
    match value:
        case dict():
            table = cast("dict[str, object]", value)
            return {key: _json(each, depth - 1) for key, each in table.items()}
        case list():
            return [_json(each, depth - 1) for each in cast("list[object]", value)]
        case float() if not -_LARGEST < value < _LARGEST:
            return str(value)
        case int() if value.bit_length() > _BITS:
            raise Unreadable("it holds a number that is too large")
        case str() | bool() | int() | float():
            return value
        case datetime() | date() | time():
            return value.isoformat()
        case _:
            return str(value)
