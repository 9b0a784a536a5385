"""What is measured of ranked documents, by `ir_measures`, and whether a difference is one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from statistics import mean
from typing import Any

from tests.eval.judged import Question

NDCG, MRR, RECALL = "nDCG@10", "RR@10", "R@100"
DEPTH = 100
SURE = 0.05
"""A difference that chance gives less often than this is a difference."""


@dataclass(frozen=True)
class Measured:
    """One engine's values, question by question."""

    values: Mapping[str, Sequence[float]]

    def mean(self, measure: str) -> float:
        return mean(self.values[measure])


@dataclass(frozen=True)
class Difference:
    """Of the means of two engines on the same questions."""

    mean: float
    p: float
    """How often chance gives as much (paired t-test, two-sided)."""

    @property
    def sure(self) -> bool:
        return self.p < SURE


def measured(questions: Sequence[Question], ranked: Sequence[Sequence[str]]) -> Measured:
    ir_measures: Any = import_module("ir_measures")  # there only where `eval` is installed
    qrels = [
        ir_measures.Qrel(question.key, name, grade)
        for question in questions
        for name, grade in question.grades.items()
    ]
    run = [
        ir_measures.ScoredDoc(question.key, name, float(DEPTH - place))
        for question, names in zip(questions, ranked, strict=True)
        for place, name in enumerate(names)
    ]
    wanted = {measure: ir_measures.parse_measure(measure) for measure in (NDCG, MRR, RECALL)}
    values = ir_measures.iter_calc(list(wanted.values()), qrels, run)
    found = {(str(one.measure), one.query_id): one.value for one in values}
    return Measured(
        {
            name: [float(found.get((str(measure), each.key), 0.0)) for each in questions]
            for name, measure in wanted.items()
        }
    )


def difference(ours: Measured, theirs: Measured, measure: str = NDCG) -> Difference:
    one, other = ours.values[measure], theirs.values[measure]
    apart = mean(one) - mean(other)
    if list(one) == list(other):
        return Difference(apart, 1.0)
    stats: Any = import_module("scipy.stats")
    return Difference(apart, float(stats.ttest_rel(one, other).pvalue))
