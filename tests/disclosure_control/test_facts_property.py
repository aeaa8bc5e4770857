"""The facts of every cell, against a slow and plain calculation in pandas."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from disclosure_control import Hierarchy, Table

LEVELS = Hierarchy.from_pairs([("T", "A"), ("T", "B"), ("A", "A1"), ("A", "A2"), ("A2", "x"), ("A2", "y"), ("B", "B1")])
KINDS = Hierarchy.from_pairs([("T", "K"), ("T", "L"), ("K", "A1"), ("K", "x"), ("L", "y"), ("L", "M"), ("M", "B1")])
FLAT = Hierarchy.flat(["north", "south"])
DIMENSIONS: Any = {"nace": [LEVELS, KINDS], "region": FLAT}
FACTS = ["value", "units", "rows", "negatives", "missing", "zeros", "weighted", "absolute", "largest_1", "largest_2"]

rows_of_companies = st.lists(
    st.tuples(
        st.integers(0, 6),
        st.sampled_from(LEVELS.leaves),
        st.sampled_from(FLAT.leaves),
        st.none() | st.integers(-50, 500),
        st.integers(0, 4),
    ),
    min_size=1,
    max_size=40,
)


def frame(rows: list[tuple[int, str, str, int | None, int]], divisor: int = 4) -> pd.DataFrame:
    found = pd.DataFrame(rows, columns=["unit", "nace", "region", "value", "weight"])
    return found.assign(value=found["value"].astype("float64") / divisor, weight=found["weight"].astype("float64"))


def leaves_of(code: str) -> set[str]:
    return set().union(*(each.leaves_below(code) for each in (LEVELS, KINDS, FLAT) if code in each.codes))


def plainly(rows: pd.DataFrame, cell: Mapping[Any, Any], unit: str | None, weighted: bool) -> dict[str, float]:
    """The facts of one cell, by looking at its rows."""
    there = rows[rows["nace"].isin(leaves_of(cell["nace"])) & rows["region"].isin(leaves_of(cell["region"]))]
    valued = there.dropna(subset="value")
    owner = valued.index if unit is None else valued[unit]
    estimate = valued["value"] * (valued["weight"] if weighted else 1)
    sizes = sorted(valued["value"].groupby(owner).sum().abs(), reverse=True)
    return {
        "value": estimate.sum(),
        "units": len(set(owner)),
        "rows": len(there),
        "negatives": (valued["value"] < 0).sum(),
        "missing": there["value"].isna().sum(),
        "zeros": (valued["value"] == 0).sum(),
        "weighted": there["weight"].sum() if weighted else len(there),
        "absolute": estimate.groupby(owner).sum().abs().sum(),
        "largest_1": sizes[0] if sizes else 0,
        "largest_2": sizes[1] if len(sizes) > 1 else 0,
    }


@settings(max_examples=15, deadline=None)
@given(rows_of_companies, st.sampled_from([None, "unit"]), st.booleans(), st.sampled_from([1, 4, 3]))
def test_magnitudes_equal_the_plain_calculation(
    given_rows: list[tuple[int, str, str, int | None, int]], unit: str | None, weighted: bool, divisor: int
) -> None:
    rows = frame(given_rows, divisor)
    weight = "weight" if weighted else None
    table = Table.from_microdata(rows, DIMENSIONS, value="value", unit=unit, weight=weight, empty_codes=True)
    expected = [plainly(rows, cell, unit, weighted) for cell in table.cells.to_dict("records")]
    np.testing.assert_allclose(table.cells[FACTS], pd.DataFrame(expected)[FACTS], rtol=1e-12, atol=1e-12)
    for total, parts in table.relations:
        assert abs(table.cells["value"][total] - table.cells["value"][parts].sum()) < 1e-9
    assert (table.cells["value"] >= table.cells["floor"] - 1e-9).all()


@settings(max_examples=15, deadline=None)
@given(rows_of_companies)
def test_frequencies_of_units_in_one_leaf_cell_each(given_rows: list[tuple[int, str, str, int | None, int]]) -> None:
    rows = frame(given_rows).drop_duplicates("unit", ignore_index=True)
    rows = pd.concat([rows, rows.iloc[::2]], ignore_index=True)
    table = Table.from_microdata(rows, DIMENSIONS, unit="unit", empty_codes=True)
    for cell in table.cells.to_dict("records"):
        there = rows[rows["nace"].isin(leaves_of(cell["nace"])) & rows["region"].isin(leaves_of(cell["region"]))]
        assert cell["value"] == cell["units"] == there["unit"].nunique()
        assert cell["rows"] == len(there)


@settings(max_examples=15, deadline=None)
@given(rows_of_companies)
def test_largest_pairs_of_weighted_units_belong_together(
    given_rows: list[tuple[int, str, str, int | None, int]],
) -> None:
    rows = frame(given_rows).dropna(subset="value")
    if not len(rows):
        return
    table = Table.from_microdata(rows, {"region": FLAT}, value="value", unit="unit", weight="weight", empty_codes=True)
    for cell in table.cells.to_dict("records"):
        there = rows[rows["region"].isin(leaves_of(cell["region"]))]
        sizes = there["value"].groupby(there["unit"]).sum().abs()
        estimates = (there["value"] * there["weight"]).groupby(there["unit"]).sum().abs()
        pairs = sorted(zip(sizes, estimates, strict=True), reverse=True)[:2]
        pairs += [(0.0, 0.0)] * (2 - len(pairs))
        assert [(cell["largest_1"], cell["expanded_1"]), (cell["largest_2"], cell["expanded_2"])] == pairs
