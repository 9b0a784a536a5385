"""Questions that are made from the documents themselves, the same in every run."""

import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from docindex.indexer.identifiers import MAX_NAME
from docindex.indexer.models import Document, Section

SEED = 20_250_901
EACH = 100
"""Questions of each kind, if the documents give so many."""
LEAST = 10
RARE = 5
"""A name that is in more documents leads to none of them in particular."""
SHORTEST = 5
"""Letters of a word that is typed wrong."""
LONGEST = 8
"""Words of a heading."""

_PROSE = re.compile(r"[A-Za-z]{2,}(?:[ -][A-Za-z]{2,})+")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"

NAMES = {
    "snake_case": r"(?<![\w.:-])[A-Za-z]+(?:_[A-Za-z0-9]+){1,4}(?![\w.:-])",
    "camelCase": r"(?<![\w.:-])[A-Za-z]+[a-z](?:[A-Z][a-z]+){1,4}(?![\w.:-])",
    "a::b": r"(?<![\w.:-])[A-Za-z]\w*(?:::\w+){1,2}(?![\w:.-])",
    "a.b.c": r"(?<![\w./:-])[a-z]\w*(?:\.\w+){1,3}(?![\w.:/-])",
    "--flag": r"(?<![\w-])--[a-z]+(?:-[a-z]+){0,3}(?![\w-])",
    "a-b": r"(?<![\w./:-])[a-z]+(?:-[a-z]+){1,4}(?![\w/:-]|\.\w)",
    "1.2.3": r"(?<![\w.:/-])v?\d+(?:\.\d+){1,3}(?:-[a-z]+\.?\d*)?(?![\w:/-]|\.\w)",
    "CODE-123": r"(?<![\w.:-])[A-Z]+-?\d{3,5}(?![\w.:-])",
}
"""Forms of names, as they stand in prose and in code."""

_CJK = re.compile(r"[\u3041-\u30ff\u3400-\u9fff\uac00-\ud7a3]{6,}")


@dataclass(frozen=True)
class Place:
    """A section of a document."""

    name: str
    anchor: str
    first_line: int
    last_line: int


@dataclass(frozen=True)
class Made:
    text: str
    places: frozenset[Place]
    """Any of them is right."""


def headings(documents: Sequence[Document]) -> list[Made]:
    """Headings below the title that no other section has, in plain words."""
    found: dict[str, list[Place]] = defaultdict(list)
    for document, section in _sections(documents):
        heading = section.heading.lower()
        # What is called like its document has no better section than others.
        named_alike = section.heading == document.title
        if not named_alike and _PROSE.fullmatch(heading) and len(heading.split()) <= LONGEST:
            found[heading].append(_place(document, section))
    chance = random.Random(SEED)
    some = [Made(text, frozenset(places)) for text, places in found.items() if len(places) == 1]
    long = [made for made in some if any(len(word) >= SHORTEST for word in made.text.split())]
    return _sample(chance, sorted(long, key=lambda made: made.text))


def typed_wrong(untouched: Sequence[Made]) -> dict[str, list[Made]]:
    """By what went wrong in one word of each."""
    chance = random.Random(SEED + 1)
    return {
        kind: [Made(_wrong(chance, made.text, wrong), made.places) for made in untouched]
        for kind, wrong in WRONG.items()
    }


def _wrong(
    chance: random.Random, text: str, wrong: Callable[[random.Random, str, int], str]
) -> str:
    words = text.split()
    place = chance.choice([at for at, word in enumerate(words) if len(word) >= SHORTEST])
    word = words[place]
    typed = word
    while typed == word:
        # People rarely get the first letter wrong.
        typed = wrong(chance, word, chance.randrange(1, len(word) - 1))
    return " ".join((*words[:place], typed, *words[place + 1 :]))


WRONG: Mapping[str, Callable[[random.Random, str, int], str]] = {
    "swapped": lambda chance, word, at: word[:at] + word[at + 1] + word[at] + word[at + 2 :],
    "dropped": lambda chance, word, at: word[:at] + word[at + 1 :],
    "doubled": lambda chance, word, at: word[:at] + word[at] + word[at:],
    "replaced": lambda chance, word, at: word[:at] + chance.choice(_LETTERS) + word[at + 1 :],
}


def names(documents: Sequence[Document]) -> dict[str, list[str]]:
    """Names of code, by their form, as they are written."""
    chance = random.Random(SEED + 2)
    found: dict[str, dict[str, set[str]]] = {form: defaultdict(set) for form in NAMES}
    patterns = {form: re.compile(pattern) for form, pattern in NAMES.items()}
    for document, section in _sections(documents):
        text = f"{section.heading}\n{section.text}"
        for form, pattern in patterns.items():
            for name in pattern.findall(text):
                found[form][name].add(document.name)
    kinds: dict[str, list[str]] = {}
    for form, each in found.items():
        rare = sorted(
            name for name, at in each.items() if len(at) <= RARE and len(name) <= MAX_NAME
        )
        if len(rare) >= LEAST:
            kinds[form] = chance.sample(rare, min(EACH, len(rare)))
    return kinds


def cjk(documents: Sequence[Document]) -> list[str]:
    """Two to four characters from inside of a sentence."""
    chance = random.Random(SEED + 3)
    runs = sorted({run for _, each in _sections(documents) for run in _CJK.findall(each.text)})
    found: list[str] = []
    for run in chance.sample(runs, min(EACH, len(runs))):
        length = chance.randint(2, 4)
        begin = chance.randint(1, len(run) - length - 1)
        found.append(run[begin : begin + length])
    return sorted(set(found))


FORMS = ("how do i use {}", "what is {}", "where can i read about {}", "why does {} matter")


def asked(untouched: Sequence[Made]) -> list[Made]:
    """Questions about headings."""
    chance = random.Random(SEED + 4)
    return [Made(chance.choice(FORMS).format(made.text), made.places) for made in untouched]


def _sample(chance: random.Random, some: Sequence[Made]) -> list[Made]:
    return chance.sample(some, min(EACH, len(some)))


def _sections(documents: Sequence[Document]) -> Iterator[tuple[Document, Section]]:
    return ((document, section) for document in documents for section in document.sections)


def _place(document: Document, section: Section) -> Place:
    return Place(document.name, section.anchor, section.first_line, section.last_line)
