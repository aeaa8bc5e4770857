"""From rows to cells: what each unit contributes to each leaf cell, then to every margin and subtotal.

A unit that has rows in one leaf cell only adds up along the hierarchies. Of the others, what they contribute to a
margin is put together first, so that a unit counts once in every cell and its size there is its total there.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from disclosure_control.errors import MalformedTable
from disclosure_control.structure import Axis, Grid
from disclosure_control.unitfacts import (
    GREATEST,
    SUMMED,
    Contributions,
    Integers,
    LeafFacts,
    UnitFacts,
    first_ranks,
    merged,
    nobody,
    tallied,
)

WORD = 63  # bits of a positive integer
PART = 256  # keys that are sorted together
PIECE, CELLS = 1 << 18, 16  # so many rows are put together at once, or so many for each cell, if that is more


def facts_of_rows(rows: Contributions, grid: Grid, ranks: int, *, once: bool) -> LeafFacts:
    """Facts from the rows of some units, all their rows among them.

    Args:
        rows: one entry for each row; its cell is a position in the grid of leaves.
        once: a unit counts as one in a cell, whatever rows it has there (frequencies).

    Raises:
        MalformedTable: the rows of one unit differ in what belongs to the unit.
    """
    found = LeafFacts(nobody((grid.leaf_cells,), ranks))
    for piece in _pieces(rows, max(PIECE, CELLS * grid.cells)):
        found = found.and_of(_facts_of_piece(piece, grid, ranks, once=once))
    return found


def _facts_of_piece(rows: Contributions, grid: Grid, ranks: int, *, once: bool) -> LeafFacts:
    paired = paired_up(replace(rows, unit=_numbered(rows.unit)), grid.leaf_cells, once=once)
    alone = _alone(paired.unit)
    if alone.all():
        return LeafFacts(tallied(paired, grid.leaf_cells, ranks))
    leaves = tallied(paired.at(alone), grid.leaf_cells, ranks)
    return LeafFacts(leaves, _on_all_codes(paired.at(~alone), grid, ranks, once=once))


def _pieces(rows: Contributions, size: int) -> Iterator[Contributions]:
    """The rows in pieces of about this size, which the processor's caches hold; all rows of a unit in one of them."""
    if not len(rows.unit):
        return
    starts: NDArray[Any] = rows.unit
    if not (starts[1:] >= starts[:-1]).all():
        starts, order = _parted(rows.unit)
        rows = rows.at(order)
    edges = np.unique(np.searchsorted(starts, starts[::size]))
    for start, end in pairwise([*edges.tolist(), len(starts)]):
        yield rows.at(slice(start, end))


def _parted(unit: Integers) -> tuple[NDArray[np.uint16], Integers]:
    """In ascending order the first bits of each unit, and the order."""
    least, span = int(unit.min()), int(unit.max()) - int(unit.min())
    half = (unit >> 1).astype(np.int64) - (least >> 1)
    first_bits = (half >> max(span.bit_length() - 16, 0)).astype(np.uint16)
    order = np.argsort(first_bits, kind="stable")  # NumPy sorts words of 16 bits by radix
    return first_bits[order], order


def _on_all_codes(paired: Contributions, grid: Grid, ranks: int, *, once: bool) -> UnitFacts:
    found = nobody((grid.cells,), ranks)
    for levels in product(*(axis.levels for axis in grid.axes)):
        code_of_leaf = grid.places(levels)
        moved = replace(paired, cell=code_of_leaf[paired.cell])
        if (code_of_leaf < 0).any():
            moved = moved.at(moved.cell >= 0)
        found = merged([found, tallied(paired_up(moved, grid.cells, once=once), grid.cells, ranks)])
    return found


def paired_up(rows: Contributions, cells: int, *, once: bool) -> Contributions:
    """One entry for each pair of a unit and a cell, by unit, then by cell."""
    if not len(rows.unit):
        return rows
    rows, key = _ordered(rows, cells)
    _require_same(rows, once=once)
    change = key[1:] != key[:-1]
    if change.all():
        return rows
    first = np.flatnonzero(np.concatenate(([True], change)))
    gather = np.maximum if once else np.add
    return replace(
        rows.at(first),
        size=None if rows.size is None else gather.reduceat(rows.size, first),
        estimate=None if rows.estimate is None else gather.reduceat(rows.estimate, first),
    )


def _ordered(rows: Contributions, cells: int) -> tuple[Contributions, Integers]:
    """The rows by unit, then by cell, and the key of both in one word."""
    bits = max(cells - 1, 1).bit_length()
    key = rows.unit.astype(np.int64) << bits
    key |= rows.cell
    if (key[1:] >= key[:-1]).all():
        return rows, key
    key, order = in_order(key)
    return replace(rows.at(order), unit=key >> bits, cell=key & ((1 << bits) - 1)), key


def _require_same(rows: Contributions, *, once: bool) -> None:
    """What belongs to a unit is the same in all its rows; the weight of a unit that counts as one belongs to it."""
    belongs = {"record key": rows.record_key, "waiver": rows.waived, "request": rows.requested}
    if once:
        belongs["weight"] = rows.estimate
    for what, column in belongs.items():
        if column is not None and ((column[1:] != column[:-1]) & (rows.unit[1:] == rows.unit[:-1])).any():
            raise MalformedTable(
                f"Rows of one unit differ in its {what}, which belongs to the unit. Give all its rows the same one."
            )


def _numbered(unit: Integers) -> Integers:
    """The units numbered from 0 in their order, with few gaps."""
    least, span = int(unit.min()), int(unit.max()) - int(unit.min())
    if span < 2 * len(unit):
        return unit.astype(np.int64) - least
    if (unit[1:] >= unit[:-1]).all():
        return _counted(unit)
    ordered, order = in_order(unit.astype(np.int64) - least if span.bit_length() <= WORD else unit)
    number = np.empty(len(unit), np.int64)
    number[order] = _counted(ordered)
    return number


def _counted(ordered: Integers) -> Integers:
    """How many changes there are up to each entry."""
    return np.concatenate(([0], np.cumsum(ordered[1:] != ordered[:-1])))


def in_order(key: Integers) -> tuple[Integers, Integers]:
    """The keys in order, and the order.

    Keys of 0 or more are parted by their first bits, which NumPy sorts by radix; then each small part is sorted as
    words of a key's other bits and its position: several times as fast as an order is found for whole keys.
    """
    width = min(16, (len(key) // PART).bit_length())
    rest = max(int(key.max()).bit_length() - width, 0)
    part = (key >> rest).astype(np.uint16)
    lengths = np.bincount(part)
    position = int(lengths.max()).bit_length()
    if int(key.min()) < 0 or rest + position > WORD:
        order = np.argsort(key)
        return key[order], order
    order = np.argsort(part, kind="stable")
    ends = np.cumsum(lengths)
    starts = np.repeat(ends - lengths, lengths)
    words = key[order] << position  # bits that are lost are the same in the whole part
    words |= np.arange(len(key), dtype=np.int64) - starts
    for start, end in zip((ends - lengths).tolist(), ends.tolist(), strict=True):
        words[start:end].sort()
    order = order[starts + (words & ((1 << position) - 1))]
    return key[order], order


def _alone(unit: Integers) -> NDArray[np.bool_]:
    """Whether the unit of each entry, in a list by unit, has no other entry."""
    change = unit[1:] != unit[:-1]
    return np.concatenate(([True], change)) & np.concatenate((change, [True]))


def rolled_up(leaves: LeafFacts, grid: Grid) -> UnitFacts:
    """The facts of all cells: units of one leaf, added up along the hierarchies, and the others, if there are any."""
    facts = leaves.units.reshaped(grid.leaf_shape)
    for place, axis in enumerate(grid.axes):
        facts = UnitFacts(
            **{name: added_up(getattr(facts, name), place, axis) for name in SUMMED},
            **{name: _along(getattr(facts, name), place, axis, lambda parts: parts.max(axis=0)) for name in GREATEST},
            largest=_along(facts.largest, place, axis, _pooled),
        )
    return merged([facts.flat(), leaves.others])


def added_up(amounts: Integers, place: int, axis: Axis) -> Integers:
    """Amounts of leaves along one axis → amounts of all its codes."""
    return _along(amounts, place, axis, lambda parts: parts.sum(axis=0))


def _along(leaves: Integers, place: int, axis: Axis, together: Callable[[Integers], Integers]) -> Integers:
    leaves = np.moveaxis(leaves, place, 0)
    codes = np.zeros((len(axis.codes), *leaves.shape[1:]), np.int64)
    if leaves.any():
        codes[axis.leaf_places] = leaves
        for code, parts in axis.sums:
            codes[code] = together(codes[parts])
    return np.moveaxis(codes, 0, place)


def _pooled(parts: Integers) -> Integers:
    """The largest units of all parts: (part, …, rank, 2) → (…, rank, 2)."""
    beside = np.moveaxis(parts, 0, -3)
    return first_ranks(beside.reshape(*beside.shape[:-3], -1, 2), parts.shape[-2])
