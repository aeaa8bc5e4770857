"""What is not proven is not passed: the attack raises (I3)."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from disclosure_control import Table
from disclosure_control.attack import attack, closer, passes, program, recover
from disclosure_control.errors import AttackFailed
from tests.disclosure_control.attack.tables import (
    ByHand,
    chance_pattern,
    chance_table,
    counts,
    grid,
    needing,
    protected,
)

HANDBOOK = grid("20 50 10\n8 19 22\n17 32 12")
CORNERS = [("r2", "c1"), ("r2", "c3"), ("r3", "c1"), ("r3", "c3")]
SAFE = protected(HANDBOOK, CORNERS, {("r2", "c3"): 5.0})
EVERY_WAY = [attack, passes, recover]


def changed(table: ByHand, row: int, value: float) -> ByHand:
    cells = table.cells.copy()
    cells.loc[row, "value"] = value
    return replace(table, cells=cells)


def with_cells(table: ByHand, **columns: Any) -> ByHand:
    return replace(table, table=replace(table.table, cells=table.table.cells.assign(**columns)))


@pytest.mark.parametrize("way", EVERY_WAY)
def test_a_published_cell_that_is_not_true(way):
    shown = int(np.flatnonzero(SAFE.cells["value"].notna())[3])
    with pytest.raises(AttackFailed, match="does not equal the truth"):
        way(changed(SAFE, shown, SAFE.cells["value"][shown] + 1))


@pytest.mark.parametrize("way", EVERY_WAY)
def test_a_truth_that_does_not_add_up(way):
    value = HANDBOOK.cells["value"].where(HANDBOOK.cells.index != 5, 1.0)
    shown = value.where(SAFE.cells["value"].notna())
    with pytest.raises(AttackFailed, match="not the sum of its parts"):
        way(with_cells(replace(SAFE, cells=SAFE.cells.assign(value=shown)), value=value))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_truth_that_is_no_number(value):
    broken = HANDBOOK.cells["value"].where(SAFE.cells["value"].notna(), value)
    with pytest.raises(AttackFailed, match="no finite value"):
        attack(with_cells(SAFE, value=broken))


def test_a_floor_above_the_value():
    with pytest.raises(AttackFailed, match="below its floor"):
        attack(with_cells(SAFE, floor=HANDBOOK.cells["value"] + 1))


def test_cells_in_another_order():
    with pytest.raises(AttackFailed, match="another order"):
        attack(replace(SAFE, cells=SAFE.cells[::-1]))


def test_cells_that_are_missing():
    with pytest.raises(AttackFailed, match="more or fewer cells"):
        attack(replace(SAFE, cells=SAFE.cells[1:]))


def test_protection_that_is_missing():
    with pytest.raises(AttackFailed, match="protection level is missing"):
        attack(replace(SAFE, protection=SAFE.protection.assign(upper_protection=np.nan)))


@pytest.mark.parametrize("way", EVERY_WAY)
def test_cells_of_one_name_with_two_values(way):
    """Two populations: the attack cannot know that they are two, so it does not go on."""
    with pytest.raises(AttackFailed, match="one by one"):
        way([SAFE, protected(grid("1 2 3\n4 5 6\n7 8 9"), [])])


@pytest.mark.parametrize("prior", [0, -0.5, np.nan])
def test_a_prior_that_is_none(prior):
    for way in (attack, passes):
        with pytest.raises(AttackFailed, match="above 0"):
            way(SAFE, prior=prior)


@pytest.mark.parametrize("way", EVERY_WAY)
def test_no_table_at_all(way):
    with pytest.raises(AttackFailed, match="no table"):
        way([])


LARGE = chance_pattern(chance_table(1, "three-way", "value", rows=200), 2, 0.9)


@pytest.mark.parametrize("limit", [{"simplex_iteration_limit": 1}, {"time_limit": 0.0}])
@pytest.mark.parametrize("way", [attack, passes])
def test_a_solver_that_stops_before_it_has_a_proof(monkeypatch, way, limit):
    for name, value in limit.items():
        monkeypatch.setitem(program.OPTIONS, name, value)
    with pytest.raises(AttackFailed, match="without a proof"):
        way(LARGE)


def test_an_integer_program_that_stops_before_it_has_a_proof(monkeypatch):
    people = chance_pattern(chance_table(0, "three-way", "frequencies", rows=60), 1, 0.9)
    attack(people)  # linear programs alone do not settle it
    monkeypatch.setitem(closer.INTEGER, "time_limit", 0.0)
    with pytest.raises(AttackFailed, match="without a proof"):
        attack(people)


def test_errors_hold_no_value_of_the_data():
    table = changed(SAFE, 0, 123456.0)
    with pytest.raises(AttackFailed) as failed:
        attack(table)
    assert not any(str(int(each)) in str(failed.value) for each in [123456, *HANDBOOK.cells["value"]])


def test_hidden_nans_of_a_truth_are_not_taken_for_protection():
    """A table whose cells are all withheld and whose truth is empty is not safe, it is no table."""
    nothing = HANDBOOK.cells["value"] * np.nan
    table = ByHand(
        replace(HANDBOOK, cells=HANDBOOK.cells.assign(value=nothing)),
        None,
        SAFE.cells.assign(value=nothing),
        needing(np.zeros(16), np.zeros(16)),
    )
    with pytest.raises(AttackFailed):
        passes(table)


def test_two_tables_of_counts_are_compared_by_what_they_count():
    with pytest.raises(AttackFailed, match="two values"):
        attack([protected(counts("1 2\n3 4"), []), protected(counts("2 2\n3 4"), [])])


def test_a_table_of_values_may_have_columns_of_any_kind():
    noted = replace(HANDBOOK, cells=HANDBOOK.cells.assign(note=pd.Series(["x"] * 16, dtype=object)))
    assert passes(replace(SAFE, table=Table(noted.dimensions, noted.cells, noted.value_name, noted.unit_name)))
