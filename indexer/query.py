"""A query string into a bounded query.

    kubernetes pod restarts      bare words: any may match, more rank higher
    "crash loop"                 these words, one right behind the other
    +must -not prefix*           has to be there, must not be there, begins so
    title:word heading:"a b"     in the document's title, in the section's headings
    tag:howto path:guide         on documents with this tag, with this in their name
    a AND b, a OR b, NOT (a b)   in capitals; AND binds closer than OR

All but the bare words are conditions: a section that does not meet them is no
hit. Nothing that is typed is an error unless it holds nothing to look for: what
cannot be parsed is searched as bare words, with a remark that says so. The
function words of a question count only where there are no others.

    query  = { either }
    either = both { "OR" both }
    both   = part { "AND" part }
    part   = { "NOT" } [ "+" | "-" ] ( "(" query ")" | [ field ":" ] ( word | phrase ) )
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile

from docindex.indexer.analysis import FUNCTION_WORDS
from docindex.indexer.clauses import (
    And,
    Clause,
    Has,
    Located,
    Not,
    Or,
    Phrase,
    Prefix,
    Query,
    Tagged,
    Word,
    counted,
    looks_for_something,
    names_terms,
)
from docindex.indexer.errors import InvalidInput
from docindex.indexer.languages import function_words, telling_words
from docindex.indexer.query_tokens import Token, tokenize

__all__ = ["MAX_LENGTH", "MAX_TERMS", "Query", "parse_query"]

MAX_LENGTH = 512
"""Characters."""

MAX_TERMS = 32
"""Different terms. A prefix, a tag and a path count as one each."""


def parse_query(text: str, languages: Sequence[str] = ()) -> Query:
    """`languages` are those of the documents besides English.

    Raises InvalidInput when the text is empty or too long, when there is no
    letter or digit in it, and when it says only what to leave out.
    """
    if len(text) > MAX_LENGTH:
        raise InvalidInput(
            f"The query has {len(text):,} characters; at most {MAX_LENGTH} can be searched. "
            "Keep the words that matter."
        )
    if not text.strip():
        raise InvalidInput("The query is empty. Give words to look for.")
    read = tokenize(text, languages)
    parts = _Parser(read.tokens).query()
    # Conditions come first, so that the limit takes bare words before it takes them.
    limit = _Limit()
    conditions = limit.clauses(parts.conditions)
    bare = that_count((*parts.bare, *read.strays), conditions, languages)
    should = limit.words(counted(bare))
    remarks = read.remarks
    if limit.exceeded:
        remarks += (f"Only the first {MAX_TERMS} terms were searched.",)
    if not should and not any(map(looks_for_something, conditions)):
        raise InvalidInput(
            "The query says only what to leave out. Add a word to look for."
            if conditions
            else "There is no letter or digit in the query. Give words to look for."
        )
    return Query(should, conditions, remarks)


def that_count(
    bare: Sequence[Word], conditions: Iterable[Clause], languages: Sequence[str] = ()
) -> Sequence[Word]:
    """The bare words without the function words, unless there is nothing else to look for."""
    written = [word.text.lower().replace("\u2019", "'") for word in bare]
    found = FUNCTION_WORDS
    english = len(found.intersection(written))
    for language in languages:
        # One alone may be meant.
        if len(telling_words(language).intersection(written)) > max(english, 1):
            found = found | function_words(language)
    content = [word for word, text in zip(bare, written, strict=True) if text not in found]
    return content if content or any(map(names_terms, conditions)) else bare


@dataclass(slots=True)
class _Parts:
    """What stands side by side in a query or in a pair of parentheses."""

    bare: list[Word] = field(default_factory=list[Word])
    conditions: list[Clause] = field(default_factory=list[Clause])

    def add(self, other: "_Parts") -> None:
        self.bare += other.bare
        self.conditions += other.conditions

    def required(self) -> list[Clause]:
        """Clauses which say the same as these parts alone would as a query."""
        if self.bare and not any(map(names_terms, self.conditions)):
            return [_any([Has(word) for word in self.bare]), *self.conditions]
        return self.conditions

    def ranking(self) -> list[Word]:
        """The bare words that `required` does without."""
        return self.bare if any(map(names_terms, self.conditions)) else []


class _Parser:
    """Recursive descent; `tokenize` has seen to it that the tokens fit the grammar."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        self._at = 0

    def query(self) -> _Parts:
        parts = _Parts()
        while self._at < len(self._tokens) and not self._take(")"):
            parts.add(self._either())
        return parts

    def _either(self) -> _Parts:
        options = [self._both()]
        while self._take("OR"):
            options.append(self._both())
        # Parentheses may have nothing in them.
        options = [option for option in options if option.bare or option.conditions]
        if len(options) < 2:
            return options[0] if options else _Parts()
        return _Parts(
            bare=[word for option in options for word in option.ranking()],
            conditions=[_any([_all(option.required()) for option in options])],
        )

    def _both(self) -> _Parts:
        members = [self._part()]
        while self._take("AND"):
            members.append(self._part())
        members = [member for member in members if member.bare or member.conditions]
        if len(members) < 2:
            return members[0] if members else _Parts()
        return _Parts(
            bare=[word for member in members for word in member.ranking()],
            conditions=[clause for member in members for clause in member.required()],
        )

    def _part(self) -> _Parts:
        negative = False
        while self._take("NOT"):
            negative = not negative
        token = self._tokens[self._at]
        self._at += 1
        parts = self.query() if token.clause is None else _Parts(conditions=[token.clause])
        if token.sign == "-":
            negative = not negative
        if negative:
            required = parts.required()
            return _Parts(conditions=[_none(required)]) if required else _Parts()
        if token.sign == "+":
            return _Parts(bare=parts.ranking(), conditions=parts.required())
        if isinstance(token.clause, Has) and token.clause.field is None:
            return _Parts(bare=[token.clause.word])
        return parts

    def _take(self, kind: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at].kind == kind:
            self._at += 1
            return True
        return False


def _all(clauses: Iterable[Clause]) -> Clause:
    flat = dict.fromkeys(
        part for one in clauses for part in (one.clauses if isinstance(one, And) else (one,))
    )
    return And(tuple(flat)) if len(flat) > 1 else next(iter(flat))


def _any(clauses: Iterable[Clause]) -> Clause:
    flat = dict.fromkeys(
        part for one in clauses for part in (one.clauses if isinstance(one, Or) else (one,))
    )
    return Or(tuple(flat)) if len(flat) > 1 else next(iter(flat))


def _none(clauses: Sequence[Clause]) -> Clause:
    one = _all(clauses)
    return one.clause if isinstance(one, Not) else Not(one)


def _cut(words: Iterable[Word], length: int) -> tuple[Word, ...]:
    """The words of the first `length` terms."""
    kept: list[Word] = []
    for word in words:
        kept.append(replace(word, terms=word.terms[:length]))
        length -= len(word.terms)
        if length <= 0:
            break
    return tuple(kept)


class _Limit:
    """Lets different terms through until there are MAX_TERMS."""

    def __init__(self) -> None:
        self._seen: set[object] = set()
        self.exceeded = False

    def words(self, words: Iterable[Word]) -> tuple[Word, ...]:
        kept = (replace(word, terms=self._first(word.terms)) for word in words)
        return counted(word for word in kept if word.terms)

    def clauses(self, clauses: Iterable[Clause]) -> tuple[Clause, ...]:
        kept = (self._clause(clause) for clause in dict.fromkeys(clauses))
        return tuple(clause for clause in kept if clause is not None)

    def _clause(self, clause: Clause) -> Clause | None:
        match clause:
            case Has(word):
                kept = self.words((word,))
                return replace(clause, word=kept[0]) if kept else None
            case Phrase(words):
                length = len(self._first(clause.terms))
                return replace(clause, words=_cut(words, length)) if length else None
            case Prefix() | Tagged() | Located():
                return clause if self._lets(clause) else None
            case Not(inner):
                kept_inner = self._clause(inner)
                return Not(kept_inner) if kept_inner else None
            case And(inner_clauses):
                found_all = self.clauses(inner_clauses)
                return _all(found_all) if found_all else None
            case Or(inner_clauses):
                found_any = self.clauses(inner_clauses)
                return _any(found_any) if found_any else None

    def _first(self, terms: Iterable[str]) -> tuple[str, ...]:
        return tuple(takewhile(self._lets, terms))

    def _lets(self, term: object) -> bool:
        if term not in self._seen and len(self._seen) < MAX_TERMS:
            self._seen.add(term)
        if term in self._seen:
            return True
        self.exceeded = True
        return False
