"""Asks judged questions of the product, and prints how well it answers.

    python -m tests.eval                    questions about the user guide
    python -m tests.eval COLLECTION...      collections of your own

A collection is a folder with `docs/`, `queries*.jsonl` (`_id`, `text`) and
`qrels*.tsv` (`query`, `name`, `grade`; a grade above 0 is relevant), one file of
judgements for each file of queries.
"""

import csv
import json
import math
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from docindex.indexer.library import Library
from docindex.indexer.models import FolderSpec, SearchRequest

GUIDE = Path(__file__).parents[2] / "sample_docs"
QUESTIONS = Path(__file__).with_name("questions.tsv")
DEPTH = 10

Grades = Mapping[str, int]
"""Name of a document and how relevant it is."""
Judged = Sequence[tuple[str, Grades]]


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="docindex-eval-") as place:
        if not sys.argv[1:]:
            rows = csv.reader(QUESTIONS.open(encoding="utf-8"), delimiter="\t")
            report("user guide", opened(GUIDE, Path(place)), [(q, {name: 1}) for q, name in rows])
        for folder in map(Path, sys.argv[1:]):
            library = opened(folder / "docs", Path(place))
            for queries in sorted(folder.glob("queries*.jsonl")):
                kind = queries.stem.removeprefix("queries")
                report(folder.name + kind, library, judged(queries, folder / f"qrels{kind}.tsv"))


def opened(documents: Path, place: Path) -> Library:
    library = Library([FolderSpec(str(documents))], cache=place / "cache", state=place / "state")
    library.catch_up(lambda progress: None)
    return library


def judged(queries: Path, qrels: Path) -> Judged:
    grades: dict[str, dict[str, int]] = defaultdict(dict)
    with qrels.open(encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            if int(row["grade"]) > 0:
                grades[row["query"]][row["name"]] = int(row["grade"])
    lines = queries.read_text(encoding="utf-8").splitlines()
    asked = [json.loads(line) for line in lines]
    return [(each["text"][:512], grades[each["_id"]]) for each in asked if each["_id"] in grades]


def report(title: str, library: Library, questions: Judged) -> None:
    gains: list[float] = []
    ranks: list[float] = []
    times: list[float] = []
    first = three = 0
    for text, grades in questions:
        begin = time.perf_counter()
        answer = library.search(SearchRequest(text, max_results=3 * DEPTH, snippet_bytes=0))
        times.append(time.perf_counter() - begin)
        names = list(dict.fromkeys(hit.name for hit in answer.hits))[:DEPTH]
        place = next((at for at, name in enumerate(names, start=1) if name in grades), 0)
        gains.append(gain([grades.get(name, 0) for name in names]) / gain(best(grades)))
        ranks.append(1 / place if place else 0.0)
        first += place == 1
        three += 1 <= place <= 3
    print(
        f"{title}: {len(questions)} questions, hit@1 {first}, hit@3 {three}, "
        f"nDCG@10 {statistics.mean(gains):.3f}, MRR@10 {statistics.mean(ranks):.3f}, "
        f"median {statistics.median(times) * 1e3:.0f} ms"
    )


def best(grades: Grades) -> list[int]:
    return sorted(grades.values(), reverse=True)[:DEPTH]


def gain(grades: Sequence[int]) -> float:
    """Discounted cumulative gain (Burges et al., 2005)."""
    return math.fsum(
        (2**grade - 1) / math.log2(place + 1) for place, grade in enumerate(grades, start=1)
    )


if __name__ == "__main__":
    main()
