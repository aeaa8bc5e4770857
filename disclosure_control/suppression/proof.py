"""What is proven so far: deviations that were found, and which requirements they meet, against whom."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from disclosure_control.suppression.problem import NOBODY, Indices, Mask, Numbers, Problem, Requirement

TOLERANCE = 1e-6  # of the protection level, in every comparison with it
NOISE = 1e-7  # a cell that moves less than this part of the largest movement does not move
STRETCH = 10  # deviations are stretched up to this many times the largest protection level
SIDES = (1, -1)
NONE = -1

Bits = NDArray[np.uint8]


class Dropped(NamedTuple):
    """What a proof rested on before some witnesses were dropped."""

    first: NDArray[np.int32]
    shadows: Bits
    more: dict[int, list[int]]
    fallen: Indices


class Pool:
    """The witnesses found so far, as bits: what each moves, whose cells, what it meets; and whether it still stands."""

    def __init__(self, cells: int, knowers: int, numbers: int) -> None:
        self._cells = cells
        self._size = 0
        self._moved, self._known, self._meets = (
            np.zeros((64, width), np.uint8) for width in (-(-cells // 8), knowers, -(-numbers // 8))
        )
        self._standing = np.zeros(64, bool)

    def add(self, moving: Mask, known: Bits, meets: Mask) -> int:
        """The number of the new witness."""
        if self._size == len(self._standing):
            self._moved, self._known, self._meets = map(_doubled, (self._moved, self._known, self._meets))
            self._standing = _doubled(self._standing)
        at = self._size
        self._moved[at], self._known[at], self._meets[at] = np.packbits(moving), known, np.packbits(meets)
        self._standing[at] = True
        self._size += 1
        return at

    def known_by(self, witness: int) -> Bits:
        """The contributors whose cells it moves."""
        return np.asarray(self._known[witness])

    def meeting(self, number: int) -> list[int]:
        """The standing witnesses that meet this requirement, the latest first."""
        if not self._size:
            return []
        standing = _bit(self._meets[: self._size], number) & self._standing[: self._size]
        return [int(each) for each in np.flatnonzero(standing)[::-1]]

    def drop(self, cell: int) -> Indices:
        """Those that move this cell stand no more; which they are."""
        fallen = np.flatnonzero(_bit(self._moved[: self._size], cell) & self._standing[: self._size])
        self._standing[fallen] = False
        return fallen

    def raise_again(self, witnesses: Indices) -> None:
        self._standing[witnesses] = True

    def fallen(self, witnesses: list[int] | NDArray[np.int32]) -> Mask:
        return np.asarray(~self._standing[witnesses], bool)

    def moved_by(self, witnesses: set[int]) -> Mask:
        """The cells that any of these moves."""
        packed = np.bitwise_or.reduce(self._moved[sorted(witnesses)], axis=0)
        return np.unpackbits(packed, count=self._cells).astype(bool)


def _doubled(rows: NDArray[Any]) -> NDArray[Any]:
    return np.concatenate([rows, np.zeros_like(rows)])


def _bit(rows: Bits, place: int) -> Mask:
    """This bit of every row."""
    return (rows[:, place // 8] >> (7 - place % 8) & 1).astype(bool)


class Proof:
    """The pool of deviations (witnesses), and those that each requirement rests on.

    A deviation may be stretched until a cell reaches the end of its room, and turned round likewise. One that moves
    no cell of a lone contributor holds against her as well. So a requirement rests on a first witness, against
    outsiders, and on more of them, until no contributor is left whose cells all of them move: its shadow.

    Requirements are numbered: the cell for the upper side, the cell plus the number of cells for the lower.
    """

    def __init__(self, problem: Problem) -> None:
        count = len(problem)
        self._count = count
        self._equations = problem.equations
        self._room = np.concatenate([problem.room_up, problem.room_down])
        self._need = np.concatenate([problem.need_up, problem.need_down])
        self._reach = STRETCH * self._need.max(initial=0)
        self._knowers = len(problem.knowers)
        self._knower = problem.knower
        self._first = np.full(2 * count, NONE, np.int32)
        self._attackers = np.packbits(~problem.attackers_barred, axis=1)
        self._shadows = np.zeros((2 * count, self._attackers.shape[1]), np.uint8)
        self._more: dict[int, list[int]] = {}
        self._pool = Pool(count, self._attackers.shape[1], 2 * count)

    def met(self, requirement: Requirement) -> bool:
        """Whether an attacker from outside is kept away this far."""
        return bool(self._first[self._number(requirement)] != NONE)

    def shadow(self, requirement: Requirement) -> list[int]:
        """The lone contributors against whom there is no witness; empty when there is none against anybody."""
        return self._contributors(self._shadows[self._number(requirement)])

    @property
    def outsiders(self) -> Bits:
        """No contributor."""
        return np.zeros(self._shadows.shape[1], np.uint8)

    def bits(self, contributors: Sequence[int]) -> Bits:
        """These contributors, one bit each."""
        chosen = np.zeros(8 * self._shadows.shape[1], bool)
        chosen[contributors] = True
        return np.packbits(chosen)

    def unmet(self, requirements: Sequence[Requirement], against: Bits) -> list[Requirement]:
        """Those without a witness, against outsiders or against some of these contributors."""
        numbers = np.array([self._number(each) for each in requirements], np.int64)
        open_ones = (self._first[numbers] == NONE) | (self._shadows[numbers] & against).any(axis=1)
        return [each for each, is_open in zip(requirements, open_ones.tolist(), strict=True) if is_open]

    def wanting(self) -> Mask:
        """By cell, upper sides and then lower: the requirements without a proof."""
        return np.asarray((self._need > 0) & ((self._first == NONE) | self._shadows.any(axis=1)), bool)

    def add(self, deviation: Numbers) -> None:
        """Take in one more feasible deviation."""
        moving = moved(deviation)
        cells = np.flatnonzero(moving)
        if not len(cells):
            return
        known = self._knower[cells]
        off = float(np.abs(self._equations.residual(np.where(moving, deviation, 0))).max(initial=0))
        meets = np.zeros(2 * self._count, bool)
        for way in SIDES:
            meets[self._meeting(cells, way * deviation[cells], off)] = True
        self._rest_on(self._pool.add(moving, self.bits(known[known != NOBODY]), meets), np.flatnonzero(meets))

    def recall(self, requirement: Requirement) -> None:
        """Rest this requirement on witnesses that were found before and still stand."""
        number = self._number(requirement)
        for witness in self._pool.meeting(number):
            if self._first[number] != NONE and not self._shadows[number].any():
                break
            self._rest_on(witness, np.array([number], np.int64))

    def without(self, cell: int) -> Dropped:
        """Drop every witness that moves this cell. Returns what the proof rested on, for `restore`."""
        before = Dropped(self._first.copy(), self._shadows.copy(), self._more.copy(), self._pool.drop(cell))
        resting = np.flatnonzero(self._first != NONE)
        hit = resting[self._pool.fallen(self._first[resting])].tolist()
        hit += [number for number, witnesses in self._more.items() if self._pool.fallen(witnesses).any()]
        self._first[hit] = NONE
        self._shadows[hit] = 0
        for number in hit:
            self._more.pop(number, None)
        return before

    def restore(self, before: Dropped) -> None:
        self._first, self._shadows, self._more, fallen = before
        self._pool.raise_again(fallen)

    def used(self) -> Mask:
        """The cells that some requirement's witnesses move."""
        return self._pool.moved_by(set(self._first[self._first != NONE].tolist()).union(*self._more.values()))

    def _number(self, requirement: Requirement) -> int:
        return requirement.cell if requirement.side > 0 else requirement.cell + self._count

    def _meeting(self, cells: Indices, step: Numbers, off: float) -> Indices:
        """The requirements that this deviation meets, stretched as far as it goes.

        The solver keeps equations to within a tolerance: what a deviation is `off` by has to be little beside the need.
        """
        numbers = np.where(step > 0, cells, cells + self._count)
        size = np.abs(step)
        stretch = min((self._room[numbers] / size).min(), max(self._reach / size.max(), 1.0))
        need = self._need[numbers]
        far, exact = stretch * size >= need * (1 - TOLERANCE), stretch * off <= need * TOLERANCE
        return np.asarray(numbers[(need > 0) & far & exact], np.int64)

    def _rest_on(self, witness: int, numbers: Indices) -> None:
        known = self._pool.known_by(witness)
        old = numbers[self._first[numbers] != NONE]
        new = numbers[self._first[numbers] == NONE]
        self._first[new] = witness
        self._shadows[new] = known & self._attackers[new % self._count]
        for number in old[(self._shadows[old] & ~known).any(axis=1)].tolist():
            self._shadows[number] &= known
            self._more[number] = [*self._more.get(number, []), witness]

    def _contributors(self, bits: Bits) -> list[int]:
        return np.flatnonzero(np.unpackbits(bits, count=self._knowers)).tolist() if self._knowers else []


def moved(deviation: Numbers) -> Mask:
    """The cells that take part in a deviation."""
    size = np.abs(deviation)
    return np.asarray(size > NOISE * size.max(initial=0), bool)
