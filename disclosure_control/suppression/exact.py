"""The cheapest pattern for a small table, with a certificate: branch and cut on capacity constraints.

The model of Fischetti and Salazar-González (2001, Management Science 47(7), 1008–1027). A pattern that fails a
requirement breaks a cut that the dual of the attacker's program yields: the weighted room of the cells that could help
is less than the requirement. The master program over 0/1 variables is solved with HiGHS, cuts are added, until no
requirement fails. Its bound holds at any time, so the gap is certified even when the work ends early.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import highspy
import numpy as np

from disclosure_control.errors import SuppressionFailed
from disclosure_control.suppression.lp import Deadline, Model
from disclosure_control.suppression.problem import NOBODY, Equations, Mask, Numbers, Problem, Requirement, requirements
from disclosure_control.suppression.proof import TOLERANCE, moved
from disclosure_control.suppression.sequential import Cells, Tick

ROUNDS = 60  # of cuts; a limit on work and not on time keeps the result the same on every machine
NODES = 500  # of branch and bound, in one round
GAP = 0.02  # of the cost; closer than this is close enough
FAR = 1e4  # times the requirement stands for no bound
WORTHLESS = 1e-9


class Certificate(NamedTuple):
    """The best pattern that is known, its cost, and a proven lower bound of every pattern's cost."""

    withheld: Mask
    cost: float
    bound: float


class Separator:
    """Finds the requirements that a (fractional) pattern fails, and the cuts that say so."""

    def __init__(self, problem: Problem, deadline: Deadline) -> None:
        self._problem = problem
        self._cells = Cells(problem, problem.candidate)
        self._model = Model(self._cells.equations, len(self._cells), deadline)
        self._wanted = requirements(problem)

    @property
    def solved(self) -> int:
        return self._model.solved

    def cuts(self, pattern: Numbers) -> list[Numbers]:
        """Coefficients c, each with c·pattern ≥ 1 for every pattern that meets a requirement which this one fails."""
        return self._against_outsiders(pattern) or self._against_contributors(pattern)

    def _against_outsiders(self, pattern: Numbers) -> list[Numbers]:
        found: list[Numbers] = []
        met: set[Requirement] = set()
        for requirement in self._wanted:
            if requirement not in met:
                deviation, cut = self._separate(requirement, pattern, NOBODY)
                if cut is None:
                    met.update(each for each in self._wanted if _meets(deviation, each))
                else:
                    found.append(cut)
        return found

    def _against_contributors(self, pattern: Numbers) -> list[Numbers]:
        """Those whose cells the farthest deviation moves; it holds against the others as it is."""
        if not self._problem.knowers:
            return []
        cuts = (self._separate(*each)[1] for each in self._attacks(pattern))
        return [each for each in cuts if each is not None]

    def _attacks(self, pattern: Numbers) -> Iterator[tuple[Requirement, Numbers, int]]:
        for requirement in self._wanted:
            deviation, _ = self._separate(requirement, pattern, NOBODY)
            for knower in np.unique(self._problem.knower[moved(deviation)]).tolist():
                if knower != NOBODY and not self._problem.attackers_barred[requirement.cell, knower]:
                    yield requirement, pattern, knower

    def _separate(self, requirement: Requirement, pattern: Numbers, knower: int) -> tuple[Numbers, Numbers | None]:
        """The farthest deviation, and the cut if that is not far enough."""
        cells, scale = self._cells, requirement.need
        up, down = cells.room_up / scale, cells.room_down / scale
        if knower != NOBODY:
            known = cells.at(self._problem.knowers[knower])
            up[known] = down[known] = 0
        aim = np.zeros(len(cells))
        aim[cells.place[requirement.cell]] = requirement.side
        part = np.clip(pattern[cells.kept], 0, 1)
        self._model.bound(-np.minimum(down, FAR) * part, np.minimum(up, FAR) * part)
        self._model.price(aim)
        deviation = cells.whole(self._model.solve() * scale)
        met = self._model.objective() >= 1 - TOLERANCE
        return deviation, None if met else self._coefficients(aim, up, down)

    def _coefficients(self, aim: Numbers, up: Numbers, down: Numbers) -> Numbers:
        """From the reduced costs: what each cell's room is worth, and no more than the whole requirement."""
        worth = aim - self._cells.equations.weighted(self._model.duals(), len(self._cells))
        rise, fall = worth > WORTHLESS, worth < -WORTHLESS
        value = np.zeros(len(worth))
        value[rise], value[fall] = worth[rise] * up[rise], -worth[fall] * down[fall]
        return self._cells.whole(np.minimum(value, 1))


def _meets(deviation: Numbers, requirement: Requirement) -> bool:
    return bool(deviation[requirement.cell] * requirement.side >= requirement.need * (1 - TOLERANCE))


class Master:
    """The program over patterns: which cells to withhold so that no cut is broken, at the least cost."""

    def __init__(self, problem: Problem, deadline: Deadline) -> None:
        self._deadline = deadline
        self._columns = len(problem)
        self.whole = False
        self._highs = highspy.Highs()
        for name, value in (("output_flag", False), ("threads", 1), ("mip_rel_gap", GAP / 4), ("random_seed", 0)):
            self._highs.setOptionValue(name, value)
        self._highs.setOptionValue("mip_max_nodes", NODES)
        lower, upper = problem.primary.astype(float), problem.candidate.astype(float)
        self._highs.addVars(self._columns, lower, upper)
        self._all = np.arange(self._columns, dtype=np.int32)
        self._highs.changeColsCost(self._columns, self._all, np.where(problem.primary, 0, problem.cost))

    def add_bridges(self, equations: Equations) -> None:
        """A cell that is withheld alone in an equation cannot move, so it need not be: no best pattern has one."""
        for start, end in zip(equations.starts[:-1], equations.starts[1:], strict=True):
            cells = equations.cells[start:end].astype(np.int32)
            for place in range(len(cells)):
                signs = np.ones(len(cells))
                signs[place] = -1
                self._highs.addRow(0.0, highspy.kHighsInf, len(cells), cells, signs)

    def add(self, cuts: list[Numbers]) -> None:
        for coefficients in cuts:
            cells = np.flatnonzero(coefficients > WORTHLESS).astype(np.int32)
            self._highs.addRow(1.0, highspy.kHighsInf, len(cells), cells, coefficients[cells])

    def whole_numbers(self) -> None:
        self.whole = True
        kinds = np.full(self._columns, highspy.HighsVarType.kInteger)
        self._highs.changeColsIntegrality(self._columns, self._all, kinds)

    def solve(self) -> tuple[Numbers | None, float]:
        """A pattern, if one is found, and the proven lower bound of the cost."""
        self._deadline.limit(self._highs)
        self._highs.run()
        status, info = self._highs.getModelStatus(), self._highs.getInfo()
        if status == highspy.HighsModelStatus.kOptimal:
            bound = info.mip_dual_bound if self.whole else info.objective_function_value
            return np.asarray(self._highs.getSolution().col_value), float(bound)
        if status in {highspy.HighsModelStatus.kSolutionLimit, highspy.HighsModelStatus.kTimeLimit}:
            return None, float(info.mip_dual_bound) if self.whole else 0.0
        raise SuppressionFailed(f"The exact method stopped: {self._highs.modelStatusToString(status)}.")


def cheapest_pattern(
    problem: Problem, known: Mask, improve: Callable[[Numbers], Mask], deadline: Deadline, tick: Tick
) -> Certificate:
    """The best pattern within the work and the time allowed, and the proven bound.

    Where the solver stops without an answer, the best pattern so far stands, as do the bounds proven so far.

    Args:
        known: a pattern that meets every requirement.
        improve: makes such a pattern of a (fractional) hint.
    """
    search = Search(problem, known, improve, deadline)
    try:
        for number in range(ROUNDS):
            tick(number, ROUNDS)
            if search.step():
                break
    except SuppressionFailed:
        return search.best
    return search.best


class Search:
    """Master and separator in turn, and the best pattern so far."""

    def __init__(self, problem: Problem, known: Mask, improve: Callable[[Numbers], Mask], deadline: Deadline) -> None:
        self._separator, self._master = Separator(problem, deadline), Master(problem, deadline)
        self._master.add_bridges(problem.equations)
        self._improve = improve
        self._price = np.where(problem.primary, 0, problem.cost)
        self.best = Certificate(known, float(self._price[known].sum()), 0.0)

    def step(self) -> bool:
        """One round; whether it was the last."""
        solution, bound = self._master.solve()
        self.best = self.best._replace(bound=max(self.best.bound, min(bound, self.best.cost)))
        if self._close() or solution is None:
            return True
        cuts = self._separator.cuts(solution)
        self._master.add(cuts)
        if not cuts and self._master.whole:
            self._offer(solution > 0.5)
            return True
        self._offer(self._improve(solution))
        if not cuts:
            self._master.whole_numbers()
        return self._close()

    def _offer(self, pattern: Mask) -> None:
        cost = float(self._price[pattern].sum())
        if cost < self.best.cost:
            self.best = self.best._replace(withheld=pattern, cost=cost)

    def _close(self) -> bool:
        return self.best.cost - self.best.bound <= GAP * self.best.cost
