"""From rows to cells: what each unit contributes to each leaf cell, then to every margin and subtotal.

A unit that has rows in one leaf cell only adds up along the hierarchies. Of the others, what they contribute to a
margin is put together first, so that a unit counts once in every cell and its size there is its total there.
"""

from collections.abc import Callable
from itertools import product

import numpy as np
from numpy.typing import NDArray

from disclosure_control.errors import MalformedTable
from disclosure_control.structure import Axis, Grid
from disclosure_control.unitfacts import (
    GREATEST,
    SUMMED,
    Contributions,
    Integers,
    UnitFacts,
    first_ranks,
    merged,
    nobody,
    tallied,
)

WORD = 63  # bits of a positive integer


def facts_of_rows(rows: Contributions, grid: Grid, ranks: int, *, once: bool) -> tuple[UnitFacts, UnitFacts]:
    """Facts from the rows of some units, all their rows among them.

    Args:
        rows: one entry for each row; its cell is a position in the grid of leaves.
        once: a unit counts as one in a cell, whatever rows it has there (frequencies).

    Returns:
        On the grid of leaves, of the units that are in one leaf only; on the grid of all codes, of the others.
    """
    paired = paired_up(rows, grid.leaf_cells, once=once)
    alone = _alone(paired.unit)
    if alone.all():
        return tallied(paired, grid.leaf_cells, ranks), nobody((grid.cells,), ranks)
    leaves = tallied(paired.at(alone), grid.leaf_cells, ranks)
    return leaves, _on_all_codes(paired.at(~alone), grid, ranks, once=once)


def _on_all_codes(paired: Contributions, grid: Grid, ranks: int, *, once: bool) -> UnitFacts:
    found = []
    leaf = np.unravel_index(paired.cell, grid.leaf_shape)
    for levels in product(*(axis.levels for axis in grid.axes)):
        places = [level[at] for level, at in zip(levels, leaf, strict=True)]
        there = np.logical_and.reduce([place >= 0 for place in places])
        cell = np.ravel_multi_index([place[there] for place in places], grid.shape).astype(np.int64)
        entries = paired.at(there)
        moved = Contributions(entries.unit, cell, *entries.columns()[2:])  # type: ignore[arg-type]
        found.append(tallied(paired_up(moved, grid.cells, once=once), grid.cells, ranks))
    return merged(found)


def paired_up(rows: Contributions, cells: int, *, once: bool) -> Contributions:
    """One entry for each pair of a unit and a cell, by unit, then by cell.

    Raises:
        MalformedTable: the rows of one unit differ in what belongs to the unit.
    """
    if not len(rows.unit):
        return rows
    unit, units = _numbered(rows.unit)
    order = _sorted_order(unit * cells + rows.cell, units * cells)
    unit, cell = unit[order], rows.cell[order]
    first = np.flatnonzero(np.concatenate(([True], (unit[1:] != unit[:-1]) | (cell[1:] != cell[:-1]))))
    gather = np.maximum if once else np.add
    return Contributions(
        unit=unit[first],
        cell=cell[first],
        size=gather.reduceat(rows.size[order], first),
        estimate=None if rows.estimate is None else gather.reduceat(rows.estimate[order], first),
        record_key=_of_unit("record key", rows.record_key, order, unit, first),
        waived=_of_unit("waiver", rows.waived, order, unit, first),
        requested=_of_unit("request", rows.requested, order, unit, first),
    )


def _of_unit(
    what: str, column: NDArray[np.generic] | None, order: Integers, unit: Integers, first: Integers
) -> NDArray[np.generic] | None:
    """What belongs to the unit, for each of its pairs."""
    if column is None:
        return None
    ordered = column[order]
    if ((ordered[1:] != ordered[:-1]) & (unit[1:] == unit[:-1])).any():
        raise MalformedTable(f"Rows of one unit have different values of its {what}. Give all rows of a unit the same.")
    return ordered[first]


def _numbered(unit: Integers) -> tuple[Integers, int]:
    """The units numbered from 0, and how many numbers that takes; the order of the units is kept."""
    low, high = int(unit.min()), int(unit.max())
    if high - low < 2 * len(unit):
        return unit - low, high - low + 1
    order = np.argsort(unit) if high - low >= 1 << WORD else _sorted_order(unit - low, high - low + 1)
    ordered = unit[order]
    number = np.empty(len(unit), np.int64)
    number[order] = np.concatenate(([0], np.cumsum(ordered[1:] != ordered[:-1])))
    return number, int(number[order[-1]]) + 1


def _sorted_order(key: Integers, bound: int) -> Integers:
    """The order that sorts keys in 0 … bound − 1.

    A key and its position in one word sort several times faster than an order is found for them.
    """
    shift = int(len(key)).bit_length()
    if bound.bit_length() + shift > WORD:
        return np.argsort(key, kind="stable")
    packed = (key << shift) | np.arange(len(key), dtype=np.int64)
    packed.sort()
    return packed & ((1 << shift) - 1)


def _alone(unit: Integers) -> NDArray[np.bool_]:
    """Whether the unit of each entry, in a list by unit, has no other entry."""
    change = unit[1:] != unit[:-1]
    return np.concatenate(([True], change)) & np.concatenate((change, [True]))


def rolled_up(leaves: UnitFacts, others: UnitFacts, grid: Grid) -> UnitFacts:
    """The facts of all cells: units of one leaf, added up along the hierarchies, and the others."""
    facts = leaves.reshaped(grid.leaf_shape)
    for place, axis in enumerate(grid.axes):
        facts = UnitFacts(
            **{name: added_up(getattr(facts, name), place, axis) for name in SUMMED},
            **{name: _along(getattr(facts, name), place, axis, lambda parts: parts.max(axis=0)) for name in GREATEST},
            largest=_along(facts.largest, place, axis, _pooled),
        )
    return merged([facts.flat(), others])


def added_up(amounts: Integers, place: int, axis: Axis) -> Integers:
    """Amounts of leaves along one axis → amounts of all its codes."""
    return _along(amounts, place, axis, lambda parts: parts.sum(axis=0))


def _along(leaves: Integers, place: int, axis: Axis, together: Callable[[Integers], Integers]) -> Integers:
    leaves = np.moveaxis(leaves, place, 0)
    codes = np.zeros((len(axis.codes), *leaves.shape[1:]), np.int64)
    codes[axis.leaf_places] = leaves
    for code, parts in axis.sums:
        codes[code] = together(codes[parts])
    return np.moveaxis(codes, 0, place)


def _pooled(parts: Integers) -> Integers:
    """The largest units of all parts: (part, …, rank, 2) → (…, rank, 2)."""
    beside = np.moveaxis(parts, 0, -3)
    return first_ranks(beside.reshape(*beside.shape[:-3], -1, 2), parts.shape[-2])
