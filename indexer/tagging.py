"""Setting the tags in the front matter of a document, without touching another character."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence

from docindex.indexer.encoding import split_lines
from docindex.indexer.errors import InvalidInput
from docindex.indexer.frontmatter import (
    MAX_TAG_CHARS,
    MAX_TAGS,
    TAG_KEYS,
    cleaned,
    load,
    split,
    tags_in,
    tags_of,
    values_of,
)
from docindex.indexer.models import JsonValue
from docindex.indexer.yamltree import Node, Unreadable, compose, value_of

# What every YAML reader takes for the same string, without quotes.
_BARE_TAG = re.compile(r"[^\W\d_][\w./+-]*(?: [\w./+-]+)*")
_COMMA = re.compile(r"(?:\s|#[^\r\n]*[\r\n])*,")
_UNWRITABLE = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff]")
_YAML_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}


def set_tags(text: str, tags: Sequence[str], newline: str = "\n") -> str:
    """The text with these tags, and all else as it was.

    Tags that are there already keep their place, quotes and comments, as does the
    style: list, bracketed list or string. Without front matter, one is made, with
    `newline`; without tags, their lines go. Raises InvalidInput for what is not a
    tag, and for front matter in which tags cannot be set.
    """
    wanted = _checked(tags)
    block, _ = split(text)
    if block is None and not wanted:
        return text
    block = block or f"---{newline}---{newline}"
    body = text.removeprefix(block)
    if block.startswith("+++"):
        raise InvalidInput("the document has TOML front matter; set its tags there, by hand")
    try:
        values = values_of(block, [])
    except Unreadable as error:
        raise InvalidInput(
            f"tags cannot be set in the front matter: {error}; mend it first"
        ) from None
    if set(tags_of(values)) == set(wanted):
        return text

    opening, *lines, closing = split_lines(block)
    for inside in _with_tags(
        "".join(lines), wanted, newline=opening[len(opening.rstrip("\r\n")) :]
    ):
        # Whatever way it was written in, what counts is how it reads.
        changed = opening + inside + closing
        now, _ = load(changed)
        if set(tags_of(now)) == set(wanted) and _others(now) == _others(values):
            return changed + body if inside.strip() else body
    raise InvalidInput(
        "these tags cannot be set in the front matter, the way it is written; change it by hand"
    )


def _checked(tags: Sequence[str]) -> tuple[str, ...]:
    for tag in tags:
        if not cleaned(tag) or _UNWRITABLE.search(tag):
            raise InvalidInput(
                f"{tag!r:.60} is not a tag; a tag is 1 to {MAX_TAG_CHARS} characters of text"
            )
    if len(tags) > MAX_TAGS:
        raise InvalidInput(f"{len(tags)} tags are too many; at most {MAX_TAGS} can be set")
    return tags_in(list(tags))


def _with_tags(source: str, tags: tuple[str, ...], newline: str) -> Iterator[str]:
    """Ways to write the tags into the YAML, the gentlest first."""
    tree = compose(source)
    pairs = [] if tree is None else [each for each in tree.pairs() if each[0].text in TAG_KEYS]
    if tree is not None and tree.flow:
        return
    if not tags:
        for key, value in reversed(pairs):
            start, end = _line_start(source, key.start), _line_end(source, key, value)
            source = source[:start] + source[end:]
        yield source
    elif not pairs:
        indent = source[_line_start(source, tree.start) : tree.start] if tree else ""
        yield f"{source}{indent}tags: {_bracketed(tags)}{newline}"
    else:
        # The key that counts now: the first that has tags, or else the first there is.
        key, value = min(
            reversed(pairs),
            key=lambda pair: (not _node_tags(pair[1]), TAG_KEYS.index(pair[0].text)),
        )
        kept = [tag for tag in _node_tags(value) if tag in tags]
        tags = (*kept, *(tag for tag in tags if tag not in kept))
        colon = source.index(":", key.end) + 1
        commented = value.end > value.start and "#" in _between(source, value, colon)
        if value.kind == "list" and value.flow:
            yield (_among_comments if commented else _in_brackets)(source, value, tags)
        elif value.kind == "list":
            yield _in_lines(source, value, tags, newline)
        elif value.text and all(_written(tag) == tag for tag in tags):
            yield _in_string(source, value, tags)
        if not commented:
            yield f"{source[:colon]} {_bracketed(tags)}{source[max(colon, value.end) :]}"


def _in_brackets(source: str, value: Node, tags: Sequence[str]) -> str:
    written = {cleaned(item.text): source[item.start : item.end] for item in value.items}
    padding = " " if source.startswith("[ ", value.start) else ""
    inner = ", ".join(written.get(tag) or _written(tag) for tag in tags)
    return f"{source[: value.start]}[{padding}{inner}{padding}]{source[value.end :]}"


def _between(source: str, value: Node, start: int) -> str:
    """What stands in a value from there on beside its items: signs, space and comments."""
    found: list[str] = []
    for item in value.items if value.kind == "list" else (value,):
        found.append(source[start : item.start])
        start = item.end
    return "".join(found) + source[start : value.end]


def _among_comments(source: str, value: Node, tags: Sequence[str]) -> str:
    """Cuts items and their commas out of the brackets, and adds others after the last."""
    edits: list[tuple[int, int, str]] = []
    there = {cleaned(item.text) for item in value.items}
    added = ", ".join(_written(tag) for tag in tags if tag not in there)
    last, sign = value.start + 1, ""
    for item in value.items:
        comma = _COMMA.match(source, item.end)
        tag = cleaned(item.text)
        if not tag or tag in tags:
            last, sign = (comma.end(), " ") if comma else (item.end, ", ")
            continue
        edits.append((item.start, item.end, ""))
        if comma:
            edits.append((comma.end() - 1, comma.end(), ""))
    if added:
        edits.append((last, last, sign + added))
    for start, end, text in sorted(edits, reverse=True):
        source = source[:start] + text + source[end:]
    return source


def _in_lines(source: str, value: Node, tags: Sequence[str], newline: str) -> str:
    start = _line_start(source, value.items[0].start)
    end = _line_end(source, value, value)
    dash = source[start : value.items[0].start]
    there = {_line_start(source, item.start): cleaned(item.text) for item in value.items}
    lines: list[str] = []
    position = start
    for line in split_lines(source[start:end]):
        tag = there.get(position)
        if not tag or tag in tags:
            lines.append(line)
        position += len(line)
    lines += [f"{dash}{_written(tag)}{newline}" for tag in tags if tag not in there.values()]
    return source[:start] + "".join(lines) + source[end:]


def _in_string(source: str, value: Node, tags: Sequence[str]) -> str:
    quote = source[value.start] if source[value.start] in "\"'" else ""
    spaced = "," not in value.text and len(value.text.split()) > 1
    joined = (" " if spaced else ", ").join(tags)
    return f"{source[: value.start]}{quote}{joined}{quote}{source[value.end :]}"


def _bracketed(tags: Sequence[str]) -> str:
    return f"[{', '.join(map(_written, tags))}]"


def _written(tag: str) -> str:
    if _BARE_TAG.fullmatch(tag) and tag.lower() not in _YAML_WORDS:
        return tag
    return json.dumps(tag, ensure_ascii=False)


def _node_tags(value: Node) -> tuple[str, ...]:
    return tags_in(value_of(value, []))


def _others(values: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    return {key: value for key, value in values.items() if key not in TAG_KEYS}


def _line_start(source: str, offset: int) -> int:
    return max(source.rfind("\n", 0, offset), source.rfind("\r", 0, offset)) + 1


def _line_end(source: str, key: Node, value: Node) -> int:
    # An empty value is said to stand anywhere up to the next key.
    offset = value.end if value.end > value.start else key.end
    return offset + len(split_lines(source[offset:])[0])
