"""A picture of noisy answers with their error bars, and of what is left of the budgets: SVG, no script."""

from html import escape

from safe_outputs.answers import Answer, Cell, Column, shown, shown_code

WIDTH, LABEL, RIGHT, LINE = 640, 190, 110, 20
MOST_LINES = 60
BAR, ERROR, GREY = "#1d70b8", "#0b0c0c", "#b1b4b6"
NANO = 1_000_000_000


def picture(answer: Answer) -> str:
    """The answer's measures with their 95 % intervals, then the budgets; empty for an exact answer."""
    if answer.noise is None:
        return ""
    measures = [
        _bars(answer, place, column)
        for place, column in enumerate(answer.table.measures)
        if len(answer.table.cells) <= MOST_LINES and any(_range(cell, place) for cell in answer.table.cells)
    ]
    return "".join([*measures, _budgets(answer)])


def _range(cell: Cell, place: int) -> tuple[float, float] | None:
    return cell.ranges[place] if cell.ranges else None


def _bars(answer: Answer, place: int, column: Column) -> str:
    lines = [(cell, cell.values[place], _range(cell, place)) for cell in answer.table.cells]
    ends = [end for _, value, span in lines for end in (value, *(span or ())) if end is not None]
    low, high = min(0.0, *ends), max(0.0, *ends)
    scale = (WIDTH - LABEL - RIGHT) / ((high - low) or 1.0)

    def x(value: float) -> str:
        return f"{LABEL + (value - low) * scale:.1f}"

    drawn = []
    for number, (cell, value, span) in enumerate(lines):
        y = (number + 1) * LINE
        name = escape(" · ".join(map(shown_code, cell.codes)))
        drawn.append(f'<text x="{LABEL - 8}" y="{y + 4}" text-anchor="end">{name}</text>')
        if value is not None:
            start, end = sorted((0.0, value))
            drawn.append(
                f'<rect x="{x(start)}" y="{y - 5}" width="{(end - start) * scale:.1f}" height="10" fill="{BAR}"/>'
            )
        if span is not None:
            drawn.append(_error_bar(x(span[0]), x(span[1]), y))
        text = escape(shown(value, column))
        drawn.append(f'<text x="{WIDTH - RIGHT + 10}" y="{y + 4}">{text}</text>')
    title = escape(f"{column.label}{f' ({column.unit})' if column.unit else ''}, with 95 % intervals")
    return _svg(title, (len(lines) + 1) * LINE, "".join(drawn))


def _error_bar(low: str, high: str, y: int) -> str:
    caps = "".join(f'<line x1="{x}" x2="{x}" y1="{y - 4}" y2="{y + 4}"/>' for x in (low, high))
    return f'<g stroke="{ERROR}" stroke-width="1.5"><line x1="{low}" x2="{high}" y1="{y}" y2="{y}"/>{caps}</g>'


def _budgets(answer: Answer) -> str:
    """What this answer takes of each budget, and what is left."""
    found = answer.charge or answer.preview
    if found is None:
        return ""
    paid, room, drawn = found.nano_rho, WIDTH - LABEL - RIGHT, []
    after = 0 if answer.charge is not None else paid  # what is left is told before a preview's price
    for number, (scope, left) in enumerate(sorted(found.remaining.items())):
        y, whole = (number + 1) * LINE, max(1, left - after + paid)
        part = min(1.0, paid / whole)
        drawn.append(
            f'<text x="{LABEL - 8}" y="{y + 4}" text-anchor="end">{escape(scope.replace(":", " ", 1))}</text>'
            f'<rect x="{LABEL}" y="{y - 5}" width="{room}" height="10" fill="{GREY}"/>'
            f'<rect x="{LABEL}" y="{y - 5}" width="{room * part:.1f}" height="10" fill="{ERROR}"/>'
            f'<text x="{WIDTH - RIGHT + 10}" y="{y + 4}">ρ = {(left - after) / NANO:g} left</text>'
        )
    verb = "takes" if answer.charge is not None else "would take"
    title = f"Privacy budget: this {verb} the dark part (ρ = {paid / NANO:g})"
    return _svg(escape(title), (len(found.remaining) + 1) * LINE, "".join(drawn))


def _svg(title: str, height: int, inside: str) -> str:
    return (
        f'<figure style="margin:8px 0"><figcaption>{title}</figcaption><svg role="img" aria-label="{title}" '
        f'width="{WIDTH}" height="{height}" font-family="sans-serif" font-size="12">{inside}</svg></figure>'
    )
