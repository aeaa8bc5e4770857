"""The digest of a table's content: one for the same rows in the same order, whatever file they lie in.

Each value is written as its length and its text, so that no two tables give the same bytes; chunks of rows are hashed
in DuckDB, and their hashes here.
"""

# Names and texts in queries are quoted by datasets.sql.
# ruff: noqa: S608

import hashlib
import json

import duckdb

from datasets import sql

CHUNK = 10_000


def content_digest(connection: duckdb.DuckDBPyConnection, *, table: str, order: str, columns: list[str]) -> str:
    """SHA-256 over the names, types and values of `columns` in the SQL source `table`.

    `order` is an expression that numbers the rows from 0 in their order in the file.
    """
    header = connection.execute(f"DESCRIBE SELECT {sql.names(columns)} FROM {table}").fetchall()
    digest = hashlib.sha256(json.dumps([[str(row[0]), str(row[1])] for row in header]).encode())
    line = " || ".join(_framed(column) for column in columns)
    chunks = connection.execute(
        f"SELECT sha256(string_agg({line}, '' ORDER BY {order})) FROM {table} "
        f"GROUP BY {order} // {CHUNK} ORDER BY {order} // {CHUNK}"
    )
    while rows := chunks.fetchmany(CHUNK):
        digest.update("".join(str(row[0]) for row in rows).encode())
    return digest.hexdigest()


def _framed(column: str) -> str:
    text = f"CAST({sql.name(column)} AS VARCHAR)"
    return f"coalesce(length({text}) || ':' || {text}, '-')"
