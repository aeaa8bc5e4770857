"""Tables that are protected together: which fit, which cells they share, and what is known of these beforehand."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from disclosure_control import Hierarchy, MalformedTable, RuleProfile, Table, attack, suppress
from disclosure_control.suppression.linked import linked
from disclosure_control.suppression.system import system_of
from tests.disclosure_control.suppression.attacker import unprotected

NACE = Hierarchy.from_pairs([("T", "A"), ("T", "B"), ("A", "A1"), ("A", "A2"), ("B", "B1"), ("B", "B2")])
ROWS = pd.DataFrame(
    {
        "nace": ["A1", "A1", "A2", "A2", "B1", "B2", "B1", "B2"],
        "region": ["n", "s", "n", "s", "n", "n", "s", "s"],
        "year": ["1", "2"] * 4,
        "turnover": [40.0, 35, 20, 25, 60, 10, 30, 45],
        "staff": [4, 3, 2, 2, 6, 1, 3, 4],
        "company": range(8),
        "plant": range(8),
    }
)
PROFILE = RuleProfile(p_percent=10)


def table(*dimensions: str, rows: pd.DataFrame = ROWS, value: str | None = "turnover", unit: str = "company") -> Table:
    hierarchies = {name: NACE if name == "nace" else None for name in dimensions}
    return Table.from_microdata(rows, hierarchies, value=value, unit=unit, empty_codes=True)


def part_of_it() -> Table:
    """A table of A alone, whose total is a part of the others'."""
    only = Hierarchy.flat(["A1", "A2"], total="A")
    return Table.from_microdata(ROWS[ROWS["nace"] < "B"], {"nace": only}, value="turnover", unit="company")


def test_shared_cells_are_one_cell_in_whatever_order_and_number_of_dimensions() -> None:
    cells = linked([table("nace", "region"), table("region"), table("nace")])
    assert len(cells) == len(table("nace", "region").cells)
    assert [len(each) for each in cells.of] == [21, 3, 7]
    assert cells.value[cells.of[1]].tolist() == table("region").cells["value"].tolist()


def test_separate_years_of_one_table_are_parts_of_the_total_in_another() -> None:
    years = Table.from_microdata(ROWS, {"year": None, "region": None}, value="turnover", separate=["year"])
    whole = Table.from_microdata(ROWS, {"region": None, "year": None}, value="turnover")
    assert len(linked([years, whole])) == len(whole.cells)


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        (
            lambda: [table("nace"), table("nace", value=None)],
            "different variables: turnover, the number of units.*protect them one by one",
        ),
        (lambda: [table("nace"), table("nace", value="staff")], "different variables: turnover, staff"),
        (lambda: [table("nace"), table("region", unit="plant")], "count different units: company, plant.*holding"),
        (
            lambda: [table("nace"), table("nace", "region", rows=ROWS.assign(turnover=ROWS["turnover"] * 2))],
            r"value of 7 cells that the tables share differ, the first is of the grand total.*the same rows",
        ),
        (
            lambda: [table("nace"), table("nace", rows=ROWS[ROWS.index != 6])],
            "cells that the tables share differ.*Make all tables from the same rows",
        ),
        (
            lambda: [table("nace", "region"), part_of_it()],
            "“A” of nace is the total of one table and a part in another",
        ),
        (
            lambda: [table("nace"), table("nace", rows=pd.concat([ROWS, ROWS.assign(turnover=0.0, company=9)]))],
            "The units of .* cells that the tables share differ, the first is",
        ),
    ],
)
def test_tables_that_do_not_fit_together_are_refused(tables: Callable[[], list[Table]], message: str) -> None:
    with pytest.raises(MalformedTable, match=message):
        suppress(tables(), PROFILE)


def test_a_total_that_is_not_the_sum_of_its_parts_is_named() -> None:
    cells = table("nace").cells
    wrong = Table({"nace": (NACE,)}, cells.assign(value=cells["value"] + (cells["nace"] == "A")), "turnover")
    with pytest.raises(MalformedTable, match=r"2 totals.*the first is of the grand total"):
        suppress(wrong, PROFILE)


def test_a_cell_without_a_value_is_named() -> None:
    cells = table("nace").cells
    wrong = Table({"nace": (NACE,)}, cells.assign(value=cells["value"].mask(cells["nace"] == "B2")), "turnover")
    with pytest.raises(MalformedTable, match=r"1 cells have no finite value, the first is \(nace = B2\)"):
        suppress(wrong, PROFILE)


# ----------------------------------------------------------------------------------------------------- floors


GAINS = ROWS.assign(turnover=[40.0, 35, -20, 25, 60, 10, 30, 45])


def known_beforehand(tables: list[Table], prior: float | None = None) -> list[float]:
    """How far below the truth each inner cell of A may lie, for somebody who has not seen the table."""
    system = system_of(tables, RuleProfile(p_percent=10, negatives="shift"), "number", prior)
    number = tables[0].cells.index[tables[0].cells["nace"].isin(["A1", "A2"])]
    return system.rows["room_down"].to_numpy()[system.cells.of[0][number]].tolist()


def test_without_negative_values_everybody_knows_that_none_is() -> None:
    assert known_beforehand([table("nace")]) == [75, 45]


def test_with_negative_ones_everybody_knows_that_no_row_is_below_the_lowest() -> None:
    assert known_beforehand([table("nace", rows=GAINS)]) == [75 + 40, 5 + 40]


def test_of_cells_with_negative_ones_nobody_knows_more_than_their_floors_say() -> None:
    given = table("nace", rows=ROWS.assign(turnover=[40.0, 35, -20, -25, 60, 10, 30, 45])).cells
    facts = {"count": "units", "largest": ["largest_1", "largest_2"], "absolute": "absolute"}
    bare = Table.from_cells(given, {"nace": NACE}, value="value", **facts)  # type: ignore[arg-type]
    assert known_beforehand([bare]) == [np.inf, np.inf]
    floored = Table.from_cells(given, {"nace": NACE}, value="value", floor="floor", **facts)  # type: ignore[arg-type]
    assert known_beforehand([floored]) == [75 + 50, -45 + 50]


def test_the_tightest_floor_of_linked_tables_counts() -> None:
    rows = table("nace", rows=GAINS)
    given = rows.cells.drop(columns="floor").assign(floor=np.where(rows.cells["nace"] == "A1", 70.0, -np.inf))
    assert known_beforehand([rows, Table(rows.dimensions, given, "turnover", "company")]) == [5, 45]


def test_a_prior_and_a_floor_both_bound_the_attacker() -> None:
    assert known_beforehand([table("nace")], prior=0.5) == [37.5, 22.5]
    assert known_beforehand([table("nace")], prior=2) == [75, 45]


def test_no_more_protection_is_asked_below_than_is_not_known_anyway() -> None:
    rows = pd.DataFrame({"nace": ["A1", *["A2"] * 9, *["B1"] * 9, *["B2"] * 9], "turnover": [-5.0, *[2.0] * 27]})
    losses = Table.from_microdata(rows, {"nace": NACE}, value="turnover")
    protected = suppress(losses, RuleProfile(threshold=3, negatives="shift"))
    worst = protected.protection[losses.cells["nace"] == "A1"].iloc[0]
    assert (worst["lower_protection"], worst["upper_protection"]) == (0, 1)
    assert attack(protected)["protected"].all()


def test_nobody_who_knows_values_to_within_a_part_doubts_a_zero() -> None:
    rows = pd.DataFrame({"nace": ["A1", *["A2"] * 9, *["B1"] * 9, *["B2"] * 9], "turnover": [0.0, *[2.0] * 27]})
    protected = suppress(
        Table.from_microdata(rows, {"nace": NACE}, value="turnover"), RuleProfile(threshold=3), prior=1
    )
    assert protected.protection.to_numpy().max() == 0
    assert unprotected([protected], prior=1) == []
