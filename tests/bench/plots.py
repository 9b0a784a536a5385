"""Plots of cost against size, as SVG: both axes logarithmic, a line for each engine."""

import math
from collections.abc import Iterable, Iterator, Sequence
from html import escape

from tests.bench.figures import SCALES, Series

WIDTH, HEIGHT = 640, 400
LEFT, RIGHT, TOP, BOTTOM = 70, 190, 40, 50
COLOURS = ("#0b6e4f", "#3d8bd4", "#c0392b", "#8e6c00", "#6c3483")
"""They differ in lightness too."""

Point = tuple[float, float]


def plot(series: Sequence[Series]) -> str:
    """Of one chart; all are in one unit."""
    unit = series[0].unit
    lines = [[(x, y * SCALES[unit]) for x, y in one.points] for one in series]
    sizes = sorted({x for points in lines for x, _ in points})
    costs = [y for points in lines for _, y in points]
    across = _Axis(sizes[0], sizes[-1], LEFT, WIDTH - RIGHT)
    up = _Axis(
        10.0 ** math.floor(math.log10(min(costs))),
        10.0 ** math.ceil(math.log10(max(costs))),
        HEIGHT - BOTTOM,
        TOP,
    )
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        _text(LEFT, 22, f"{_capitalized(series[0].chart)} ({unit}) against sections", size=14),
        *_grid(across, up, sizes),
    ]
    for place, (one, points) in enumerate(zip(series, lines, strict=True)):
        colour = COLOURS[place % len(COLOURS)]
        parts += _line([(across.at(x), up.at(y)) for x, y in points], colour)
        level = TOP + 10 + 20 * place
        parts.append(_text(WIDTH - RIGHT + 32, level + 4, one.label))
        start, end = WIDTH - RIGHT + 10, WIDTH - RIGHT + 28
        parts.append(f'<path d="M{start} {level}H{end}" stroke="{colour}" stroke-width="2.5"/>')
    return "\n".join((*parts, "</svg>")) + "\n"


def by_chart(series: Iterable[Series]) -> dict[str, list[Series]]:
    charts: dict[str, list[Series]] = {}
    for one in series:
        charts.setdefault(one.chart, []).append(one)
    return charts


class _Axis:
    """Logarithmic, from a value at one place to a value at another."""

    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        self.low, self.high = low, high
        self._start, self._end = start, end

    def at(self, value: float) -> float:
        whole = math.log(self.high / self.low) or 1.0
        share = math.log(value / self.low) / whole
        return round(self._start + share * (self._end - self._start), 1)


def _grid(across: _Axis, up: _Axis, sizes: Iterable[float]) -> Iterator[str]:
    floor, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    for size in sizes:
        at = across.at(size)
        yield f'<path d="M{at} {TOP}V{floor}" stroke="#e3e3e3"/>'
        yield _text(at, floor + 20, _short(size), anchor="middle")
    steps = round(math.log10(up.high / up.low))
    for step in range(steps + 1):
        value = up.low * 10**step
        at = up.at(value)
        yield f'<path d="M{LEFT} {at}H{right}" stroke="#e3e3e3"/>'
        yield _text(LEFT - 8, at + 4, f"{value:g}", "end")
    yield f'<path d="M{LEFT} {TOP}V{floor}H{right}" fill="none" stroke="#555555"/>'


def _line(points: Sequence[Point], colour: str) -> Iterator[str]:
    path = "L".join(f"{x} {y}" for x, y in points)
    yield f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2.5"/>'
    for x, y in points:
        yield f'<circle cx="{x}" cy="{y}" r="3.5" fill="{colour}"/>'


def _short(size: float) -> str:
    return f"{size / 1_000:g}k" if size >= 1_000 else f"{size:g}"


def _capitalized(text: str) -> str:
    return text[:1].upper() + text[1:]


def _text(x: float, y: float, text: str, anchor: str = "start", size: int = 12) -> str:
    return (
        f'<text x="{x}" y="{y}" text-anchor="{anchor}" font-family="sans-serif" '
        f'font-size="{size}" fill="#222222">'
        f"{escape(text)}</text>"
    )
