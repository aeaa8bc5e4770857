"""The facts of every cell, against a slow and plain calculation in pandas."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from disclosure_control import Hierarchy, Table, contributions, unitfacts, unitrows

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
    """Companies by number and by name, with what belongs to them: an owner, a record key, a waiver, a request."""
    found = pd.DataFrame(rows, columns=["unit", "nace", "region", "value", "weight"])
    unit = found["unit"]
    found = found.assign(name="c" + unit.astype(str), owner=unit % 3, key=unit * 37 % 64, agreed=unit % 3 == 0)
    found = found.assign(value=found["value"].astype("float64") / divisor, weight=found["weight"].astype("float64"))
    return found.assign(asked=found["owner"] == 1)


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


def contributors(rows: pd.DataFrame, cell: Mapping[Any, Any], unit: str) -> pd.DataFrame:
    """Those who contribute a value to a cell: their number, their total there, and what belongs to them."""
    there = rows[rows["nace"].isin(leaves_of(cell["nace"])) & rows["region"].isin(leaves_of(cell["region"]))]
    by_unit = there.dropna(subset="value").groupby(unit)
    return by_unit.agg(
        value=("value", "sum"), key=("key", "first"), agreed=("agreed", "first"), asked=("asked", "first")
    )


def first(sizes: "pd.Series[float]", count: int) -> list[float]:
    found = sorted(sizes.abs(), reverse=True)[:count]
    return found + [0.0] * (count - len(found))


@settings(max_examples=10, deadline=None)
@given(rows_of_companies, st.sampled_from(["unit", "name"]))
def test_what_belongs_to_units_counts_once_in_every_cell(
    given_rows: list[tuple[int, str, str, int | None, int]], unit: str
) -> None:
    rows = frame(given_rows)
    facts = Table.from_microdata(
        rows, DIMENSIONS, "value", unit, record_key="key", waiver="agreed", request="asked", empty_codes=True
    ).cells
    for cell in facts.to_dict("records"):
        there = contributors(rows, cell, unit)
        assert cell["units"] == len(there)
        assert cell["record_key_sum"] == there["key"].sum()
        assert (cell["waived"], cell["requested"]) == (there["agreed"].sum(), there["asked"].sum())
        assert [cell[f"largest_{rank}"] for rank in (1, 2, 3)] == first(there["value"], 3)
        assert [cell["unwaived_largest"]] == first(there.loc[~there["agreed"], "value"], 1)
        assert [cell["requested_largest"]] == first(there.loc[there["asked"], "value"], 1)


@settings(max_examples=10, deadline=None)
@given(rows_of_companies, st.sampled_from(["unit", "name"]))
def test_holdings_are_as_large_as_all_their_units_together(
    given_rows: list[tuple[int, str, str, int | None, int]], unit: str
) -> None:
    rows = frame(given_rows)
    facts = Table.from_microdata(
        rows, DIMENSIONS, "value", unit, holding="owner", request="asked", empty_codes=True
    ).cells
    for cell in facts.to_dict("records"):
        there = contributors(rows, cell, "owner")
        assert (cell["units"], cell["holdings"]) == (len(contributors(rows, cell, unit)), len(there))
        assert cell["absolute"] == there["value"].abs().sum()
        assert [cell[f"largest_{rank}"] for rank in (1, 2, 3)] == first(there["value"], 3)
        assert [cell["requested_largest"]] == first(there.loc[there["asked"], "value"], 1)


def drawn(seed: int, count: int = 80) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    values = [
        None if missing else value
        for value, missing in zip(draw.integers(-9, 50, count).tolist(), draw.random(count) < 0.1, strict=True)
    ]
    codes = draw.choice(LEVELS.leaves, count).tolist(), draw.choice(FLAT.leaves, count).tolist()
    units, weights = draw.integers(0, 25, count).tolist(), draw.integers(0, 5, count).tolist()
    return frame(list(zip(units, *codes, values, weights, strict=True)), divisor=3)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([None, "unit", "name"]), st.booleans(), st.booleans())
def test_facts_do_not_depend_on_order_or_ranges_or_pieces(
    seed: int, unit: str | None, weighted: bool, in_pieces: bool
) -> None:
    rows, weight = drawn(seed), "weight" if weighted else None
    made = partial(Table.from_microdata, dimensions=DIMENSIONS, value="value", unit=unit, empty_codes=True)
    whole = made(rows, weight=weight).cells
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(unitrows, "LARGEST", 40)
        few = {"PIECE": 3, "CELLS": 0, "PART": 1} if in_pieces else {"PART": 4}
        for name, number in few.items():
            patch.setattr(contributions, name, number)
        for name, number in {"MANY": 8, "SHARE": 2}.items():
            patch.setattr(unitfacts, name, number)
        shuffled = rows.sample(frac=1, random_state=seed)
        pd.testing.assert_frame_equal(made(shuffled, weight=weight).cells, whole, check_exact=True)


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


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 3000), st.integers(1, 63), st.sampled_from([1, 16, 256]))
def test_keys_of_any_size_are_sorted(seed: int, count: int, bits: int, part: int) -> None:
    draw = np.random.default_rng(seed)
    keys = draw.integers(0, 2**bits - 1, draw.integers(1, count + 1), endpoint=True)[draw.integers(0, 1, count)]
    keys = np.concatenate([keys, draw.integers(0, 2**bits - 1, count, endpoint=True)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(contributions, "PART", part)
        ordered, order = contributions.in_order(keys)
    assert (ordered == np.sort(keys)).all()
    assert (keys[order] == ordered).all()
    assert (np.sort(order) == np.arange(len(keys))).all()
