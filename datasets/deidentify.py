"""De-identification: the owner's file becomes a table of typed columns in which a pseudonym stands for each unit.

Direct identifiers are not read at all. The result is ordered by the pseudonym and then by every other column, so the
same file, catalogue and key give the same content digest, on any machine.
"""

# Names and texts in queries are quoted by datasets.sql.
# ruff: noqa: S608

from dataclasses import dataclass
from pathlib import Path

import duckdb

from datasets import sources, sql
from datasets.catalogue import Catalogue
from datasets.columns import Column
from datasets.conversion import kept, present
from datasets.digests import content_digest
from datasets.pseudonyms import IDENTIFIER, PSEUDONYM, make_pseudonyms
from datasets.sources import OwnersFile, SourceCounts

ROW_GROUP = 100_000


@dataclass(frozen=True)
class Built:
    """What came out: rows, units, the digest of the content, and the counts of the file it came from."""

    rows: int
    units: int
    content_digest: str
    counts: SourceCounts


def build_version(
    connection: duckdb.DuckDBPyConnection,
    *,
    catalogue: Catalogue,
    owners_file: OwnersFile,
    key: bytes,
    target: Path,
) -> Built:
    """Write the de-identified table to the Parquet file `target`. `connection` is a fresh workbench.

    Rows without a unit are left out where the catalogue says so, and counted.

    Raises:
        SourceError: the file is not as the catalogue says.
    """
    counts = sources.read(connection, owners_file, catalogue)
    connection.execute(_typed(catalogue))
    connection.execute(f"DROP TABLE {sources.VALUES}")
    unit = sql.name(catalogue.unit.column)
    units = make_pseudonyms(connection, identifiers=f"SELECT {unit} FROM typed", into="pseudonyms", key=key)
    connection.execute(f"COPY ({_ordered(catalogue)}) TO {sql.text(str(target))} {_PARQUET}")
    return Built(*_measure(connection, catalogue, target, units), counts=counts)


_PARQUET = f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP})"


def _typed(catalogue: Catalogue) -> str:
    columns = ", ".join(f"{kept(column)} AS {sql.name(column.name)}" for column in catalogue.kept)
    return f"CREATE TABLE typed AS SELECT {columns} FROM {sources.VALUES} WHERE {present(catalogue.unit_column)}"


def _ordered(catalogue: Catalogue) -> str:
    """The query of the final rows: pseudonyms in the place of identifiers, in one fixed order."""
    return pseudonymised(catalogue.kept, unit=catalogue.unit.column, source="typed")


def pseudonymised(columns: tuple[Column, ...], *, unit: str, source: str) -> str:
    """The query of the columns of `source`, the table `pseudonyms` joined, ordered by unit and then by all else."""
    selected = [
        f"{PSEUDONYM} AS {sql.name(unit)}" if column.name == unit else sql.name(column.name) for column in columns
    ]
    others = [f"{sql.name(column.name)} NULLS FIRST" for column in columns if column.name != unit]
    return (
        f"SELECT {', '.join(selected)} FROM {source} JOIN pseudonyms ON {sql.name(unit)} = {IDENTIFIER} "
        f"ORDER BY {', '.join([PSEUDONYM, *others])}"
    )


def _measure(
    connection: duckdb.DuckDBPyConnection, catalogue: Catalogue, target: Path, units: int
) -> tuple[int, int, str]:
    table = f"read_parquet({sql.text(str(target))}, file_row_number = true)"
    row = connection.execute(f"SELECT count(*) FROM {table}").fetchone() or (0,)
    columns = [column.name for column in catalogue.kept]
    digest = content_digest(connection, table=table, order="file_row_number", columns=columns)
    return int(row[0]), units, digest
