"""Protect one cell after another: each by the cheapest deviation that meets its requirement; what it moves is withheld.

The sequence of linear programs of Kelly, Golden and Assad (1992, Networks 22, 397–417) as the τ-Argus and the
Statistics Canada systems use it, with three changes. The price of moving a cell is its cost over the part of the
requirement that it has room for (the linear relaxation of the fixed charge); every deviation is pooled and may prove
other requirements on its way; and a lone contributor who knows her own cell is an attacker of her own.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np

from disclosure_control.errors import SuppressionFailed, Unprotectable
from disclosure_control.suppression.lp import Deadline, Model
from disclosure_control.suppression.problem import Indices, Mask, Numbers, Problem, Requirement, requirements
from disclosure_control.suppression.proof import TOLERANCE, Bits, Proof, moved

Tick = Callable[[int, int], None]

FARTHEST = 50.0  # no cell moves farther than this many times the requirement
LITTLE = 1e-3  # the price of moving a cell, where moving others costs 1
STEEP = 1e-3  # needs that differ more than this are not met by programs of one scale
SEVERAL = 8  # requirements are worth a program that aims at all of them
MOST = 400  # requirements that one program aims at: more take it longer than they are worth
WORTHWHILE = 0.2  # as long as it meets at least this part of what it aims at
SMALLEST_ROOM = 1e-3  # prices reckon with at least this part of the requirement


class Cells:
    """The cells that a search may move, and the translation of deviations between them and the whole problem."""

    def __init__(self, problem: Problem, kept: Mask) -> None:
        self.kept = np.flatnonzero(kept)
        self.place = np.full(len(problem), -1, np.int64)
        self.place[self.kept] = np.arange(len(self.kept))
        self.equations = problem.equations.on(kept)
        self.room_up, self.room_down = problem.room_up[self.kept], problem.room_down[self.kept]
        self._count = len(problem)

    def __len__(self) -> int:
        return len(self.kept)

    def whole(self, deviation: Numbers) -> Numbers:
        """The deviation of all cells. What the solver's tolerance let stand out of a cell's room is cut off."""
        full = np.zeros(self._count)
        full[self.kept] = np.clip(deviation, -self.room_down, self.room_up)
        return full

    def at(self, cells: Indices) -> Indices:
        """Their places, without those that cannot move anyway."""
        places = self.place[cells]
        return places[places >= 0]


NO_CELLS: Indices = np.zeros(0, np.int64)


class Chooser:
    """Finds the cheapest deviation that meets one requirement. Cells that are withheld already cost nothing."""

    def __init__(self, problem: Problem, cost: Numbers, allowed: Mask, deadline: Deadline) -> None:
        self.cells = Cells(problem, allowed)
        self.model = Model(self.cells.equations, len(self.cells), deadline, split=True)
        self._cost = cost[self.cells.kept]

    def cheapest(self, requirement: Requirement, withheld: Mask, fixed: Indices = NO_CELLS) -> Numbers:
        """A deviation of the whole problem, in its units, that moves none of the `fixed` cells."""
        up, down = self._room(_unit(requirement))
        price = np.where(withheld[self.cells.kept], 0.0, self._cost)
        parts = (each / requirement.need for each in (self.cells.room_up, self.cells.room_down))
        prices = np.concatenate([price / np.clip(part, SMALLEST_ROOM, 1) for part in parts])
        up[self.cells.at(fixed)] = down[self.cells.at(fixed)] = 0
        return self._solve(requirement, up, down, prices)

    def sparing(self, requirement: Requirement, withheld: Mask, spared: Indices) -> Numbers:
        """A deviation within the pattern that moves the spared cells as little as can be, and the others little."""
        up, down = self._room(_unit(requirement))
        closed = ~withheld[self.cells.kept]
        up[closed] = down[closed] = 0
        price = np.full(len(self.cells), LITTLE)
        price[self.cells.at(spared)] = 1
        return self._solve(requirement, up, down, np.concatenate([price, price]))

    def _room(self, unit: float) -> tuple[Numbers, Numbers]:
        return np.minimum(self.cells.room_up / unit, FARTHEST), np.minimum(self.cells.room_down / unit, FARTHEST)

    def _solve(self, requirement: Requirement, up: Numbers, down: Numbers, prices: Numbers) -> Numbers:
        upper, lower = np.concatenate([up, down]), np.zeros(2 * len(up))
        self._force(requirement, lower, upper)
        self.model.bound(lower, upper)
        self.model.price(prices)
        found = self.model.solve(afresh=True)
        return self.cells.whole((found[: len(up)] - found[len(up) :]) * _unit(requirement))

    def _force(self, requirement: Requirement, lower: Numbers, upper: Numbers) -> None:
        place = int(self.cells.place[requirement.cell])
        ahead, behind = (place, place + len(self.cells)) if requirement.side > 0 else (place + len(self.cells), place)
        need = requirement.need / _unit(requirement)
        if upper[ahead] < need * (1 - TOLERANCE):
            raise Unprotectable("The cell itself has less room than its protection level.")
        lower[ahead] = upper[ahead] = need
        upper[behind] = 0


def _unit(requirement: Requirement) -> float:
    """In which a program reckons: the power of two below the need, so that programs in a row have like bounds."""
    return 2.0 ** math.floor(math.log2(requirement.need))


class Freedom:
    """Finds how far a cell can move while only withheld cells move, up to a few times the requirement."""

    def __init__(self, problem: Problem, withheld: Mask, allowed: Mask, deadline: Deadline) -> None:
        self.cells = Cells(problem, allowed)
        self.model = Model(self.cells.equations, len(self.cells), deadline)
        self._open = withheld[self.cells.kept].copy()
        self._scale = 0.0
        self._aim = 0

    def open(self, cells: Mask) -> None:
        """These cells are withheld from now on."""
        new = np.flatnonzero(cells[self.cells.kept] & ~self._open)
        self._open[new] = True
        for place in new.tolist():
            self._bound(place)

    def close(self, cell: int) -> None:
        """This cell is published after all."""
        place = int(self.cells.place[cell])
        self._open[place] = False
        self._bound(place)

    def farthest(self, requirement: Requirement, fixed: Indices = NO_CELLS) -> Numbers:
        """The deviation that moves the cell as far as it goes on the requirement's side."""
        if not STEEP * self._scale <= requirement.need <= self._scale:
            self._rescale(requirement.need)
        places = self.cells.at(fixed).tolist()
        for place in places:
            self.model.bound_one(place, 0, 0)
        self.model.price_one(self._aim, 0.0)
        self._aim = int(self.cells.place[requirement.cell])
        self.model.price_one(self._aim, float(requirement.side))
        found = self.model.solve()
        for place in places:
            self._bound(place)
        return self.cells.whole(found * self._scale)

    def together(self, wanted: Sequence[Requirement], fixed: Indices = NO_CELLS) -> Numbers:
        """A deviation that meets as much as it can of all these requirements at once, and moves none of `fixed`.

        Where both sides of a cell are wanted, sides take turns; a deviation may be turned round.
        """
        largest = max(each.need for each in wanted)
        if not STEEP * self._scale <= largest <= self._scale:
            self._rescale(largest)
        sides = {each.cell: each for each in reversed(wanted)}
        sides |= {each.cell: each for number, each in enumerate(wanted) if number % 2 == (each.side < 0)}
        aims = [each for each in sides.values() if each.need >= STEEP * self._scale]
        prices = np.zeros(len(self.cells))
        lower, upper = self.model.bounds()
        for held in self.cells.at(fixed).tolist():
            self.model.bound_one(held, 0, 0)
        for each in aims:
            place, need = int(self.cells.place[each.cell]), each.need / self._scale
            prices[place] = each.side / need
            ends = (
                (max(lower[place], -need), upper[place]) if each.side < 0 else (lower[place], min(upper[place], need))
            )
            self.model.bound_one(place, *ends)
        self.model.price(prices)
        found = self.model.solve()
        self.model.price(np.zeros(len(self.cells)))
        self.model.bound(lower, upper)
        return self.cells.whole(found * self._scale)

    def _rescale(self, scale: float) -> None:
        self._scale = scale
        self._upper = np.minimum(self.cells.room_up / scale, FARTHEST)
        self._lower = -np.minimum(self.cells.room_down / scale, FARTHEST)
        self.model.bound(np.where(self._open, self._lower, 0), np.where(self._open, self._upper, 0))

    def _bound(self, place: int) -> None:
        if self._scale and self._open[place]:
            self.model.bound_one(place, float(self._lower[place]), float(self._upper[place]))
        elif self._scale:
            self.model.bound_one(place, 0, 0)


def coalitions(contributors: int) -> list[list[int]]:
    """All lone contributors; and sets of them of which, for any two, some has the one and not the other.

    A contributor's own cell moves in no deviation that spares hers, so its witnesses come from coalitions without her.
    """
    everybody = list(range(contributors))
    parted = [
        [each for each in everybody if (each >> place & 1) == part]
        for place in range(max(contributors - 1, 0).bit_length())
        for part in (0, 1)
    ]
    return [each for each in (everybody, *parted) if each]


class Pattern:
    """A pattern, its proof, and the way from one to the other."""

    def __init__(
        self, problem: Problem, cost: Numbers, allowed: Mask, deadline: Deadline, withheld: Mask | None = None
    ) -> None:
        """Begins with the primary cells, or with these that are withheld; adds none but those allowed."""
        self.problem = problem
        self.withheld = (problem.primary if withheld is None else withheld).copy()
        self.proof = Proof(problem)
        self.wanted = requirements(problem)
        self.reason = np.full(len(problem), -1, np.int64)
        self._places = np.array([each.cell + (each.side < 0) * len(problem) for each in self.wanted], np.int64)
        self._number = {each: number for number, each in enumerate(self.wanted)}
        self.programs = 0
        self._coalitions = coalitions(len(problem.knowers))
        self._cost, self._deadline = cost, deadline
        self._models(allowed)

    def narrow(self) -> None:
        """From now on no cell is added to the pattern; the programs become smaller."""
        self._models(self.withheld)

    def protect_all(self, tick: Tick) -> None:
        """Meet every requirement, first against outsiders, then against lone contributors."""
        self.prove_together(self.wanted)
        for number, requirement in enumerate(self.wanted):
            if not self.proof.met(requirement):
                self._withhold_for(requirement, NO_CELLS)
            tick(number, 2 * len(self.wanted))
        for number, requirement in enumerate(self.wanted):
            while shadow := self.proof.shadow(requirement):
                if not self._prove_against(requirement, shadow):
                    self._withhold_for(requirement, self.problem.knowers[shadow[0]])
            tick(len(self.wanted) + number, 2 * len(self.wanted))

    def unproven(self, cells: Mask) -> list[Requirement]:
        """What these cells require and has no proof, the largest first."""
        at = self._places
        return [self.wanted[each] for each in np.flatnonzero(self.proof.wanting()[at] & cells[at % len(cells)])]

    def prove_together(self, wanted: Sequence[Requirement]) -> None:
        """Look for witnesses of many requirements at once, as long as that goes well."""
        for each in wanted:
            self.proof.recall(each)
        self._prove_as_one(wanted, NO_CELLS, self.proof.outsiders)

    def prove_against_coalitions(self, wanted: Sequence[Requirement]) -> None:
        """Look for witnesses of many requirements at once that move no cell of many contributors.

        They move many other cells, so a pattern that is still to shrink does better without them.
        """
        for contributors in self._coalitions:
            cells = np.concatenate([self.problem.knowers[each] for each in contributors])
            hers = set(cells.tolist())
            others = [each for each in wanted if each.cell not in hers]
            self._prove_as_one(others, cells, self.proof.bits(contributors))

    def _prove_as_one(self, wanted: Sequence[Requirement], fixed: Indices, against: Bits) -> None:
        """Against all of these at once: what moves none of their cells holds against each of them."""
        left = self.proof.unmet(wanted, against)
        while len(left) >= SEVERAL:
            self.programs += 1
            aimed = left[:MOST]
            self.proof.add(self._freedom.together(aimed, fixed))
            before, left = len(left), self.proof.unmet(left, against)
            if before - len(left) < WORTHWHILE * len(aimed):
                break

    def proven(self, requirement: Requirement) -> bool:
        """Whether the pattern as it is meets the requirement, against lone contributors too."""
        self.proof.recall(requirement)
        if not self.proof.met(requirement) and not self._prove(requirement):
            return False
        while shadow := self.proof.shadow(requirement):
            if not self._prove_against(requirement, shadow):
                return False
        return True

    def publish(self, cell: int) -> None:
        self.withheld[cell] = False
        self._freedom.close(cell)

    def withhold(self, cells: Mask) -> None:
        self.withheld |= cells
        self._freedom.open(self.withheld)

    def _models(self, allowed: Mask) -> None:
        self._freedom = Freedom(self.problem, self.withheld, allowed, self._deadline)
        self._chooser = Chooser(self.problem, self._cost, allowed, self._deadline)

    def _prove(self, requirement: Requirement) -> bool:
        """Look for a witness within the pattern."""
        self._take(requirement, self._freedom.farthest(requirement))
        return self.proof.met(requirement)

    def _prove_against(self, requirement: Requirement, shadow: list[int]) -> bool:
        """Look for a witness within the pattern that moves no cell of one of these contributors, at best of any."""
        spared = np.concatenate([self.problem.knowers[each] for each in shadow])
        self._take(requirement, self._chooser.sparing(requirement, self.withheld, spared))
        if len(self.proof.shadow(requirement)) < len(shadow):
            return True
        self._take(requirement, self._freedom.farthest(requirement, self.problem.knowers[shadow[0]]))
        return len(self.proof.shadow(requirement)) < len(shadow)

    def _withhold_for(self, requirement: Requirement, fixed: Indices) -> None:
        before = len(self.proof.shadow(requirement))
        deviation = self._chooser.cheapest(requirement, self.withheld, fixed)
        moves = moved(deviation)
        self.reason[moves & ~self.withheld] = self._number[requirement]
        self.withhold(moves)
        self._take(requirement, deviation)
        if not self.proof.met(requirement) or (len(fixed) and len(self.proof.shadow(requirement)) >= before):
            raise SuppressionFailed("The solver's answer does not meet the protection that was asked for.")

    def _take(self, requirement: Requirement, deviation: Numbers) -> None:
        """Pool a deviation that was made for this requirement, if it meets it."""
        self.programs += 1
        if deviation[requirement.cell] * requirement.side >= requirement.need * (1 - TOLERANCE):
            self.proof.add(deviation)
