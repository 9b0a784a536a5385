"""What letters are, what words are made of, and which texts are the same word.

Words are compared without case, accents and compatibility forms: `CAFÉ` and `cafe`,
`ﬁle` and `file` are one.
"""

import re
import unicodedata
from functools import cache
from itertools import chain

_CJK = (
    "\u1100-\u11ff\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3038-\u303c\u3041-\u309f"
    "\u30a1-\u30fa\u30fc-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff"
    "\uff66-\uffdc\U0001aff0-\U0001b16f\U00020000-\U0003ffff"
    # Variation selectors: they choose between two shapes of one character.
    "\ufe00-\ufe0f\U000e0100-\U000e01ef"
)
CJK_CHARACTER = re.compile(f"[{_CJK}]")

SPELT = {"c++": "cpp", "c#": "csharp", "f#": "fsharp"}
"""Names that are told from other words by their signs alone, and their terms."""

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


def fold(text: str) -> str:
    """The text without case, accents and compatibility forms. Text that folds
    alike is taken for the same, in tags and paths as in words."""
    if text.isascii():
        return text.lower()
    # Folding the case of a decomposed text can give what decomposes further.
    bare = unicodedata.normalize("NFKD", text).casefold()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKD", bare).translate(_FOLDED))


def without_underscores(text: str) -> str:
    """The text as the patterns of words want it, since Python counts these as letters."""
    return text.replace("_", " ")


def _names_before(letters: str) -> str:
    """The keys of `SPELT`; `main.c#L10` is not one, `C#で` is."""
    return rf"[cC]\+\+|[cCfF]#(?!{letters})"


_ASCII_WORD = re.compile(rf"{_names_before('[0-9A-Za-z]')}|[0-9A-Za-z]+")


def word_pattern(text: str) -> re.Pattern[str]:
    """What finds the words of a text (see `without_underscores`), and runs of CJK."""
    return _ASCII_WORD if text.isascii() else any_word()


@cache
def any_word() -> re.Pattern[str]:
    """What finds the words of any text."""
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
    # so that a word of any length is read without a memory of every step. Where something
    # in a possessive group fails, Python before 3.11.5 goes on in the wrong place: hence no
    # (?!...), which fails by matching.
    word = rf"{letters}+(?:(?=[\xad-\U0010ffff])[{inside}]++{letters}*+)*+"
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
