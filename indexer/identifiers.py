"""What names of code are made of: the forms in which each is found beside its words.

A name of several words is found *whole*, whatever joins them: `get_user_name`,
`getUserName`, `get-user-name` and `Get.User.Name` are one; so are `ADR-016` and `adr016`,
`std::vector` and `stdvector`. A sign in front that tells a name from a word counts:
`--verbose`, `.net`. Numbers stay apart: `v1.2.3` is `1.2.3`, not `12.3`, nor is it `1-2-3`.
`camelCase` is found by its *parts* too; those of all others are words already.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from docindex.indexer.characters import CJK_CHARACTER, without_underscores, word_pattern

MAX_NAME = 64
"""Characters of a name that count."""
MAX_PARTS = 12

_PART = re.compile(r"[A-Z]+(?![a-z])\d*|[A-Z]?[a-z]+\d*|\d+")
_CAMEL = re.compile(rb"[a-z][0-9]*[A-Z]|[A-Z]{2}[a-z]")
_JOINT = re.compile(r"[._-]{1,2}|::")
_PLAIN = re.compile(r"(--?|\.)?([0-9A-Za-z]+(?:(?:[._-]{1,2}|::)[0-9A-Za-z]+)*)")
_TIGHT = re.compile(r"[_-]+")
_LOOSE = re.compile(r"\.{1,2}|::")
_APART = re.compile(r"[0-9][._:-]+[0-9]")
_SIGN = re.compile(r"(?:^|(?<=[^\w.-]))(?:--?|\.)$")
"""In what stands before a name. Between the words of one, it is a joint."""
_VERSION = re.compile(r"^v(?=\d+\.\d)")


class Joined(NamedTuple):
    words: list[str]
    names: list[str]


def is_camel(chunk: bytes) -> bool:
    """Whether there may be a word of several in it."""
    return bool(_CAMEL.search(chunk))


def parts(word: str) -> tuple[str, ...]:
    """The words in `camelCase`, folded; none when there is only one."""
    return () if word.islower() else _parts(word[:MAX_NAME])


@lru_cache(maxsize=1 << 15)
def _parts(word: str) -> tuple[str, ...]:
    if not (word.isascii() and is_camel(word.encode())):
        return ()
    found: list[str] = _PART.findall(word)
    # A letter by itself, as in `CWnd`, is nothing to look for.
    several = found[:MAX_PARTS] if len(found) > 1 else ()
    return tuple(part.lower() for part in several if len(part) > 1)


def joined_words(text: str) -> Joined | None:
    """What a plain name consists of and is found by, the fast way; None for all else."""
    plain = _PLAIN.fullmatch(text)
    if plain is None:
        return None
    sign, core = plain.groups()
    lower = core.lower()
    words = _words_in(lower)
    if len(lower) > MAX_NAME:
        words = [word[:MAX_NAME] for word in words]
    if sign or len(words) < 2 or _APART.search(lower):
        names = list(_named([_TIGHT.split(group) for group in _groups(lower)], sign or ""))
    else:
        names = ["".join(words)[:MAX_NAME]]
        if ("." in lower or ":" in lower) and ("_" in lower or "-" in lower):
            several = filter(_TIGHT.search, _groups(lower)[:MAX_PARTS])
            names += ["".join(_words_in(group))[:MAX_NAME] for group in several]
    if core != lower and is_camel(core.encode()):
        for word in _words_in(core):
            names += parts(word)
    return Joined(words, names)


def _words_in(name: str) -> list[str]:
    # Faster than a pattern.
    return name.replace("_", " ").replace("-", " ").replace(".", " ").replace(":", " ").split()


def _groups(name: str) -> list[str]:
    """The parts of a name that are joined loosely, each with what joins its words."""
    return [group.strip("_-") for group in _LOOSE.split(name)]


def wholes(text: str, words_of: Callable[[str], tuple[str, ...]]) -> Iterator[str]:
    """Each name of several words in a text without blanks, as one word, and each word with
    a sign in front that counts. `words_of` gives the words, folded, that a run of letters
    stands for."""
    groups: list[list[str]] = []
    sign, end = "", 0
    for match in word_pattern(text).finditer(without_underscores(text)):
        between = text[end : match.start()]
        end = match.end()
        # There are no names in CJK, but right beside it.
        cjk = CJK_CHARACTER.match(match[0])
        if cjk or not groups or not _JOINT.fullmatch(between):
            yield from _named(groups, sign)
            lead = None if cjk else _SIGN.search(without_underscores(between))
            groups, sign = [], lead[0] if lead else ""
        if cjk:
            continue
        if not groups or _LOOSE.search(between):
            groups.append([])
        groups[-1] += words_of(match[0])
    yield from _named(groups, sign)


def _named(groups: Sequence[Sequence[str]], sign: str) -> Iterator[str]:
    """The forms of a name, from the words of each of its tightly joined parts: `get_user` is
    to be found where `it.get_user` is called."""
    tight = [_together(group, "-") for group in groups]
    whole = _together(tight, ".")
    if sum(map(len, groups)) > 1:
        yield _VERSION.sub("", whole)[:MAX_NAME]
    if len(groups) > 1:
        for group, name in zip(groups[:MAX_PARTS], tight, strict=False):
            if len(group) > 1:
                yield name[:MAX_NAME]
    if sign and whole[:1].isalpha():
        yield f"{sign}{whole}"[:MAX_NAME]


def _together(words: Iterable[str], between_digits: str) -> str:
    """Words as one."""
    whole = ""
    for word in words:
        apart = whole[-1:].isdigit() and word[:1].isdigit()
        whole += f"{between_digits}{word}" if apart else word
        if len(whole) > MAX_NAME:
            break
    return whole
