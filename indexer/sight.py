"""Looks at a hit in its file, as the file is now, and quotes it.

A hit whose file has changed since it was indexed is looked up in the changed
file; when it is not there any more, or no longer answers, it is dropped.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from operator import contains
from typing import NamedTuple, Self

from docindex.indexer.analysis import alternatives, identifiers, terms
from docindex.indexer.byte_cache import ByteCache
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
)
from docindex.indexer.encoding import decode, split_lines
from docindex.indexer.errors import DocindexError
from docindex.indexer.files import Folder
from docindex.indexer.languages import ENGLISH, language_of
from docindex.indexer.lines import Lines
from docindex.indexer.models import Hit, Record, Section
from docindex.indexer.root import Visit
from docindex.indexer.shelf import Shelf
from docindex.indexer.snippets import Snippet, Wanted, window

Snippets = ByteCache[Hashable, Snippet]


class Candidate(NamedTuple):
    """A ranked section, where the index says that it is."""

    shelf: Shelf
    record: Record
    trail: tuple[str, ...]
    anchor: str
    first_line: int
    last_line: int
    score: float
    language: str = ENGLISH


class Sight:
    """Looks at candidates in their files, each file once, until it is closed. Sections
    with equal text are shown once, and counted."""

    def __init__(
        self,
        query: Query,
        snippet_bytes: int,
        rarity: Callable[[str], float] = lambda term: 1.0,
        kept: Snippets | None = None,
    ) -> None:
        """`rarity` tells what a term of the question is worth in a snippet; `kept` are the
        snippets that were chosen last."""
        self._query = query
        self._snippet_bytes = snippet_bytes
        names = (name for word in query.words for name in word.names)
        # Rounded, so that a commit does not make other lines the best ones by a hair.
        self._weights = {term: round(rarity(term), 2) for term in (*query.terms, *names)}
        self._kept = Snippets(0) if kept is None else kept
        asked = repr((tuple(self._weights.items()), query.prefixes, snippet_bytes))
        self._asked = blake2b(asked.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        """Tells this question from others."""
        self._repeats: Counter[bytes] = Counter()
        self._told: dict[tuple[Shelf, str, int], bytes | None] = {}
        self._files: dict[tuple[Shelf, str], Lines | bytes | None] = {}
        """Of each that was looked at, its lines when it is as it was indexed, otherwise its
        bytes; None for one that is gone."""
        self._visits: dict[Shelf, tuple[Folder, Visit]] = {}
        self._sought: dict[str, Wanted] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for held in self._visits.values():
            held[1].__exit__()

    @property
    def changed(self) -> int:
        """Files looked at so far that are gone, or not what was indexed."""
        return sum(not isinstance(found, Lines) for found in self._files.values())

    def repeats(self, candidate: Candidate) -> bool:
        """Whether the section says what one that was asked for before says. Counts it."""
        key = self._told_by(candidate)
        if key is None:
            return False
        self._repeats[key] += 1
        return self._repeats[key] > 1

    def times(self, candidate: Candidate) -> int:
        """How often `repeats` was asked of sections with the same text."""
        key = self._told_by(candidate)
        return 1 if key is None else self._repeats[key]

    def _told_by(self, candidate: Candidate) -> bytes | None:
        """What tells the text of a section from others; None when that cannot be said."""
        key = (candidate.shelf, candidate.record.name, candidate.first_line)
        if key not in self._told:
            lines = self._file(candidate)
            self._told[key] = None
            if isinstance(lines, Lines):
                # Below the first line, which is its heading.
                text = lines.without_blanks(candidate.first_line, candidate.last_line)
                self._told[key] = _digest(text)
        return self._told[key]

    def see(self, candidate: Candidate) -> Hit | None:
        """The hit as it is in the file now; None when it is not there any more."""
        found = self._file(candidate)
        if found is None:
            return None
        if isinstance(found, Lines):
            snippet = self._known_snippet(candidate, found)
        else:
            renewed = self._again(candidate, found)
            if renewed is None:
                return None
            candidate = renewed
            snippet = self._snippet(candidate, split_lines(decode(found).text))
        first, last = candidate.first_line, candidate.last_line
        record = candidate.record
        return Hit(
            name=candidate.shelf.outer(record.name),
            title=record.title,
            trail=candidate.trail,
            anchor=candidate.anchor,
            first_line=first,
            last_line=last,
            snippet=snippet.text,
            snippet_line=snippet.first_line,
            score=candidate.score,
            tags=record.tags,
            modified=record.stamp.mtime_ns / 1e9,
        )

    def _known_snippet(self, candidate: Candidate, lines: Lines) -> Snippet:
        """That of a section which is as it was indexed."""
        record = candidate.record
        document = (candidate.shelf, record.name, record.version)
        key = (document, candidate.first_line, candidate.last_line, candidate.language, self._asked)
        snippet = self._kept.get(key)
        if snippet is None:
            snippet = self._snippet(candidate, lines)
            self._kept.put(key, snippet)
        return snippet

    def _snippet(self, candidate: Candidate, lines: Sequence[str]) -> Snippet:
        first, last = candidate.first_line, candidate.last_line
        wanted = self._wanted(candidate.language)
        return window(lines[first - 1 : last], first, wanted, self._snippet_bytes)

    def _wanted(self, language: str) -> Wanted:
        """What to look for in documents of a language."""
        if language not in self._sought:
            weights, prefixes = self._weights, self._query.prefixes
            self._sought[language] = Wanted(weights, prefixes, language)
        return self._sought[language]

    def _file(self, candidate: Candidate) -> Lines | bytes | None:
        """See `_files`."""
        key = (candidate.shelf, candidate.record.name)
        if key not in self._files:
            self._files[key] = self._open(candidate)
        return self._files[key]

    def _open(self, candidate: Candidate) -> Lines | bytes | None:
        record, shelf = candidate.record, candidate.shelf
        if shelf not in self._visits:
            self._visits[shelf] = shelf.folder, Visit()
        folder, visit = self._visits[shelf]
        try:
            known = shelf.known.read(folder, record.name, visit)
            if known.version == record.version:
                return known.lines
            return folder.read(record.name, visit).data
        except DocindexError:
            return None

    def _again(self, candidate: Candidate, data: bytes) -> Candidate | None:
        """The same section of a file that has changed, if it still answers the query."""
        # Imported at its first use: the first search need not wait for the parser.
        from docindex.indexer.frontmatter import prose_of
        from docindex.indexer.intake import READ_PLAINLY, fields_in
        from docindex.indexer.markdown import parse

        # What took too long to parse before may do so still: that is for the indexer to find.
        plain = READ_PLAINLY in candidate.record.remarks
        document = parse(data, candidate.record.name, plain=plain)
        texts = (section.text for section in document.sections)
        language = language_of(document.front_matter, texts)
        fields = fields_in(document)
        record = replace(candidate.record, title=document.title, tags=document.tags, fields=fields)
        for section in document.sections:
            if section.anchor == candidate.anchor:
                renewed = candidate._replace(
                    record=record,
                    trail=section.trail,
                    first_line=section.first_line,
                    last_line=section.last_line,
                    language=language,
                )
                first = section is document.sections[0]
                said = prose_of(document.front_matter) if first else ()
                return renewed if self._answers(renewed, section, said) else None
        return None

    def _answers(self, candidate: Candidate, section: Section, said: Sequence[str]) -> bool:
        name = candidate.shelf.outer(candidate.record.name)
        language, title = candidate.language, candidate.record.title
        headings, body = "\n".join(section.trail), "\n".join((section.heading, section.text, *said))
        text = _Text(
            name,
            candidate.record.marks,
            title=terms(title, language),
            headings=terms(headings, language),
            body=terms(body, language),
            identifiers=identifiers(f"{title}\n{headings}\n{body}"),
        )
        query = self._query
        if query.word_needed and not any(text.has(word.terms) for word in query.should):
            return False
        return all(text.meets(condition) for condition in query.conditions)


@dataclass(frozen=True, slots=True)
class _Text:
    """The terms of a section, held against conditions one by one, as the index does
    it for all sections at once."""

    name: str
    marks: Sequence[str]
    title: Sequence[str]
    headings: Sequence[str]
    body: Sequence[str]
    identifiers: Sequence[str]

    def meets(self, clause: Clause) -> bool:
        match clause:
            case Has(word, field):
                return self.has(word.terms, field)
            case Phrase(field=field):
                wanted = clause.terms
                return any(_holds(found, wanted) for found in self._fields(field))
            case Prefix(field=field):
                some = any(clause.matches(term) for found in self._fields(field) for term in found)
                return some and self.has(clause.before, field)
            case Tagged():
                return clause.matches(self.marks)
            case Located():
                return clause.matches(self.name)
            case Not(inner):
                return not self.meets(inner)
            case And(clauses):
                return all(map(self.meets, clauses))
            case Or(clauses):
                return any(map(self.meets, clauses))

    def has(self, wanted: Iterable[str], field: str | None = None) -> bool:
        places = [*self._fields(field), *([] if field else [self.identifiers])]
        return all(
            any(one in found for found in places for one in alternatives(term)) for term in wanted
        )

    def _fields(self, field: str | None) -> Sequence[Sequence[str]]:
        chosen = {"title": self.title, "heading": self.headings}
        return [chosen[field]] if field else [self.title, self.headings, self.body]


def _holds(found: Sequence[str], wanted: Sequence[str]) -> bool:
    """Whether the terms stand there one right after the other."""
    known = list(map(alternatives, wanted))
    return any(
        all(map(contains, known, found[start : start + len(known)]))
        for start in range(len(found) - len(known) + 1)
    )


_TOLD_APART = 64
"""Characters of a text that are the same by accident no more. Shorter ones say little without
the heading above them."""


def _digest(text: bytes) -> bytes | None:
    """None for a short text."""
    if len(text) < _TOLD_APART * 4 and len(text.decode("utf-8", "surrogatepass")) < _TOLD_APART:
        return None
    return blake2b(text, digest_size=16).digest()
