"""`growth`: how cost grows with the number of sections.

A corpus that is too small is repeated with words that are partly others, so that
the vocabulary keeps growing too.
"""

from collections.abc import Sequence
from pathlib import Path

from docindex.indexer.models import Document
from tests.bench import questions, sections
from tests.bench.contest import FINAL, FTS5, OURS, TANTIVY, built_apart, file_name, present, warmed
from tests.bench.contestant import Built
from tests.bench.figures import Report, Series, Spread, Table, Unit, number, spread

SIZES = (1_000, 10_000, 105_000, 210_000)
EACH = 70
"""Queries of each kind."""
ROUNDS = 1

BUILD, INDEX, P50, P95 = "building, CPU", "index", "plain query, p50", "plain query, p95"
UNITS: dict[str, Unit] = {BUILD: "s", INDEX: "MB", P50: "ms", P95: "ms"}


def measure(place: Path, documents: Sequence[Document]) -> Report:
    place = place / "growth"
    place.mkdir()
    remarks: list[str] = []
    builders = present((OURS, FTS5, TANTIVY), remarks)
    points: dict[tuple[str, str], list[tuple[float, float]]] = {}
    rows: list[tuple[str, ...]] = []
    for size in SIZES:
        built, asked = _at(size, place, documents, builders)
        for name, one in built.items():
            points.setdefault((BUILD, name), []).append((size, one.cpu))
            points.setdefault((INDEX, name), []).append((size, one.index))
        for name, times in asked.items():
            points.setdefault((P50, name), []).append((size, times.p50))
            points.setdefault((P95, name), []).append((size, times.p95))
        rows += [_cells(size, name, built.get(name), times) for name, times in asked.items()]
    return Report(
        part="growth",
        tables=(
            Table(
                title="Cost against size",
                header=("sections", "engine", "build CPU s", "index MB", "p50 ms", "p95 ms"),
                rows=tuple(rows),
            ),
        ),
        series=tuple(
            Series(chart, UNITS[chart], name, tuple(each)) for (chart, name), each in points.items()
        ),
        remarks=tuple(remarks),
    )


def _at(
    size: int, place: Path, documents: Sequence[Document], builders: Sequence[str]
) -> tuple[dict[str, Built], dict[str, Spread]]:
    place = place / str(size)
    place.mkdir()
    grown = sections.grown(documents, size)
    corpus = sections.save(grown, place / "sections.pickle")
    built = {name: built_apart(name, corpus, place) for name in builders}
    corpus.unlink()
    places = {name: place / file_name(name) for name in builders}
    places[FINAL] = places[OURS]
    queries = [q for each in questions.plain(grown, EACH).values() for q in each]
    warm = warmed(places, queries, ROUNDS)
    return built, {name: spread(each.times) for name, each in warm.items()}


def _cells(size: int, name: str, built: Built | None, times: Spread) -> tuple[str, ...]:
    return (
        f"{size:,}",
        name,
        number(built.cpu) if built else "",
        number(built.index / 1e6) if built else "",
        number(times.p50 * 1e3),
        number(times.p95 * 1e3),
    )
