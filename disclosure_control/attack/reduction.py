"""The attacker's equations made small: what they say at once, and the blocks into which the rest falls.

An equation of one column says that it is known. One of two says that they move together: they become one variable. What
is left falls into blocks that have no equation in common, so that each can be looked at alone.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from disclosure_control.attack.links import Indices, Mask, Numbers, leaders, ragged, signed_leaders
from disclosure_control.attack.view import Equations, View

FIXED = -1


@dataclass(frozen=True, eq=False)
class Reduced:
    """The variables of the attacker's problem. Deviations from the truth, in the values' units.

    Attributes:
        variable: of every column, or `FIXED` where it is known; the column deviates by `sign` times the variable.
        lower, upper: between which a variable may deviate, 0 included.
        whole: its deviation is a whole number.
        rows, variables, factors: the entries of the equations, row by row. In each row, factor times deviation adds up
            to 0. Rows and variables are numbered block by block.
        blocks: where the variables of each block begin, and their number at the end; `row_blocks` likewise.
        scale, size: by block, a value of middling size, and the largest value or need.
    """

    variable: Indices
    sign: Numbers
    lower: Numbers
    upper: Numbers
    whole: Mask
    rows: Indices
    variables: Indices
    factors: Numbers
    blocks: Indices
    row_blocks: Indices
    scale: Numbers
    size: Numbers

    def __len__(self) -> int:
        return len(self.lower)

    @cached_property
    def block(self) -> Indices:
        """The block of every variable."""
        return np.repeat(np.arange(len(self.blocks) - 1), np.diff(self.blocks))

    @cached_property
    def block_of_row(self) -> Indices:
        return np.repeat(np.arange(len(self.blocks) - 1), np.diff(self.row_blocks))

    @cached_property
    def whole_blocks(self) -> Mask:
        """By block, whether all of it are whole numbers."""
        return np.asarray(np.logical_and.reduceat(self.whole, self.blocks[:-1]))

    @cached_property
    def alone(self) -> Mask:
        """The variables in no equation."""
        found = np.ones(len(self), bool)
        found[self.variables] = False
        return found

    @cached_property
    def row_starts(self) -> Indices:
        """Where each row's entries begin, and their number at the end."""
        return np.searchsorted(self.rows, np.arange(self.row_blocks[-1] + 1))

    def deviations(self, of_variables: Numbers) -> Numbers:
        """Of every column, given those of the variables."""
        return np.where(self.variable == FIXED, 0.0, self.sign * of_variables[self.variable])

    def off(self, deviations: Numbers) -> Numbers:
        """By how much these deviations of the variables break each row."""
        terms = self.factors * deviations[self.variables]
        return np.bincount(self.rows, terms, minlength=int(self.row_blocks[-1])).astype(np.float64)

    def only(self, block: int) -> "Reduced":
        """One block alone; columns of others count as known."""
        start, end = self.blocks[block : block + 2]
        first, last = self.row_blocks[block : block + 2]
        entries = slice(*np.searchsorted(self.rows, [first, last]))
        inside = (self.variable >= start) & (self.variable < end)
        return Reduced(
            np.where(inside, self.variable - start, FIXED),
            self.sign,
            self.lower[start:end],
            self.upper[start:end],
            self.whole[start:end],
            self.rows[entries] - first,
            self.variables[entries] - start,
            self.factors[entries],
            np.array([0, end - start]),
            np.array([0, last - first]),
            self.scale[[block]],
            self.size[[block]],
        )


def reduced(view: View) -> Reduced:
    """The view's problem, reduced."""
    leader, sign = np.arange(len(view), dtype=np.int64), np.ones(len(view))
    fixed = view.known.copy()
    entries = view.equations
    while True:
        entries = _rewritten(entries, leader, sign, fixed)
        size = np.bincount(entries.rows)[entries.rows]
        single = entries.columns[size == 1]
        fixed[single] = True
        one, other, factor = _pairs(entries, size)
        if not len(single) and not len(one):
            break
        further, turn = signed_leaders(len(view), one, other, factor)
        leader, sign = further[leader], sign * turn[leader]
        fixed = _spread(fixed, further)
    fixed = fixed[leader]
    return _in_blocks(view, entries, np.where(fixed, FIXED, leader), sign)


def _rewritten(entries: Equations, leader: Indices, sign: Numbers, fixed: Mask) -> Equations:
    """The entries by leaders, each once in a row; without those that are fixed or cancel out."""
    rows, columns, signs = entries.rows, leader[entries.columns], entries.signs * sign[entries.columns]
    free = ~fixed[columns]
    rows, columns, signs = rows[free], columns[free], signs[free]
    if not len(rows):
        return Equations(rows, columns, signs)
    key = rows * len(leader) + columns
    order = np.argsort(key, kind="stable")
    first = np.flatnonzero(np.diff(key[order], prepend=-1))
    total = np.add.reduceat(signs[order], first)
    left = total != 0
    at = order[first][left]
    return Equations(rows[at], columns[at], total[left])


def _pairs(entries: Equations, size: Indices) -> tuple[Indices, Indices, Numbers]:
    """The rows of two whose factors are equal or opposite: other = factor × one."""
    at = np.flatnonzero(size == 2)[::2]
    one, other = entries.signs[at], entries.signs[at + 1]
    alike = np.abs(one) == np.abs(other)
    return entries.columns[at][alike], entries.columns[at + 1][alike], (-one / other)[alike]


def _spread(fixed: Mask, leader: Indices) -> Mask:
    """Whose follower is fixed is so too."""
    found = fixed.copy()
    found[leader[fixed]] = True
    return found


def _in_blocks(view: View, entries: Equations, leader: Indices, sign: Numbers) -> Reduced:
    heads = np.unique(leader[leader >= 0])
    place = np.full(len(view) + 1, FIXED)
    place[heads] = np.arange(len(heads))
    variables, rows = place[entries.columns], np.unique(entries.rows, return_inverse=True)[1]
    starts = np.searchsorted(rows, np.arange(int(rows.max(initial=-1)) + 1))
    block = leaders(len(heads), variables, variables[starts][rows])
    order = np.argsort(block, kind="stable")
    number = np.empty(len(heads), np.int64)
    number[order] = np.arange(len(heads))
    blocks = np.flatnonzero(np.diff(block[order], prepend=-1))
    row_order = np.argsort(block[variables[starts]], kind="stable")
    lengths = np.diff(np.append(starts, len(rows)))[row_order]
    at = ragged(starts[row_order], lengths)
    variable = np.where(leader >= 0, number[place[leader]], FIXED) if len(heads) else np.full(len(view), FIXED)
    lower, upper, whole = _bounds(view, variable, sign, len(heads))
    heads_of = block[order][blocks]
    blocks = np.append(blocks, len(heads))
    return Reduced(
        variable,
        sign,
        lower,
        upper,
        whole,
        np.repeat(np.arange(len(row_order)), lengths),
        number[variables[at]],
        entries.signs[at],
        blocks,
        np.append(np.searchsorted(block[variables[starts]][row_order], heads_of), len(row_order)),
        *_sizes(view, variable, whole, blocks),
    )


def _bounds(view: View, variable: Indices, sign: Numbers, count: int) -> tuple[Numbers, Numbers, Mask]:
    """Between which each variable may deviate: as far as every column that it stands for."""
    lower, upper, whole = np.full(count, -np.inf), np.full(count, np.inf), np.zeros(count, bool)
    columns = np.flatnonzero(variable >= 0)
    at, same = variable[columns], sign[columns] > 0
    down, up = view.room_down[columns], view.room_up[columns]
    np.maximum.at(lower, at, -np.where(same, down, up))
    np.minimum.at(upper, at, np.where(same, up, down))
    whole[at[view.whole[columns]]] = True
    return lower, upper, whole


def _sizes(view: View, variable: Indices, whole: Mask, blocks: Indices) -> tuple[Numbers, Numbers]:
    """By block: the geometric mean of its values, 1 for whole numbers; and the largest value or need."""
    count = len(blocks) - 1
    columns = np.flatnonzero(variable >= 0)
    block = np.repeat(np.arange(count), np.diff(blocks))[variable[columns]]
    value = np.abs(view.truth[columns])
    size = np.zeros(count)
    np.maximum.at(size, block, np.maximum(value, np.maximum(view.need_up, view.need_down)[columns]))
    some = value > 0
    total = np.bincount(block[some], np.log(value[some]), minlength=count)
    mean = np.exp(total / np.maximum(np.bincount(block[some], minlength=count), 1))
    if count:
        mean = np.where(np.logical_and.reduceat(whole, blocks[:-1]), 1, mean)
    return mean, np.where(size > 0, size, 1)
