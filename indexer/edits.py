"""Edits of a document's bytes that keep every other byte.

What stays is sliced from the file and never written anew; what is new takes the
file's line ends and encoding.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from docindex.indexer import frontmatter
from docindex.indexer.encoding import (
    Decoded,
    count_lines,
    decode,
    prevailing_newline,
    split_lines,
    unify_newlines,
)
from docindex.indexer.errors import (
    DocumentNotFound,
    InvalidInput,
    NotADocument,
    Refused,
    TooLarge,
)
from docindex.indexer.markdown import MAX_SECTIONS, is_plain_text, parse
from docindex.indexer.models import Edit
from docindex.indexer.sections import find_section, section_range

_UNWRITABLE = re.compile("[\0\ud800-\udfff]")
_ATX_HEADING = re.compile(r" {0,3}#{1,6}(?:[ \t\r\n]|$)")
_UNDERLINE = re.compile(r" {0,3}(?:=+|-+)[ \t]*[\r\n]*")
_SET_OFF = re.compile(r" {4}| {0,3}\t| {0,3}\[[^\]\r\n]+\]:")
"""Code by its indent, or the definition of a link: none below text."""
_BLANK = " \t\r\n"


def apply(data: bytes | None, edit: Edit, name: str) -> bytes:
    """The bytes of the document after the edit; `data` is None when there is none yet.

    - `replace`: the content is the whole new text, front matter and all.
    - `append`, `prepend`: the content comes on lines of its own, at the end or after
      the front matter; with a section, at its end (below its subsections) or under its
      heading, within the blank lines around its text.
    - `section`: the content replaces all that is under the heading, down to the next
      heading of the same or a higher level, but for the blank lines around it. If it
      begins with a heading of that level, it replaces the heading too.

    A blank line comes between where text would else take in the block below it.

    Then the tags are set. Content gets the line ends that prevail in the file, and its
    encoding (but when the encoding lacks a character, or could not be told from another
    any more, a replaced document turns UTF-8).

    Raises InvalidInput (nothing to do; content that is no text, for which the encoding
    does not do, or that would make others of the headings outside of it; tags that cannot
    be set), DocumentNotFound, SectionNotFound, and for a file that can only be replaced
    whole NotADocument, Refused or TooLarge.
    """
    _check(data, edit, name)
    old = decode(data or b"")
    whole = edit.mode == "replace" and edit.content is not None
    if whole and old.binary:
        old = decode(b"")
    if not whole:
        _check_can_be_kept(old, data or b"", edit.name)
    text = _written(old, edit, name)
    if edit.tags is not None and not is_plain_text(name):
        text = frontmatter.set_tags(text, edit.tags, prevailing_newline(text))
    try:
        new = old.encode(text)
    except UnicodeEncodeError as error:
        if whole:
            return text.encode()
        lacking = text[error.start]
        raise InvalidInput(
            f"{edit.name} is stored as {old.encoding}, which has no {lacking!r} "
            f"(U+{ord(lacking):04X}); do without it, or replace the whole document, "
            "which then becomes UTF-8"
        ) from None
    if _reads_as(new, text):
        return new
    if whole:
        return text.encode()
    raise InvalidInput(
        f"{edit.name} is stored as {old.encoding}, and with this change could not be told from "
        "text in another encoding; replace the whole document, which then becomes UTF-8"
    )


def _check(data: bytes | None, edit: Edit, name: str) -> None:
    if edit.content is None and edit.tags is None:
        raise InvalidInput("nothing to write: give content, tags or both")
    if edit.content is not None and _UNWRITABLE.search(edit.content):
        raise InvalidInput("the content holds NUL or half of a surrogate pair, which is no text")
    if edit.tags and is_plain_text(name):
        raise InvalidInput("a .txt document has no front matter, so it cannot have tags")
    if data is None and (edit.content is None or edit.section):
        how = (
            "content is needed to create it" if edit.content is None else "mode replace creates it"
        )
        raise DocumentNotFound(f"there is no {edit.name}; {how}")


def _check_can_be_kept(old: Decoded, data: bytes, name: str) -> None:
    if old.binary:
        raise NotADocument(f"{name} holds binary data, not text; it can only be replaced whole")
    if old.encode(old.exact) != data:
        raise Refused(f"{name} {old.remarks[0]}, so it can only be replaced whole")


def _reads_as(data: bytes, text: str) -> bool:
    """What is no UTF-8 is known by its bytes alone, which others may turn into good UTF-8."""
    read = decode(data)
    return read.exact == text or read.bom.decode(read.encoding) + read.exact == text


@dataclass(frozen=True, slots=True)
class _Placed:
    """A text with something new in it. What is above and below was there before, but for
    the end of a last line."""

    above: str
    new: str
    below: str

    @property
    def text(self) -> str:
        return self.above + self.new + self.below


def _written(old: Decoded, edit: Edit, name: str) -> str:
    """The text with the content in its place."""
    text, content = old.exact, edit.content
    if content is None:
        return text
    if old.bom:
        content = content.removeprefix("\ufeff")
    if "\n" in text or "\r" in text:
        content = unify_newlines(content, old.newline)
    if edit.section and edit.mode != "replace":
        placed = _with_section(old, content, edit, name)
        _check_headings(text, placed, name)
        return placed.text
    if edit.mode == "replace" or not text:
        return content
    if not content:
        return text
    plain = is_plain_text(name)
    if edit.mode == "append":
        apart = "" if plain else _apart(text, content, old.newline)
        return _appended(text, apart + content, old.newline)
    block = None if plain else frontmatter.split(text)[0]
    above, below = text[: len(block or "")], text[len(block or "") :]
    apart = "" if plain else _apart(content, below, old.newline)
    placed = _prepended(above, content, apart, below, old.newline)
    _check_headings(text, placed, name)
    return placed.text


def _check_headings(old: str, placed: _Placed, name: str) -> None:
    """Raises InvalidInput when what was there has other headings than before."""
    if not placed.new:
        return
    outer = (count_lines(placed.above), count_lines(placed.below))
    before, after = (_headings(text, name, *outer) for text in (old, placed.text))
    if before != after:
        raise InvalidInput(
            "with this content, headings outside of it would change or be none any more: close "
            "the code block (```), comment (<!--) or other HTML that it leaves open, and put a "
            "blank line before a line of = or - that would underline another"
        )


def _headings(text: str, name: str, above: int, below: int) -> set[tuple[int, int]] | None:
    """Line and level of the headings in so many first and last lines, the latter counted
    from the end; None when there are too many to know all."""
    document = parse(text.encode("utf-8", "replace"), name)
    if len(document.sections) >= MAX_SECTIONS:
        return None
    last = document.line_count - below
    return {
        (line if line <= above else line - document.line_count - 1, each.level)
        for each in document.sections
        if each.level and ((line := each.first_line) <= above or line > last)
    }


def _appended(text: str, content: str, newline: str) -> str:
    return text + _ended(content, newline) if _is_ended(text) else text + newline + content


def _prepended(above: str, content: str, apart: str, below: str, newline: str) -> _Placed:
    return _Placed(
        _ended(above, newline) if above else "",
        _ended(content, newline) + apart if below else content,
        below,
    )


def _apart(above: str, below: str, newline: str) -> str:
    """A blank line, where text would else take in the block that comes below it."""
    last = split_lines(above)[-1:]
    block = list(takewhile(_is_filled, split_lines(below)))
    return newline if any(map(_is_filled, last)) and block and _is_taken_in(block) else ""


def _is_taken_in(block: Sequence[str]) -> bool:
    return _SET_OFF.match(block[0]) is not None or _is_underlined(block)


def _is_filled(line: str) -> bool:
    return line.strip(_BLANK) != ""


def _with_section(old: Decoded, content: str, edit: Edit, name: str) -> _Placed:
    document = parse(old.encode(old.exact), name)
    if len(document.sections) >= MAX_SECTIONS:
        raise TooLarge(f"{edit.name} has too many sections to write one; replace it whole")
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
            return _Placed(old.exact, "", "")
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
    elif not new:
        return _Placed("".join(before), "".join(heading + below), "".join(after))
    # Blank lines stay, and come where text would else run into an underlined heading.
    elif not _begins_with_heading(new, section.level):
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
    return _Placed("".join(whole[:kept]), "".join(whole[kept:end]), "".join(whole[end:]))


def _is_heading(lines: Sequence[str]) -> bool:
    """Whether the lines begin with a heading, or with what would make one of the text
    above them."""
    found = parse("".join(lines).encode(), "content.md").sections
    first = bool(found) and bool(found[0].level) and found[0].first_line == 1
    return first or _UNDERLINE.fullmatch(lines[0]) is not None


def _is_underlined(lines: Sequence[str]) -> bool:
    return _is_heading(lines) and not _ATX_HEADING.match(lines[0])


def _heading_lines(lines: Sequence[str]) -> int:
    if _ATX_HEADING.match(lines[0]):
        return 1
    return next(number for number, line in enumerate(lines[1:], 2) if _UNDERLINE.fullmatch(line))


def _begins_with_heading(lines: Sequence[str], level: int) -> bool:
    sections = parse("".join(lines).encode(), "content.md").sections
    return bool(sections) and (sections[0].level, sections[0].first_line) == (level, 1)


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
