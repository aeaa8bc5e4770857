"""Plots as pictures of their own (SVG), drawn here, with no style sheet, script or font to fetch. Pure.

What a plot shows also stands in the table below it; nothing is told by colour alone: the marks have other forms.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from math import floor, log10

INK, SOFT, DARK, LIGHT = "#0b0c0c", "#b1b4b6", "#11706d", "#54319f"
FONT = 'font-family="system-ui, sans-serif" font-size="13"'
LEFT, TOP, LINE = 330, 34, 34
WIDTH = 760


@dataclass(frozen=True)
class Row:
    """One line of a bar plot: its label, and for each series a value (None: too few to tell) and how it reads."""

    label: str
    values: tuple[float | None, ...]
    texts: tuple[str, ...]


def bars(title: str, series: Sequence[str], rows: Sequence[Row]) -> str:
    """Horizontal bars, for one or two series: the first one filled, the second one an outline."""
    most = max((value for row in rows for value in row.values if value is not None), default=0) or 1
    height = TOP + LINE * len(rows) + 10
    drawn = "".join(_bar_row(row, TOP + LINE * place, (WIDTH - LEFT - 110) / most) for place, row in enumerate(rows))
    return _picture(title, height, _key(series, LEFT, _bar_sign) + drawn)


def _bar_row(row: Row, top: float, scale: float) -> str:
    each = (LINE - 8) / len(row.values)
    label = f'<text x="{LEFT - 10}" y="{top + LINE / 2:.1f}" text-anchor="end" {FONT}>{escape(row.label)}</text>'
    drawn = (
        _bar(place, top + place * each, each, value * scale if value is not None else 0, text)
        for place, (value, text) in enumerate(zip(row.values, row.texts, strict=True))
    )
    return label + "".join(drawn)


def _bar(series: int, top: float, height: float, width: float, text: str) -> str:
    paint = f'fill="{DARK}"' if series == 0 else f'fill="none" stroke="{LIGHT}" stroke-width="2"'
    bar = f'<rect x="{LEFT}" y="{top + 1:.1f}" width="{width:.1f}" height="{height - 2:.1f}" {paint}/>' if width else ""
    return f'{bar}<text x="{LEFT + width + 6:.1f}" y="{top + height / 2 + 4.5:.1f}" {FONT}>{escape(text)}</text>'


SMALLEST = 1e-9
"""Where no value is as large, all are drawn as zero: no picture shows a difference."""


def months(title: str, series: Sequence[str], unit: str, rows: Sequence[Row]) -> str:
    """Points over time, one for each row from left to right: filled circles, and squares joined by a dashed line."""
    most = max((value for row in rows for value in row.values if value is not None), default=0)
    most = most if most >= SMALLEST else 1
    step = _step(most)
    top_value = step * -(-most // step)
    left, bottom, height = 60, 262, 310
    across = (WIDTH - left - 30) / max(len(rows), 1)

    def x(place: int) -> float:
        return left + across * (place + 0.5)

    def y(value: float) -> float:
        return bottom - value / top_value * (bottom - TOP - 10)

    grid = "".join(_grid_line(step * each, y(step * each), left) for each in range(round(top_value / step) + 1))
    names = "".join(
        f'<text x="{x(place):.1f}" y="{bottom + 20}" text-anchor="middle" {FONT}>{escape(row.label)}</text>'
        for place, row in enumerate(rows)
    )
    unit_text = f'<text x="8" y="{TOP - 12}" {FONT}>{escape(unit)}</text>'
    lines = "".join(
        _line(
            number,
            [(x(place), y(value)) for place, row in enumerate(rows) if (value := row.values[number]) is not None],
        )
        for number in range(len(series))
    )
    return _picture(title, height, _key(series, 120, _mark) + unit_text + grid + names + lines)


def _grid_line(value: float, y: float, left: float) -> str:
    line = f'<line x1="{left}" x2="{WIDTH - 20}" y1="{y:.1f}" y2="{y:.1f}" stroke="{SOFT}"/>'
    return f'{line}<text x="{left - 8}" y="{y + 4.5:.1f}" text-anchor="end" {FONT}>{value:g}</text>'


def _line(series: int, points: Sequence[tuple[float, float]]) -> str:
    paint, dashes = (DARK, "") if series == 0 else (LIGHT, ' stroke-dasharray="6 4"')
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    joined = f'<polyline points="{path}" fill="none" stroke="{paint}" stroke-width="2"{dashes}/>' if points else ""
    return joined + "".join(_mark(series, x, y) for x, y in points)


def _mark(series: int, x: float, y: float) -> str:
    if series == 0:
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{DARK}"/>'
    paint = f'fill="#ffffff" stroke="{LIGHT}" stroke-width="2"'
    return f'<rect x="{x - 5:.1f}" y="{y - 5:.1f}" width="10" height="10" {paint}/>'


Sign = Callable[[int, float, float], str]


def _bar_sign(series: int, x: float, y: float) -> str:
    paint = f'fill="{DARK}"' if series == 0 else f'fill="none" stroke="{LIGHT}" stroke-width="2"'
    return f'<rect x="{x - 6:.1f}" y="{y - 5:.1f}" width="14" height="10" {paint}/>'


def _key(series: Sequence[str], left: float, sign: Sign) -> str:
    return "".join(_key_entries(series, left, sign)) if len(series) > 1 else ""


def _key_entries(series: Sequence[str], left: float, sign: Sign) -> Iterator[str]:
    for number, name in enumerate(series):
        yield sign(number, left + 8, 16) + f'<text x="{left + 20:.1f}" y="20.5" {FONT}>{escape(name)}</text>'
        left += 50 + 8 * len(name)


def _step(most: float) -> float:
    """A round step of which three to six reach the largest value."""
    power = 10.0 ** floor(log10(most))
    return next(power * each for each in (0.2, 0.5, 1, 2, 5) if most <= 6 * power * each)


def _picture(title: str, height: float, drawn: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" width="{WIDTH}" height="{height:g}" '
        f'fill="{INK}"><title>{escape(title)}</title><rect width="100%" height="100%" fill="#ffffff"/>{drawn}</svg>'
    )
