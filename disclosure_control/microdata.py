"""Cell facts of a whole table, margins and subtotals included, from microdata in DuckDB.

The microdata stays where it is. Rows come out as numbers (leaf cell, unit, amount), a range of units at a time, so
that memory does not grow with the data; microdata ordered by their unit are read once, others once a range.
"""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from disclosure_control.cellfacts import quoted
from disclosure_control.contributions import added_up, facts_of_rows, rolled_up
from disclosure_control.errors import EmptyTable, MalformedTable, UnknownCode, UnknownColumn
from disclosure_control.scale import Scale, scale_of
from disclosure_control.structure import Grid
from disclosure_control.unitfacts import Contributions, Integers, UnitFacts, merged, nobody, tallied

VIEW = "_microdata"
BATCHES = 8  # of this many, if that makes batches of this size:
SMALLEST, LARGEST = 3_000_000, 16_000_000  # rows in memory at once, about
ROW_FACTS = ("rows", "value", "weighted", "negatives", "missing", "zeros")
_KEYS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"}
_SALTS = range(8)
NO_ROWS = "The data has no rows. Widen the conditions, and check their spelling."

Fetched = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Columns:
    """Which columns of the microdata say what. Without `unit`, every row is a unit; without `value`, units are counted.

    `rows_as_value`: the amount of every row is 1. `largest`: how many of the largest units are kept.
    """

    value: str | None = None
    unit: str | None = None
    weight: str | None = None
    holding: str | None = None
    record_key: str | None = None
    waiver: str | None = None
    request: str | None = None
    rows_as_value: bool = False
    largest: int = 3

    @property
    def frequencies(self) -> bool:
        return self.value is None and not self.rows_as_value

    def of_units(self) -> list[str]:
        """The columns that may not be missing in any row."""
        names = (self.unit, self.holding, self.weight, self.record_key, self.waiver, self.request)
        return [each for each in names if each is not None]


@dataclass(frozen=True)
class Source:
    """Microdata after a first look: how many rows, and how their amounts become whole numbers."""

    data: duckdb.DuckDBPyRelation
    grid: Grid
    columns: Columns
    rows: int
    size: Scale
    weight: Scale | None = None
    estimate: Scale | None = None

    @property
    def published(self) -> Scale:
        """The scale of the published amounts: of the weighted ones, if there are weights."""
        return self.estimate or self.size


def opened(data: Any) -> duckdb.DuckDBPyRelation:
    """The microdata as a DuckDB relation: from pandas, an Arrow table, a relation, or the path of a Parquet file."""
    if isinstance(data, duckdb.DuckDBPyRelation):
        return data
    connection = duckdb.connect(config={"preserve_insertion_order": "false", "temp_directory": tempfile.gettempdir()})
    connection.execute("SET enable_progress_bar = false")
    if isinstance(data, str | Path):
        return connection.read_parquet(str(data))
    if isinstance(data, pd.DataFrame):
        return connection.from_df(data)
    return connection.from_arrow(data)


def require(data: duckdb.DuckDBPyRelation, names: Iterable[str]) -> None:
    """Raise `UnknownColumn` unless the data has all of these."""
    missing = [name for name in names if name not in data.columns]
    if missing:
        raise UnknownColumn(f"The data has no column {', '.join(missing)}. It has: {', '.join(data.columns)}.")


def codes_in(data: duckdb.DuckDBPyRelation, dimensions: Sequence[str]) -> dict[str, set[str]]:
    """The distinct codes of each column, as text.

    Raises:
        UnknownCode: a code is missing in some row.
        EmptyTable: the data has no rows.
    """
    if not dimensions:
        return {}
    codes = ", ".join(f"{quoted(name)}::VARCHAR" for name in dimensions)
    found = _asked(data, f"SELECT DISTINCT {codes} FROM {VIEW}")  # noqa: S608 - quoted names
    if not found:
        raise EmptyTable(NO_ROWS)
    codes_of = {name: set(column) for name, column in zip(dimensions, zip(*found, strict=True), strict=True)}
    for name, each in codes_of.items():
        if None in each:
            raise UnknownCode(f"The column {name} has missing codes. Give them a code of their own, or leave them out.")
    return codes_of


def facts_of(data: duckdb.DuckDBPyRelation, grid: Grid, columns: Columns) -> pd.DataFrame:
    """The facts of every cell, in the order of `grid`; `Table.from_microdata` says which.

    Raises:
        MalformedTable: a missing unit, holding, weight or record key; NaN or infinity; what belongs to a unit differs
            between its rows; units that recur along a dimension of a table of frequencies.
    """
    source = _looked_at(data, grid, columns)
    by_row, by_unit, lowest = _facts_by(source, columns.holding or columns.unit)
    if columns.holding:
        _, counted, _ = _facts_by(source, columns.unit)
    else:
        counted = by_unit
    cells = grid.frame()
    if columns.frequencies:
        _require_additive(counted.units.reshape(grid.shape), grid)
    cells["value"] = _values(source, by_row, counted)
    cells["units"] = counted.units
    if columns.holding:
        cells["holdings"] = by_unit.units
    for name in ("rows", "negatives", "missing", "zeros"):
        cells[name] = by_row[name]
    cells["weighted"] = source.weight.amounts(by_row["weighted"]) if source.weight else by_row["rows"].astype("float64")
    if columns.record_key:
        cells["record_key_sum"] = counted.record_keys
    if not columns.frequencies:
        _add_largest(cells, source, by_unit)
    cells["floor"] = min(lowest, 0.0) * (by_row["rows"] - by_row["missing"])
    return cells


def _values(source: Source, by_row: dict[str, Integers], counted: UnitFacts) -> NDArray[np.float64]:
    if not source.columns.frequencies:
        return source.published.amounts(by_row["value"])
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


# ---------------------------------------------------------------------------------------------- a first look


def _looked_at(data: duckdb.DuckDBPyRelation, grid: Grid, columns: Columns) -> Source:
    rows = _require_complete(data, columns)
    value = "1" if columns.value is None else quoted(columns.value)
    source = Source(data, grid, columns, rows, scale_of(data, value, f"value {columns.value}", VIEW))
    if columns.weight is None:
        return source
    weight = quoted(columns.weight)
    _require_weights(data, columns.weight)
    return replace(
        source,
        weight=scale_of(data, weight, f"weight {columns.weight}", VIEW),
        estimate=scale_of(data, f"{weight}::DOUBLE * {value}", "weighted value", VIEW),
    )


def _require_complete(data: duckdb.DuckDBPyRelation, columns: Columns) -> int:
    names = columns.of_units()
    counts = ", ".join(["count(*)", *(f"count(*) - count({quoted(name)})" for name in names)])
    rows, *missing = _asked(data, f"SELECT {counts} FROM {VIEW}")[0]  # noqa: S608 - quoted names
    if not rows:
        raise EmptyTable(NO_ROWS)
    for name, count in zip(names, missing, strict=True):
        if count:
            raise MalformedTable(f"The column {name} is missing in {count} rows. Fill it in, or leave these rows out.")
    return int(rows)


def _require_weights(data: duckdb.DuckDBPyRelation, weight: str) -> None:
    query = f"SELECT count(*) FROM {VIEW} WHERE {quoted(weight)} < 0"  # noqa: S608 - a quoted name
    negative = _asked(data, query)[0][0]
    if negative:
        raise MalformedTable(f"The weight {weight} is negative in {negative} rows. A sampling weight is 0 or more.")


def _require_additive(units: Integers, grid: Grid) -> None:
    for place, axis in enumerate(grid.axes):
        along = np.moveaxis(units, place, 0)
        if any((along[code] != along[parts].sum(axis=0)).any() for code, parts in axis.equations):
            raise MalformedTable(
                f"Some units are in several codes of {axis.name}, so their numbers do not add up along it. Count rows "
                f'(count="rows"), or leave out the totals of {axis.name} (separate=["{axis.name}"]).'
            )


# ---------------------------------------------------------------------------------------------- reading


def _facts_by(source: Source, unit: str | None) -> tuple[dict[str, Integers], UnitFacts, float]:
    """Facts of rows and of units on the grid of all codes, and the lowest amount of a row."""
    grid, ranks = source.grid, source.columns.largest
    rows = {name: np.zeros(grid.leaf_cells, np.int64) for name in ROW_FACTS}
    leaves, others = nobody((grid.leaf_cells,), ranks), nobody((grid.cells,), ranks)
    lowest = 0
    for batch in _batches(source, unit):
        _add_rows(rows, batch, grid.leaf_cells)
        given = _contributions(batch)
        amount = given.size if given.estimate is None else given.estimate
        lowest = min(lowest, int(amount.min(initial=0)))
        if unit is None:
            leaves = merged([leaves, tallied(given, grid.leaf_cells, ranks)])
        else:
            alone, more = facts_of_rows(given, grid, ranks, once=source.columns.frequencies)
            leaves, others = merged([leaves, alone]), merged([others, more])
    on_codes = {name: _on_codes(each, grid) for name, each in rows.items()}
    return on_codes, rolled_up(leaves, others, grid), float(source.published.amounts(np.array([lowest]))[0])


def _on_codes(amounts: Integers, grid: Grid) -> Integers:
    amounts = amounts.reshape(grid.leaf_shape)
    for place, axis in enumerate(grid.axes):
        amounts = added_up(amounts, place, axis)
    return amounts.ravel()


def _add_rows(rows: dict[str, Integers], batch: Fetched, cells: int) -> None:
    cell, size, valued = batch["cell"], batch["size"], batch["valued"]
    rows["rows"] += np.bincount(cell, minlength=cells)
    rows["missing"] += np.bincount(cell[~valued], minlength=cells)
    rows["negatives"] += np.bincount(cell[size < 0], minlength=cells)
    rows["zeros"] += np.bincount(cell[(size == 0) & valued], minlength=cells)
    np.add.at(rows["value"], cell, batch.get("estimate", size))
    if "weight" in batch:
        np.add.at(rows["weighted"], cell, batch["weight"])


def _contributions(batch: Fetched) -> Contributions:
    valued = batch["valued"]
    chosen = slice(None) if valued.all() else valued
    unit = batch["unit"] if "unit" in batch else np.zeros(len(valued), np.int64)
    names = ("estimate", "record_key", "waived", "requested")
    rest = {name: batch[name][chosen] for name in names if name in batch}
    return Contributions(unit[chosen], batch["cell"][chosen], batch["size"][chosen], **rest)


def _batches(source: Source, unit: str | None) -> Iterator[Fetched]:
    """The rows, all of one unit in one batch."""
    query = _query(source, unit)
    if unit is None:
        found = source.data.query(VIEW, query)
        while len(chunk := found.fetch_df_chunk(SMALLEST // duckdb.__standard_vector_size__)):
            yield _checked(source, {str(name): chunk[name].to_numpy() for name in chunk})
        return
    key = _key(source.data, unit)
    for condition in _ranges(source, key):
        found = source.data.query(VIEW, query.replace(_UNIT, key) + condition)
        yield _checked(source, {name: np.asarray(each) for name, each in found.fetchnumpy().items()})


_UNIT = "$unit$"


def _query(source: Source, unit: str | None) -> str:
    columns, axes = source.columns, source.grid.axes
    strides = [int(np.prod(source.grid.leaf_shape[place + 1 :], dtype=np.int64)) for place in range(len(axes))]
    cell = " + ".join(f"_sdc_leaf_{place} * {stride}" for place, stride in enumerate(strides))
    wanted = {"cell": f"coalesce({cell}, -1)::BIGINT", "size": f"coalesce({source.size.sql}, 0)"}
    wanted["valued"] = "true" if columns.value is None else f"{quoted(columns.value)} IS NOT NULL"
    if unit is not None:
        wanted["unit"] = _UNIT
    if source.weight and source.estimate:
        wanted["weight"] = source.weight.sql
        wanted["estimate"] = f"coalesce({source.estimate.sql}, 0)"
    belongs = {"record_key": (columns.record_key, "BIGINT"), "waived": (columns.waiver, "BOOLEAN")}
    for name, (column, kind) in {**belongs, "requested": (columns.request, "BOOLEAN")}.items():
        if column is not None:
            wanted[name] = f"{quoted(column)}::{kind}"
    maps = ", ".join(
        f"_sdc_map_{place}(_sdc_code_{place}, _sdc_leaf_{place}) AS (VALUES {_pairs(axis.leaves)})"
        for place, axis in enumerate(axes)
    )
    joins = " ".join(
        f"LEFT JOIN _sdc_map_{place} ON _sdc_code_{place} = {quoted(axis.name)}::VARCHAR"
        for place, axis in enumerate(axes)
    )
    columns_sql = ", ".join(f"{expression} AS {name}" for name, expression in wanted.items())
    return f"WITH {maps} SELECT {columns_sql} FROM {VIEW} {joins} "  # noqa: S608 - names and codes are quoted


def _pairs(leaves: tuple[str, ...]) -> str:
    return ", ".join(f"({_text(leaf)}, {place}::BIGINT)" for place, leaf in enumerate(leaves))


def _text(code: str) -> str:
    return "'" + code.replace("'", "''") + "'"


def _checked(source: Source, batch: Fetched) -> Fetched:
    if (batch["cell"] < 0).any():
        for axis in source.grid.axes:
            unknown = sorted(codes_in(source.data, [axis.name])[axis.name] - set(axis.leaves))
            if unknown:
                raise UnknownCode(
                    f"The column {axis.name} has codes that are no leaves of its hierarchy: {', '.join(unknown[:5])}. "
                    "Give them a place in it, or correct the data."
                )
    return batch


def _key(data: duckdb.DuckDBPyRelation, unit: str) -> str:
    """An expression that gives each unit a number of its own.

    Units that are no integers are numbered by a hash; that no two of them share a number is checked, not assumed.
    """
    column = quoted(unit)
    if str(data.types[data.columns.index(unit)]) in _KEYS:
        return f"{column}::BIGINT"
    for salt in _SALTS:
        key = f"(hash({column}, {salt}) >> 1)::BIGINT"
        units = f"SELECT DISTINCT {column} FROM {VIEW}"  # noqa: S608 - a quoted name
        shared = f"SELECT 1 FROM ({units}) GROUP BY {key} HAVING count(*) > 1 LIMIT 1"  # noqa: S608 - as above
        if not _asked(data, shared):
            return key
    raise MalformedTable(f"The units of {unit} could not be numbered. Make the column an integer.")


def _ranges(source: Source, key: str) -> list[str]:
    """Conditions that part the units into ranges of about so many rows as may be in memory."""
    batch = min(max(source.rows // BATCHES, SMALLEST), LARGEST)
    ranges = -(-source.rows // batch)
    if ranges == 1:
        return [""]
    shares = ", ".join(str(place / ranges) for place in range(1, ranges))
    sample = f"SELECT {key} AS k FROM {VIEW} USING SAMPLE reservoir(20000 ROWS) REPEATABLE (1)"  # noqa: S608 - quoted
    query = f"SELECT quantile_disc(k, [{shares}]) FROM ({sample})"  # noqa: S608 - as above
    edges = sorted(set(_asked(source.data, query)[0][0]))
    column = key.removesuffix("::BIGINT") if key.startswith('"') else key  # a plain column lets whole blocks be skipped
    lower, upper = [f"{column} >= {edge}" for edge in edges], [f"{column} < {edge}" for edge in edges]
    between = [" AND ".join(pair) for pair in zip(lower[:-1], upper[1:], strict=True)]
    return [f"WHERE {condition}" for condition in (upper[0], *between, lower[-1])]


def _asked(data: duckdb.DuckDBPyRelation, query: str) -> list[tuple[Any, ...]]:
    return data.query(VIEW, query).fetchall()
