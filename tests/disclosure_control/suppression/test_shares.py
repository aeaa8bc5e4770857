"""Contributors who know their own share of a secondary cell, and bound a primary one by it."""

import numpy as np
import pandas as pd
import pytest

from disclosure_control import Hierarchy, ProtectedTable, RuleProfile, Table, suppress
from disclosure_control.suppression.linked import linked
from disclosure_control.suppression.shares import needs_outside, shares_of
from disclosure_control.suppression.system import System
from tests.disclosure_control.suppression.attacker import Attacker, unprotected
from tests.disclosure_control.suppression.tables import SHAPES, business

P = 10
PROFILE = RuleProfile(p_percent=P)


def seen_through(protected: ProtectedTable) -> list[str]:
    """The primary cells whose largest contribution some contributor elsewhere can estimate to within P per cent.

    She has contributed the most to an inner cell that is withheld, and so knows that it is no smaller than that.
    """
    cells, keys = protected.table.cells, protected.table.keys()
    value, units, largest = (cells[name].to_numpy() for name in ("value", "units", "largest_1"))
    within = inner_cells(protected.table)
    found = []
    for who in [row for row, below in enumerate(within) if below == {row} and units[row] > 1]:
        attacker = Attacker([protected])
        here = attacker.names[keys[who]]
        attacker.low[here] = max(attacker.low[here], largest[who])
        for row in np.flatnonzero(protected.cells["status"] == "primary").tolist():
            high = attacker.bounds(attacker.names[keys[row]])[1] if protected.withheld[who] else np.inf
            if who not in within[row] and high < (1 + P / 100) * largest[row] * (1 - 1e-6):
                found.append(f"{keys[who]} estimates {keys[row]}: {largest[row]} of {value[row]} within {high}")
    return found


def inner_cells(table: Table) -> list[set[int]]:
    """The inner cells that each cell is the sum of; an inner cell is its own."""
    totals = {total for total, _ in table.relations}
    below = {row: {row} for row in range(len(table.cells)) if row not in totals}
    while len(below) < len(table.cells):
        for total, parts in table.relations:
            if total not in below and all(part in below for part in parts.tolist()):
                below[total] = set().union(*(below[part] for part in parts.tolist()))
    return [below[row] for row in range(len(table.cells))]


SEEN_THROUGH = [("three-way", 9, 150, "value"), ("three-way", 13, 200, "value")]


@pytest.mark.parametrize(("shape", "seed", "rows", "cost"), SEEN_THROUGH)
def test_a_pattern_that_she_would_see_through_is_changed(
    quick: None, monkeypatch: pytest.MonkeyPatch, shape: str, seed: int, rows: int, cost: str
) -> None:
    made = business(seed, shape, rows)
    protected = suppress(made, PROFILE, cost=cost)
    assert seen_through(protected) == []
    assert unprotected([protected]) == []
    assert protected.report.largest_contributors > 0
    monkeypatch.setattr(System, "_exposed", lambda *_: set())
    assert seen_through(suppress(made, PROFILE, cost=cost))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("seed", range(3))
def test_nobody_sees_through_a_pattern_by_her_own_share(quick: None, shape: str, seed: int) -> None:
    assert seen_through(suppress(business(seed, shape, 70 + 30 * seed), PROFILE)) == []


def test_small_tables_get_the_cheapest_pattern_against_her_too() -> None:
    protected = suppress(business(15, "hierarchical", 100), PROFILE, cost="value")
    assert protected.report.method == "exact"
    assert seen_through(protected) == []


# ------------------------------------------------------------------------------------------- who knows what


ROWS = pd.DataFrame(
    {"x": list("aaabbbcdd"), "y": [60.0, 30, 10, 50, -5, 5, 40, 0, 0], "w": [2.0, 1, 1, 1, 1, 1, 1, 1, 1]}
)
FLAT = Hierarchy.flat("abcd")


def knowing(rows: pd.DataFrame, profile: RuleProfile = PROFILE, **options: str) -> dict[str, float]:
    """The codes of the cells whose largest contributor knows a share, and the share."""
    cells = linked([Table.from_microdata(rows, {"x": FLAT}, value="y", **options)])  # type: ignore[arg-type]
    shares = shares_of(cells, profile)
    codes = [key[0][1] if key else "_T" for key in sorted(cells.tables[0].keys(), key=lambda key: (len(key), key))]
    return {codes[cell]: float(shares.known[cell]) for cell in np.flatnonzero(shares.cells)}


def test_she_knows_her_share_of_an_inner_cell_that_she_is_not_alone_in() -> None:
    assert knowing(ROWS.assign(y=ROWS["y"].abs())) == {"a": 60, "b": 50}


def test_nobody_knows_a_least_value_where_contributions_can_be_negative() -> None:
    assert knowing(ROWS) == {}


def test_her_share_is_weighted_where_weights_are_known() -> None:
    rows = ROWS.assign(y=ROWS["y"].abs())
    assert knowing(rows, RuleProfile(p_percent=10, weights="known"), weight="w") == {"a": 120, "b": 50}
    assert knowing(rows, RuleProfile(p_percent=10, weights="sample"), weight="w") == {"a": 60, "b": 50}


def test_frequencies_are_nobodys_secret() -> None:
    cells = linked([Table.from_microdata(ROWS, {"x": FLAT})])
    assert not shares_of(cells, RuleProfile(threshold=3)).cells.any()


def test_who_contributes_nothing_is_kept_from_less() -> None:
    """Of 107, 100 has to stay unknown by 8 to the second, who has 5 of it, and by 3 to others; who is alone, by 10."""
    rows = pd.DataFrame({"x": list("aaabc"), "y": [100.0, 5, 2, 100, 90]})
    cells = linked([Table.from_microdata(rows, {"x": None}, value="y")])
    full = np.array([[0, 8.0, 10, 9], [0, 8.0, 10, 9]])
    assert needs_outside(cells, PROFILE, full)[:, 1:].tolist() == [[3, 10, 9], [3, 10, 9]]
