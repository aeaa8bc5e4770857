"""Tables drawn in plain text, for specifications that read like the manual.

What goes in says who contributes what: `300+20+10` are three companies, `60x5` is 60 from five of equal size, `0` is an
empty cell; `300(agreed)` agreed to publication, `300(asked)` asked for confidentiality, `300(owner G)` belongs to G,
`300(weight 4)` stands for four. What comes out says what is published: a value, `c` for a cell that a rule forbids, `s`
for one that is withheld to protect it; totals are in the last column and row.
"""

import re
from collections.abc import Iterator
from typing import Any

import pandas as pd

from disclosure_control import ProtectedTable, Table
from tests.disclosure_control.small_tables import rows_of

MARKS = {"primary": "c", "secondary": "s"}
SAID = r"\((?P<what>agreed|asked|owner|weight)(?: (?P<which>\w+))?\)"
PART = re.compile(rf"(?P<total>-?[\d.]+)(?:x(?P<count>\d+))?(?:{SAID})?")


def companies(drawing: str, down: str = "nace", across: str = "region") -> pd.DataFrame:
    """One row for each contributor: the codes, `turnover`, and `company`, who is in no other cell."""
    rows = []
    for line in rows_of(drawing):
        code = line.pop("")
        for other, contributors in line.items():
            for number, contribution in enumerate(_contributions(contributors)):
                company = f"{code}-{other}-{number}"
                rows.append({down: code, across: other, "company": company, "owner": company} | contribution)
    return pd.DataFrame(rows)


def _contributions(text: str) -> Iterator[dict[str, Any]]:
    for part in text.split("+"):
        found = PART.fullmatch(part)
        if found is None:
            raise ValueError(f"“{part}” is no contribution.")
        total, count, what = float(found["total"]), int(found["count"] or 1), found["what"]
        plain: dict[str, Any] = {"turnover": total / count, "weight": 1, "agreed": False, "asked": False}
        if total:
            yield from [plain | _said(what, found["which"])] * count


def _said(what: str | None, which: str) -> dict[str, Any]:
    if what is None:
        return {}
    return {what: True if which is None else int(which) if what == "weight" else which}


def table(drawing: str, nace: Any = None, region: Any = None, **options: Any) -> Table:
    """The table of turnover that is drawn, of companies by activity and region."""
    dimensions = {"nace": nace, "region": region}
    arguments: dict[str, Any] = {"value": "turnover", "unit": "company", "empty_codes": True} | options
    return Table.from_microdata(companies(drawing), dimensions, **arguments)


def published(protected: ProtectedTable) -> list[list[str]]:
    """What is published, as drawn: a list of its rows, head first, totals last."""
    down, across = protected.table.dimensions
    cells = protected.cells
    codes = _totals_last(cells[across])
    rows = [["", *codes]]
    for code in _totals_last(cells[down]):
        line = cells[cells[down] == code]
        rows.append([code, *(_shown(line[line[across] == each]) for each in codes)])
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
