"""Text into terms: one analysis, for what is indexed and for what is asked.

- A word is a run of letters, digits and combining marks. All else, the
  underscore included, stands between words: `foo_bar`, `foo-bar`, `a.b.c`,
  `std::vector`, `--flag` and `ADR-016` are found by their parts, and the parts
  by them. `C++`, `C#` and `F#` are words of their own; `.NET` is the word `net`.
- Words are compared without case, accents and compatibility forms (`CAFÉ`
  and `cafe`, `ﬁle` and `file` are one word); then English endings are taken off, by
  Snowball's stemmer (Porter2). `camelCase` stays one word, found in any case.
- Chinese, Japanese and Korean put no blanks between words, or put endings on
  them, so their runs are cut into overlapping pairs: 検索器 is 検索 and 索器.
- Every word is kept, since any may matter in a phrase. `FUNCTION_WORDS` are for
  queries.
"""

import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from importlib import import_module
from itertools import chain, pairwise
from threading import Lock
from typing import Any, TypeVar

# It has no type hints.
_snowball: Any = import_module("Stemmer")
_STEMMER: Any = _snowball.Stemmer("english", 0)
_STEMMING = Lock()
"""Held while it works, since it is for one thread at a time."""

VERSION = 2
"""Goes up with every change that gives other terms for some text."""

MAX_TERM = 64
"""Characters of a word that count; what follows them is cut off."""

FINGERPRINT = hashlib.sha256(
    f"{VERSION} {MAX_TERM} {_snowball.version()} {unicodedata.unidata_version}".encode()
).hexdigest()[:8]
"""Names the analysis: an index made under another fingerprint holds other terms.
What a letter is depends on Python's version of Unicode, and an ending on Snowball's."""

FUNCTION_WORDS = frozenset(
    """
    a an the this that these those there here some such please
    i me my we us our ours you your yours he him his she her hers it its they them their
    what which who whom whose when where why how
    am is are was were be been being do does did doing has have had having
    can could will would shall should may might must want need
    of to in on at by for from with into onto as about than
    and or but nor so if then not no also just very too only
    i'm i'd i've i'll we're we've you're it's that's there's here's let's
    what's who's where's when's how's why's
    isn't aren't wasn't weren't don't doesn't didn't hasn't haven't hadn't
    can't cannot couldn't won't wouldn't shouldn't mustn't
    """.split()
)
"""The words an English question is made of, as they are written in lower case."""

_MAX_RAW = 4 * MAX_TERM
"""Characters of a word that are looked at. Normalising takes time quadratic in
the length of a run of combining marks, so it must not see one of any length."""

MEMO_ENTRIES = 1 << 16

PIECE = 1 << 18
"""Characters of a text that are cut into tokens at once."""

_SPELT = {"c++": "cpp", "c#": "csharp", "f#": "fsharp"}
"""Names that are told from other words by their signs alone, and their terms."""

# The same in a text that is not cut into words yet. The letters come first since
# a search for a set of characters is four times faster than one for a look-behind.
_SPELT_BYTES = re.compile(
    rb"[cCfF](?:(?<=[cC])\+\+(?<![0-9A-Za-z]...)|#(?<![0-9A-Za-z]..)(?![0-9A-Za-z]))"
)

# Signs of such a name that stand beside a character which may be a letter or not.
_UNCLEAR = re.compile(rb"[\x80-\xff][cCfF](?:\+\+|#)|[cCfF]#[\x80-\xff]")

# What surely stands between words, whatever is beside it.
_CUT = re.compile(r"[\x00-\"$-*,-/:-@\[-`{-\x7f\u3000-\u3002\uff0c]")

_ASCII_WORDS = bytes(
    code if code >= 128 else ord(chr(code).lower()) if chr(code).isalnum() else ord(" ")
    for code in range(256)
)
"""A translation to lower case, with a blank for all of ASCII that is no letter or digit."""

_CJK = (
    "\u1100-\u11ff\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3038-\u303c\u3041-\u309f"
    "\u30a1-\u30fa\u30fc-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff"
    "\uff66-\uffdc\U0001aff0-\U0001b16f\U00020000-\U0003ffff"
    # Variation selectors: they choose between two shapes of one character.
    "\ufe00-\ufe0f\U000e0100-\U000e01ef"
)
_CJK_CHARACTER = re.compile(f"[{_CJK}]")

_JOINERS = (0x00AD, 0x034F, 0x200C, 0x200D, 0x2060, 0xFEFF)
"""Characters without a shape that stand inside words, such as the soft hyphen."""

_FOLDED: dict[int, str | None] = {
    **dict.fromkeys(_JOINERS),
    **dict.fromkeys(range(0x0300, 0x0370)),  # accents
    **dict.fromkeys(range(0xFE00, 0xFE10)),
    **dict.fromkeys(range(0xE0100, 0xE01F0)),
    # Letters that Unicode does not decompose: æ ð ø þ đ ħ and so on.
    0xE6: "ae",
    0xF0: "d",
    0xF8: "o",
    0xFE: "th",
    0x111: "d",
    0x127: "h",
    0x131: "i",
    0x142: "l",
    0x153: "oe",
}

_T = TypeVar("_T")
_Raw = TypeVar("_Raw", str, bytes)


def terms(text: str) -> list[str]:
    """The terms of a text, in order, with repeats."""
    if text.isascii():
        return list(map(_ascii_terms.__getitem__, tokens(text)))
    return list(chain.from_iterable(map(_terms_of_token.__getitem__, tokens(text))))


def tokens(text: str) -> list[bytes]:
    """What `terms_of_token` gives the terms of, in order. Fast, since a text has far fewer
    different tokens than tokens: whoever remembers them hardly needs to analyse.

    In a text of ASCII each token is one term. In any other, the tokens are what stands
    between signs of ASCII, so it can be several terms or none.
    """
    if text.isascii():
        data = text.encode()
        if "#" in text or "++" in text:
            data = _SPELT_BYTES.sub(_spell_out, data)
        return data.translate(_ASCII_WORDS).split()
    data = text.encode("utf-8", "surrogatepass")
    if "#" in text or "++" in text:
        if _UNCLEAR.search(data):
            found = _word_pattern().findall(_without_underscores(text))
            return [word.encode() for word in found]
        data = _SPELT_BYTES.sub(_spell_out, data)
    return data.translate(_ASCII_WORDS).split()


def pieces(text: str) -> Iterator[str]:
    """A text in parts that have its terms together: of so many tokens in one list, a long
    one would take twenty times its own size."""
    start = 0
    while len(text) - start > PIECE:
        cut = _CUT.search(text, start + PIECE)
        if cut is None:
            break
        yield text[start : cut.end()]
        start = cut.end()
    yield text[start:] if start else text


def terms_of_token(token: bytes) -> tuple[str, ...]:
    """The terms that one of `tokens` stands for."""
    return _terms_of_token[token]


def term_spans(text: str) -> Iterator[tuple[str, int, int]]:
    """The same terms, each with the characters it stands for, `text[start:end]`."""
    for word in _pattern_for(text).finditer(_without_underscores(text)):
        start, end = word.span()
        found = _terms_of_word[word[0]]
        if len(found) == end - start - 1 and _CJK_CHARACTER.match(word[0]):
            yield from ((term, start + i, start + i + 2) for i, term in enumerate(found))
        else:
            yield from ((term, start, end) for term in found)


def words(text: str) -> list[str]:
    """What `terms` gives, before the endings are taken off."""
    found = _pattern_for(text).findall(_without_underscores(text))
    return list(chain.from_iterable(map(_folded_words, found)))


def fold(text: str) -> str:
    """The text without case, accents and compatibility forms. Text that folds
    alike is taken for the same, in tags and paths as in words."""
    if text.isascii():
        return text.lower()
    # Folding the case of a decomposed text can give what decomposes further.
    bare = unicodedata.normalize("NFKD", text).casefold()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKD", bare).translate(_FOLDED))


@lru_cache(maxsize=256)
def stems_beyond(prefix: str) -> tuple[str, ...]:
    """Terms of words that begin with `prefix` (folded), where the term does not.

    `service*` is to find "services", which is indexed as `servic`. A word's term
    differs from the word in its English ending alone, so these are the terms of
    the prefix with each ending that it may have been cut off in.
    """
    if not (prefix.isascii() and prefix.isalpha()):
        return ()
    completed = {
        prefix + ending[cut:]
        for ending in _ENDINGS
        for cut in range(len(ending) + 1)
        if prefix.endswith(ending[:cut])
    }
    found = {_stemmed(word) for word in completed}
    return tuple(sorted(term for term in found if not term.startswith(prefix)))


_ENDINGS = """
    s es ed ing er ers ion ions ation ations ational ization izations ize izes ized izing izer
    ate ates ated ating ator ative al ally ical ically ity ities ness fulness iveness ousness
    ful ous ive able ible ably ibly ability ibility ance ence ant ent ently ment ments ement
    y ies ied ism ist ly e
""".split()


class Memo(dict[_Raw, _T]):
    """Remembers the analysis of words: few words make up most of a text."""

    def __init__(
        self,
        analyse: Callable[[_Raw], _T],
        worth_it: Callable[[_T], bool] = lambda result: True,
    ) -> None:
        """`worth_it` says of what results are remembered."""
        super().__init__()
        self._analyse: Callable[[_Raw], _T] = analyse
        self._worth_it: Callable[[_T], bool] = worth_it

    def __missing__(self, word: _Raw) -> _T:
        result = self._analyse(word)
        if len(word) <= MAX_TERM and self._worth_it(result):
            if len(self) >= MEMO_ENTRIES:
                self.clear()
            self[word] = result
        return result


def _stemmed(word: str) -> str:
    if not (word.isascii() and word.isalpha()):
        return word
    with _STEMMING:
        stem: str = _STEMMER.stemWord(word)
    return stem


def _folded_words(word: str) -> tuple[str, ...]:
    """One match of the word pattern, folded and cut; pairs when it is CJK."""
    if word.isascii():
        return (_SPELT.get(word.lower(), word[:MAX_TERM].lower()),)
    if not _CJK_CHARACTER.match(word):
        word = word[:_MAX_RAW]
    # Compatibility forms may unfold into several words (½ into 1 and 2) and into CJK.
    found = _word_pattern().findall(fold(word))
    return tuple(chain.from_iterable(map(_pairs_or_word, found)))


def _pairs_or_word(folded: str) -> list[str]:
    if len(folded) > 1 and _CJK_CHARACTER.match(folded):
        return [first + second for first, second in pairwise(folded)]
    return [folded[:MAX_TERM]]


def _spell_out(name: re.Match[bytes]) -> bytes:
    return b" %s " % _SPELT[name[0].lower().decode()].encode()


def _without_underscores(text: str) -> str:
    return text.replace("_", " ")


def _names_before(letters: str) -> str:
    """The keys of `_SPELT`; `main.c#L10` is not one, `C#で` is."""
    return rf"[cC]\+\+|[cCfF]#(?!{letters})"


_ASCII_WORD = re.compile(rf"{_names_before('[0-9A-Za-z]')}|[0-9A-Za-z]+")


def _pattern_for(text: str) -> re.Pattern[str]:
    return _ASCII_WORD if text.isascii() else _word_pattern()


@cache
def _word_pattern() -> re.Pattern[str]:
    # Python counts no combining mark as a part of a word, which tears Hindi and
    # decomposed accents apart. To find the marks takes 15 ms, so not before there
    # is a text that needs them; beyond these there are variation selectors alone.
    marks = "".join(
        character
        for character in map(chr, chain(range(0x0300, 0x20000), range(0xE0100, 0xE01F0)))
        if unicodedata.category(character).startswith("M")
    )
    inside = _as_ranges(marks + "".join(map(chr, _JOINERS)))
    letters = rf"[^\W{_CJK}]"
    # The look-ahead spares most words the search through many ranges. Possessive,
    # so that a word of any length is read without a memory of every step.
    word = rf"{letters}+(?:(?![\x00-\xac])[{inside}]+{letters}*)*+"
    return re.compile(rf"{_names_before(letters)}|{word}|[{_CJK}]+")


def _as_ranges(characters: str) -> str:
    """A set of characters for the `re` module, as few ranges."""
    ranges: list[list[int]] = []
    for code in sorted(map(ord, characters)):
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in ranges)


def _analysed(token: bytes) -> tuple[str, ...]:
    if token.isascii() and token.isalnum():
        return (_stemmed(token[:MAX_TERM].decode().lower()),)
    text = token.decode("utf-8", "surrogatepass")
    return tuple(
        chain.from_iterable(map(_terms_of_word.__getitem__, _word_pattern().findall(text)))
    )


def _few(terms: tuple[str, ...]) -> bool:
    """Long runs of CJK hardly come twice, and are many terms each."""
    return len(terms) <= 8


_terms_of_token = Memo[bytes, tuple[str, ...]](_analysed, _few)
_ascii_terms = Memo[bytes, str](lambda token: _analysed(token)[0])
_terms_of_word = Memo[str, tuple[str, ...]](
    lambda word: tuple(map(_stemmed, _folded_words(word))), _few
)
