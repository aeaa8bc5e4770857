"""Cell facts: all that the rules need to know of every cell of a table, in one pass over the microdata.

The microdata stays in DuckDB; only one row per cell comes out. A unit (a person, a business) may own several rows
and is counted once in every cell where it has one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb
import pandas as pd

from disclosure_control.errors import EmptyTable, UnknownColumn

Constant = bool | int | float | str

_COMPARISONS = {"==": "=", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


@dataclass(frozen=True)
class Condition:
    """A comparison of a column with a constant, or ("in") with several. NULL never satisfies one."""

    column: str
    operator: str
    values: tuple[Constant, ...]

    def __post_init__(self) -> None:
        if self.operator not in {*_COMPARISONS, "in"}:
            raise UnknownColumn(f"There is no comparison “{self.operator}”. Use one of {', '.join(_COMPARISONS)}, in.")
        if not self.values or (self.operator != "in" and len(self.values) != 1):
            raise UnknownColumn(f"The comparison {self.operator} on {self.column} has the wrong number of values.")


@dataclass(frozen=True)
class Population:
    """The rows of a table that satisfy all conditions, and the column that names the unit that owns a row."""

    table: str
    unit: str
    conditions: Sequence[Condition] = field(default=())

    def sql(self) -> tuple[str, list[Any]]:
        """A SELECT of these rows and its bound parameters. Rows without a unit are left out."""
        clauses = [f"{quoted(self.unit)} IS NOT NULL"]
        parameters: list[Any] = []
        for condition in self.conditions:
            parameters.extend(condition.values)
            if condition.operator == "in":
                marks = ", ".join("?" for _ in condition.values)
                clauses.append(f"{quoted(condition.column)} IN ({marks})")
            else:
                clauses.append(f"{quoted(condition.column)} {_COMPARISONS[condition.operator]} ?")
        query = f"SELECT * FROM {quoted(self.table)} WHERE {' AND '.join(clauses)}"  # noqa: S608 - values are bound
        return query, parameters


def quoted(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def require_columns(connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str]) -> None:
    """Raise `UnknownColumn` unless the table has all of these columns."""
    found = {
        row[0]
        for row in connection.execute(
            "SELECT column_name FROM duckdb_columns() WHERE table_name = ? AND NOT internal", [table]
        ).fetchall()
    }
    missing = [column for column in columns if column not in found]
    if missing:
        raise UnknownColumn(
            f"The table {table} has no column {', '.join(missing)}. It has: {', '.join(sorted(found)) or 'nothing'}."
        )


def cell_facts(
    connection: duckdb.DuckDBPyConnection,
    population: Population,
    dimensions: Mapping[str, Sequence[str]],
    value: str | None = None,
) -> pd.DataFrame:
    """The facts of every cell of the cross of the dimensions' categories.

    Args:
        dimensions: column → its categories as text, in the order in which they are published.
        value: a numeric column to be summed, or None for counts of units alone.

    Returns:
        One row per cell, empty cells included, in the order of the categories, with the dimensions' columns and
        `rows`, `units` (distinct units), and with a value also `valued_rows`, `valued_units` (those that are not
        NULL), `total` (exact if the column is DECIMAL or an integer, else float), `largest` and `second`
        (the largest absolute totals that single units contribute).

    Raises:
        UnknownColumn: a column that the table does not have.
        EmptyTable: no unit is in the population.
    """
    conditions = [each.column for each in population.conditions]
    wanted = [population.unit, *dimensions, *conditions, *([value] if value else [])]
    require_columns(connection, population.table, wanted)
    query, parameters = _facts_query(population, list(dimensions), value)
    cursor = connection.execute(query, parameters)
    names = [column[0] for column in cursor.description or []]
    found = pd.DataFrame(cursor.fetchall(), columns=names, dtype=object)
    cells = pd.MultiIndex.from_product(list(dimensions.values()), names=list(dimensions))
    facts = _on_all_cells(found, cells, list(dimensions))
    if not facts["units"].sum():
        raise EmptyTable(
            "Nobody is in the population that you asked for. Widen the conditions, and check their spelling."
        )
    return facts


def _facts_query(population: Population, dimensions: list[str], value: str | None) -> tuple[str, list[Any]]:
    """One row per unit and cell first, then one row per cell: each microdata row is read once."""
    source, parameters = population.sql()
    keys = ", ".join(quoted(name) for name in dimensions)
    as_text = ", ".join(f"{quoted(name)}::VARCHAR AS {quoted(name)}" for name in dimensions)
    known = " AND ".join(f"{quoted(name)} IS NOT NULL" for name in dimensions)
    per_unit, per_cell = "count(*) AS _rows", "sum(_rows)::BIGINT AS rows, count(*) AS units"
    if value is not None:
        column = quoted(value)
        per_unit += f", count({column}) AS _valued, sum({column}) AS _total"
        per_cell += (
            ", sum(_valued)::BIGINT AS valued_rows, count(*) FILTER (_valued > 0) AS valued_units"
            ", sum(_total) AS total, max(abs(_total), 2) AS _largest"
        )
    query = f"""
        WITH population AS ({source}),
        contributions AS (
            SELECT {keys}, {quoted(population.unit)} AS _unit, {per_unit}
            FROM population WHERE {known} GROUP BY {keys}, _unit
        )
        SELECT {as_text}, {per_cell} FROM contributions GROUP BY {keys}
    """  # noqa: S608 - names are quoted identifiers from the catalogue, values are bound
    return query, parameters


def _on_all_cells(found: pd.DataFrame, cells: pd.MultiIndex, dimensions: list[str]) -> pd.DataFrame:
    indexed = found.set_index(dimensions) if len(dimensions) > 1 else found.set_index(dimensions[0])
    wanted = cells if len(dimensions) > 1 else cells.get_level_values(0)
    stray = indexed.index.difference(wanted)
    if len(stray):
        raise UnknownColumn(
            f"The data has {len(stray)} combinations of codes that the categories of {', '.join(dimensions)} do not "
            "name. Correct the categories, then ask again."
        )
    facts = indexed.reindex(wanted).reset_index()
    for name in ("rows", "units", "valued_rows", "valued_units"):
        if name in facts:
            facts[name] = facts[name].fillna(0).astype("int64")
    if "_largest" in facts:
        facts["largest"] = [_nth(each, 0) for each in facts["_largest"]]
        facts["second"] = [_nth(each, 1) for each in facts["_largest"]]
        facts = facts.drop(columns="_largest")
    return facts


def _nth(values: Any, position: int) -> Any:
    return values[position] if isinstance(values, list) and len(values) > position else 0
