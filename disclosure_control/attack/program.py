"""The attacker's linear program: how far withheld cells can lie from the truth, in all blocks at once.

Over withheld cells only, in deviations from the truth, by the primal simplex method on one HiGHS model of which only
costs and bounds change. Blocks have nothing in common, so one run answers one question in each of them.
"""

from typing import Any, NamedTuple

import highspy
import numpy as np

from disclosure_control.attack.fitting import Fitted, fitted
from disclosure_control.attack.links import Indices, Mask, Numbers
from disclosure_control.attack.reduction import Reduced
from disclosure_control.errors import AttackFailed

# Of HiGHS. No presolve, since each answer starts from the one before; 4 is the primal simplex method.
OPTIONS: dict[str, Any] = {
    "output_flag": False,
    "threads": 1,
    "presolve": "off",
    "solver": "simplex",
    "simplex_strategy": 4,
}

DUAL = 1e-7  # HiGHS takes smaller prices for zero


class Answers(NamedTuple):
    """What the solver found, that as a feasible deviation, and how far the variables asked for can move at most."""

    found: Numbers
    fitted: Fitted
    limit: Numbers


class Program:
    """A problem in one linear program; no variable goes beyond `far`, which may be infinite.

    Attributes:
        lower, upper: between which the variables may deviate. `programs`: how often the solver ran.
    """

    def __init__(self, problem: Reduced, far: Numbers) -> None:
        self._problem = problem
        self.lower, self.upper = np.maximum(problem.lower, -far), np.minimum(problem.upper, far)
        self._scale = problem.scale[problem.block]
        self._highs = model(problem, self.lower / self._scale, self.upper / self._scale, OPTIONS)
        self._aims = np.zeros(0, np.int64)
        self._held = np.zeros(len(problem), bool)
        self.programs = 0

    def hold(self, held: Mask) -> None:
        """From now on these variables are known, and no others."""
        changed = np.flatnonzero(held != self._held)
        self._held = held.copy()
        if len(changed):
            lower, upper = (np.where(held, 0, each / self._scale)[changed] for each in (self.lower, self.upper))
            self._highs.changeColsBounds(len(changed), changed.astype(np.int32), lower, upper)

    def ask(self, variables: Indices, sides: Indices) -> Answers:
        """How far these variables, at most one in a block, can move to these sides (1: up, -1: down).

        The limit is infinite where there is none; then nothing is said of the others.

        Raises:
            AttackFailed: the solver has no proof.
        """
        changed = np.union1d(self._aims, variables)
        costs = np.zeros(len(changed))
        costs[np.searchsorted(changed, variables)] = sides
        self._highs.changeColsCost(len(changed), changed.astype(np.int32), costs)
        self._aims = variables
        self._highs.run()
        self.programs += 1
        status = self._highs.getModelStatus()
        if status == highspy.HighsModelStatus.kUnbounded:
            nothing = np.zeros(len(self._problem))
            return Answers(nothing, self._fitted(nothing), np.full(len(variables), np.inf))
        require_proof(self._highs, status)
        found = np.asarray(self._highs.getSolution().col_value) * self._scale
        return Answers(found, self._fitted(found), sides * found[variables])

    def priced(self) -> Mask:
        """The variables that keep the last answer from going farther: letting go of any others would not help."""
        return np.asarray(np.abs(self._highs.getSolution().col_dual) > DUAL)

    def bounds(self) -> tuple[Numbers, Numbers]:
        """Between which the variables may deviate now; those that are held, not at all."""
        return np.where(self._held, 0, self.lower), np.where(self._held, 0, self.upper)

    def _fitted(self, found: Numbers) -> Fitted:
        return fitted(self._problem, *self.bounds(), found)


def require_proof(highs: highspy.Highs, status: highspy.HighsModelStatus) -> None:
    """Raise `AttackFailed` unless the solver has proven that its answer is the best."""
    if status != highspy.HighsModelStatus.kOptimal:
        raise AttackFailed(
            f"The solver stopped without a proof ({highs.modelStatusToString(status)}), so the table is not known to "
            "be safe. Do not release it."
        )


def model(problem: Reduced, lower: Numbers, upper: Numbers, options: dict[str, Any]) -> highspy.Highs:
    """The equations of the problem with these bounds, to be maximised."""
    highs = highspy.Highs()
    for name, value in options.items():
        highs.setOptionValue(name, value)
    program, rows = highspy.HighsLp(), len(problem.row_starts) - 1
    program.num_col_, program.num_row_ = len(problem), rows
    program.sense_ = highspy.ObjSense.kMaximize
    program.col_cost_, program.col_lower_, program.col_upper_ = np.zeros(len(problem)), lower, upper
    program.row_lower_ = program.row_upper_ = np.zeros(rows)
    matrix = program.a_matrix_
    matrix.format_ = highspy.MatrixFormat.kRowwise
    matrix.start_, matrix.index_ = problem.row_starts.astype(np.int32), problem.variables.astype(np.int32)
    matrix.value_ = problem.factors
    highs.passModel(program)
    return highs
