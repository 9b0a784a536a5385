"""The lines of a section that show why it was found."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from docindex.indexer.analysis import all_terms, alternatives, parts_of_names, term_spans
from docindex.indexer.clauses import Prefix
from docindex.indexer.languages import ENGLISH
from docindex.indexer.quoting import ELLIPSES_BYTES, Frame, Frames, cut, printable, size

MAX_SCANNED = 1 << 16
"""Characters of a section that are looked at, where each line counts for some more."""

_LINE_COST = 32
"""In characters: even empty lines take time."""

MAX_MATCHES = 256
"""Matching lines, and matches in a long line, that are weighed against each other."""

_ATX_HEADING = re.compile(r" {0,3}#{1,6}(?:\s|$)")
_SETEXT_TEXT = re.compile(r" {0,3}[^\s\-*+>|]")
_SETEXT_UNDERLINE = re.compile(r" {0,3}(?:=+|-+)\s*$")


@dataclass(frozen=True, slots=True)
class Snippet:
    text: str
    first_line: int
    """The number of its first line. What is put in front does not count: the header of a
    table, the fence of code."""


def window(
    lines: Sequence[str],
    first_line: int,
    terms: Collection[str],
    max_bytes: int,
    weights: Mapping[str, float] | None = None,
    prefixes: Collection[Prefix] = (),
    language: str = ENGLISH,
) -> Snippet:
    """The whole lines that hold the most different terms, closest together.

    `lines` are those of one section, and `first_line` the number of the first of
    them; its heading is left out. `terms` are those of a question, or of names in it. Terms
    that begin as a prefix says count too. A term counts as much as `weights` says, or 1. The
    text has at most `max_bytes`
    bytes of UTF-8: a line longer than that is cut between words, around its
    matches. Where nothing matches, it is the section's beginning.
    """
    room = min(max_bytes, MAX_SCANNED)
    body = _Body(lines)
    chosen = None
    if terms or prefixes:
        chosen = _choose(body, _Wanted(terms, prefixes, language), room, weights or {})
    chosen = chosen or body.beginning()
    if chosen is None:
        return Snippet("", first_line)
    if body.size(chosen.first) > room:
        text, at = cut(body.lines[chosen.first], chosen.start, chosen.end, room), chosen.first
    else:
        text, at = _whole_lines(body, chosen.first, chosen.last, room)
    return Snippet(text, first_line + body.above + at)


@dataclass(frozen=True, slots=True)
class _Match:
    """Terms found in a line, at its bytes in the section, or a term in a line, at
    its characters there."""

    at: int
    start: int
    end: int
    terms: Sequence[str]


class _Wanted:
    """Knows the terms of a question in the lines of a section."""

    def __init__(self, terms: Collection[str], prefixes: Collection[Prefix], language: str) -> None:
        # Under each term of the index, that of the question.
        self._known = {one: term for term in terms for one in alternatives(term)}
        self._known |= {stem: prefix.start for prefix in prefixes for stem in prefix.stems}
        self._starts = tuple(prefix.start for prefix in prefixes)
        self._language = language

    def among(self, terms: Iterable[str]) -> list[str]:
        """Those that are wanted, as the question has them."""
        known = self._known
        if not self._starts:
            return [known[term] for term in terms if term in known]
        found: list[str] = []
        for term in terms:
            wanted = known.get(term)
            if wanted is None and term.startswith(self._starts):
                wanted = next(start for start in self._starts if term.startswith(start))
            if wanted is not None:
                found.append(wanted)
        return found

    def in_line(self, line: str) -> list[str]:
        return self.among(all_terms(line, self._language))

    def places(self, line: str) -> Iterator[_Match]:
        for term, start, end in term_spans(line, self._language):
            word = line[start:end]
            found = self.among((term,) if word.islower() else (term, *parts_of_names(word)))
            if found:
                yield _Match(0, start, end, found)


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
            taken = size(line) if len(line) == len(lines[at]) else MAX_SCANNED + 1
            self.starts.append(self.starts[-1] + taken + 1)
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
class _Cluster:
    score: tuple[float, int, int]
    """What the different terms weigh, minus the way from the first match to the
    last, the number of matched words. The greatest is the best."""
    first: _Match
    last: _Match


def _choose(
    body: _Body, wanted: _Wanted, room: int, weights: Mapping[str, float]
) -> _Chosen | None:
    matches = list(islice(_matching_lines(body, wanted), MAX_MATCHES))
    best = _densest(matches, room, weights)
    chosen = _Chosen(best.first.at, best.last.at) if best else None
    for match in matches:
        # Within a line, matches are looked up only where they can win.
        if body.size(match.at) <= room or (
            best and _weight(match.terms, (), weights) <= best.score[0]
        ):
            continue
        line = body.lines[match.at]
        reach = (room - ELLIPSES_BYTES) * len(line) // size(line)
        inside = _densest(list(islice(wanted.places(line), MAX_MATCHES)), reach, weights)
        if inside and (best is None or inside.score > best.score):
            best = inside
            chosen = _Chosen(match.at, match.at, inside.first.start, inside.last.end)
    return chosen


def _matching_lines(body: _Body, wanted: _Wanted) -> Iterator[_Match]:
    for at, line in enumerate(body.lines):
        found = wanted.in_line(line)
        if found:
            yield _Match(at, body.starts[at], body.starts[at + 1] - 1, found)


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
            weight += _weight(last.terms, seen, weights)
            seen.update(last.terms)
            count += len(last.terms)
            score = (weight, first.start - last.start, count)
            if best is None or score > best.score:
                best = _Cluster(score, first, last)
    return best


def _weight(terms: Iterable[str], seen: Collection[str], weights: Mapping[str, float]) -> float:
    """Of the different terms that were not seen before, in their order: rounding decides
    between lines that say as much."""
    return sum(weights.get(term, 1.0) for term in dict.fromkeys(terms) if term not in seen)


def _whole_lines(body: _Body, first: int, last: int, room: int) -> tuple[str, int]:
    """The lines with as many around them as there is room for, those below before
    those above; and the place of the first."""
    frames = Frames(body.lines)

    def taken(first: int, last: int) -> int:
        return body.size(first, last) + frames.around(first, last).bytes

    framed = taken(first, last) <= room
    if not framed:
        # At least the lines themselves, as they are.
        taken = body.size
    while last + 1 < len(body.lines) and taken(first, last + 1) <= room:
        last += 1
    # In front of a row with its header, there is nothing more to see.
    while first > 0 and not (framed and frames.header(first)):
        if taken(first - 1, last) > room:
            break
        first -= 1
    frame = frames.around(first, last) if framed else Frame()
    shown = [printable(line) for line in body.lines[first : last + 1]]
    while shown and not shown[-1]:
        shown.pop()
    while shown and not shown[0]:
        shown.pop(0)
        first += 1
    return "\n".join(filter(None, (frame.above, "\n".join(shown), frame.below))), first


def _is_blank(line: str) -> bool:
    return not line or line.isspace()
