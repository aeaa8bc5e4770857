"""Sums of withheld cells that can be derived, and break a rule together."""

import numpy as np
import pandas as pd
import pytest

from disclosure_control import Hierarchy, ProtectedTable, RuleProfile, Table, suppress
from disclosure_control.suppression.linked import linked
from disclosure_control.suppression.unions import known_sums, sensitive_unions
from tests.disclosure_control.suppression.drawn import drawn, published, table
from tests.disclosure_control.suppression.tables import SHAPES, microdata

TREE = Hierarchy.from_pairs([("T", "A"), ("T", "B"), ("A", "A1"), ("A", "A2"), ("A", "A3"), ("B", "B1"), ("B", "B2")])


def sums(withheld: str, *hierarchies: Hierarchy) -> set[str]:
    """The sets whose sum is known when these codes are withheld."""
    rows = pd.DataFrame({"nace": ["A1", "A2", "A3", "B1", "B2"]})
    cells = linked([Table.from_microdata(rows, {"nace": hierarchies})])
    codes = [key[0][1] if key else "T" for key in sorted(cells.tables[0].keys(), key=lambda key: (len(key), key))]
    found = known_sums(cells.relations, np.isin(codes, withheld.split()))
    return {" ".join(codes[cell] for cell in sorted(each)) for each in found}


@pytest.mark.parametrize(
    ("withheld", "known"),
    [
        ("A1 A2", {"A1 A2"}),
        ("A A1 A2 B B1 B2", {"A B", "A1 A2 B1 B2"}),
        ("A A1 B B2", {"A B", "A1 B2"}),
        ("T A A1 A2", set()),
    ],
)
def test_what_a_published_total_and_published_parts_leave(withheld: str, known: set[str]) -> None:
    assert sums(withheld, TREE) == known


def test_two_totals_of_different_hierarchies_leave_their_difference() -> None:
    halves = [("T", "N"), ("T", "M"), ("N", "A1"), ("N", "A2"), ("M", "A3"), ("M", "B1"), ("M", "B2")]
    wide = [("T", "W"), ("W", "A1"), ("W", "A2"), ("W", "A3"), ("W", "B2"), ("T", "B1")]
    known = sums("A1 A2 A3 B1 B2", Hierarchy.from_pairs(halves), Hierarchy.from_pairs(wide))
    assert known == {"A1 A2", "A3 B1 B2", "A1 A2 A3 B2", "A3 B2"}


def test_a_sum_is_judged_by_the_facts_of_all_its_cells() -> None:
    rows = pd.DataFrame(
        {
            "nace": ["A1"] * 2 + ["A2"] * 2 + ["B1"] * 5,
            "y": [40.0, 2, 30, 1, 9, 9, 9, 9, 9],
            "agreed": [True, False, False, False, *[False] * 5],
        }
    )
    waived = Table.from_microdata(rows, {"nace": None}, value="y", waiver="agreed")
    profile, withheld = RuleProfile(p_percent=50), np.array([False, True, True, False])
    (union,) = sensitive_unions(linked([waived]), withheld, withheld, profile)
    # the largest who did not agree has 30 of 73, and the largest other 40: 3 are left, and 15 were needed
    assert (union.value, union.upper) == (73, 12)


def test_weighted_contributions_stay_with_their_contributors() -> None:
    rows = pd.DataFrame(
        {
            "nace": ["A1"] * 2 + ["A2"] * 2 + ["B1"] * 5,
            "y": [40.0, 2, 30, 1, 9, 9, 9, 9, 9],
            "w": [1, 50, 2, 1, *[1] * 5],
        }
    )
    weighted = Table.from_microdata(rows, {"nace": None}, value="y", weight="w")
    withheld = np.array([False, True, True, False])
    unions = sensitive_unions(linked([weighted]), withheld, withheld, RuleProfile(p_percent=100))
    # 201 are left of 40 + 100 + 60 + 1 when the units with 40 and 30 take out their weighted 40 and 60
    assert unions == []
    assert len(sensitive_unions(linked([weighted]), withheld, withheld, RuleProfile(dominance=[(2, 49)]))) == 1


def test_a_secondary_cell_of_one_large_company_is_no_cover_for_a_primary_one() -> None:
    """12 are enough to hide 100 to within 10 % from the public; but not from the company that has 6 of the 12."""
    rows = """
        |    | c1   | c2    | c3   | c4   |
        | r1 | 100  | 6+3+3 | 60x5 | 90x5 |
        | r2 | 70x5 | 50x5  | 40x5 | 95x5 |
        | r3 | 85x5 | 65x5  | 75x5 | 55x5 |
    """
    protected = suppress(table(rows), RuleProfile(p_percent=10), cost="value")
    assert published(protected) == drawn(
        """
        |    | c1  | c2  | c3  | c4  | _T  |
        | r1 | c   | 12  | s   | 90  | 262 |
        | r2 | s   | 50  | s   | 95  | 255 |
        | r3 | 85  | 65  | 75  | 55  | 280 |
        | _T | 255 | 127 | 175 | 240 | 797 |
        """
    )
    assert protected.report.unions == 1


def test_with_three_companies_of_equal_size_it_is() -> None:
    rows = """
        |    | c1   | c2    | c3   | c4   |
        | r1 | 100  | 18x6  | 60x5 | 90x5 |
        | r2 | 70x5 | 50x5  | 40x5 | 95x5 |
        | r3 | 85x5 | 65x5  | 75x5 | 55x5 |
    """
    protected = suppress(table(rows), RuleProfile(p_percent=10), cost="value")
    assert published(protected)[1] == ["r1", "c", "s", "60", "90", "268"]
    assert protected.report.unions == 0


# ---------------------------------------------------------------------------------------- whatever the table


def sums_that_break(protected: ProtectedTable, rows: pd.DataFrame, p: float) -> list[str]:
    """By the microdata: the withheld parts of a published total that break the p % rule together."""
    names = list(protected.table.dimensions)
    status = protected.cells["status"].to_numpy()
    found = []
    for total, parts in protected.table.relations:
        hidden = parts[status[parts] != "published"]
        if status[total] == "published" and (status[hidden] == "primary").any():
            members = protected.cells.loc[hidden, names].to_dict("records")
            mine = np.sort(np.concatenate([_values(protected.table, rows, each) for each in members]))[::-1]
            rest = mine[2:].sum()
            if rest < p / 100 * mine[0] * (1 - 1e-9):
                found.append(f"{members}: {mine[:3]}")
    return found


def _values(table: Table, rows: pd.DataFrame, codes: dict[object, str]) -> np.ndarray:
    inside = np.ones(len(rows), bool)
    for name, code in codes.items():
        hierarchy = next(each for each in table.dimensions[str(name)] if code in each.codes)
        inside &= rows[str(name)].isin(hierarchy.leaves_below(code)).to_numpy()
    return rows.loc[inside, "value"].to_numpy()


@pytest.mark.parametrize(
    ("shape", "seed", "rows", "cost"),
    [  # in each of these tables one of the sums would, if only sums of primary cells were looked at
        ("flat", 25, 60, "value"),
        ("hierarchical", 2, 60, "value"),
        ("hierarchical", 1, 120, "number"),
        ("three-way", 22, 400, "value"),
        ("three-way", 33, 120, "number"),
    ],
)
def test_no_sum_that_can_be_derived_breaks_the_rule(quick: None, shape: str, seed: int, rows: int, cost: str) -> None:
    data = microdata(seed, SHAPES[shape], rows)
    made = Table.from_microdata(data, SHAPES[shape], value="value", unit="unit", empty_codes=True)
    protected = suppress(made, RuleProfile(p_percent=20), cost=cost)
    assert sums_that_break(protected, data, 20) == []
    assert protected.report.unions > 0
