"""Queries that are made from a corpus, the same in every run.

They hold letters, digits and blanks alone, in lower case, so that no engine takes
a part of them for an operator.
"""

import random
import re
from collections.abc import Callable, Iterable, Sequence

from docindex.indexer.analysis import FUNCTION_WORDS, terms
from docindex.indexer.models import Document, Section

SEED = 20_240_607
LONGEST = 12
"""Words of a query."""

FORMS = (
    "what is {}",
    "how do i use {}",
    "where can i find {}",
    "why does {} fail",
    "when should i use {}",
    "which options does {} have",
)

_WORD = re.compile(r"[^\W_]+")
_PROSE = re.compile(r"[A-Za-z]{2,}(?: [A-Za-z]{2,}){1,2}")


def plain(documents: Sequence[Document], each: int) -> dict[str, list[str]]:
    """Headings, one to five words of a section, and questions about headings."""
    chance = random.Random(SEED)
    sections = _sections(documents)
    # Many sections are called alike; each name is as likely as any other.
    headings = sorted({cleaned(section.heading) for section in sections})

    def heading() -> str:
        return chance.choice(headings)

    def some_words() -> str:
        return _some(chance, chance.choice(sections), chance.randint(1, 5))

    def question() -> str:
        about = heading()
        return chance.choice(FORMS).format(about) if about else ""

    kinds = {"headings": heading, "1 to 5 words": some_words, "questions": question}
    return {kind: _so_many(make, each) for kind, make in kinds.items()}


def together(documents: Sequence[Document], count: int) -> list[str]:
    """Two or three words that some section holds all of."""
    chance = random.Random(SEED + 1)
    sections = _sections(documents)
    return _so_many(lambda: _some(chance, chance.choice(sections), chance.randint(2, 3)), count)


def phrases(documents: Sequence[Document], count: int) -> list[str]:
    """Two or three words that stand next to each other in some section."""
    chance = random.Random(SEED + 2)
    sections = _sections(documents)

    def phrase() -> str:
        found = _PROSE.findall(chance.choice(sections).text)
        return cleaned(chance.choice(found)) if found else ""

    return _so_many(phrase, count)


def content_only(queries: Iterable[str]) -> list[str]:
    """Without the words that docindex leaves out of questions, so that engines
    which know no such words get the same work."""
    kept = (" ".join(w for w in q.split() if w not in FUNCTION_WORDS) or q for q in queries)
    return list(kept)


def cleaned(text: str) -> str:
    return " ".join(_WORD.findall(text.lower())[:LONGEST])


def batches(queries: Iterable[str]) -> list[list[str]]:
    """Groups in which no term comes twice: a process that is asked one group uses
    each term for the first time."""
    groups: list[tuple[set[str], list[str]]] = []
    for query in queries:
        wanted = set(terms(query))
        for used, group in groups:
            if used.isdisjoint(wanted):
                used |= wanted
                group.append(query)
                break
        else:
            groups.append((wanted, [query]))
    return [group for _, group in groups]


def apart(queries: Iterable[str], others: Iterable[str]) -> str:
    """The first of the queries that has no term in common with the others."""
    used = {term for other in others for term in terms(other)}
    return next(query for query in queries if used.isdisjoint(terms(query)))


def _sections(documents: Sequence[Document]) -> list[Section]:
    return [section for document in documents for section in document.sections]


def _some(chance: random.Random, section: Section, count: int) -> str:
    words = sorted({word for word in _WORD.findall(section.text.lower()) if len(word) > 2})
    return " ".join(chance.sample(words, count)) if len(words) >= count else ""


def _so_many(make: Callable[[], str], count: int) -> list[str]:
    """Raises ValueError when the corpus does not give so many."""
    found = list[str]()
    for _ in range(1_000 * count):
        if len(found) == count:
            return found
        if query := make():
            found.append(query)
    raise ValueError("the corpus has too little text to make queries from")
