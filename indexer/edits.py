"""Edits of a document's bytes that keep every other byte.

What stays is sliced from the file and never written anew; what is new takes the
file's line ends and encoding.
"""

import re

from docindex.indexer import frontmatter
from docindex.indexer.encoding import (
    Decoded,
    count_lines,
    decode,
    prevailing_newline,
    unify_newlines,
)
from docindex.indexer.errors import (
    DocumentNotFound,
    InvalidInput,
    NotADocument,
    Refused,
)
from docindex.indexer.markdown import MAX_SECTIONS, is_plain_text, parse
from docindex.indexer.models import Edit
from docindex.indexer.names import shown
from docindex.indexer.placing import Placed, appended, blank_between, prepended, with_section
from docindex.indexer.tagging import set_tags

_UNWRITABLE = re.compile("[\0\ud800-\udfff]")
_TAKEN_IN = (
    "with this content, headings outside of it would change or be none any more: close the code "
    "block (```), comment (<!--) or other HTML that it leaves open, and put a blank line before "
    "a line of = or - that would underline another"
)


def apply(data: bytes | None, edit: Edit, name: str) -> bytes:
    """The bytes of the document after the edit; `data` is None when there is none yet.

    - `replace`: the content is the whole new text, front matter and all.
    - `append`, `prepend`: the content comes on lines of its own, at the end or after
      the front matter; with a section, at its end (below its subsections) or under its
      heading, within the blank lines around its text.
    - `section`: the content replaces all that is under the heading, down to the next
      heading of the same or a higher level, but for the blank lines around it. If it
      begins with a heading of that level, it replaces the heading too. One of another level
      with the same words is left out.

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
    if not whole:
        _check_front_matter(old.exact, text, edit.content or "", name)
    if edit.tags is not None and not is_plain_text(name):
        text = set_tags(text, edit.tags, prevailing_newline(text))
    try:
        new = old.encode(text)
    except UnicodeEncodeError as error:
        if whole:
            return text.encode()
        lacking = text[error.start]
        raise InvalidInput(
            f"{shown(edit.name)} is stored as {old.encoding}, which has no {lacking!r} "
            f"(U+{ord(lacking):04X}); do without it, or replace the whole document, "
            "which then becomes UTF-8"
        ) from None
    if _reads_as(new, text):
        return new
    if whole:
        return text.encode()
    raise InvalidInput(
        f"{shown(edit.name)} is stored as {old.encoding}, and with this change could not be told "
        "from text in another encoding; replace the whole document, which then becomes UTF-8"
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
        raise DocumentNotFound(f"there is no {shown(edit.name)}; {how}")


def _check_can_be_kept(old: Decoded, data: bytes, name: str) -> None:
    if old.binary:
        raise NotADocument(
            f"{shown(name)} holds binary data, not text; it can only be replaced whole"
        )
    if old.encode(old.exact) != data:
        raise Refused(f"{shown(name)} {old.remarks[0]}, so it can only be replaced whole")


def _reads_as(data: bytes, text: str) -> bool:
    """What is no UTF-8 is known by its bytes alone, which others may turn into good UTF-8."""
    read = decode(data)
    return read.exact == text or read.bom.decode(read.encoding) + read.exact == text


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
        placed = with_section(old, content, edit, name)
        _check_headings(text, placed, name, below=True)
        return placed.text
    if edit.mode == "replace" or not text:
        return content
    if not content:
        return text
    plain = is_plain_text(name)
    if edit.mode == "append":
        apart = "" if plain else blank_between(text, content, old.newline)
        return appended(text, apart + content, old.newline)
    block = None if plain else frontmatter.split(text)[0]
    above, below = text[: len(block or "")], text[len(block or "") :]
    apart = "" if plain else blank_between(content, below, old.newline)
    placed = prepended(above, content, apart, below, old.newline)
    _check_headings(text, placed, name)
    return placed.text


def _check_front_matter(old: str, new: str, content: str, name: str) -> None:
    """Raises InvalidInput when text that was there becomes front matter."""
    if is_plain_text(name) or frontmatter.split(old)[0] is not None:
        return
    block, _ = frontmatter.split(new)
    # A whole one may come with what is put in front.
    own = unify_newlines(frontmatter.split(content)[0] or "").rstrip()
    if block is not None and unify_newlines(block).rstrip() != own:
        raise InvalidInput(
            "with this content, text of the document would become front matter, from its first "
            "line to one of --- or +++: write *** for a rule"
        )


def _check_headings(old: str, placed: Placed, name: str, *, below: bool = False) -> None:
    """Raises InvalidInput when what was there has other headings than before; or, if so
    asked, when some of them come below others."""
    if not placed.new:
        return
    outer = (count_lines(placed.above), count_lines(placed.below))
    before, after = (_headings(text, name, *outer) for text in (old, placed.text))
    if before is None or after is None:
        if before is not after:
            raise InvalidInput(_TAKEN_IN)
    elif before.keys() != after.keys():
        raise InvalidInput(_TAKEN_IN)
    elif below and before != after:
        raise InvalidInput(
            "with this content, headings that are there would come below one of its own: give "
            "those a deeper level (more #)"
        )


def _headings(
    text: str, name: str, above: int, below: int
) -> dict[tuple[int, int], tuple[int, ...]] | None:
    """By line and level, the headings in so many first and last lines, each with the lines
    of those that it is below. Of the last lines, they count from the end; 0 is one between.
    None when there are too many to know all."""
    document = parse(text.encode("utf-8", "replace"), name)
    if len(document.sections) >= MAX_SECTIONS:
        return None
    last = document.line_count - below
    found: dict[tuple[int, int], tuple[int, ...]] = {}
    trail: list[tuple[int, int]] = []
    for level, line in ((each.level, each.first_line) for each in document.sections if each.level):
        while trail and trail[-1][0] >= level:
            trail.pop()
        place = line if line <= above else line - document.line_count - 1 if line > last else 0
        if place:
            found[place, level] = tuple(line for _, line in trail)
        trail.append((level, place))
    return found
