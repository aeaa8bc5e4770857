"""The cells of a table from the facts of its leaves: along every hierarchy, back in the values' units."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from disclosure_control.contributions import added_up, rolled_up
from disclosure_control.errors import MalformedTable
from disclosure_control.microdata import Source
from disclosure_control.rowfacts import LeafFacts
from disclosure_control.structure import Grid
from disclosure_control.unitfacts import Integers, UnitFacts


def cells_of(source: Source, grid: Grid, leaves: LeafFacts, counted: LeafFacts) -> pd.DataFrame:
    """The facts of every cell, in the order of `grid`; `Table.from_microdata` says which.

    Args:
        leaves: facts of the contributors, who are holdings where these are known. counted: facts of the units.

    Raises:
        MalformedTable: units recur along a dimension of a table of frequencies.
    """
    columns = source.columns
    added = {name: _on_codes(each, grid) for name, each in leaves.added.items()}
    contributors = rolled_up(leaves.units, leaves.others, grid)
    units = contributors if counted is leaves else rolled_up(counted.units, counted.others, grid)
    if columns.frequencies:
        _require_additive(units.units.reshape(grid.shape), grid)
    cells = grid.frame()
    cells["value"] = _values(source, added, units)
    cells["units"] = units.units
    if columns.holding:
        cells["holdings"] = contributors.units
    for name in ("rows", "negatives", "missing", "zeros"):
        cells[name] = added[name]
    cells["weighted"] = source.weight.amounts(added["weighted"]) if source.weight else added["rows"].astype("float64")
    if columns.record_key:
        cells["record_key_sum"] = units.record_keys
    if not columns.frequencies:
        _add_largest(cells, source, contributors)
    cells["floor"] = source.published.amounts(np.array([leaves.lowest]))[0] * (added["rows"] - added["missing"])
    return cells


def _values(source: Source, added: dict[str, Integers], counted: UnitFacts) -> NDArray[np.float64]:
    if not source.columns.frequencies:
        return source.published.amounts(added["value"])
    return source.published.amounts(counted.estimate) if source.estimate else counted.units.astype("float64")


def _add_largest(cells: pd.DataFrame, source: Source, facts: UnitFacts) -> None:
    cells["absolute"] = source.published.amounts(facts.absolute)
    for rank in range(source.columns.largest):
        cells[f"largest_{rank + 1}"] = source.size.amounts(facts.largest[:, rank, 0])
    if source.estimate:
        for rank in range(source.columns.largest):
            cells[f"expanded_{rank + 1}"] = source.estimate.amounts(facts.largest[:, rank, 1])
    if source.columns.waiver:
        cells["waived"] = facts.waived
        cells["unwaived_largest"] = source.size.amounts(facts.largest_unwaived)
    if source.columns.request:
        cells["requested"] = facts.requested
        cells["requested_largest"] = source.size.amounts(facts.largest_requested)


def _require_additive(units: Integers, grid: Grid) -> None:
    for place, axis in enumerate(grid.axes):
        along = np.moveaxis(units, place, 0)
        if any((along[code] != along[parts].sum(axis=0)).any() for code, parts in axis.equations):
            raise MalformedTable(
                f"Some units are in several codes of {axis.name}, so their numbers do not add up along it. Count rows "
                f'(count="rows"), or leave out the totals of {axis.name} (separate=["{axis.name}"]).'
            )


def _on_codes(amounts: Integers, grid: Grid) -> Integers:
    amounts = amounts.reshape(grid.leaf_shape)
    for place, axis in enumerate(grid.axes):
        amounts = added_up(amounts, place, axis)
    return amounts.ravel()
