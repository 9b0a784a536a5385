from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from docindex.indexer import vocabulary
from docindex.indexer.analysis import identifiers, terms
from docindex.indexer.inversion import Ragged, Text
from docindex.indexer.vocabulary import Vocabulary

WORDS = st.sampled_from(
    "running Runs häuser mangées get_user getUser a.b.c std::vector --flag 検索器 ½ C++".split()
)
TEXTS = st.lists(
    st.tuples(
        st.one_of(st.lists(WORDS).map(" ".join), st.text(max_size=40)),
        st.sampled_from(["", "", "de", "fr"]),
    ),
    max_size=12,
)


@pytest.fixture
def little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vocabulary, "MAX_TERM", 6)
    monkeypatch.setattr(vocabulary, "MEMO_ENTRIES", 5)
    monkeypatch.setattr(vocabulary, "PIECE", 16)


@pytest.mark.usefixtures("little_memory")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TEXTS, st.integers(0, 4))
def test_texts_keep_their_terms_and_names_whenever_they_are_analysed(
    texts: list[tuple[str, str]], most: int
) -> None:
    known, text = Vocabulary(), Text()
    for words, language in texts:
        text.numbers.extend(known.numbers(words, language))
        text.end_document()
        known.settle(most)
    known.settle(0)

    assert _spelt(known, known.words, text) == [terms(*each) for each in texts]
    assert _spelt(known, known.names, text) == [identifiers(words) for words, _ in texts]


def _spelt(known: Vocabulary, chunks: Ragged, text: Text) -> list[list[str]]:
    """What each document has, of words or of names."""
    ordered, numbers = known.in_order()
    term = {0: ""} | dict(zip(numbers.tolist(), (each.decode() for each in ordered), strict=True))
    values = known.terms_of_words() if chunks is known.words else chunks.values()
    found = chunks.expand(text.chunks(), text.bounds(), values)
    ends = [0, *found.sizes.cumsum().tolist()]
    return [[term[n] for n in found.numbers[a:b].tolist()] for a, b in pairwise(ends)]
