"""Bounded counts: each unit counts at most once in a group, and in at most K groups.

Recipe and sensitivity: a unit's kept groups depend on that unit's rows only, so adding or removing all rows of one
unit changes at most K counts by one each: L0 = K, L∞ = 1, L2 = √K. (Wilson et al., "Differentially private SQL with
bounded user contribution", PoPETs 2020.)
"""

from collections.abc import Sequence
from typing import Any

import duckdb

from disclosure_control.cellfacts import Population, quoted, require_columns


def bounded_counts(
    connection: duckdb.DuckDBPyConnection,
    population: Population,
    *,
    by: str | None,
    keys: Sequence[str],
    groups_per_unit: int,
    salt: str,
) -> list[int]:
    """Distinct units for every public key, in the order of `keys`; one number in all where `by` is None.

    A key that nobody has is answered with 0, a value that is no public key is dropped; so the shape of the result
    tells nothing of the data. Which K groups of a unit are kept is decided by a salted hash.

    Raises:
        UnknownColumn: a column that the table does not have.
    """
    conditions = [each.column for each in population.conditions]
    require_columns(connection, population.table, [population.unit, *conditions, *([by] if by else [])])
    source, parameters = population.sql()
    unit = quoted(population.unit)
    if by is None:
        query = f"SELECT count(DISTINCT {unit}) FROM ({source})"  # noqa: S608 - quoted names, bound values
        row = connection.execute(query, parameters).fetchone()
        return [int(row[0]) if row else 0]
    counts = dict(connection.execute(*_grouped(source, parameters, unit, by, keys, groups_per_unit, salt)).fetchall())
    return [int(counts.get(key, 0)) for key in keys]


def _grouped(
    source: str, parameters: list[Any], unit: str, by: str, keys: Sequence[str], groups_per_unit: int, salt: str
) -> tuple[str, list[Any]]:
    column = quoted(by)
    marks = ", ".join("?" for _ in keys)
    query = f"""
        WITH population AS ({source}),
        owned AS (
            SELECT DISTINCT {unit} AS _unit, {column}::VARCHAR AS _key FROM population WHERE {column} IN ({marks})
        ),
        ordered AS (SELECT _unit, _key, sha256(concat(?, _unit, chr(31), _key)) AS _order FROM owned),
        ranked AS (SELECT _key, row_number() OVER (PARTITION BY _unit ORDER BY _order) AS _rank FROM ordered)
        SELECT _key, count(*) FROM ranked WHERE _rank <= ? GROUP BY _key
    """  # noqa: S608 - names are quoted identifiers from the catalogue, values are bound
    return query, [*parameters, *keys, salt, groups_per_unit]
