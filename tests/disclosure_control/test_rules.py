"""Rules: small tables in, verdicts out. Examples of the Handbook on Statistical Disclosure Control bear its section."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from disclosure_control import (
    ClassDisclosure,
    MalformedProfile,
    MalformedTable,
    PPercent,
    Referral,
    RuleProfile,
    Table,
    assess,
    assess_degrees_of_freedom,
)
from tests.disclosure_control.small_tables import frame_of


def table_of(contributions: dict[str, list[float]], largest: int = 3) -> Table:
    """One cell for each code, of these contributions, and their total."""
    rows = [(code, value) for code, values in contributions.items() for value in values]
    return Table.from_microdata(pd.DataFrame(rows, columns=["x", "y"]), {"x": None}, value="y", largest=largest)


def primary(table: Table, **rules: object) -> list[str]:
    """The cells that break these rules."""
    verdict, _ = assess(table, RuleProfile(**rules))  # type: ignore[arg-type]
    return list(table.cells["x"][verdict["primary"]])


def protection(table: Table, cell: str, **rules: object) -> tuple[float, float]:
    """The (lower, upper) protection of a cell."""
    verdict, _ = assess(table, RuleProfile(**rules))  # type: ignore[arg-type]
    row = verdict[table.cells["x"] == cell].iloc[0]
    return round(row["lower_protection"], 6), round(row["upper_protection"], 6)


# ---------------------------------------------------------------------------------------------- threshold


def counts(**units: int) -> Table:
    rows = pd.DataFrame({"x": [code for code, count in units.items() for _ in range(count)]})
    return Table.from_microdata(rows, {"x": None})


def test_fewer_units_than_the_threshold() -> None:
    assert primary(counts(a=9, b=10, c=11), threshold=10) == ["a"]


def test_a_strict_threshold_needs_more() -> None:
    assert primary(counts(a=9, b=10, c=11), threshold=10, strict=True) == ["a", "b"]


def test_empty_cells_are_withheld_unless_zero_is_safe() -> None:
    cells = frame_of("| x | n |\n| _T | 10 |\n| a | 10 |\n| b | 0 |", numbers=["n"])
    table = Table.from_cells(cells, {"x": None}, count="n")
    assert primary(table, threshold=3) == ["b"]
    assert primary(table, threshold=3, zero_is_safe=True) == []


def test_structural_zeros_are_known_to_be_empty_and_need_no_protection() -> None:
    cells = frame_of(
        """
        | sex | cause      | n  |
        | f   | childbirth | 12 |
        | m   | childbirth | 0  |
        | f   | fall       | 0  |
        | m   | fall       | 15 |
        """,
        numbers=["n"],
    )
    impossible = [{"sex": "m", "cause": "childbirth"}]
    table = Table.from_cells(cells, {"sex": None, "cause": None}, count="n", distinct_units=True, impossible=impossible)
    verdict, _ = assess(table, RuleProfile(threshold=3, class_disclosure=True))
    withheld = table.cells[verdict["primary"]]
    # all women died in childbirth, which nobody knew; that all who did were women, everybody knew
    assert set(zip(withheld["sex"], withheld["cause"], verdict["rule"][verdict["primary"]], strict=True)) == {
        ("f", "childbirth", "class_disclosure"),
        ("f", "fall", "threshold"),
        ("m", "fall", "class_disclosure"),
    }


def test_units_are_counted_and_not_rows() -> None:
    rows = pd.DataFrame({"x": ["a"] * 20, "person": [1, 2] * 10, "y": 1.0})
    table = Table.from_microdata(rows, {"x": None}, value="y", unit="person")
    assert primary(table, threshold=3) == ["_T", "a"]


def test_holdings_are_counted_where_they_are_known() -> None:
    rows = pd.DataFrame({"x": ["a"] * 4, "company": range(4), "owner": [1, 1, 1, 2], "y": 1.0})
    assert primary(Table.from_microdata(rows, {"x": None}, value="y", unit="company"), threshold=3) == []
    with_owner = Table.from_microdata(rows, {"x": None}, value="y", unit="company", holding="owner")
    assert primary(with_owner, threshold=3) == ["_T", "a"]


def test_counts_are_protected_by_at_least_one_and_not_below_zero() -> None:
    table = counts(a=1, b=8, c=30)
    assert protection(table, "a", threshold=10) == (1, 1)
    assert protection(table, "b", threshold=10) == (2, 2)
    assert protection(table, "b", threshold=10, protection=150) == (8, 12)
    assert protection(table, "c", threshold=10) == (0, 0)


def test_a_magnitude_under_the_threshold_is_protected_by_the_safety_range() -> None:
    assert protection(table_of({"a": [60, 40], "b": [50] * 9}), "a", threshold=3) == (20, 20)
    assert protection(table_of({"a": [0, 0], "b": [50] * 9}), "a", threshold=3) == (0, 90)


# ---------------------------------------------------------------------------------------------- concentration


def test_handbook_4_2_1_example_1_a_large_second_contributor_is_not_seen_by_1_k() -> None:
    table = table_of({"a": [50_000, 49_000, 1_000]})
    assert primary(table, dominance=[(1, 90)]) == []
    assert primary(table, dominance=[(2, 90)]) == ["_T", "a"]
    assert primary(table, p_percent=10) == ["_T", "a"]


def test_handbook_4_2_1_example_2_dominance_protects_more_than_p_percent() -> None:
    table = table_of({"a": [52_000, 50_000, 8_000]})
    assert primary(table, p_percent=10) == []
    assert primary(table, dominance=[(2, 90.9)]) == ["_T", "a"]


def test_handbook_4_2_2_example_4_upper_protection_of_dominance() -> None:
    assert protection(table_of({"a": [300, 20, 10]}), "a", dominance=[(1, 85)]) == (22.941176, 22.941176)


def test_handbook_4_2_2_example_5_upper_protection_of_p_percent() -> None:
    assert protection(table_of({"a": [300, 20, 10]}), "a", p_percent=10) == (20, 20)
    assert protection(table_of({"a": [300]}), "a", p_percent=10) == (30, 30)


def test_handbook_4_2_1_pq_is_p_percent_of_p_over_q() -> None:
    table = table_of({"a": [100, 50, 20], "b": [100, 50, 30]})
    assert primary(table, pq=(10, 40)) == primary(table, p_percent=25) == ["a"]
    assert protection(table, "a", pq=(10, 40)) == protection(table, "a", p_percent=25) == (5, 5)


def test_exactly_the_limit_is_safe() -> None:
    assert primary(table_of({"a": [50, 30, 20]}), dominance=[(1, 50), (2, 80)]) == []
    assert primary(table_of({"a": [100, 50, 10]}), p_percent=10) == []


def test_a_coalition_pools_what_it_knows() -> None:
    table = table_of({"a": [100, 50, 40, 5]})
    assert primary(table, p_percent=10) == []
    assert primary(table, p_percent=PPercent(10, "x", coalition=2)) == ["_T", "a"]


def test_the_strongest_broken_rule_sets_the_protection_and_the_first_gives_its_name() -> None:
    table = table_of({"a": [300, 20, 10], "b": [10] * 40})
    verdict, _ = assess(table, RuleProfile(threshold=5, dominance=[(1, 85)], p_percent=10, protection=1))
    row = verdict[table.cells["x"] == "a"].iloc[0]
    assert row["rule"] == "threshold"
    assert row["reason"] == (
        "fewer than 5 units; one unit contributes most of it; "
        "one unit could estimate another's contribution too closely"
    )
    assert round(row["upper_protection"], 3) == 22.941


def test_no_reason_tells_a_parameter_of_a_concentration_rule() -> None:
    table = table_of({"a": [300, 20, 10]})
    verdict, _ = assess(table, RuleProfile(dominance=[(1, 83), (2, 87)], p_percent=17, pq=(19, 91)))
    assert not any(number in verdict["reason"].dropna().iloc[0] for number in ("83", "87", "17", "19", "91"))


def test_cells_that_are_safe_have_neither_rule_nor_protection() -> None:
    verdict, findings = assess(table_of({"a": [10] * 20}), RuleProfile(threshold=10, p_percent=10))
    assert verdict["rule"].tolist() == verdict["reason"].tolist() == [None, None]
    assert not verdict[["primary", "refer", "lower_protection", "upper_protection"]].to_numpy(dtype=float).any()
    assert [each.severity for each in findings] == ["safe", "safe"]


def test_enough_of_the_largest_have_to_be_known() -> None:
    with pytest.raises(MalformedTable, match=r"largest_4.*largest=4"):
        primary(table_of({"a": [1] * 9}), dominance=[(4, 90)])
    assert primary(table_of({"a": [1] * 9}, largest=4), dominance=[(4, 90)]) == []


def test_a_rule_without_its_facts_is_an_error_and_never_passes() -> None:
    cells = frame_of("| x | y |\n| _T | 9 |\n| a | 9 |", numbers=["y"])
    with pytest.raises(MalformedTable, match="fact units"):
        primary(Table.from_cells(cells, {"x": None}, value="y"), threshold=3)
    with pytest.raises(MalformedTable, match="fact largest_1"):
        primary(Table.from_cells(cells, {"x": None}, value="y"), p_percent=3)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 1000), min_size=1, max_size=12), st.integers(1, 60))
def test_protection_is_what_an_attacker_needs(values: list[int], p: int) -> None:
    """With the cell known up to its upper level, the second largest is just p % off (Handbook, 4.2.2, example 5)."""
    ordered = sorted(values, reverse=True)
    cells = pd.DataFrame({"x": ["_T", "a"], "y": [sum(values)] * 2})
    for rank in (1, 2):
        cells[f"x{rank}"] = ordered[rank - 1] if len(ordered) >= rank else 0
    table = Table.from_cells(cells, {"x": None}, value="y", largest=["x1", "x2"])
    verdict, _ = assess(table, RuleProfile(p_percent=p))
    first, second = (float(each) for each in cells[["x1", "x2"]].to_numpy()[0])
    estimate = sum(values) + float(verdict["upper_protection"].to_numpy()[0]) - second
    assert estimate >= first * (1 + p / 100) - 1e-6
    assert bool(verdict["primary"].to_numpy()[0]) == (sum(values) - first - second < p / 100 * first - 1e-9)


# ---------------------------------------------------------------------------------------------- weights


def weighted(policy: str, **rules: object) -> list[str]:
    rows = frame_of("| x | y | w |\n| a | 100 | 4 |\n| a | 10 | 7 |", numbers=["y", "w"])
    return primary(Table.from_microdata(rows, {"x": None}, value="y", weight="w"), weights=policy, **rules)


def test_handbook_4_2_1_sampling_weights_the_largest_two_are_100_and_100() -> None:
    """Of 470; with known weights 400 and 70; with the sample's own contributions 100 and 10."""
    assert weighted("expanded", dominance=[(2, 42)]) == ["_T", "a"]
    assert weighted("expanded", dominance=[(2, 43)]) == []
    assert weighted("sample", dominance=[(2, 23)]) == ["_T", "a"]
    assert weighted("sample", dominance=[(2, 24)]) == []
    assert weighted("known", dominance=[(2, 99)]) == ["_T", "a"]


def test_handbook_4_2_1_p_percent_with_weights() -> None:
    assert weighted("sample", p_percent=50) == weighted("expanded", p_percent=50) == []
    assert weighted("known", p_percent=1) == ["_T", "a"]


def test_weights_that_are_no_whole_numbers_count_in_part() -> None:
    rows = frame_of("| x | y | w |\n| a | 100 | 1.5 |\n| a | 10 | 85 |", numbers=["y", "w"])
    table = Table.from_microdata(rows, {"x": None}, value="y", weight="w")
    # the first two of the population: 100 and half of 100 and half of 10, of 1,000
    assert primary(table, dominance=[(2, 15.4)], weights="expanded") == ["_T", "a"]
    assert primary(table, dominance=[(2, 15.6)], weights="expanded") == []


# ---------------------------------------------------------------------------------------------- waivers and requests


def test_handbook_4_2_1_waivers_guard_the_largest_who_did_not_agree() -> None:
    rows = pd.DataFrame({"x": ["a"] * 4, "y": [100.0, 20, 15, 5]})

    def verdicts(agreed: list[bool]) -> list[str]:
        table = Table.from_microdata(rows.assign(agreed=agreed), {"x": None}, value="y", waiver="agreed")
        return primary(table, p_percent=25)

    assert verdicts([False, False, False, False]) == ["_T", "a"]  # 20 left < 25 % of 100
    assert verdicts([True, False, False, False]) == []  # 20 left ≥ 25 % of 20
    assert verdicts([True, True, True, True]) == []


def test_a_threshold_guards_nobody_where_all_agreed() -> None:
    rows = pd.DataFrame({"x": list("aabb"), "y": 1.0, "agreed": [True, True, True, False]})
    table = Table.from_microdata(rows, {"x": None}, value="y", waiver="agreed")
    assert primary(table, threshold=5) == ["_T", "b"]


def test_handbook_4_2_1_foreign_trade_only_units_that_asked_are_protected() -> None:
    rows = pd.DataFrame({"x": list("aabbcc"), "y": [90.0, 10, 90, 10, 40, 60], "asked": [1, 0, 0, 1, 1, 0]}).astype(
        {"asked": bool}
    )
    table = Table.from_microdata(rows, {"x": None}, value="y", request="asked")
    assert primary(table, request=70) == ["a"]
    assert protection(table, "a", request=70) == (28.571429, 28.571429)
    assert primary(table, request=0) == ["_T", "a", "b", "c"]


def test_a_request_rule_needs_to_know_who_asked() -> None:
    with pytest.raises(MalformedTable, match="requested_largest"):
        primary(table_of({"a": [1, 2]}), request=50)


# ---------------------------------------------------------------------------------------------- class disclosure

HANDBOOK_5_2 = """
    | status   | hours | n |
    | married  | full  | 6 |
    | married  | part  | 0 |
    | divorced | full  | 5 |
    | divorced | part  | 1 |
    | single   | full  | 2 |
    | single   | part  | 2 |
"""


def hours() -> Table:
    leaves = frame_of(HANDBOOK_5_2, numbers=["n"])
    return Table.from_cells(leaves, {"status": None, "hours": None}, count="n", distinct_units=True)


def broken(table: Table, profile: RuleProfile) -> set[tuple[str, str]]:
    verdict, _ = assess(table, profile)
    cells = table.cells[verdict["primary"]]
    return set(zip(cells["status"], cells["hours"], strict=True))


def test_handbook_5_2_all_married_work_full_time() -> None:
    assert broken(hours(), RuleProfile(class_disclosure=True)) == {("married", "full")}


def test_handbook_5_2_the_divorced_who_works_part_time_knows_of_the_others() -> None:
    profile = RuleProfile(class_disclosure=ClassDisclosure("Handbook on SDC, 5.2", all_but=1))
    # and of the three who work part time, all but one are single
    assert broken(hours(), profile) == {("married", "full"), ("divorced", "full"), ("single", "part")}


def test_class_disclosure_asks_that_some_may_be_elsewhere() -> None:
    verdict, _ = assess(hours(), RuleProfile(class_disclosure=True))
    assert verdict.loc[verdict["primary"], ["lower_protection", "upper_protection"]].to_numpy().tolist() == [[2, 0]]


def test_a_dimension_of_one_category_is_no_class_disclosure() -> None:
    assert primary(counts(a=5), class_disclosure=True) == []


def test_a_profile_can_refer_class_disclosure_to_a_person() -> None:
    table = hours()
    verdict, findings = assess(table, RuleProfile.load("ons-srs"))
    named = [each for each in findings if each.rule == "class_disclosure"]
    assert [each.severity for each in named] == ["refer"]
    assert verdict["refer"].sum() == 1


# ---------------------------------------------------------------------------------------------- negatives


def test_negative_contributions_are_judged_by_size_and_referred() -> None:
    table = table_of({"a": [-90, 5, 5, 5], "b": [10] * 10})
    profile = RuleProfile(dominance=[(1, 80)])
    verdict, findings = assess(table, profile)
    assert list(table.cells["x"][verdict["primary"]]) == ["a"]
    assert list(table.cells["x"][verdict["refer"]]) == ["_T", "a"]
    assert [(each.rule, each.severity) for each in findings] == [("dominance_1", "protected"), ("negatives", "refer")]


def test_negative_contributions_are_not_referred_where_the_profile_shifts_them() -> None:
    table = table_of({"a": [-90, 5, 5, 5], "b": [10] * 10})
    verdict, findings = assess(table, RuleProfile(dominance=[(1, 80)], negatives="shift"))
    assert not verdict["refer"].any()
    assert [each.rule for each in findings] == ["dominance_1"]


def test_the_lower_protection_of_negative_values_reaches_no_lower_than_what_all_know() -> None:
    table = table_of({"a": [-90.0], "b": [10.0] * 10})
    assert protection(table, "a", p_percent=10, negatives="shift") == (0, 9)
    table = table_of({"a": [-90.0, 300.0], "b": [10.0] * 10})
    assert protection(table, "a", p_percent=10, negatives="shift") == (30, 30)


# ---------------------------------------------------------------------------------------------- findings and models


def test_findings_say_what_was_found_the_limit_its_source_and_a_remedy() -> None:
    _, findings = assess(counts(a=9, b=10), RuleProfile.load("ons-srs"))
    assert findings[0].sentence == "1 of 3 cells is withheld: fewer than 10 units."
    assert (findings[0].severity, findings[0].value, findings[0].limit) == ("protected", "1 cell", "at least 10 units")
    assert "celsius.lshtm.ac.uk" in findings[0].source
    assert findings[0].fix


def test_a_table_that_is_withheld_whole_is_blocked() -> None:
    _, (finding,) = assess(counts(a=1, b=2), RuleProfile(threshold=10))
    assert finding.severity == "blocked"


def test_what_a_profile_refers_is_referred_for_tables_of_its_kind_only() -> None:
    referral = Referral("quality", "A person has to look.", ("magnitudes",), "a source")
    profile = RuleProfile(threshold=1, refer=[referral])
    assert [each.rule for each in assess(counts(a=5), profile)[1]] == ["threshold"]
    assert [each.severity for each in assess(table_of({"a": [1.0]}), profile)[1]] == ["safe", "refer"]


def test_rounding_that_a_profile_asks_for_is_not_forgotten() -> None:
    _, findings = assess(counts(a=100), RuleProfile.load("opensafely"))
    assert findings[-1].rule == "rounding"
    assert findings[-1].severity == "refer"
    assert "round_table(table, base=5" in findings[-1].fix


@pytest.mark.parametrize(("residual", "severity"), [(9, "blocked"), (10, "safe")])
def test_a_model_needs_its_residual_degrees_of_freedom(residual: int, severity: str) -> None:
    assert assess_degrees_of_freedom(residual, RuleProfile.load("sacro-acro")).severity == severity


def test_a_profile_that_says_nothing_of_models_passes_none() -> None:
    with pytest.raises(MalformedProfile, match="a person must judge"):
        assess_degrees_of_freedom(100, RuleProfile(threshold=10))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.integers(0, 500), min_size=1, max_size=6), min_size=1, max_size=5), st.data())
def test_a_stricter_profile_never_withholds_less(cells: list[list[int]], data: st.DataObject) -> None:
    table = table_of({f"c{place}": [float(each) for each in values] for place, values in enumerate(cells)})
    threshold, k, p = data.draw(st.integers(1, 6)), data.draw(st.integers(20, 90)), data.draw(st.integers(1, 40))
    loose, _ = assess(table, RuleProfile(threshold=threshold, dominance=[(1, k)], p_percent=p))
    tight, _ = assess(table, RuleProfile(threshold=threshold + 1, dominance=[(1, k - 5)], p_percent=p + 5))
    assert (tight["primary"] | ~loose["primary"]).all()
    assert (tight["upper_protection"] >= loose["upper_protection"] - 1e-9).all()
    assert np.isfinite(tight[["lower_protection", "upper_protection"]].to_numpy()).all()
