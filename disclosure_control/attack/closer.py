"""A closer look at one question in one block, where the linear program for all of them does not settle it.

Of counts everybody knows that they are whole: where the linear program ends between whole numbers, an integer program
decides. Where a movement is so small beside the values that the solver's tolerances matter, the linear program is
solved again on the scale of the movement, with all others kept near to that scale.
"""

import math
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import highspy
import numpy as np

from disclosure_control.attack.fitting import Fitted, fitted
from disclosure_control.attack.links import Numbers
from disclosure_control.attack.program import OPTIONS, model, require_proof
from disclosure_control.attack.reduction import Reduced
from disclosure_control.attack.requirements import SIDES

NARROW = (1, 4)  # times the movement, in whole numbers
FEW = 100  # nodes of an integer program that may fail
NEAR = 1e4  # times the movement: no other goes farther
INTEGER: dict[str, Any] = {"output_flag": False, "threads": 1, "mip_rel_gap": 0.0, "mip_abs_gap": 0.5}

Bounds = tuple[Numbers, Numbers]


def reaching(problem: Reduced, bounds: Bounds, variable: int, place: int, need: float) -> Fitted | None:
    """A deviation in which the variable moves as far as it needs to, up (place 0) or down (1); None: there is none.

    Args:
        bounds: between which the variables may deviate.

    Raises:
        AttackFailed: the solver has no proof.
    """
    number, block, (lower, upper) = _alone(problem, bounds, variable)
    if not block.whole_blocks[0]:
        found = _on_scale(block, (lower, upper), number, place, need)
        return _in_all(problem, bounds, variable, found)
    wanted = math.ceil(need)
    if (lower if place else upper)[number] * SIDES[place] < wanted:
        return None
    lower[number], upper[number] = (lower[number], -wanted) if place else (wanted, upper[number])
    return next((_in_all(problem, bounds, variable, each) for each in _whole(block, (lower, upper), wanted)), None)


def farthest(problem: Reduced, bounds: Bounds, variable: int, place: int, limit: float) -> Fitted:
    """A deviation in which the variable moves as far as it can, which is at most up to the limit.

    Raises:
        AttackFailed: the solver has no proof.
    """
    number, block, its_bounds = _alone(problem, bounds, variable)
    if not block.whole_blocks[0]:
        return _in_all(problem, bounds, variable, _on_scale(block, its_bounds, number, place, limit))
    highs = _integer(block, its_bounds)
    highs.changeColCost(number, SIDES[place])
    highs.run()
    return _in_all(problem, bounds, variable, _solution(highs))


def _alone(problem: Reduced, bounds: Bounds, variable: int) -> tuple[int, Reduced, Bounds]:
    """The variable's number in its block, the block, and its bounds."""
    block = int(problem.block[variable])
    start, end = problem.blocks[block : block + 2]
    lower, upper = (each[start:end].copy() for each in bounds)
    return int(variable - start), problem.only(block), (lower, upper)


def _on_scale(block: Reduced, bounds: Bounds, variable: int, place: int, scale: float) -> Numbers:
    lower, upper = (np.clip(each / scale, -NEAR, NEAR) for each in bounds)
    highs = model(block, lower, upper, OPTIONS)
    highs.changeColCost(variable, SIDES[place])
    highs.run()
    return _solution(highs) * scale


def _whole(block: Reduced, bounds: Bounds, size: float) -> Iterator[Numbers]:
    """Whole numbers within the bounds, if there are any: first looked for near 0, where they are found soonest."""
    for times in NARROW:
        lower, upper = (np.clip(each, -times * size, times * size) for each in bounds)
        highs = _integer(block, (lower, upper), {"presolve": "off", "mip_max_nodes": FEW})
        highs.run()
        if highs.getModelStatus() == highspy.HighsModelStatus.kOptimal:
            yield _solution(highs)
    highs = _integer(block, bounds)
    highs.run()
    if highs.getModelStatus() != highspy.HighsModelStatus.kInfeasible:
        yield _solution(highs)


def _integer(block: Reduced, bounds: Bounds, more: Mapping[str, Any] = MappingProxyType({})) -> highspy.Highs:
    highs = model(block, *bounds, INTEGER | dict(more))
    kinds = np.full(len(block), highspy.HighsVarType.kInteger)
    highs.changeColsIntegrality(len(block), np.arange(len(block), dtype=np.int32), kinds)
    return highs


def _solution(highs: highspy.Highs) -> Numbers:
    require_proof(highs, highs.getModelStatus())
    return np.asarray(highs.getSolution().col_value)


def _in_all(problem: Reduced, bounds: Bounds, variable: int, found: Numbers) -> Fitted:
    """A block's deviation as one of the whole problem, checked against the equations."""
    start, end = problem.blocks[problem.block[variable] :][:2]
    answer = np.zeros(len(problem))
    answer[start:end] = found
    return fitted(problem, *bounds, answer)
