"""Questions that were written with the text at hand, and where it answers them."""

import csv
from collections.abc import Container, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.eval.judged import Collection
from tests.eval.made import Made, Place

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Book:
    questions: Path
    """A line for each: its text, the sections or documents that answer it, and, in a third
    column, those of which it was seen later, when what all engines found was judged."""
    source: str = ""
    """How to get its documents, where they do not come with docindex."""


BOOKS = {
    "k8s": Book(
        HERE / "kubernetes.tsv",
        "the documentation of Kubernetes 1.26, without the shortcodes of its site, as k8s/docs",
    ),
    "rust-book": Book(
        HERE / "rust-book.tsv",
        "git clone https://github.com/rust-lang/book && git -C book checkout 9175448\n"
        "mkdir -p rust-book/docs && cp book/src/*.md rust-book/docs",
    ),
    "user guide": Book(HERE / "questions.tsv"),
}
"""By the name of their collection."""


def book(some: Collection, *, pooled: bool = False) -> list[Made]:
    """The questions, each with the sections that answer; of a document that is named
    without one, all. With those that were seen later, if `pooled`."""
    by_name = {document.name: document for document in some.documents}
    questions: list[Made] = []
    with BOOKS[some.name].questions.open(encoding="utf-8") as file:
        for text, gold, *later in csv.reader(file, delimiter="\t"):
            answers = " ".join((gold, *later)) if pooled else gold
            places = frozenset(
                Place(name, section.anchor, section.first_line, section.last_line)
                for name, marked, anchor in (one.partition("#") for one in answers.split())
                for section in by_name[name].sections
                if section.anchor == anchor or not marked
            )
            questions.append(Made(text, places))
    return questions


def not_there(names: Container[str]) -> Iterator[str]:
    """Of each book that is not among these collections, what to do about it."""
    for name, each in BOOKS.items():
        if each.source and name not in names:
            yield f"The questions about {name} are not asked, since it is not there. To get it:"
            yield each.source
