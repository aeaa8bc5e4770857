"""Worked examples of the Handbook on Statistical Disclosure Control, by its sections.

Hundepool et al., 2nd edition, 2024, https://sdctools.github.io/HandbookSDC. Further examples of it stand where the
module is tested that they are about: rules (4.2.1, 4.2.2, 5.2), rounding (5.5), cell keys (4.6, 5.4).
"""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from disclosure_control import (
    Hierarchy,
    ProtectedTable,
    RuleProfile,
    Table,
    assess,
    attack,
    recover,
    round_table,
    suppress,
)
from disclosure_control.rounding.alone import at_random
from disclosure_control.suppression.linked import linked
from tests.disclosure_control.small_tables import rows_of
from tests.disclosure_control.suppression.attacker import Attacker
from tests.disclosure_control.suppression.tables import withheld_by_hand


def cell_of(*contributions: float, **columns: Any) -> Table:
    """One cell of these contributions, and its total."""
    rows = pd.DataFrame({"x": "a", "y": contributions, **columns})
    options = {name: name for name in columns}
    return Table.from_microdata(rows, {"x": None}, value="y", **options)  # type: ignore[arg-type]


def unsafe(table: Table, **rules: Any) -> bool:
    verdict, _ = assess(table, RuleProfile(**rules))
    return bool(verdict.loc[table.cells["x"] == "a", "primary"].iloc[0])


def of_cells(text: str, value: str, **dimensions: Any) -> Table:
    """The table of these cells, margins included."""
    cells = pd.DataFrame(rows_of(text)).astype({value: float})
    return Table.from_cells(cells, dimensions, value=value)


# ----------------------------------------------------------------------------------- 4.1 and 4.2.1: sensitive cells


def test_4_2_1_example_1b_of_two_companies_each_knows_the_other() -> None:
    assert unsafe(cell_of(70, 30), threshold=3)
    assert not unsafe(cell_of(40, 30, 30), threshold=3)


def test_4_2_1_example_1c_three_companies_that_pool_what_they_know_need_a_frequency_of_five() -> None:
    assert unsafe(cell_of(40, 30, 20, 10), threshold=5)
    assert not unsafe(cell_of(40, 30, 20, 5, 5), threshold=5)


def test_4_2_1_example_1d_fifty_small_companies_hide_nothing_of_a_large_one() -> None:
    region_x = cell_of(99, *[1 / 50] * 50)
    assert not unsafe(region_x, threshold=3)
    assert unsafe(region_x, p_percent=10)
    assert unsafe(region_x, dominance=[(1, 90)])


@pytest.mark.parametrize(("k", "p"), [(80, 25), (95, 5.263157894736842)])
@settings(max_examples=40, deadline=None)
@given(values=st.lists(st.integers(1, 1000), min_size=1, max_size=6))
def test_4_2_1_what_is_safe_by_dominance_is_safe_by_the_p_percent_that_stands_for_it(
    k: float, p: float, values: list[int]
) -> None:
    """p = 100 · (100 − k) / k: (2,80) is replaced by 25 %, (2,95) by 5.26 %; proof A."""
    verdicts = [
        unsafe_values(values, dominance=[(2, k)]),
        unsafe_values(values, p_percent=p),
    ]
    assert verdicts[0] or not verdicts[1]


def unsafe_values(values: list[int], **rules: Any) -> bool:
    largest = [*sorted(values, reverse=True), 0, 0, 0][:3]
    cells = pd.DataFrame({"x": ["_T", "a"], "y": sum(values), "n": len(values)})
    for rank, value in enumerate(largest, start=1):
        cells[f"x{rank}"] = value
    table = Table.from_cells(cells, {"x": None}, value="y", count="n", largest=["x1", "x2", "x3"])
    return unsafe(table, **rules)


def test_4_2_1_sampling_weights_a_sample_may_miss_the_largest_unit() -> None:
    """Two units of 100 with weights 1 and 9: an estimate of 1000, not sensitive by either way of seeing the sample."""
    sampled = cell_of(100, 100, weight=[1, 9])
    assert not unsafe(sampled, p_percent=25, weights="expanded")
    assert not unsafe(sampled, p_percent=25, weights="sample")


def test_4_2_1_sampling_weights_expanded_units_may_be_protected_that_do_not_exist() -> None:
    """100 with weight 2 and 1 with weight 3: 203, of which the first two units of 100 leave 3."""
    sampled = cell_of(100, 1, weight=[2, 3])
    assert unsafe(sampled, p_percent=3.1, weights="expanded")
    assert not unsafe(sampled, p_percent=2.9, weights="expanded")
    assert not unsafe(sampled, p_percent=50, weights="sample")


# -------------------------------------------------------------------------------------- 4.1 and 4.2.2: secondary cells


PRODUCTION = """
    | sector | production |
    | all    | 56600      |
    | I      | 998        |
    | II     | 47600      |
    | III    | 8002       |
"""
SECTORS = Hierarchy.flat(["I", "II", "III"], total="all")


def test_4_1_example_1a_one_subsector_follows_from_the_total() -> None:
    table = of_cells(PRODUCTION, "production", sector=SECTORS)
    alone = withheld_by_hand(table, [("I",)])
    assert recover(alone)[["sector", "recovered"]].to_numpy().tolist() == [["I", 998]]


def test_4_1_example_1a_a_second_one_is_withheld() -> None:
    cells = pd.DataFrame(rows_of(PRODUCTION)).astype({"production": float}).assign(n=[20, 2, 9, 9])
    table = Table.from_cells(cells, {"sector": SECTORS}, value="production", count="n")
    protected = suppress(table, RuleProfile(threshold=3), cost="value")
    assert protected.cells["status"].tolist() == ["published", "primary", "published", "secondary"]
    assert len(recover(protected)) == 0


GEURTS = """
    | row | column | value |
    | _T  | _T     | 16    |
    | _T  | 1      | 9     |
    | _T  | 2      | 7     |
    | 1   | _T     | 7     |
    | 2   | _T     | 3     |
    | 3   | _T     | 6     |
    | 1   | 1      | 5     |
    | 1   | 2      | 2     |
    | 2   | 1      | 1     |
    | 2   | 2      | 2     |
    | 3   | 1      | 3     |
    | 3   | 2      | 3     |
"""


def geurts() -> ProtectedTable:
    return withheld_by_hand(
        of_cells(GEURTS, "value", row=None, column=None), [("1", "1"), ("1", "2"), ("2", "1"), ("2", "2")]
    )


def test_4_2_2_example_3_the_feasibility_interval_of_x11_is_3_to_6() -> None:
    (cell,) = attack(geurts()).query("row == '1' and column == '1'").to_dict("records")
    assert (cell["lower"], cell["upper"]) == pytest.approx((3, 6))


def test_4_3_2_footnote_8_who_is_alone_in_x12_knows_x11() -> None:
    attacker = Attacker([geurts()])
    x11, x12 = (attacker.names[(("column", column), ("row", "1"))] for column in ("1", "2"))
    assert attacker.bounds(x11) == pytest.approx((3, 6))
    assert attacker.bounds(x11, known=[x12]) == pytest.approx((5, 5))


def test_4_3_1_example_6_a_hierarchy_is_one_table_for_each_of_its_nodes() -> None:
    exp = Hierarchy.from_pairs([("A", "AA"), ("A", "AB"), ("AB", "AB1"), ("AB", "AB2"), ("AB", "AB3")])
    rows = pd.DataFrame({"exp": ["AA", "AB1", "AB2", "AB3"], "turnover": [40.0, 10, 20, 30]})
    cells = linked([Table.from_microdata(rows, {"exp": exp}, value="turnover")])
    codes = [key[0][1] if key else "A" for key in sorted(cells.tables[0].keys(), key=lambda key: (len(key), key))]
    assert [(codes[total], [codes[part] for part in parts]) for total, parts in cells.relations] == [
        ("A", ["AA", "AB"]),
        ("AB", ["AB1", "AB2", "AB3"]),
    ]


# ---------------------------------------------------------------------------------------- 5.2: disclosure in counts


def test_5_2_the_only_single_woman_can_be_identified() -> None:
    counts = """
        | status   | sex | n  |
        | married  | m   | 38 |
        | married  | f   | 17 |
        | divorced | m   | 7  |
        | divorced | f   | 4  |
        | single   | m   | 3  |
        | single   | f   | 1  |
    """
    cells = pd.DataFrame(rows_of(counts)).astype({"n": int})
    table = Table.from_cells(cells, {"status": None, "sex": None}, count="n", distinct_units=True)
    verdict, _ = assess(table, RuleProfile(threshold=2))
    assert table.cells[verdict["primary"]][["status", "sex"]].to_numpy().tolist() == [["single", "f"]]


def test_5_2_linked_tables_of_men_and_of_all_tell_of_a_woman() -> None:
    """21 men and 22 persons live and work in the area: the table that was never published has a 1."""
    counts = """
        | area      | sex | n  |
        | both      | m   | 21 |
        | both      | f   | 1  |
        | lives     | m   | 58 |
        | lives     | f   | 5  |
        | works     | m   | 23 |
        | works     | f   | 4  |
    """
    cells = pd.DataFrame(rows_of(counts)).astype({"n": int})
    table = Table.from_cells(cells, {"area": None, "sex": None}, count="n", distinct_units=True)
    women = [(area, "f") for area in ("both", "lives", "works", "_T")]
    found = recover(withheld_by_hand(table, women)).set_index("area")["recovered"]
    assert found.to_dict() == {"_T": 10, "both": 1, "lives": 5, "works": 4}
    protected = suppress(table, RuleProfile(threshold=3))
    assert protected.withheld.sum() > 1
    assert len(recover(protected)) == 0


# ------------------------------------------------------------------------------------------------- 5.5: rounding


def test_5_5_random_rounding_to_base_3_goes_to_the_nearer_multiple_with_two_thirds() -> None:
    """0, 3 and 6 stay; 1 goes up with 1/3, 2 with 2/3, and so on."""
    draws = [(2 * place + 1) << 127 - 2 for place in range(4)]  # the middles of quarters, of 0 to 1
    up = np.array([at_random(np.arange(7), 3, [draw] * 7) > np.arange(7) // 3 * 3 for draw in draws])
    assert up.sum(axis=0).tolist() == [0, 1, 3, 0, 1, 3, 0]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 40), min_size=2, max_size=6), st.sampled_from([3, 5]))
def test_5_5_1_the_truth_lies_in_the_existence_interval_of_zero_restricted_rounding(
    counts: list[int], base: int
) -> None:
    """0 … b − 1 where the rounded value is 0, else a − b + 1 … a + b − 1."""
    cells = pd.DataFrame({"x": [f"c{place}" for place in range(len(counts))], "n": counts})
    table = Table.from_cells(cells, {"x": None}, count="n", distinct_units=True)
    rounded = round_table(table, base, "controlled")
    assert rounded.report.relaxation.startswith("zero-restricted")
    for a, z in zip(rounded.cells["value"], table.cells["value"], strict=True):
        assert max(a - base + 1, 0) <= z <= a + base - 1
