"""Noisy tables that add up: non-negative whole numbers that satisfy every equation of the table, near to noisy cells.

A private table with margins is asked cell by cell, so its margins are not the sums of their parts. `make_consistent`
repairs that as post-processing: it reads noisy cells and their noise scales and nothing else, so it costs no budget and
changes no guarantee. First the nearest additive table (weighted least squares, without negative cells; see
`least_squares`), then controlled rounding of it to whole numbers (see `rounding.controlled`).

Least squares and then rounding, as in J. Abowd et al., “The 2020 Census Disclosure Avoidance System TopDown Algorithm”,
Harvard Data Science Review, special issue 2 (2022).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from disclosure_control.aggregates import codes_in, named, require_cells_of, require_columns
from disclosure_control.errors import MalformedTable
from disclosure_control.hierarchy import Hierarchy
from disclosure_control.privacy.least_squares import Fit, Numbers
from disclosure_control.privacy.mechanisms import half_width
from disclosure_control.rounding.controlled import control
from disclosure_control.structure import Axis, DimensionLike, Grid, Hierarchies, as_hierarchies

Mechanism = Literal["gaussian", "laplace"]
Integers = NDArray[np.int64]

ALPHA = 0.05
STEP = 0.5
"""Noise is of whole numbers: half a step between them is added to what is true of noise of all numbers."""

MOST_UNKNOWNS = 5000
LARGEST = 2**50
PARTS = 1000  # of a whole number, in which fitted values are rounded
FURTHEST = 2
RESULTS = ("value", "noisy", "least_squares", "half_width", "low", "high")


@dataclass(frozen=True)
class ConsistencyReport:
    """How a table was made to add up; all of it follows from noisy numbers.

    Attributes:
        held_at_zero: leaf cells that least squares would have made negative.
        moved: the furthest that rounding to whole numbers moved a cell; below 1 unless no such table exists.
    """

    cells: int
    held_at_zero: int
    moved: float
    seconds: float


@dataclass(frozen=True, eq=False)
class ConsistentTable:
    """A table that adds up. It was made of noisy cells alone, so it is as safe as they are.

    Attributes:
        cells: one row for every cell, margins included, the last dimension fastest: the codes; `value`: the whole
            number to publish; `noisy`: as it came; `least_squares`: of the additive table before negatives and
            fractions were removed; `half_width`: half of its 95 % interval; `low`, `high`: the ends of that interval
            in whole numbers, widened to hold `value` where it lies outside.
    """

    dimensions: Mapping[str, Hierarchies]
    cells: pd.DataFrame
    report: ConsistencyReport


def make_consistent(
    cells: pd.DataFrame,
    dimensions: Mapping[str, DimensionLike],
    deviation: str | float,
    value: str = "value",
    *,
    mechanism: Mechanism = "gaussian",
    nonnegative: bool = True,
    gap: float = 0.5,
    seconds: float | None = 60.0,
) -> ConsistentTable:
    """The noisy table made to add up. The same cells give the same table, in whatever order they or the codes come.

    Args:
        cells: one row per cell, margins included; a margin's code is its hierarchy's root ("_T" without one).
        dimensions: column → its hierarchy, several that share their leaves, or None for a flat one.
        deviation: the standard deviation of the noise: a column, or one number for all cells. What is asked at a higher
            price has less, and weighs more.
        value: the column of noisy whole numbers.
        mechanism: what the noise was drawn from.
        nonnegative: cells are not below 0 (counts). False for sums that can be.
        gap: how far, in shares of it, the sum of the distances that rounding moves cells may be from the least.
        seconds: rounding may take so long.

    Raises:
        UnknownColumn, UnknownCode, MalformedHierarchy: as their names say.
        MalformedTable: a cell that is missing or given twice; values that are no whole numbers; noise without a
            positive, finite scale; too many cells at once.
        ConsistencyFailed: the nearest table is not proven. RoundingFailed: nor is a table of whole numbers.
    """
    begun = monotonic()
    grid, given = _placed(cells, dimensions, deviation, value)
    _require_known(mechanism, get_args(Mechanism))
    fit = _fit(grid, _whole(given), given["deviation"].to_numpy())
    nearest = fit.nearest()
    chosen = fit.nearest_not_negative() if nonnegative else nearest
    fitted = fit.sums.up(chosen)
    parts = np.rint(fitted * PARTS).astype(np.int64)
    rounded = control(parts, grid.relations(), PARTS, -1, FURTHEST, gap, seconds).values // PARTS
    found = grid.frame().assign(value=rounded, noisy=fit.values.astype(np.int64), least_squares=fit.sums.up(nearest))
    found = _with_intervals(found, _half_widths(fit, mechanism), nonnegative)
    report = ConsistencyReport(
        cells=len(found),
        held_at_zero=int(((chosen == 0) & (nearest < 0)).sum()) if nonnegative else 0,
        moved=float(np.abs(rounded - fitted).max()),
        seconds=monotonic() - begun,
    )
    named = _dimensions(cells, dimensions)
    return ConsistentTable(named, _in_order(found, named), report)


def consistent_half_widths(
    cells: pd.DataFrame,
    dimensions: Mapping[str, DimensionLike],
    deviation: str | float,
    *,
    mechanism: Mechanism = "gaussian",
) -> pd.DataFrame:
    """How exact least squares will make every cell, before anything is asked: reads codes and noise scales alone.

    Returns:
        One row for every cell: its codes, and `half_width` of the 95 % interval that `make_consistent` will state.

    Raises:
        As `make_consistent`.
    """
    grid, given = _placed(cells, dimensions, deviation, None)
    _require_known(mechanism, get_args(Mechanism))
    fit = _fit(grid, np.zeros(grid.cells), given["deviation"].to_numpy())
    found = grid.frame().assign(half_width=_half_widths(fit, mechanism))
    return _in_order(found, _dimensions(cells, dimensions))


def _half_widths(fit: Fit, mechanism: Mechanism) -> Numbers:
    return np.asarray(half_width(mechanism, ALPHA) * np.sqrt(np.maximum(fit.variances_after(), 0.0)) + STEP)


def _with_intervals(found: pd.DataFrame, half_width: Numbers, nonnegative: bool) -> pd.DataFrame:
    """The interval is about the least squares, whose error is known; it is never without the published value."""
    centre, value = found["least_squares"].to_numpy(), found["value"].to_numpy()
    low, high = np.ceil(centre - half_width), np.floor(centre + half_width)
    if nonnegative:
        low = np.maximum(low, 0)
    ends = {"low": np.minimum(low, value).astype(np.int64), "high": np.maximum(high, value).astype(np.int64)}
    return found.assign(half_width=half_width, **ends)


# ------------------------------------------------------------------------------------------------------ what is given


def _placed(
    cells: pd.DataFrame, dimensions: Mapping[str, DimensionLike], deviation: str | float, value: str | None
) -> tuple[Grid, pd.DataFrame]:
    """The table's cells in an order that hangs on names alone, and what is given of each: `deviation`, `value`."""
    named = _dimensions(cells, dimensions)
    grid = Grid(tuple(Axis(name, tuple(map(_sorted, named[name]))) for name in sorted(named)))
    columns = [each for each in (value, deviation) if isinstance(each, str)]
    require_columns(cells, columns)
    codes = pd.DataFrame({axis.name: cells[axis.name].astype(str).to_numpy() for axis in grid.axes})
    _require_cells(codes, grid)
    scale = cells[deviation].to_numpy() if isinstance(deviation, str) else np.full(len(cells), deviation, dtype=object)
    facts = {"deviation": scale} | ({} if value is None else {"value": cells[value].to_numpy()})
    placed = grid.frame().merge(codes.assign(_row=range(len(codes))), how="left")["_row"].to_numpy()
    numbers = pd.DataFrame({name: _numbers(pd.Series(each[placed])) for name, each in facts.items()})
    _require_scales(numbers["deviation"].to_numpy())
    return grid, numbers


def _dimensions(cells: pd.DataFrame, dimensions: Mapping[str, DimensionLike]) -> dict[str, Hierarchies]:
    if not dimensions:
        raise MalformedTable("The table has no dimensions. Name at least one column.")
    taken = set(dimensions) & set(RESULTS)
    if taken:
        raise MalformedTable(f"A dimension is called {', '.join(sorted(taken))}, as a column of the result. Rename it.")
    require_columns(cells, dimensions)
    return {name: as_hierarchies(name, h, codes_in(cells, name, h is None)) for name, h in dimensions.items()}


def _sorted(hierarchy: Hierarchy) -> Hierarchy:
    return Hierarchy(tuple(sorted(hierarchy.pairs)))


def _fit(grid: Grid, values: Numbers, deviation: Numbers) -> Fit:
    fit = Fit(grid, values, deviation**2)
    if fit.unknowns > MOST_UNKNOWNS:
        raise MalformedTable(
            f"The table has {fit.unknowns:,} totals or parts, and {MOST_UNKNOWNS:,} are the most that can be made to "
            "add up at once. Leave out a level of a hierarchy, or take the table apart."
        )
    return fit


def _require_cells(codes: pd.DataFrame, grid: Grid) -> None:
    """Every cell of the cross is given once."""
    require_cells_of(grid, codes)
    if len(codes) < grid.cells:
        lost = grid.frame().merge(codes, how="left", indicator=True)
        first = lost[lost["_merge"] == "left_only"].drop(columns="_merge").iloc[0]
        raise MalformedTable(
            f"{grid.cells - len(codes)} cells are missing, the first is {named(first)}. A noisy table is asked with "
            "all its cells and margins; leave out the level that was not asked."
        )


def _numbers(column: pd.Series) -> pd.Series:
    try:
        return column.astype("float64")
    except (TypeError, ValueError):
        raise MalformedTable("Values and noise scales are numbers. Some cells have none; correct them.") from None


def _require_scales(deviation: Numbers) -> None:
    if not (np.isfinite(deviation) & (deviation > 0)).all():
        raise MalformedTable(
            "A cell's noise has no positive, finite standard deviation. Only noisy cells are made to add up: true ones "
            "beside them would undo the guarantee."
        )


def _whole(given: pd.DataFrame) -> Numbers:
    values = given["value"].to_numpy()
    if not np.isfinite(values).all():
        raise MalformedTable("A cell has no finite value. Every cell of a noisy table has one.")
    if (values != np.rint(values)).any() or (np.abs(values) >= LARGEST).any():
        raise MalformedTable(
            "The table has values that are no whole numbers, or too large. Multiply them (and the noise scales), so "
            "that they count what noise was added to."
        )
    return np.asarray(values, dtype=np.float64)


def _require_known(mechanism: str, known: tuple[str, ...]) -> None:
    if mechanism not in known:
        raise MalformedTable(f"There is no mechanism “{mechanism}”. There are: {', '.join(known)}.")


def _in_order(found: pd.DataFrame, dimensions: Mapping[str, Hierarchies]) -> pd.DataFrame:
    """As everywhere: the dimensions and codes in the caller's order, the last fastest."""
    full = Grid(tuple(Axis(name, hierarchies) for name, hierarchies in dimensions.items())).frame()
    return full.merge(found, on=list(dimensions), how="left")
