"""From a problem to a pattern that is proven: sequence, redundancy, for small tables branch and cut, verification."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from disclosure_control.errors import SuppressionFailed
from disclosure_control.suppression.exact import cheapest_pattern
from disclosure_control.suppression.lp import Deadline
from disclosure_control.suppression.problem import Mask, Numbers, Problem
from disclosure_control.suppression.redundant import publish_redundant
from disclosure_control.suppression.sequential import Pattern

Progress = Callable[[str, float], None]  # the step, and the part of it that is done, 0 to 1

SMALL = 120  # cells that may but need not be withheld: up to here, the exact method is tried
HINT = 0.9  # how much cheaper a cell becomes that the exact method would withhold


@dataclass(frozen=True)
class Solution:
    """A pattern that meets every requirement.

    Attributes:
        withheld: the cells to be withheld, primary ones included.
        cost: of its secondary cells; `bound` is a proven lower bound of that of any pattern, None if unsought.
        method: how it was found.
        programs: linear programs solved.
    """

    withheld: Mask
    cost: float
    bound: float | None
    method: str
    programs: int
    seconds: float

    @property
    def gap(self) -> float | None:
        """The certified distance from the cheapest pattern, as a part of the cost of this one."""
        if self.bound is None:
            return None
        return (self.cost - self.bound) / self.cost if self.cost > 0 else 0.0


class Solver:
    """The steps in their order; counts the programs."""

    def __init__(self, problem: Problem, deadline: Deadline, progress: Progress) -> None:
        self.problem = problem
        self.programs = 0
        self._deadline = deadline
        self._progress = progress
        self._order = np.argsort(-problem.cost, kind="stable")
        self._secondary = problem.candidate & ~problem.primary

    def found(self, cost: Numbers, step: str) -> Mask:
        """A minimal pattern by the sequence of linear programs, at these costs."""
        problem = self.problem
        pattern = Pattern(problem, cost, problem.candidate, self._deadline)
        pattern.protect_all(self.tick(step))
        pattern.narrow()
        publish_redundant(pattern, self._order, self.tick("redundant cells"))
        self.programs += pattern.programs
        return pattern.withheld

    def improved(self, hint: Numbers) -> Mask:
        """A minimal pattern that leans to the cells of this (fractional) one."""
        return self.found(self.problem.cost * (1 - HINT * np.clip(hint, 0, 1)), "improving")

    def small(self) -> bool:
        return int(self._secondary.sum()) <= SMALL

    def cheapest(self, verified: Mask) -> tuple[Mask, float, str]:
        """The cheapest pattern that is found and verified in the time that is left, its bound and how it was found."""
        best = cheapest_pattern(self.problem, verified, self.improved, self._deadline, self.tick("exact method"))
        if (best.withheld == verified).all():
            return verified, best.bound, "exact"
        try:
            self.verify(best.withheld)
        except SuppressionFailed:
            return verified, best.bound, "exact"
        return best.withheld, best.bound, "exact"

    def verify(self, withheld: Mask) -> None:
        """Prove every requirement anew, from nothing but the pattern. Raises `SuppressionFailed` where that fails."""
        check = Pattern(self.problem, self.problem.cost, withheld, self._deadline, withheld)
        wanted = check.unproven(np.ones(len(self.problem), bool))
        check.prove_together(wanted)
        check.prove_against_coalitions(wanted)
        tick = self.tick("verification")
        for number, requirement in enumerate(wanted):
            if not check.proven(requirement):
                raise SuppressionFailed("The pattern that was found does not protect every cell. Nothing is released.")
            tick(number, len(wanted))
        self.programs += check.programs

    def tick(self, step: str) -> Callable[[int, int], None]:
        return lambda done, of: self._progress(step, done / max(of, 1))


def solve(problem: Problem, deadline: Deadline, progress: Progress) -> Solution:
    """A pattern that meets every requirement of the problem, verified.

    Raises:
        Unprotectable: there is none.
        SuppressionFailed: none is proven within the deadline.
    """
    start = time.monotonic()
    solver = Solver(problem, deadline, progress)
    withheld, bound, method = solver.found(problem.cost, "protection"), None, "sequential"
    solver.verify(withheld)
    if solver.small():
        withheld, bound, method = solver.cheapest(withheld)
    cost = float(np.where(problem.primary, 0, problem.cost)[withheld].sum())
    return Solution(withheld, cost, bound, method, solver.programs, time.monotonic() - start)
