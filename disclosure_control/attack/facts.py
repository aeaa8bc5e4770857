"""What is known of every cell of protected tables.

The truth; what is published; what has to be protected; who knows it; and between which bounds everybody knows it to be.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd

from disclosure_control.attack.links import Indices, Mask, Numbers
from disclosure_control.attack.names import measure
from disclosure_control.errors import AttackFailed
from disclosure_control.profiles import RuleProfile
from disclosure_control.structure import Grid
from disclosure_control.table import Table

PROTECTION = ("lower_protection", "upper_protection", "sliding_protection")
AGREES = 1e-9  # as a part of the value: published cells equal the truth


class Protected(Protocol):
    """What the attack reads of a protected table."""

    @property
    def table(self) -> Table: ...
    @property
    def profile(self) -> RuleProfile | None: ...
    @property
    def cells(self) -> pd.DataFrame: ...
    @property
    def protection(self) -> pd.DataFrame: ...


@dataclass(frozen=True, eq=False)
class Facts:
    """One entry per cell; of a cell of several tables, what is known together.

    Attributes:
        value: the truth. `published`: some table shows it. `withheld`: some table does not.
        room_down, room_up: how far below and above the truth it may lie, for all that everybody knows.
        needs: the protection required: down, up, and the width (three rows).
        whole: everybody knows that it is a whole number.
        lone: it has one contributor, who knows it. `own`: what she contributes; `largest`: the largest contribution.
    """

    value: Numbers
    published: Mask
    withheld: Mask
    room_down: Numbers
    room_up: Numbers
    needs: Numbers
    whole: Mask
    lone: Mask
    own: Numbers
    largest: Numbers


def facts_of(protected: Sequence[Protected], of: Sequence[Indices], count: int) -> Facts:
    """The facts. `of`: for each table, the numbers of its cells, below `count`.

    Raises:
        AttackFailed: cells in another order than the table's; a cell without a value, with two, or below its floor; a
            published cell that is not true.
    """
    tables = [each.table for each in protected]
    signed, whole = _signed(tables), _whole(tables)
    facts = _nothing_known(count)
    for each, cells in zip(protected, of, strict=True):
        _require_in_order(each)
        _take(facts, cells, each, signed=measure(each.table) in signed, whole=measure(each.table) in whole)
    return facts


def _nothing_known(count: int) -> Facts:
    no, zero, endless = np.zeros(count, bool), np.zeros(count), np.full(count, np.inf)
    needs, value = np.zeros((3, count)), np.full(count, np.nan)
    return Facts(value, no, no.copy(), endless, endless.copy(), needs, no.copy(), no.copy(), zero, zero.copy())


def _take(facts: Facts, cells: Indices, protected: Protected, *, signed: bool, whole: bool) -> None:
    """Add what one table knows of its cells. A table has each cell once."""
    table = protected.table
    value, shown = _column(table.cells, "value"), _column(protected.cells, "value")
    published = ~np.isnan(shown)
    _require_truth(value, facts.value[cells], shown[published], value[published])
    facts.value[cells] = value
    facts.published[cells] |= published
    facts.withheld[cells] |= ~published
    room_down, room_up = _room(table, value, signed=signed)
    facts.room_down[cells] = np.minimum(facts.room_down[cells], np.floor(room_down + AGREES) if whole else room_down)
    facts.room_up[cells] = np.minimum(facts.room_up[cells], room_up)
    needs = np.stack([_column(protected.protection, side) for side in PROTECTION])
    if np.isnan(needs).any():
        raise AttackFailed(
            "A protection level is missing, so it is not known what is required. Give 0 where nothing is."
        )
    facts.needs[:, cells] = np.maximum(facts.needs[:, cells], needs)
    facts.whole[cells] |= whole
    lone, own, largest = _contributors(table, value)
    facts.lone[cells] |= lone
    facts.own[cells] = np.maximum(facts.own[cells], own)
    facts.largest[cells] = np.maximum(facts.largest[cells], largest)


def _column(frame: pd.DataFrame, name: str) -> Numbers:
    return frame[name].to_numpy(dtype="float64")


def _require_in_order(protected: Protected) -> None:
    """The protected cells stand in the table's order, which is that of its equations."""
    grid, cells = protected.table.grid, protected.cells
    if not len(cells) == len(protected.table.cells) == len(protected.protection) == grid.cells:
        raise AttackFailed("The protected table has more or fewer cells than its table. Attack it as it was protected.")
    for place, axis in enumerate(grid.axes):
        if not np.array_equal(cells[axis.name].to_numpy(dtype=object), _codes_along(grid, place)):
            raise AttackFailed(
                f"The codes of {axis.name} are not those of the table, or stand in another order. Attack the table as "
                "it was protected."
            )


def _codes_along(grid: Grid, place: int) -> np.ndarray:
    shape = [-1 if other == place else 1 for other in range(len(grid.axes))]
    codes = np.asarray(grid.axes[place].codes, dtype=object).reshape(shape)
    return np.broadcast_to(codes, grid.shape).ravel()


def _require_truth(value: Numbers, before: Numbers, shown: Numbers, true: Numbers) -> None:
    if not np.isfinite(value).all():
        raise AttackFailed("A cell has no finite value, so the attack would prove nothing. Give every cell a number.")
    if not np.isclose(shown, true, rtol=AGREES, atol=0).all():
        raise AttackFailed("A published cell does not equal the truth, so the attack would prove nothing.")
    if not (np.isnan(before) | np.isclose(before, value, rtol=AGREES, atol=0)).all():
        raise AttackFailed(
            "Cells of the same name have two values in these tables, so they are not the same cells. Make the tables "
            "from the same data; attack tables of different populations one by one, or name their values apart."
        )


def _room(table: Table, value: Numbers, *, signed: bool) -> tuple[Numbers, Numbers]:
    """How far a value may lie below and above the truth, for all that everybody knows."""
    down, up = np.full(len(value), np.inf) if signed else value, np.full(len(value), np.inf)
    if "floor" in table.cells:
        floor = _column(table.cells, "floor")
        down = np.where(np.isfinite(floor), value - floor, down)
    if (down < -AGREES * np.abs(value)).any():
        raise AttackFailed("A cell is below its floor, which everybody is said to know. Correct the column floor.")
    if "impossible" in table.cells:
        impossible = table.cells["impossible"].to_numpy(dtype=bool)
        down, up = np.where(impossible, 0, down), np.where(impossible, 0, up)
    return np.maximum(down, 0), up


def _contributors(table: Table, value: Numbers) -> tuple[Mask, Numbers, Numbers]:
    """Where one contributes alone, what she contributes, and the largest contribution to every cell.

    Contributors are holdings where these are known. Of frequencies nobody knows more by being counted.
    """
    who = "holdings" if "holdings" in table.cells else "units"
    lone = np.zeros(len(value), bool)
    if table.value_name is not None and who in table.cells:
        lone = table.cells[who].to_numpy() == 1
    if "largest_1" not in table.cells:
        return lone, np.abs(value), np.abs(value) / 2  # who has half of it is the largest
    largest = _column(table.cells, "largest_1")
    return lone, largest, largest


def _signed(tables: Sequence[Table]) -> set[tuple[str, str]]:
    """The measures of which a value is negative: of the others everybody knows that none is."""
    return {
        measure(table)
        for table in tables
        if (table.cells["value"] < 0).any() or ("negatives" in table.cells and (table.cells["negatives"] > 0).any())
    }


def _whole(tables: Sequence[Table]) -> set[tuple[str, str]]:
    """The measures that count: frequencies, and rows. Weighted ones are estimates, not whole numbers."""
    counts = {measure(table) for table in tables if _counts(table)}
    return counts - {measure(table) for table in tables if not _all_whole(table)}


def _counts(table: Table) -> bool:
    if table.value_name is None:
        return True
    cells = table.cells
    return table.value_name == "rows" and "rows" in cells and bool((cells["rows"] == cells["value"]).all())


def _all_whole(table: Table) -> bool:
    value = _column(table.cells, "value")
    return bool((value == np.rint(value)).all())
