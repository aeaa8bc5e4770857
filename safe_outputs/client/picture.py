"""A picture of noisy answers with their error bars, and of what is left of the budgets: SVG, no script.

It is drawn in the page's own text colour, so that it reads on light and on dark pages; nothing is told by colour alone:
every number stands beside its bar, and the text alternative says all of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from safe_outputs.answers import NANO, Answer, Cell, Column, price_in_words, shown, shown_code

ROOM, LINE = 340, 20
LETTER, MOST_LETTERS = 7, 40  # the width of one, and for how many of a label there is room
MOST_LINES = 60
BAR = "#1d70b8"


def picture(answer: Answer) -> str:
    """The answer's measures with their 95 % intervals, then the budgets; empty for an exact answer."""
    if answer.noise is None:
        return ""
    measures = [
        _bars(answer, place, column)
        for place, column in enumerate(answer.table.measures)
        if any(_range(cell, place) for cell in answer.table.cells)
    ]
    if measures and len(answer.table.cells) > MOST_LINES:
        measures = ["<p>Too many groups for a picture. The 95 % intervals stand in <code>.frame</code>.</p>"]
    return "".join([*measures, _budgets(answer)])


@dataclass(frozen=True)
class _Line:
    """One line of a picture: what stands before its bar, what is drawn, and what stands after it."""

    name: str
    drawn: str
    text: str


def _range(cell: Cell, place: int) -> tuple[float, float] | None:
    return cell.ranges[place] if cell.ranges else None


def _bars(answer: Answer, place: int, column: Column) -> str:
    ends = [0.0]
    for cell in answer.table.cells:
        ends += [end for end in (cell.values[place], *(_range(cell, place) or ())) if end is not None]
    low, scale = min(ends), ROOM / ((max(ends) - min(ends)) or 1.0)

    def x(values: Sequence[float | None]) -> list[float]:
        return [(value - low) * scale for value in values if value is not None]

    lines = [
        _Line(
            " · ".join(map(shown_code, cell.codes)),
            _bar(x((0.0, cell.values[place]))) + _error_bar(x(_range(cell, place) or ())),
            _in_words(cell, place, column),
        )
        for cell in answer.table.cells
    ]
    unit = f" ({column.unit})" if column.unit else ""
    return _svg(f"{column.label}{unit}, with 95 % intervals", lines, _zero(x((0.0,))[0], len(lines)))


def _zero(x: float, lines: int) -> str:
    return f'<line x1="{x:.1f}" x2="{x:.1f}" y1="8" y2="{lines * LINE + 12}" stroke-width="0.5"/>'


def _in_words(cell: Cell, place: int, column: Column) -> str:
    value, span = cell.values[place], _range(cell, place)
    number = "not known" if value is None else shown(value, column)
    return number if span is None else f"{number} ({shown(span[0], column)} to {shown(span[1], column)})"


def _bar(ends: Sequence[float]) -> str:
    if len(ends) < 2:
        return ""
    return (
        f'<rect x="{min(ends):.1f}" y="-5" width="{max(ends) - min(ends):.1f}" height="10" stroke="none" '
        f'fill="{BAR}" fill-opacity="0.45"/><circle cx="{ends[1]:.1f}" cy="0" r="2.5" stroke="none"/>'
    )


def _error_bar(ends: Sequence[float]) -> str:
    if not ends:
        return ""
    low, high = (f"{end:.1f}" for end in ends)
    caps = "".join(f'<line x1="{x}" x2="{x}" y1="-4" y2="4"/>' for x in (low, high))
    return f'<g stroke-width="1.5"><line x1="{low}" x2="{high}" y1="0" y2="0"/>{caps}</g>'


def _budgets(answer: Answer) -> str:
    """What this answer takes of each budget, and what is left."""
    found = answer.charge or answer.preview
    if found is None:
        return ""
    after = 0 if answer.charge is not None else found.nano_rho  # what is left is told before a preview's price
    lines = [
        _Line(
            scope.replace(":", " ", 1),
            _taken(found.nano_rho / max(1, left - after + found.nano_rho)),
            _left(left, left - after, paid=answer.charge is not None),
        )
        for scope, left in sorted(found.remaining.items())
    ]
    verb = "takes" if answer.charge is not None else "would take"
    return _svg(f"Privacy budget: this {verb} the filled part ({price_in_words(found)})", lines)


def _taken(part: float) -> str:
    frame = f'<rect x="0" y="-5" width="{ROOM}" height="10" fill="none"/>'
    return f'{frame}<rect x="0" y="-5" width="{ROOM * min(1.0, part):.1f}" height="10" stroke="none"/>'


def _left(now: int, then: int, *, paid: bool) -> str:
    if then < 0:
        return f"too much: ρ = {now / NANO:g} is left"
    return f"ρ = {then / NANO:g} {'left' if paid else 'would be left'}"


def _svg(title: str, lines: Sequence[_Line], behind: str = "") -> str:
    label = LETTER * min(MOST_LETTERS, max((len(line.name) for line in lines), default=0)) + 8
    right = LETTER * max((len(line.text) for line in lines), default=0) + 20
    height = (len(lines) + 1) * LINE
    drawn = "".join(_drawn(line, label, (place + 1) * LINE) for place, line in enumerate(lines))
    alternative = escape(f"{title}: {'; '.join(f'{line.name}: {line.text}' for line in lines)}.")
    return (
        f'<figure style="margin:8px 0"><figcaption>{escape(title)}</figcaption><svg role="img" '
        f'aria-label="{alternative}" width="{label + ROOM + right}" height="{height}" font-family="sans-serif" '
        f'font-size="12" fill="currentColor" stroke="currentColor"><g transform="translate({label} 0)">{behind}</g>'
        f"{drawn}</svg></figure>"
    )


def _drawn(line: _Line, label: int, y: int) -> str:
    """A name too long for its room is cut, and whole in the tooltip and in the text alternative."""
    name = line.name if len(line.name) <= MOST_LETTERS else f"{line.name[: MOST_LETTERS - 1]}…"
    return (
        f'<g transform="translate({label} {y})"><text x="-8" y="4" text-anchor="end" stroke="none">{escape(name)}'
        f"<title>{escape(line.name)}</title></text>{line.drawn}"
        f'<text x="{ROOM + 10}" y="4" stroke="none">{escape(line.text)}</text></g>'
    )
