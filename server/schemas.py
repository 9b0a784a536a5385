"""JSON Schemas, cut down to what a client needs.

pydantic writes a title for every field, a union with null for every optional
one, and a definition for every nested type. All of it is read by models that
pay for it, so it goes: in one place, for the arguments and the answers alike.
"""

from typing import TypeAlias, cast

Schema: TypeAlias = dict[str, object]

_NOISE = frozenset({"title", "$defs"})
_UNSPOKEN_DEFAULTS: tuple[object, ...] = (None, "", False, [])


def of_arguments(schema: Schema) -> Schema:
    """Without titles, unions with null, and defaults that say nothing; closed to other names."""
    return _trimmed(schema, _definitions(schema), _NOISE) | {"additionalProperties": False}


def of_answer(schema: Schema) -> Schema:
    """As `of_arguments`, and without descriptions: the tool's own tells what matters."""
    return _trimmed(schema, _definitions(schema), _NOISE | {"description"})


def _definitions(schema: Schema) -> Schema:
    return cast(Schema, schema.get("$defs", {}))


def _trimmed(schema: Schema, definitions: Schema, noise: frozenset[str]) -> Schema:
    if isinstance(reference := schema.get("$ref"), str):
        named = definitions[reference.rpartition("/")[2]]
        return _trimmed(cast(Schema, named), definitions, noise)
    if isinstance(choices := schema.get("anyOf"), list):
        some = [choice for choice in cast(list[Schema], choices) if choice.get("type") != "null"]
        if len(some) == 1:
            rest = {key: value for key, value in schema.items() if key != "anyOf"}
            return _trimmed(some[0] | rest, definitions, noise)
    trimmed: Schema = {}
    for key, value in schema.items():
        if key in noise or (key == "default" and value in _UNSPOKEN_DEFAULTS):
            continue
        if key == "properties":
            fields = cast(dict[str, Schema], value)
            value = {name: _trimmed(field, definitions, noise) for name, field in fields.items()}
        elif key == "items":
            value = _trimmed(cast(Schema, value), definitions, noise)
        trimmed[key] = value
    return trimmed
