"""What a heading says, and its anchor."""

import re
import unicodedata
from functools import lru_cache

from markdown_it import MarkdownIt
from markdown_it.utils import EnvType

_MAX_CHARS = 400
_MAX_MARKS = 32
"""A heading with more is shown as it is written: looking for pairs is quadratic."""

_PARSER = MarkdownIt("commonmark", {"maxNesting": 10})
# Common enough in headings to be spared the parser.
_NAMED_ANCHOR = re.compile(r"""(?<!\\)<a (?:name|id)="[^"<>\n]*"></a>""")
_MARKUP = re.compile(r"[\\`*_\[\]<&!\n]")
_ASCII_DROPPED = re.compile(r"[^a-z0-9_ -]+")
_ALPHABETIC_SYMBOLS = (range(0x24B6, 0x24EA), range(0x1F130, 0x1F18A))


def heading_text(source: str, references: EnvType) -> str:
    """What a reader sees of a heading: no emphasis, links as their text, code as it
    is, no images or HTML tags (unless there is nothing else)."""
    if "<a" in source and "`" not in source:
        source = _NAMED_ANCHOR.sub("", source)
    marks = _MARKUP.findall(source)
    if not marks or len(marks) > _MAX_MARKS or len(source) > _MAX_CHARS:
        return source
    (inline,) = _PARSER.parseInline(source, references)
    said = "".join(
        " " if token.type in ("softbreak", "hardbreak") else token.content
        for token in inline.children or ()
        if token.type not in ("html_inline", "image")
    )
    return said or " ".join(each.content for each in inline.children or ())


def slug(text: str) -> str:
    """GitHub's anchor for a heading: lower case, without punctuation and symbols
    except `-` and `_`, each space a `-`."""
    text = text.lower()
    if text.isascii():
        return _ASCII_DROPPED.sub("", text).replace(" ", "-")
    return "".join(map(_slug_character, text))


class Anchors:
    """Gives out the anchors of one document, each once: a repeat gets `-1`, `-2`,
    whatever is free, by GitHub's rule."""

    def __init__(self) -> None:
        self._repeats: dict[str, int] = {}

    def claim(self, wanted: str) -> str:
        anchor, repeats = wanted, self._repeats.get(wanted, 0)
        while anchor in self._repeats:
            repeats += 1
            anchor = f"{wanted}-{repeats}"
        self._repeats[wanted] = repeats
        self._repeats.setdefault(anchor, 0)
        return anchor


@lru_cache(maxsize=4096)
def _slug_character(character: str) -> str:
    if character == " ":
        return "-"
    category = unicodedata.category(character)
    if category[0] in "LM" or category in ("Nd", "Nl", "Pc") or character == "-":
        return character
    # The circled and squared letters count as letters, though they are symbols.
    return character if any(ord(character) in each for each in _ALPHABETIC_SYMBOLS) else ""
