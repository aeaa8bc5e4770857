"""Tables drawn in plain text, for specifications that read like the manual.

What goes in says who contributes what: `300+20+10` are three contributors, `60x5` is 60 from five of equal size, `0` is
an empty cell. What comes out says what is published: a value, `c` for a cell that a rule forbids, `s` for one that is
withheld to protect it; totals are in the last column and row.
"""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from disclosure_control import ProtectedTable, Table
from tests.disclosure_control.small_tables import rows_of

MARKS = {"primary": "c", "secondary": "s"}


def companies(drawing: str, down: str = "nace", across: str = "region") -> pd.DataFrame:
    """One row for each contributor: the codes, `turnover`, and `company`, who is in no other cell."""
    rows = []
    for line in rows_of(drawing):
        code = line.pop("")
        for other, contributors in line.items():
            for number, turnover in enumerate(_contributions(contributors)):
                rows.append({down: code, across: other, "turnover": turnover, "company": f"{code}-{other}-{number}"})
    return pd.DataFrame(rows)


def _contributions(text: str) -> Iterator[float]:
    for part in text.split("+"):
        total, _, count = part.partition("x")
        if float(total):
            yield from [float(total) / int(count or 1)] * int(count or 1)


def table(drawing: str, nace: Any = None, region: Any = None, **options: Any) -> Table:
    """The table of turnover that is drawn, of companies by activity and region."""
    dimensions = {"nace": nace, "region": region}
    arguments: dict[str, Any] = {"value": "turnover", "unit": "company", "empty_codes": True} | options
    return Table.from_microdata(companies(drawing), dimensions, **arguments)


def published(protected: ProtectedTable) -> list[list[str]]:
    """What is published, as drawn: a list of its rows, head first, totals last."""
    *down, across = protected.table.dimensions
    if not down:
        down, across = [across], ""
    cells = protected.cells
    codes = _totals_last(cells[across]) if across else [""]
    rows = [["", *codes]]
    for code in _totals_last(cells[down[0]]):
        line = cells[cells[down[0]] == code]
        rows.append([code, *(_shown(line[line[across] == each] if across else line) for each in codes)])
    return rows


def _totals_last(codes: pd.Series) -> list[str]:
    first, *others = dict.fromkeys(codes)
    return [*others, first]


def _shown(cell: pd.DataFrame) -> str:
    (row,) = cell.to_dict("records")
    return MARKS.get(row["status"]) or f"{row['value']:g}"


def drawn(text: str) -> list[list[str]]:
    """A drawing in the form of `published`."""
    lines = [line.strip() for line in text.strip().splitlines()]
    return [[part.strip() for part in line.strip("|").split("|")] for line in lines]
