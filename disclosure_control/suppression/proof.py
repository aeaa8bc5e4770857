"""What is proven so far: deviations that were found, and which requirements they meet, against whom."""

from typing import NamedTuple

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
        self._room = np.concatenate([problem.room_up, problem.room_down])
        self._need = np.concatenate([problem.need_up, problem.need_down])
        self._reach = STRETCH * self._need.max(initial=0)
        self._knowers = len(problem.knowers)
        self._knower = problem.knower
        self._first = np.full(2 * count, NONE, np.int32)
        self._attackers = np.packbits(~problem.attackers_barred, axis=1)
        self._shadows = np.zeros((2 * count, self._attackers.shape[1]), np.uint8)
        self._more: dict[int, list[int]] = {}
        self._moved_by: list[Bits] = []  # of each witness, the cells that it moves
        self._known_by: list[Bits] = []  # of each witness, the contributors whose cells it moves

    def met(self, requirement: Requirement) -> bool:
        """Whether an attacker from outside is kept away this far."""
        return bool(self._first[self._number(requirement)] != NONE)

    def shadow(self, requirement: Requirement) -> list[int]:
        """The lone contributors against whom there is no witness; empty when there is none against anybody."""
        return self._contributors(self._shadows[self._number(requirement)])

    def wanting(self) -> Mask:
        """By cell, upper sides and then lower: the requirements without a proof."""
        return np.asarray((self._need > 0) & ((self._first == NONE) | self._shadows.any(axis=1)), bool)

    def add(self, deviation: Numbers) -> None:
        """Take in one more feasible deviation."""
        moving = moved(deviation)
        cells = np.flatnonzero(moving)
        if not len(cells):
            return
        knowers = np.zeros(8 * self._shadows.shape[1], bool)
        known = self._knower[cells]
        knowers[known[known != NOBODY]] = True
        self._moved_by.append(np.packbits(moving))
        self._known_by.append(np.packbits(knowers))
        for way in SIDES:
            self._rest_on_last(self._meeting(cells, way * deviation[cells]))

    def without(self, cell: int) -> Dropped:
        """Drop every witness that moves this cell. Returns what the proof rested on, for `restore`."""
        before = Dropped(self._first.copy(), self._shadows.copy(), self._more.copy())
        byte, bit = cell // 8, 7 - cell % 8
        moves = np.array([each[byte] >> bit & 1 for each in self._moved_by], bool)
        hit = np.flatnonzero((self._first != NONE) & moves[self._first])
        moving = set(np.flatnonzero(moves).tolist())
        several = [
            number for number, resting in self._more.items() if moves[self._first[number]] or moving & {*resting}
        ]
        for number in several:
            self._rest_again(number, [each for each in self._all(number) if not moves[each]])
        alone = hit[moves[self._first[hit]]]
        self._first[alone] = NONE
        self._shadows[alone] = 0
        return before

    def restore(self, before: Dropped) -> None:
        self._first, self._shadows, self._more = before

    def used(self) -> Mask:
        """The cells that some requirement's witnesses move."""
        resting = set(self._first[self._first != NONE].tolist()).union(*self._more.values())
        packed = np.zeros(-(-self._count // 8), np.uint8)
        for number in resting:
            packed |= self._moved_by[number]
        return np.unpackbits(packed, count=self._count).astype(bool)

    def _number(self, requirement: Requirement) -> int:
        return requirement.cell if requirement.side > 0 else requirement.cell + self._count

    def _meeting(self, cells: Indices, step: Numbers) -> Indices:
        """The requirements that this deviation meets, stretched as far as it goes."""
        numbers = np.where(step > 0, cells, cells + self._count)
        size = np.abs(step)
        size = size * min((self._room[numbers] / size).min(), max(self._reach / size.max(), 1.0))
        need = self._need[numbers]
        return np.asarray(numbers[(need > 0) & (size >= need * (1 - TOLERANCE))], np.int64)

    def _rest_on_last(self, numbers: Indices) -> None:
        last, known = len(self._known_by) - 1, self._known_by[-1]
        old = numbers[self._first[numbers] != NONE]
        new = numbers[self._first[numbers] == NONE]
        self._first[new] = last
        self._shadows[new] = known & self._attackers[new % self._count]
        for number in old[(self._shadows[old] & ~known).any(axis=1)].tolist():
            self._shadows[number] &= known
            self._more[number] = [*self._more.get(number, []), last]

    def _all(self, number: int) -> list[int]:
        return [int(self._first[number]), *self._more.get(number, [])]

    def _rest_again(self, number: int, resting: list[int]) -> None:
        self._more.pop(number, None)
        self._first[number] = resting[0] if resting else NONE
        self._shadows[number] = 0
        if resting:
            known = [self._known_by[each] for each in resting]
            self._shadows[number] = np.bitwise_and.reduce([self._attackers[number % self._count], *known])
        if len(resting) > 1:
            self._more[number] = resting[1:]

    def _contributors(self, bits: Bits) -> list[int]:
        return np.flatnonzero(np.unpackbits(bits, count=self._knowers)).tolist() if self._knowers else []


def moved(deviation: Numbers) -> Mask:
    """The cells that take part in a deviation."""
    size = np.abs(deviation)
    return np.asarray(size > NOISE * size.max(initial=0), bool)
