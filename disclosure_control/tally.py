"""The cells of a table from the facts of its leaves: along every hierarchy, back in the values' units."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from disclosure_control.contributions import rolled_up
from disclosure_control.errors import MalformedTable
from disclosure_control.microdata import Source
from disclosure_control.rowfacts import Groups, added_facts, facts_of_groups
from disclosure_control.structure import Grid
from disclosure_control.unitfacts import Integers, UnitFacts
from disclosure_control.unitrows import facts_by_unit


def cells_of(groups: Groups, grid: Grid) -> pd.DataFrame:
    """The facts of every cell, in the order of `grid`; `Table.from_microdata` says which.

    Raises:
        UnknownCode: the data has a code that is no leaf of the grid.
        MalformedTable: units recur along a dimension of a table of frequencies; rows of one unit differ in what
            belongs to the unit.
    """
    source, columns = groups.source, groups.source.columns
    added = added_facts(groups, grid)
    contributors, units = _contributors_and_units(groups, grid)
    if columns.frequencies:
        _require_additive(units.units.reshape(grid.shape), grid)
    facts: dict[str, NDArray[Any]] = {"value": _values(source, added, units), "units": units.units}
    if columns.holding:
        facts["holdings"] = contributors.units
    facts |= {name: added[name] for name in ("rows", "negatives", "missing", "zeros")}
    facts["weighted"] = source.weight.amounts(added["weighted"]) if source.weight else added["rows"].astype("float64")
    if columns.record_key:
        facts["record_key_sum"] = units.record_keys
    if not columns.frequencies:
        facts |= _of_contributors(source, contributors)
    facts["floor"] = source.published.amounts(np.array([groups.lowest]))[0] * (added["rows"] - added["missing"])
    return pd.concat([grid.frame(), pd.DataFrame(facts)], axis="columns")


def _contributors_and_units(groups: Groups, grid: Grid) -> tuple[UnitFacts, UnitFacts]:
    """The facts of the contributors, who are holdings where these are known, and of the units."""
    unit, holding = groups.source.columns.unit, groups.source.columns.holding
    if unit is None:
        facts = rolled_up(facts_of_groups(groups, grid), grid)
        return facts, facts
    units = rolled_up(facts_by_unit(groups, grid, unit, counted=holding is not None), grid)
    return (units if holding is None else rolled_up(facts_by_unit(groups, grid, holding), grid)), units


def _values(source: Source, added: dict[str, Integers], counted: UnitFacts) -> NDArray[np.float64]:
    if not source.columns.frequencies:
        return source.published.amounts(added["value"])
    return source.published.amounts(counted.estimate) if source.estimate else counted.units.astype("float64")


def _of_contributors(source: Source, facts: UnitFacts) -> dict[str, NDArray[Any]]:
    ranks = range(source.columns.largest)
    found: dict[str, NDArray[Any]] = {"absolute": source.published.amounts(facts.absolute)}
    found |= {f"largest_{rank + 1}": source.size.amounts(facts.largest[:, rank, 0]) for rank in ranks}
    if source.estimate:
        found |= {f"expanded_{rank + 1}": source.estimate.amounts(facts.largest[:, rank, 1]) for rank in ranks}
    if source.columns.waiver:
        found |= {"waived": facts.waived, "unwaived_largest": source.size.amounts(facts.largest_unwaived)}
    if source.columns.request:
        found |= {"requested": facts.requested, "requested_largest": source.size.amounts(facts.largest_requested)}
    return found


def _require_additive(units: Integers, grid: Grid) -> None:
    for place, axis in enumerate(grid.axes):
        along = np.moveaxis(units, place, 0)
        if any((along[code] != along[parts].sum(axis=0)).any() for code, parts in axis.equations):
            raise MalformedTable(
                f"Some units are in several codes of {axis.name}, so their numbers do not add up along it. Count rows "
                f'(count="rows"), or leave out the totals of {axis.name} (separate=["{axis.name}"]).'
            )
