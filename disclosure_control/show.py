"""Pictures of tables, as HTML: no script, nothing loaded, every text escaped, nothing said by colour alone."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import pandas as pd

from disclosure_control.structure import Hierarchies, codes_of

if TYPE_CHECKING:
    from disclosure_control.suppression.protected import ProtectedTable
    from disclosure_control.table import Table

SHOWN = 10_000  # cells; larger tables are described only
MARKS = {
    "primary": ("c", "withheld: it breaks a rule"),
    "secondary": ("s", "withheld so that others cannot be derived from it"),
}
STYLE = """
<style>
.sdc { overflow-x: auto }
.sdc table { border-collapse: collapse; font-variant-numeric: tabular-nums }
.sdc caption, .sdc th, .sdc th[scope=row] { text-align: left }
.sdc th, .sdc td { padding: 0.2em 0.6em; border: 1px solid #b1b4b6 }
.sdc td { text-align: right }
.sdc td.primary, .sdc td.secondary { text-align: center;
  background: repeating-linear-gradient(45deg, #fff, #fff 4px, #dee0e2 4px, #dee0e2 8px); color: #0b0c0c }
.sdc td.primary { border: 2px solid #0b0c0c }
.sdc td.secondary { border: 2px dashed #0b0c0c }
.sdc abbr { text-decoration: none; font-weight: bold; background: #fff; padding: 0 0.3em }
</style>
"""


def table_html(table: "Table") -> str:
    """The true table."""
    cells = table.cells.assign(status="published", reason=None)
    return _picture(table.dimensions, cells, _title(table.value_name, table.dimensions))


def protected_html(protected: "ProtectedTable") -> str:
    """The published cells, and in place of the withheld ones a letter, with the reason on hover and on focus."""
    table = protected.table
    return _picture(table.dimensions, protected.cells, _title(table.value_name, table.dimensions))


def _title(value_name: str | None, dimensions: Mapping[str, Hierarchies]) -> str:
    return f"{value_name or 'Number of units'} by {' and '.join(dimensions)}"


def _picture(dimensions: Mapping[str, Hierarchies], cells: pd.DataFrame, title: str) -> str:
    counts = {status: int((cells["status"] == status).sum()) for status in MARKS}
    summary = f"{escape(title)}: {len(cells)} cells, {counts['primary'] + counts['secondary']} withheld"
    if len(cells) > SHOWN:
        return f"<p>{summary}. A table of this size is not drawn; look at its cells.</p>"
    rows = "\n".join(_rows(dimensions, cells))
    return f'{STYLE}<div class="sdc"><table><caption>{summary}</caption>\n{rows}\n</table>{_legend(counts)}</div>'


def _rows(dimensions: Mapping[str, Hierarchies], cells: pd.DataFrame) -> Iterator[str]:
    """The last of several dimensions across, the others down."""
    names = list(dimensions)
    down = names[:-1] if len(names) > 1 else names
    across = _codes(dimensions, cells, names[-1]) if len(names) > 1 else [""]
    heads = "".join(
        f'<th scope="col">{escape(each)}</th>' for each in (*down, *(across if across != [""] else ["value"]))
    )
    yield f"<thead><tr>{heads}</tr></thead><tbody>"
    ordered = cells.to_dict("records")
    for start in range(0, len(ordered), len(across)):
        row = ordered[start : start + len(across)]
        codes = "".join(_head(dimensions[name], str(row[0][name])) for name in down)
        yield f"<tr>{codes}{''.join(map(_cell, row))}</tr>"
    yield "</tbody>"


def _codes(dimensions: Mapping[str, Hierarchies], cells: pd.DataFrame, name: str) -> Sequence[str]:
    there = set(cells[name])
    return [code for code in codes_of(dimensions[name]) if code in there]


def _head(hierarchies: Hierarchies, code: str) -> str:
    depth = next(each.depth(code) for each in hierarchies if code in each.codes)
    return f'<th scope="row" style="padding-left: {0.6 + depth:g}em">{escape(code)}</th>'


def _cell(cell: Mapping[Any, Any]) -> str:
    status = str(cell["status"])
    if status not in MARKS:
        return f"<td>{_number(cell['value'])}</td>"
    mark, meaning = MARKS[status]
    reason = cell["reason"] if isinstance(cell["reason"], str) else meaning
    title = escape(reason[:1].upper() + reason[1:], quote=True)
    return f'<td class="{status}"><abbr title="{title}" tabindex="0">{mark}</abbr></td>'


def _number(value: object) -> str:
    number = float(str(value))
    if number != number:  # noqa: PLR0124 - NaN is what differs from itself
        return ""
    return f"{number:,.0f}" if number == round(number) else f"{number:,.2f}"


def _legend(counts: Mapping[str, int]) -> str:
    used = [f"{mark}: {meaning} ({counts[status]})" for status, (mark, meaning) in MARKS.items() if counts[status]]
    return f"<p>{escape('; '.join(used))}.</p>" if used else ""
