"""Microdata: where they come from, and a first look at them before their rows are read.

The microdata stay in DuckDB. What is looked at first: are all columns there, is anything missing that may not be, and
how do amounts become whole numbers.
"""

import tempfile
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from disclosure_control.cellfacts import quoted
from disclosure_control.errors import EmptyTable, MalformedTable, UnknownCode, UnknownColumn
from disclosure_control.scale import Scale, scale_of

VIEW = "_microdata"
NO_ROWS = "The data has no rows. Widen the conditions, and check their spelling."


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
        try:
            return connection.from_df(data)
        except duckdb.Error:  # it does not read columns that lie in memory back to front
            return connection.from_df(data.copy())
    return connection.from_arrow(data)


def require(data: duckdb.DuckDBPyRelation, names: Iterable[str]) -> None:
    """Raise `UnknownColumn` unless the data has all of these."""
    missing = [name for name in names if name not in data.columns]
    if missing:
        raise UnknownColumn(f"The data has no column {', '.join(missing)}. It has: {', '.join(data.columns)}.")


def looked_at(data: duckdb.DuckDBPyRelation, columns: Columns) -> Source:
    """The microdata after a first look.

    Raises:
        EmptyTable: they have no rows.
        MalformedTable: a missing unit, holding, weight, record key, waiver or request; a negative weight; a value or
            weight that is no number, NaN or infinite.
    """
    rows = _require_complete(data, columns)
    value = "1" if columns.value is None else quoted(columns.value)
    size = scale_of(data, value, f"value {columns.value}", VIEW)
    if columns.weight is None:
        return Source(data, columns, rows, size)
    _require_weights(data, columns.weight)
    weight = quoted(columns.weight)
    of_weight = scale_of(data, weight, f"weight {columns.weight}", VIEW)
    return Source(
        data, columns, rows, size, of_weight, scale_of(data, f"{weight}::DOUBLE * {value}", "weighted value", VIEW)
    )


def codes_in(data: duckdb.DuckDBPyRelation, dimensions: Sequence[str]) -> dict[str, set[str]]:
    """The distinct codes of each column, as text.

    Raises:
        UnknownCode: a code is missing in some row.
    """
    if not dimensions:
        return {}
    codes = ", ".join(f"{quoted(name)}::VARCHAR" for name in dimensions)
    found = asked(data, f"SELECT DISTINCT {codes} FROM {VIEW}")  # noqa: S608 - quoted names
    return complete_codes(dict(zip(dimensions, zip(*found, strict=True), strict=True)))


def complete_codes(columns: Mapping[str, Collection[str | None]]) -> dict[str, set[str]]:
    """The distinct codes of each column. Raises `UnknownCode` where one is missing."""
    found: dict[str, set[str]] = {}
    for name, column in columns.items():
        found[name] = {code for code in column if code is not None}
        if None in column:
            raise UnknownCode(f"The column {name} has missing codes. Give them a code of their own, or leave them out.")
    return found


def asked(data: duckdb.DuckDBPyRelation, query: str) -> list[tuple[Any, ...]]:
    """All rows of a query of `VIEW`."""
    return data.query(VIEW, query).fetchall()


def _require_complete(data: duckdb.DuckDBPyRelation, columns: Columns) -> int:
    names = columns.of_units()
    counts = ", ".join(["count(*)", *(f"count(*) - count({quoted(name)})" for name in names)])
    rows, *missing = asked(data, f"SELECT {counts} FROM {VIEW}")[0]  # noqa: S608 - quoted names
    if not rows:
        raise EmptyTable(NO_ROWS)
    for name, count in zip(names, missing, strict=True):
        if count:
            raise MalformedTable(f"The column {name} is missing in {count} rows. Fill it in, or leave these rows out.")
    return int(rows)


def _require_weights(data: duckdb.DuckDBPyRelation, weight: str) -> None:
    query = f"SELECT count(*) FROM {VIEW} WHERE {quoted(weight)} < 0"  # noqa: S608 - a quoted name
    negative = asked(data, query)[0][0]
    if negative:
        raise MalformedTable(f"The weight {weight} is negative in {negative} rows. A sampling weight is 0 or more.")
