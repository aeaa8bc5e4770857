"""Counts and sums of record keys in one GROUP BY: the quick way to a table for `perturb`, where every row is a unit."""

from collections.abc import Mapping
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from disclosure_control.cellfacts import quoted
from disclosure_control.contributions import added_up
from disclosure_control.errors import EmptyTable, MalformedRecordKeys, UnknownCode
from disclosure_control.microdata import VIEW, opened, require
from disclosure_control.structure import Axis, DimensionLike, Grid, as_hierarchies
from disclosure_control.table import Table

Integers = NDArray[np.int64]

_WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
_LARGEST = 2**32 - 1


def counts_with_keys(data: Any, dimensions: Mapping[str, DimensionLike], record_key: str = "rkey") -> Table:
    """The table of counts of these microdata, each row a unit of its own, with the sums of the record keys.

    One GROUP BY over the microdata; margins and subtotals are added up from its cells. Where a unit owns several rows,
    use `Table.from_microdata(…, unit=…, record_key=…)`, which counts it once.

    Args:
        data: pandas, an Arrow table, a DuckDB relation, or the path of a Parquet file.
        dimensions: column → its hierarchy, several hierarchies, or None for a flat one.

    Raises:
        MalformedRecordKeys: a record key is missing, negative, above 2³² − 1, or not a whole number.
        UnknownColumn, UnknownCode, EmptyTable: as `Table.from_microdata`.
    """
    source = opened(data)
    require(source, [*dimensions, record_key])
    _require_whole_keys(source, record_key)
    found = _grouped(source, list(dimensions), record_key)
    if not len(found):
        raise EmptyTable("The data has no rows. Widen the conditions, and check their spelling.")
    codes = {name: _factorised(found, name) for name in dimensions}
    hierarchies = {name: as_hierarchies(name, given, codes[name][1]) for name, given in dimensions.items()}
    grid = Grid(tuple(Axis(name, each) for name, each in hierarchies.items()))
    at = tuple(_leaves(*codes[axis.name], axis) for axis in grid.axes)
    cells = grid.frame()
    units = _added_up(found["units"], at, grid)
    cells["value"], cells["units"], cells["rows"] = units.astype(np.float64), units, units
    cells["record_key_sum"] = _added_up(found["record_key_sum"], at, grid)
    return Table(hierarchies, cells)


def _require_whole_keys(source: duckdb.DuckDBPyRelation, record_key: str) -> None:
    kind = str(source.types[source.columns.index(record_key)])
    if kind not in _WHOLE:
        raise MalformedRecordKeys(
            f"The record key {record_key} is {kind}: sums of it depend on their order. Use whole numbers, such as "
            "floor(key × 4294967296) of a key from 0 to 1."
        )
    key = quoted(record_key)
    wrong = f"FROM {VIEW} WHERE {key} IS NULL OR {key} < 0 OR {key} > {_LARGEST}"  # statistics often answer this
    if source.query(VIEW, f"SELECT EXISTS({wrong})").fetchall()[0][0]:
        missing, others = source.query(VIEW, f"SELECT count(*) - count({key}), count({key}) {wrong}").fetchall()[0]
        raise MalformedRecordKeys(
            f"The record key {record_key} is missing in {missing} rows and outside 0 to {_LARGEST} in {others}. Draw "
            "one in that range for each unit."
        )


def _grouped(source: duckdb.DuckDBPyRelation, dimensions: list[str], record_key: str) -> pd.DataFrame:
    """One row per cell of leaves: its codes as text, `units`, `record_key_sum`. Text comes after the grouping."""
    keys = ", ".join(quoted(name) for name in dimensions)
    as_text = ", ".join(f"{quoted(name)}::VARCHAR AS {quoted(name)}" for name in dimensions)
    query = f"""
        SELECT {as_text}, units, record_key_sum FROM (
            SELECT {keys}, count(*) AS units, sum({quoted(record_key)})::BIGINT AS record_key_sum
            FROM {VIEW} GROUP BY {keys})
    """  # noqa: S608 - quoted identifiers
    return source.query(VIEW, query).df()


def _factorised(found: pd.DataFrame, name: str) -> tuple[Integers, list[str]]:
    """Each row's code as a number, and the codes.

    Raises:
        UnknownCode: a code is missing.
    """
    numbers, codes = pd.factorize(found[name])
    if (numbers < 0).any():
        raise UnknownCode(f"The column {name} has missing codes. Give them a code of their own, or leave them out.")
    return np.asarray(numbers, dtype=np.int64), [str(each) for each in codes]


def _added_up(amounts: "pd.Series[Any]", at: tuple[Integers, ...], grid: Grid) -> Integers:
    """The amounts of leaf cells at these places, for every cell of the grid: margins are added up."""
    cube = np.zeros(grid.leaf_shape, dtype=np.int64)
    cube[at] = amounts
    for place, axis in enumerate(grid.axes):
        cube = added_up(cube, place, axis)
    return cube.ravel()


def _leaves(numbers: Integers, codes: list[str], axis: Axis) -> Integers:
    """Where each row's code stands among the leaves."""
    places = {code: place for place, code in enumerate(axis.leaves)}
    unknown = sorted(set(codes) - set(places))
    if unknown:
        raise UnknownCode(
            f"The column {axis.name} has codes that are no leaves of its hierarchy: {', '.join(unknown[:5])}. Give "
            "them a place in it, or correct the data."
        )
    return np.array([places[code] for code in codes], dtype=np.int64)[numbers]
