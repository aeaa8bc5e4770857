"""One GROUP BY over the microdata: what adds up over rows, and where every row is a unit, all that is asked of units.

The same pass checks that nothing is missing and that the amounts fit the scale that the first rows suggested; only if
they do not, all rows are looked at first and then grouped again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from disclosure_control.cellfacts import quoted
from disclosure_control.contributions import added_up
from disclosure_control.errors import EmptyTable, MalformedTable, UnknownCode
from disclosure_control.microdata import VIEW, Columns, Source, certain_source, likely_source, type_of
from disclosure_control.scale import LIMIT, Scale, absolute
from disclosure_control.structure import Axis, Grid
from disclosure_control.unitfacts import GREATEST, SUMMED, Integers, LeafFacts, UnitFacts

ADDED = ("rows", "value", "weighted", "negatives", "missing", "zeros")
CHANGED = "The data changed while they were read. Read them from a copy, or within one transaction."
_WHOLE = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"}
_PLAIN = _WHOLE | {"HUGEINT", "VARCHAR", "BOOLEAN", "DATE"}  # two values are the same if and only if their texts are

Found = dict[str, "pd.Series[Any]"]


@dataclass(frozen=True, eq=False)
class Groups:
    """One entry for each combination of codes that the data has.

    Attributes:
        codes: dimension → the codes that it has, and the number of its code for each combination.
        facts: amounts as whole numbers, by name.
    """

    source: Source
    codes: dict[str, tuple[list[str], Integers]]
    facts: dict[str, Integers]

    @property
    def rows(self) -> int:
        return int(self.facts["rows"].sum())

    @property
    def lowest(self) -> int:
        """The lowest published amount of a row, 0 if none is negative."""
        return min(0, *map(int, self.facts["lowest"])) if "lowest" in self.facts else 0

    def codes_of(self, dimension: str) -> list[str]:
        return self.codes[dimension][0]

    def cells(self, grid: Grid) -> Integers:
        """The leaf cell of each combination. Raises `UnknownCode` for a code that is no leaf."""
        places = [_leaves(axis, *self.codes[axis.name]) for axis in grid.axes]
        return np.asarray(np.ravel_multi_index(places, grid.leaf_shape), dtype=np.int64)


def grouped(data: duckdb.DuckDBPyRelation, columns: Columns, dimensions: Sequence[str]) -> Groups:
    """The facts of every combination of codes that the data has.

    Raises:
        EmptyTable: there are no rows.
        UnknownCode: a code is missing in some row.
        MalformedTable: a missing unit, holding, weight, waiver or request; a negative weight; a value or weight that is
            no number, NaN or infinite.
    """
    source = likely_source(data, columns)
    if source is not None:
        found = _found(source, dimensions)
        if _fit(found):
            return _groups(source, dimensions, found)
    source = certain_source(data, columns)
    found = _found(source, dimensions)
    if not _fit(found):
        raise MalformedTable(CHANGED)
    return _groups(source, dimensions, found)


def _found(source: Source, dimensions: Sequence[str]) -> Found:
    """The groups as DuckDB finds them. Raises what `grouped` raises, but for amounts that do not fit their scale."""
    frame = source.query(_query(source, dimensions)).df()
    found = {str(name): frame[name] for name in frame}
    _require_complete(found, source.columns)
    return found


def _groups(source: Source, dimensions: Sequence[str], found: Found) -> Groups:
    codes = {name: _factorised(found[f"code_{place}"], name) for place, name in enumerate(dimensions)}
    rest = [name for name in found if not name.startswith("code_")]
    return Groups(source, codes, {name: found[name].to_numpy(dtype=np.int64) for name in rest})


# ---------------------------------------------------------------------------------------------- the query


def _query(source: Source, dimensions: Sequence[str]) -> str:
    """Rows with short names and whole numbers; grouped; then codes as text, and the largest apart."""
    codes = [f"code_{place}" for place in range(len(dimensions))]
    rows = {code: _code(source, name) for code, name in zip(codes, dimensions, strict=True)} | _of_rows(source)
    facts = _facts(source)
    shown = {code: _shown(source, code, name) for code, name in zip(codes, dimensions, strict=True)}
    shown |= {name: name for name in facts if name != "largest"}
    if "largest" in facts:
        shown |= _ranks(source)
    return f"""
        SELECT {_named(shown)} FROM (
            SELECT {", ".join(codes)}, {_named(facts)} FROM (SELECT {_named(rows)} FROM {VIEW})
            GROUP BY {", ".join(codes)})
    """  # noqa: S608 - quoted names


def _named(columns: dict[str, str]) -> str:
    return ", ".join(f"{sql} AS {name}" for name, sql in columns.items())


def _code(source: Source, name: str) -> str:
    """A code as it is where that is faster and parts the rows as its text does; as text otherwise."""
    kind = type_of(source.data, name)
    plain = kind in _PLAIN or kind.startswith("ENUM")
    return quoted(name) if plain else f"{quoted(name)}::VARCHAR"


def _shown(source: Source, code: str, name: str) -> str:
    """A code as text, unless it is a number that becomes the same text here."""
    return code if type_of(source.data, name) in _WHOLE else f"{code}::VARCHAR"


def _of_rows(source: Source) -> dict[str, str]:
    """What is needed of a row."""
    columns = source.columns
    rows = {f"given_{place}": quoted(name) for place, name in enumerate(columns.complete())}
    for name, column in (("waiver", columns.waiver), ("request", columns.request), ("record_key", columns.record_key)):
        if column is not None:
            rows[name] = quoted(column)
    for name, scale in _scales(source).items():
        rows[name] = scale.sql
        rows[f"{name}_size"] = absolute(scale.sql)
        rows[f"{name}_amount"] = scale.amount
        rows[f"{name}_inexact"] = scale.inexact
    return rows


def _scales(source: Source) -> dict[str, Scale]:
    """The scales of the amounts that rows have: not of the 1 that every unit counts."""
    scales = {} if source.columns.frequencies else {"size": source.size}
    if source.weight and source.estimate:
        scales |= {"weight": source.weight, "estimate": source.estimate}
    return scales


def _facts(source: Source) -> dict[str, str]:
    columns = source.columns
    facts = {"rows": "count(*)"}
    facts |= {f"lacking_{place}": f"count(*) - count(given_{place})" for place in range(len(columns.complete()))}
    for name in _scales(source):
        facts[f"unfit_{name}"] = f"count({name}_amount) - count({name}_size) + count(*) FILTER ({name}_inexact)"
        facts[f"total_{name}"] = f"coalesce(TRY_CAST(coalesce(sum({name}_size), 0) AS BIGINT), {LIMIT})"
    if columns.value is not None:
        facts |= {
            "missing": "count(*) - count(size_amount)",
            "negatives": "count(*) FILTER (size_amount < 0)",
            "zeros": "count(*) FILTER (size_amount = 0)",
        }
    if _scales(source):
        published = "estimate" if source.estimate else "size"
        facts |= {"value": _sum(published), "lowest": f"coalesce(min({published}), 0)"}
    if source.weight:
        facts |= {"weighted": _sum("weight"), "negative_weights": "count(*) FILTER (weight_amount < 0)"}
    return facts if columns.unit else facts | _facts_of_units(source)


def _facts_of_units(source: Source) -> dict[str, str]:
    """Every row is a unit; it counts if it has a value."""
    columns, facts = source.columns, {}
    valued = "true" if columns.value is None else "size_amount IS NOT NULL"
    if columns.record_key:
        facts["record_keys"] = _sum("record_key", valued)
    if columns.waiver:
        facts["waived"] = f"count(*) FILTER ({valued} AND waiver)"
        facts["largest_unwaived"] = "coalesce(max(size_size) FILTER (NOT waiver), 0)"
    if columns.request:
        facts["requested"] = f"count(*) FILTER ({valued} AND request)"
        facts["largest_requested"] = "coalesce(max(size_size) FILTER (request), 0)"
    if columns.ranks:
        pair = "{'size': size_size, 'estimate': estimate_size}" if source.estimate else "size_size"
        facts["largest"] = f"max({pair}, {columns.ranks}) FILTER ({valued})"
    return facts


def _sum(name: str, condition: str = "true") -> str:
    chosen = "" if condition == "true" else f" FILTER ({condition})"
    return f"coalesce(TRY_CAST(sum({name}){chosen} AS BIGINT), 0)"


def _ranks(source: Source) -> dict[str, str]:
    """The largest units in columns of their own."""
    ranks = range(1, source.columns.ranks + 1)
    if source.estimate is None:
        return {f"size_{rank}": f"coalesce(largest[{rank}], 0)" for rank in ranks}
    return {f"{name}_{rank}": f"coalesce(largest[{rank}].{name}, 0)" for name in ("size", "estimate") for rank in ranks}


# ---------------------------------------------------------------------------------------------- what comes back


def _require_complete(found: Found, columns: Columns) -> None:
    if not len(found["rows"]):
        raise EmptyTable("The data has no rows. Widen the conditions, and check their spelling.")
    for place, name in enumerate(columns.complete()):
        count = int(found[f"lacking_{place}"].sum())
        if count:
            raise MalformedTable(f"The column {name} is missing in {count} rows. Fill it in, or leave these rows out.")
    negative = int(found["negative_weights"].sum()) if columns.weight else 0
    if negative:
        raise MalformedTable(
            f"The weight {columns.weight} is negative in {negative} rows. A sampling weight is 0 or more."
        )


def _fit(found: Found) -> bool:
    """Whether every amount is its whole number, and all of them together fit a word."""
    totals = [sum(map(int, found[name])) for name in found if name.startswith("total_")]
    unfit = [int(found[name].sum()) for name in found if name.startswith("unfit_")]
    return not any(unfit) and all(each < LIMIT for each in totals)


def _factorised(found: "pd.Series[Any]", name: str) -> tuple[list[str], Integers]:
    """The codes, and the number of each row's. Raises `UnknownCode` if one is missing."""
    numbers, codes = pd.factorize(found)
    if (numbers < 0).any():
        raise UnknownCode(f"The column {name} has missing codes. Give them a code of their own, or leave them out.")
    return [str(each) for each in codes], np.asarray(numbers, dtype=np.int64)


def _leaves(axis: Axis, codes: list[str], numbers: Integers) -> Integers:
    """Where each row's code stands among the leaves."""
    places = {code: place for place, code in enumerate(axis.leaves)}
    unknown = sorted(set(codes) - set(places))
    if unknown:
        raise UnknownCode(
            f"The column {axis.name} has codes that are no leaves of its hierarchy: {', '.join(unknown[:5])}. "
            "Give them a place in it, or correct the data."
        )
    return np.array([places[code] for code in codes], dtype=np.int64)[numbers]


# ---------------------------------------------------------------------------------------------- on the grid


def added_facts(groups: Groups, grid: Grid) -> dict[str, Integers]:
    """What adds up over rows, by the names of `ADDED`, for every cell of the grid."""
    cell = groups.cells(grid)
    return {name: _on_codes(_placed(groups, name, cell, grid), grid) for name in ADDED}


def facts_of_groups(groups: Groups, grid: Grid) -> LeafFacts:
    """The facts of units, where every row is one."""
    columns, cell = groups.source.columns, groups.cells(grid)
    placed = {name: _placed(groups, name, cell, grid) for name in (*SUMMED, *GREATEST)}
    largest = np.zeros((grid.leaf_cells, columns.ranks, 2), np.int64)
    for rank in range(columns.ranks):
        for place, name in enumerate(("size", "estimate" if groups.source.estimate else "size")):
            largest[cell, rank, place] = groups.facts[f"{name}_{rank + 1}"]
    return LeafFacts(UnitFacts(**placed, largest=largest))


def _placed(groups: Groups, name: str, cell: Integers, grid: Grid) -> Integers:
    """A fact of each leaf cell."""
    column = np.zeros(grid.leaf_cells, np.int64)
    fact = _fact(groups, name)
    if fact is not None:
        column[cell] = fact
    return column


def _fact(groups: Groups, name: str) -> Integers | None:
    """A fact of each group; None where it is 0 everywhere."""
    facts = groups.facts
    if name == "units":
        return facts["rows"] - facts["missing"] if "missing" in facts else facts["rows"]
    if name == "absolute":
        return facts.get("total_estimate", facts.get("total_size"))
    return facts.get("value" if name == "estimate" else name)


def _on_codes(amounts: Integers, grid: Grid) -> Integers:
    amounts = amounts.reshape(grid.leaf_shape)
    for place, axis in enumerate(grid.axes):
        amounts = added_up(amounts, place, axis)
    return amounts.ravel()
