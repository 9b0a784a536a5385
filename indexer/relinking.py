"""A document's bytes with its links following a move, and all other bytes as they were."""

import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from docindex.indexer import frontmatter
from docindex.indexer.blocks import TooIntricate
from docindex.indexer.encoding import Decoded, count_lines, decode, nfc
from docindex.indexer.links import Link, find_links
from docindex.indexer.markdown import is_plain_text
from docindex.indexer.names import shown
from docindex.indexer.targets import (
    Names,
    Path,
    has_extension,
    parse_target,
    wiki_spellings,
    without_extension,
)

_ASCII_WORDS = re.compile("[A-Za-z0-9]+")
_WORDS = re.compile(r"\w+")
_ESCAPED = re.compile(rb"%(?:3[0-9]|[46][1-9A-Fa-f]|[57][0-9Aa])|&#")
"""A letter or digit of ASCII that is written as an escape, which it need not be."""
_LISTED = 5
_ESCAPED_OTHERS = re.compile(rb"%[89A-Fa-f]|&")


@dataclass(frozen=True, slots=True)
class Move:
    old: str
    new: str
    before: Names
    after: Names


@dataclass(frozen=True, slots=True)
class Remark:
    """What stays as it is though it has to do with a move: somebody should look at it."""

    name: str
    why: str
    line: int = 0
    """0 for the whole document."""
    target: str = ""
    """Of a link, as it is written."""


@dataclass(frozen=True, slots=True)
class Relinked:
    data: bytes
    links: int
    """How many were rewritten."""
    remarks: tuple[Remark, ...] = ()


class Mentions:
    """Tells quickly, and without missing any, what may hold a link to a document."""

    def __init__(self, name: str) -> None:
        stem = nfc(without_extension(name).rpartition("/")[2])
        self._word = max(_ASCII_WORDS.findall(stem), key=len, default="").lower()
        self._other_word = max(_WORDS.findall(stem.casefold()), key=len, default="")
        # Its words may be in every document, but few have them where a link has them.
        spelled = b"".join(_spellings(each) for each in stem.lower()) if stem.isascii() else b""
        opening, closing = rb"(?:[(/<\[\"'=:]|%2f)\s*", rb"(?:[.#?)\]|>\"'\\&/\s]|%2e|$)"
        written = opening + spelled + closing + rb"|\s" + spelled + rb"(?:\.|%2e|\\)"
        self._pattern = re.compile(written if spelled else b"")

    def in_bytes(self, data: bytes) -> bool:
        if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
            return True
        if not self._word:
            found = _ESCAPED_OTHERS.search(data) is not None
            return found or self._other_word in nfc(decode(data).text).casefold()
        lower = data.lower()
        if self._word.encode() in lower and self._pattern.search(lower):
            return True
        return (b"%" in data or b"&#" in data) and _ESCAPED.search(data) is not None

    def in_text(self, text: str) -> bool:
        if "%" in text or "&" in text:
            return True
        return (
            self._word in text.lower() if self._word else self._other_word in nfc(text).casefold()
        )


def _spellings(character: str) -> bytes:
    """A pattern for how a character of ASCII is written in a link, all in lower case."""
    if character.isalnum():
        return character.encode()
    return rb"(?:\\?%b|%%%02x|&\w+;)" % (re.escape(character.encode()), ord(character))


def relink(data: bytes, name: str, move: Move, wanted: Callable[[str], bool]) -> Relinked:
    """The document that was called `name` before the move. When it is the one that moves,
    its links lead from its new folder to where they led.

    Of other documents, only paragraphs that are `wanted` are looked at.
    """
    decoded = decode(data)
    if decoded.binary or is_plain_text(name):
        return Relinked(data, 0)
    if decoded.encode(decoded.exact) != data:
        return _left_alone(data, name, decoded.remarks[0])
    begin = len(frontmatter.split(decoded.text)[0] or "")
    here = _Here(name, move, decoded)
    try:
        links = find_links(decoded.text[begin:], wanted)
    except (TooIntricate, RecursionError):
        return _left_alone(data, name, "is too long or too intricate to look for links in it")
    parts: list[str] = []
    remarks: list[Remark] = []
    done = 0
    for link in links:
        start, end = begin + link.start, begin + link.end
        source = decoded.text[start:end]
        written, why = here.follow(source, link)
        if why:
            line = count_lines(decoded.exact[:start] + source)
            remarks.append(Remark(here.name, why, line, source))
        if written != source:
            parts += decoded.exact[done:start], written
            done = end
    rewritten = "".join((*parts, decoded.exact[done:]))
    return Relinked(decoded.encode(rewritten), len(parts) // 2, tuple(remarks))


def _left_alone(data: bytes, name: str, why: str) -> Relinked:
    return Relinked(data, 0, (Remark(name, f"{why}: its links stay as they are"),))


class _Here:
    """A document, from where links lead."""

    def __init__(self, name: str, move: Move, decoded: Decoded) -> None:
        self._move = move
        self._decoded = decoded
        self.name = move.new if name == move.old else name
        self._was_in: Path = tuple(name.split("/")[:-1])
        self._folder: Path = tuple(self.name.split("/")[:-1])

    def follow(self, source: str, link: Link) -> tuple[str, str]:
        """How the target of a link is written after the move, and what is wrong with it."""
        return self._page(source) if link.kind == "wiki" else (self._path(source, link), "")

    def _path(self, source: str, link: Link) -> str:
        target = parse_target(source, link.kind)
        if target is None:
            return source
        move, moved = self._move, self._folder != self._was_in
        path = target.path(self._was_in)
        file = target.said[-1] not in ("", ".", "..")
        if not file or move.before.at("/".join(path)) != move.old:
            if not moved or target.rooted:
                return source
            return target.to(path, self._folder, moved=moved, encodable=self._encodable)
        bare = without_extension(move.new)
        kept = has_extension(target.said[-1], move.old) or move.after.at(bare) != move.new
        new = tuple((move.new if kept else bare).split("/"))
        return target.to(new, self._folder, moved=moved, encodable=self._encodable)

    def _page(self, source: str) -> tuple[str, str]:
        move = self._move
        was = move.before.pages(source, self._was_in)
        now = move.after.pages(source, self._folder)
        if move.old in was and len(was) == 1:
            for written in wiki_spellings(source, move.old, move.new, self._folder):
                if move.after.pages(written, self._folder) == [move.new] and self._encodable(
                    written
                ):
                    return written, ""
            return source, f"no wiki link can be written that leads to {shown(move.new)}"
        if move.old in was:
            return source, f"it may mean any of {_listed(was)}"
        if source.startswith(".") and len(was) == 1 and was != now:
            for written in wiki_spellings(source, was[0], was[0], self._folder):
                if move.after.pages(written, self._folder) == was:
                    return written, ""
        if len(was) == 1 and was != now:
            return source, f"it led to {shown(was[0])}, and may mean any of {_listed(now)} now"
        return source, ""

    def _encodable(self, text: str) -> bool:
        try:
            text.encode(self._decoded.encoding)
        except UnicodeEncodeError:
            return False
        return True


def _listed(names: Sequence[str]) -> str:
    return ", ".join(shown(name) for name in names[:_LISTED])
