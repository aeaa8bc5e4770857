"""The attacker's linear programs: between which bounds each withheld cell must lie.

Over withheld cells only, in deviations from the truth, by the primal simplex method on one HiGHS model whose objective
alone changes. Every vertex that is met on the way bounds all other cells from inside, which saves most of the programs.
"""

import highspy
import numpy as np

from disclosure_control.attack.view import Indices, Mask, Numbers, View
from disclosure_control.errors import AttackFailed

PRECISE = 1e-6  # of the protection that is needed
STILL = 1e-9  # what moves less than this part of the largest movement does not move
FAR = 10  # times the largest value
SIDES = (1, -1)


class Intervals:
    """How far the withheld cells can lie from the truth, as far as is known: `reach` is upward, then downward."""

    def __init__(self, view: View, prior: float | None) -> None:
        self._view = view
        down, up = view.room(prior)
        self._scale = _middle(view)
        self._upper, self._lower = up / self._scale, -down / self._scale
        self._highs = _model(view, self._lower, self._upper)
        self._aim = 0
        self.reach = np.zeros((2, len(view)))
        self.programs = 0
        self.moves: list[Mask] = []
        self.stretched: list[Numbers] = []

    def exact(self) -> tuple[Numbers, Numbers]:
        """The greatest fall and rise of every cell; infinite where nothing bounds it."""
        far = (self._upper * self._scale, -self._lower * self._scale)
        for column in range(self.reach.shape[1]):
            for place, side in enumerate(SIDES):
                if self.reach[place, column] < far[place][column] * (1 - 1e-12):
                    self.reach[place, column] = self.farthest(column, side)
        return self.reach[1], self.reach[0]

    def covers(self, place: int, columns: Indices, need: Numbers) -> bool:
        """Whether each of these cells reaches its need on that side."""
        for column, wanted in zip(columns.tolist(), need.tolist(), strict=True):
            short = self.reach[place, column] < wanted * (1 - PRECISE)
            if short and self.farthest(column, SIDES[place]) < wanted * (1 - PRECISE):
                return False
        return True

    def farthest(self, column: int, side: int) -> float:
        """How far the cell can move to this side: solved, and pooled for the other cells."""
        self._highs.changeColCost(self._aim, 0.0)
        self._highs.changeColCost(column, float(side))
        self._aim = column
        self._highs.run()
        self.programs += 1
        status = self._highs.getModelStatus()
        if status == highspy.HighsModelStatus.kUnbounded:
            self.reach[side < 0, column] = np.inf
            return np.inf
        if status != highspy.HighsModelStatus.kOptimal:
            raise AttackFailed(
                f"The solver stopped without a proof ({self._highs.modelStatusToString(status)}), so the table is not "
                "known to be safe. Do not release it."
            )
        self._pool(np.asarray(self._highs.getSolution().col_value))
        return float(self._highs.getObjectiveValue()) * self._scale

    def limit(self) -> None:
        """From now on no cell moves farther than many times what any needs, so that every program has a vertex.

        That narrows the attacker's doubt: what is proven to be wide enough, is.
        """
        far = FAR * max(np.abs(self._view.truth).max(initial=0), self._view.need_up.max(initial=0)) / self._scale
        self._upper, self._lower = np.minimum(self._upper, far), np.maximum(self._lower, -far)
        columns = np.arange(len(self._upper), dtype=np.int32)
        self._highs.changeColsBounds(len(columns), columns, self._lower, self._upper)

    def hold(self, columns: Indices) -> None:
        """From now on these cells are known."""
        for column in columns.tolist():
            self._highs.changeColBounds(column, 0.0, 0.0)

    def let_go(self, columns: Indices) -> None:
        for column in columns.tolist():
            self._highs.changeColBounds(column, self._lower[column], self._upper[column])

    def _pool(self, step: Numbers) -> None:
        size = np.abs(step)
        moves = size > STILL * size.max(initial=0)
        step = np.where(moves, step, 0) * self._scale
        turned = -step * self._stretch(-step[moves], moves)
        found = np.maximum(np.stack([step, -step]), np.stack([turned, -turned]))
        self.moves.append(moves)
        self.stretched.append(found)
        np.maximum(self.reach, found, out=self.reach)

    def _stretch(self, step: Numbers, moves: Mask) -> float:
        """How many times this deviation can be taken, at most once for safety."""
        room = np.where(step > 0, self._upper[moves], -self._lower[moves]) * self._scale
        return float(min((room / np.abs(step)).min(initial=1.0), 1.0))


def _middle(view: View) -> float:
    """A value of middling size, which the solver's tolerances suit."""
    size = np.abs(view.truth[view.truth != 0])
    return float(np.median(size)) if len(size) else 1.0


def _model(view: View, lower: Numbers, upper: Numbers) -> highspy.Highs:
    highs = highspy.Highs()
    for name, value in (("output_flag", False), ("threads", 1), ("presolve", "off"), ("solver", "simplex")):
        highs.setOptionValue(name, value)
    highs.setOptionValue("simplex_strategy", 4)  # primal
    rows = len(view.starts) - 1
    program = highspy.HighsLp()
    program.num_col_, program.num_row_ = len(view), rows
    program.sense_ = highspy.ObjSense.kMaximize
    program.col_cost_, program.col_lower_, program.col_upper_ = np.zeros(len(view)), lower, upper
    program.row_lower_ = program.row_upper_ = np.zeros(rows)
    matrix = program.a_matrix_
    matrix.format_ = highspy.MatrixFormat.kRowwise
    matrix.start_, matrix.index_ = view.starts.astype(np.int32), view.columns.astype(np.int32)
    matrix.value_ = view.signs
    highs.passModel(program)
    return highs
