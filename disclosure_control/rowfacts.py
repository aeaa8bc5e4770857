"""From rows to leaf cells: what is added up over rows, and what units contribute.

Where every row is a unit, one GROUP BY does it. Otherwise rows come out as numbers (leaf cell, unit, amount), a range
of units at a time, so that memory does not grow with the data; microdata that are ordered by an integer unit are read
once, others once for every range.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from disclosure_control.cellfacts import quoted
from disclosure_control.contributions import facts_of_rows
from disclosure_control.errors import MalformedTable, UnknownCode
from disclosure_control.microdata import VIEW, Source, asked, codes_in, complete_codes
from disclosure_control.structure import Grid
from disclosure_control.unitfacts import Contributions, Integers, UnitFacts, merged, nobody

BATCHES = 8  # of this many, if that makes batches of this size:
SMALLEST, LARGEST = 3_000_000, 16_000_000  # rows in memory at once, about
ADDED = ("rows", "value", "weighted", "negatives", "missing", "zeros")
_KEYS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"}
_SALTS = range(8)

Fetched = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class LeafFacts:
    """Facts of the leaf cells; `others` alone is on the grid of all codes.

    Attributes:
        added: amounts that add up over rows, by the names of `ADDED`.
        units: of the units that are in one leaf cell only. others: of the others.
        lowest: the lowest amount of a row, 0 if none is negative.
    """

    added: dict[str, Integers]
    units: UnitFacts
    others: UnitFacts
    lowest: int


# ---------------------------------------------------------------------------------------------- rows that are units


def grouped(source: Source, dimensions: list[str]) -> pd.DataFrame:
    """One row for each combination of codes that the data has, where every row is a unit."""
    columns, size = source.columns, source.size.sql
    estimate = source.estimate.sql if source.estimate else size
    pair = f"{{'size': abs({size}), 'estimate': abs({estimate})}}" if source.estimate else f"abs({size})"
    valued = "true" if columns.value is None else f"{quoted(columns.value)} IS NOT NULL"
    wanted = {
        "rows": "count(*)",
        "units": f"count(*) FILTER ({valued})",
        "negatives": f"count(*) FILTER ({size} < 0)",
        "zeros": f"count(*) FILTER ({size} = 0)",
        "estimate": f"coalesce(sum({estimate}), 0)",
        "absolute": f"coalesce(sum(abs({estimate})), 0)",
        "weighted": f"coalesce(sum({source.weight.sql}), 0)" if source.weight else "0",
        "lowest": f"coalesce(min({estimate}), 0)",
        "largest": f"max({pair}, {columns.largest}) FILTER ({valued})",
    }
    for name, column in (("waived", columns.waiver), ("requested", columns.request)):
        if column is not None:
            wanted[name] = f"count(*) FILTER ({valued} AND {quoted(column)})"
            who = f"NOT {quoted(column)}" if name == "waived" else quoted(column)
            wanted[f"{name}_largest"] = f"coalesce(max(abs({size})) FILTER ({who}), 0)"
    if columns.record_key is not None:
        wanted["record_keys"] = f"coalesce(sum({quoted(columns.record_key)}) FILTER ({valued}), 0)"
    codes = ", ".join(f"{quoted(name)}::VARCHAR" for name in dimensions)
    facts = ", ".join(f"{sql} AS {name}" for name, sql in wanted.items())
    found = source.data.query(VIEW, f"SELECT {codes}, {facts} FROM {VIEW} GROUP BY ALL")  # noqa: S608 - quoted names
    return pd.DataFrame(found.fetchall(), columns=[*dimensions, *(f"_sdc_{name}" for name in wanted)], dtype=object)


def facts_of_groups(groups: pd.DataFrame, source: Source, grid: Grid) -> LeafFacts:
    """The facts of leaf cells from `grouped`. Raises `UnknownCode` for a code that the grid does not have."""
    cell = _cells(groups, grid)

    def placed(name: str) -> Integers:
        column = np.zeros(grid.leaf_cells, np.int64)
        if f"_sdc_{name}" in groups:
            column[cell] = groups[f"_sdc_{name}"].to_numpy(dtype=np.int64)
        return column

    units = UnitFacts(
        **{name: placed(name) for name in ("units", "absolute", "estimate", "record_keys", "waived", "requested")},
        largest_unwaived=placed("waived_largest"),
        largest_requested=placed("requested_largest"),
        largest=_largest(groups, cell, grid.leaf_cells, source.columns.largest),
    )
    added = {name: placed(name) for name in ("rows", "weighted", "negatives", "zeros")}
    added |= {"value": units.estimate, "missing": added["rows"] - units.units}
    lowest = min(0, int(groups["_sdc_lowest"].min()))
    return LeafFacts(added, units, nobody((grid.cells,), source.columns.largest), lowest)


def _largest(groups: pd.DataFrame, cell: Integers, cells: int, ranks: int) -> Integers:
    largest = np.zeros((cells, ranks, 2), np.int64)
    for place, found in zip(cell, groups["_sdc_largest"], strict=True):
        for rank, each in enumerate(found or ()):
            largest[place, rank] = (each["size"], each["estimate"]) if isinstance(each, dict) else (each, each)
    return largest


def _cells(groups: pd.DataFrame, grid: Grid) -> Integers:
    """The leaf cell of each group."""
    found = complete_codes({axis.name: list(groups[axis.name]) for axis in grid.axes})
    places = []
    for axis in grid.axes:
        _require_known(axis.name, found[axis.name] - set(axis.leaves))
        place = {leaf: number for number, leaf in enumerate(axis.leaves)}
        places.append(np.array([place[code] for code in groups[axis.name]], dtype=np.int64))
    return np.asarray(np.ravel_multi_index(places, grid.leaf_shape), dtype=np.int64)


def _require_known(name: str, unknown: set[str]) -> None:
    if unknown:
        raise UnknownCode(
            f"The column {name} has codes that are no leaves of its hierarchy: {', '.join(sorted(unknown)[:5])}. "
            "Give them a place in it, or correct the data."
        )


# ---------------------------------------------------------------------------------------------- units with several rows


def facts_by_unit(source: Source, grid: Grid, unit: str) -> LeafFacts:
    """The facts of leaf cells, and of all cells for units that are in several."""
    ranks = source.columns.largest
    added = {name: np.zeros(grid.leaf_cells, np.int64) for name in ADDED}
    units, others = nobody((grid.leaf_cells,), ranks), nobody((grid.cells,), ranks)
    lowest = 0
    for batch in _batches(source, grid, unit):
        _add_rows(added, batch, grid.leaf_cells)
        given = _contributions(batch)
        amount = given.size if given.estimate is None else given.estimate
        lowest = min(lowest, int(amount.min(initial=0)))
        alone, more = facts_of_rows(given, grid, ranks, once=source.columns.frequencies)
        units, others = merged([units, alone]), merged([others, more])
    return LeafFacts(added, units, others, lowest)


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
    names = ("estimate", "record_key", "waived", "requested")
    rest = {name: batch[name][chosen] for name in names if name in batch}
    return Contributions(batch["unit"][chosen], batch["cell"][chosen], batch["size"][chosen], **rest)


def _batches(source: Source, grid: Grid, unit: str) -> Iterator[Fetched]:
    """The rows, all of one unit in one batch."""
    key = _key(source.data, unit)
    query = _query(source, grid, key)
    for condition in _ranges(source, key):
        found = source.data.query(VIEW, query + condition).fetchnumpy()
        batch = {name: np.asarray(each) for name, each in found.items()}
        if (batch["cell"] < 0).any():
            codes = codes_in(source.data, [axis.name for axis in grid.axes])
            for axis in grid.axes:
                _require_known(axis.name, codes[axis.name] - set(axis.leaves))
        yield batch


def _query(source: Source, grid: Grid, key: str) -> str:
    columns, axes = source.columns, grid.axes
    strides = [int(np.prod(grid.leaf_shape[place + 1 :], dtype=np.int64)) for place in range(len(axes))]
    cell = " + ".join(f"_sdc_leaf_{place} * {stride}" for place, stride in enumerate(strides))
    wanted = {"cell": f"coalesce({cell}, -1)::BIGINT", "unit": key, "size": f"coalesce({source.size.sql}, 0)"}
    wanted["valued"] = "true" if columns.value is None else f"{quoted(columns.value)} IS NOT NULL"
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
        if not asked(data, shared):
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
    edges = sorted(set(asked(source.data, query)[0][0]))
    column = key.removesuffix("::BIGINT") if key.startswith('"') else key  # a plain column lets whole blocks be skipped
    lower, upper = [f"{column} >= {edge}" for edge in edges], [f"{column} < {edge}" for edge in edges]
    between = [" AND ".join(pair) for pair in zip(lower[:-1], upper[1:], strict=True)]
    return [f"WHERE {condition}" for condition in (upper[0], *between, lower[-1])]
