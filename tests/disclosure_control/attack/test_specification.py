"""What the attack finds in small tables: the manual, in examples."""

import numpy as np
import pandas as pd
import pytest

from disclosure_control import Hierarchy, RuleProfile, Table, suppress
from disclosure_control.attack import attack, passes, recover
from tests.disclosure_control.attack.tables import ByHand, counts, grid, protected

HANDBOOK = grid("""
    20 50 10
     8 19 22
    17 32 12
""")
CORNERS = [("r2", "c1"), ("r2", "c3"), ("r3", "c1"), ("r3", "c3")]


def interval(found: pd.DataFrame, *codes: str) -> tuple[float, float]:
    """The interval of the cell with these codes."""
    dimensions = list(found.columns[: len(codes)])
    row = found[(found[dimensions] == list(codes)).all(axis=1)].iloc[0]
    return row["lower"], row["upper"]


def test_four_cells_in_a_square_leave_an_interval() -> None:
    """Row 2 has 30 to share out, column 3 has 34, row 3 has 29: so the cell of 22 lies in [5, 30]."""
    found = attack(protected(HANDBOOK, CORNERS, {("r2", "c3"): (15, 8)}))
    assert interval(found, "r2", "c3") == (5, 30)
    assert len(found) == 4
    assert found["protected"].all()


def test_a_requirement_that_the_interval_does_not_cover_fails() -> None:
    for need in ((18, 8), (17, 8.1)):
        table = protected(HANDBOOK, CORNERS, {("r2", "c3"): need})
        assert attack(table)["protected"].to_list() == [True, False, True, True]
        assert not passes(table)


def test_a_requirement_that_the_interval_just_covers_holds() -> None:
    table = protected(HANDBOOK, CORNERS, {("r2", "c3"): (17, 8)})
    assert attack(table)["protected"].all()
    assert passes(table)


def test_the_frame_says_what_is_required() -> None:
    found = attack(protected(HANDBOOK, CORNERS, {("r2", "c3"): (15, 8)}))
    assert found["required_lower"].to_list() == [8, 7, 17, 12]
    assert found["required_upper"].to_list() == [8, 30, 17, 12]


def test_a_width_can_be_required_of_both_sides_together() -> None:
    assert passes(protected(HANDBOOK, CORNERS, {("r2", "c3"): (1, 1)}, sliding=25))
    short = protected(HANDBOOK, CORNERS, {("r2", "c3"): (1, 1)}, sliding=25.1)
    assert not passes(short)
    assert attack(short)["protected"].to_list() == [True, False, True, True]


def test_who_knows_every_value_to_within_a_half_sees_more() -> None:
    found = attack(protected(HANDBOOK, CORNERS), prior=0.5)
    assert interval(found, "r2", "c3") == (18, 26)  # r2, c1 is known to be within 4 of 8


def test_one_cell_withheld_beside_its_margins_is_recovered() -> None:
    table = protected(HANDBOOK, [("r2", "c3")], {("r2", "c3"): 1})
    assert interval(attack(table), "r2", "c3") == (22, 22)
    assert not passes(table)
    assert recover(table).to_dict("records") == [{"row": "r2", "column": "c3", "recovered": 22}]


def test_cells_without_their_totals_stay_unknown() -> None:
    table = protected(HANDBOOK, [("r2", "c3"), ("r2", "_T"), ("_T", "c3"), ("_T", "_T")], {("r2", "c3"): 22})
    assert interval(attack(table), "r2", "c3") == (0, np.inf)
    assert passes(table)
    assert recover(table).empty


def test_everything_withheld_is_wide_open() -> None:
    everything = [tuple(row) for row in HANDBOOK.cells[["row", "column"]].to_numpy()]
    table = protected(HANDBOOK, everything, dict.fromkeys(everything, 8))
    found = attack(table)
    assert (found["lower"] == 0).all() and np.isinf(found["upper"]).all()
    assert found["protected"].all() and passes(table)
    assert recover(table).empty


def test_nothing_withheld_leaves_nothing_to_find() -> None:
    table = protected(HANDBOOK, [])
    assert attack(table).empty and passes(table) and recover(table).empty
    assert attack([table, table]).empty and passes([table, table]) and recover([table, table]).empty
    expected = ["row", "column", "lower", "upper", "required_lower", "required_upper"]
    assert attack(table).columns.to_list() == [*expected, "contributors_too", "unions_too", "protected"]


def test_a_table_without_equations_gives_nothing_away() -> None:
    ages = pd.DataFrame({"year": ["2020", "2021"], "value": [3.0, 4.0]})
    table = protected(
        Table.from_microdata(ages, {"year": None}, value="value", separate=["year"]), [("2020",)], {("2020",): 3}
    )
    assert attack(table)[["lower", "upper"]].to_numpy().tolist() == [[0, np.inf]]
    assert passes(table) and recover(table).empty


def test_a_cell_that_needs_protection_and_is_published_fails() -> None:
    table = protected(HANDBOOK, CORNERS, {("r1", "c1"): 2})
    found = attack(table)
    assert not passes(table)
    assert interval(found, "r1", "c1") == (20, 20)
    assert found[~found["protected"]][["row", "column"]].to_numpy().tolist() == [["r1", "c1"]]


# ---------------------------------------------------------------------------------------------- several tables

MEMBERS = pd.DataFrame(
    [
        (region, sex, size)
        for region, sex, size in (
            ("A", "f", 4),
            ("A", "m", 9),
            ("B", "f", 7),
            ("B", "m", 5),
            ("C", "f", 6),
            ("C", "m", 8),
        )
    ],
    columns=["region", "sex", "value"],
)


def of_region(*hidden: str) -> ByHand:
    table = Table.from_microdata(MEMBERS, {"region": None}, value="value")
    return protected(table, [(each,) for each in hidden], {(each,): 3 for each in hidden})


def test_tables_that_are_safe_alone_are_not_together() -> None:
    """One withholds A and B, the other A and C: each publishes what the other withholds."""
    tables = [of_region("A", "B"), of_region("A", "C")]
    assert all(passes(each) for each in tables)
    assert not passes(tables)
    found = attack(tables)
    assert (found["lower"] == found["upper"]).all()
    assert found["table"].to_list() == [0, 0, 1, 1]
    assert recover(tables)["recovered"].to_list() == [13, 12, 13, 14]


def test_a_total_is_the_same_cell_in_a_table_without_its_dimension() -> None:
    """Regions A and B are withheld; the table by sex as well gives them away, since it shows their parts."""
    by_sex = Table.from_microdata(MEMBERS, {"sex": None, "region": None}, value="value")
    tables = [of_region("A", "B"), protected(by_sex, [("_T", "A"), ("_T", "B")])]
    assert passes(tables[0])
    assert not passes(tables)
    assert recover(tables)["recovered"].to_list() == [13, 12, 13, 12]


def test_tables_of_other_values_do_not_speak_of_each_other() -> None:
    turnover = of_region("A", "B")
    staff = MEMBERS.assign(staff=MEMBERS["value"] * 2)
    all_shown = protected(Table.from_microdata(staff, {"region": None}, value="staff"), [])
    assert passes([turnover, all_shown])


def test_counts_of_persons_do_not_speak_of_households() -> None:
    people = pd.DataFrame({"region": list("AAABBBCCC"), "person": range(9), "household": [1, 1, 2, 3, 3, 4, 5, 6, 7]})
    persons, households = (
        Table.from_microdata(people, {"region": None}, unit=unit) for unit in ("person", "household")
    )
    hidden = protected(persons, [("A",), ("B",)], {("A",): 1})
    assert passes([hidden, protected(households, [])])
    assert not passes([hidden, protected(persons, [])])


def test_several_hierarchies_meet_in_one_table() -> None:
    """A and B are safe in the first hierarchy; the second one has A alone in a group that is published."""
    first = Hierarchy.from_pairs([("T", "X"), ("T", "Y"), ("X", "A"), ("X", "B"), ("Y", "C")])
    second = Hierarchy.from_pairs([("T", "V"), ("T", "W"), ("V", "A"), ("W", "B"), ("W", "C")])
    hidden, needs = [("A",), ("B",)], {("A",): 1}
    one, both = (
        protected(Table.from_microdata(MEMBERS, {"region": each}, value="value"), hidden, needs)
        for each in (first, [first, second])
    )
    assert passes(one)
    assert not passes(both)


# ---------------------------------------------------------------------------------------------- what is known before


def test_values_are_known_not_to_be_below_their_floor() -> None:
    """Profits: no row is below −10, so that A, with two rows, is known to be −20 at least."""
    rows = [("A", -10), ("A", 25), ("B", 30), ("C", 5)]
    table = Table.from_microdata(pd.DataFrame(rows, columns=["region", "profit"]), {"region": None}, value="profit")
    found = attack(protected(table, [("A",), ("B",)]))
    assert interval(found, "A") == (-20, 55)  # B has one row, −10 at least
    assert interval(found, "B") == (-10, 65)


def test_values_without_a_floor_are_open_where_some_are_negative() -> None:
    cells = pd.DataFrame({"region": ["_T", "A", "B", "C"], "profit": [40.0, -5.0, 30.0, 15.0]})
    found = attack(protected(Table.from_cells(cells, {"region": None}, value="profit"), [("A",), ("B",)]))
    assert np.isinf(found[["lower", "upper"]].to_numpy()).all()


def test_values_without_a_floor_are_known_not_to_be_negative_where_none_is() -> None:
    cells = pd.DataFrame({"region": ["_T", "A", "B", "C"], "profit": [50.0, 5.0, 30.0, 15.0]})
    found = attack(protected(Table.from_cells(cells, {"region": None}, value="profit"), [("A",), ("B",)]))
    assert found[["lower", "upper"]].to_numpy().tolist() == [[0, 35], [0, 35]]


def test_a_prior_does_not_make_one_forget_the_floor() -> None:
    cells = pd.DataFrame({"region": ["_T", "A", "B", "C"], "profit": [50.0, 5.0, 30.0, 15.0]})
    table = Table.from_cells(cells, {"region": None}, value="profit")
    assert interval(attack(protected(table, [("A",), ("B",)]), prior=3), "A") == (0, 20)


def test_impossible_cells_are_known_to_be_empty() -> None:
    causes = pd.DataFrame({"sex": ["f"] * 6 + ["m"] * 5, "cause": ["x"] * 4 + ["childbirth"] * 2 + ["x"] * 5})
    impossible = [{"sex": "m", "cause": "childbirth"}]
    hidden = [("f", "x"), ("f", "childbirth"), ("m", "x"), ("m", "childbirth")]
    plain, marked = (
        attack(protected(Table.from_microdata(causes, {"sex": None, "cause": None}, empty_codes=True, **more), hidden))  # type: ignore[arg-type]
        for more in ({}, {"impossible": impossible})
    )
    assert interval(plain, "f", "childbirth") == (0, 2)
    assert (marked["lower"] == marked["upper"]).all()


def test_counts_are_known_to_be_whole() -> None:
    """Within a half of 3 are 1.5 to 4.5: for a count that is 2 to 4."""
    found = attack(
        protected(counts("3 3 9\n4 4 4"), [("r1", "c1"), ("r1", "c2"), ("r2", "c1"), ("r2", "c2")]), prior=0.5
    )
    assert interval(found, "r1", "c1") == (2, 4)


def test_rows_are_whole_and_turnover_is_not() -> None:
    rows = pd.DataFrame({"region": ["A"] * 3 + ["B"] * 5 + ["C"] * 4, "unit": range(12), "rows": 1.0})
    hidden = [("A",), ("B",)]
    counted = Table.from_microdata(rows, {"region": None}, unit="unit", count="rows")
    assert interval(attack(protected(counted, hidden), prior=0.5), "A") == (2, 4)
    summed = Table.from_microdata(rows.assign(turnover=1.0), {"region": None}, value="turnover", unit="unit")
    assert interval(attack(protected(summed, hidden), prior=0.5), "A") == (1.5, 4.5)


def test_weighted_counts_are_estimates_and_not_whole() -> None:
    people = pd.DataFrame({"region": list("AABBC"), "weight": [1.5, 1.25, 2.5, 1.5, 3.0]})
    table = Table.from_microdata(people, {"region": None}, weight="weight")
    assert interval(attack(protected(table, [("A",), ("B",)]), prior=0.5), "A") == (1.375, 4.125)


def test_a_prior_asks_no_protection_for_what_it_says_is_known() -> None:
    """Who knows every value to within a part of it knows which are zero."""
    table = protected(
        counts("0 3 5\n6 4 7\n5 5 5"), [("r1", "c1"), ("r1", "c2"), ("r2", "c1"), ("r2", "c2")], {("r1", "c1"): (0, 1)}
    )
    assert passes(table) and passes(table, prior=0.5)
    assert attack(table, prior=0.5)["required_upper"].to_list()[0] == 0


# ---------------------------------------------------------------------------------------------- unions

SMALL = RuleProfile(threshold=3)


def test_two_counts_below_the_threshold_are_not_safe_as_a_sum_below_it() -> None:
    """The row publishes 10 and 8, so that the two withheld counts are 2 together, and that is below 3 too."""
    hidden, text = [("r1", "c1"), ("r1", "c2"), ("r2", "c1"), ("r2", "c2")], "1 1 8\n5 5 5"
    needs = {("r1", "c1"): 1.0, ("r1", "c2"): 1.0}
    assert passes(protected(counts(text), hidden, needs))
    table = protected(counts(text), hidden, needs, profile=SMALL)
    found = attack(table)
    assert not passes(table)
    assert found["unions_too"].to_list() == [False, False, True, True]
    assert found["protected"].to_list() == [False, False, True, True]
    assert found["contributors_too"].all()


def test_their_sum_is_safe_when_more_is_withheld_beside_them() -> None:
    hidden = [("r1", "c1"), ("r1", "c2"), ("r1", "c3"), ("r2", "c1"), ("r2", "c2"), ("r2", "c3")]
    needs = {("r1", "c1"): 1.0, ("r1", "c2"): 1.0}
    table = protected(counts("1 1 8\n5 5 5"), hidden, needs, profile=SMALL)
    assert attack(table)["protected"].all() and passes(table)


def test_a_sum_that_keeps_to_the_rules_needs_nothing() -> None:
    hidden, text = [("r1", "c1"), ("r1", "c2"), ("r2", "c1"), ("r2", "c2")], "2 1 8\n5 5 5"
    needs = {("r1", "c1"): 1.0, ("r1", "c2"): 1.0}
    assert passes(protected(counts(text), hidden, needs, profile=SMALL))


def test_two_companies_that_would_be_the_whole_of_a_published_sum() -> None:
    companies = pd.DataFrame({"region": list("ABCCCC"), "value": [100.0, 90.0, 40, 40, 40, 40], "unit": range(6)})
    table = Table.from_microdata(companies, {"region": None}, value="value", unit="unit")
    rule = RuleProfile(p_percent=10)
    pair = protected(table, [("A",), ("B",)], {("A",): 10.0, ("B",): 9.0}, profile=rule)
    assert not attack(pair)["unions_too"].any() and not passes(pair)


def test_a_company_that_has_most_of_the_cell_beside_it_knows_the_other() -> None:
    """A is one company of 100; B is another one of 30 with two of 2: who has 30 knows A to within 4."""
    rows = [("A", 100.0), ("B", 30.0), ("B", 2.0), ("B", 2.0), *[("C", 40.0)] * 4, *[("D", 40.0)] * 4]
    data = pd.DataFrame(rows, columns=["region", "value"]).assign(unit=range(len(rows)))
    table = Table.from_microdata(data, {"region": None}, value="value", unit="unit")
    rule, needs = RuleProfile(p_percent=10), {("A",): 10.0}
    assert attack(protected(table, [("A",), ("B",)], needs))["unions_too"].all()
    assert attack(protected(table, [("A",), ("B",)], needs, profile=rule))["unions_too"].to_list() == [False, False]
    assert passes(protected(table, [("A",), ("C",)], needs, profile=rule))


def test_what_the_suppressor_protects_passes() -> None:
    """The two are written apart: here they have to agree."""
    table = counts("1 1 8 4 2\n5 5 5 9 1\n2 7 7 7 3\n9 9 9 1 1")
    found = suppress(table, RuleProfile(threshold=3), cost="number")
    assert passes(found)
    assert attack(found)["protected"].all()
    assert len(attack(found)) == found.withheld.sum()


@pytest.mark.parametrize("prior", [None, 0.5])
def test_the_order_of_tables_does_not_matter(prior) -> None:
    tables = [
        of_region("A", "B"),
        protected(
            Table.from_microdata(MEMBERS, {"region": None, "sex": None}, value="value"),
            [("A", "f"), ("B", "f"), ("A", "m"), ("B", "m"), ("A", "_T"), ("B", "_T")],
        ),
    ]
    one, other = attack(tables, prior), attack(tables[::-1], prior)
    names = ["region", "lower", "upper", "protected"]
    assert one[one["table"] == 0][names].to_dict("list") == other[other["table"] == 1][names].to_dict("list")
