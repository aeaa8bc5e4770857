"""Who is alone in a withheld cell knows it, and must not have another one by it."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from disclosure_control import Table
from disclosure_control.attack import attack, passes
from tests.disclosure_control.attack.reference import reference
from tests.disclosure_control.attack.tables import SHAPES, ByHand, chance_pattern, chance_table, protected


def companies(*rows: tuple[str, str, float], holding: list[int] | None = None) -> Table:
    """A table by region and branch, of one company a row."""
    data = pd.DataFrame(rows, columns=["region", "branch", "value"]).assign(unit=range(len(rows)))
    if holding is None:
        return Table.from_microdata(data, {"region": None, "branch": None}, value="value", unit="unit")
    data["holding"] = holding
    dimensions = {"region": None, "branch": None}
    return Table.from_microdata(data, dimensions, value="value", unit="unit", holding="holding")


PAIR = [(region, branch, 10.0) for region in "AB" for branch in ("x", "x", "y", "y", "z", "z")]
SQUARE = [("A", "x"), ("A", "y"), ("B", "x"), ("B", "y")]


def test_a_square_is_safe_from_outsiders_and_not_from_who_is_alone_in_one_corner() -> None:
    """She knows her corner, so that she has the other three by subtraction."""
    alone = companies(("A", "x", 20.0), *PAIR[2:])
    table = protected(alone, SQUARE, {("A", "y"): 2.0})
    found = attack(table)
    assert found[["lower", "upper"]].to_numpy().tolist() == [[0, 40], [0, 40], [0, 40], [0, 40]]
    assert found["contributors_too"].to_list() == [True, False, True, True]
    assert found["protected"].to_list() == [True, False, True, True]
    assert not passes(table)


def test_with_two_in_every_corner_nobody_knows_one() -> None:
    table = protected(companies(*PAIR), SQUARE, {("A", "y"): 2.0})
    assert attack(table)["protected"].all() and passes(table)


def test_she_is_no_attacker_on_her_own_cell() -> None:
    table = protected(companies(("A", "x", 20.0), *PAIR[2:]), SQUARE, {("A", "x"): 2.0})
    assert attack(table)["protected"].all() and passes(table)


def test_two_companies_of_one_holding_know_what_they_are_together() -> None:
    hers = [0, 0, *range(1, 11)]
    assert passes(protected(companies(*PAIR), SQUARE, {("A", "y"): 2.0}))
    assert not passes(protected(companies(*PAIR, holding=hers), SQUARE, {("A", "y"): 2.0}))


def test_nobody_is_kept_from_a_total_of_which_she_is_the_largest_part() -> None:
    """A total guards its largest contributor; she knows herself."""
    rows = [
        ("A", "x", 50.0),
        ("A", "y", 4.0),
        ("A", "y", 4.0),
        ("B", "x", 9.0),
        ("B", "x", 9.0),
        ("B", "y", 8.0),
        ("B", "y", 8.0),
    ]
    hidden = [("A", "_T"), ("A", "x"), ("B", "_T"), ("B", "x")]
    assert passes(protected(companies(*rows), hidden, {("A", "_T"): 5.0}))
    smaller = [("A", "x", 3.0), *rows[1:]]
    assert not passes(protected(companies(*smaller), hidden, {("A", "_T"): 1.0}))


def test_counts_tell_those_who_are_counted_nothing() -> None:
    people = pd.DataFrame([("A", "x"), *[each[:2] for each in PAIR[2:]]], columns=["region", "branch"])
    table = protected(Table.from_microdata(people, {"region": None, "branch": None}), SQUARE, {("A", "y"): 1.0})
    assert passes(table) and attack(table)["contributors_too"].all()


def test_several_of_them_are_each_kept_out() -> None:
    """Two alone in corners of two squares: either knows one square, and neither cell of the other's."""
    rows = [(region, branch, 10.0) for region in "ABC" for branch in ("x", "x", "y", "y", "z", "z")]
    alone = [row for number, row in enumerate(rows) if number not in {1, 9}]  # one is left in A x, one in B y
    square = [(region, branch) for region in "ABC" for branch in "xy"]
    table = protected(companies(*alone), square, {("C", "x"): 2.0, ("C", "y"): 2.0})
    assert attack(table)["contributors_too"].all() and passes(table)


# ---------------------------------------------------------------------------------------------- against the reference

slowly = settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


def parts_of(table: Table) -> list[frozenset[int]]:
    """The inner cells with contributors that each cell is the sum of."""
    units, totals = table.cells["units"].to_numpy(), {total for total, _ in table.relations}
    below = {row: frozenset([row] if units[row] else []) for row in range(len(units)) if row not in totals}
    while len(below) < len(units):
        for total, parts in table.relations:
            if total not in below and all(part in below for part in parts.tolist()):
                below[total] = frozenset().union(*(below[part] for part in parts.tolist()))
    return [below[row] for row in range(len(units))]


def attackers(table: ByHand, row: int) -> Iterator[list[int]]:
    """What each lone contributor knows, of those who are attackers on this cell."""
    cells, below = table.table.cells, parts_of(table.table)
    hidden = table.cells["value"].isna().to_numpy()
    units, largest = cells["units"].to_numpy(), cells["largest_1"].to_numpy()
    lone = [each for each in range(len(cells)) if units[each] == 1]
    for inner in {next(iter(below[each])) for each in lone}:
        hers = [each for each in lone if inner in below[each]]
        largest_here = inner in below[row] and largest[inner] >= largest[row]
        if row not in hers and not largest_here and cells["value"][row] != 0 and hidden[hers].any():
            yield hers


@slowly
@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.sampled_from(list(SHAPES)),
    kind=st.sampled_from(["value", "negative"]),
    share=st.sampled_from([0.3, 0.5, 0.8]),
    prior=st.sampled_from([None, 0.5]),
)
def test_contributors_find_what_the_reference_finds_with_their_cells(seed, shape, kind, share, prior):
    table = chance_pattern(chance_table(seed, shape, kind, rows=20), seed + 1, share)
    found, ours = reference([table], prior), attack(table, prior)
    rows, needs = np.flatnonzero(table.cells["value"].isna()).tolist(), table.protection.to_numpy()
    for row, safe in zip(rows, ours["contributors_too"], strict=True):
        upper = needs[row][1]
        wanted = not upper or all(
            covers(
                found.bounds([found.numbers[0][row]], [found.numbers[0][each] for each in hers]),
                found.truth[found.numbers[0][row]],
                upper,
            )
            for hers in ([], *attackers(table, row))
        )
        known = prior is not None and found.truth[found.numbers[0][row]] == 0
        assert safe == wanted or known


def covers(interval: tuple[float, float], truth: float, need: float) -> bool:
    low, high = interval
    return low <= truth - need * (1 - 1e-6) + 1e-7 and high >= truth + need * (1 - 1e-6) - 1e-7
