"""Where the headings and the code of a Markdown text are.

markdown-it-py parses, by the CommonMark specification, with its block rules only.
What no outline needs is left out: the content of blocks, and every heading inside
a list or a quote, which is part of that list or quote.
"""

import re
from dataclasses import dataclass
from typing import Literal, cast

from markdown_it import MarkdownIt
from markdown_it.ruler import RuleOptionsType
from markdown_it.rules_block import StateBlock, blockquote, hr, reference
from markdown_it.token import Token
from markdown_it.utils import EnvType

MAX_LINES = 1_000_000
"""A text of more lines is not parsed: the parser's tables take 100 bytes a line."""
_MAX_LEVEL = 32
"""How deep is looked: a list takes two levels, a quote one."""
_MAX_STEPS = 1_000_000
"""How much work one text may cost, in blocks opened and lines looked ahead at. Each
takes a few microseconds, so this is some seconds."""
_DEFINITION_LINE_STEPS = 4
"""What a line more in a link definition costs."""
_LONGEST_LABEL = 999
"""Of a link, in characters, by the specification."""


class TooIntricate(ValueError):
    """Parsing the text would take too long."""


@dataclass(frozen=True, slots=True)
class HeadingBlock:
    level: int
    source: str
    """What it says, still with its inline markup."""
    start: int
    end: int
    """Its lines, from 0, without the end: two or more when it is underlined."""


@dataclass(frozen=True, slots=True)
class Structure:
    headings: tuple[HeadingBlock, ...]
    code: tuple[tuple[int, int], ...]
    """Line ranges of fenced and indented code, from 0, without the end."""
    html: tuple[tuple[int, int], ...]
    """Those of blocks of HTML."""
    references: EnvType
    """The link definitions, for `heading_text`."""
    too_deep: bool
    """Something was nested so deep that it was passed over."""


def find_structure(text: str) -> Structure:
    """Headings, code and HTML of a text whose lines all end with `\\n`.

    Raises TooIntricate for a text that has more than MAX_LINES, or would take longer
    than some seconds.
    """
    if text.count("\n") > MAX_LINES:
        raise TooIntricate
    state = _Outline(text, _PARSER, {}, [])
    _PARSER.block.tokenize(state, 0, state.lineMax)
    state.take_lines()
    code, html = tuple(state.code), tuple(state.html)
    return Structure(tuple(state.headings), code, html, state.env, state.too_deep)


class _Outline(StateBlock):
    """Takes from the tokens what a Structure holds, and keeps neither them nor the
    content of blocks."""

    def __init__(self, src: str, md: MarkdownIt, env: EnvType, tokens: list[Token]) -> None:
        super().__init__(src, md, env, tokens)
        self.headings: list[HeadingBlock] = []
        self.code: list[tuple[int, int]] = []
        self.html: list[tuple[int, int]] = []
        self.too_deep = False
        self._steps = 0
        # One token of a kind serves all: rules fill it in once it is pushed.
        self._opening, self._inline = Token("", "", 0), Token("", "", 0)
        self._code, self._html = Token("", "", 0), Token("", "", 0)
        self._other = Token("", "", 0)

    def spend(self, steps: int) -> None:
        self._steps += steps
        if self._steps > _MAX_STEPS:
            raise TooIntricate

    def take_lines(self) -> None:
        """Of the code or the HTML that was pushed last."""
        for token, found in ((self._code, self.code), (self._html, self.html)):
            if token.map is not None:
                start, end = token.map
                found.append((start, end))
                token.map = None

    def push(self, ttype: str, tag: str, nesting: Literal[-1, 0, 1]) -> Token:
        self.spend(1)
        self.take_lines()
        if nesting < 0:
            self.level -= 1
        token = self._other
        if ttype in ("fence", "code_block"):
            token = self._code
        elif ttype == "html_block":
            token = self._html
        elif self.level == 0 and ttype == "heading_open":
            token = self._opening
        elif self.level == 1 and ttype == "inline":
            token = self._inline
        elif self.level == 0 and ttype == "heading_close":
            start, end = self._opening.map or (0, 0)
            self.headings.append(HeadingBlock(int(tag[1]), self._inline.content, start, end))
        if nesting > 0:
            self.level += 1
        return token

    def getLines(self, *_: object, **__: object) -> str:  # noqa: N802
        return ""


# What a line begins with that may end a paragraph, and what any other block begins with.
_INTERRUPTS = frozenset("`~>#*+-_<=0123456789")
_STARTS = _INTERRUPTS | {"["}
_UNDERLINE = re.compile(r"(?:=++|-++)[ \t]*+")
_BREAK = re.compile(r"(?:\*[ \t]*+){3,}+|(?:-[ \t]*+){3,}+|(?:_[ \t]*+){3,}+")


def _paragraph(state: StateBlock, start: int, end: int, _silent: bool) -> bool:
    """Paragraphs and underlined headings in one pass (markdown-it makes two, and asks
    every rule about every line)."""
    source, begins, ends = state.src, state.bMarks, state.eMarks
    shifts, indents, block_indent = state.tShift, state.sCount, state.blkIndent
    interrupting = state.md.block.ruler.getRules("paragraph")
    parent, state.parentType = state.parentType, "paragraph"
    underline = ""
    line = start + 1
    while line < state.lineMax:
        position = begins[line] + shifts[line]
        if position >= ends[line]:
            break
        indent = indents[line]
        if indent - block_indent <= 3 and source[position] in _INTERRUPTS:
            if (
                indent >= block_indent
                and line < end
                and _UNDERLINE.fullmatch(source, position, ends[line])
            ):
                underline = source[position]
                break
            # An indent below 0 marks a line that a quote has already taken.
            if indent >= 0 and any(rule(state, line, end, True) for rule in interrupting):
                break
        line += 1
    state.parentType = parent
    state.line = line
    if underline:
        state.line = line + 1
        tag = "h1" if underline == "=" else "h2"
        state.push("heading_open", tag, 1).map = [start, state.line]
        lines = range(start, line)
        content = (source[begins[each] + shifts[each] : ends[each]].strip() for each in lines)
        state.push("inline", "", 0).content = "\n".join(content)
        state.push("heading_close", tag, -1)
    return True


def _plain_paragraph(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Spares the common paragraph the other rules."""
    first = state.src[state.bMarks[start] + state.tShift[start]]
    if first in _STARTS or state.is_code_block(start):
        return False
    return _paragraph(state, start, end, silent)


def _thematic_break(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """As markdown-it's, which walks a long line character by character."""
    position = state.bMarks[start] + state.tShift[start]
    if not _BREAK.fullmatch(state.src, position, state.eMarks[start]):
        return False
    return hr(state, start, end, silent)


def _quote(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """As markdown-it's, at a price. It looks ahead over the quote and the paragraph
    lines below it; when it gives these back, as for `> # a` and `b` in turn, the next
    quote looks at them again, and so on."""
    if not silent and state.src.startswith(">", state.bMarks[start] + state.tShift[start]):
        interrupting = state.md.block.ruler.getRules("blockquote")
        line = start + 1
        while line < end and not state.isEmpty(line):
            first = state.src[state.bMarks[line] + state.tShift[line]]
            looked_at = first in _INTERRUPTS and first != ">"
            if looked_at and any(rule(state, line, end, True) for rule in interrupting):
                break
            line += 1
        cast("_Outline", state).spend(line - start)
    return blockquote(state, start, end, silent)


def _definition(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """As markdown-it's, which knows no longest label, and follows one that never ends
    through the whole text."""
    position = state.bMarks[start] + state.tShift[start]
    if state.src.find("]", position, position + 2 + _LONGEST_LABEL) < 0:
        return False
    return reference(state, start, end, silent)


def _further_line(state: StateBlock, _start: int, _end: int, _silent: bool) -> bool:
    """Is asked whether a line ends the definition above it. It never does, but has its price."""
    if state.parentType == "reference":
        cast("_Outline", state).spend(_DEFINITION_LINE_STEPS)
    return False


def _too_deep(state: StateBlock, start: int, end: int, _silent: bool) -> bool:
    """Passes over what is nested too deep, to where the innermost list ends.
    (markdown-it's own limit passes over the rest of the document.)"""
    if state.level < _MAX_LEVEL:
        return False
    line = start + 1
    while line < end and (state.isEmpty(line) or state.sCount[line] >= state.blkIndent):
        line += 1
    state.line = line
    cast("_Outline", state).too_deep = True
    return True


def _make_parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"maxNesting": 2 * _MAX_LEVEL})
    rules = parser.block.ruler
    interrupting: RuleOptionsType = {"alt": ["paragraph", "reference", "blockquote", "list"]}
    rules.before("code", "too_deep", _too_deep)
    rules.before("code", "further_line", _further_line, {"alt": ["reference"]})
    rules.at("reference", _definition)
    rules.after("too_deep", "plain_paragraph", _plain_paragraph)
    rules.at("hr", _thematic_break, interrupting)
    rules.at("blockquote", _quote, interrupting)
    rules.at("paragraph", _paragraph)
    parser.disable("lheading")
    return parser


_PARSER = _make_parser()
