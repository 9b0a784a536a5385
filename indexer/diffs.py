"""What a change of a document changes, as a unified diff."""

from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from docindex.indexer import frontmatter
from docindex.indexer.encoding import decode, split_lines

MAX_DIFF_CHARS = 20_000

_CONTEXT = 3
_MAX_LINE = 500
_MAX_COMPARED = 2_000
_MAX_PAIRS = 200_000
"""What difflib may be given, in lines and in pairs of equal lines. It is quadratic."""

Change = tuple[int, int, int, int]
"""Lines of the old text and of the new one that take their place: two half-open
ranges, from 0."""


def diff(old: bytes, new: bytes, name: str) -> str:
    """A unified diff of the texts, of about MAX_DIFF_CHARS at most; "" for equal bytes."""
    if old == new:
        return ""
    before, after = decode(old).text, decode(new).text
    was, now = split_lines(before), split_lines(after)
    # Tags and text change far apart; compared each for itself, little is left to compare.
    head, new_head = frontmatter.split(before)[1] - 1, frontmatter.split(after)[1] - 1
    changes = [
        *_changes(was[:head], now[:new_head], 0, 0),
        *_changes(was[head:], now[new_head:], head, new_head),
    ]
    lines = [f"--- {name}", f"+++ {name}"]
    room = MAX_DIFF_CHARS
    for line in _hunks(was, now, changes):
        room -= len(line)
        if room < 0:
            lines.append("… and more, which is left out")
            break
        lines.append(line)
    if not changes:
        lines.append("only the encoding or the byte order mark changes")
    return "\n".join(lines) + "\n"


def _changes(was: list[str], now: list[str], at: int, new_at: int) -> Iterator[Change]:
    """What changes between two runs of lines that begin at these numbers."""
    shorter = min(len(was), len(now))
    same = next((n for n in range(shorter) if was[n] != now[n]), shorter)
    shorter -= same
    tail = next((n for n in range(shorter) if was[-1 - n] != now[-1 - n]), shorter)
    was, now = was[same : len(was) - tail], now[same : len(now) - tail]
    at, new_at = at + same, new_at + same
    counts = Counter(was)
    if len(was) + len(now) > _MAX_COMPARED or sum(counts[line] for line in now) > _MAX_PAIRS:
        yield at, at + len(was), new_at, new_at + len(now)
        return
    for operation, i, j, new_i, new_j in SequenceMatcher(None, was, now).get_opcodes():
        if operation != "equal":
            yield at + i, at + j, new_at + new_i, new_at + new_j


def _hunks(was: list[str], now: list[str], changes: Sequence[Change]) -> Iterator[str]:
    groups: list[list[Change]] = []
    for change in changes:
        if groups and change[0] - groups[-1][-1][1] <= 2 * _CONTEXT:
            groups[-1].append(change)
        else:
            groups.append([change])
    for group in groups:
        start = max(0, group[0][0] - _CONTEXT)
        stop = min(len(was), group[-1][1] + _CONTEXT)
        new_start = group[0][2] - (group[0][0] - start)
        new_stop = group[-1][3] + (stop - group[-1][1])
        yield f"@@ -{_range(start, stop)} +{_range(new_start, new_stop)} @@"
        for i, j, new_i, new_j in group:
            yield from _marked(" ", was[start:i])
            yield from _marked("-", was[i:j])
            yield from _marked("+", now[new_i:new_j])
            start = j
        yield from _marked(" ", was[start:stop])


def _range(start: int, stop: int) -> str:
    """As the unified format counts: an empty range is named by the line before it."""
    length = stop - start
    return f"{start + 1}" if length == 1 else f"{start + (length > 0)},{length}"


def _marked(sign: str, lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        bare = line.rstrip("\r\n")
        yield sign + (bare if len(bare) <= _MAX_LINE else bare[:_MAX_LINE] + "…")
        if not line.endswith(("\n", "\r")):
            yield "\\ No newline at end of file"
