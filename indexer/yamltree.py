"""YAML as data and nothing else, with the place where each value stands.

The tree is built from PyYAML's parser events; its composer and constructors are
not used, so a document can neither make objects, nor grow by aliases, nor exhaust
the stack. A scalar becomes a number only when that number is written the same way:
`1.10`, `007` and dates stay text, and so do YAML 1.1's `yes`, `no`, `on` and `off`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, cast

import yaml

from docindex.indexer.models import JsonValue

MAX_BYTES = 8_192
MAX_DEPTH = 20
MAX_REMARKS = 5

_LOADER = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")
_CONSTANTS: Mapping[str, JsonValue] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_TYPES = {None, "!", *(f"tag:yaml.org,2002:{each}" for each in ("str", "seq", "map"))}


class Unreadable(ValueError):
    """Says why a text is not read as YAML."""


@dataclass(slots=True)
class Node:
    """A value. Offsets are in characters of the source; `end` is where its last
    character has been, whatever white space or comments follow."""

    kind: Literal["scalar", "list", "mapping"]
    start: int
    end: int
    text: str = ""
    """Of a scalar."""
    plain: bool = False
    """A scalar without quotes or a type, which may be a number or a constant."""
    flow: bool = False
    """A list or mapping in brackets."""
    items: "list[Node]" = field(default_factory=list["Node"])
    """Of a list; of a mapping, its keys and values by turns."""

    def pairs(self) -> "Iterator[tuple[Node, Node]]":
        return zip(self.items[::2], self.items[1::2], strict=True)


def compose(source: str, first_line: int = 1) -> Node | None:
    """The tree of the first document in the source; None when it is empty.

    Raises Unreadable for invalid YAML, for more than MAX_BYTES or MAX_DEPTH, and for
    whatever is not plain data; it names lines as if the source began at `first_line`.
    """
    if len(source.encode(errors="replace")) > MAX_BYTES:
        raise Unreadable(f"it is longer than {MAX_BYTES:,} bytes")
    try:
        return _build(yaml.parse(source, Loader=_LOADER), source)
    except Unreadable:
        raise
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f" in line {mark.line + first_line}" if mark else ""
        raise Unreadable(f"it is not valid YAML{where}: {error.problem}") from None
    except (yaml.YAMLError, ValueError):
        raise Unreadable("it holds a character that YAML does not allow") from None


def value_of(node: Node, remarks: list[str]) -> JsonValue:
    """The value as JSON has it. Of a key given twice, the last one counts, and a
    remark says so."""
    if node.kind == "scalar":
        return _scalar(node)
    if node.kind == "list":
        return [value_of(item, remarks) for item in node.items]
    values: dict[str, JsonValue] = {}
    for key, value in node.pairs():
        if key.kind != "scalar":
            raise Unreadable("a key is not a word, but a list or a mapping")
        if key.text in values:
            remark = f"the key {key.text[:40]!r} is given twice: the last one counts"
            if remark not in remarks and len(remarks) < MAX_REMARKS:
                remarks.append(remark)
        values[key.text] = value_of(value, remarks)
    return values


def _build(events: Iterable[yaml.Event], source: str) -> Node | None:
    root: Node | None = None
    parents: list[Node] = []
    for event in events:
        if isinstance(event, yaml.DocumentEndEvent):
            break
        if isinstance(event, yaml.CollectionEndEvent):
            node = parents.pop()
            node.end = _offset(event.end_mark) if node.flow else node.items[-1].end
        elif isinstance(event, yaml.AliasEvent):
            raise Unreadable("it uses aliases")
        elif isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent):
            node = _node(event, source)
            root = root or node
            if parents:
                parents[-1].items.append(node)
            if node.kind != "scalar":
                parents.append(node)
            if len(parents) > MAX_DEPTH:
                raise Unreadable(f"it is nested more than {MAX_DEPTH} deep")
    return root


def _node(event: yaml.ScalarEvent | yaml.CollectionStartEvent, source: str) -> Node:
    if event.anchor is not None:
        raise Unreadable("it uses anchors")
    if event.tag not in _TYPES:
        raise Unreadable(f"it uses the type {event.tag!r:.40}")
    start, end = _offset(event.start_mark), _offset(event.end_mark)
    if isinstance(event, yaml.ScalarEvent):
        # A block scalar is said to end where the next token begins.
        end = start + len(source[start:end].rstrip())
        event.value.encode()  # An escape may stand for half of a surrogate pair.
        return Node("scalar", start, end, text=event.value, plain=event.implicit[0])
    return Node(
        "list" if isinstance(event, yaml.SequenceStartEvent) else "mapping",
        start,
        end,
        flow=bool(event.flow_style),
    )


def _offset(mark: object) -> int:
    # The two parsers have mark classes of their own; both always set them.
    return cast("yaml.Mark", mark).index


def _scalar(node: Node) -> JsonValue:
    if not node.plain:
        return node.text
    if node.text in _CONSTANTS:
        return _CONSTANTS[node.text]
    if (match := _NUMBER.fullmatch(node.text)) is None:
        return node.text
    number = float(node.text) if match[1] else int(node.text)
    return number if str(number) == node.text else node.text
