"""Questions that were written with the text at hand, and where it answers them."""

import csv
from pathlib import Path

from tests.eval.judged import Collection
from tests.eval.made import Made, Place

HERE = Path(__file__).parent
BOOKS = {
    "k8s": HERE / "kubernetes.tsv",
    "rust-book": HERE / "rust-book.tsv",
    "user guide": HERE / "questions.tsv",
}
"""By collection: a line for each question, and the sections or documents that answer it."""


def book(some: Collection) -> list[Made]:
    """The questions, each with the sections that answer; of a document that is named
    without one, all."""
    by_name = {document.name: document for document in some.documents}
    questions: list[Made] = []
    with BOOKS[some.name].open(encoding="utf-8") as file:
        for text, gold in csv.reader(file, delimiter="\t"):
            places = frozenset(
                Place(name, section.anchor, section.first_line, section.last_line)
                for name, marked, anchor in (one.partition("#") for one in gold.split())
                for section in by_name[name].sections
                if section.anchor == anchor or not marked
            )
            questions.append(Made(text, places))
    return questions
