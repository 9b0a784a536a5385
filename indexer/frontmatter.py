"""The block of metadata at the head of a document: YAML between `---` lines, or TOML
between `+++` lines."""

import io
import re
from collections.abc import Mapping

from docindex.indexer.encoding import nfc, split_lines
from docindex.indexer.models import JsonValue
from docindex.indexer.toml import read_toml
from docindex.indexer.yamltree import Unreadable, compose, value_of

MAX_TAGS = 100
MAX_TAG_CHARS = 100
TAG_KEYS = ("tags", "tag", "keywords")
"""Where tags are looked for. The first key that has any counts, alone."""
MAX_FIELD = 120
"""Characters of a field, with its value, that documents can be chosen by."""
MAX_FIELDS = 24
MAX_PROSE = 4_000
"""Characters of other text that it is searched for."""
_NAME_KEYS = ("aliases", "alias")

_CLOSING = {"---": ("---", "..."), "+++": ("+++",)}
_FIRST_KEY = re.compile(r"""["'\w$./].*?:(?:\s|$)|\{""")


def split(text: str) -> tuple[str | None, int]:
    """The front matter with the lines that fence it, and the number of the first line
    after it; (None, 1) when there is none. It opens with the first line, is closed by
    a later one, and what is between begins with a key, if there is anything.
    """
    fence = text[:3]
    if fence not in _CLOSING:
        return None, 1
    begun = fence == "+++"
    length = 0
    for number, line in enumerate(io.StringIO(text, newline=""), start=1):
        length += len(line)
        bare = line.strip()
        if number == 1:
            if bare != fence:
                break
        elif line.rstrip() in _CLOSING[fence]:
            return text[:length], number + 1
        elif not begun and bare and not bare.startswith("#"):
            if not _FIRST_KEY.match(bare):
                break
            begun = True
    return None, 1


def load(block: str) -> tuple[dict[str, JsonValue], tuple[str, ...]]:
    """The values in a block that `split` found, and remarks. A block that cannot be
    read has no values and a remark why."""
    remarks: list[str] = []
    try:
        return values_of(block, remarks), tuple(remarks)
    except Unreadable as error:
        return {}, (f"front matter is read as text, not for title and tags: {error}",)


def tags_of(values: Mapping[str, JsonValue]) -> tuple[str, ...]:
    """The tags in a list, or in a string that separates them by commas or spaces:
    NFC, without a leading `#`, each once whatever its case."""
    return next((tags for key in TAG_KEYS if (tags := tags_in(values.get(key)))), ())


def fields_of(values: Mapping[str, JsonValue]) -> tuple[str, ...]:
    """What else the front matter says, as `status=draft`, each value of a list by itself.
    Long values, and what values are made of others, are left out; of very many, the last."""
    found: list[str] = []
    for key, value in values.items():
        for one in value if isinstance(value, list) else (value,):
            if isinstance(one, bool):
                one = str(one).lower()
            if key not in TAG_KEYS and isinstance(one, str | int | float):
                field = f"{key}={one}"
                if len(field) <= MAX_FIELD and field not in found:
                    found.append(field)
    return tuple(found[:MAX_FIELDS])


def prose_of(values: Mapping[str, JsonValue]) -> tuple[str, ...]:
    """What the front matter says in words, such as a description or other names: what a
    document is found by beside its title and tags. Single words are mostly settings."""
    found: list[str] = []
    room = MAX_PROSE
    for key, value in values.items():
        if key == "title" or key in TAG_KEYS:
            continue
        for one in value if isinstance(value, list) else (value,):
            wanted = isinstance(one, str) and (key in _NAME_KEYS or len(one.split()) > 1)
            if wanted and room > 0:
                text = nfc(str(one)[:room])
                room -= len(text)
                found.append(text)
    return tuple(found)


def values_of(block: str, remarks: list[str]) -> dict[str, JsonValue]:
    """As `load`. Raises Unreadable."""
    inside = "".join(split_lines(block)[1:-1])
    if block.startswith("+++"):
        return read_toml(inside)
    tree = compose(inside, first_line=2)
    values = value_of(tree, remarks) if tree else {}
    if not isinstance(values, dict):
        raise Unreadable("it has no keys")
    return values


def tags_in(value: JsonValue) -> tuple[str, ...]:
    """See `tags_of`."""
    if isinstance(value, str):
        value = list(value.split(",") if "," in value else value.split())
    items = value if isinstance(value, list) else [value]
    tags: dict[str, str] = {}
    for tag in map(cleaned, items):
        if tag:
            tags.setdefault(tag.casefold(), tag)
    return tuple(tags.values())[:MAX_TAGS]


def cleaned(item: JsonValue) -> str:
    """A tag as it is kept; "" for what is none."""
    if isinstance(item, bool):
        item = str(item).lower()
    if not isinstance(item, str | int | float):
        return ""
    tag = nfc(" ".join(str(item).split()).lstrip("#").strip())
    return tag if len(tag) <= MAX_TAG_CHARS else ""
