"""The same data give the same pattern, in whatever order and units they come; and long runs tell how far they are."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from disclosure_control import ProtectedTable, RuleProfile, Table, suppress
from tests.disclosure_control.suppression.tables import SHAPES, microdata

PROFILE = RuleProfile(threshold=3, p_percent=12)
CASES = [
    ("flat", "number", True, 30),
    ("flat", "value", False, 30),
    ("hierarchical", "information", True, 60),
    ("hierarchical", "number", False, 60),
    ("three-way", "information", False, 80),
    ("two hierarchies", "value", True, 60),
]


def statuses(rows: pd.DataFrame, names: list[str], shape: str, cost: str) -> dict[object, str]:
    """The status of each cell by its name."""
    dimensions = {name: SHAPES[shape][name] for name in names}
    protected = suppress(
        Table.from_microdata(rows, dimensions, value="value", unit="unit", empty_codes=True), PROFILE, cost=cost
    )
    return dict(zip(protected.table.keys(), protected.cells["status"], strict=True))


CHANGES: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "rows in another order": lambda rows: rows.sample(frac=1, random_state=3),
    "thousandths": lambda rows: rows.assign(value=rows["value"] * 1000),
    "sevenths": lambda rows: rows.assign(value=rows["value"] / 7),
    "units by other names": lambda rows: rows.assign(unit="u" + rows["unit"].astype(str).str[::-1] + "x"),
    "columns in another order": lambda rows: rows[rows.columns[::-1]],
}


@pytest.fixture
def maybe_exact(request: pytest.FixtureRequest) -> None:
    if not request.getfixturevalue("exact"):
        request.getfixturevalue("quick")


@pytest.mark.parametrize(("shape", "cost", "exact", "size"), CASES)
def test_neither_order_nor_units_change_the_pattern(
    maybe_exact: None, shape: str, cost: str, exact: bool, size: int
) -> None:
    rows, names = microdata(8, SHAPES[shape], size), list(SHAPES[shape])
    expected = statuses(rows, names, shape, cost)
    assert len(set(expected.values())) == 3
    for what, change in CHANGES.items():
        assert statuses(change(rows), names, shape, cost) == expected, what
    assert statuses(rows, names[::-1], shape, cost) == expected, "dimensions in another order"


def test_tables_may_be_linked_in_any_order() -> None:
    rows = microdata(4, SHAPES["three-way"], 80)
    pairs = [["nace", "region"], ["nace", "size"], ["region", "size"]]
    made = [
        Table.from_microdata(
            rows, {name: SHAPES["three-way"][name] for name in pair}, value="value", unit="unit", empty_codes=True
        )
        for pair in pairs
    ]
    first, second = suppress(made, PROFILE), suppress(made[::-1], PROFILE)[::-1]
    assert [each.cells["status"].tolist() for each in first] == [each.cells["status"].tolist() for each in second]


def test_the_same_call_gives_the_same_report() -> None:
    rows = microdata(4, SHAPES["hierarchical"], 80)
    table = Table.from_microdata(rows, SHAPES["hierarchical"], value="value", unit="unit", empty_codes=True)
    assert suppress(table, PROFILE).report == suppress(table, PROFILE).report


@pytest.mark.parametrize("exact", [True, False])
def test_progress_is_told_by_steps_from_their_beginning_to_near_their_end(maybe_exact: None, exact: bool) -> None:
    told: list[tuple[str, float]] = []
    protected = _reporting(told)
    steps = list(dict.fromkeys(step for step, _ in told))
    assert steps[0] == "protection"
    assert "verification" in steps
    assert ("exact method" in steps) == exact == (protected.report.method == "exact")
    assert all(0 <= done <= 1 for _, done in told)
    first = [done for step, done in told if step == "protection"]
    assert min(first) < 0.1
    assert max(first) > 0.9


def _reporting(told: list[tuple[str, float]]) -> ProtectedTable:
    rows = microdata(4, SHAPES["hierarchical"], 80)
    table = Table.from_microdata(rows, SHAPES["hierarchical"], value="value", unit="unit", empty_codes=True)
    return suppress(table, PROFILE, progress=lambda step, done: told.append((step, float(np.round(done, 9)))))
