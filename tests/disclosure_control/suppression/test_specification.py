"""What suppression does, as a statistician would draw it: companies in, published table out.

How to read the drawings is said in `drawn`: `300+20+10` are three companies, `60x5` five of equal size; `c` is withheld
because a rule forbids it, `s` to protect it. The cost is the value withheld, unless a test says otherwise, so that the
cheapest pattern can be checked by hand.
"""

import pandas as pd
import pytest

from disclosure_control import Hierarchy, ProtectedTable, RuleProfile, Table, attack, passes, suppress
from tests.disclosure_control.suppression.attacker import Attacker
from tests.disclosure_control.suppression.drawn import drawn, published, table

THREE_UNITS = RuleProfile(threshold=3)
EMPTY_IS_SAFE = RuleProfile(threshold=3, zero_is_safe=True)
TEN_PERCENT = RuleProfile(p_percent=10)


def protect(made: Table, profile: RuleProfile = THREE_UNITS) -> ProtectedTable:
    """The table, protected so that the least value is withheld, and attacked."""
    protected = suppress(made, profile, cost="value")
    assert passes(protected)
    return protected


# ------------------------------------------------------------------------------------------ one primary cell


HAND_EXAMPLE = """
    |    | c1   | c2   | c3   |
    | r1 | 20x5 | 50x5 | 10x5 |
    | r2 | 8x5  | 19x5 | 22x2 |
    | r3 | 17x5 | 32x5 | 12x5 |
"""


def test_one_cell_of_two_companies_needs_three_others() -> None:
    """Rows 2 and 3 by columns 1 and 3 withhold 8 + 17 + 12 = 37, the least of the four rectangles."""
    assert published(protect(table(HAND_EXAMPLE))) == drawn(
        """
        |    | c1 | c2  | c3 | _T  |
        | r1 | 20 | 50  | 10 | 80  |
        | r2 | s  | 19  | c  | 49  |
        | r3 | s  | 32  | s  | 61  |
        | _T | 45 | 101 | 44 | 190 |
        """
    )


def test_the_attacker_knows_that_the_cell_is_between_5_and_30() -> None:
    """It falls by at most 17, which r3-c1 can give way, and rises by at most 8, which r2-c1 can."""
    protected = protect(table(HAND_EXAMPLE))
    (found,) = attack(protected).query("nace == 'r2' and region == 'c3'").to_dict("records")
    assert (found["lower"], found["upper"], found["protected"]) == (5, 30, True)
    cell = Attacker([protected])
    assert cell.bounds(cell.names[(("nace", "r2"), ("region", "c3"))]) == pytest.approx((5, 30))


def test_more_protection_needs_other_cells() -> None:
    """By 40 per cent, 8.8, which r2-c1 cannot give way. Column 2 can: 19 + 32 + 12, or 19 + 50 + 10, which is more."""
    profile = RuleProfile(threshold=3, protection=40)
    assert published(protect(table(HAND_EXAMPLE), profile))[1:4] == drawn(
        """
        | r1 | 20 | 50 | 10 | 80 |
        | r2 | 8  | s  | c  | 49 |
        | r3 | 17 | s  | s  | 61 |
        """
    )


def test_a_table_without_unsafe_cells_stays_whole() -> None:
    protected = protect(table(HAND_EXAMPLE), RuleProfile(threshold=2))
    assert set(protected.cells["status"]) == {"published"}
    assert protected.cells["value"].tolist() == protected.table.cells["value"].tolist()


# -------------------------------------------------------------------------------------------------- hierarchies


NACE = Hierarchy.from_pairs([("T", "A"), ("T", "B"), ("A", "A1"), ("A", "A2"), ("B", "B1"), ("B", "B2")])


def test_the_only_part_of_a_subtotal_takes_the_subtotal_and_cells_of_another_branch_with_it() -> None:
    """A2 north is published as empty, so A north is A1 north. Its cover has to come from B, and B's from B1."""
    rows = """
        |    | north | south |
        | A1 | 30x2  | 60x5  |
        | A2 | 0     | 80x5  |
        | B1 | 50x5  | 40x5  |
        | B2 | 70x5  | 90x5  |
    """
    assert published(protect(table(rows, nace=NACE), EMPTY_IS_SAFE)) == drawn(
        """
        |    | north | south | _T  |
        | A  | c     | s     | 170 |
        | A1 | c     | s     | 90  |
        | A2 | 0     | 80    | 80  |
        | B  | s     | s     | 250 |
        | B1 | s     | s     | 90  |
        | B2 | 70    | 90    | 160 |
        | T  | 150   | 270   | 420 |
        """
    )


NORTH_SOUTH = Hierarchy.from_pairs(
    [("all", "north"), ("all", "south"), ("north", "a"), ("north", "b"), ("south", "c"), ("south", "d")]
)
TOWN_LAND = Hierarchy.from_pairs(
    [("all", "town"), ("all", "land"), ("town", "a"), ("town", "c"), ("land", "b"), ("land", "d")]
)
FOUR_PLACES = """
    |   | a    | b    | c    | d    |
    | x | 20x2 | 70x5 | 60x5 | 90x5 |
    | y | 80x5 | 50x5 | 40x5 | 30x5 |
"""


def test_one_hierarchy_of_places_needs_one_other_place() -> None:
    assert published(protect(table(FOUR_PLACES, region=NORTH_SOUTH)))[1:] == drawn(
        """
        | x  | 90  | c   | s   | 150 | 60  | 90  | 240 |
        | y  | 130 | s   | s   | 70  | 40  | 30  | 200 |
        | _T | 220 | 100 | 120 | 220 | 100 | 120 | 440 |
        """
    )


def test_two_hierarchies_of_the_same_places_need_all_four() -> None:
    """In the north b covers a, in town c does, and d has to cover both of them."""
    both = protect(table(FOUR_PLACES, region=(NORTH_SOUTH, TOWN_LAND)))
    assert published(both) == drawn(
        """
        |    | north | a   | b   | south | c   | d   | town | land | all |
        | x  | 90    | c   | s   | 150   | s   | s   | 80   | 160  | 240 |
        | y  | 130   | s   | s   | 70    | s   | s   | 120  | 80   | 200 |
        | _T | 220   | 100 | 120 | 220   | 100 | 120 | 200  | 240  | 440 |
        """
    )


# ------------------------------------------------------------------------------------------------ linked tables


def by_region_and_by_size() -> list[Table]:
    """Two tables that share the column of totals. The only company of A2 is in the north, and small."""
    parts = {
        ("A1", "north", "small"): 6, ("A1", "north", "large"): 4, ("A1", "south", "small"): 64,
        ("A1", "south", "large"): 26, ("A3", "north", "small"): 7, ("A3", "north", "large"): 53,
        ("A3", "south", "small"): 5, ("A3", "south", "large"): 35,
    }  # fmt: skip
    rows = [(*cell, total / 5, f"{cell}-{number}") for cell, total in parts.items() for number in range(5)]
    rows.append(("A2", "north", "small", 20, "the only one"))
    data = pd.DataFrame(rows, columns=["nace", "region", "size", "turnover", "company"])
    return [
        Table.from_microdata(data, {"nace": None, other: None}, value="turnover", unit="company")
        for other in ("region", "size")
    ]


def test_linked_tables_that_are_safe_one_by_one_are_unsafe_together() -> None:
    """Each table withholds another total beside that of A2, and so each publishes what the other withholds."""
    apart = [protect(each, EMPTY_IS_SAFE) for each in by_region_and_by_size()]
    assert [published(each)[1:] for each in apart] == [
        drawn(
            """
            | A1 | s  | 90  | s   |
            | A2 | c  | 0   | c   |
            | A3 | 60 | 40  | 100 |
            | _T | 90 | 130 | 220 |
            """
        ),
        drawn(
            """
            | A1 | 30  | 70  | 100 |
            | A2 | 0   | c   | c   |
            | A3 | 88  | s   | s   |
            | _T | 118 | 102 | 220 |
            """
        ),
    ]
    assert not passes(apart)
    of_a2 = attack(apart).query("nace == 'A2'")
    assert set(of_a2["lower"].round(6)) == set(of_a2["upper"].round(6)) == {20}
    assert not of_a2["protected"].any()


def test_protected_together_they_withhold_the_same_total() -> None:
    together = suppress(by_region_and_by_size(), EMPTY_IS_SAFE, cost="value")
    assert [published(each)[1:] for each in together] == [
        drawn(
            """
            | A1 | 10 | 90  | 100 |
            | A2 | c  | 0   | c   |
            | A3 | s  | 40  | s   |
            | _T | 90 | 130 | 220 |
            """
        ),
        drawn(
            """
            | A1 | 30  | 70  | 100 |
            | A2 | 0   | c   | c   |
            | A3 | 88  | s   | s   |
            | _T | 118 | 102 | 220 |
            """
        ),
    ]
    assert passes(together)
    assert attack(together)["protected"].all()


# ------------------------------------------------------------------------------------- contributors who attack


SINGLETONS = """
    |    | c1   | c2   | c3   | c4   |
    | r1 | 100  | 80   | 60x5 | 90x5 |
    | r2 | 70x5 | 50x5 | 40x5 | 95x5 |
    | r3 | 85x5 | 65x5 | 75x5 | 55x5 |
"""


def test_two_companies_alone_in_their_cells_need_a_third_cell_between_them() -> None:
    """Rows 1 and 2 by columns 1 and 2 would do for the public; but each of the two would have the other's turnover."""
    assert published(protect(table(SINGLETONS), TEN_PERCENT)) == drawn(
        """
        |    | c1  | c2  | c3  | c4  | _T  |
        | r1 | c   | c   | s   | 90  | 330 |
        | r2 | s   | s   | s   | 95  | 255 |
        | r3 | 85  | 65  | 75  | 55  | 280 |
        | _T | 255 | 195 | 175 | 240 | 865 |
        """
    )


def test_two_cells_that_are_below_the_threshold_together_are_not_shown_as_a_sum() -> None:
    """Of two and one companies four are asked for: their sum, 18, is not enough either."""
    rows = """
        |    | c1   | c2   | c3   | c4   |
        | r1 | 10x2 | 8x1  | 60x5 | 90x5 |
        | r2 | 70x5 | 50x5 | 40x5 | 95x5 |
        | r3 | 85x5 | 65x5 | 75x5 | 55x5 |
    """
    protected = protect(table(rows), RuleProfile(threshold=4))
    assert published(protected)[1:3] == drawn(
        """
        | r1 | c | c | s | 90 | 168 |
        | r2 | s | s | s | 95 | 255 |
        """
    )
    assert protected.report.unions == 1


# --------------------------------------------------------------------------------------------------------- zeros


WITH_AN_EMPTY_CELL = """
    |    | c1   | c2   | c3   |
    | r1 | 20x5 | 0    | 50x5 |
    | r2 | 40x5 | 30x5 | 60x5 |
    | r3 | 15x5 | 25x5 | 35x5 |
"""
WHOLE = """
    | r1 | 20 | 0  | 50  | 70  |
    | r2 | 40 | 30 | 60  | 130 |
    | r3 | 15 | 25 | 35  | 75  |
    | _T | 75 | 55 | 145 | 275 |
"""


def test_an_empty_cell_is_withheld_and_protected_where_the_profile_does_not_say_that_it_is_safe() -> None:
    assert published(protect(table(WITH_AN_EMPTY_CELL)))[1:] == drawn(
        """
        | r1 | s  | c  | 50  | 70  |
        | r2 | 40 | 30 | 60  | 130 |
        | r3 | s  | s  | 35  | 75  |
        | _T | 75 | 55 | 145 | 275 |
        """
    )


def test_an_empty_cell_is_published_where_zero_is_safe() -> None:
    assert published(protect(table(WITH_AN_EMPTY_CELL), EMPTY_IS_SAFE))[1:] == drawn(WHOLE)


def test_an_impossible_cell_is_published_whatever_the_zero_policy() -> None:
    impossible = [{"nace": "r1", "region": "c2"}]
    assert published(protect(table(WITH_AN_EMPTY_CELL, impossible=impossible)))[1:] == drawn(WHOLE)


# ---------------------------------------------------------------- weights, waivers, requests, holdings, negatives


def first_row(contributions: str, profile: RuleProfile, **columns: str) -> list[str]:
    """What is published of a row whose first cell has these contributions."""
    rows = f"""
        |    | c1              | c2   | c3   |
        | r1 | {contributions} | 80x5 | 60x5 |
        | r2 | 70x5            | 50x5 | 40x5 |
        | r3 | 85x5            | 65x5 | 75x5 |
    """
    return published(protect(table(rows, **columns), profile))[1][1:]


@pytest.mark.parametrize(
    ("policy", "row"),
    [
        ("known", ["c", "80", "s", "610"]),  # who knows the weights takes 70 out of 470, and 400 are left: all of it
        ("sample", ["470", "80", "60", "610"]),  # who does not takes 10 out of 470
        ("expanded", ["470", "80", "60", "610"]),  # the two largest of the population are taken to be 100 and 100
    ],
)
def test_weights_that_are_known_protect_nobody(policy: str, row: list[str]) -> None:
    profile = RuleProfile(p_percent=10, weights=policy)
    assert first_row("100(weight 4)+10(weight 7)", profile, weight="weight") == row


def test_who_agreed_to_publication_is_not_protected() -> None:
    assert first_row("300+20+10", TEN_PERCENT) == ["c", "80", "s", "470"]
    assert first_row("300(agreed)+20+10", TEN_PERCENT, waiver="agreed") == ["330", "80", "60", "470"]


def test_who_asked_for_confidentiality_is_protected_where_her_share_is_large() -> None:
    """60 of 100 is above 40 %: the cell could be 150, in which it is not. c2 can give way by so much, c3 cannot."""
    profile = RuleProfile(request=40)
    assert first_row("30(asked)+60+10", profile, request="asked") == ["100", "80", "60", "240"]
    assert first_row("60(asked)+30+10", profile, request="asked") == ["c", "s", "60", "240"]


def test_companies_of_one_owner_are_one_contributor() -> None:
    contributions = "50(owner G)+40(owner G)+30"
    assert first_row(contributions, THREE_UNITS) == ["120", "80", "60", "260"]
    assert first_row(contributions, THREE_UNITS, holding="owner") == ["c", "80", "s", "260"]


def test_a_loss_is_judged_by_its_size() -> None:
    shifted, referred = (RuleProfile(p_percent=10, negatives=policy) for policy in ("shift", "refer"))
    assert first_row("-40", shifted) == first_row("-40", referred) == ["c", "80", "s", "100"]


def test_a_loss_is_referred_to_a_person_where_the_profile_says_so() -> None:
    rows = WITH_AN_EMPTY_CELL.replace("| 0    |", "| -40  |")
    shifted, referred = (RuleProfile(p_percent=10, negatives=policy) for policy in ("shift", "refer"))
    assert "refer" not in [each.severity for each in protect(table(rows), shifted).findings]
    assert "refer" in [each.severity for each in protect(table(rows), referred).findings]
