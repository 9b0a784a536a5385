"""The lines of a section that show why it was found."""

import re
import sys
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, compress, islice
from operator import not_
from typing import NamedTuple

from docindex.indexer.analysis import (
    alternatives,
    chunks_of_lines,
    parts_of_names,
    term_spans,
    terms_of_chunks,
    words_as_written,
)
from docindex.indexer.clauses import Prefix
from docindex.indexer.languages import ENGLISH
from docindex.indexer.quoting import ELLIPSES_BYTES, Frame, Frames, cut, printable, size

_ENTRY = 900
"""Bytes that Python takes for a snippet that is kept besides its text, with its key."""

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

    @property
    def nbytes(self) -> int:
        """What it holds in memory when it is kept."""
        return sys.getsizeof(self.text) + _ENTRY


def window(lines: Sequence[str], first_line: int, wanted: "Wanted", max_bytes: int) -> Snippet:
    """The whole lines that hold the most different terms, closest together.

    `lines` are those of one section, and `first_line` the number of the first of
    them; its heading is left out. The text has at most `max_bytes`
    bytes of UTF-8: a line longer than that is cut between words, around its
    matches. Where nothing matches, it is the section's beginning.
    """
    room = min(max_bytes, MAX_SCANNED)
    body = _Body(lines)
    chosen = (_choose(body, wanted, room) if wanted else None) or body.beginning()
    if chosen is None:
        return Snippet("", first_line)
    if body.size(chosen.first) > room:
        text, at = cut(body.lines[chosen.first], chosen.start, chosen.end, room), chosen.first
    else:
        text, at = _whole_lines(body, chosen.first, chosen.last, room)
    return Snippet(text, first_line + body.above + at)


class _Match(NamedTuple):
    """Terms found in a line, at its bytes in the section, or a term in a line, at
    its characters there."""

    at: int
    start: int
    end: int
    terms: Sequence[str]


class Wanted:
    """Knows the terms of a question in the lines of sections, and what they are worth.

    What it has found out of a word it knows for all further lines, so there is one for all
    the sections that a question finds. Not for several threads.
    """

    def __init__(
        self,
        weights: Mapping[str, float],
        prefixes: Collection[Prefix] = (),
        language: str = ENGLISH,
    ) -> None:
        """The terms of a question, or of names in it, and what each counts. Terms that begin
        as a prefix says count 1."""
        # Under each term of the index, that of the question.
        self._known = {one: term for term in weights for one in alternatives(term)}
        self._known |= {stem: prefix.start for prefix in prefixes for stem in prefix.stems}
        self._starts = tuple(prefix.start for prefix in prefixes)
        self._language = language
        self._terms_of = terms_of_chunks(language)
        found = dict.fromkeys((*self._known.values(), *self._starts))
        self.worth = {term: _exact(weights.get(term, 1.0)) for term in found}
        self._seen: set[bytes] = set()
        self._found: dict[bytes, list[str]] = {}
        """Of the chunks seen so far, those with wanted terms, and these."""
        self._written: set[str] = set()
        """All words of those chunks."""

    def __bool__(self) -> bool:
        return bool(self._known or self._starts)

    def matches(self, lines: Sequence[str], starts: Sequence[int]) -> Iterator["_Match"]:
        """The lines with wanted terms, at their bytes: `starts` tells where each begins,
        and where the one behind the last would."""
        cut = chunks_of_lines(lines)
        self._look_at(set[bytes]().union(*cut))
        found = self._found
        if not found:
            return
        # A section has many more lines without any: they are passed over outside of Python.
        without = map(found.keys().isdisjoint, cut)
        for at, of_line in compress(enumerate(cut), map(not_, without)):
            terms = [term for each in of_line if each in found for term in found[each]]
            yield _Match(at, starts[at], starts[at + 1] - 1, terms)

    def places(self, line: str) -> Iterator["_Match"]:
        """The words of a line that `matches` has seen which are wanted, at their characters."""
        for term, start, end in term_spans(line, self._language, self._written):
            word = line[start:end]
            found = self._among((term,) if word.islower() else (term, *parts_of_names(word)))
            if found:
                yield _Match(0, start, end, found)

    def _look_at(self, chunks: set[bytes]) -> None:
        terms_of = self._terms_of
        new = near = list(chunks - self._seen)
        if not self._starts:
            others = map(self._known.keys().isdisjoint, map(terms_of.__getitem__, new))
            near = list(compress(new, map(not_, others)))
        for chunk in near:
            wanted = self._among(terms_of[chunk])
            if wanted:
                self._found[chunk] = wanted
                self._written.update(words_as_written(chunk))
        self._seen.update(new)

    def _among(self, terms: Iterable[str]) -> list[str]:
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


def _exact(weight: float) -> int:
    """A weight in small parts: sums of whole numbers do not depend on their order."""
    return round(weight * (1 << 32))


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
        self.lines = lines[self.above :]
        sizes: Iterable[int]
        if sum(map(len, self.lines)) + _LINE_COST * len(self.lines) > MAX_SCANNED:
            self.lines, sizes = _first_of(self.lines)
        else:
            sizes = map(len if all(map(str.isascii, self.lines)) else size, self.lines)
        before = accumulate(sizes, initial=0)
        self.starts = [at + ends for ends, at in enumerate(before)]
        """In bytes, each line ending in one more."""

    def size(self, first: int, last: int | None = None) -> int:
        return self.starts[(first if last is None else last) + 1] - self.starts[first] - 1

    def widest(self, first: int, last: int, room: int) -> tuple[int, int]:
        """As many lines around some that fit as there is room for."""
        last = bisect_right(self.starts, self.starts[first] + room + 1) - 2
        return bisect_left(self.starts, self.starts[last + 1] - room - 1), last

    def beginning(self) -> _Chosen | None:
        with_text = (at for at, line in enumerate(self.lines) if not _is_blank(line))
        at = next(with_text, None)
        return None if at is None else _Chosen(at, at)


def _first_of(lines: Sequence[str]) -> tuple[list[str], list[int]]:
    """As many as are looked at, with their sizes."""
    first: list[str] = []
    sizes: list[int] = []
    left = MAX_SCANNED
    for whole in lines:
        if left <= 0:
            break
        line = whole[:left]
        first.append(line)
        # The rest of a line that was cut off is unknown, so it is too long.
        sizes.append(size(line) if len(line) == len(whole) else MAX_SCANNED + 1)
        left -= len(line) + _LINE_COST
    return first, sizes


def _heading_lines(lines: Sequence[str]) -> int:
    if lines and _ATX_HEADING.match(lines[0]):
        return 1
    if len(lines) > 1 and _SETEXT_TEXT.match(lines[0]) and len(lines[1]) < MAX_SCANNED:
        return 2 if _SETEXT_UNDERLINE.match(lines[1]) else 0
    return 0


class _Cluster(NamedTuple):
    score: tuple[int, int, int]
    """What the different terms are worth, minus the way from the first match to the
    last, the number of matched words. The greatest is the best."""
    first: _Match
    last: _Match


def _choose(body: _Body, wanted: Wanted, room: int) -> _Chosen | None:
    matches = list(islice(wanted.matches(body.lines, body.starts), MAX_MATCHES))
    best = _densest(matches, room, wanted.worth)
    chosen = _Chosen(best.first.at, best.last.at) if best else None
    for match in matches:
        # Within a line, matches are looked up only where they can win.
        if body.size(match.at) <= room or (
            best and sum(map(wanted.worth.__getitem__, dict.fromkeys(match.terms))) <= best.score[0]
        ):
            continue
        line = body.lines[match.at]
        reach = (room - ELLIPSES_BYTES) * len(line) // size(line)
        inside = _densest(list(islice(wanted.places(line), MAX_MATCHES)), reach, wanted.worth)
        if inside and (best is None or inside.score > best.score):
            best = inside
            chosen = _Chosen(match.at, match.at, inside.first.start, inside.last.end)
    return chosen


def _densest(matches: Sequence[_Match], reach: int, worth: Mapping[str, int]) -> _Cluster | None:
    """The best cluster that reaches no further than `reach`; the first of equals."""
    best: _Cluster | None = None
    for number, first in enumerate(matches):
        total, count, seen = 0, 0, set[str]()
        for last in islice(matches, number, None):
            if last.end - first.start > reach:
                break
            for term in last.terms:
                if term not in seen:
                    seen.add(term)
                    total += worth[term]
            count += len(last.terms)
            score = (total, first.start - last.start, count)
            if best is None or score > best.score:
                best = _Cluster(score, first, last)
    return best


def _whole_lines(body: _Body, first: int, last: int, room: int) -> tuple[str, int]:
    """The lines with as many around them as there is room for, those below before
    those above; and the place of the first."""
    frames = Frames(body.lines)

    def fits(first: int, last: int) -> bool:
        left = room - body.size(first, last)
        return left >= 0 and frames.around(first, last).bytes <= left

    # At least the lines themselves, as they are.
    framed = frames.some and fits(first, last)
    if framed:
        while last + 1 < len(body.lines) and fits(first, last + 1):
            last += 1
        # In front of a row with its header, there is nothing more to see.
        while first > 0 and not frames.header(first) and fits(first - 1, last):
            first -= 1
    else:
        first, last = body.widest(first, last, room)
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
