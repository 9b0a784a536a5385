"""Lines as they are quoted: with what makes a part of a table or of code readable by
itself, and cut between words where one is too long."""

import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

MAX_ROWS = 512
"""Rows of a table above a line in which its header is looked for."""

_TABLE_DELIMITER = frozenset("|-: \t\r")
_FENCE = re.compile(r"[ >]{0,16}(`{3,}|~{3,})(.*)", re.DOTALL)
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Control characters but the tab, marks that break or reorder lines, surrogates."""

ELLIPSIS = "…"
ELLIPSES_BYTES = 2 * len(ELLIPSIS.encode())
_SNAP = 30
"""Characters given up at most so that a cut falls between words."""
_LONGEST_FENCE = 40
"""Characters of a line that opens code; a longer one is not repeated."""


class Frame(NamedTuple):
    """What is put around lines."""

    above: str = ""
    below: str = ""

    @property
    def bytes(self) -> int:
        if not (self.above or self.below):
            return 0
        return sum(size(line) + 1 for line in self if line)


_NO_FRAME = Frame()


class Frames:
    """Finds what belongs around some of the lines of a section: the header of a table, the
    fence around code."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = lines
        self._headers: dict[int, str] = {}
        self._open: list[str] = [""]
        """The fence that is open in front of each line, and behind the last."""
        text = "".join(lines)
        fenced = "```" in text or "~~~" in text
        self.some = fenced or "|" in text
        """Whether there may be anything to find."""
        if not fenced:
            self._open *= len(lines) + 1
            return
        opened = ""
        for line in lines:
            fence = _FENCE.match(line) if "```" in line or "~~~" in line else None
            if fence is not None and not opened:
                # What is between backticks in a line is code in it.
                if "`" not in fence[2] or fence[1][0] == "~":
                    opened = line if len(line) <= _LONGEST_FENCE else fence[1]
            elif fence is not None and not fence[2].strip():
                marks = _marks(opened)
                if fence[1].startswith(marks):
                    opened = ""
            self._open.append(opened)

    def around(self, first: int, last: int) -> Frame:
        if not self.some:
            return _NO_FRAME
        above = printable(self._open[first]) or self.header(first)
        below = self._open[last + 1]
        return Frame(above, _marks(below) if below else "")

    def header(self, row: int) -> str:
        """The line that names the columns of the table in which this is a row; "" for what
        is none."""
        if self._open[row]:
            return ""
        if row not in self._headers:
            self._headers[row] = self._header(row)
        return self._headers[row]

    def _header(self, row: int) -> str:
        for at in range(row, max(row - MAX_ROWS, 0), -1):
            line = self._lines[at]
            if "|" not in line:
                return ""
            if at < row and "-" in line and _TABLE_DELIMITER.issuperset(line):
                # The line at which code ends names no columns.
                named = self._lines[at - 1]
                return printable(named) if "|" in named else ""
        return ""


def _marks(opening: str) -> str:
    match = _FENCE.match(opening)
    return match[1] if match else ""


def cut(line: str, start: int, end: int, room: int) -> str:
    """As much of a line as there is room for, with line[start:end] in it."""
    line = _UNPRINTABLE.sub(" ", line)
    room -= ELLIPSES_BYTES
    core = _first_bytes(line[start:end], room)
    end = start + len(core)
    room -= size(core)
    # A quarter of the room goes to what stands before, more when less stands behind.
    behind = _first_bytes(line[end : end + max(room, 0)], room)
    before = _last_bytes(line[:start], max(room // 4, room - size(behind)))
    behind = _first_bytes(behind, room - size(before))
    start, end = start - len(before), end + len(behind)
    start += _to_word_start(line, start, len(before))
    end -= _to_word_end(line, end, len(behind))
    shown = line[start:end].strip()
    if not shown:
        return ""
    return (ELLIPSIS if start else "") + shown + (ELLIPSIS if end < len(line) else "")


def _to_word_start(line: str, at: int, most: int) -> int:
    """Characters to leave out so that line[at:] begins with a word, `most` at most."""
    if at == 0 or line[at - 1].isspace():
        return 0
    blank = line.find(" ", at, at + min(most, _SNAP))
    if blank >= 0:
        return blank + 1 - at
    return next((n for n in range(most) if not unicodedata.combining(line[at + n])), most)


def _to_word_end(line: str, at: int, most: int) -> int:
    """Characters to leave out so that line[:at] ends with a word, `most` at most."""
    if at == len(line) or line[at].isspace():
        return 0
    blank = line.rfind(" ", at - min(most, _SNAP), at)
    if blank >= 0:
        return at - blank
    return next((n for n in range(most) if not unicodedata.combining(line[at - n])), most)


def printable(line: str) -> str:
    """A line as it is shown."""
    bare = line.rstrip()
    return bare if bare.isprintable() else _UNPRINTABLE.sub("", bare).rstrip()


def size(text: str) -> int:
    """In bytes of UTF-8."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _first_bytes(text: str, room: int) -> str:
    return text.encode()[: max(room, 0)].decode(errors="ignore")


def _last_bytes(text: str, room: int) -> str:
    return text[-room:].encode()[-room:].decode(errors="ignore") if room > 0 else ""
