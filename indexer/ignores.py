"""Which files the folder's own ignore files leave out.

`.gitignore`, `.ignore` and `.docindexignore` have Git's syntax and Git's order
of precedence: a deeper file wins over a higher one, in one folder the later of
the three names wins, in one file the last rule that matches. What lies in an
ignored folder cannot be brought back, because nobody looks into it.

Ignore files come with the documents, so they are no more trusted than these:
how much of one is read, and what matching a name may cost, is bounded.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from docindex.indexer.directories import Directory, read_bytes, unreadable
from docindex.indexer.names import normalised

IGNORE_FILES = (".gitignore", ".ignore", ".docindexignore")
"""Later ones win over earlier ones."""

MAX_BYTES = 256_000
MAX_RULES = 1_000
MAX_RULE_CHARACTERS = 512
MAX_DOUBLE_STARS = 2

_STAR_BEFORE_STAR = re.compile(r"\[\^/\]\*((?:\[\^/\](?!\*)|[^/])*?)(?=\[\^/\]\*)")
"""pathspec turns `*a*a*b` into `[^/]*a[^/]*a[^/]*b`, which with some more stars takes
hours on a long name of a's. A star with another one after it in its component need
never give back what it has skipped: it is made atomic."""

_ODD_SET = re.compile(r"\[[^\]]*(?:\[|--|&&|\|\||~~)")
"""Character classes (`[[:alpha:]]`), and what Python may one day read as set arithmetic."""


class IgnoreRules:
    """The rules that hold in one folder: its own, and those of the folders above
    it up to the root."""

    __slots__ = ("_above", "_depth", "_files")

    def __init__(self, files: Sequence["_File"], depth: int, above: "IgnoreRules | None") -> None:
        self._files = files
        self._depth = depth
        self._above = above

    def ignore(self, path: Sequence[str], name: str, *, folder: bool) -> bool:
        """Whether the file or folder `name` in `path` (components below the root; all
        in NFC) is left out. The folders in `path` must have been asked about before.
        """
        if self._files:
            relative = "/".join((*path[self._depth :], name))
            for file in reversed(self._files):
                verdict = file.verdict(name, relative, folder)
                if verdict is not None:
                    return verdict
        return self._above is not None and self._above.ignore(path, name, folder=folder)


NO_RULES = IgnoreRules((), 0, None)


def load(
    directory: Directory, depth: int, above: IgnoreRules, present: Iterable[str] = IGNORE_FILES
) -> tuple[IgnoreRules, dict[str, str]]:
    """The rules that hold in `directory`, which lies `depth` folders below the root,
    and why some of its ignore files (by name) do not count, or not wholly.

    `present` are the files of that folder, when they are known. Links are not
    followed. An ignore file that cannot be read is no error, unless nothing can be
    read now: then Unavailable is raised.
    """
    files: list[_File] = []
    problems: dict[str, str] = {}
    for name in IGNORE_FILES:
        if name not in present:
            continue
        try:
            data = read_bytes(directory, name, MAX_BYTES)
        except FileNotFoundError:
            continue
        except OSError as error:
            problems[name] = f"its rules are not honoured: it {unreadable(error)}"
            continue
        if len(data) > MAX_BYTES:
            problems[name] = f"its rules are not honoured: it is larger than {MAX_BYTES:,} bytes"
            continue
        file = _parse(data)
        files.append(file)
        if file.problem:
            problems[name] = file.problem
    return (IgnoreRules(files, depth, above) if files else above), problems


@dataclass(frozen=True, slots=True)
class _Rule:
    regex: re.Pattern[str]
    ignores: bool
    folders_only: bool
    anywhere: bool
    """It has no inner slash, and is about the last component of a path alone."""


class _File:
    """The rules of one ignore file."""

    __slots__ = ("_last_first", "_some_name", "_some_path", "problem")

    def __init__(self, rules: Sequence[_Rule], problem: str) -> None:
        self.problem = problem
        self._last_first = tuple(reversed(rules))
        self._some_name = _any_of(rule for rule in rules if rule.anywhere)
        self._some_path = _any_of(rule for rule in rules if not rule.anywhere)

    def verdict(self, name: str, path: str, folder: bool) -> bool | None:
        """Whether the last rule that matches ignores the path; None when none matches."""
        if not (self._some_name and self._some_name.search(name)) and not (
            self._some_path and self._some_path.search(path)
        ):
            return None
        for rule in self._last_first:
            if rule.folders_only and not folder:
                continue
            found = rule.regex.search(name if rule.anywhere else path)
            # A match through pathspec's one group ends at a folder above: that
            # one was judged before anybody came here.
            if found is not None and found.lastgroup is None:
                return rule.ignores
        return None


def _any_of(rules: Iterable[_Rule]) -> re.Pattern[str] | None:
    """Tells at once that no rule matches, which is what most names meet."""
    expressions = [f"(?:{rule.regex.pattern.replace('?P<ps_d>', '?:')})" for rule in rules]
    return re.compile("|".join(expressions)) if expressions else None


@lru_cache(maxsize=64)
def _parse(data: bytes) -> _File:
    lines = normalised(data.decode("utf-8-sig", errors="replace")).split("\n")
    rules: list[_Rule] = []
    refused: list[int] = []
    for number, line in enumerate(lines, start=1):
        text = line if line.endswith("\\ ") else line.rstrip()
        if not text or text.startswith("#"):
            continue
        if len(rules) == MAX_RULES or not _supported(text):
            refused.append(number)
        elif rule := _rule(text):
            rules.append(rule)
    if not refused:
        return _File(rules, "")
    others = f" and {len(refused) - 1} more" if len(refused) > 1 else ""
    return _File(rules, f"line {refused[0]}{others}: not honoured, too long or unusual a rule")


def _supported(text: str) -> bool:
    return (
        len(text) <= MAX_RULE_CHARACTERS
        and text.count("**") <= MAX_DOUBLE_STARS
        and not _ODD_SET.search(text)
    )


def _rule(text: str) -> _Rule | None:
    """None for what Git gives up on, too."""
    # Imported at its first use: a server's first answer needs no rules.
    from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

    negation = "!" if text.startswith("!") else ""
    body = text.removeprefix("!").removesuffix("/")
    anywhere = "/" not in body
    try:
        expression, _ = GitIgnoreSpecPattern.pattern_to_regex("/" + body.removeprefix("/"))
        if expression is None:
            return None
        regex = re.compile(_STAR_BEFORE_STAR.sub(r"(?>[^/]*?\1)", expression))
    except (ValueError, re.error):
        return None
    return _Rule(regex, not negation, text.endswith("/"), anywhere)
