"""Small tables in plain text, for specification tests that read like the manual."""

from collections.abc import Sequence
from typing import Any

import duckdb
import pandas as pd


def rows_of(text: str) -> list[dict[str, str]]:
    """The rows of a table drawn with `|`; the first line names the columns, an empty field is missing."""
    lines = [line.strip() for line in text.strip().splitlines()]
    split = [[part.strip() for part in line.strip("|").split("|")] for line in lines]
    return [dict(zip(split[0], line, strict=True)) for line in split[1:]]


def in_duckdb(text: str, types: str) -> duckdb.DuckDBPyConnection:
    """A connection with the table `data` of these rows."""
    connection = duckdb.connect()
    connection.execute(f"CREATE TABLE data ({types})")
    for row in rows_of(text):
        marks = ", ".join("?" for _ in row)
        values = [value or None for value in row.values()]
        connection.execute(f"INSERT INTO data ({', '.join(row)}) VALUES ({marks})", values)
    return connection


def frame_of(text: str, numbers: Sequence[str] = ()) -> pd.DataFrame:
    """The rows as a frame: `numbers` as floating-point numbers, empty ones missing; all else text."""
    rows = [{name: value or None for name, value in row.items()} for row in rows_of(text)]
    return pd.DataFrame(rows).astype(dict.fromkeys(numbers, "float64"))


def as_text(frame: pd.DataFrame, columns: list[str]) -> list[dict[str, str]]:
    """These columns of a frame, as text, missing values empty."""
    return [
        {name: "" if _missing(row[name]) else str(row[name]) for name in columns} for row in frame.to_dict("records")
    ]


def _missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and pd.isna(value))
