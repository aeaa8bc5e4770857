"""The cell suppression problem as arrays: cells, the equations between them, what may be withheld and at what cost.

Deviations are what an attacker cannot rule out: a vector d over the cells that keeps every equation, is zero on every
published cell and stays within `room_down` and `room_up` on every withheld one. A cell is protected when some
deviations raise it by `need_up` and some lower it by `need_down` (Fischetti and Salazar-González 2001, Management
Science 47(7), 1008–1027; Handbook on SDC, section 4.2.2).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from disclosure_control.errors import SuppressionFailed

Numbers = NDArray[np.float64]
Indices = NDArray[np.int64]
Mask = NDArray[np.bool_]

NOBODY = -1


@dataclass(frozen=True, eq=False)
class Equations:
    """Sparse rows: equation r says that `signs[k]` × cell `cells[k]`, for k in starts[r]..starts[r + 1], sum to 0."""

    starts: Indices
    cells: Indices
    signs: Numbers

    def __len__(self) -> int:
        return len(self.starts) - 1

    @cached_property
    def rows(self) -> Indices:
        """The equation of every entry."""
        return np.repeat(np.arange(len(self), dtype=np.int64), np.diff(self.starts))

    def on(self, kept: Mask) -> "Equations":
        """These equations with only the kept cells, renumbered; equations that keep none, and repeated ones, go."""
        number = np.cumsum(kept) - 1
        entries = kept[self.cells]
        counts = np.bincount(self.rows[entries], minlength=len(self))
        starts = np.concatenate(([0], np.cumsum(counts[counts > 0])))
        return Equations(starts, number[self.cells[entries]], self.signs[entries])._without_repeats()  # noqa: SLF001 - its own kind

    def _without_repeats(self) -> "Equations":
        seen: dict[bytes, int] = {}
        bounds = zip(self.starts[:-1], self.starts[1:], strict=True)
        for row, (start, end) in enumerate(bounds):
            order = start + np.argsort(self.cells[start:end], kind="stable")
            signs = self.signs[order] * np.sign(self.signs[order[0]])
            seen.setdefault(self.cells[order].tobytes() + signs.tobytes(), row)
        if len(seen) == len(self):
            return self
        rows = np.isin(self.rows, np.fromiter(seen.values(), np.int64))
        counts = np.diff(self.starts)[np.fromiter(seen.values(), np.int64)]
        return Equations(np.concatenate(([0], np.cumsum(counts))), self.cells[rows], self.signs[rows])

    def residual(self, deviations: Numbers) -> Numbers:
        """What each equation is off by."""
        return np.bincount(self.rows, self.signs * deviations[self.cells], minlength=len(self)).astype(np.float64)

    def weighted(self, duals: Numbers, count: int) -> Numbers:
        """The transposed product: for each of `count` cells the sum of its equations' multipliers."""
        return np.bincount(self.cells, self.signs * duals[self.rows], minlength=count).astype(np.float64)


@dataclass(frozen=True, eq=False)
class Problem:
    """What is to be protected. One entry per cell in every array; deviations and needs are in the values' units.

    Attributes:
        values: the truth.
        room_down, room_up: how far below and above the truth an attacker without the table has to reckon; may be inf.
        need_down, need_up: the protection of the primary cells, 0 elsewhere.
        primary: must be withheld.
        candidate: may be withheld; every primary cell is one.
        cost: of withholding a cell; any cell that is primary costs nothing.
        equations: between the cells.
        knower: the number of the lone contributor who knows the cell's value, or `NOBODY`.
        exempt: pairs (cell, contributor), one a row: she is no attacker on that cell, being its largest contributor.
        virtual: a sum of cells that no table shows; it can be derived, so it needs protection, yet costs nothing.
    """

    values: Numbers
    room_down: Numbers
    room_up: Numbers
    need_down: Numbers
    need_up: Numbers
    primary: Mask
    candidate: Mask
    cost: Numbers
    equations: Equations
    knower: Indices
    exempt: Indices
    virtual: Mask

    def __post_init__(self) -> None:
        count = len(self.values)
        for name in ("room_down", "room_up", "need_down", "need_up", "cost"):
            each = getattr(self, name)
            if len(each) != count or np.isnan(each).any() or (each < 0).any():
                raise SuppressionFailed(f"{name}: one number per cell, 0 or more, is needed.")
        if (self.primary & ~self.candidate).any():
            raise SuppressionFailed("A primary cell is marked as one that must be published. Settle which it is.")
        if not all(np.isfinite(each).all() for each in (self.values, self.cost, self.need_down, self.need_up)):
            raise SuppressionFailed("A value, a cost or a protection level is infinite. Give finite numbers.")

    def __len__(self) -> int:
        return len(self.values)

    @cached_property
    def knowers(self) -> list[Indices]:
        """The cells that each lone contributor knows."""
        count = int(self.knower.max(initial=NOBODY)) + 1
        order = np.argsort(self.knower, kind="stable")
        return np.split(order, np.searchsorted(self.knower[order], np.arange(count + 1)))[1:-1]

    @cached_property
    def attackers_barred(self) -> Mask:
        """By cell and contributor: who is no attacker there, as the cell is hers, she is exempt, or it is empty."""
        barred = np.zeros((len(self), len(self.knowers)), bool)
        own = self.knower != NOBODY
        barred[own, self.knower[own]] = True
        barred[self.exempt[:, 0], self.exempt[:, 1]] = True
        barred[self.values == 0] = True
        return barred


@dataclass(frozen=True)
class Requirement:
    """One thing to be proven: the cell can lie `need` above (`side` 1) or below (`side` -1) the truth."""

    cell: int
    side: int
    need: float


def requirements(problem: Problem) -> list[Requirement]:
    """All requirements with their sides, the largest first, ties in the order of the cells."""
    found = [
        Requirement(int(cell), side, float(need[cell]))
        for side, need in ((1, problem.need_up), (-1, problem.need_down))
        for cell in np.flatnonzero(need > 0)
    ]
    return sorted(found, key=lambda each: (-each.need, each.cell, -each.side))
