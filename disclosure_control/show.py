"""Pictures of tables, as HTML: no script, nothing loaded, every text escaped, nothing said by colour alone.

Withheld cells bear a letter and, where there are several reasons, its number; the reason is shown on hover, read out on
focus, and stands in a line of text below.
"""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from disclosure_control.flags import PRIMARY, SECONDARY
from disclosure_control.structure import Hierarchies, codes_of

if TYPE_CHECKING:
    from disclosure_control.rounding import RoundedTable
    from disclosure_control.suppression.protected import ProtectedTable
    from disclosure_control.table import Table

SHOWN = 10_000  # cells; larger tables are described only
DECIMALS = 2  # at most, of numbers that have some
MARKS = {
    PRIMARY: ("c", "withheld: it breaks a rule"),
    SECONDARY: ("s", "withheld so that others cannot be derived from it"),
}
STYLE = """
<style>
.sdc { overflow-x: auto }
.sdc table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 0.5em 0 }
.sdc caption { text-align: left; font-weight: bold; padding-bottom: 0.3em }
.sdc th, .sdc td { padding: 0.2em 0.6em; border: 1px solid #b1b4b6; text-align: right }
.sdc th[scope=row], .sdc thead th.down { text-align: left }
.sdc th.again { font-weight: normal; opacity: 0.65 }
.sdc td.primary, .sdc td.secondary { text-align: center;
  background: repeating-linear-gradient(45deg, #fff, #fff 4px, #dee0e2 4px, #dee0e2 8px); color: #0b0c0c }
.sdc td.primary { border: 2px solid #0b0c0c }
.sdc td.secondary { border: 2px dashed #0b0c0c }
.sdc abbr { text-decoration: none; font-weight: bold; background: #fff; padding: 0 0.3em; cursor: help }
.sdc abbr:focus { outline: 3px solid #ffdd00; outline-offset: 1px }
.sdc sup { font-size: 70%; line-height: 0 }
.sdc ul { list-style: none; margin: 0.3em 0; padding: 0 }
</style>
"""

Reasons = dict[tuple[str, str], int]  # (status, reason) → its number among the reasons of that status; 0: the only one


def table_html(table: "Table") -> str:
    """The true table."""
    cells = table.cells.assign(status="true", reason=None)
    return _picture(table.dimensions, cells, _title(table.value_name, table.dimensions), "not protected")


def protected_html(protected: "ProtectedTable") -> str:
    """The published cells, and in place of the withheld ones a letter, with the reason on hover and below."""
    table, cells = protected.table, protected.cells
    withheld = int(cells["status"].isin(list(MARKS)).sum())
    return _picture(table.dimensions, cells, _title(table.value_name, table.dimensions), f"{withheld} withheld")


def rounded_html(rounded: "RoundedTable") -> str:
    """The rounded table, and how it was rounded."""
    cells, report = rounded.cells.assign(reason=None), rounded.report
    how = f"{report.method} rounding to multiples of {report.base}; totals are {report.totals}"
    return _picture(rounded.dimensions, cells, _title(rounded.value_name, rounded.dimensions), how)


def _title(value_name: str | None, dimensions: Mapping[str, Hierarchies]) -> str:
    return f"{value_name or 'Number of units'} by {' and '.join(dimensions)}"


def _picture(dimensions: Mapping[str, Hierarchies], cells: pd.DataFrame, title: str, how: str) -> str:
    summary = escape(f"{title}: {len(cells)} cells, {how}")
    if len(cells) > SHOWN:
        return f"<p>{summary}. A table of this size is not drawn; look at its cells.</p>"
    reasons = _reasons(cells)
    rows = "\n".join(_rows(dimensions, cells, reasons))
    return (
        f'{STYLE}<div class="sdc"><table><caption>{summary}</caption>\n{rows}\n</table>{_legend(cells, reasons)}</div>'
    )


def _reasons(cells: pd.DataFrame) -> Reasons:
    """The different reasons, primary ones first, as they appear; numbered where a status has several."""
    found: dict[str, list[str]] = {status: [] for status in MARKS}
    for status, reason in dict.fromkeys(zip(cells["status"], cells["reason"], strict=True)):
        if status in MARKS:
            text = _text(status, reason)
            found[status] += [text] if text not in found[status] else []
    return {
        (status, text): place * (len(texts) > 1)
        for status, texts in found.items()
        for place, text in enumerate(texts, start=1)
    }


def _text(status: str, reason: object) -> str:
    return reason if isinstance(reason, str) else MARKS[status][1]


def _rows(dimensions: Mapping[str, Hierarchies], cells: pd.DataFrame, reasons: Reasons) -> Iterator[str]:
    """The last of several dimensions across, the others down."""
    names = list(dimensions)
    down = names[:-1] if len(names) > 1 else names
    across = _codes(dimensions, cells, names[-1]) if len(names) > 1 else [""]
    heads = "".join(f'<th scope="col" class="down">{escape(each)}</th>' for each in down)
    heads += "".join(f'<th scope="col">{escape(each)}</th>' for each in (across if across != [""] else ["value"]))
    yield f"<thead><tr>{heads}</tr></thead><tbody>"
    ordered, decimals = cells.to_dict("records"), _decimals(cells["value"])
    before: Mapping[Any, Any] = {}
    for start in range(0, len(ordered), len(across)):
        row = ordered[start : start + len(across)]
        codes = "".join(_head(dimensions[name], str(row[0][name]), _again(name, row[0], before, down)) for name in down)
        yield f"<tr>{codes}{''.join(_cell(each, decimals, reasons) for each in row)}</tr>"
        before = row[0]
    yield "</tbody>"


def _codes(dimensions: Mapping[str, Hierarchies], cells: pd.DataFrame, name: str) -> Sequence[str]:
    there = set(cells[name])
    return [code for code in codes_of(dimensions[name]) if code in there]


def _again(name: str, row: Mapping[Any, Any], before: Mapping[Any, Any], down: Sequence[str]) -> bool:
    """Whether the row above has the same code here, and in all columns to the left."""
    return bool(before) and all(row[each] == before[each] for each in down[: down.index(name) + 1])


def _head(hierarchies: Hierarchies, code: str, again: bool) -> str:
    depth = next(each.depth(code) for each in hierarchies if code in each.codes)
    kind = ' class="again"' if again else ""
    return f'<th scope="row"{kind} style="padding-left: {0.6 + depth:g}em">{escape(code)}</th>'


def _cell(cell: Mapping[Any, Any], decimals: int, reasons: Reasons) -> str:
    status = str(cell["status"])
    if status not in MARKS:
        return f"<td>{_number(cell['value'], decimals)}</td>"
    reason = _text(status, cell["reason"])
    title, number = escape(reason[:1].upper() + reason[1:], quote=True), reasons[status, reason]
    mark = MARKS[status][0] + (f"<sup>{number}</sup>" if number else "")
    return f'<td class="{status}"><abbr title="{title}" aria-label="Withheld: {title}" tabindex="0">{mark}</abbr></td>'


def _decimals(values: pd.Series) -> int:
    """As few as show every published number, up to `DECIMALS`."""
    shown = values.dropna().to_numpy(dtype="float64")
    enough = (places for places in range(DECIMALS) if np.isclose(shown, shown.round(places), rtol=1e-12).all())
    return next(enough, DECIMALS)


def _number(value: object, decimals: int) -> str:
    number = float(str(value))
    if number != number:  # noqa: PLR0124 - NaN is what differs from itself
        return ""
    return f"{number:,.{decimals}f}".replace("-", "−")


def _legend(cells: pd.DataFrame, reasons: Reasons) -> str:
    """One line for each reason, with the number of its cells."""
    texts = [
        (status, _text(status, reason))
        for status, reason in zip(cells["status"], cells["reason"], strict=True)
        if status in MARKS
    ]
    lines = [
        f"<li><strong>{MARKS[status][0]}{f'<sup>{number}</sup>' if number else ''}</strong>: {escape(text)} "
        f"({_cells(texts.count((status, text)))})</li>"
        for (status, text), number in reasons.items()
    ]
    return f"<ul>{''.join(lines)}</ul>" if lines else ""


def _cells(count: int) -> str:
    return f"{count} cell" if count == 1 else f"{count} cells"
