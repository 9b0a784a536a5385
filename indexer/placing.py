"""Where new text comes in a text that is there: at its ends, or in one of its sections."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from docindex.indexer.encoding import Decoded, split_lines
from docindex.indexer.errors import TooLarge
from docindex.indexer.markdown import MAX_SECTIONS, parse
from docindex.indexer.models import Edit, Section
from docindex.indexer.names import shown
from docindex.indexer.sections import find_section, section_range

_ATX_HEADING = re.compile(r" {0,3}#{1,6}(?:[ \t\r\n]|$)")
_UNDERLINE = re.compile(r" {0,3}(?:=+|-+)[ \t]*[\r\n]*")
_SET_OFF = re.compile(r" {4}| {0,3}\t| {0,3}\[[^\]\r\n]+\]:")
"""Code by its indent, or the definition of a link: none below text."""
_BLANK = " \t\r\n"


@dataclass(frozen=True, slots=True)
class Placed:
    """A text with something new in it. What is above and below was there before, but for
    the end of a last line."""

    above: str
    new: str
    below: str

    @property
    def text(self) -> str:
        return self.above + self.new + self.below


def appended(text: str, content: str, newline: str) -> str:
    return text + _ended(content, newline) if _is_ended(text) else text + newline + content


def prepended(above: str, content: str, apart: str, below: str, newline: str) -> Placed:
    return Placed(
        _ended(above, newline) if above else "",
        _ended(content, newline) + apart if below else content,
        below,
    )


def blank_between(above: str, below: str, newline: str) -> str:
    """A blank line, where text would else take in the block that comes below it."""
    last = split_lines(above)[-1:]
    block = list(takewhile(_is_filled, split_lines(below)))
    return newline if any(map(_is_filled, last)) and block and _is_taken_in(block) else ""


def _is_taken_in(block: Sequence[str]) -> bool:
    return _SET_OFF.match(block[0]) is not None or _is_underlined(block)


def _is_filled(line: str) -> bool:
    return line.strip(_BLANK) != ""


def with_section(old: Decoded, content: str, edit: Edit, name: str) -> Placed:
    """See `apply` for the modes. Raises SectionNotFound, TooLarge."""
    document = parse(old.encode(old.exact), name)
    if len(document.sections) >= MAX_SECTIONS:
        raise TooLarge(f"{shown(edit.name)} has too many sections to write one; replace it whole")
    section = find_section(document.sections, edit.section)
    first, last = section_range(document, section)
    kept, left = first - 1, document.line_count - last
    lines, newline = split_lines(old.exact), old.newline
    before, after = lines[: first - 1], lines[last:]
    under = first - 1 + _heading_lines(lines[first - 1 : last])
    heading = lines[first - 1 : under]
    above, was, below = _framed(lines[under:last])
    _, new, _ = _framed(split_lines(content))
    if edit.mode != "section":
        if not new:
            return Placed(old.exact, "", "")
        # The text that is there stays, above the new one or below it.
        stays = [*heading, *(above if was else [newline])]
        if edit.mode == "append":
            kept = under + (len(above + was) if was else 0)
            new = [*was, *([newline] if was and _is_taken_in(new) else []), *new]
        else:
            kept = under + (len(above) if was else 0)
            apart = was and (_is_heading(was) or _is_taken_in(was))
            new = [*new, *([newline] if apart else []), *was]
        left = len(lines) - kept
        above = stays
    elif not (new := _without_heading(new, section)):
        return Placed("".join(before), "".join(heading + below), "".join(after))
    # Blank lines stay, and come where text would else run into an underlined heading.
    elif (opening := _opening(new)) is None or opening.level != section.level:
        above = heading + (above if was else [newline])
    elif _ATX_HEADING.match(heading[0]) and not _ATX_HEADING.match(new[0]):
        above = [newline] if before and before[-1].strip(_BLANK) else []
    else:
        above = []
    if after and not (edit.mode == "prepend" and was):
        below = below or [newline]
    written = [_ended(line, newline) for line in above + new + below]
    if not after and not _is_ended(old.exact):
        written[-1] = written[-1].rstrip("\r\n")
    whole = before + written + after
    end = len(whole) - left
    return Placed("".join(whole[:kept]), "".join(whole[kept:end]), "".join(whole[end:]))


def _is_heading(lines: Sequence[str]) -> bool:
    """Whether the lines begin with a heading, or with what would make one of the text
    above them."""
    return _opening(lines) is not None or _UNDERLINE.fullmatch(lines[0]) is not None


def _is_underlined(lines: Sequence[str]) -> bool:
    return _is_heading(lines) and not _ATX_HEADING.match(lines[0])


def _heading_lines(lines: Sequence[str]) -> int:
    if _ATX_HEADING.match(lines[0]):
        return 1
    return next(number for number, line in enumerate(lines[1:], 2) if _UNDERLINE.fullmatch(line))


def _without_heading(lines: list[str], section: Section) -> list[str]:
    """What comes under the heading of a section, when the lines repeat it with another level.
    One that has others beside it is a subsection of the same name."""
    first, *others = parse("".join(lines).encode(), "content.md").sections or [section]
    same = (first.heading, first.first_line) == (section.heading, 1)
    beside = first.level > section.level and any(each.level == first.level for each in others)
    if not same or beside or first.level in (0, section.level):
        return lines
    return _framed(lines[_heading_lines(lines) :])[1]


def _opening(lines: Sequence[str]) -> Section | None:
    """The section whose heading comes first in the lines."""
    found = parse("".join(lines).encode(), "content.md").sections
    return found[0] if found and found[0].level and found[0].first_line == 1 else None


def _framed(lines: list[str]) -> tuple[list[str], list[str], list[str]]:
    """Blank lines, text, blank lines. Of blank lines alone, all are in the last part."""
    filled = [number for number, line in enumerate(lines) if line.strip(_BLANK)]
    if not filled:
        return [], [], lines
    return lines[: filled[0]], lines[filled[0] : filled[-1] + 1], lines[filled[-1] + 1 :]


def _is_ended(text: str) -> bool:
    return text.endswith(("\n", "\r"))


def _ended(text: str, newline: str) -> str:
    return text if _is_ended(text) else text + newline
