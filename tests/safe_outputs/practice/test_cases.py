"""Practice cases: they are what they say, by the real rules, the same at every run, and give nothing away."""

import pytest

from disclosure_control import recover
from safe_outputs.answers import TOTAL, TableOfCells
from safe_outputs.errors import NoSuchThing
from safe_outputs.practice import dummies, tables
from safe_outputs.practice.case import Case
from safe_outputs.practice.cases import CASES, all_cases, find_case
from safe_outputs.practice.defects import DEFECTS, Defect

DIGESTS: dict[tuple[str, int], str] = {
    ("p01", 1): "0516df9ae030703e",
    ("p02", 1): "cbe18432cab3a699",
    ("p03", 1): "3c47e947b483db09",
    ("p04", 1): "8256f5c0ea11d03b",
    ("p05", 1): "5c233ee753d36865",
    ("p06", 1): "1d0ea32bede935aa",
    ("p07", 1): "c7cc8a2351eb9904",
    ("p08", 1): "48b93022753abdda",
    ("p09", 1): "d2a080986a344b74",
    ("p10", 1): "7d14b5d792324648",
    ("p11", 1): "7b10c793389e98e6",
    ("p12", 1): "81c1368db524835c",
    ("p13", 1): "130b1e7933355484",
    ("p14", 1): "7f70043f4e04c168",
    ("p15", 1): "21f8efe58311e052",
    ("p16", 1): "d02ee9ffb9536bf9",
    ("p17", 1): "3bbb75a815a4a4e3",
}
"""The content of each version of each case. Content that changes is another version, with a line of its own."""


@pytest.mark.parametrize("name", CASES)
def test_a_version_of_a_case_never_changes(name: str) -> None:
    case = find_case(name)
    assert DIGESTS.get((name, case.version)) == case.digest[:16]


def test_there_are_enough_of_both_kinds() -> None:
    clean = [case for case in all_cases() if not case.planted]
    assert len(CASES) >= 12
    assert len(clean) >= 4
    assert {defect for case in all_cases() for defect in case.defects} == set(Defect) == set(DEFECTS)
    assert any(len(case.defects) > 1 for case in all_cases())


def test_nothing_gives_the_defects_away() -> None:
    for case in all_cases():
        shown = f"{case.id} {case.title} {case.purpose} {[each.title for each in case.exhibits]}".lower()
        assert not [each for each in Defect if each.value in shown or each.value.replace("_", " ") in shown], case.id
        assert not (case.defects & case.arguable)


def cells_of(table: TableOfCells) -> dict[tuple[str, ...], float | None]:
    return {cell.codes: cell.values[0] for cell in table.cells}


def adds_up(table: TableOfCells) -> bool:
    """Whether every total that is published is the sum of its parts, where these are all published."""
    found = cells_of(table)
    for codes, value in found.items():
        for place, code in enumerate(codes):
            parts = [
                each
                for names, each in found.items()
                if names[:place] == codes[:place] and names[place + 1 :] == codes[place + 1 :] and names[place] != TOTAL
            ]
            if code == TOTAL and value is not None and None not in parts and sum(each or 0 for each in parts) != value:
                return False
    return True


@pytest.mark.parametrize("name", ["p01", "p02", "p03", "p04", "p05", "p08", "p09", "p10", "p13", "p14", "p17"])
def test_the_totals_of_counts_and_sums_are_true(name: str) -> None:
    for each in find_case(name).exhibits:
        assert each.table is not None
        assert adds_up(each.table)


@pytest.mark.parametrize("case", [case for case in all_cases() if not case.planted], ids=lambda case: case.id)
def test_a_clean_case_publishes_no_small_count(case: Case) -> None:
    """Counted by hand: of exact persons none of a few, none by totals either."""
    for each in case.exhibits:
        if each.table is not None and each.table.measures[0].label == "Persons":
            assert min(value for value in cells_of(each.table).values() if value is not None) >= 10


def test_small_counts_are_there_and_nothing_is_withheld() -> None:
    values = list(cells_of(_only_table("p02")).values())
    assert None not in values
    assert 0 < min(value for value in values if value is not None) < 10


def test_percentages_times_their_base_are_small_counts() -> None:
    case = find_case("p12")
    shares, base = (cells_of(each.table) for each in case.exhibits if each.table is not None)
    counts = [share * (base[region,] or 0) / 100 for (region, _), share in shares.items() if share is not None]
    assert any(0.5 < count < 9.5 for count in counts)
    assert all(abs(count - round(count)) < 0.5 for count in counts)


def test_one_business_has_most_of_one_total_and_no_count_is_small() -> None:
    counts, shares = (cells_of(each.table) for each in find_case("p04").exhibits[0].supporting)
    assert min(value or 0 for value in counts.values()) >= 10
    assert [codes for codes, share in shares.items() if (share or 0) > 50] == [("Boatyards", "West")]
    fair = cells_of(find_case("p09").exhibits[0].supporting[1].table)
    assert max(value or 0 for value in fair.values()) < 50


def test_what_is_withheld_alone_in_its_row_is_the_total_less_the_others() -> None:
    found = cells_of(_only_table("p05"))
    alone = [
        (region, sum(1 for (each, _), value in found.items() if each == region and value is None))
        for region in dummies.REGIONS
    ]
    region = next(name for name, number in alone if number == 1)
    known = sum(value for (each, sector), value in found.items() if each == region and sector != TOTAL and value)
    truth = tables.table_of(dummies.persons(13, 700), {"region": dummies.REGIONS, "sector": dummies.SECTORS}, "person")
    sector = next(sector for (each, sector), value in found.items() if each == region and value is None)
    cells = truth.cells.set_index(["region", "sector"])["value"]
    assert (found[region, TOTAL] or 0) - known == cells[region, sector] < 10


def test_nothing_that_is_withheld_in_the_clean_case_can_be_had_back() -> None:
    made = tables.protected(
        tables.table_of(dummies.persons(12, 900), {"region": dummies.REGIONS, "sector": dummies.SECTORS}, "person")
    )
    assert recover(made).empty
    assert sum(value is None for value in cells_of(_only_table("p01")).values()) == int(made.withheld.sum()) > 0


def test_two_releases_differ_by_a_few_in_every_cell() -> None:
    case = find_case("p08")
    before, after = cells_of(case.earlier[0].table), cells_of(_only_table("p08"))
    assert {(before[codes] or 0) - (after[codes] or 0) for codes in after if TOTAL not in codes} == {4}
    assert min(value or 0 for value in after.values()) >= 10


def test_all_of_a_group_are_in_one_category() -> None:
    found = cells_of(_only_table("p10"))
    assert found["Mining", "yes"] == 0
    assert found["Mining", "no"] == found["Mining", TOTAL]


def test_the_exact_numbers_stand_beside_the_noisy_ones() -> None:
    noisy, exact = (cells_of(each.table) for each in find_case("p15").exhibits if each.table is not None)
    differences = [abs((exact[codes] or 0) - (noisy[codes] or 0)) for codes in noisy]
    assert max(differences) > 0
    assert max(differences) < 50


def test_files_hold_what_is_planted() -> None:
    lines = find_case("p07").exhibits[0].file_text.splitlines()
    assert len(lines) == 41
    formulas = [
        cell
        for line in find_case("p11").exhibits[0].file_text.splitlines()
        for cell in line.split(",")
        if cell[:1] in "=@"
    ]
    assert len([each for each in formulas if each]) == 2
    extremes = find_case("p16").exhibits[0].file_text.splitlines()[1].split(",")
    incomes = dummies.persons(35, 1500).query("region == 'North'")["income"]
    assert [int(extremes[2]), int(extremes[4])] == [incomes.min(), incomes.max()]


def test_every_planted_defect_cites_its_rule_and_source_and_remedy() -> None:
    for case in all_cases():
        for each in case.planted:
            assert all([each.finding.sentence, each.finding.limit, each.finding.source, each.finding.fix]), case.id


def test_a_case_that_there_is_not() -> None:
    with pytest.raises(NoSuchThing, match="no such practice case"):
        find_case("p99")


def test_a_rule_that_finds_nothing_makes_no_case() -> None:
    codes = {"region": dummies.REGIONS[:4]}
    data = dummies.persons(1, 2000)
    made = tables.table_of(data[data["region"] != "Isles"], codes, "person")
    with pytest.raises(LookupError, match="finds nothing"):
        tables.finding_of(made, "threshold", "persons")


def _only_table(name: str) -> TableOfCells:
    found = find_case(name).exhibits[0].table
    assert found is not None
    return found
