"""Least squares on a table: the additive table nearest to noisy cells, and how exact its cells are.

Every cell is a sum of leaf cells, so a table that adds up is a vector of leaf cells x with cells S·x. The nearest one
to noisy cells y with variances v minimises Σ (S·x − y)² / v; it is found by conjugate gradients, for which S is never
written down. How exact its cells are follows from an inverse: of one axis after another where all variances are equal,
else of the smaller of two systems, with a row for each cell that is no leaf cell or for each leaf cell.

Not to be negative is a convex condition on the leaf cells alone. It is met by exchanging, all at once, the leaf cells
that are held at zero and those that are free, until both kinds satisfy the optimality conditions; where that does not
help any more, one at a time, which ends surely.

Sources: M. Hay, V. Rastogi, G. Miklau and D. Suciu, “Boosting the accuracy of differentially private histograms through
consistency”, PVLDB 3 (2010); L. F. Portugal, J. J. Júdice and L. N. Vicente, “A comparison of block pivoting and
interior-point algorithms for linear least squares problems with nonnegative variables”, Mathematics of Computation 63
(1994).
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
from numpy.typing import NDArray

from disclosure_control.errors import ConsistencyFailed
from disclosure_control.structure import Grid, Indices

Numbers = NDArray[np.float64]
Mask = NDArray[np.bool_]

TOLERANCE = 1e-6  # of the noise's standard deviation
RESIDUAL = 1e-9
PATIENCE = 5
MOST_ROUNDS = 1000
MOST_STEPS = 50_000


@dataclass(frozen=True, eq=False)
class Sums:
    """The cells of a table as sums of its leaf cells.

    Attributes:
        members: (combinations of levels, leaf cells): the cell that the leaf cell is a part of; `cells` for none.
        leaves: where each leaf cell stands among the cells.
    """

    members: Indices
    leaves: Indices
    cells: int

    @classmethod
    def of(cls, grid: Grid) -> "Sums":
        members = np.stack([grid.places(levels) for levels in product(*(axis.levels for axis in grid.axes))])
        leaves = grid.places([axis.leaf_places for axis in grid.axes])
        return cls(np.where(members < 0, grid.cells, members), leaves, grid.cells)

    def up(self, leaves: Numbers) -> Numbers:
        """S·x: every cell of these leaf cells."""
        spread = np.broadcast_to(leaves, self.members.shape).ravel()
        found: Numbers = np.bincount(self.members.ravel(), spread, self.cells + 1).astype(np.float64)
        return found[: self.cells]

    def down(self, cells: Numbers) -> Numbers:
        """Sᵀ·z: for every leaf cell the sum over the cells that it is a part of."""
        return np.asarray(np.append(cells, 0.0)[self.members].sum(axis=0))

    @cached_property
    def inner(self) -> Indices:
        """The cells that are no leaf cells."""
        return np.setdiff1d(np.arange(self.cells), self.leaves).astype(np.int64)

    @cached_property
    def inner_members(self) -> Indices:
        """`members` by places in `inner`; its length for none."""
        places = np.full(self.cells + 1, len(self.inner), dtype=np.int64)
        places[self.inner] = np.arange(len(self.inner))
        found = places[self.members]
        return found[(found < len(self.inner)).any(axis=1)]


@dataclass(frozen=True, eq=False)
class Fit:
    """Noisy cells of a grid and the variances of their noise (positive), to which additive tables are fitted."""

    grid: Grid
    values: Numbers
    variances: Numbers

    @cached_property
    def sums(self) -> Sums:
        return Sums.of(self.grid)

    def nearest(self) -> Numbers:
        """The leaf cells of the additive table that is nearest."""
        return self._targets(np.ones(len(self.sums.leaves), dtype=bool))

    def nearest_not_negative(self) -> Numbers:
        """The same among those without negative cells.

        Raises:
            ConsistencyFailed: the optimality conditions are not met to within rounding.
        """
        free, fewest, patience = np.ones(len(self.sums.leaves), dtype=bool), len(self.sums.leaves) + 1, PATIENCE
        slack = TOLERANCE * np.sqrt(self.variances[self.sums.leaves])
        for _ in range(MOST_ROUNDS):
            targets = self._targets(free)
            wrong = np.where(free, targets < -slack, targets > slack)
            if not wrong.any():
                return np.where(free, np.maximum(targets, 0.0), 0.0)
            if wrong.sum() < fewest:
                fewest, patience = int(wrong.sum()), PATIENCE
            else:
                patience -= 1
            free = free ^ (wrong if patience >= 0 else _last(wrong))
        raise ConsistencyFailed(
            "The nearest table without negative cells is not proven, so nothing is handed out. Say nonnegative=False, "
            "or make tables of fewer cells add up."
        )

    @cached_property
    def equal(self) -> bool:
        """Whether all cells have the same noise."""
        return bool((self.variances == self.variances[0]).all())

    @property
    def unknowns(self) -> int:
        """How large a system `variances_after` inverts."""
        parts = [Grid((axis,)) for axis in self.grid.axes] if self.equal else [self.grid]
        return max(min(each.leaf_cells, each.cells - each.leaf_cells) for each in parts)

    def variances_after(self) -> Numbers:
        """The variance of every cell of `nearest`: the diagonal of S·(Sᵀ·V⁻¹·S)⁻¹·Sᵀ. Reads no values."""
        if self.equal and len(self.grid.axes) > 1:
            shares: Numbers = np.ones(1)
            for each in (Grid((axis,)) for axis in self.grid.axes):
                part = Fit(each, np.zeros(each.cells), np.ones(each.cells)).variances_after()
                shares = np.outer(shares, part).ravel()
            return np.asarray(self.variances[0] * shares)
        return self._by_inner() if len(self.sums.inner) <= len(self.sums.leaves) else self._by_leaves()

    def _targets(self, free: Mask) -> Numbers:
        """The nearest table whose leaf cells that are not free are 0.

        Returns:
            For free leaf cells their values; for the others what they would be drawn to: above 0, they should be free.
        """
        sums = self.sums
        given = np.where(free, self.values[sums.leaves], 0.0)
        missed = self.values - sums.up(given)
        moves = self._moves(free, np.where(free, sums.down(missed / self.variances), 0.0))
        pulls = sums.down((missed - sums.up(moves)) / self.variances)
        return np.where(free, given + moves, self.variances[sums.leaves] * pulls)

    def _moves(self, free: Mask, side: Numbers) -> Numbers:
        """The solution of (Sᵀ·V⁻¹·S)·moves = side over the free leaf cells, by preconditioned conjugate gradients."""
        sums, weight = self.sums, 1.0 / self.sums.down(1.0 / self.variances)
        moves, rest = np.zeros(len(side)), side
        way = weight * rest
        size = begun = float(rest @ way)
        for _ in range(MOST_STEPS):
            if size <= RESIDUAL**2 * begun:
                return moves
            turned = np.where(free, sums.down(sums.up(way) / self.variances), 0.0)
            step = size / float(way @ turned)
            moves, rest = moves + step * way, rest - step * turned
            before, size = size, float(rest @ (weight * rest))
            way = weight * rest + size / before * way
        raise _unsolved()

    # --------------------------------------------------------------------------------------------- how exact it is

    def _inner_matrix(self, noise: Numbers) -> Numbers:
        """V of the inner cells + S·V·Sᵀ of the leaf cells: for two inner cells the noise of the leaf cells of both."""
        members, size = self.sums.inner_members, len(self.sums.inner)
        matrix = np.zeros((size + 1, size + 1))
        for each in members:
            np.add.at(matrix, (np.broadcast_to(each, members.shape), members), np.broadcast_to(noise, members.shape))
        matrix = matrix[:size, :size]
        matrix[np.diag_indices(size)] += self.variances[self.sums.inner]
        return matrix

    def _leaf_matrix(self) -> Numbers:
        """Sᵀ·V⁻¹·S: for two leaf cells the weights of the cells that both are part of."""
        weights = np.append(1.0 / self.variances, 0.0)
        matrix = np.zeros((len(self.sums.leaves),) * 2)
        for each in self.sums.members:
            matrix += np.where(each[:, None] == each[None, :], weights[each][:, None], 0.0)
        return matrix

    def _by_inner(self) -> Numbers:
        sums, noise = self.sums, self.variances[self.sums.leaves]
        size, members = len(sums.inner), sums.inner_members
        inverse = np.zeros((size + 1, size + 1))
        inverse[:size, :size] = _inverse(self._inner_matrix(noise))
        known = np.zeros(len(noise))
        for each in members:
            known += inverse[np.broadcast_to(each, members.shape), members].sum(axis=0)
        after = self.variances.copy()
        after[sums.leaves] -= noise**2 * known
        after[sums.inner] -= self.variances[sums.inner] ** 2 * np.diag(inverse)[:size]
        return after

    def _by_leaves(self) -> Numbers:
        sums, covariance = self.sums, _inverse(self._leaf_matrix())
        after = np.zeros(sums.cells + 1)
        for place, column in enumerate(covariance):
            cells = sums.members[:, place]
            after += np.bincount(cells, np.append(sums.up(column), 0.0)[cells], sums.cells + 1)
        return after[: sums.cells]


def _last(wrong: Mask) -> Mask:
    one = np.zeros(len(wrong), dtype=bool)
    one[np.flatnonzero(wrong)[-1]] = True
    return one


def _inverse(matrix: Numbers) -> Numbers:
    try:
        return np.asarray(np.linalg.inv(matrix))
    except np.linalg.LinAlgError:
        raise _unsolved() from None


def _unsolved() -> ConsistencyFailed:
    return ConsistencyFailed(
        "The least squares of this table could not be solved exactly enough, so nothing is handed out. Its noise "
        "scales lie too far apart: leave out the noisiest margins' level, or ask for them at a higher price."
    )
