"""Which cells of a table a rule profile does not let out, why, and how much protection each of them needs."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from disclosure_control.errors import MalformedTable
from disclosure_control.findings import Finding
from disclosure_control.profiles import Dominance, PPercent, RuleProfile, Threshold
from disclosure_control.table import Table

Numbers = NDArray[np.float64]


class Broken(NamedTuple):
    """One rule's verdict: which cells break it, the reason, and the protection that it asks for there."""

    rule: str
    cells: NDArray[np.bool_]
    reason: str
    protection: Numbers
    limit: str
    source: str


def assess(table: Table, profile: RuleProfile) -> tuple[pd.DataFrame, list[Finding]]:
    """The verdict on every cell, in the order of `table.cells`, and what the rules found.

    Returns:
        Columns `primary` (bool), `rule` and `reason` (the first rule that the cell breaks, else None),
        `lower_protection`, `upper_protection`, `sliding_protection` (float64, in the value's units, 0 where not
        primary; the largest that any broken rule asks for), `refer` (bool: a person must judge).
    """
    broken = list(_verdicts(table, profile))
    count = len(table.cells)
    verdict = pd.DataFrame(
        {
            "primary": np.zeros(count, bool),
            "rule": pd.Series([None] * count, dtype=object),
            "reason": pd.Series([None] * count, dtype=object),
            "lower_protection": np.zeros(count),
            "upper_protection": np.zeros(count),
            "sliding_protection": np.zeros(count),
            "refer": np.zeros(count, bool),
        }
    )
    for each in broken:
        first = each.cells & ~verdict["primary"].to_numpy()
        verdict.loc[first, "rule"] = each.rule
        verdict.loc[first, "reason"] = each.reason
        verdict["primary"] |= each.cells
        for side in ("lower_protection", "upper_protection"):
            verdict[side] = np.where(each.cells, np.maximum(verdict[side], each.protection), verdict[side])
    return verdict, [_finding(each) for each in broken]


def _verdicts(table: Table, profile: RuleProfile) -> list[Broken]:
    found = []
    if profile.threshold:
        found.append(_threshold(table, profile.threshold, profile.safety_range))
    if table.value_name is not None:
        found.extend(_dominance(table, rule) for rule in profile.dominance)
        if profile.p_percent:
            found.append(_p_percent(table, profile.p_percent))
    return found


def _threshold(table: Table, rule: Threshold, safety_range: float) -> Broken:
    units = _column(table, "units")
    cells = units < rule.units
    if rule.zero_is_safe:
        cells &= units > 0
    protection = np.abs(_column(table, "value")) * safety_range / 100
    if table.value_name is None:
        protection = np.maximum(1, np.ceil(protection))
    limit = f"at least {rule.units} units"
    return Broken("threshold", cells, f"fewer than {rule.units} units", protection, limit, rule.source)


def _dominance(table: Table, rule: Dominance) -> Broken:
    """(n,k) dominance. Protection, Handbook on SDC, section 4.2.2: (100/k)·(x1+…+xn) − X."""
    largest = sum((_column(table, f"largest_{rank}") for rank in range(1, rule.n + 1)), np.zeros(len(table.cells)))
    protection = largest * 100 / rule.k - _size(table)
    who = "the largest unit contributes" if rule.n == 1 else f"the {rule.n} largest units contribute"
    reason = f"{who} more than {rule.k:g} %"
    return Broken("dominance", protection > 0, reason, protection, f"({rule.n}, {rule.k:g} %)", rule.source)


def _p_percent(table: Table, rule: PPercent) -> Broken:
    """Protection of p %, Handbook on SDC, section 4.2.2: (p/100)·x1 − (X − x1 − x2)."""
    first, second = _column(table, "largest_1"), _column(table, "largest_2")
    protection = first * rule.p / 100 - (_size(table) - first - second)
    reason = f"the second largest unit can estimate the largest to within {rule.p:g} %"
    return Broken("p_percent", protection > 0, reason, protection, f"{rule.p:g} %", rule.source)


def _size(table: Table) -> Numbers:
    """What the contributions are measured against: the total of their absolute values."""
    return _column(table, "absolute" if "absolute" in table.cells else "value")


def _column(table: Table, name: str) -> Numbers:
    if name not in table.cells:
        raise MalformedTable(
            f"The profile needs the column {name}, which this table does not have. Pass it to from_cells."
        )
    return table.cells[name].to_numpy(dtype="float64")


def _finding(broken: Broken) -> Finding:
    count, of = int(broken.cells.sum()), len(broken.cells)
    return Finding(
        rule=broken.rule,
        severity="blocked" if of and count == of else "protected" if count else "safe",
        sentence=f"{count} of {of} cells are withheld: {broken.reason}."
        if count
        else f"Every cell keeps {broken.limit}.",
        value=f"{count} cells",
        limit=broken.limit,
        source=broken.source,
        fix="Merge small categories, or widen the population." if count else "",
    )
