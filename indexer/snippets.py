"""The lines of a section that show why it was found."""

import re
import unicodedata
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from docindex.indexer.analysis import term_spans
from docindex.indexer.analysis import terms as terms_of
from docindex.indexer.clauses import Prefix

MAX_SCANNED = 1 << 16
"""Characters of a section that are looked at, where each line counts for some more."""

_LINE_COST = 32
"""In characters: even empty lines take time."""

MAX_MATCHES = 256
"""Matching lines, and matches in a long line, that are weighed against each other."""

MAX_ROWS = 512
"""Rows of a table above a match in which its header is looked for."""

_ATX_HEADING = re.compile(r" {0,3}#{1,6}(?:\s|$)")
_SETEXT_TEXT = re.compile(r" {0,3}[^\s\-*+>|]")
_SETEXT_UNDERLINE = re.compile(r" {0,3}(?:=+|-+)\s*$")
_TABLE_DELIMITER = frozenset("|-: \t\r")
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Control characters but the tab, marks that break or reorder lines, surrogates."""

_ELLIPSIS = "…"
_ELLIPSES_BYTES = 2 * len(_ELLIPSIS.encode())
_SNAP = 30
"""Characters given up at most so that a cut falls between words."""


@dataclass(frozen=True, slots=True)
class Snippet:
    text: str
    first_line: int
    """The number of its first line. A table's header put in front does not count."""


def window(
    lines: Sequence[str],
    first_line: int,
    terms: Collection[str],
    max_bytes: int,
    weights: Mapping[str, float] | None = None,
    prefixes: Collection[Prefix] = (),
) -> Snippet:
    """The whole lines that hold the most different terms, closest together.

    `lines` are those of one section, and `first_line` the number of the first of
    them; its heading is left out. Terms that begin as a prefix says count too. A
    term counts as much as `weights` says, or 1. The text has at most `max_bytes`
    bytes of UTF-8: a line longer than that is cut between words, around its
    matches. Where nothing matches, it is the section's beginning.
    """
    room = min(max_bytes, MAX_SCANNED)
    body = _Body(lines)
    chosen = None
    if terms or prefixes:
        chosen = _choose(body, _wanted(terms, prefixes), room, weights or {})
    chosen = chosen or body.beginning()
    if chosen is None:
        return Snippet("", first_line)
    if body.size(chosen.first) > room:
        text, at = _cut(body.lines[chosen.first], chosen.start, chosen.end, room), chosen.first
    else:
        text, at = _whole_lines(body, chosen.first, chosen.last, room)
    return Snippet(text, first_line + body.above + at)


def _wanted(terms: Collection[str], prefixes: Collection[Prefix]) -> Callable[[str], bool]:
    exact = frozenset(terms).union(*(prefix.stems for prefix in prefixes))
    if not prefixes:
        return exact.__contains__
    starts = tuple(prefix.start for prefix in prefixes)
    return lambda term: term in exact or term.startswith(starts)


@dataclass(frozen=True, slots=True)
class _Chosen:
    """Lines to show, and the characters to show when it is one line, too long to show whole."""

    first: int
    last: int
    start: int = 0
    end: int = 0


class _Body:
    """The lines of a section below its heading, as far as they are looked at."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.above = _heading_lines(lines)
        self.lines: list[str] = []
        self.starts = [0]
        """In bytes, each line ending in one more."""
        left = MAX_SCANNED
        for at in range(self.above, len(lines)):
            if left <= 0:
                break
            line = lines[at][:left]
            self.lines.append(line)
            # The rest of a line that was cut off is unknown, so it is too long.
            size = _size(line) if len(line) == len(lines[at]) else MAX_SCANNED + 1
            self.starts.append(self.starts[-1] + size + 1)
            left -= len(line) + _LINE_COST

    def size(self, first: int, last: int | None = None) -> int:
        return self.starts[(first if last is None else last) + 1] - self.starts[first] - 1

    def beginning(self) -> _Chosen | None:
        with_text = (at for at, line in enumerate(self.lines) if not _is_blank(line))
        at = next(with_text, None)
        return None if at is None else _Chosen(at, at)


def _heading_lines(lines: Sequence[str]) -> int:
    if lines and _ATX_HEADING.match(lines[0]):
        return 1
    if len(lines) > 1 and _SETEXT_TEXT.match(lines[0]) and len(lines[1]) < MAX_SCANNED:
        return 2 if _SETEXT_UNDERLINE.match(lines[1]) else 0
    return 0


@dataclass(frozen=True, slots=True)
class _Match:
    """Terms found in a line, at its bytes in the section, or a term in a line, at
    its characters there."""

    at: int
    start: int
    end: int
    terms: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Cluster:
    score: tuple[float, int, int]
    """What the different terms weigh, minus the way from the first match to the
    last, the number of matched words. The greatest is the best."""
    first: _Match
    last: _Match


def _choose(
    body: _Body, wanted: Callable[[str], bool], room: int, weights: Mapping[str, float]
) -> _Chosen | None:
    matches = list(islice(_matching_lines(body, wanted), MAX_MATCHES))
    best = _densest(matches, room, weights)
    chosen = _Chosen(best.first.at, best.last.at) if best else None
    for match in matches:
        # Within a line, matches are looked up only where they can win.
        if body.size(match.at) <= room or (
            best and sum(weights.get(term, 1.0) for term in set(match.terms)) <= best.score[0]
        ):
            continue
        line = body.lines[match.at]
        reach = (room - _ELLIPSES_BYTES) * len(line) // _size(line)
        inside = _densest(list(islice(_matches_within(line, wanted), MAX_MATCHES)), reach, weights)
        if inside and (best is None or inside.score > best.score):
            best = inside
            chosen = _Chosen(match.at, match.at, inside.first.start, inside.last.end)
    return chosen


def _matching_lines(body: _Body, wanted: Callable[[str], bool]) -> Iterator[_Match]:
    for at, line in enumerate(body.lines):
        found = list(filter(wanted, terms_of(line)))
        if found:
            yield _Match(at, body.starts[at], body.starts[at + 1] - 1, found)


def _matches_within(line: str, wanted: Callable[[str], bool]) -> Iterator[_Match]:
    for term, start, end in term_spans(line):
        if wanted(term):
            yield _Match(0, start, end, (term,))


def _densest(
    matches: Sequence[_Match], reach: int, weights: Mapping[str, float]
) -> _Cluster | None:
    """The best cluster that reaches no further than `reach`; the first of equals."""
    best: _Cluster | None = None
    for number, first in enumerate(matches):
        weight, count, seen = 0.0, 0, set[str]()
        for last in islice(matches, number, None):
            if last.end - first.start > reach:
                break
            weight += sum(weights.get(term, 1.0) for term in set(last.terms) - seen)
            seen.update(last.terms)
            count += len(last.terms)
            score = (weight, first.start - last.start, count)
            if best is None or score > best.score:
                best = _Cluster(score, first, last)
    return best


def _whole_lines(body: _Body, first: int, last: int, room: int) -> tuple[str, int]:
    """The lines with as many around them as there is room for, those below before
    those above; and the place of the first."""
    header = _table_header(body, first)
    if header is not None and body.size(header) + 1 + body.size(first, last) > room:
        header = None
    if header is not None:
        room -= body.size(header) + 1
    while last + 1 < len(body.lines) and body.size(first, last + 1) <= room:
        last += 1
    while header is None and first > 0 and body.size(first - 1, last) <= room:
        first -= 1
    shown = [_printable(line) for line in body.lines[first : last + 1]]
    while shown and not shown[-1]:
        shown.pop()
    while shown and not shown[0]:
        shown.pop(0)
        first += 1
    if header is not None:
        shown.insert(0, _printable(body.lines[header]))
    return "\n".join(shown), first


def _table_header(body: _Body, row: int) -> int | None:
    """The line that names the columns of the table in which this is a row."""
    for at in range(row, max(row - MAX_ROWS, 0), -1):
        line = body.lines[at]
        if "|" not in line:
            return None
        if at < row and "-" in line and _TABLE_DELIMITER.issuperset(line):
            return at - 1
    return None


def _cut(line: str, start: int, end: int, room: int) -> str:
    """As much of a line as there is room for, with line[start:end] in it."""
    line = _UNPRINTABLE.sub(" ", line)
    room -= _ELLIPSES_BYTES
    core = _first_bytes(line[start:end], room)
    end = start + len(core)
    room -= _size(core)
    # A quarter of the room goes to what stands before, more when less stands behind.
    behind = _first_bytes(line[end : end + max(room, 0)], room)
    before = _last_bytes(line[:start], max(room // 4, room - _size(behind)))
    behind = _first_bytes(behind, room - _size(before))
    start, end = start - len(before), end + len(behind)
    start += _to_word_start(line, start, len(before))
    end -= _to_word_end(line, end, len(behind))
    shown = line[start:end].strip()
    if not shown:
        return ""
    return (_ELLIPSIS if start else "") + shown + (_ELLIPSIS if end < len(line) else "")


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


def _printable(line: str) -> str:
    return _UNPRINTABLE.sub("", line).rstrip()


def _is_blank(line: str) -> bool:
    return not line or line.isspace()


def _size(text: str) -> int:
    """In bytes of UTF-8."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _first_bytes(text: str, room: int) -> str:
    return text.encode()[: max(room, 0)].decode(errors="ignore")


def _last_bytes(text: str, room: int) -> str:
    return text[-room:].encode()[-room:].decode(errors="ignore") if room > 0 else ""
