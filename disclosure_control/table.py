"""A table to be protected: its dimensions, one row of facts per cell, and the equations between the cells."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from disclosure_control import aggregates, microdata, rowfacts, tally
from disclosure_control.errors import MalformedTable, UnknownCode
from disclosure_control.flags import INTERNAL
from disclosure_control.structure import (
    Axis,
    DimensionLike,
    Grid,
    Hierarchies,
    Relation,
    RelationArrays,
    as_hierarchies,
    keys_of,
    require_names,
)

LARGEST = 3
FACTS = frozenset(
    {
        *("value", "units", "holdings", "rows", "negatives", "missing", "zeros", "weighted", "record_key_sum"),
        *("impossible", "floor", "absolute", "waived", "requested", "unwaived_largest", "requested_largest"),
        *INTERNAL,
    }
)


@dataclass(frozen=True, eq=False)
class Table:
    """A table with all its margins and subtotals. Make one with `from_microdata` or `from_cells`.

    Attributes:
        dimensions: name → its hierarchies; several share their leaves and their root.
        cells: one row per cell of the cross of all codes, numbered from 0; the last dimension varies fastest.
        value_name: what is summed; None for a table of frequencies.
        unit_name: who is counted; None where every row is a unit.
        separate: the dimensions along which nothing adds up.
    """

    dimensions: Mapping[str, Hierarchies]
    cells: pd.DataFrame
    value_name: str | None = None
    unit_name: str | None = None
    separate: tuple[str, ...] = ()

    @classmethod
    def from_microdata(  # noqa: PLR0913 - which column says what, nearly all by name
        cls,
        data: Any,
        dimensions: Mapping[str, DimensionLike],
        value: str | None = None,
        unit: str | None = None,
        weight: str | None = None,
        *,
        holding: str | None = None,
        record_key: str | None = None,
        waiver: str | None = None,
        request: str | None = None,
        count: Literal["units", "rows"] = "units",
        separate: Sequence[str] = (),
        impossible: Sequence[Mapping[str, str]] = (),
        empty_codes: bool = False,
        largest: int = LARGEST,
    ) -> "Table":
        """The table of these microdata.

        Args:
            data: pandas, an Arrow table, a DuckDB relation, or the path of a Parquet file. It may be larger than
                memory; it is read fastest if it is ordered by an integer unit.
            dimensions: column → a hierarchy whose leaves are its codes, several that share their leaves, or None for
                a flat one with the total "_T".
            value: a numeric column to be summed; None: frequencies. NULL is missing, and so is NaN in pandas, which has
                no other word for it; NaN in other data is a mistake.
            unit: who owns a row; a unit may own several. None: every row is a unit.
            weight: a sampling weight. Values are then weighted totals.
            holding: who owns a unit, where several units are one contributor: `largest_…` are of holdings.
            record_key: a whole number that belongs to the unit; each unit counts once in `record_key_sum`.
            waiver, request: booleans that belong to the unit (or holding): it agreed to publication, it asked for
                confidentiality.
            count: what a table without `value` counts. Rows are a magnitude: a unit can contribute several.
            separate: dimensions without a total, along which nothing adds up (units recur there).
            impossible: structural zeros, each by codes of some dimensions, {"sex": "m", "cause": "childbirth"}; all
                leaf cells that are part of these codes are meant. Everybody knows that they are empty.
            empty_codes: leaves that the data does not have are empty cells, not a mistake.
            largest: how many of the largest contributors are kept.

        Returns:
            A table whose `cells` have, beside the dimensions' codes (float64 where not said otherwise):
            `value`; `units` (int64): distinct units with a value, zero included; `holdings` (int64), if asked;
            `rows`, `negatives`, `missing`, `zeros` (int64): rows, and those with such a value; `weighted`: the total
            of weights; `record_key_sum` (int64), `impossible` (bool), if asked; `floor`: what everybody knows the
            value is not below (0 without negative values; else the lowest value of a row, times the rows); `OBS_STATUS`
            and `CONF_STATUS` (text): SDMX, a normal value for internal use only, for nothing protects it yet.
            Magnitudes also have `absolute`: the total over units of their absolute totals; `largest_1`, `largest_2`, …:
            the largest absolute totals of single units, unweighted; with weights `expanded_1`, …: the same units'
            weighted totals; `waived`, `requested` (int64): units that did so; `unwaived_largest`,
            `requested_largest`: the largest of those who did not agree, who asked.

        Raises:
            UnknownColumn, UnknownCode, MalformedHierarchy, MalformedTable, EmptyTable: as their names say.
        """
        columns = microdata.Columns(value, unit, weight, holding, record_key, waiver, request, count == "rows", largest)
        require_names(dimensions, FACTS)
        with microdata.opened(data) as opened:
            microdata.require(opened, [*dimensions, *columns.named()])
            _require_shape(dimensions, separate, columns)
            if count not in {"units", "rows"}:
                raise MalformedTable(f"There is no count of “{count}”. A table counts units or rows.")
            microdata.require_booleans(opened, (waiver, request))
            if record_key:
                microdata.require_record_keys(opened, record_key)
            groups = rowfacts.grouped(opened, columns, list(dimensions))
            hierarchies = {name: as_hierarchies(name, h, groups.codes_of(name)) for name, h in dimensions.items()}
            grid = _grid(hierarchies, separate)
            cells = tally.cells_of(groups, grid)
        if not empty_codes:
            _require_used(cells, grid)
        _mark_impossible(cells, grid, impossible)
        value_name = "rows" if columns.rows_as_value else value
        return cls(hierarchies, cells.assign(**INTERNAL), value_name, unit, tuple(separate))

    @classmethod
    def from_cells(
        cls,
        cells: pd.DataFrame,
        dimensions: Mapping[str, DimensionLike],
        value: str | None = None,
        count: str | None = None,
        largest: Sequence[str] = (),
        *,
        absolute: str | None = None,
        floor: str | None = None,
        distinct_units: bool = False,
        separate: Sequence[str] = (),
        impossible: Sequence[Mapping[str, str]] = (),
    ) -> "Table":
        """The table of these cells, which were aggregated elsewhere.

        Args:
            cells: one row per cell, margins included; a margin's code is its hierarchy's root ("_T" without one).
            value: the column of the values; None: frequencies, which are the units.
            count: the column of the numbers of contributing units.
            largest: the columns of the largest contributions, absolute ones, the largest first.
            absolute: the column of the totals of absolute contributions, where some are negative.
            floor: the column of what everybody knows the value is not below; without it 0 where no value is negative.
            distinct_units: every unit contributes to one leaf cell only. Margins that are not given are then made
                from their leaves; without this, a missing margin is an error.
            separate, impossible: as in `from_microdata`.

        Raises:
            UnknownColumn, UnknownCode: a column or code that the cells or the hierarchies do not have.
            MalformedTable: a cell that is missing or given twice; NaN, infinity, a negative or broken count; a margin
                that does not add up; largest contributions that do not fall, or exceed the value; a value below its
                floor.
        """
        if value is None and count is None:
            raise MalformedTable("The table has neither value nor count. Name the column of at least one of them.")
        columns = aggregates.Columns(value, count, tuple(largest), absolute, floor, distinct_units)
        require_names(dimensions, FACTS)
        _require_separate(dimensions, separate)
        aggregates.require_columns(cells, [*dimensions, *columns.names()])
        hierarchies = {
            name: as_hierarchies(name, given, aggregates.codes_in(cells, name, given is None))
            for name, given in dimensions.items()
        }
        grid = _grid(hierarchies, separate)
        facts = aggregates.facts_of(cells, grid, columns)
        _mark_impossible(facts, grid, impossible)
        return cls(hierarchies, facts.assign(**INTERNAL), value, None, tuple(separate))

    @cached_property
    def grid(self) -> Grid:
        """The axes of the table and the equations along them."""
        return _grid(self.dimensions, self.separate)

    @cached_property
    def relations(self) -> tuple[Relation, ...]:
        """Every additive equation between the cells, by their row numbers."""
        return self.grid.relations()

    @cached_property
    def relation_arrays(self) -> RelationArrays:
        """The same equations as arrays, for tables with very many of them."""
        return self.grid.relation_arrays()

    def keys(self) -> list[tuple[tuple[str, str], ...]]:
        """What names each cell in every table that has it: (dimension, code) pairs, sorted, without the totals."""
        return keys_of(self.dimensions, self.cells)

    def leaf_mask(self) -> NDArray[np.bool_]:
        """Which cells are leaves in every dimension."""
        return self.grid.leaf_mask()

    def to_html(self) -> str:
        """A picture of the true table."""
        from disclosure_control.show import table_html  # noqa: PLC0415 - pictures know tables, not the other way

        return table_html(self)

    def _repr_html_(self) -> str:
        return self.to_html()


def _grid(dimensions: Mapping[str, Hierarchies], separate: Sequence[str]) -> Grid:
    return Grid(tuple(Axis(name, hierarchies, name in separate) for name, hierarchies in dimensions.items()))


def _require_shape(
    dimensions: Mapping[str, DimensionLike], separate: Sequence[str], columns: microdata.Columns
) -> None:
    _require_separate(dimensions, separate)
    if columns.holding and not columns.unit:
        raise MalformedTable("A holding owns units, and no unit is given. Name the column of the unit too.")
    if columns.record_key and columns.holding:
        raise MalformedTable(
            "Record keys belong to units; with holdings they are not supported. Leave one of them out."
        )
    if columns.rows_as_value and columns.value:
        raise MalformedTable("A table is of a value or of rows. Leave out one of value and count.")
    if columns.weight and (columns.waiver or columns.request or columns.holding):
        raise MalformedTable(
            "Waivers, requests and holdings of weighted units are not supported: it is not known what the units that "
            "they stand for would say. Leave out the weight, or the others."
        )
    if columns.largest < 1:
        raise MalformedTable("At least one of the largest units is kept. Set largest to 1 or more.")


def _require_separate(dimensions: Mapping[str, DimensionLike], separate: Sequence[str]) -> None:
    stray = [name for name in separate if name not in dimensions]
    if stray:
        raise MalformedTable(f"separate names {', '.join(stray)}, which is no dimension. Use: {', '.join(dimensions)}.")


def _mark_impossible(cells: pd.DataFrame, grid: Grid, impossible: Sequence[Mapping[str, str]]) -> None:
    """Adds the column `impossible`, if there are such cells."""
    if not impossible:
        return
    marked = grid.impossible(impossible)
    wrong = marked & (cells[[name for name in ("value", "units", "rows") if name in cells]] != 0).any(axis=1).to_numpy()
    if wrong.any():
        codes = cells.loc[int(np.argmax(wrong)), [axis.name for axis in grid.axes]]
        cell = ", ".join(f"{name} = {code}" for name, code in codes.items())
        raise MalformedTable(
            f"The cell ({cell}) is said to be impossible and is not empty. Correct the data, or do not say so."
        )
    cells["impossible"] = marked


def _require_used(cells: pd.DataFrame, grid: Grid) -> None:
    rows = cells["rows"].to_numpy().reshape(grid.shape)
    for place, axis in enumerate(grid.axes):
        along = np.moveaxis(rows, place, 0).reshape(len(axis.codes), -1)
        unused = [code for code in axis.leaves if not along[axis.places[code]].any()]
        if unused:
            raise UnknownCode(
                f"The data has no rows with the code {', '.join(unused[:5])} of {axis.name}. Take it out of the "
                "hierarchy, or say empty_codes=True: then its cells are empty."
            )
