"""What a query asks for, once it has been parsed.

A query is a list of bare words, which only rank, and a list of conditions,
each of them a tree of clauses. `str(clause)` writes a clause as it is typed.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from docindex.indexer.analysis import stems_beyond
from docindex.indexer.characters import fold
from docindex.indexer.errors import InvalidInput

TermField = Literal["title", "heading"]


@dataclass(frozen=True, slots=True)
class Word:
    """A word as it was typed. `server-side` is one word of two terms."""

    text: str
    """From its first letter or digit, or the sign of a name in front, to its last."""
    terms: tuple[str, ...]
    """Each may be several of the index, joined by `analysis.EITHER`."""
    count: int = 1
    """How often it stands in the query, in any form that gives the same terms."""
    names: tuple[str, ...] = ()
    """Terms of the whole names in it, such as `stdvector`. They only rank."""
    trust: float = 1.0
    """What it counts for: one that was mended is a guess, and counts less."""

    @property
    def weight(self) -> float:
        """What its terms count in the ranking."""
        return self.count * self.trust


@dataclass(frozen=True, slots=True)
class Has:
    """Every term of the word is there, in any place: anywhere in the section's
    text, title and headings, or in the one field."""

    word: Word
    field: TermField | None = None

    def __str__(self) -> str:
        return _in_field(self.field, self.word.text)


@dataclass(frozen=True, slots=True)
class Phrase:
    """All terms of the words are there, one right after the other."""

    words: tuple[Word, ...]
    field: TermField | None = None

    @property
    def terms(self) -> tuple[str, ...]:
        return tuple(term for word in self.words for term in word.terms)

    def __str__(self) -> str:
        return _in_field(self.field, f'"{" ".join(word.text for word in self.words)}"')


@dataclass(frozen=True, slots=True)
class Prefix:
    """There is a word that begins so; of `server-si*`, the term `server` too."""

    text: str
    before: tuple[str, ...]
    """Terms of the words before the last one."""
    start: str
    """How the last word begins, folded. A term that begins so is a match."""
    field: TermField | None = None
    foreign: tuple[str, ...] = ()
    """What the beginning itself is found by as a word of other languages."""

    @property
    def stems(self) -> tuple[str, ...]:
        """The terms that are a match besides, of words that are longer than their term."""
        return (*stems_beyond(self.start), *self.foreign)

    def matches(self, term: str) -> bool:
        return term.startswith(self.start) or term in self.stems

    def __str__(self) -> str:
        return _in_field(self.field, f"{self.text}*")


MAX_TAGS = 100
"""That are asked for at once, beside a query."""
MAX_TAG = 512
"""Characters of a document's tag that are compared. No query can hold more."""


@dataclass(frozen=True, slots=True)
class Tagged:
    """The document has this tag, or one below it (`area` takes in `area/search`)."""

    text: str
    prefix: bool = False

    def matches(self, tags: Iterable[str]) -> bool:
        value = fold(self.text)
        below = value if self.prefix else f"{value}/"
        folded = (fold(tag[:MAX_TAG]) for tag in tags)
        return any(tag == value or tag.startswith(below) for tag in folded)

    def __str__(self) -> str:
        return _in_field("tag", _quoted(self.text, self.prefix))


class TagFilter:
    """Selects documents that have all of some tags, whatever their case. A tag takes in
    those below it, and `status=draft` is a field of the front matter. Raises InvalidInput."""

    __slots__ = ("_wanted",)

    def __init__(self, tags: Sequence[str]) -> None:
        several = dict.fromkeys(tag.strip("#/ ") for tag in tags)
        if len(several) > MAX_TAGS or any(len(tag) > MAX_TAG for tag in several):
            raise InvalidInput(
                f"at most {MAX_TAGS} tags of at most {MAX_TAG} characters can be asked for"
            )
        self._wanted = [Tagged(tag) for tag in several]

    def matches(self, marks: Sequence[str]) -> bool:
        """`marks` are the tags of a document, and its fields."""
        return all(tag.matches(marks) for tag in self._wanted)


@dataclass(frozen=True, slots=True)
class Located:
    """The document's name holds this text, as whole words: `adr` is in
    `adr/index.md` and `notes/adr-016.md`, not in `quadrant.md`. A slash in front
    ties it to the beginning of a folder or file name."""

    text: str
    prefix: bool = False

    def matches(self, name: str) -> bool:
        value, name = fold(self.text), fold(f"/{name}")
        at = name.find(value)
        while at >= 0:
            if _between_words(name, at) and (self.prefix or _between_words(name, at + len(value))):
                return True
            at = name.find(value, at + 1)
        return False

    def __str__(self) -> str:
        return _in_field("path", _quoted(self.text, self.prefix))


@dataclass(frozen=True, slots=True)
class Not:
    clause: "Clause"

    def __str__(self) -> str:
        return f"-{self.clause}"


@dataclass(frozen=True, slots=True)
class And:
    clauses: "tuple[Clause, ...]"

    def __str__(self) -> str:
        return f"({' AND '.join(map(str, self.clauses))})"


@dataclass(frozen=True, slots=True)
class Or:
    clauses: "tuple[Clause, ...]"

    def __str__(self) -> str:
        return f"({' OR '.join(map(str, self.clauses))})"


TermClause: TypeAlias = Has | Phrase | Prefix
"""A condition on the terms of a section."""
DocumentClause: TypeAlias = Tagged | Located
"""A condition on the document around it."""
Clause: TypeAlias = TermClause | DocumentClause | Not | And | Or
"""`Not` may stand anywhere but right inside `Not`."""


@dataclass(frozen=True, slots=True)
class Query:
    """A hit meets every condition. It also has at least one of the bare words if
    `word_needed`; beyond that, bare words only rank."""

    should: tuple[Word, ...]
    """The bare words, each once."""
    conditions: tuple[Clause, ...] = ()
    remarks: tuple[str, ...] = ()
    """What could not be taken as it was typed, one sentence each."""

    @property
    def word_needed(self) -> bool:
        """No condition names terms, so the bare words say what to look for."""
        return bool(self.should) and not any(names_terms(clause) for clause in self.conditions)

    @property
    def words(self) -> tuple[Word, ...]:
        """Every word that is looked for, bare or in a condition, each once."""
        return counted((*self.should, *_words_of(self.conditions)))

    @property
    def terms(self) -> tuple[str, ...]:
        """Every term that is looked for, each once. Those that a `Prefix` stands for
        are not among them."""
        found = [term for word in self.should for term in word.terms]
        for clause in _wanted(self.conditions):
            match clause:
                case Has():
                    found += clause.word.terms
                case Phrase():
                    found += clause.terms
                case Prefix():
                    found += clause.before
                case _:
                    pass
        return tuple(dict.fromkeys(found))

    @property
    def prefixes(self) -> tuple[Prefix, ...]:
        """Every prefix that is looked for."""
        return tuple(clause for clause in _wanted(self.conditions) if isinstance(clause, Prefix))

    @property
    def text(self) -> str:
        """The query as it was understood. Parsed again, it gives an equal one."""
        bare = [word.text for word in self.should for _ in range(word.count)]
        return " ".join((*bare, *map(as_typed, self.conditions)))

    def without(self, condition: Clause) -> "Query | None":
        """The query with one condition dropped, its words left as bare words;
        None when nothing would be left to look for."""
        conditions = tuple(clause for clause in self.conditions if clause != condition)
        should = counted((*self.should, *_words_of((condition,))))
        if not should and not any(map(looks_for_something, conditions)):
            return None
        return replace(self, should=should, conditions=conditions)


def as_typed(condition: Clause) -> str:
    """A condition as it is typed by itself, `+word` for a word that must be there."""
    bare = isinstance(condition, Has) and condition.field is None
    return f"+{condition}" if bare else str(condition)


def names_terms(clause: Clause) -> bool:
    """Whether all that meets the clause holds some term it names."""
    return _always(clause, (Has, Phrase, Prefix))


def looks_for_something(clause: Clause) -> bool:
    """Whether the clause does more than to leave out what it names."""
    return _always(clause, (Has, Phrase, Prefix, Tagged, Located))


def counted(words: Iterable[Word]) -> tuple[Word, ...]:
    """Each word once, in the order of their first appearance, counts added up. Of words
    with the same terms, the one in the form that says most: `.net` and not `net`."""
    found: dict[tuple[str, ...], Word] = {}
    for word in words:
        first = found.get(word.terms)
        if first:
            form = max(first, word, key=lambda one: len(one.names))
            trust = max(first.trust, word.trust)
            word = replace(form, count=first.count + word.count, trust=trust)
        found[word.terms] = word
    return tuple(found.values())


def _always(clause: Clause, kinds: tuple[type, ...]) -> bool:
    match clause:
        case Not():
            return False
        case And(clauses):
            return any(_always(one, kinds) for one in clauses)
        case Or(clauses):
            return all(_always(one, kinds) for one in clauses)
        case _:
            return isinstance(clause, kinds)


def _wanted(clauses: Iterable[Clause]) -> Iterator[TermClause | DocumentClause]:
    for clause in clauses:
        match clause:
            case Not():
                continue
            case And(inner) | Or(inner):
                yield from _wanted(inner)
            case _:
                yield clause


def _words_of(clauses: Iterable[Clause]) -> Iterator[Word]:
    for clause in _wanted(clauses):
        match clause:
            case Has(word):
                yield word
            case Phrase(words):
                yield from words
            case _:
                pass


def _in_field(field: str | None, text: str) -> str:
    return f"{field}:{text}" if field else text


_PLAIN = re.compile(r"[\w./#-]+")


def _quoted(text: str, prefix: bool) -> str:
    if prefix:
        return f"{text}*"
    return text if _PLAIN.fullmatch(text) else f'"{text}"'


def _between_words(text: str, at: int) -> bool:
    return not (0 < at < len(text) and text[at - 1].isalnum() and text[at].isalnum())
