"""Tables from cells that were aggregated elsewhere: what is believed, and what is refused."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from disclosure_control import Hierarchy, MalformedTable, Table, UnknownCode, UnknownColumn
from tests.disclosure_control.small_tables import as_text, frame_of, rows_of

CELLS = """
    | nace | region | turnover | n  | x1 | x2 |
    | T    | _T     | 100      | 12 | 40 | 20 |
    | T    | north  | 70       | 7  | 40 | 10 |
    | T    | south  | 30       | 6  | 20 | 5  |
    | A    | _T     | 60       | 8  | 40 | 10 |
    | A    | north  | 50       | 5  | 40 | 5  |
    | A    | south  | 10       | 3  | 5  | 3  |
    | B    | _T     | 40       | 5  | 20 | 10 |
    | B    | north  | 20       | 2  | 10 | 10 |
    | B    | south  | 20       | 3  | 20 | 0  |
"""
NACE = Hierarchy.flat(["A", "B"], total="T")
BY = {"nace": NACE, "region": None}
WITH: dict[str, Any] = {"value": "turnover", "count": "n", "largest": ["x1", "x2"]}


def cells() -> pd.DataFrame:
    return frame_of(CELLS, numbers=["turnover", "n", "x1", "x2"])


def changed(of_nace: str, of_region: str, **values: Any) -> pd.DataFrame:
    """The cells with one of them changed."""
    frame = cells()
    place = frame.index[(frame["nace"] == of_nace) & (frame["region"] == of_region)][0]
    for name, value in values.items():
        frame.loc[place, name] = value
    return frame


def test_cells_are_taken_in_any_order_and_put_in_the_table_s() -> None:
    table = Table.from_cells(cells().sample(frac=1, random_state=1), BY, **WITH)
    expected = """
        | nace | region | value | units | largest_1 | largest_2 |
        | T    | _T     | 100.0 | 12    | 40.0      | 20.0      |
        | T    | north  | 70.0  | 7     | 40.0      | 10.0      |
        | T    | south  | 30.0  | 6     | 20.0      | 5.0       |
        | A    | _T     | 60.0  | 8     | 40.0      | 10.0      |
        | A    | north  | 50.0  | 5     | 40.0      | 5.0       |
        | A    | south  | 10.0  | 3     | 5.0       | 3.0       |
        | B    | _T     | 40.0  | 5     | 20.0      | 10.0      |
        | B    | north  | 20.0  | 2     | 10.0      | 10.0      |
        | B    | south  | 20.0  | 3     | 20.0      | 0.0       |
    """
    assert as_text(table.cells, list(rows_of(expected)[0])) == rows_of(expected)
    assert (table.value_name, len(table.relations)) == ("turnover", 6)


def test_without_a_value_the_counts_are_the_table() -> None:
    frequencies = cells().assign(n=[6, 4, 2, 4, 3, 1, 2, 1, 1])
    table = Table.from_cells(frequencies, BY, count="n")
    assert table.value_name is None
    assert list(table.cells["value"]) == list(table.cells["units"]) == [6, 4, 2, 4, 3, 1, 2, 1, 1]


def test_margins_are_made_from_their_leaves_only_if_no_unit_is_in_two() -> None:
    leaves = cells().query("nace != 'T' and region != '_T'")
    with pytest.raises(MalformedTable, match=r"margin \(nace = T, region = _T\) is missing.*distinct_units=True"):
        Table.from_cells(leaves, BY, **WITH)
    table = Table.from_cells(leaves, BY, **WITH, distinct_units=True)
    total = table.cells.iloc[0]
    assert total[["value", "units", "largest_1", "largest_2"]].tolist() == [100, 13, 40, 20]


@pytest.mark.parametrize(
    ("frame", "error", "message"),
    [
        (
            changed("T", "north", turnover=77),
            MalformedTable,
            r"\(nace = T, region = north\) does not add up along nace",
        ),
        (changed("A", "_T", turnover=61), MalformedTable, "does not add up along"),
        (
            changed("A", "north", turnover=np.nan),
            MalformedTable,
            r"missing or infinite in 1 .*nace = A, region",
        ),
        (changed("A", "north", x1=np.inf), MalformedTable, "column x1 is missing or infinite"),
        (changed("A", "north", n=-5), MalformedTable, "count n is negative or no whole number in 1"),
        (changed("A", "north", n=5.5), MalformedTable, "count n is negative or no whole number in 1"),
        (changed("T", "_T", n=99), MalformedTable, "units of .*does not add up"),
        (changed("T", "_T", n=3), MalformedTable, "units of .*does not add up"),
        (
            changed("A", "north", x1=4),
            MalformedTable,
            r"\(nace = A, region = north\) are negative or rise",
        ),
        (changed("A", "south", x2=-1), MalformedTable, "are negative or rise"),
        (changed("A", "south", x1=9), MalformedTable, "exceed its value"),
        (changed("A", "south", nace="C"), UnknownCode, "codes of nace that its hierarchy does not name: C"),
        (changed("A", "south", nace=None), UnknownCode, "nace has missing codes"),
        (changed("A", "south", region="north"), MalformedTable, r"\(nace = A, region = north\) is given twice"),
        (cells().drop(index=5), MalformedTable, r"1 leaf cells are missing.*\(nace = A, region = south\).*value 0"),
        (cells().assign(turnover="much"), MalformedTable, "turnover is text, or has cells that are no numbers"),
        (cells().drop(columns="x2"), UnknownColumn, "no column x2"),
    ],
)
def test_cells_that_cannot_be_are_refused_with_their_place(
    frame: pd.DataFrame, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        Table.from_cells(frame, BY, **WITH)


def test_a_margin_that_does_not_add_up_says_by_how_much_and_not_what_it_is() -> None:
    with pytest.raises(MalformedTable) as caught:
        Table.from_cells(changed("T", "_T", turnover=104), BY, **WITH)
    assert "3.85%" in str(caught.value)
    assert "104" not in str(caught.value)


LOSSES = """
    | region | profit | n | x1 | total | low  |
    | _T     | 5      | 5 | 40 | 105   | -100 |
    | north  | -15    | 2 | 30 | 45    | -40  |
    | south  | 20     | 3 | 40 | 60    | -60  |
"""
OF_LOSSES: dict[str, Any] = {"value": "profit", "count": "n", "largest": ["x1"], "absolute": "total", "floor": "low"}


def losses(**changes: Any) -> pd.DataFrame:
    frame = frame_of(LOSSES, numbers=["profit", "n", "x1", "total", "low"])
    for name, value in changes.items():
        frame.loc[1, name] = value
    return frame


def test_negative_contributions_come_with_their_absolute_totals_and_a_floor() -> None:
    table = Table.from_cells(losses(), {"region": None}, **OF_LOSSES)
    assert table.cells["absolute"].tolist() == [105, 45, 60]
    assert table.cells["floor"].tolist() == [-100, -40, -60]
    leaves = Table.from_cells(losses().drop(index=0), {"region": None}, **OF_LOSSES, distinct_units=True)
    assert leaves.cells.to_dict("records") == table.cells.to_dict("records")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"low": -10}, r"value of \(region = north\) is below its floor"),
        ({"total": 10}, r"value of \(region = north\) exceeds its absolute total"),
        ({"x1": 46}, r"largest contributions to \(region = north\) exceed"),
        ({"low": np.nan}, r"low is missing or infinite in 1 .*region = north"),
    ],
)
def test_bounds_that_cannot_be_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(MalformedTable, match=message):
        Table.from_cells(losses(**changes), {"region": None}, **OF_LOSSES)


def test_a_hierarchy_with_a_code_that_the_cells_do_not_have_is_refused() -> None:
    with pytest.raises(MalformedTable, match="leaf cells are missing"):
        Table.from_cells(cells(), {"nace": Hierarchy.flat(["A", "B", "C"], total="T"), "region": None}, **WITH)


def test_a_table_needs_a_value_or_a_count() -> None:
    with pytest.raises(MalformedTable, match="neither value nor count"):
        Table.from_cells(cells(), BY)


def test_rounding_of_floating_point_is_no_contradiction() -> None:
    parts = pd.DataFrame({"x": ["_T", "a", "b", "c"], "y": [0.1 + 0.2 + 0.3, 0.1, 0.2, 0.3]})
    assert len(Table.from_cells(parts, {"x": None}, value="y").cells) == 4


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xyz"), st.integers(0, 99)), min_size=1, max_size=30))
def test_cells_from_microdata_are_a_table_again(rows: list[tuple[str, str, int]]) -> None:
    dimensions = {"p": Hierarchy.flat("ab"), "q": Hierarchy.flat("xyz")}
    frame = pd.DataFrame(rows, columns=["p", "q", "v"])
    table = Table.from_microdata(frame, dimensions, value="v", empty_codes=True, largest=2)
    arguments: dict[str, Any] = {"value": "value", "count": "units", "largest": ["largest_1", "largest_2"]}
    again = Table.from_cells(table.cells, dimensions, **arguments)
    leaves = Table.from_cells(table.cells[table.leaf_mask()], dimensions, **arguments, distinct_units=True)
    columns = list(again.cells)
    pd.testing.assert_frame_equal(again.cells, table.cells[columns])
    pd.testing.assert_frame_equal(leaves.cells, table.cells[columns])
