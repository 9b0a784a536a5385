"""Documents with questions that somebody judged: which documents answer each of them.

A collection is a folder, or an archive of one, with `docs/`, `queries*.jsonl` (`_id`,
`text`) and `qrels*.tsv` (`query`, `name`, `grade`; a grade above 0 is relevant), one file
of judgements for each file of queries.
"""

import csv
import json
import tarfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from docindex.indexer.models import Document
from docindex.indexer.query import MAX_LENGTH
from tests.bench import sections

Grades = Mapping[str, int]
"""Name of a document and how relevant it is."""


@dataclass(frozen=True)
class Question:
    key: str
    text: str
    grades: Grades


@dataclass(frozen=True)
class QuestionSet:
    name: str
    questions: tuple[Question, ...]


@dataclass(frozen=True)
class Collection:
    name: str
    folder: Path
    """Of the documents."""
    sets: tuple[QuestionSet, ...]

    @cached_property
    def documents(self) -> list[Document]:
        return sections.read(self.folder)


def collection(path: Path, place: Path) -> Collection:
    """From a folder, or from an archive, which is unpacked below `place`."""
    if path.is_file():
        name = path.name.partition(".")[0]
        with tarfile.open(path) as archive:
            archive.extractall(place / name, filter="data")
        path = place / name
        if not (path / "docs").is_dir():
            (path,) = (each.parent for each in path.glob("*/docs"))
    return Collection(path.name, path / "docs", tuple(_sets(path)))


def _sets(folder: Path) -> Iterator[QuestionSet]:
    for queries in sorted(folder.glob("queries*.jsonl")):
        kind = queries.stem.removeprefix("queries")
        grades: dict[str, dict[str, int]] = defaultdict(dict)
        with (folder / f"qrels{kind}.tsv").open(encoding="utf-8") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                if int(row["grade"]) > 0:
                    grades[row["query"]][row["name"]] = int(row["grade"])
        asked = map(json.loads, queries.read_text(encoding="utf-8").splitlines())
        yield QuestionSet(
            folder.name + kind,
            tuple(
                Question(each["_id"], each["text"][:MAX_LENGTH], grades[each["_id"]])
                for each in asked
                if each["_id"] in grades
            ),
        )
