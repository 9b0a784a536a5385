"""The arguments of a tool call, checked against what the tool published.

A model learns from what it is told, so what it is told is short, names the
argument, and says what would have been right.
"""

import json
from collections.abc import Mapping
from typing import cast

from pydantic import BaseModel, ValidationError

from docindex.indexer.errors import InvalidInput
from docindex.indexer.names import shown
from docindex.server.schemas import Schema

# What other tools call the same thing.
_OTHER_NAMES = {
    "body": "content",
    "count": "max_results",
    "doc": "name",
    "document": "name",
    "etag": "if_version",
    "file": "name",
    "filename": "name",
    "folder": "path",
    "glob": "path",
    "heading": "section",
    "if_match": "if_version",
    "k": "max_results",
    "limit": "max_results",
    "n": "max_results",
    "num_results": "max_results",
    "page_size": "max_results",
    "path": "name",
    "q": "query",
    "question": "query",
    "tag": "tags",
    "text": "content",
    "top_k": "max_results",
    "uri": "name",
    "version": "if_version",
}
_JSON_TYPES = {
    "string": "a string",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list of strings",
    "object": "an object",
}


def checked(
    tool: str, schema: Schema, model: type[BaseModel], arguments: Mapping[str, object]
) -> dict[str, object]:
    """The values to call the tool with.

    Raises InvalidInput for an argument that is unknown, missing, or not what the
    schema says. Two habits of clients are forgiven: null for an optional
    argument, and a list that arrives as a string of JSON.
    """
    fields = cast(dict[str, Schema], schema.get("properties", {}))
    required = cast(list[str], schema.get("required", []))
    unknown = [name for name in arguments if name not in fields]
    if unknown:
        raise InvalidInput(_unknown(tool, unknown, fields))
    missing = [name for name in required if arguments.get(name) is None]
    if missing:
        raise InvalidInput(f"{tool} needs {_listed(missing)}; it takes {_listed(fields)}.")
    given = {
        name: _unpacked(value) if fields[name].get("type") == "array" else value
        for name, value in arguments.items()
        if value is not None
    }
    try:
        values = model.model_validate(given)
    except ValidationError as error:
        name = str(error.errors()[0]["loc"][0])
        raise InvalidInput(
            f"{name} must be {_meaning(fields[name])}, not {_shown(given[name])}."
        ) from None
    return {name: getattr(values, name) for name in fields}


def _unpacked(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _unknown(tool: str, unknown: list[str], fields: Mapping[str, Schema]) -> str:
    import difflib

    name = unknown[0]
    other = _OTHER_NAMES.get(name.lower())
    close = [other] if other in fields else difflib.get_close_matches(name, fields, 1)
    hint = f": did you mean {close[0]}?" if close else "."
    takes = f"it takes {_listed(fields)}" if fields else "it takes none"
    return f"{tool} has no argument {_shown(name)}; {takes}{hint}"


def _meaning(field: Schema) -> str:
    """What `field` asks for, in words."""
    if isinstance(choices := field.get("enum"), list):
        return "one of " + _listed(cast(list[str], choices))
    words = _JSON_TYPES[str(field["type"])]
    low, high = field.get("minimum"), field.get("maximum")
    return f"{words} from {low} to {high}" if low is not None else words


def _listed(names: "Mapping[str, object] | list[str]") -> str:
    return ", ".join(names)


def _shown(value: object) -> str:
    return shown(json.dumps(value, ensure_ascii=False))
