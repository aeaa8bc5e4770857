"""The owner's file: found, read as the catalogue says it is, and refused with a sentence where it is not.

Sentences hold names of columns and counts of rows, never a value.
"""

# Names and texts in queries are quoted by datasets.sql.
# ruff: noqa: S608

import csv
import shutil
import zipfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import duckdb

from datasets import sql
from datasets.catalogue import Catalogue, SourceFile
from datasets.columns import Column, ColumnRole, Misfit, Missing
from datasets.conversion import is_outside, is_unreadable, present, values_query
from datasets.errors import SourceError
from datasets.files import file_digest

SOURCE = "owners_file"
VALUES = "values_of_file"


@dataclass(frozen=True)
class OwnersFile:
    """A file on this machine, its SHA-256, and where it came from in words that name no path of this machine."""

    path: Path
    digest: str
    origin: str


@dataclass(frozen=True)
class ColumnCounts:
    """Rows of one column that are empty, that cannot be read as the column's type, and that lie beyond a bound."""

    missing: int
    unreadable: int
    outside: int


@dataclass(frozen=True)
class SourceCounts:
    """What was counted before a version is made. `without_unit` rows are left out of it."""

    rows: int
    without_unit: int
    columns: dict[str, ColumnCounts]


def locate(source: SourceFile, *, beside: Path, search: tuple[Path, ...], scratch: Path) -> OwnersFile:
    """The owner's file.

    `beside` is the catalogue's folder. `search` holds folders of installed packages (site-packages) and wheel files,
    in order; a file found inside a wheel is unpacked into `scratch`.

    Raises:
        SourceError: the file is nowhere, or its SHA-256 is not the catalogue's.
    """
    path, origin = _found(source, beside, search, scratch)
    digest = file_digest(path)
    if source.sha256 not in (None, digest):
        raise SourceError(
            f"{source.name} is not the file that the catalogue was written for: its SHA-256 differs. Compare the two "
            "files, and change source.sha256 only when the catalogue fits the new one."
        )
    return OwnersFile(path, digest, origin)


def _found(source: SourceFile, beside: Path, search: tuple[Path, ...], scratch: Path) -> tuple[Path, str]:
    if source.file is not None:
        if (beside / source.file).is_file():
            return beside / source.file, Path(source.file).name
        raise SourceError(f"There is no file {source.file} in {beside}. Put it there, or correct source.file.")
    for place in search:
        if (path := _in_package(place, source, scratch)) is not None:
            return path, f"{source.package}{_package_version(place, source)}: {source.resource}"
    places = ", ".join(str(place) for place in search) or "no place was given"
    raise SourceError(
        f"{source.resource} was not found in the package {source.package} (looked in: {places}). Install the package "
        "there, or say where it is."
    )


def _in_package(place: Path, source: SourceFile, scratch: Path) -> Path | None:
    member = f"{source.package}/{source.resource}"
    if place.is_dir():
        return place / member if (place / member).is_file() else None
    if not zipfile.is_zipfile(place):
        return None
    with zipfile.ZipFile(place) as wheel:
        if member not in wheel.namelist():
            return None
        unpacked = scratch / Path(member).name
        with wheel.open(member) as inside, unpacked.open("wb") as outside:
            shutil.copyfileobj(inside, outside)
        return unpacked


def _package_version(place: Path, source: SourceFile) -> str:
    found = metadata.distributions(name=source.package, path=[str(place)])
    return next((f" {distribution.version}" for distribution in found), "")


def attach(connection: duckdb.DuckDBPyConnection, owners_file: OwnersFile, catalogue: Catalogue) -> None:
    """Make the view `owners_file`: every column of the file as VARCHAR.

    Raises:
        SourceError: the file cannot be read, lacks a column, or has a name twice.
    """
    path = sql.text(str(owners_file.path))
    if catalogue.source.format == "parquet":
        query = f"SELECT CAST(COLUMNS(*) AS VARCHAR) FROM read_parquet({path})"
    else:
        options = "header = true, all_varchar = true, delim = ',', quote = '\"', escape = '\"', nullstr = ''"
        query = f"FROM read_csv({path}, {options}, auto_detect = false, columns = {_csv_columns(owners_file)})"
    try:
        connection.execute(f"CREATE VIEW {SOURCE} AS {query}")
        columns = [str(row[0]) for row in connection.execute(f"DESCRIBE {SOURCE}").fetchall()]
    except duckdb.Error:
        raise _unreadable(owners_file, catalogue) from None  # DuckDB's text may hold values
    _require_columns(columns, catalogue)


def _csv_columns(owners_file: OwnersFile) -> str:
    header = _csv_header(owners_file)
    folded = [column.casefold() for column in header]
    twice = sorted({column for column in header if folded.count(column.casefold()) > 1})
    if twice or not all(header):
        what = f"the column “{twice[0]}” twice" if twice else "a column without a name"
        raise SourceError(f"{owners_file.origin} has {what}. Give every column a name of its own.")
    if not header:
        raise SourceError(f"{owners_file.origin} is empty. Ask the owner for the file with its data.")
    return "{" + ", ".join(f"{sql.text(column)}: 'VARCHAR'" for column in header) + "}"


def _csv_header(owners_file: OwnersFile) -> list[str]:
    try:
        with owners_file.path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            header = next(csv.reader(file, strict=True), [])
    except csv.Error:
        header = ["\ufffd"]
    if any("\ufffd" in column or "\0" in column for column in header):
        raise SourceError(
            f"{owners_file.origin} has no readable header line. Save it as CSV in UTF-8, with commas between columns "
            "and their names in the first line."
        )
    return header


def _require_columns(columns: list[str], catalogue: Catalogue) -> None:
    wanted = [source for column in catalogue.columns for source in column.sources]
    missing = [source for source in dict.fromkeys(wanted) if source not in columns]
    if missing:
        raise SourceError(
            f"{catalogue.source.name} has no column {_listed(missing)}. It has: {', '.join(columns)}. "
            "Correct the catalogue's source, or ask the owner for the right file."
        )


def read(connection: duckdb.DuckDBPyConnection, owners_file: OwnersFile, catalogue: Catalogue) -> SourceCounts:
    """Make the table `values_of_file` (see `conversion`) and count it. Direct identifiers are not read.

    Raises:
        SourceError: the file cannot be read, has no rows, lacks units, or holds values that the catalogue does not
            allow; one sentence for each column.
    """
    attach(connection, owners_file, catalogue)
    try:
        connection.execute(f"CREATE TABLE {VALUES} AS {values_query(catalogue.kept, SOURCE)}")
    except duckdb.Error:
        raise _unreadable(owners_file, catalogue) from None  # DuckDB's text may hold values
    counts = _count(connection, catalogue)
    _require_fit(counts, catalogue)
    return counts


def _require_fit(counts: SourceCounts, catalogue: Catalogue) -> None:
    if counts.rows == 0:
        raise SourceError(f"{catalogue.source.name} has no rows. Ask the owner for the file with its data.")
    problems = [problem for column in catalogue.kept for problem in _column_problems(column, counts, catalogue)]
    if problems:
        raise SourceError("\n".join(problems))
    if counts.rows == counts.without_unit:
        raise SourceError(f"No row of {catalogue.source.name} names a {catalogue.unit.singular}. Nothing is left.")


def _count(connection: duckdb.DuckDBPyConnection, catalogue: Catalogue) -> SourceCounts:
    parts = ["count(*)", f"count_if(NOT {present(catalogue.unit_column)})"]
    for column in catalogue.kept:
        tests = (f"NOT {present(column)}", is_unreadable(column), is_outside(column))
        parts += [f"count_if({test})" for test in tests]
    row = connection.execute(f"SELECT {', '.join(parts)} FROM {VALUES}").fetchone() or ()
    numbers = [int(number or 0) for number in row]
    triples = zip(numbers[2::3], numbers[3::3], numbers[4::3], strict=True)
    columns = {column.name: ColumnCounts(*triple) for column, triple in zip(catalogue.kept, triples, strict=True)}
    return SourceCounts(rows=numbers[0], without_unit=numbers[1], columns=columns)


def _column_problems(column: Column, counts: SourceCounts, catalogue: Catalogue) -> list[str]:
    found = counts.columns[column.name]
    where = f"the column “{column.name}” ({_listed(list(column.sources))} in {catalogue.source.name})"
    is_unit = column.role is ColumnRole.UNIT
    problems = []
    if found.missing and (catalogue.unit.missing if is_unit else column.missing.value) == Missing.REJECT:
        remedy = 'unit.missing = "drop"' if is_unit else 'missing = "allow"'
        problems.append(
            f"{_rows(found.missing)} of {where} {'is' if found.missing == 1 else 'are'} empty. Complete the file, or "
            f"write {remedy} in the catalogue."
        )
    if found.unreadable and (column.misfit is not Misfit.NULL):
        problems.append(
            f"{_rows(found.unreadable)} of {where} {_do(found.unreadable)} not hold {_what(column)}. Correct the file "
            "or the catalogue."
        )
    if found.outside and column.misfit is Misfit.REJECT:
        problems.append(
            f"{_rows(found.outside)} of {where} {'lies' if found.outside == 1 else 'lie'} outside {column.lower} to "
            f'{column.upper}. Correct the file or the bounds, or write misfit = "clamp" or "null" in the catalogue.'
        )
    return problems


def _what(column: Column) -> str:
    match column.type.value:
        case "integer":
            return "a whole number"
        case "decimal":
            return "a number"
        case "boolean":
            return "0, 1, true or false"
        case "category":
            return "a code of one of its categories"
        case "text":
            return "a text"


def _unreadable(owners_file: OwnersFile, catalogue: Catalogue) -> SourceError:
    kind = "Parquet" if catalogue.source.format == "parquet" else "CSV in UTF-8 with the same columns in every line"
    return SourceError(f"{owners_file.origin} cannot be read as {kind}. Ask the owner for a whole file.")


def _listed(columns: list[str]) -> str:
    return ", ".join(f"“{column}”" for column in columns)


def _rows(count: int) -> str:
    return f"{count:,} {'row' if count == 1 else 'rows'}"


def _do(count: int) -> str:
    return "does" if count == 1 else "do"
