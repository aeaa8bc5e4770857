"""What the rules need to know of the units behind each cell: how many, the largest of them, who asked for what.

All amounts are whole numbers (see `scale`), so sums are exact and do not depend on the order of the rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

SUMMED = ("units", "absolute", "estimate", "record_keys", "waived", "requested")
GREATEST = ("largest_unwaived", "largest_requested")
MANY, SHARE = 100_000, 16  # of so many, one in so many rules out most others as the largest


@dataclass(frozen=True)
class Contributions:
    """What units contribute to cells: one entry for each pair of a unit and a cell (or for each row, to be paired).

    Attributes:
        unit: a number for each unit.
        cell: a position in the grid of cells.
        size: the amount that the unit reports; None where every unit counts as one.
        estimate: the amount that it stands for in the published estimate, its size times its sampling weight; None
            where nothing is weighted: its size.
        record_key, waived, requested: what belongs to the unit itself; None where nothing is known.
    """

    unit: Integers
    cell: Integers
    size: Integers | None
    estimate: Integers | None = None
    record_key: Integers | None = None
    waived: Flags | None = None
    requested: Flags | None = None

    def at(self, chosen: NDArray[np.bool_] | Integers | slice) -> "Contributions":
        """These entries, in this order."""
        return Contributions(*(None if each is None else each[chosen] for each in self.columns()))  # type: ignore[arg-type]

    def columns(self) -> list[NDArray[np.generic] | None]:
        return [getattr(self, each.name) for each in fields(self)]


@dataclass(frozen=True)
class UnitFacts:
    """Facts of the units behind each cell of a grid; the first axes of every array are the grid's.

    Attributes:
        units: distinct units.
        absolute: the total of their absolute estimates.
        estimate: the total of their estimates.
        record_keys: the total of their record keys.
        waived, requested: how many agreed to publication, how many asked for confidentiality.
        largest_unwaived, largest_requested: the size of the largest unit that did not agree, that did ask.
        largest: (…, rank, 2): size and absolute estimate of the largest units, in falling order; 0 beyond the last.
    """

    units: Integers
    absolute: Integers
    estimate: Integers
    record_keys: Integers
    waived: Integers
    requested: Integers
    largest_unwaived: Integers
    largest_requested: Integers
    largest: Integers

    def reshaped(self, grid: Sequence[int]) -> "UnitFacts":
        """The same facts on a grid of this shape."""
        largest = self.largest.reshape(*grid, *self.largest.shape[-2:])
        rest = {name: getattr(self, name).reshape(grid) for name in (*SUMMED, *GREATEST)}
        return UnitFacts(largest=largest, **rest)

    def flat(self) -> "UnitFacts":
        return self.reshaped((self.units.size,))


@dataclass(frozen=True)
class LeafFacts:
    """Facts of the units behind the leaf cells.

    Attributes:
        units: of the units that are in one leaf cell only, on the grid of leaves.
        others: of the others, on the grid of all codes; None if there are none.
    """

    units: UnitFacts
    others: UnitFacts | None = None

    def and_of(self, more: "LeafFacts") -> "LeafFacts":
        """Together with the facts of other units."""
        others = merged([self.others, more.others]) if self.others or more.others else None
        return LeafFacts(merged([self.units, more.units]), others)


def nobody(grid: Sequence[int], ranks: int) -> UnitFacts:
    """The facts of empty cells."""
    return UnitFacts(
        **{name: np.zeros(grid, np.int64) for name in (*SUMMED, *GREATEST)},
        largest=np.zeros((*grid, ranks, 2), np.int64),
    )


def tallied(given: Contributions, cells: int, ranks: int) -> UnitFacts:
    """The facts of each of so many cells; no unit has two entries in one cell.

    Without sizes there are no largest ones, and nothing to add up but weights.
    """
    estimate = given.size if given.estimate is None else given.estimate
    waived = np.zeros(0, np.int64) if given.waived is None else np.flatnonzero(given.waived)
    requested = np.zeros(0, np.int64) if given.requested is None else np.flatnonzero(given.requested)
    counts = {
        "units": np.bincount(given.cell, minlength=cells).astype(np.int64),
        "absolute": _added(given.cell, None if estimate is None else np.abs(estimate), cells),
        "estimate": _added(given.cell, estimate, cells),
        "record_keys": _added(given.cell, given.record_key, cells),
        "waived": np.bincount(given.cell[waived], minlength=cells).astype(np.int64),
        "requested": np.bincount(given.cell[requested], minlength=cells).astype(np.int64),
    }
    if given.size is None:
        return replace(nobody((cells,), ranks), **counts)
    size = np.abs(given.size)
    unwaived = slice(None) if given.waived is None else np.flatnonzero(~given.waived)
    return UnitFacts(
        **counts,
        largest_unwaived=_greatest(given.cell[unwaived], size[unwaived], cells),
        largest_requested=_greatest(given.cell[requested], size[requested], cells),
        largest=_ranked(given.cell, size, size if given.estimate is None else np.abs(given.estimate), cells, ranks),
    )


def merged(sets: Sequence[UnitFacts | None]) -> UnitFacts:
    """The facts of the same cells over disjoint sets of units, at least one of which is not None."""
    parts = [each for each in sets if each is not None]
    if len(parts) == 1:
        return parts[0]
    return UnitFacts(
        **{name: np.sum([getattr(each, name) for each in parts], axis=0) for name in SUMMED},
        **{name: np.max([getattr(each, name) for each in parts], axis=0) for name in GREATEST},
        largest=first_ranks(np.concatenate([each.largest for each in parts], axis=-2), parts[0].largest.shape[-2]),
    )


def first_ranks(pairs: Integers, ranks: int) -> Integers:
    """The first so many pairs (size, estimate) of each cell, in falling order."""
    order = np.lexsort((pairs[..., 1], pairs[..., 0]), axis=-1)[..., ::-1][..., :ranks]
    return np.take_along_axis(pairs, order[..., None], axis=-2)


def _added(cell: Integers, amount: Integers | None, cells: int) -> Integers:
    total = np.zeros(cells, np.int64)
    if amount is not None:
        np.add.at(total, cell, amount)
    return total


def _greatest(cell: Integers, size: Integers, cells: int) -> Integers:
    top = np.zeros(cells, np.int64)
    np.maximum.at(top, cell, size)
    return top


def _ranked(cell: Integers, size: Integers, estimate: Integers, cells: int, ranks: int) -> Integers:
    """The largest pairs of each cell: by size, equal sizes by estimate. Takes one unit of each cell a round.

    Of many, most are ruled out by the largest of a part of them.
    """
    if len(cell) > MANY and ranks:
        part = slice(0, len(cell) // SHARE)
        least = _ranked(cell[part], size[part], estimate[part], cells, ranks)[:, -1, 0]
        likely = size >= least[cell]
        cell, size, estimate = cell[likely], size[likely], estimate[likely]
    found = np.zeros((cells, ranks, 2), np.int64)
    left = size.copy()
    for rank in range(ranks):
        top = np.full(cells, -1, np.int64)
        np.maximum.at(top, cell, left)
        tied = np.flatnonzero((left == top[cell]) & (left >= 0))
        most = _greatest(cell[tied], estimate[tied], cells)
        tied = tied[estimate[tied] == most[cell[tied]]]
        chosen = np.full(cells, -1, np.int64)
        chosen[cell[tied]] = tied
        chosen = chosen[chosen >= 0]
        found[cell[chosen], rank, 0], found[cell[chosen], rank, 1] = size[chosen], estimate[chosen]
        left[chosen] = -1
    return found
