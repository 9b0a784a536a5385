"""From the bytes of a file to a Document, whatever the bytes are.

A section runs from its heading to the line before the next heading of any level, so
sections share no line and leave out none but the front matter. What cannot be parsed
is one section of plain text, with a remark.
"""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from html import unescape
from itertools import islice

from docindex.indexer import frontmatter
from docindex.indexer.blocks import Structure, find_structure
from docindex.indexer.encoding import count_lines, decode, nfc, unify_newlines
from docindex.indexer.headings import Anchors, heading_text, slug
from docindex.indexer.models import Document, JsonValue, Section

MAX_SECTIONS = 20_000
MAX_HEADING_CHARS = 300
MAX_LINKS = 1_000
MAX_HASHTAGS = 100

_NOTHING = Structure((), (), (), {}, too_deep=False)
_CUSTOM_ID = re.compile(r"\s*\{(?::?\s*#([^\s{}]{1,200})[^{}]*|/\*\s*#?([^\s{}*]{1,200})\s*\*/)\}$")
"""In the style of kramdown and Pandoc, or of MDX 2."""
_HTML_TITLE = re.compile(r"<h1(?:\s[^<>]{0,500})?>(.{1,1000}?)</h1\s*>", re.IGNORECASE | re.DOTALL)
_HTML_TAG = re.compile(r"<[^<>]{0,500}>")
_HTML_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_HTML_LOOKED_AT = 4_000
"""Characters above the first heading in which one of HTML is looked for."""
_SAYS_NOTHING = {"readme", "index"}
"""What many files are called, whatever they are about."""
_WORD_BREAK = re.compile(r"(?<!\d)[-_]+|[-_]+(?!\d)|\s+")

# Both begin with the sign itself, which is looked for many times faster than what stands before.
_CODE_SPAN = re.compile(r"(`(?<!``)`*)(?!`)[^\n]{1,500}?(?<!`)\1(?!`)")
_TARGET = r"[^\s<>()]{1,2000}(?:\([^\s()]{0,200}\)[^\s()]{0,200}){0,9}"
_LINKS = (
    re.compile(rf"\]\([ \t]*+(?:<([^<>\n]{{1,2000}})>|({_TARGET}))"),
    re.compile(rf"^ {{0,3}}\[(?!\^)[^\]\n]{{1,999}}\]:[ \t]*+<?({_TARGET})", re.MULTILINE),
    re.compile(r"\[\[([^\[\]|\n]{1,500})(?:\|[^\[\]\n]{0,500})?\]\]"),
    re.compile(
        r"<([^\s<>#]{1,2000}\.(?:md|markdown|mdx|mdown|txt)(?:#[^\s<>]{0,500})?)>", re.IGNORECASE
    ),
)
_HASHTAG = re.compile(r"#(?<!\S#)([^\W\d_][\w/-]{0,99}+)(?![\w#/-])")
_ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]+:|//", re.IGNORECASE)


def is_plain_text(name: str) -> bool:
    """Whether the document is text without headings or front matter, by its name."""
    return name.lower().endswith(".txt")


def parse(data: bytes, name: str, *, plain: bool = False) -> Document:
    """Never fails, and takes some seconds at the very most. What is `plain` is read as text
    without headings or front matter, like a document that is so by its name.

    Titles, tags, headings and texts are in NFC. Of a section, `text` has as many lines
    as there are under the heading: its first is line `last_line - text.count("\\n")`.
    `links` are those that may lead into the folder, without web addresses.
    """
    decoded = decode(data)
    text = unify_newlines(decoded.text)
    remarks = list(decoded.remarks)
    plain = plain or is_plain_text(name)
    marked_up = not decoded.binary and not plain

    block, body_line = frontmatter.split(text) if marked_up else (None, 1)
    values, unread = frontmatter.load(block) if block else ({}, ())
    remarks += unread
    body = text[len(block or "") :]
    line_count = body_line - 1 + count_lines(body)
    opening = block if block and unread and not values else ""
    structure, sections = _NOTHING, tuple[Section, ...]()
    if marked_up:
        structure, sections = _structured(opening, body, body_line, line_count, remarks)
    elif not decoded.binary:
        sections = tuple(_sections(opening, body, body_line, line_count, structure))
    prose = _without(body, structure.code) if marked_up else ""
    return Document(
        name=name,
        title=_title(name, values, body, structure, sections, plain=plain),
        tags=frontmatter.tags_of(values),
        links=tuple(_links(prose)),
        front_matter=values,
        sections=sections,
        line_count=line_count,
        remarks=tuple(remarks),
        hashtags=tuple(_hashtags(body, structure)) if marked_up else (),
    )


def _structured(
    opening: str, body: str, first_line: int, last_line: int, remarks: list[str]
) -> tuple[Structure, tuple[Section, ...]]:
    try:
        structure = find_structure(body)
        sections = tuple(_sections(opening, body, first_line, last_line, structure))
    except Exception:
        # Whatever the parser chokes on, words can be found in it.
        remarks.append("too long or too intricate for Markdown: read as plain text")
        return _NOTHING, tuple(_sections(opening, body, first_line, last_line, _NOTHING))
    if structure.too_deep:
        remarks.append("holds lists or quotes nested very deep, which are read as plain text")
    if len(structure.headings) > MAX_SECTIONS:
        remarks.append(f"has more than {MAX_SECTIONS:,} headings: the rest is one section")
    return structure, sections


def _sections(
    opening: str, body: str, first_line: int, last_line: int, structure: Structure
) -> Iterator[Section]:
    """The sections of the body that is in these lines. `opening` is front matter above
    it that is read as text: it belongs to what is before the first heading."""
    headings = structure.headings[:MAX_SECTIONS]
    body = body.removesuffix("\n")
    lines = body.split("\n") if headings else []
    starts = [*(each.start for each in headings), last_line - first_line + 1]

    before = [opening.removesuffix("\n")] if opening else []
    before += lines[: starts[0]] if headings else [body] if body else []
    text = "\n".join(before)
    if text.strip():
        above = first_line - count_lines(opening)
        yield Section("", 0, (), "", above, first_line + starts[0] - 1, nfc(text))

    anchors = Anchors()
    trail: list[tuple[int, str]] = []
    for heading, end in zip(headings, starts[1:], strict=True):
        source, custom_id = _without_id(heading.source)
        said = nfc(heading_text(source, structure.references))
        shown = _shortened(said)
        while trail and trail[-1][0] >= heading.level:
            trail.pop()
        trail.append((heading.level, shown))
        # A heading too long to keep whole is searched with its section.
        whole = len(said) <= MAX_HEADING_CHARS
        yield Section(
            heading=shown,
            level=heading.level,
            trail=tuple(each for _, each in trail),
            anchor=anchors.claim(custom_id or slug(said[:MAX_HEADING_CHARS]) or "section"),
            first_line=first_line + heading.start,
            last_line=first_line + end - 1,
            text=nfc("\n".join(lines[heading.end if whole else heading.start : end])),
        )


def _without_id(source: str) -> tuple[str, str]:
    """A heading without its `{#custom-id}` or `{/*custom-id*/}`, and that id or ""."""
    if not source.endswith("}"):
        return source, ""
    match = _CUSTOM_ID.search(source, max(0, len(source) - MAX_HEADING_CHARS))
    return (source[: match.start()], nfc(match[1] or match[2])) if match else (source, "")


def _title(
    name: str,
    values: Mapping[str, JsonValue],
    body: str,
    structure: Structure,
    sections: Sequence[Section],
    *,
    plain: bool,
) -> str:
    stated = values.get("title")
    if isinstance(stated, str | int | float) and (title := _shortened(nfc(str(stated)))):
        return title
    if plain:
        first = next(
            (line for each in sections for line in each.text.split("\n") if line.strip()), ""
        )
        return _shortened(first, 80) or _readable_stem(name)
    if title := _html_title(body, structure):
        return title
    stem = _readable_stem(name)
    headings = [each for each in sections if each.heading]
    top = headings[0] if headings else None
    if headings and stem.lower() in _SAYS_NOTHING:
        top = next((each for each in headings if each.level == 1), top)
    # One that stands beside others tells of a part.
    elif top and top.level > 1 and any(each.level <= top.level for each in headings[1:]):
        top = None
    return top.heading if top else stem


def _html_title(body: str, structure: Structure) -> str:
    """What a heading of HTML in front of all others says, as in many a README."""
    first = structure.headings[0].start if structure.headings else sys.maxsize
    blocks = [each for each in structure.html if each[0] < first]
    if not blocks:
        return ""
    lines = body.split("\n")
    text = "\n".join("\n".join(lines[start:end]) for start, end in blocks)
    found = _HTML_TITLE.search(_HTML_COMMENT.sub("", text[:_HTML_LOOKED_AT]))
    return _shortened(unescape(_HTML_TAG.sub(" ", found[1]))) if found else ""


def _readable_stem(name: str) -> str:
    stem = nfc(name.rpartition("/")[2].rpartition(".")[0])
    words = _WORD_BREAK.sub(" ", stem).strip()
    return words[:1].upper() + words[1:] or name


def _without(body: str, some: Sequence[tuple[int, int]]) -> str:
    """Without these lines."""
    if not some:
        return body
    lines = body.split("\n")
    ends = [0, *(end for _, end in some)]
    starts = [*(start for start, _ in some), len(lines)]
    return "\n".join("\n".join(lines[a:b]) for a, b in zip(ends, starts, strict=True))


def _hashtags(body: str, structure: Structure) -> Iterator[str]:
    """Tags in the text, as Obsidian has them, each once."""
    if _HASHTAG.search(body):
        prose = _CODE_SPAN.sub("", _without(body, sorted((*structure.code, *structure.html))))
        found = islice(_HASHTAG.finditer(prose), 10 * MAX_HASHTAGS)
        tags = dict.fromkeys(nfc(match[1].rstrip("/-")) for match in found)
        yield from islice(tags, MAX_HASHTAGS)


def _links(prose: str) -> Iterator[str]:
    """Link targets, each once. By patterns, so a few may be none: whoever rewrites links has
    to look more closely."""
    if not any(sign in prose for sign in ("](", "]:", "[[", "<")):
        return
    prose = _CODE_SPAN.sub("", prose)
    found = sorted(
        (match.start(), match[match.lastindex or 0])
        for pattern in _LINKS
        for match in islice(pattern.finditer(prose), 10 * MAX_LINKS)
    )
    seen: set[str] = set()
    for _, target in found:
        if target not in seen and not _ELSEWHERE.match(target) and len(seen) < MAX_LINKS:
            seen.add(target)
            yield target


def _shortened(text: str, limit: int = MAX_HEADING_CHARS) -> str:
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"
