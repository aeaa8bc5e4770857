"""The exact intervals: how far every withheld cell can lie from the truth, as an outsider derives it."""

import numpy as np

from disclosure_control.attack import closer
from disclosure_control.attack.links import Indices, Mask, Numbers
from disclosure_control.attack.program import Answers, Program
from disclosure_control.attack.reduction import FIXED, Reduced
from disclosure_control.attack.requirements import SIDES

SAME = 1e-9  # as a part: what is so near to a bound is at it
ROUNDING = 1e-5  # a solver's whole number may be less by so much
MANY = 400  # variables in a block of counts: beyond, integer programs for every bound would take hours


def exact(problem: Reduced, program: Program, known: Numbers, wanted: Mask) -> Numbers:
    """How far up and down (two rows) each variable can move where `wanted`; infinite where there is no end.

    Whole numbers are exact in blocks of up to `MANY` variables. In larger ones, a bound is that of the linear program,
    rounded inward to a whole number; where that program has a whole solution, as in two dimensions, it is exact too.

    Every deviation that is found on the way says of all variables how far they can move at least, which saves most
    of the programs.

    Args:
        program: of this problem, with nothing held. known: how far up and down they are known to move.

    Raises:
        AttackFailed: the solver has no proof.
    """
    room = np.stack([problem.upper, -problem.lower])
    reach, left, cut = known.copy(), wanted.copy(), np.zeros_like(wanted)
    reach[:, problem.alone] = room[:, problem.alone]
    while True:
        left &= reach < room * (1 - SAME)
        variables, places = _one_of_each_block(problem, left)
        if not len(variables):
            break
        answers = program.ask(variables, SIDES[places])
        np.maximum(reach, answers.fitted.reach(problem), out=reach)
        left[places, variables] = False
        cut[places, variables] = again = _cut(problem, program, answers)[problem.block[variables]]
        _settle(problem, program, answers.limit[~again], variables[~again], places[~again], reach)
    for block in np.unique(problem.block[cut.any(axis=0)]).tolist():
        here = problem.block == block
        alone = problem.only(block)
        reach[:, here] = exact(alone, Program(alone, np.full(len(alone), np.inf)), reach[:, here], cut[:, here])
    return np.where(reach >= room * (1 - SAME), room, reach)


def columns(problem: Reduced, reach: Numbers) -> tuple[Numbers, Numbers]:
    """How far each column can fall and rise, given how far up and down the variables can move."""
    padded = np.append(reach, np.zeros((2, 1)), axis=1)[:, problem.variable]
    fixed, same = problem.variable == FIXED, problem.sign > 0
    up, down = (np.where(fixed, 0, each) for each in padded)
    return np.where(same, down, up), np.where(same, up, down)


def _one_of_each_block(problem: Reduced, left: Mask) -> tuple[Indices, Indices]:
    """The first variable of each block, and its side, that is left."""
    variables, places = np.nonzero(left.T)
    first = np.unique(problem.block[variables], return_index=True)[1]
    return variables[first], places[first]


def _settle(
    problem: Reduced, program: Program, found: Numbers, variables: Indices, places: Indices, reach: Numbers
) -> None:
    """Where an answer is not exact yet, look closer: a whole number, or more digits."""
    block = problem.block[variables]
    whole = problem.whole_blocks[block]
    limit = np.where(whole, np.floor(found + ROUNDING), found)
    taken = np.isinf(limit) | (whole & (np.diff(problem.blocks)[block] > MANY))
    reach[places, variables] = np.where(taken, np.maximum(limit, reach[places, variables]), reach[places, variables])
    short = (reach[places, variables] < limit * (1 - SAME)) & (limit > SAME * problem.size[block])
    for variable, place, most in zip(
        variables[short].tolist(), places[short].tolist(), limit[short].tolist(), strict=True
    ):
        nearer = closer.farthest(problem, program.bounds(), variable, place, most)
        np.maximum(reach, nearer.reach(problem), out=reach)


def _cut(problem: Reduced, program: Program, answers: Answers) -> Mask:
    """By block, whether the answer stopped only where the program ends, and not where the variables' room ends."""
    up = (answers.found >= program.upper * (1 - SAME)) & (program.upper < problem.upper)
    down = (answers.found <= program.lower * (1 - SAME)) & (program.lower > problem.lower)
    return np.logical_or.reduceat(up | down, problem.blocks[:-1])
