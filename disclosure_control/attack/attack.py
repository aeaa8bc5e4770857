"""The release gate: what an attacker can derive from protected tables, and whether that is too much.

Handbook on Statistical Disclosure Control, section 4.3 (audit of a suppression pattern): for each withheld cell the
smallest and the largest value that all published cells, all additive relations and prior knowledge allow. Contributors
who are alone in a withheld cell attack too, knowing its value.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from disclosure_control.attack.contributors import seen_through, wide_enough
from disclosure_control.attack.intervals import Intervals
from disclosure_control.attack.view import Protected, View, view_of
from disclosure_control.errors import AttackFailed


def attack(protected: Protected | Sequence[Protected], prior: float | None = None) -> pd.DataFrame:
    """The feasibility interval of every withheld cell, exact, and whether it is wide enough.

    Args:
        protected: a protected table, or several that are released together.
        prior: what the attacker knows beforehand: None, that values are not negative (where none is); 0.5, every value
            to within 50 %.

    Returns:
        One row per withheld cell of each table: `table` (the place of the table, if there are several), the codes,
        `lower` and `upper` (what an outsider can derive), `required_lower` and `required_upper` (equal to each other
        in a secondary cell, which requires nothing), `contributors_too` (whether the requirement holds against
        lone contributors of other withheld cells), and `protected` (all that is required holds).

    Raises:
        AttackFailed: a published cell is not true, or a bound is not proven. Nothing may be released then.
    """
    tables = _as_list(protected)
    _require_prior(prior)
    view = view_of(tables)
    intervals = Intervals(view, prior)
    fall, rise = intervals.exact()
    outside = wide_enough(view, fall, rise)
    intervals.limit()
    inside = ~seen_through(view, intervals, every=True)
    found = pd.DataFrame(
        {
            "lower": view.truth - fall,
            "upper": view.truth + rise,
            "required_lower": view.truth - view.need_down,
            "required_upper": view.truth + view.need_up,
            "contributors_too": inside,
            "protected": outside & inside,
        }
    )
    return _by_table(tables, view, found)


def passes(protected: Protected | Sequence[Protected], prior: float | None = None) -> bool:
    """Whether every requirement holds; quicker than `attack`, since no interval has to be known exactly.

    Raises:
        AttackFailed: as `attack` does.
    """
    tables = _as_list(protected)
    _require_prior(prior)
    view = view_of(tables)
    intervals = Intervals(view, prior)
    intervals.limit()
    for place, need in enumerate((view.need_up, view.need_down)):
        wanted = np.argsort(-need, kind="stable")[: int((need > 0).sum())]
        if not intervals.covers(place, wanted, need[wanted]):
            return False
    if (view.need_apart > view.need_up + view.need_down).any():
        fall, rise = Intervals(view, prior).exact()
        if not wide_enough(view, fall, rise).all():
            return False
    return not seen_through(view, intervals, every=False).any()


def _by_table(tables: Sequence[Protected], view: View, found: pd.DataFrame) -> pd.DataFrame:
    parts = []
    for number, (each, (rows, columns)) in enumerate(zip(tables, view.places, strict=True)):
        codes = each.table.cells.loc[rows, list(each.table.dimensions)].reset_index(drop=True)
        part = pd.concat([codes, found.iloc[columns].reset_index(drop=True)], axis=1)
        parts.append(part if len(tables) == 1 else part.assign(table=number))
    return pd.concat(parts, ignore_index=True)


def _as_list(protected: Protected | Sequence[Protected]) -> list[Protected]:
    tables = list(protected) if isinstance(protected, Sequence) else [protected]
    if not tables:
        raise AttackFailed("There is no table to attack. Pass at least one.")
    return tables


def _require_prior(prior: float | None) -> None:
    if prior is not None and not prior > 0:
        raise AttackFailed("A prior is a part of the value above 0, such as 0.5, or None.")
