"""Whether mending words harms questions that have none to mend."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from unittest.mock import patch

from docindex.indexer.clauses import Query
from docindex.indexer.suggest import Speller, Understood
from tests.eval.judged import QuestionSet
from tests.eval.measures import NDCG, measured
from tests.eval.product import Product


@dataclass(frozen=True)
class Harm:
    asked: int
    mended: int
    """Questions in which a word was taken for another."""
    worse: int
    """Those that found less by it (nDCG@10)."""


def harm(product: Product, some: QuestionSet) -> Harm:
    """Of questions as people typed them."""
    mended = [each for each in some.questions if each.text in product.mended]
    if not mended:
        return Harm(len(some.questions), 0, 0)
    after = measured(mended, [product.ranked(each.text, 10) for each in mended])
    with _never_mending():
        before = measured(mended, [product.ranked(each.text, 10) for each in mended])
    pairs = zip(before.values[NDCG], after.values[NDCG], strict=True)
    return Harm(len(some.questions), len(mended), sum(one > other for one, other in pairs))


@contextmanager
def _never_mending() -> Generator[None]:
    def taken(speller: Speller, query: Query) -> Understood:
        return Understood(query, "", ())

    with patch.object(Speller, "understand", taken):
        yield
