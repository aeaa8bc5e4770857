"""A table to be protected: its dimensions, one row of facts per cell, and the equations between the cells."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from disclosure_control import microdata
from disclosure_control.structure import (
    DimensionLike,
    Hierarchies,
    Relation,
    as_hierarchies,
    cross,
    keys_of,
    relations_of,
)

LARGEST = 3


@dataclass(frozen=True, eq=False)
class Table:
    """A table with all its margins and subtotals.

    Attributes:
        dimensions: name → its hierarchies; several share their leaves and their root.
        cells: one row per cell of the cross of all codes, numbered from 0. Columns: one per dimension (the code),
            `value`, `units`, … (see `from_microdata`).
        value_name: what is summed; None for a table of frequencies.
        unit_name: who is counted; None where every row is a unit.
    """

    dimensions: Mapping[str, Hierarchies]
    cells: pd.DataFrame
    value_name: str | None = None
    unit_name: str | None = None

    @classmethod
    def from_microdata(
        cls,
        data: Any,
        dimensions: Mapping[str, DimensionLike],
        value: str | None = None,
        unit: str | None = None,
        weight: str | None = None,
        record_key: str | None = None,
        largest: int = LARGEST,
    ) -> "Table":
        """The table of these microdata: pandas, an Arrow table, a DuckDB relation, or the path of a Parquet file."""
        source = microdata.opened(data)
        columns = microdata.Columns(value, unit, weight, record_key)
        microdata.require(source, [*dimensions, *(each for each in (value, unit, weight, record_key) if each)])
        hierarchies = {
            name: as_hierarchies(name, given, () if given is not None else microdata.codes_in(source, name))
            for name, given in dimensions.items()
        }
        return cls(hierarchies, microdata.facts_of(source, hierarchies, columns, largest), value, unit)

    @classmethod
    def from_cells(
        cls,
        cells: pd.DataFrame,
        dimensions: Mapping[str, DimensionLike],
        value: str | None = None,
        count: str | None = None,
        largest: Sequence[str] = (),
    ) -> "Table":
        """The table of these aggregated cells."""
        names = {value or count: "value", count: "units"} if value else {}
        hierarchies = {
            name: as_hierarchies(name, given, set(cells[name].astype(str)) - {"_T"})
            for name, given in dimensions.items()
        }
        given = pd.DataFrame({name: cells[name].astype(str) for name in dimensions})
        given["value"] = cells[value if value else str(count)].astype("float64")
        if count:
            given["units"] = cells[count].astype("int64")
        for rank, column in enumerate(largest, start=1):
            given[f"largest_{rank}"] = cells[column].astype("float64")
        del names
        full = cross(hierarchies).merge(given, on=list(dimensions), how="left")
        return cls(hierarchies, full, value, None)

    @cached_property
    def relations(self) -> tuple[Relation, ...]:
        """Every additive equation between the cells, by their row numbers."""
        return relations_of(self.dimensions)

    def keys(self) -> list[tuple[tuple[str, str], ...]]:
        """What names each cell in every table that has it: (dimension, code) pairs, sorted, without the totals."""
        return keys_of(self.dimensions, self.cells)
