"""Publish again what turns out not to be needed: no withheld cell is left that the proof can do without."""

import numpy as np

from disclosure_control.suppression.problem import Indices, Mask, Numbers, Problem
from disclosure_control.suppression.proof import TOLERANCE
from disclosure_control.suppression.sequential import FARTHEST, Pattern, Tick


class Balance:
    """What the withheld cells of each equation can give way together, to see at once that one of them is needed.

    To move a cell by its requirement, the others of each of its equations have to make up for it.
    """

    def __init__(self, problem: Problem, withheld: Mask) -> None:
        equations = problem.equations
        self._order = np.argsort(equations.cells, kind="stable")
        self._starts = np.searchsorted(equations.cells[self._order], np.arange(len(problem) + 1))
        self._rows, self._cells = equations.rows, equations.cells
        self._sides: list[tuple[Numbers, Numbers, Numbers]] = []
        for way in (1, -1):
            room, need = _along(problem, -way), _need(problem, way)
            demand = np.zeros(len(equations))
            np.maximum.at(demand, self._rows, np.where(need > 0, need + room, 0))
            total = np.bincount(self._rows, room * withheld[equations.cells], minlength=len(equations)).astype(
                np.float64
            )
            self._sides.append((room, demand * (1 - TOLERANCE), total))

    def needs(self, cell: int) -> bool:
        """Whether some equation cannot do without this cell."""
        entries, rows = self._at(cell)
        return any(
            bool(((total[rows] - room[entries] < demand[rows]) & (demand[rows] > 0)).any())
            for room, demand, total in self._sides
        )

    def publish(self, cell: int) -> None:
        entries, rows = self._at(cell)
        for room, _, total in self._sides:
            total[rows] -= room[entries]

    def neighbours(self, cell: int) -> Mask:
        """The cells that share an equation with this one."""
        rows = np.zeros(len(self._sides[0][2]), bool)
        rows[self._at(cell)[1]] = True
        near = np.zeros(len(self._starts) - 1, bool)
        near[self._cells[rows[self._rows]]] = True
        return near

    def _at(self, cell: int) -> tuple[Indices, Indices]:
        entries = self._order[self._starts[cell] : self._starts[cell + 1]]
        return entries, self._rows[entries]


def _along(problem: Problem, way: int) -> Numbers:
    """How far each entry's cell can go in this direction of its equation."""
    far = FARTHEST * max(problem.need_up.max(initial=0), problem.need_down.max(initial=0))
    cells, rises = problem.equations.cells, problem.equations.signs * way > 0
    room: Numbers = np.where(rises, problem.room_up[cells], problem.room_down[cells])
    return np.asarray(np.minimum(room, far), np.float64)


def _need(problem: Problem, way: int) -> Numbers:
    """How far each entry's cell has to go in this direction of its equation."""
    cells, rises = problem.equations.cells, problem.equations.signs * way > 0
    return np.where(rises, problem.need_up[cells], problem.need_down[cells])


def publish_redundant(pattern: Pattern, order: Indices, tick: Tick) -> None:
    """Try to publish each secondary cell, in this order; it stays published if every requirement is proven again.

    The pattern that is left is minimal: publishing any one of its secondary cells would break a requirement.
    """
    used = pattern.proof.used()
    secondary = pattern.withheld & ~pattern.problem.primary
    for cell in np.flatnonzero(secondary & ~used).tolist():
        pattern.publish(cell)
    balance = Balance(pattern.problem, pattern.withheld)
    tried = order[(secondary & used)[order]].tolist()
    for number, cell in enumerate(tried):
        if not balance.needs(cell) and _try(pattern, cell, balance.neighbours(cell)):
            balance.publish(cell)
        tick(number, len(tried))
    for cell in np.flatnonzero(pattern.withheld & ~pattern.problem.primary & ~pattern.proof.used()).tolist():
        pattern.publish(cell)


def _try(pattern: Pattern, cell: int, near: Mask) -> bool:
    """Publish the cell if all is proven without it; those that share an equation with it are asked first."""
    pattern.publish(cell)
    before = pattern.proof.without(cell)
    if _reason_gone(pattern, cell) and _all_proven(pattern, near):
        return True
    pattern.proof.restore(before)
    pattern.withhold(np.arange(len(near)) == cell)
    return False


def _reason_gone(pattern: Pattern, cell: int) -> bool:
    """Whether the requirement that the cell was withheld for is proven without it: if any fails, most often that."""
    number = int(pattern.reason[cell])
    return number < 0 or pattern.proven(pattern.wanted[number])


def _all_proven(pattern: Pattern, near: Mask) -> bool:
    for cells in (near, np.ones_like(near)):
        pattern.prove_together(pattern.unproven(cells))
        for requirement in pattern.unproven(cells):
            if not pattern.proven(requirement):
                return False
    return True
