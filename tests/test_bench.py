"""The arithmetic of the benchmarks. What they measure is no test."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docindex.indexer.analysis import terms
from docindex.indexer.markdown import parse
from docindex.indexer.models import Document
from tests.bench import page, questions, sections
from tests.bench.contest import overlap
from tests.bench.figures import (
    FIGURES,
    Report,
    Row,
    Series,
    Table,
    markdown_table,
    medians,
    number,
    percentile,
    shown,
    spread,
)
from tests.bench.machine import here
from tests.bench.plots import plot

TIMES = st.lists(st.floats(min_value=0, max_value=1e6), min_size=1)
SHARES = st.floats(min_value=0.01, max_value=1)


def corpus(files: int = 3) -> list[Document]:
    """Two sections a file, with words in them that no other has."""
    text = "# Lamp {0}\n\nThe keeper lights lamp{0} at dusk.\n\n## Oil {0}\n\nFill oil{0} up.\n"
    return [parse(text.format(i).encode(), f"lamp{i}.md") for i in range(files)]


def test_a_percentile_is_a_value_that_was_measured() -> None:
    times = [float(value) for value in range(1, 201)]

    assert percentile(times, 0.5) == 100
    assert percentile(times, 0.95) == 190
    assert percentile(times, 1) == 200
    assert percentile([7.0], 0.95) == 7


@given(TIMES, SHARES)
def test_a_percentile_is_the_smallest_value_that_enough_values_do_not_exceed(
    times: list[float], share: float
) -> None:
    found = percentile(times, share)

    assert sum(time <= found for time in times) >= share * len(times) - 1e-9
    assert sum(time < found for time in times) < share * len(times) + 1e-9


def test_there_is_no_percentile_of_nothing() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


def test_the_order_of_times_does_not_matter_for_their_spread() -> None:
    assert spread([3.0, 1.0, 2.0]) == spread([1.0, 2.0, 3.0])
    assert spread([4.0, 1.0, 2.0, 3.0]).p50 == 2.5


def test_of_each_query_the_median_of_its_rounds_counts() -> None:
    assert medians([[1.0, 9.0], [2.0, 8.0], [30.0, 7.0]]) == [2.0, 8.0]


def test_rounds_that_asked_different_queries_are_not_mixed() -> None:
    with pytest.raises(ValueError, match="shorter"):
        medians([[1.0, 2.0], [1.0]])


@pytest.mark.parametrize(
    ("row", "ratio", "holds"),
    [
        (Row("build", 2.0, "s", 0.5, "peer", 4.0), 0.5, True),
        (Row("build", 2.1, "s", 0.5, "peer", 4.0), 0.525, False),
        (Row("build", 2.0, "s", None, "peer", 4.0), 0.5, None),
        (Row("memory", 200e6, "MB", 200e6), None, True),
        (Row("memory", 201e6, "MB", 200e6), None, False),
        (Row("memory", 1e6, "MB"), None, None),
    ],
    ids=lambda value: value.figure if isinstance(value, Row) else str(value),
)
def test_a_goal_is_for_the_ratio_where_there_is_a_peer(
    row: Row, ratio: float | None, holds: bool | None
) -> None:
    assert row.ratio == ratio
    assert row.holds is holds


def test_a_row_says_what_a_reader_needs_to_judge_it() -> None:
    beside = Row("query, p50", 0.0001, "ms", 0.005, "FTS5", 0.02)
    alone = Row("memory", 190e6, "MB", 200e6)

    assert beside.cells() == [
        "query, p50", "0.100 ms", "FTS5 20.0 ms", "0.00500", "≤ 0.005 ×", "yes"
    ]  # fmt: skip
    assert alone.cells() == ["memory", "190 MB", "", "", "≤ 200 MB", "yes"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.00123, "0.00123"), (0.5, "0.500"), (12.34, "12.3"), (1234.5, "1,234")],
)
def test_numbers_have_three_digits_that_count(value: float, text: str) -> None:
    assert number(value) == text


def test_figures_are_shown_in_their_unit() -> None:
    assert shown(0.0123, "ms") == "12.3 ms"
    assert shown(0.0123, "%") == "1.23 %"
    assert shown(2_500_000, "MB") == "2.50 MB"


def test_the_columns_of_a_table_are_aligned_and_its_bars_escaped() -> None:
    lines = markdown_table(("a", "b|c"), [("long cell", "x")]).split("\n")

    assert lines == ["| a         | b\\|c |", "| --------- | ---- |", "| long cell | x    |"]


def test_the_share_of_common_hits_is_of_those_that_were_found() -> None:
    assert overlap([[1, 2], [3, 4]], [[2, 9], [3, 4]]) == 0.75
    assert overlap([[]], [[1]]) == 0


def test_a_corpus_grows_to_the_section() -> None:
    for size in (1, 5, 6, 13):
        assert sections.size(sections.grown(corpus(), size)) == size


def test_copies_of_a_corpus_have_words_of_their_own_and_keep_most() -> None:
    vocabulary = {
        f"{first}{second}ing" for first in "abcdefgh" for second in "lamp oil dusk".split()
    }
    documents = [parse(" ".join(sorted(vocabulary)).encode(), "words.md")]
    copy = sections.grown(documents, 2)[1]
    words = set(copy.sections[0].text.split())

    assert len(words) == len(vocabulary)
    assert 0 < len(words - vocabulary) < len(vocabulary) / 2


def test_a_sample_is_from_all_over_the_corpus() -> None:
    documents = corpus(100)
    sample = sections.spread_sample(documents, 20)

    assert sections.size(sample) == 20
    assert documents.index(sample[0]) < 10
    assert documents.index(sample[-1]) >= 90


def test_the_same_corpus_gives_the_same_queries() -> None:
    documents = corpus(30)

    assert questions.plain(documents, 10) == questions.plain(documents, 10)
    assert questions.phrases(documents, 10) == questions.phrases(documents, 10)


def test_queries_hold_no_sign_that_an_engine_may_take_for_its_own() -> None:
    documents = [parse(b"# C++ (AND) `a|b`: NOT *c*\n\nThe AND-gate + OR-gate.\n", "a.md")]
    found = questions.plain(documents, 5)

    for query in [query for queries in found.values() for query in queries]:
        assert query == query.lower()
        assert query.replace(" ", "").isalnum()


def test_phrases_stand_in_some_section() -> None:
    documents = corpus()
    texts = [text.lower() for _, _, text in sections.texts(documents)]

    for phrase in questions.phrases(documents, 10):
        assert any(phrase in text for text in texts)


def test_function_words_are_left_out_unless_there_are_no_others() -> None:
    assert questions.content_only(["what is oil", "what is the"]) == ["oil", "what is the"]


@given(st.lists(st.sampled_from(["lamp oil", "lamps", "dusk", "oil dusk", "keeper"])))
def test_no_term_comes_twice_in_a_batch(queries: list[str]) -> None:
    batches = questions.batches(queries)

    assert sorted(query for batch in batches for query in batch) == sorted(queries)
    for batch in batches:
        found = [term for query in batch for term in set(terms(query))]
        assert len(found) == len(set(found))


@pytest.fixture
def run() -> page.Run:
    growth = Report(
        part="growth",
        rows=(Row("index build, CPU", 1.0, "s", 2.0, "FTS5", 0.9),),
        tables=(Table("Building", ("engine", "s"), (("docindex", "1"),)),),
        series=(
            Series("build, CPU", "s", "docindex", ((1_000, 0.1), (10_000, 1.0))),
            Series("build, CPU", "s", "a < b", ((1_000, 0.2), (10_000, 3.0))),
        ),
        remarks=("a peer was left out",),
    )
    return page.Run(here(), page.Corpus("lamps", 3, 6, 120), (growth,))


def test_a_run_that_was_kept_is_the_same_when_it_is_read(run: page.Run, tmp_path: Path) -> None:
    page.save(run, tmp_path / "run.json")

    assert page.load(tmp_path / "run.json") == run


def test_the_page_holds_figures_tables_and_plots(run: page.Run, tmp_path: Path) -> None:
    page.write(run, tmp_path / "benchmarks.md")
    document = parse((tmp_path / "benchmarks.md").read_bytes(), "benchmarks.md")

    assert document.title == "Benchmarks"
    assert {"The figures", "Building"} <= {section.heading for section in document.sections}
    text = (tmp_path / "benchmarks.md").read_text(encoding="utf-8")
    assert markdown_table(FIGURES, [run.rows[0].cells()]) in text
    assert "A peer was left out." in text
    for link in document.links:
        assert (tmp_path / link).is_file()


def test_a_plot_has_a_line_for_each_engine_that_goes_up_with_cost(run: page.Run) -> None:
    drawn = ET.fromstring(plot(run.series))
    lines = [
        [tuple(map(float, point.split())) for point in path.attrib["d"][1:].split("L")]
        for path in drawn.iter("{http://www.w3.org/2000/svg}path")
        if "L" in path.attrib["d"]
    ]

    assert len(lines) == 2
    for (x, y), (right, above) in lines:
        assert x < right
        assert above < y  # SVG counts downwards
