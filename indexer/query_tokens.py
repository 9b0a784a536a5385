"""A query string into tokens that the grammar of queries has a place for.

What it has no place for is left out or turned into a bare word here, and said
in a remark, so that the parser meets no errors. Linear in the length of the text.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast

from docindex.indexer.analysis import (
    MAX_TERM,
    OF_LANGUAGE,
    alternatives,
    asked_spans,
    term_of,
    whole_names,
    words,
)
from docindex.indexer.characters import fold
from docindex.indexer.clauses import (
    Clause,
    Has,
    Located,
    Phrase,
    Prefix,
    Tagged,
    TermField,
    Word,
)

MAX_DEPTH = 8
"""Parentheses in each other."""

FIELDS = ("title", "heading", "tag", "path")

Sign = Literal["", "+", "-"]


_PLAIN_WORD = re.compile(r"[^\s\"():]+(?=\s|$)")


@dataclass(frozen=True, slots=True)
class Token:
    kind: Literal["(", ")", "AND", "OR", "NOT", "clause"]
    sign: Sign = ""
    """Before a clause or an opening parenthesis."""
    clause: Clause | None = None


@dataclass(frozen=True, slots=True)
class Tokens:
    tokens: tuple[Token, ...]
    strays: tuple[Word, ...]
    """Operators with nothing to join: words after all."""
    remarks: tuple[str, ...]


def tokenize(text: str, languages: Sequence[str] = ()) -> Tokens:
    """`languages` are those of the documents besides English."""
    lexer = _Lexer(_printable(text), languages)
    tokens = _paired(lexer.tokens(), lexer.remarks)
    tokens, operators = _joining(tokens, lexer.remarks)
    strays = [word for word in map(lexer.as_word, operators) if word]
    return Tokens(tuple(tokens), tuple(strays), tuple(dict.fromkeys(lexer.remarks)))


_QUOTES = str.maketrans(dict.fromkeys("\u201c\u201d\u201e\u201f\uff02", '"'))


def _printable(text: str) -> str:
    """Blanks for control characters and lone surrogates, straight quotation marks."""
    return "".join(
        " " if unicodedata.category(character) in ("Cc", "Cs") else character
        for character in text.translate(_QUOTES)
    )


_SIGNS_OF_NAMES = ("--", ".")
"""What a name that is found with them may begin with, and no condition."""

_OPERATORS: dict[str, Literal["AND", "OR", "NOT"]] = {"AND": "AND", "OR": "OR", "NOT": "NOT"}
_FIELD = re.compile(r"([A-Za-z_]+):")
_OPTION = re.compile(r"--\w")
_UNKNOWN_FIELD = re.compile(r"[A-Za-z_]{2,}:(?![\s:/\\]|$)")


class _Lexer:
    def __init__(self, text: str, languages: Sequence[str]) -> None:
        self._text = text
        self._languages = languages
        self._at = 0
        self._idle_colon = -1
        """Where there is a colon that is read as a blank."""
        self._opened: list[bool] = []
        """For each parenthesis that is open: whether it was opened in a word."""
        self.remarks: list[str] = []

    def tokens(self) -> list[Token]:
        found: list[Token] = []
        while self._at < len(self._text):
            token = self._next()
            if token is not None:
                found.append(token)
        return found

    def _next(self) -> Token | None:
        """The token at hand, or None for a character or word without meaning."""
        if self._at_blank():
            self._at += 1
            return None
        if self._peek() == ")":
            self._at += 1
            in_word = self._opened.pop() if self._opened else False
            return None if in_word else Token(")")
        sign = self._sign()
        if self._peek() == "(":
            self._at += 1
            self._opened.append(False)
            return Token("(", sign)
        name = self._field()
        if self._peek() == '"':
            closing = self._text.find('"', self._at + 1)
            self._at += 1
            if closing >= 0:
                quoted = self._text[self._at : closing]
                self._at = closing + 1
                return self._clause(sign, name, self._quoted_clause(name, quoted))
            self._unmatched_quote()
        word = self._word()
        if word in _OPERATORS and not sign and not name:
            return Token(_OPERATORS[word])
        return self._clause(sign, name, self._word_clause(name, word))

    def _peek(self, ahead: int = 0) -> str:
        return self._text[self._at + ahead : self._at + ahead + 1]

    def _at_blank(self) -> bool:
        return self._peek().isspace() or self._at == self._idle_colon

    def _sign(self) -> Sign:
        """Takes a sign, which stands at the beginning of a word: not in `a-b`, nor
        in `--flag` (but in `+--flag`), nor alone."""
        sign, following = self._peek(), self._peek(1)
        before = self._text[self._at - 1 : self._at]
        if sign not in ("+", "-"):
            return ""
        if not _OPTION.match(self._text, self._at + 1) and (
            following in ("", "+", "-", ")") or following.isspace()
        ):
            return ""
        if before not in ("", "(") and not before.isspace():
            return ""
        self._at += 1
        return cast(Sign, sign)

    def _field(self) -> str:
        match = _FIELD.match(self._text, self._at)
        if match is None:
            return ""
        name, following = match[1].lower(), self._text[match.end() : match.end() + 1]
        if name not in FIELDS:
            if _UNKNOWN_FIELD.match(self._text, self._at):
                self.remarks.append(
                    f"The fields are {', '.join(FIELDS)}; any other name before a colon "
                    "was searched as a word."
                )
            return ""
        if following in ("", "(", ")") or following.isspace():
            self.remarks.append(
                f"{name}: needs a word or a phrase right behind it, so it was searched as a word."
            )
            self._idle_colon = match.end() - 1
            return ""
        self._at = match.end()
        return name

    def _word(self) -> str:
        """Takes all up to a blank, a quotation mark, or a parenthesis that was not
        opened in the word. `f(x, y)` is two words."""
        plain = _PLAIN_WORD.match(self._text, self._at)
        if plain is not None:
            self._at = plain.end()
            return plain[0]
        start, opened = self._at, 0
        while self._at < len(self._text):
            character = self._peek()
            opened += (character == "(") - (character == ")")
            if self._at_blank() or character == '"' or opened < 0:
                break
            self._at += 1
        self._opened += [True] * opened
        word = self._text[start : self._at]
        if self._peek() == '"':
            self._unmatched_quote()
            self._at += 1
        return word

    def _clause(self, sign: Sign, name: str, clause: Clause | None) -> Token | None:
        if clause is None:
            if sign or name:
                self.remarks.append("A condition without letters or digits was ignored.")
            return None
        return Token("clause", sign, clause)

    def _word_clause(self, name: str, text: str) -> Clause | None:
        if name in ("tag", "path"):
            pattern = text.lstrip("*")
            value, star, rest = pattern.partition("*")
            if rest or pattern != text:
                self._misplaced_star()
            return _document_clause(name, value, prefix=bool(star))
        if text.endswith("*") and text.count("*") == 1:
            prefix = self._prefix(text[:-1], _term_field(name))
            if prefix is not None:
                return prefix
        if "*" in text:
            self._misplaced_star()
        word = self.as_word(text)
        return Has(word, _term_field(name)) if word else None

    def _quoted_clause(self, name: str, text: str) -> Clause | None:
        if name in ("tag", "path"):
            return _document_clause(name, text, prefix=False)
        found = tuple(word for word in map(self.as_word, text.split()) if word)
        return Phrase(found, _term_field(name)) if found else None

    def as_word(self, text: str) -> Word | None:
        if text.isascii() and text.isalnum() and not self._languages:
            # Most words, without a look at each letter.
            return Word(_retypable(text), (term_of(text[:MAX_TERM].lower(), text),))
        spans = asked_spans(text, self._languages)
        if not spans:
            return None
        first, last = spans[0][1], spans[-1][2]
        sign = text[:first] if text[:first] in _SIGNS_OF_NAMES else ""
        shown = sign + _retypable(text[first:last])
        return Word(shown, tuple(term for term, _, _ in spans), names=whole_names(shown))

    def _prefix(self, text: str, name: TermField | None) -> Prefix | None:
        spans = asked_spans(text, self._languages)
        if not spans or spans[-1][2] != len(text):
            return None
        start = words(text)[-1]
        if len(start) < 2:
            return None
        before = tuple(term for term, _, _ in spans[:-1])
        foreign = tuple(term for term in alternatives(spans[-1][0]) if OF_LANGUAGE in term)
        return Prefix(_retypable(text[spans[0][1] :]), before, start, name, foreign)

    def _unmatched_quote(self) -> None:
        self.remarks.append("A quotation mark without its partner was ignored.")

    def _misplaced_star(self) -> None:
        self.remarks.append(
            "A * works only at the end of a word, behind two letters or more; it was ignored."
        )


def _term_field(name: str) -> TermField | None:
    return cast(TermField, name) if name else None


def _document_clause(name: str, text: str, *, prefix: bool) -> Tagged | Located | None:
    text = text.strip()
    if name == "tag":
        text = text.strip("#/")
    if not fold(text):
        return None
    return Tagged(text, prefix) if name == "tag" else Located(text, prefix)


def _retypable(word: str) -> str:
    """The word in a form that is not taken for more than a word when it is typed."""
    if word in _OPERATORS:
        return word.lower()
    word = word.replace("(", "-").replace(")", "-")
    match = _FIELD.match(word)
    return word.replace(":", "-") if match and match[1].lower() in FIELDS else word


def _paired(tokens: list[Token], remarks: list[str]) -> list[Token]:
    """The tokens without parentheses that lack a partner or lie too deep."""
    opened: list[int] = []
    alone: list[int] = []
    too_deep: list[int] = []
    for at, token in enumerate(tokens):
        if token.kind == "(":
            opened.append(at)
        elif token.kind == ")":
            if not opened:
                alone.append(at)
                continue
            opening = opened.pop()
            if len(opened) >= MAX_DEPTH:
                too_deep += (opening, at)
    alone += opened
    if alone:
        remarks.append("A parenthesis without its partner was ignored.")
    if too_deep:
        remarks.append(f"Parentheses more than {MAX_DEPTH} deep were ignored.")
    dropped = {*alone, *too_deep}
    return [token for at, token in enumerate(tokens) if at not in dropped]


def _joining(tokens: list[Token], remarks: list[str]) -> tuple[list[Token], list[str]]:
    """The tokens without the operators that have nothing to join, and these as words."""
    strays: list[str] = []
    begun: list[Token] = []
    for token in tokens:
        operand_before = begun and begun[-1].kind in (")", "clause")
        if token.kind in ("AND", "OR") and not operand_before:
            strays.append(token.kind)
        else:
            begun.append(token)
    joining: list[Token] = []
    for token in reversed(begun):
        operand_behind = joining and joining[-1].kind in ("(", "clause", "NOT")
        if token.kind in ("AND", "OR", "NOT") and not operand_behind:
            strays.append(token.kind)
        else:
            joining.append(token)
    remarks += (
        f"{operator} has nothing to join, so it was taken for a word."
        for operator in dict.fromkeys(strays)
    )
    return joining[::-1], strays
