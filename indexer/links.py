"""Where the links of a Markdown text are, to the character.

markdown-it-py says what is a link, by the CommonMark specification, and its rules are
followed here to the place in the source where they found it. Beyond CommonMark there
are wiki links (`[[page#heading|shown]]`), footnotes, and `href` and `src` in HTML.
What is in code, in a comment, or in the text of an image is no link.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, cast

from markdown_it import MarkdownIt
from markdown_it.common.utils import normalizeReference
from markdown_it.helpers import parseLinkDestination, parseLinkLabel
from markdown_it.parser_inline import ParserInline
from markdown_it.ruler import RuleOptionsType
from markdown_it.rules_block import (
    StateBlock,
    fence,
    heading,
    html_block,
    lheading,
    paragraph,
    reference,
)
from markdown_it.rules_inline import StateInline, html_inline, image, link
from markdown_it.token import Token
from markdown_it.utils import EnvType

from docindex.indexer.blocks import MAX_LINES, TooIntricate
from docindex.indexer.htmllinks import find_in_html

LinkKind = Literal["plain", "angle", "html", "wiki"]
"""How a target is written: bare, between `<` and `>`, as the value of an HTML attribute,
or as the name of a page."""

_MAX_STEPS = 1_000_000
"""How much work one text may cost: lines looked at by the rules of blocks, and characters
by those of labels. Each takes a few microseconds, so this is some seconds."""
_MAX_LEVEL = 64

_LABEL = re.compile(r"\[(?:[^\[\]\\]|\\.)*+\]:\s*+", re.DOTALL)
_FOOTNOTE = re.compile(r"\[\^[^\]\[\s]{1,200}\]:[ \t]*+")
_WIKI = re.compile(
    r"\[\[[ \t]*+(?P<target>[^\[\]|#\n\\ \t][^\[\]|#\n\\]{0,1000}?)[ \t]*+"
    r"(?:#[^\[\]|\n]{0,1000}+)?(?:\\?\|[^\[\]\n]{0,1000}+)?\]\]"
)


@dataclass(frozen=True, slots=True)
class Link:
    """`text[start:end]` is the target as it is written, without what encloses it."""

    start: int
    end: int
    kind: LinkKind


def find_links(text: str, wanted: Callable[[str], bool] = lambda _: True) -> list[Link]:
    """The links of a text that has no front matter (any more), in order. Paragraphs whose
    source is not `wanted` are passed over.

    Raises TooIntricate when the text has more than MAX_LINES, or it would take longer
    than some seconds.
    """
    # No shorter than it was, so that what is found is found there too.
    source = text.replace("\r\n", " \n").replace("\r", "\n").replace("\0", "\ufffd")
    if source.count("\n") > MAX_LINES:
        raise TooIntricate
    blocks = _Blocks(source, _PARSER, {}, [])
    _PARSER.block.tokenize(blocks, 0, blocks.lineMax)
    found = blocks.definitions
    for passage in blocks.passages:
        if wanted(passage.content):
            inline = _Inline(passage, blocks)
            _PARSER.inline.tokenize(inline)
            found += inline.found
    for passage in blocks.html:
        found += (passage.link(*each, "html") for each in find_in_html(passage.content))
    return sorted(found, key=lambda link: link.start)


@dataclass(frozen=True, slots=True)
class _Passage:
    """The content of a block, and where each of its lines stands in the source."""

    content: str
    begins: Sequence[int]
    """Of the lines, in `content`."""
    places: Sequence[int]
    """The same, in the source."""

    def link(self, start: int, end: int, kind: LinkKind) -> Link:
        """For a stretch of `content` that is all in one line."""
        line = bisect_right(self.begins, start) - 1
        shift = self.places[line] - self.begins[line]
        return Link(start + shift, end + shift, kind)


class _Blocks(StateBlock):
    """Keeps, of the blocks that the parser finds, what may hold links."""

    level: int

    def __init__(self, src: str, md: MarkdownIt, env: EnvType, tokens: list[Token]) -> None:
        super().__init__(src, md, env, tokens)
        self.passages: list[_Passage] = []
        self.html: list[_Passage] = []
        self.definitions: list[Link] = []
        self._steps = 0

    def spend(self, steps: int) -> None:
        self._steps += steps
        if self._steps > _MAX_STEPS:
            raise TooIntricate

    def push(self, ttype: str, tag: str, nesting: Literal[-1, 0, 1]) -> Token:
        """Tokens are not kept: lists only care how many there are."""
        self.level += nesting
        self.check_level()
        return Token(ttype, tag, nesting)

    def check_level(self) -> None:
        """Deeper than that, the parser would pass over the rest of the document."""
        if self.level >= _MAX_LEVEL:
            raise TooIntricate

    def passage(self, first: int, last: int) -> _Passage:
        """These lines, from 0 and without the end, each from its first character on."""
        places = [self.bMarks[line] + self.tShift[line] for line in range(first, last)]
        lines = [self.src[place : self.eMarks[first + n]] for n, place in enumerate(places)]
        begins = [0]
        for line in lines[:-1]:
            begins.append(begins[-1] + len(line) + 1)
        return _Passage("\n".join(lines), begins, places)


class _Inline(StateInline):
    """Goes over one passage."""

    def __init__(self, passage: _Passage, blocks: _Blocks) -> None:
        super().__init__(passage.content, blocks.md, blocks.env, [])
        self.found: list[Link] = []
        self.spend = blocks.spend
        self._passage = passage

    def find(self, start: int, end: int, kind: LinkKind) -> None:
        self.found.append(self._passage.link(start, end, kind))

    def find_destination(self, label_end: int) -> None:
        """Of `[label](destination)`; there is none in `[label][reference]`."""
        if self.src.startswith("(", label_end + 1) and self.src[self.pos - 1] == ")":
            start = label_end + 2
            while self.src[start] in " \t\n":
                start += 1
            if found := _destination(self.src, start):
                self.find(*found)


def _destination(content: str, start: int) -> tuple[int, int, LinkKind] | None:
    result = parseLinkDestination(content, start, len(content))
    if not result.ok:
        return None
    if content[start] == "<":
        return start + 1, result.pos - 1, "angle"
    return start, result.pos, "plain"


# --- Rules of blocks ------------------------------------------------------------


def _counted(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """The rule that is asked first, about every line that another rule looks ahead at."""
    cast("_Blocks", state).spend(1)
    return fence(state, start, end, silent)


def _heading(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    return _kept(heading(state, start, end, silent), state, start, silent)


def _lheading(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    return _kept(lheading(state, start, end, silent), state, start, silent)


def _paragraph(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    return _kept(paragraph(state, start, end, silent), state, start, silent)


def _kept(found: bool, state: StateBlock, start: int, silent: bool) -> bool:
    if found and not silent:
        blocks = cast("_Blocks", state)
        blocks.passages.append(blocks.passage(start, state.line))
    return found


def _html(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    if not html_block(state, start, end, silent):
        return False
    if not silent:
        blocks = cast("_Blocks", state)
        blocks.html.append(blocks.passage(start, state.line))
    return True


def _reference(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    if not reference(state, start, end, silent):
        return False
    if not silent:
        blocks = cast("_Blocks", state)
        passage = blocks.passage(start, state.line)
        label = _LABEL.match(passage.content)
        if label and (found := _destination(passage.content, label.end())):
            blocks.definitions.append(passage.link(*found))
    return True


def _footnote(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """`[^note]: text`, which may go on in blocks that are indented. CommonMark would take
    its first word for the destination of a link."""
    place = state.bMarks[start] + state.tShift[start]
    if state.is_code_block(start):
        return False
    mark = _FOOTNOTE.match(state.src, place, state.eMarks[start])
    if mark is None or silent:
        return mark is not None
    first = state.bMarks[start], state.tShift[start], state.sCount[start]
    around = state.blkIndent, state.parentType
    state.bMarks[start], state.tShift[start] = mark.end(), 0
    state.level += 1
    cast("_Blocks", state).check_level()
    state.blkIndent += 4
    state.sCount[start] = state.blkIndent
    state.parentType = "footnote"
    state.md.block.tokenize(state, start, end)
    state.line = max(state.line, start + 1)  # there may be nothing behind the mark
    state.level -= 1
    state.blkIndent, state.parentType = around
    state.bMarks[start], state.tShift[start], state.sCount[start] = first
    return True


# --- Rules within them ----------------------------------------------------------


class _CountingParser(ParserInline):
    def skipToken(self, state: StateInline) -> None:  # noqa: N802
        cast("_Inline", state).spend(1)
        super().skipToken(state)


def _link(state: StateInline, silent: bool) -> bool:
    start = state.pos
    if not link(state, silent):
        return False
    if not silent:
        cast("_Inline", state).find_destination(parseLinkLabel(state, start, True))
    return True


def _image(state: StateInline, silent: bool) -> bool:
    start = state.pos
    # Silently in any case, so that it does not parse the text, in which nothing is a link.
    if not image(state, True):
        return False
    if not silent:
        cast("_Inline", state).find_destination(parseLinkLabel(state, start + 1))
    return True


def _wiki(state: StateInline, silent: bool) -> bool:
    """Comes after what CommonMark takes for a link: `[[1]](notes.md)` is one, and `[[a]]`
    where there is a definition of `[a]`. Within a label it is only text with brackets."""
    match = None if silent else _WIKI.match(state.src, state.pos)
    if match is None:
        return False
    inside = normalizeReference(match[0][2:-2])
    if inside in cast("dict[str, object]", state.env.get("references", {})):
        return False
    cast("_Inline", state).find(*match.span("target"), "wiki")
    state.pos = match.end()
    return True


def _html_tag(state: StateInline, silent: bool) -> bool:
    start = state.pos
    if not html_inline(state, silent):
        return False
    if not silent:
        for begin, end in find_in_html(state.src[start : state.pos]):
            cast("_Inline", state).find(start + begin, start + end, "html")
    return True


def _make_parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"maxNesting": _MAX_LEVEL})
    parser.inline = _CountingParser()
    interrupting: RuleOptionsType = {"alt": ["paragraph", "reference", "blockquote", "list"]}
    rules = parser.block.ruler
    rules.at("fence", _counted, interrupting)
    rules.at("heading", _heading, {"alt": ["paragraph", "reference", "blockquote"]})
    rules.at("lheading", _lheading)
    rules.at("html_block", _html, {"alt": ["paragraph", "reference", "blockquote"]})
    rules.at("reference", _reference)
    rules.at("paragraph", _paragraph)
    rules.before("reference", "footnote", _footnote, {"alt": ["paragraph", "reference"]})
    inline = parser.inline.ruler
    inline.at("link", _link)
    inline.at("image", _image)
    inline.at("html_inline", _html_tag)
    inline.after("image", "wiki", _wiki)
    inline.enableOnly(
        ["text", "escape", "backticks", "link", "image", "wiki", "autolink", "html_inline"]
    )
    return parser


_PARSER = _make_parser()
