"""A table from cells that were aggregated elsewhere: nothing in them is believed before it is checked."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from disclosure_control.errors import EmptyTable, MalformedTable, UnknownCode, UnknownColumn
from disclosure_control.hierarchy import TOTAL
from disclosure_control.structure import Axis, Grid

TOLERANCE = 1e-9  # of a margin, relative: the rounding of sums in floating point

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Columns:
    """Which columns of the given cells say what."""

    value: str | None
    count: str | None
    largest: tuple[str, ...] = ()
    absolute: str | None = None
    floor: str | None = None
    distinct_units: bool = False

    def names(self) -> list[str]:
        """All columns, each once."""
        single = (self.value, self.count, self.absolute, self.floor)
        return list(dict.fromkeys(each for each in (*single, *self.largest) if each))


def require_columns(cells: pd.DataFrame, names: Iterable[str]) -> None:
    """Raise unless the cells are a frame with rows that has each of these columns once.

    Raises:
        UnknownColumn: one is not there. MalformedTable: one is there twice. EmptyTable: there are no rows.
    """
    if not isinstance(cells, pd.DataFrame):
        raise MalformedTable(f"The cells are {type(cells).__name__}. Pass a pandas DataFrame with one row per cell.")
    names = list(names)
    twice = [str(name) for name in names if (cells.columns == name).sum() > 1]
    if twice:
        raise MalformedTable(f"The cells have the column {', '.join(twice)} twice. Rename or drop one of them.")
    if not len(cells):
        raise EmptyTable("The cells have no rows. Pass at least one cell.")
    missing = [name for name in names if name not in cells.columns]
    if missing:
        raise UnknownColumn(
            f"The cells have no column {', '.join(missing)}. They have: {', '.join(map(str, cells.columns))}."
        )


def codes_in(cells: pd.DataFrame, dimension: str, flat: bool) -> set[str]:
    """The codes of a flat dimension but its total, as text; none for one that has hierarchies.

    Raises:
        UnknownCode: a code is missing in some cell.
    """
    if cells[dimension].isna().any():
        raise UnknownCode(f"The column {dimension} has missing codes. The total's code is “{TOTAL}”; name the others.")
    return set(cells[dimension].astype(str)) - {TOTAL} if flat else set()


def facts_of(cells: pd.DataFrame, grid: Grid, columns: Columns) -> pd.DataFrame:
    """Every cell, in the order of `grid`: `value`, and as given `units`, `absolute`, `floor` and the largest."""
    given = _in_grid(cells, grid, columns)
    there = given["_given"].to_numpy(dtype=bool)
    _require_cells(there, grid, columns)
    facts = {"value": _numbers(given, columns.value or str(columns.count), grid)}
    if columns.count:
        facts["units"] = _counts(given, columns.count, there, grid)
    for name, column in (("absolute", columns.absolute), ("floor", columns.floor)):
        if column:
            facts[name] = _numbers(given, column, grid)
    largest = [_numbers(given, name, grid) for name in columns.largest]
    if not there.all():
        facts = {name: _filled(each, there, grid) for name, each in facts.items()}
        largest = _filled_largest(largest, there, grid)
    _require_additive(facts["value"], grid, "value", exact=True)
    if "units" in facts:
        _require_additive(facts["units"], grid, "units", exact=not columns.value)
    _require_bounds(facts, grid)
    _require_largest(largest, facts.get("absolute", facts["value"]), grid)
    return _frame(grid, facts, largest)


def _frame(grid: Grid, facts: dict[str, Numbers], largest: list[Numbers]) -> pd.DataFrame:
    full = grid.frame()
    full["value"] = facts["value"]
    if "units" in facts:
        full["units"] = facts["units"].astype("int64")
    for name in ("absolute", "floor"):
        if name in facts:
            full[name] = facts[name]
    for rank, each in enumerate(largest, start=1):
        full[f"largest_{rank}"] = each
    return full


def require_cells_of(grid: Grid, codes: pd.DataFrame) -> None:
    """Raise `UnknownCode` or `MalformedTable` unless these are cells of the grid, each given once."""
    for axis in grid.axes:
        unknown = sorted(set(codes[axis.name]) - set(axis.codes))
        if unknown:
            raise UnknownCode(
                f"The cells have codes of {axis.name} that its hierarchy does not name: {', '.join(unknown[:5])}. "
                "Give them a place in it, or correct the cells."
            )
    twice = codes[codes.duplicated()]
    if len(twice):
        raise MalformedTable(f"The cell {named(twice.iloc[0])} is given twice. Leave one of them out.")


def _in_grid(cells: pd.DataFrame, grid: Grid, columns: Columns) -> pd.DataFrame:
    """The given cells in the order of the grid; `_given` says which are there."""
    names = [axis.name for axis in grid.axes]
    codes = pd.DataFrame({name: cells[name].astype(str) for name in names})
    require_cells_of(grid, codes)
    found = codes.assign(**{name: cells[name].to_numpy() for name in columns.names()}, _given=True)
    return grid.frame().merge(found, on=names, how="left").assign(_given=lambda frame: frame["_given"].eq(True))


def named(codes: pd.Series) -> str:
    """A cell as a message names it."""
    return "(" + ", ".join(f"{name} = {code}" for name, code in codes.items()) + ")"


def _cell(grid: Grid, place: int) -> str:
    return named(grid.frame().iloc[place])


def _require_cells(there: NDArray[np.bool_], grid: Grid, columns: Columns) -> None:
    lost = np.flatnonzero(~there & grid.leaf_mask())
    if len(lost):
        raise MalformedTable(
            f"{len(lost)} leaf cells are missing, the first is {_cell(grid, int(lost[0]))}. Give every cell, empty "
            "ones with the value 0."
        )
    if not there.all() and not columns.distinct_units:
        raise MalformedTable(
            f"The margin {_cell(grid, int(np.flatnonzero(~there)[0]))} is missing. Give every margin; or say "
            "distinct_units=True if no unit contributes to two leaf cells: then margins are made from their leaves."
        )


def _numbers(given: pd.DataFrame, name: str, grid: Grid) -> Numbers:
    """A column as numbers; 0 for cells that are not given."""
    try:
        numbers = given[name].where(given["_given"], 0).to_numpy(dtype="float64")
    except (TypeError, ValueError):
        raise MalformedTable(f"The column {name} is text, or has cells that are no numbers. Correct them.") from None
    wrong = np.flatnonzero(~np.isfinite(numbers))
    if len(wrong):
        raise MalformedTable(
            f"The column {name} is missing or infinite in {len(wrong)} cells, the first is "
            f"{_cell(grid, int(wrong[0]))}. Correct it."
        )
    return numbers


def _counts(given: pd.DataFrame, name: str, there: NDArray[np.bool_], grid: Grid) -> Numbers:
    counts = _numbers(given, name, grid)
    wrong = np.flatnonzero(there & ((counts < 0) | (counts != np.round(counts))))
    if len(wrong):
        raise MalformedTable(
            f"The count {name} is negative or no whole number in {len(wrong)} cells, the first is "
            f"{_cell(grid, int(wrong[0]))}. A count is 0, 1, 2, … units. Correct it."
        )
    return counts


def _along(numbers: Numbers, place: int, axis: Axis, grid: Grid) -> Numbers:
    return np.moveaxis(numbers.reshape(grid.shape), place, 0).reshape(len(axis.codes), -1)


def _filled(numbers: Numbers, there: NDArray[np.bool_], grid: Grid) -> Numbers:
    """Margins that are not given, from their parts."""
    numbers, known = numbers.reshape(grid.shape).copy(), there.reshape(grid.shape)
    for place, axis in enumerate(grid.axes):
        along, given = np.moveaxis(numbers, place, 0), np.moveaxis(known, place, 0)
        for code, parts in axis.sums:
            along[code] = np.where(given[code], along[code], along[parts].sum(axis=0))
    return numbers.ravel()


def _filled_largest(largest: list[Numbers], there: NDArray[np.bool_], grid: Grid) -> list[Numbers]:
    """The largest units of margins that are not given: the largest of all their parts."""
    if not largest:
        return largest
    ranks = np.stack(largest, axis=-1).reshape(*grid.shape, len(largest))
    known = there.reshape(grid.shape)
    for place, axis in enumerate(grid.axes):
        along, given = np.moveaxis(ranks, place, 0), np.moveaxis(known, place, 0)
        for code, parts in axis.sums:
            pooled = np.concatenate(list(along[parts]), axis=-1)
            top = -np.sort(-pooled, axis=-1)[..., : len(largest)]
            along[code] = np.where(given[code][..., None], along[code], top)
    return [each.ravel() for each in np.moveaxis(ranks, -1, 0)]


def _require_additive(numbers: Numbers, grid: Grid, name: str, *, exact: bool) -> None:
    """Values add up along every dimension; numbers of units at most add up, and are at least their largest part."""
    for place, axis in enumerate(grid.axes):
        along = _along(numbers, place, axis, grid)
        for code, parts in axis.equations:
            total, added = along[code], along[parts].sum(axis=0)
            off = np.abs(total - added) if exact else np.maximum(total - added, along[parts].max(axis=0) - total)
            scale = np.maximum(np.abs(total), np.abs(along[parts]).sum(axis=0))
            worst = int(np.argmax(off - TOLERANCE * scale))
            if off[worst] > TOLERANCE * scale[worst]:
                at = np.moveaxis(np.arange(grid.cells).reshape(grid.shape), place, 0).reshape(len(axis.codes), -1)
                raise MalformedTable(
                    f"The {name} of {_cell(grid, int(at[code][worst]))} does not add up along {axis.name}, by "
                    f"{off[worst] / scale[worst]:.2%}. Correct the margin, or leave it out and say "
                    "distinct_units=True."
                )


def _require_bounds(facts: dict[str, Numbers], grid: Grid) -> None:
    """No value is below its floor, or further from 0 than the total of absolute contributions."""
    value = facts["value"]
    slack = TOLERANCE * np.abs(value)
    below = value < facts.get("floor", value) - slack
    beyond = np.abs(value) > facts.get("absolute", np.abs(value)) + slack
    for cells, what, fix in (
        (below, "is below its floor", "A floor is what everybody knows the value not to be below."),
        (beyond, "exceeds its absolute total", "That is the total of the contributors' absolute contributions."),
    ):
        if cells.any():
            raise MalformedTable(
                f"The value of {_cell(grid, int(np.argmax(cells)))} {what}. {fix} Correct one of them."
            )


def _require_largest(largest: list[Numbers], value: Numbers, grid: Grid) -> None:
    if not largest:
        return
    ranks = np.stack(largest)
    wrong = (ranks < 0).any(axis=0) | (np.diff(ranks, axis=0) > 0).any(axis=0)
    whole = (value >= 0) & (ranks.sum(axis=0) > value * (1 + TOLERANCE) + np.finfo(np.float64).tiny)
    for cells, what in ((wrong, "are negative or rise"), (whole, "exceed its value")):
        if cells.any():
            raise MalformedTable(
                f"The largest contributions to {_cell(grid, int(np.argmax(cells)))} {what}. Give absolute "
                "contributions, the largest first; and where some are negative, the column of their absolute totals."
            )
