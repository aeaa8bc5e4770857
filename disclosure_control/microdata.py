"""Cell facts of a whole table, margins and subtotals included, from microdata in DuckDB."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from disclosure_control.cellfacts import quoted
from disclosure_control.errors import EmptyTable, MalformedTable, UnknownCode, UnknownColumn
from disclosure_control.structure import Hierarchies, cross

VIEW = "_microdata"


@dataclass(frozen=True)
class Columns:
    """Which columns of the microdata say what. `unit` None: every row is a unit of its own."""

    value: str | None = None
    unit: str | None = None
    weight: str | None = None
    record_key: str | None = None


def opened(data: Any) -> duckdb.DuckDBPyRelation:
    """The microdata as a DuckDB relation: from pandas, an Arrow table, a relation, or the path of a Parquet file."""
    if isinstance(data, duckdb.DuckDBPyRelation):
        return data
    if isinstance(data, str | Path):
        return duckdb.connect().read_parquet(str(data))
    if isinstance(data, pd.DataFrame):
        return duckdb.connect().from_df(data)
    return duckdb.connect().from_arrow(data)


def require(data: duckdb.DuckDBPyRelation, columns: list[str]) -> None:
    """Raise `UnknownColumn` unless the data has all of these."""
    missing = [name for name in columns if name not in data.columns]
    if missing:
        raise UnknownColumn(f"The data has no column {', '.join(missing)}. It has: {', '.join(data.columns)}.")


def codes_in(data: duckdb.DuckDBPyRelation, dimension: str) -> list[str]:
    """The distinct codes of a column, as text. Raises `UnknownCode` where one is missing."""
    found = data.query(VIEW, f"SELECT DISTINCT {quoted(dimension)}::VARCHAR FROM {VIEW}").fetchall()
    if (None,) in found:
        raise UnknownCode(
            f"The column {dimension} has missing codes. Give them a code of their own, or leave them out."
        )
    if not found:
        raise EmptyTable("The data has no rows. Widen the conditions, and check their spelling.")
    return sorted(row[0] for row in found)


def facts_of(
    data: duckdb.DuckDBPyRelation, dimensions: Mapping[str, Hierarchies], columns: Columns, largest: int
) -> pd.DataFrame:
    """The facts of every cell of the cross of all codes, in the order of `structure.cross`."""
    _require_units(data, columns)
    for name, hierarchies in dimensions.items():
        _require_known(name, set(codes_in(data, name)), set(hierarchies[0].leaves))
    found = data.query(VIEW, _query(dimensions, columns, largest)).df()
    return _complete(found, dimensions, largest)


def _require_units(data: duckdb.DuckDBPyRelation, columns: Columns) -> None:
    if columns.unit is None:
        return
    missing = data.query(VIEW, f"SELECT count(*) FROM {VIEW} WHERE {quoted(columns.unit)} IS NULL").fetchall()[0][0]
    if missing:
        raise MalformedTable(
            f"The unit column {columns.unit} is missing in {missing} rows. Say to whom they belong, or leave them out."
        )


def _require_known(name: str, found: set[str], leaves: set[str]) -> None:
    unknown = sorted(found - leaves)
    if unknown:
        raise UnknownCode(
            f"The column {name} has codes that are no leaves of its hierarchy: {', '.join(unknown[:5])}. Add them to it, or correct the data."
        )


def _query(dimensions: Mapping[str, Hierarchies], columns: Columns, largest: int) -> str:
    unit = "_row" if columns.unit is None else quoted(columns.unit)
    value = "1" if columns.value is None else quoted(columns.value)
    weight = "1" if columns.weight is None else quoted(columns.weight)
    key = "0" if columns.record_key is None else quoted(columns.record_key)
    keys = ", ".join(f"d{place}" for place in range(len(dimensions)))
    maps = ", ".join(_map_of(place, each) for place, each in enumerate(dimensions.values()))
    joins = " ".join(
        f"JOIN m{place} ON m{place}.leaf = x.{quoted(name)}::VARCHAR" for place, name in enumerate(dimensions)
    )
    codes = ", ".join(f"m{place}.code AS d{place}" for place in range(len(dimensions)))
    total = "sum(s)" if columns.value else "count(*)"
    return f"""
        WITH {maps},
        x AS (SELECT *, row_number() OVER () AS _row FROM {VIEW}),
        expanded AS (SELECT {codes}, {unit} AS _unit, {value} AS _value, {weight} AS _weight, {key} AS _key FROM x {joins}),
        contributions AS (
            SELECT {keys}, _unit, count(*) AS n, sum(_value) AS s, sum(_weight) AS w, sum(_key) AS k,
                count(_value) AS valued, count(*) FILTER (_value < 0) AS negative, count(*) FILTER (_value = 0) AS zero
            FROM expanded GROUP BY {keys}, _unit)
        SELECT {keys}, {total}::DOUBLE AS value, count(*) FILTER (valued > 0)::BIGINT AS units, sum(n)::BIGINT AS rows,
            sum(w)::DOUBLE AS weighted, sum(abs(s))::DOUBLE AS absolute, max(abs(s), {largest})::DOUBLE[] AS _largest,
            sum(negative)::BIGINT AS negatives, sum(n - valued)::BIGINT AS missing, sum(zero)::BIGINT AS zeros,
            sum(k) AS record_key_sum
        FROM contributions GROUP BY {keys}
    """  # noqa: S608 - names are quoted identifiers


def _map_of(place: int, hierarchies: Hierarchies) -> str:
    pairs = dict.fromkeys((leaf, code) for each in hierarchies for leaf in each.leaves for code in each.ancestors(leaf))
    rows = ", ".join(f"({_text(leaf)}, {_text(code)})" for leaf, code in pairs)
    return f"m{place}(leaf, code) AS (VALUES {rows})"


def _text(code: str) -> str:
    return "'" + code.replace("'", "''") + "'"


def _complete(found: pd.DataFrame, dimensions: Mapping[str, Hierarchies], largest: int) -> pd.DataFrame:
    found = found.rename(columns={f"d{place}": name for place, name in enumerate(dimensions)})
    cells = cross(dimensions).merge(found, on=list(dimensions), how="left")
    for rank in range(largest):
        cells[f"largest_{rank + 1}"] = [
            float(each[rank]) if hasattr(each, "__len__") and len(each) > rank else 0.0 for each in cells["_largest"]
        ]
    counts = ["units", "rows", "negatives", "missing", "zeros"]
    cells[counts] = cells[counts].fillna(0).astype("int64")
    amounts = ["value", "weighted", "absolute", "record_key_sum"]
    cells[amounts] = cells[amounts].fillna(0).astype("float64")
    return cells.drop(columns="_largest")
