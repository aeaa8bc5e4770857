"""Concentration rules: the protection that each cell needs, above zero where the rule is broken.

Formulas and names as in `rulebook`: Hundepool et al., *Handbook on Statistical Disclosure Control*, sections 4.2.1 and
4.2.2. Contributions are absolute; where holdings are known, they are holdings'.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from disclosure_control.errors import MalformedTable
from disclosure_control.rulebook import PQ, Dominance, PPercent, Request
from disclosure_control.table import Table

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Cells:
    """The contributions to each cell of a table of magnitudes, as a policy on sampling weights takes them."""

    table: Table
    weights: str

    @property
    def total(self) -> Numbers:
        return total(self.table)

    def size(self, rank: int) -> Numbers:
        """What the unit of this rank itself reports."""
        return column(self.table, f"largest_{rank}")

    def part(self, rank: int) -> Numbers:
        """What the unit of this rank contributes to the total, as far as it knows."""
        if self.weights == "known" and "expanded_1" in self.table.cells:
            return column(self.table, f"expanded_{rank}")
        return self.size(rank)

    def first(self, count: int) -> Numbers:
        """x₁ + … + xₙ, of those who did not agree to publication at least one.

        Handbook, 4.2.1, "Waivers": the largest unit without a waiver and the largest others.
        """
        if self.weights == "expanded" and "expanded_1" in self.table.cells:
            return self._population(count)
        largest = sum((self.part(rank) for rank in range(1, count + 1)), np.zeros(len(self.table.cells)))
        if "unwaived_largest" not in self.table.cells:
            return largest
        others = largest - self.part(count)
        return np.where(self._guarded() >= self.size(count), largest, others + self._guarded())

    def target(self) -> Numbers:
        """The contribution that is protected: the largest of a unit that did not agree to publication."""
        return self._guarded() if "unwaived_largest" in self.table.cells else self.size(1)

    def exposed(self) -> NDArray[np.bool_]:
        """Where there is somebody to protect: not all agreed to publication."""
        return self.target() > 0

    def _guarded(self) -> Numbers:
        return column(self.table, "unwaived_largest")

    def _population(self, count: int) -> Numbers:
        """The first of a population in which every unit of the sample stands for as many as its weight says.

        Weights that are no whole numbers count in part, weights below 1 as 1 (Handbook, 4.2.1, "Sampling weights").
        """
        left, found = np.full(len(self.table.cells), float(count)), np.zeros(len(self.table.cells))
        for rank in range(1, count + 1):
            size, expanded = self.size(rank), column(self.table, f"expanded_{rank}")
            copies = np.minimum(left, np.maximum(1, np.divide(expanded, size, out=np.ones_like(size), where=size > 0)))
            found, left = found + copies * size, left - copies
        return found


def dominance(cells: Cells, rule: Dominance) -> Numbers:
    """(100/k)·(x₁+…+xₙ) − X."""
    return np.where(cells.exposed(), 100 / rule.k * cells.first(rule.n) - cells.total, 0)


def p_percent(cells: Cells, rule: PPercent) -> Numbers:
    """(p/100)·x₁ − (X − x₁ − x₂), and the x of all others in a coalition."""
    return np.where(cells.exposed(), rule.p / 100 * cells.target() - _rest(cells, 1 + rule.coalition), 0)


def pq(cells: Cells, rule: PQ) -> Numbers:
    """(p/q)·x₁ − (X − x₁ − x₂)."""
    return np.where(cells.exposed(), rule.p / rule.q * cells.target() - _rest(cells, 2), 0)


def request(cells: Cells, rule: Request) -> Numbers:
    """(100/k)·x − X, x being the largest contribution of a unit that asked; all of X where no share is allowed.

    Raises:
        MalformedTable: the table does not say who asked.
    """
    asked = column(cells.table, "requested_largest")
    if not rule.share:
        return np.where(asked > 0, cells.total, 0)
    return np.where(asked > 0, 100 / rule.share * asked - cells.total, 0)


def total(table: Table) -> Numbers:
    """X: the total of absolute contributions, weighted if the table is; without it, the absolute value."""
    return column(table, "absolute") if "absolute" in table.cells else np.abs(column(table, "value"))


def _rest(cells: Cells, count: int) -> Numbers:
    return np.maximum(cells.total - cells.first(count), 0)


def column(table: Table, name: str) -> Numbers:
    """A fact of every cell.

    Raises:
        MalformedTable: the table does not have it.
    """
    if name not in table.cells:
        rank = name.removeprefix("largest_").removeprefix("expanded_")
        more = f" Keep more of the largest: largest={rank}." if rank.isdigit() else ""
        raise MalformedTable(
            f"The profile needs the fact {name}, which the table does not have.{more} Add it, or leave out the rule."
        )
    return table.cells[name].to_numpy(dtype="float64")
