"""Linear programs over deviations, each on one HiGHS model that stays: only bounds and costs change between solves.

Whatever HiGHS reports but a proven optimum raises; an answer without proof is no answer (I3).
"""

import math
import time
from dataclasses import dataclass

import highspy
import numpy as np

from disclosure_control.errors import SuppressionFailed, Unprotectable
from disclosure_control.suppression.problem import Equations, Numbers

DUAL, PRIMAL = 1, 4
UNSETTLED = {
    highspy.HighsModelStatus.kUnknown,
    highspy.HighsModelStatus.kSolveError,
    highspy.HighsModelStatus.kUnboundedOrInfeasible,
}


class TimeUp(SuppressionFailed):
    """The seconds that the caller allowed are over."""


TIME_UP = (
    "The time is up before every cell is proven to be protected, so nothing is released. Allow more seconds, or make "
    "the table smaller."
)


@dataclass(frozen=True)
class Deadline:
    """When the work has to be done, by the monotonic clock; `math.inf` for never."""

    end: float = math.inf

    @classmethod
    def within(cls, seconds: float | None) -> "Deadline":
        return cls() if seconds is None else cls(time.monotonic() + seconds)

    def left(self) -> float:
        """The seconds that are left. Raises `TimeUp` when there are none."""
        left = self.end - time.monotonic()
        if left <= 0:
            raise TimeUp(TIME_UP)
        return left

    def limit(self, highs: highspy.Highs) -> None:
        """Let HiGHS run no longer than until then."""
        left = self.left()
        if math.isfinite(left):
            highs.setOptionValue("time_limit", highs.getRunTime() + left)


class Model:
    """Variables under equations, with a linear objective. Counts the programs that it has solved in `solved`."""

    def __init__(self, equations: Equations, columns: int, deadline: Deadline, *, split: bool = False) -> None:
        """Columns are deviations; `split` parts each into a rise (0..n-1) and a fall (n..2n-1), both 0 or more."""
        self.columns = 2 * columns if split else columns
        self.solved = 0
        self._deadline = deadline
        self._lower, self._upper, self._costs = np.zeros((3, self.columns))
        self._strategy = DUAL if split else PRIMAL
        self._highs = _silent(self._strategy)
        self._highs.passModel(_program(equations, columns, split))
        if not split:
            self._highs.changeObjectiveSense(highspy.ObjSense.kMaximize)

    def bound(self, lower: Numbers, upper: Numbers) -> None:
        changed = np.flatnonzero((lower != self._lower) | (upper != self._upper)).astype(np.int32)
        self._lower[:], self._upper[:] = lower, upper
        self._highs.changeColsBounds(len(changed), changed, lower[changed], upper[changed])

    def bounds(self) -> tuple[Numbers, Numbers]:
        return self._lower.copy(), self._upper.copy()

    def bound_one(self, column: int, lower: float, upper: float) -> None:
        self._lower[column], self._upper[column] = lower, upper
        self._highs.changeColBounds(column, lower, upper)

    def price(self, costs: Numbers) -> None:
        changed = np.flatnonzero(costs != self._costs).astype(np.int32)
        self._costs[:] = costs
        self._highs.changeColsCost(len(changed), changed, costs[changed])

    def price_one(self, column: int, cost: float) -> None:
        self._costs[column] = cost
        self._highs.changeColCost(column, cost)

    def solve(self, *, afresh: bool = False) -> Numbers:
        """An optimal vertex. `afresh` starts at the origin, which is near the answer when few cells move.

        Raises:
            Unprotectable: no vector satisfies the bounds.
            SuppressionFailed: the optimum is not proven.
        """
        if afresh:
            self._highs.clearSolver()
        self._run()
        if self._highs.getModelStatus() in UNSETTLED:
            self._run_otherwise()
        _require_optimal(self._highs)
        return np.fromiter(self._highs.getSolution().col_value, np.float64, self.columns)

    def _run(self) -> None:
        self._deadline.limit(self._highs)
        self._highs.run()
        self.solved += 1

    def _run_otherwise(self) -> None:
        """From the origin, by the other simplex method: rounding errors that mislead one need not mislead it."""
        self._highs.clearSolver()
        self._highs.setOptionValue("simplex_strategy", PRIMAL + DUAL - self._strategy)
        self._run()
        self._highs.setOptionValue("simplex_strategy", self._strategy)

    def duals(self) -> Numbers:
        """The multipliers of the equations in the last optimum."""
        return np.asarray(self._highs.getSolution().row_dual)

    def objective(self) -> float:
        return float(self._highs.getObjectiveValue())


def _silent(strategy: int) -> highspy.Highs:
    highs = highspy.Highs()
    for name, value in (
        ("output_flag", False),
        ("threads", 1),
        ("presolve", "off"),
        ("solver", "simplex"),
        ("simplex_strategy", strategy),
        ("random_seed", 0),
    ):
        highs.setOptionValue(name, value)
    return highs


def _program(equations: Equations, columns: int, split: bool) -> highspy.HighsLp:
    width = 2 * columns if split else columns
    program = highspy.HighsLp()
    program.num_col_, program.num_row_ = width, len(equations)
    program.col_cost_ = program.col_lower_ = program.col_upper_ = np.zeros(width)
    program.row_lower_ = program.row_upper_ = np.zeros(len(equations))
    matrix = program.a_matrix_
    matrix.format_ = highspy.MatrixFormat.kRowwise
    cells, signs = equations.cells, equations.signs
    if split:
        cells, signs = np.stack([cells, cells + columns], 1).ravel(), np.stack([signs, -signs], 1).ravel()
    matrix.start_ = (equations.starts * (2 if split else 1)).astype(np.int32)
    matrix.index_, matrix.value_ = cells.astype(np.int32), signs
    return program


def _require_optimal(highs: highspy.Highs) -> None:
    status = highs.getModelStatus()
    if status == highspy.HighsModelStatus.kOptimal:
        return
    if status == highspy.HighsModelStatus.kInfeasible:
        raise Unprotectable("No pattern of withheld cells gives this protection.")
    if status == highspy.HighsModelStatus.kTimeLimit:
        raise TimeUp(TIME_UP)
    raise SuppressionFailed(
        f"The solver stopped without a proof ({highs.modelStatusToString(status)}), so nothing is released. Allow "
        "more seconds, or make the table smaller."
    )
