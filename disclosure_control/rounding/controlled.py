"""Controlled rounding: rounded tables that still add up.

Every cell goes to a multiple of the base next to its true value, so that every equation of the table holds, and the sum
of the distances is as small as it can be. Where no such table exists (from three dimensions on, or with several
hierarchies) cells may go further; see `relaxation`.

Sources: L. H. Cox, “A constructive procedure for unbiased controlled rounding”, Journal of the American Statistical
Association 82 (1987); M. Fischetti and J. J. Salazar-González, “Experiments with controlled rounding for statistical
disclosure control in tabular data with linear constraints”, Journal of Official Statistics 14 (1998); J. J.
Salazar-González, C. Bycroft and A. Toniolo Staggemeier, “Controlled rounding implementation”, UNECE/Eurostat work
session on statistical data confidentiality, Geneva 2005; A. Hundepool et al., Handbook on Statistical Disclosure
Control, 2nd edition (2024), section 5.5.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from time import monotonic

import highspy
import numpy as np
from numpy.typing import NDArray

from disclosure_control.errors import RoundingFailed
from disclosure_control.structure import Relation

Integers = NDArray[np.int64]
Vector = NDArray[np.float64]

ZERO_RESTRICTED = "zero-restricted: multiples of the base stay, other cells go to one of the two multiples next to them"
WITHIN_ONE_BASE = (
    "within one base: multiples of the base may move by one base, other cells go to a multiple next to them"
)


@dataclass(frozen=True)
class Solution:
    """Rounded values, multiples of the base; what cells were allowed to do; the relative gap to the best there is."""

    values: Integers
    relaxation: str
    gap: float


@dataclass(frozen=True)
class _Room:
    """In multiples of the base: each cell's floor, whether it can go up by a part of a base, and the steps beyond."""

    floor: Integers
    rest: Integers
    down: Integers
    up: Integers


def control(
    values: Integers,
    relations: Sequence[Relation],
    base: int,
    first_step: int,
    max_steps: int,
    gap: float,
    seconds: float | None,
) -> Solution:
    """The additive rounding with the smallest sum of distances, to within `gap`, by the first relaxation that has one.

    Args:
        first_step, max_steps: where relaxing begins and ends; see `relaxation`.

    Raises:
        RoundingFailed: no additive rounding within `max_steps`, or no proof of the best one within `seconds`.
    """
    until = None if seconds is None else monotonic() + seconds
    for steps in range(first_step, max_steps + 1):
        room = _room(values, base, steps)
        multiples, least = _solve(room, relations, base, gap, until)
        if multiples is not None:
            rounded = multiples * base
            _require_rounded(rounded, room, relations, base)
            distance = int(np.abs(rounded - values).sum())
            return Solution(rounded, relaxation(steps), max(distance - least, 0) / max(distance, 1))
    raise RoundingFailed(
        f"No table of multiples of {base} adds up with every cell at most {max_steps} steps away. Raise max_steps, or "
        "round to another base."
    )


def relaxation(steps: int) -> str:
    """What cells may do: −1, 0 and, where neither has a solution, so many multiples further (as in τ-Argus)."""
    if steps < 0:
        return ZERO_RESTRICTED
    if steps == 0:
        return WITHIN_ONE_BASE
    return f"up to {steps} step{'s' if steps > 1 else ''}: every cell may go so many multiples of the base further"


def _room(values: Integers, base: int, steps: int) -> _Room:
    """Where each cell may go. No relaxation lets a cell change its sign."""
    floor = values // base
    rest = values - floor * base
    further = np.where(rest == 0, max(steps, 1), steps) if steps >= 0 else np.zeros(len(values), dtype=np.int64)
    down = np.where(values >= 0, np.minimum(further, floor), further)
    up = np.where(values <= 0, np.minimum(further, -(floor + (rest > 0))), further)
    return _Room(floor, rest, down.astype(np.int64), up.astype(np.int64))


def _solve(
    room: _Room, relations: Sequence[Relation], base: int, gap: float, until: float | None
) -> tuple[Integers | None, int]:
    """The cells' multiples of the base and a proven lower bound of the distance; None where surely none adds up."""
    if not (room.rest.any() or room.down.any() or room.up.any()):
        return _unmoved(room, relations), 0
    solver = highspy.Highs()
    _set_options(solver, gap, until)
    cells, signs = _columns(room)
    solver.passModel(_model(room, relations, base, cells, signs))
    solver.run()
    status = solver.getModelStatus()
    if status in (highspy.HighsModelStatus.kInfeasible, highspy.HighsModelStatus.kUnboundedOrInfeasible):
        return None, 0
    if status != highspy.HighsModelStatus.kOptimal:
        raise RoundingFailed(
            f"The best rounding is not proven ({solver.modelStatusToString(status)}), so nothing is handed out. "
            "Give it more seconds, or a gap such as 0.02, or round fewer cells at once."
        )
    moved = np.rint(np.asarray(solver.getSolution().col_value)).astype(np.int64)
    multiples = room.floor.copy()
    np.add.at(multiples, cells, signs * moved)
    return multiples, _bound(solver)


def _unmoved(room: _Room, relations: Sequence[Relation]) -> Integers | None:
    """The multiples themselves, where no cell can move."""
    additive = all(room.floor[total] == room.floor[parts].sum() for total, parts in relations)
    return room.floor if additive else None


def _bound(solver: highspy.Highs) -> int:
    """The smallest distance there can be: costs are whole numbers."""
    return ceil(solver.getInfo().mip_dual_bound - 1e-6)


def _set_options(solver: highspy.Highs, gap: float, until: float | None) -> None:
    """One thread and a fixed seed: the same table, the same answer. Costs are whole: a gap below 1 is none."""
    options: dict[str, bool | int | float | str] = {
        "output_flag": False,
        "threads": 1,
        "parallel": "off",
        "random_seed": 0,
    }
    options |= {"mip_rel_gap": gap, "mip_abs_gap": 0.99}
    if until is not None:
        options["time_limit"] = max(until - monotonic(), 0.0)
    for name, value in options.items():
        solver.setOptionValue(name, value)


def _columns(room: _Room) -> tuple[Integers, Integers]:
    """Whose each column is and which way it goes: to the multiple above, steps up, steps down."""
    places = [np.flatnonzero(room.rest > 0), np.flatnonzero(room.up > 0), np.flatnonzero(room.down > 0)]
    signs = [np.full(len(each), sign, dtype=np.int64) for each, sign in zip(places, (1, 1, -1), strict=True)]
    return np.concatenate(places).astype(np.int64), np.concatenate(signs)


def _model(room: _Room, relations: Sequence[Relation], base: int, cells: Integers, signs: Integers) -> highspy.HighsLp:
    """Costs are what a column adds to the distance from the truth; they rise with each step, so that order is kept."""
    within, above = int((room.rest > 0).sum()), int((room.up > 0).sum())
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = len(cells), len(relations)
    model.col_cost_ = np.concatenate(
        [(base - 2 * room.rest)[cells[:within]], np.full(len(cells) - within, base)]
    ).astype(np.float64)
    model.col_lower_ = np.zeros(len(cells))
    model.col_upper_ = np.concatenate(
        [np.ones(within), room.up[cells[within : within + above]], room.down[cells[within + above :]]]
    ).astype(np.float64)
    model.offset_ = float(room.rest.sum())
    model.integrality_ = [highspy.HighsVarType.kInteger] * len(cells)
    _add_rows(model, room, relations, cells, signs)
    return model


def _add_rows(
    model: highspy.HighsLp, room: _Room, relations: Sequence[Relation], cells: Integers, signs: Integers
) -> None:
    """Each relation: moves of the parts − moves of the total = floor of the total − floors of the parts."""
    order = np.argsort(cells, kind="stable")
    first = np.searchsorted(cells[order], np.arange(len(room.floor) + 1))
    indices, entries, starts, sides = [], [], [0], []
    for total, parts in relations:
        members = np.append(parts, total)
        weights = np.append(np.ones(len(parts), dtype=np.int64), -1)
        counts = first[members + 1] - first[members]
        columns = order[_runs(first[members], counts)]
        indices.append(columns)
        entries.append(np.repeat(weights, counts) * signs[columns])
        starts.append(starts[-1] + len(columns))
        sides.append(int(room.floor[total]) - int(room.floor[parts].sum()))
    model.row_lower_ = model.row_upper_ = np.array(sides, dtype=np.float64)
    model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    model.a_matrix_.start_ = np.array(starts, dtype=np.int32)
    model.a_matrix_.index_ = _joined(indices).astype(np.int32)
    model.a_matrix_.value_ = _joined(entries).astype(np.float64)


def _runs(starts: Integers, lengths: Integers) -> Integers:
    """start, start + 1, … of each run, one after another."""
    offsets = np.arange(int(lengths.sum())) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return np.asarray(np.repeat(starts, lengths) + offsets, dtype=np.int64)


def _joined(arrays: list[Integers]) -> Integers:
    return np.concatenate(arrays) if arrays else np.zeros(0, dtype=np.int64)


def _require_rounded(rounded: Integers, room: _Room, relations: Sequence[Relation], base: int) -> None:
    """Check the solver's answer in whole numbers: additive, and every cell where it may be."""
    multiples = rounded // base
    low, high = room.floor - room.down, room.floor + (room.rest > 0) + room.up
    additive = all(rounded[total] == rounded[parts].sum() for total, parts in relations)
    if not additive or (multiples < low).any() or (multiples > high).any():
        raise RoundingFailed("The rounded table failed its check, so nothing is handed out. Please report this.")
