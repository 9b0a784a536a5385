"""Bar charts as SVG: groups of bars, one for each engine."""

from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 720, 340
LEFT, RIGHT, TOP, BOTTOM = 50, 160, 40, 40
COLOURS = ("#0b6e4f", "#3d8bd4", "#9ac4ea", "#c0392b", "#e6a49c", "#8e6c00")
"""They differ in lightness too."""
STEPS = 5


def chart(title: str, groups: Mapping[str, Mapping[str, float]], highest: float = 1.0) -> str:
    """`groups` are the values from 0 to `highest` of each engine, by what was measured, a line
    for each part between commas; each group has the same engines."""
    engines = list(next(iter(groups.values())))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        _text(LEFT, 22, title, size=14),
    ]
    floor, tall = HEIGHT - BOTTOM, HEIGHT - BOTTOM - TOP
    for step in range(STEPS + 1):
        at = round(floor - tall * step / STEPS, 1)
        parts.append(f'<path d="M{LEFT} {at}H{WIDTH - RIGHT}" stroke="#e3e3e3"/>')
        parts.append(_text(LEFT - 8, at + 4, f"{highest * step / STEPS:g}", anchor="end"))
    room = (WIDTH - RIGHT - LEFT) / len(groups)
    wide = room * 0.85 / len(engines)
    for place, (group, values) in enumerate(groups.items()):
        begin = LEFT + place * room + room * 0.075
        for number, engine in enumerate(engines):
            high = round(tall * min(values[engine] / highest, 1.0), 1)
            parts.append(
                f'<rect x="{begin + number * wide:.1f}" y="{floor - high:.1f}" '
                f'width="{wide * 0.92:.1f}" height="{high:.1f}" fill="{_colour(number)}"/>'
            )
        parts += [
            _text(LEFT + (place + 0.5) * room, floor + 16 + 15 * line, text, anchor="middle")
            for line, text in enumerate(group.split(", "))
        ]
    parts += _legend(engines)
    return "\n".join((*parts, "</svg>")) + "\n"


def _legend(engines: Sequence[str]) -> list[str]:
    parts: list[str] = []
    for number, engine in enumerate(engines):
        level = TOP + 10 + 20 * number
        parts.append(
            f'<rect x="{WIDTH - RIGHT + 10}" y="{level - 6}" width="14" height="12" '
            f'fill="{_colour(number)}"/>'
        )
        parts.append(_text(WIDTH - RIGHT + 32, level + 4, engine))
    return parts


def _colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]


def _text(x: float, y: float, text: str, anchor: str = "start", size: int = 12) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-family="sans-serif" '
        f'font-size="{size}" fill="#222222">{escape(text)}</text>'
    )
