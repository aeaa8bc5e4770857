"""The scan of a version in quarantine: what must not be in it, and what its owner should know before approving.

A finding that blocks keeps the version in quarantine. Findings hold names of columns and counts, never a value.
"""

# Names and texts in queries are quoted by datasets.sql.
# ruff: noqa: S608

from dataclasses import asdict, dataclass
from typing import Any

import duckdb

from datasets import sql
from datasets.catalogue import Catalogue
from datasets.columns import Column, ColumnRole
from datasets.conversion import sql_type
from datasets.pseudonyms import PATTERN

SMALL_CLASS = 10  # persons (units); the threshold of the ONS SRS profile, as a mark for the owner's eye

# What looks like an identifier inside a text (RE2).
PATTERNS = {
    "e-mail address": r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+\.[A-Za-z]{2,}",
    "telephone number": r"(?:^|[^0-9])(?:\+|0)[0-9(][0-9 ().-]{7,}[0-9]",
    "National Insurance number": r"\b[A-CEGHJ-PR-TW-Za-ceghj-pr-tw-z]{2} ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-Da-d]\b",
    "Social Security number": r"\b[0-9]{3}-[0-9]{2}-[0-9]{4}\b",
}


@dataclass(frozen=True)
class Finding:
    """What was found in which column, in how many rows, and whether it keeps the version in quarantine."""

    what: str
    column: str
    rows: int
    blocks: bool


@dataclass(frozen=True)
class Classes:
    """How the units spread over the classes of some columns. Units are counted, not rows."""

    columns: tuple[str, ...]
    classes: int
    small: int
    smallest: int


@dataclass(frozen=True)
class ScanReport:
    rows: int
    units: int
    columns: tuple[str, ...]
    findings: tuple[Finding, ...]
    classes: tuple[Classes, ...]

    @property
    def passes(self) -> bool:
        return not any(finding.blocks for finding in self.findings)

    def as_json(self) -> dict[str, Any]:
        """A JSON object for the manifest and the register."""
        return {
            "rows": self.rows,
            "units": self.units,
            "columns": list(self.columns),
            "findings": [asdict(finding) for finding in self.findings],
            "classes": [{**asdict(each), "columns": list(each.columns)} for each in self.classes],
            "passes": self.passes,
            "small_class": SMALL_CLASS,
        }


def scan(connection: duckdb.DuckDBPyConnection, catalogue: Catalogue, table: str) -> ScanReport:
    """The scan of the SQL source `table`, which should hold what the catalogue says a version holds.

    Where the columns are not the catalogue's, units and classes are not counted.
    """
    described = connection.execute(f"DESCRIBE SELECT * FROM {table}").fetchall()
    columns = {str(row[0]): str(row[1]) for row in described}
    if findings := _column_findings(catalogue, columns):
        rows = _numbers(connection, f"SELECT count(*) FROM {table}")[0]
        return ScanReport(rows, 0, tuple(columns), tuple(findings), ())
    unit = sql.name(catalogue.unit.column)
    rows, units = _numbers(connection, f"SELECT count(*), count(DISTINCT {unit}) FROM {table}")
    contents = _content_findings(connection, catalogue, table)
    return ScanReport(rows, units, tuple(columns), tuple(contents), tuple(_classes(connection, catalogue, table)))


def _column_findings(catalogue: Catalogue, columns: dict[str, str]) -> list[Finding]:
    expected = {column.name: sql_type(column).replace(", ", ",") for column in catalogue.kept}
    identifiers = {
        name
        for column in catalogue.columns
        if column.role is ColumnRole.DIRECT_IDENTIFIER
        for name in (column.name, *column.sources)
    }
    return (
        [
            Finding("a direct identifier" if name in identifiers else "an unknown column", name, 0, blocks=True)
            for name in columns
            if name not in expected
        ]
        + [Finding("a missing column", name, 0, blocks=True) for name in expected if name not in columns]
        + [
            Finding("a column of another type", name, 0, blocks=True)
            for name in expected
            if columns.get(name, expected[name]) != expected[name]
        ]
    )


def _content_findings(connection: duckdb.DuckDBPyConnection, catalogue: Catalogue, table: str) -> list[Finding]:
    unit = sql.name(catalogue.unit.column)
    is_pseudonym = f"coalesce(regexp_full_match({unit}, '{PATTERN}'), false)"
    tests = [("no pseudonym", catalogue.unit.column, f"NOT {is_pseudonym}")]
    for column in catalogue.variables:
        if sql_type(column) == "VARCHAR":
            tests += [
                (what, column.name, f"regexp_matches({sql.name(column.name)}, {sql.text(pattern)})")
                for what, pattern in PATTERNS.items()
            ]
            tests.append(("a label that the catalogue does not have", column.name, _is_no_label(column)))
    counts = _numbers(connection, f"SELECT {', '.join(f'count_if({test[2]})' for test in tests)} FROM {table}")
    return [Finding(what, name, rows, blocks=True) for (what, name, _), rows in zip(tests, counts, strict=True) if rows]


def _is_no_label(column: Column) -> str:
    return f"{sql.name(column.name)} NOT IN ({', '.join(sql.text(label) for label in column.labels)})"


def _classes(connection: duckdb.DuckDBPyConnection, catalogue: Catalogue, table: str) -> list[Classes]:
    """The classes of every key column by itself, and of all of them together."""
    keys = [(column.name,) for column in catalogue.variables if column.key]
    together = [tuple(name for (name,) in keys)] if len(keys) > 1 else []
    return [_class_counts(connection, catalogue, table, names) for names in keys + together]


def _class_counts(
    connection: duckdb.DuckDBPyConnection, catalogue: Catalogue, table: str, names: tuple[str, ...]
) -> Classes:
    units = (
        f"SELECT count(DISTINCT {sql.name(catalogue.unit.column)}) AS units FROM {table} GROUP BY {sql.names(names)}"
    )
    small = f"count_if(units < {SMALL_CLASS})"
    classes, below, smallest = _numbers(connection, f"SELECT count(*), {small}, coalesce(min(units), 0) FROM ({units})")
    return Classes(names, classes, below, smallest)


def _numbers(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[int, ...]:
    return tuple(int(number) for number in connection.execute(query).fetchone() or ())
