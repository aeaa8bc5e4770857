"""Microdata: where they come from, and what of them can be judged before their rows are read.

The microdata stay in DuckDB. Where this opens a DuckDB of its own, what does not fit in memory goes to a private
folder, encrypted with a key that is never stored, and the folder is removed at the end. A relation is read as its own
connection is set up.
"""

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from disclosure_control.cellfacts import quoted
from disclosure_control.errors import MalformedRecordKeys, MalformedTable, UnknownColumn
from disclosure_control.scale import Column, Scale, certain, require_number, suggested

VIEW = "_microdata"
_KEYS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"}
_LARGEST_KEY = 2**32 - 1
SETTINGS = (
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
    "SET allow_community_extensions = false",
    "SET enable_progress_bar = false",
    # DuckDB's own cipher: its nonces are not of cryptographic quality, so the folder is private too.
    "SET force_mbedtls_unsafe = true",
    "SET temp_file_encryption = true",
)


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

    @property
    def ranks(self) -> int:
        """How many of the largest units each cell has: none where every unit counts as one."""
        return 0 if self.frequencies else self.largest

    def complete(self) -> list[str]:
        """The columns that may not be missing in any row."""
        names = (self.unit, self.holding, self.weight, self.waiver, self.request)
        return [each for each in names if each is not None]

    def named(self) -> list[str]:
        """All columns."""
        return [*self.complete(), *(each for each in (self.record_key, self.value) if each is not None)]


@dataclass(frozen=True)
class Source:
    """Microdata, and how their amounts become whole numbers: `estimate` is size times weight, if there are weights."""

    data: duckdb.DuckDBPyRelation
    columns: Columns
    size: Scale
    weight: Scale | None = None
    estimate: Scale | None = None

    @property
    def published(self) -> Scale:
        """The scale of the published amounts: of the weighted ones, if there are weights."""
        return self.estimate or self.size

    def query(self, query: str) -> duckdb.DuckDBPyRelation:
        """A query of `VIEW`."""
        return self.data.query(VIEW, query)


@contextmanager
def opened(data: Any) -> Iterator[duckdb.DuckDBPyRelation]:
    """The microdata as a DuckDB relation: from pandas, an Arrow table, a relation, or the path of a Parquet file."""
    if isinstance(data, duckdb.DuckDBPyRelation):
        yield data
        return
    with (
        tempfile.TemporaryDirectory(prefix="disclosure-control-", ignore_cleanup_errors=True) as private,
        duckdb.connect(config={"temp_directory": private}) as connection,
    ):
        for setting in SETTINGS:
            connection.execute(setting)
        yield _read(connection, data)


def _read(connection: duckdb.DuckDBPyConnection, data: Any) -> duckdb.DuckDBPyRelation:
    if isinstance(data, str | Path):
        try:
            return connection.read_parquet(str(data))
        except duckdb.Error:
            raise MalformedTable(
                f"There is no Parquet file {data} that can be read. Check its place and form."
            ) from None
    if isinstance(data, pd.DataFrame):
        try:
            return connection.from_df(data)
        except duckdb.Error:  # it does not read columns that lie in memory back to front
            return connection.from_df(data.copy())
    try:
        return connection.from_arrow(data)
    except duckdb.Error:
        raise MalformedTable(
            f"The microdata are {type(data).__name__}. Pass pandas, an Arrow table, a DuckDB relation, or the path "
            "of a Parquet file."
        ) from None


def require(data: duckdb.DuckDBPyRelation, names: Iterable[str]) -> None:
    """Raise `UnknownColumn` unless the data has all of these."""
    missing = [name for name in names if name not in data.columns]
    if missing:
        raise UnknownColumn(f"The data has no column {', '.join(missing)}. It has: {', '.join(data.columns)}.")


def require_booleans(data: duckdb.DuckDBPyRelation, names: Iterable[str | None]) -> None:
    """Raise `MalformedTable` unless these columns, where given, are true or false."""
    for name in names:
        if name is not None and type_of(data, name) != "BOOLEAN":
            raise MalformedTable(
                f"The column {name} is {type_of(data, name)}. Waivers and requests are true or false: compare the "
                "column with the value that means yes."
            )


def type_of(data: duckdb.DuckDBPyRelation, name: str) -> str:
    return str(data.types[data.columns.index(name)])


def likely_source(data: duckdb.DuckDBPyRelation, columns: Columns) -> Source | None:
    """The microdata with the scales that their types and first rows suggest; None where these suggest none.

    Raises:
        MalformedTable: a value or weight that is no number.
    """
    amounts = _amounts(data, columns)
    for each in amounts:
        require_number(each)
    scales = [suggested(each) for each in amounts]
    found = [each for each in scales if each is not None]
    return Source(data, columns, *found) if len(found) == len(scales) else None


def certain_source(data: duckdb.DuckDBPyRelation, columns: Columns) -> Source:
    """The microdata with scales that were tried on all rows.

    Raises:
        MalformedTable: a value or weight is NaN or infinite.
    """
    return Source(data, columns, *(certain(each) for each in _amounts(data, columns)))


def _amounts(data: duckdb.DuckDBPyRelation, columns: Columns) -> list[Column]:
    """Size, and with weights: weight, and their product."""
    size = "1" if columns.value is None else quoted(columns.value)
    amounts = {f"value {columns.value}": size}
    if columns.weight:
        weight = quoted(columns.weight)
        amounts |= {f"weight {columns.weight}": weight, "weighted value": f"{weight}::DOUBLE * {size}"}
    return [Column(data, VIEW, sql, what) for what, sql in amounts.items()]


def require_record_keys(data: duckdb.DuckDBPyRelation, record_key: str) -> None:
    """Raise `MalformedRecordKeys` unless every row has one, a whole number from 0 to 2³² − 1."""
    kind = type_of(data, record_key)
    if kind not in _KEYS:
        raise MalformedRecordKeys(
            f"The record key {record_key} is {kind}: sums of it depend on their order. Use whole numbers, such as "
            "floor(key × 4294967296) of a key from 0 to 1; in pandas a column with missing keys is none either."
        )
    key = quoted(record_key)
    wrong = f"FROM {VIEW} WHERE {key} IS NULL OR {key} < 0 OR {key} > {_LARGEST_KEY}"  # statistics often answer this
    if data.query(VIEW, f"SELECT EXISTS({wrong})").fetchall()[0][0]:
        missing, others = data.query(VIEW, f"SELECT count(*) - count({key}), count({key}) {wrong}").fetchall()[0]
        raise MalformedRecordKeys(
            f"The record key {record_key} is missing in {missing} rows and outside 0 to {_LARGEST_KEY} in {others}. "
            "Draw one in that range for each unit."
        )
