"""What a solver's answer is worth: it is fitted into the bounds, and its sums are done again.

Equations add up to 0 and the bounds have 0 between them, so a deviation that breaks a bound by a solver's tolerance is
feasible when it is made a little smaller. What the equations are off by, in the values' own units, does not count.
"""

from typing import NamedTuple

import numpy as np

from disclosure_control.attack.links import Mask, Numbers
from disclosure_control.attack.reduction import Reduced

STILL = 1e-12  # what moves less than this part of its block's largest movement does not move
DOUBT = 100  # a movement counts less by so many times what the equations of its block are off
WHOLE = 0.1  # what is as near as this to a whole number is taken for it; its sums then have to be exact


class Fitted(NamedTuple):
    """A feasible deviation: of every variable; in a block that has none, nothing moves.

    Attributes:
        step: the deviation. `moves`: which variables take part in it.
        back: by block, how many times the opposite of the step is feasible too.
        doubt: by block, how much of every movement does not count.
    """

    step: Numbers
    moves: Mask
    back: Numbers
    doubt: Numbers

    def reach(self, problem: Reduced) -> Numbers:
        """How far up and how far down (two rows) each variable is known to move."""
        doubt, back = self.doubt[problem.block], self.back[problem.block]
        forth = np.where(self.moves, np.maximum(np.abs(self.step) - doubt, 0), 0)
        opposite = forth * back
        up = self.step > 0
        return np.stack([np.where(up, forth, opposite), np.where(up, opposite, forth)])


def fitted(problem: Reduced, lower: Numbers, upper: Numbers, answer: Numbers) -> Fitted:
    """The answer as a feasible deviation within these bounds."""
    block, whole = problem.block, problem.whole_blocks
    answer = np.where(whole[block], _as_whole(problem, answer), answer)
    size = np.maximum.reduceat(np.abs(answer), problem.blocks[:-1])
    moves = np.abs(answer) > STILL * size[block]
    step = np.where(moves, answer, 0.0)
    forth = np.minimum(_times(problem, step, lower, upper), 1)
    forth = np.where(whole & (forth < 1), 0, forth)
    back = _times(problem, -step, lower, upper)
    step = step * forth[block]
    back = np.divide(back, forth, out=np.zeros_like(back), where=forth > 0)
    back = np.where(np.isfinite(back), np.where(whole, np.floor(back), back), 1)
    return Fitted(step, moves & (forth > 0)[block], back, DOUBT * _off(problem, step))


def _as_whole(problem: Reduced, answer: Numbers) -> Numbers:
    """Whole numbers that keep the equations exactly; where there are none, nothing moves."""
    near = np.rint(answer)
    good = np.abs(near - answer) <= WHOLE
    exact = _off(problem, near) == 0
    return np.where((np.logical_and.reduceat(good, problem.blocks[:-1]) & exact)[problem.block], near, 0)


def _off(problem: Reduced, step: Numbers) -> Numbers:
    """By block, what an equation is off at most."""
    most = np.zeros(len(problem.blocks) - 1)
    np.maximum.at(most, problem.block_of_row, np.abs(problem.off(step)))
    return most


def _times(problem: Reduced, step: Numbers, lower: Numbers, upper: Numbers) -> Numbers:
    """By block, how many times the step can be taken; infinite if nothing moves."""
    room = np.where(step > 0, upper, -lower)
    times = np.divide(room, np.abs(step), out=np.full(len(step), np.inf), where=step != 0)
    return np.minimum.reduceat(times, problem.blocks[:-1])
