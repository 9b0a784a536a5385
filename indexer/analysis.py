"""Text into terms: one analysis, for what is indexed and for what is asked.

- A word is a run of letters, digits and combining marks. All else, the
  underscore included, stands between words: `foo_bar`, `foo-bar`, `a.b.c`,
  `std::vector`, `--flag` and `ADR-016` are found by their parts, and the parts
  by them. `C++`, `C#` and `F#` are words of their own; `.NET` is the word `net`.
- Words are compared without case, accents and compatibility forms (`characters`); then
  English endings are taken off, by Snowball's stemmer (Porter2), or those of the
  document's language (`languages`). `camelCase` is one word, found in any case.
- Names of code are terms of their own besides (`identifiers`).
- Chinese, Japanese and Korean put no blanks between words, or put endings on
  them, so their runs are cut into overlapping pairs: 検索器 is 検索 and 索器.
- Every word is kept, since any may matter in a phrase. `FUNCTION_WORDS` are for
  queries.
"""

import hashlib
import re
import unicodedata
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain, pairwise
from typing import NamedTuple, TypeVar

from docindex.indexer.characters import (
    CJK_CHARACTER,
    SPELT,
    any_word,
    fold,
    without_underscores,
    word_pattern,
)
from docindex.indexer.identifiers import is_camel, joined_words, parts, wholes
from docindex.indexer.languages import ENGLISH, SNOWBALL_VERSION, stem, stems

VERSION = 4
"""Goes up with every change that gives other terms for some text."""

MAX_TERM = 64
"""Characters of a word that count; what follows them is cut off."""

OF_LANGUAGE = "@"
"""Stands in a term between a word without its endings and the language that they are of."""

EITHER = "|"
"""Joins terms that are one for a question: what a word is found by in documents of English
and of other languages, say. It is in no term of a text."""

FINGERPRINT = hashlib.sha256(
    f"{VERSION} {MAX_TERM} {SNOWBALL_VERSION} {unicodedata.unidata_version}".encode()
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

MEMO_ENTRIES = 1 << 15
"""Words that are remembered: a hundred bytes and more each."""

PIECE = 1 << 18
"""Characters of a text that are cut into chunks at once."""

# What no chunk holds.
_CUT = re.compile(r"[\x00- \"$-*,/;-@\[-^`{-\x7f]")

_CHUNKS = bytes(
    code if code >= 128 or chr(code).isalnum() or chr(code) in "_-.:+#" else ord(" ")
    for code in range(256)
)
"""A translation to blanks of all of ASCII that is no letter or digit, but for what stands
within and around names."""

_CHUNKS_OF_LINES = b"\0" + _CHUNKS[1:]

# A sign of C# or F# stays; behind the name of a page, it begins another chunk.
_NO_NAME = re.compile(rb"#(?:(?<![cCfF]#)|(?=[0-9A-Za-z]))")

_T = TypeVar("_T")
_Raw = TypeVar("_Raw", str, bytes)


class Analysed(NamedTuple):
    """What a part of a text stands for."""

    words: Sequence[str]
    """Folded, with their endings."""
    written: Sequence[str]
    """Each word as it is written, or folded where that makes no difference."""
    names: Sequence[str]
    """What names of code are found by besides: whole names, and parts of words; folded."""


def terms(text: str, language: str = ENGLISH) -> list[str]:
    """The terms of a text, in order, with repeats."""
    return [
        term_of(word, written, language)
        for found in map(_known.__getitem__, chunks(text))
        for word, written in zip(found.words, found.written, strict=True)
    ]


def words(text: str) -> list[str]:
    """What `terms` gives, before the endings are taken off."""
    return list(chain.from_iterable(_known[chunk].words for chunk in chunks(text)))


def identifiers(text: str) -> list[str]:
    """The terms of names in a text, in order, with repeats."""
    names = chain.from_iterable(_known[chunk].names for chunk in chunks(text))
    return list(map(term_of_name, names))


def words_as_written(chunk: bytes) -> list[str]:
    """What `term_spans` takes for words in one of `chunks`."""
    text = chunk.decode("utf-8", "surrogatepass")
    return word_pattern(text).findall(without_underscores(text))


def chunks(text: str) -> list[bytes]:
    """What `analyse` takes, in order. Fast, since a text has far fewer different chunks
    than chunks: whoever remembers them hardly needs to analyse."""
    data = text.encode("utf-8", "surrogatepass")
    if b"#" in data:
        data = _NO_NAME.sub(b" ", data)
    return data.translate(_CHUNKS).split()


def chunks_of_lines(lines: Sequence[str]) -> list[list[bytes]]:
    """What `chunks` gives for each line, in less time."""
    data = "\0".join(lines).encode("utf-8", "surrogatepass")
    if data.count(b"\0") >= len(lines):
        return list(map(chunks, lines))
    if b"#" in data:
        data = _NO_NAME.sub(b" ", data)
    return [line.split() for line in data.translate(_CHUNKS_OF_LINES).split(b"\0")]


def canonical(chunk: bytes) -> bytes:
    """The chunk without what makes no difference to `analyse`: most different chunks are
    the same word at the beginning or at the end of a sentence."""
    bare = chunk.rstrip(b"_-.:").lstrip(b"_:")
    if bare.islower() or not bare.isascii() or is_camel(bare):
        return bare
    return bare.lower()


def analyse(chunk: bytes) -> Analysed:
    """What one of `chunks` stands for: mostly a word or a name, perhaps nothing."""
    text = chunk.decode("utf-8", "surrogatepass")
    if chunk.isalnum() and chunk.isascii():
        words: Sequence[str] = (text[:MAX_TERM].lower(),)
        return Analysed(words, words, parts(text))
    if (joined := joined_words(text)) is not None:
        return Analysed(joined.words, joined.words, joined.names)
    found: list[str] = []
    written: list[str] = []
    names = [*wholes(text, _folded_words)]
    for raw in word_pattern(text).findall(without_underscores(text)):
        folded = _folded_words(raw)
        found += folded
        # Where several words come of one, they are CJK or digits, which have no endings.
        written += folded if raw.isascii() or len(folded) != 1 else (raw,)
        names += parts(raw)
    return Analysed(found, written, names)


def term_of(word: str, written: str, language: str = ENGLISH) -> str:
    """What a word is found by, in a document of the language (see `Analysed`)."""
    if language == ENGLISH:
        return _stemmed[word]
    if not word.isalpha() or CJK_CHARACTER.match(word) or word in SPELT.values():
        return word
    # Some languages tell endings by accents, so these stay until the endings are off.
    lower = unicodedata.normalize("NFC", written[:_MAX_RAW].lower())
    bare = fold(stem(lower, language)) if fold(lower) == word else stem(word, language)
    return f"{bare[:MAX_TERM] or word}{OF_LANGUAGE}{language}"


def terms_of(words: Sequence[tuple[str, str]], language: str = ENGLISH) -> list[str]:
    """What `term_of` gives for each (written, word), in much less time for many."""
    if language == ENGLISH:
        return _stems([word for _, word in words])
    return [term_of(word, written, language) for written, word in words]


def term_of_name(name: str) -> str:
    """What a name is found by, or a part of it, in a document of any language."""
    return _stemmed[name]


def terms_of_names(names: Sequence[str]) -> list[str]:
    """What `term_of_name` gives for each."""
    return _stems(names)


def pieces(text: str) -> Iterator[str]:
    """A text in parts that have its terms together: of so many chunks in one list, a long
    one would take twenty times its own size."""
    start = 0
    while len(text) - start > PIECE:
        cut = _CUT.search(text, start + PIECE)
        if cut is None:
            break
        yield text[start : cut.end()]
        start = cut.end()
    yield text[start:] if start else text


def term_spans(
    text: str, language: str = ENGLISH, among: Container[str] | None = None
) -> Iterator[tuple[str, int, int]]:
    """The terms, each with the characters it stands for, `text[start:end]`: of all words,
    or of some."""
    for word in word_pattern(text).finditer(without_underscores(text)):
        if among is not None and word[0] not in among:
            continue
        start, end = word.span()
        found = [term_of(folded, word[0], language) for folded in _folded_words(word[0])]
        if len(found) == end - start - 1 and CJK_CHARACTER.match(word[0]):
            yield from ((term, start + i, start + i + 2) for i, term in enumerate(found))
        else:
            yield from ((term, start, end) for term in found)


def asked_spans(text: str, languages: Sequence[str] = ()) -> list[tuple[str, int, int]]:
    """What `term_spans` gives for a question to documents in English and in these languages:
    a question says in too few words which language it is in."""
    spans = [list(term_spans(text, language)) for language in (ENGLISH, *languages)]
    return [
        (either(term for term, _, _ in of_word), *of_word[0][1:])
        for of_word in zip(*spans, strict=True)
    ]


def whole_names(text: str) -> tuple[str, ...]:
    """The terms of whole names in a text without blanks."""
    return tuple(dict.fromkeys(map(term_of_name, wholes(text, _folded_words))))


def parts_of_names(text: str) -> list[str]:
    """The terms of the words in each `camelCase` word of a text."""
    found = chain.from_iterable(map(parts, word_pattern(text).findall(without_underscores(text))))
    return list(map(term_of_name, found))


def either(terms: Iterable[str]) -> str:
    """Terms, some of them joined already, as one for a question."""
    return EITHER.join(dict.fromkeys(one for term in terms for one in alternatives(term)))


def alternatives(term: str) -> list[str]:
    """The terms of the index that a term of a question stands for."""
    return term.split(EITHER)


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
    found = {_stem(word) for word in completed}
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


def _stem(word: str) -> str:
    return stem(word) if word.isascii() and word.isalpha() else word


def _stems(words: Sequence[str]) -> list[str]:
    plain = [word for word in words if word.isascii() and word.isalpha()]
    stemmed = dict(zip(plain, stems(plain), strict=True))
    return [stemmed.get(word, word) for word in words]


def _folded_words(word: str) -> tuple[str, ...]:
    """One match of the word pattern, folded and cut; pairs when it is CJK."""
    if word.isascii():
        return (SPELT.get(word.lower(), word[:MAX_TERM].lower()),)
    if not CJK_CHARACTER.match(word):
        word = word[:_MAX_RAW]
    # Compatibility forms may unfold into several words (½ into 1 and 2) and into CJK.
    found = any_word().findall(fold(word))
    return tuple(chain.from_iterable(map(_pairs_or_word, found)))


def _pairs_or_word(folded: str) -> list[str]:
    if len(folded) > 1 and CJK_CHARACTER.match(folded):
        return [first + second for first, second in pairwise(folded)]
    return [folded[:MAX_TERM]]


_FEW = 16
"""Long runs of CJK hardly come twice, and are many terms each."""


@lru_cache(maxsize=8)
def terms_of_chunks(language: str) -> Memo[bytes, tuple[str, ...]]:
    """For each of `chunks`, all that it is found by in a text of the language: its terms, and
    those of names in it."""

    def terms_in(chunk: bytes) -> tuple[str, ...]:
        words, written, names = analyse(canonical(chunk))
        of_words = [term_of(*each, language) for each in zip(words, written, strict=True)]
        return (*of_words, *map(term_of_name, names))

    return Memo(terms_in, lambda terms: len(terms) <= _FEW)


_stemmed = Memo[str, str](_stem)
_known = Memo[bytes, Analysed](
    lambda chunk: analyse(canonical(chunk)), lambda found: len(found.words) <= _FEW
)
