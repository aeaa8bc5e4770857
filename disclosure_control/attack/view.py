"""What an attacker sees of protected tables: the withheld cells, and the equations that the published ones leave.

Written apart from the suppressor on purpose: nothing of `disclosure_control.suppression` is used here.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from disclosure_control.errors import AttackFailed
from disclosure_control.table import Table

Numbers = NDArray[np.float64]
Indices = NDArray[np.int64]
Mask = NDArray[np.bool_]

PROTECTION = ("lower_protection", "upper_protection", "sliding_protection")
SUMS = 1e-6  # as a part of the values: totals equal the sum of their parts
AGREES = 1e-9  # as a part of the value: published cells equal the truth


class Protected(Protocol):
    """What the attack reads of a protected table."""

    @property
    def table(self) -> Table: ...
    @property
    def cells(self) -> pd.DataFrame: ...
    @property
    def protection(self) -> pd.DataFrame: ...


@dataclass(frozen=True, eq=False)
class View:
    """The withheld cells of all tables, each once, and the equations between them.

    Attributes:
        places: for every table, the rows of its withheld cells and the columns that stand for them.
        truth: their values; `need_down`, `need_up` and `need_apart`: the protection that they need.
        rows, columns, signs: the entries of the equations: in each, the withheld cells' deviations add up to 0.
        negative: whether values may be negative; if not, everybody knows that.
        lone: columns that each lone contributor knows; `largest_in` (column, contributor): not to be defended there.
    """

    places: tuple[tuple[Indices, Indices], ...]
    truth: Numbers
    need_down: Numbers
    need_up: Numbers
    need_apart: Numbers
    rows: Indices
    columns: Indices
    signs: Numbers
    negative: bool
    lone: tuple[Indices, ...]
    largest_in: frozenset[tuple[int, int]]

    def __len__(self) -> int:
        return len(self.truth)

    @cached_property
    def starts(self) -> Indices:
        """Where each equation's entries begin, and their number at the end."""
        count = int(self.rows.max(initial=-1)) + 1
        return np.searchsorted(self.rows, np.arange(count + 1))

    def room(self, prior: float | None) -> tuple[Numbers, Numbers]:
        """How far below and above the truth each cell may lie, for all that the attacker knows beforehand."""
        endless = np.full(len(self), np.inf)
        if prior is None:
            return (endless if self.negative else self.truth), endless
        return prior * np.abs(self.truth), prior * np.abs(self.truth)


def view_of(protected: Sequence[Protected]) -> View:
    """The attacker's view. Raises `AttackFailed` where published cells or sums are not true."""
    names: dict[Hashable, int] = {}
    numbers = [
        np.array(
            [names.setdefault((each.table.value_name, key), len(names)) for key in Table.keys(each.table)], np.int64
        )
        for each in protected
    ]
    facts = pd.concat([_facts(each, cells) for each, cells in zip(protected, numbers, strict=True)]).groupby(level=0)
    known = facts.max().sort_index()
    hidden = facts["hidden"].min().to_numpy(dtype=bool)  # one table that publishes it is enough
    column = np.where(hidden, np.cumsum(hidden) - 1, -1)
    relations = {
        (int(cells[total]), *np.sort(cells[parts]).tolist()): None
        for each, cells in zip(protected, numbers, strict=True)
        for total, parts in each.table.relations
    }
    _require_sums(list(relations), known["value"].to_numpy())
    at = known[hidden]
    truth, need_down, need_up, need_apart = (at[name].to_numpy(dtype="float64") for name in ("value", *PROTECTION))
    return View(
        tuple(_places(each, cells, column) for each, cells in zip(protected, numbers, strict=True)),
        truth,
        need_down,
        need_up,
        need_apart,
        *_equations(list(relations), column),
        any(_negative(each.table) for each in protected),
        *_contributors(list(relations), known, column),
    )


def _facts(protected: Protected, numbers: Indices) -> pd.DataFrame:
    """Of every cell, by its number: the truth, whether it is withheld, its protection, its contributors."""
    truth, shown = protected.table.cells, protected.cells["value"].to_numpy(dtype="float64")
    value = truth["value"].to_numpy(dtype="float64")
    hidden = np.isnan(shown)
    if not np.isclose(shown[~hidden], value[~hidden], rtol=AGREES, atol=0).all():
        raise AttackFailed("A published cell does not equal the truth, so the attack would prove nothing.")
    lone = np.zeros(len(value), bool)
    if protected.table.value_name is not None and "units" in truth:
        lone = truth["units"].to_numpy() == 1
    largest = truth["largest_1"].to_numpy() if "largest_1" in truth else value / 2
    protection = {side: protected.protection[side].to_numpy(dtype="float64") for side in PROTECTION}
    return pd.DataFrame(
        {"value": value, "hidden": hidden, **protection, "lone": lone, "largest": largest}, index=numbers
    )


def _require_sums(relations: list[tuple[int, ...]], value: Numbers) -> None:
    for total, *parts in relations:
        if abs(value[total] - value[parts].sum()) > SUMS * np.abs(value[parts]).sum() + SUMS * abs(value[total]):
            raise AttackFailed("A total is not the sum of its parts, so the attack would prove nothing.")


def _negative(table: Table) -> bool:
    cells = table.cells
    return bool((cells["value"] < 0).any() or ("negatives" in cells and (cells["negatives"] > 0).any()))


def _places(protected: Protected, numbers: Indices, column: Indices) -> tuple[Indices, Indices]:
    rows = np.flatnonzero(protected.cells["value"].isna().to_numpy() & (column[numbers] >= 0))
    return rows, column[numbers[rows]]


def _equations(relations: list[tuple[int, ...]], column: Indices) -> tuple[Indices, Indices, Numbers]:
    """What is left of the relations when all that is published is subtracted; each equation once."""
    left: dict[tuple[int, ...], tuple[int, ...]] = {}
    for relation in relations:
        hidden = tuple(cell for cell in relation if column[cell] >= 0)
        if hidden:
            left.setdefault(hidden, tuple(-1 if cell == relation[0] else 1 for cell in hidden))
    sizes = [len(each) for each in left]
    cells = np.array([cell for each in left for cell in each], np.int64)
    signs = np.array([sign for each in left.values() for sign in each], np.float64)
    return np.repeat(np.arange(len(sizes)), sizes), column[cells], signs


def _contributors(
    relations: list[tuple[int, ...]], known: pd.DataFrame, column: Indices
) -> tuple[tuple[Indices, ...], frozenset[tuple[int, int]]]:
    """The lone contributors' withheld cells; and where each of them is the largest in a cell that hers is part of.

    A total and a part with one contributor each have the same one. The protection of a cell guards its largest
    contributor, who is no attacker there.
    """
    lone, value, largest = (known[name].to_numpy() for name in ("lone", "value", "largest"))
    above: dict[int, set[int]] = {}
    for total, *parts in relations:
        for part in parts:
            above.setdefault(part, set()).add(total)
    owner: dict[int, int] = {}
    for cell in np.flatnonzero(lone).tolist():
        ancestors = _all_above(cell, above)
        same = {each for each in ancestors if lone[each]} | {cell}
        chief = min(owner.get(each, each) for each in same)
        owner.update(dict.fromkeys(same, chief))
    chiefs = {chief: number for number, chief in enumerate(sorted(set(owner.values())))}
    cells: list[list[int]] = [[] for _ in chiefs]
    largest_in = set()
    for cell, chief in owner.items():
        if column[cell] >= 0:
            cells[chiefs[chief]].append(int(column[cell]))
        for each in _all_above(cell, above):
            if column[each] >= 0 and value[cell] >= largest[each] * (1 - AGREES):
                largest_in.add((int(column[each]), chiefs[chief]))
    return tuple(np.array(each, np.int64) for each in cells), frozenset(largest_in)


def _all_above(cell: int, above: dict[int, set[int]]) -> set[int]:
    found: set[int] = set()
    waiting = {cell}
    while waiting:
        waiting = set().union(*(above.get(each, set()) for each in waiting)) - found
        found |= waiting
    return found
