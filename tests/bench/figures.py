"""The arithmetic of the benchmarks: spreads, comparisons with peers, tables.

Times are in seconds, sizes in bytes; what is printed is scaled to the unit that
a `Row` or `Table` names.
"""

import math
import statistics
from collections.abc import Iterable, Sequence
from typing import Literal

from pydantic.dataclasses import dataclass

Unit = Literal["s", "ms", "MB", "%", "×"]

SCALES: dict[Unit, float] = {"s": 1.0, "ms": 1e3, "MB": 1e-6, "%": 100.0, "×": 1.0}


def percentile(values: Iterable[float], share: float) -> float:
    """The smallest value that at least this share of the values do not exceed
    (nearest rank). Raises ValueError when there is no value."""
    ordered = sorted(values)
    if not ordered:
        raise ValueError("no values")
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)]


@dataclass(frozen=True)
class Spread:
    """How some times are distributed."""

    p50: float
    p95: float
    count: int

    def __str__(self) -> str:
        return f"p50 {shown(self.p50, 'ms')}, p95 {shown(self.p95, 'ms')}"


def spread(times: Sequence[float]) -> Spread:
    """The median is of the middle two when their number is even."""
    return Spread(statistics.median(times), percentile(times, 0.95), len(times))


def medians(rounds: Sequence[Sequence[float]]) -> list[float]:
    """Of each query, over the rounds that asked all of them in the same order."""
    return [statistics.median(times) for times in zip(*rounds, strict=True)]


@dataclass(frozen=True)
class Row:
    """One figure of the design: beside a peer's of the same run, or by itself."""

    figure: str
    ours: float
    unit: Unit
    goal: float | None = None
    """What the ratio may be at most; without a peer, what the figure may be, in the
    basic unit."""
    peer: str = ""
    theirs: float | None = None

    @property
    def ratio(self) -> float | None:
        return self.ours / self.theirs if self.theirs else None

    @property
    def holds(self) -> bool | None:
        """None when nothing was promised, or the peer has no figure."""
        measured = self.ratio if self.peer else self.ours
        return None if self.goal is None or measured is None else measured <= self.goal

    def cells(self) -> list[str]:
        theirs = "" if self.theirs is None else f"{self.peer} {shown(self.theirs, self.unit)}"
        ratio = "" if self.ratio is None else number(self.ratio)
        goal = ""
        if self.goal is not None:
            scaled = self.goal if self.peer else self.goal * SCALES[self.unit]
            goal = f"≤ {scaled:g} {'×' if self.peer else self.unit}"
        holds = {True: "yes", False: "**no**", None: ""}[self.holds]
        return [self.figure, shown(self.ours, self.unit), theirs, ratio, goal, holds]


FIGURES = ("figure", "docindex", "peer", "ratio", "goal", "holds")


@dataclass(frozen=True)
class Table:
    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""

    def markdown(self) -> str:
        return markdown_table(self.header, self.rows)


@dataclass(frozen=True)
class Series:
    """One line of a plot: cost against size."""

    chart: str
    unit: Unit
    label: str
    points: tuple[tuple[float, float], ...]
    """Sections, and what they cost in the basic unit."""


@dataclass(frozen=True)
class Report:
    """What one part of the benchmarks found."""

    part: str
    rows: tuple[Row, ...] = ()
    tables: tuple[Table, ...] = ()
    series: tuple[Series, ...] = ()
    remarks: tuple[str, ...] = ()


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns are padded, so that it can be read in a terminal too."""
    lines = [[cell.replace("|", "\\|") for cell in row] for row in (header, *rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, ["-" * width for width in widths])
    padded = ([cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in lines)
    return "\n".join(f"| {' | '.join(row)} |" for row in padded)


def shown(value: float, unit: Unit) -> str:
    scaled = value * SCALES[unit]
    return f"{number(scaled)} {unit}"


def number(value: float) -> str:
    """Three significant digits, never as a power of ten."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    digits = max(2 - math.floor(math.log10(abs(value))), 0)
    return f"{value:,.{digits}f}"
