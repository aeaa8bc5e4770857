"""Keyed pseudonyms: HMAC-SHA-256 of an identifier, cut to 128 bits.

A pseudonym is one for the same unit under the same key, says nothing about the identifier without the key, and cannot
be linked to the pseudonyms of another key. Keys are derived (HKDF, RFC 5869), one for each dataset and one for each
dataset of each project. The distinct identifiers only are hashed, in Python, and joined back: a macro in SQL would be
no faster and would leave the key in DuckDB's catalogue.
"""

# Names and texts in queries are quoted by datasets.sql.
# ruff: noqa: S608

import hashlib
import hmac
import json

import duckdb
import numpy as np
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from datasets.errors import DatasetsError

PATTERN = r"[0-9a-f]{32}"
IDENTIFIER, PSEUDONYM = '"unit identifier"', '"unit pseudonym"'  # no catalogue column has a space
SHORTEST_SECRET = 32
BATCH = 100_000


def dataset_key(secret: bytes, dataset: str) -> bytes:
    """The key of a dataset's pseudonyms. All versions of a dataset share it, so that units can be followed."""
    return _derived(secret, ["dataset", dataset])


def project_key(secret: bytes, project_id: str, dataset: str) -> bytes:
    """The key of the pseudonyms in a project's copy of a dataset."""
    return _derived(secret, ["project copy", project_id, dataset])


def key_check(key: bytes) -> str:
    """A value that tells keys apart and gives nothing of them away."""
    return hmac.new(key, b"saferoom key check", hashlib.sha256).hexdigest()[:16]


def pseudonym(identifier: str, key: bytes) -> str:
    """The pseudonym of an identifier: 32 hexadecimal digits."""
    return hmac.new(key, identifier.encode(), hashlib.sha256).hexdigest()[:32]


def make_pseudonyms(connection: duckdb.DuckDBPyConnection, *, identifiers: str, into: str, key: bytes) -> int:
    """Make the table `into` of identifiers and pseudonyms, and return how many there are.

    `identifiers` is a query of one VARCHAR column; its distinct values get a pseudonym each. The table's columns are
    named `IDENTIFIER` and `PSEUDONYM`.

    Raises:
        DatasetsError: two units got the same pseudonym; at 128 bits, a sign of a fault.
    """
    connection.execute(f"CREATE TABLE {into} ({IDENTIFIER} VARCHAR, {PSEUDONYM} VARCHAR)")
    reader = connection.cursor()
    reader.execute(f"SELECT DISTINCT identifier FROM ({identifiers}) AS all_of_them(identifier)")
    while batch := reader.fetchmany(BATCH):
        _insert(connection, into, [str(row[0]) for row in batch], key)
    units, distinct = _pair(connection, f"SELECT count(*), count(DISTINCT {PSEUDONYM}) FROM {into}")
    if units != distinct:
        raise DatasetsError("Two units got one pseudonym, so nothing was made. Report this fault of Saferoom.")
    return units


def _insert(connection: duckdb.DuckDBPyConnection, into: str, identifiers: list[str], key: bytes) -> None:
    keyed = hmac.new(key, digestmod=hashlib.sha256)
    made = []
    for identifier in identifiers:
        each = keyed.copy()
        each.update(identifier.encode())
        made.append(each.hexdigest()[:32])
    columns = {"identifier": np.array(identifiers, dtype=object), "pseudonym": np.array(made, dtype=object)}
    connection.register("batch_of_pseudonyms", columns)
    connection.execute(f"INSERT INTO {into} FROM batch_of_pseudonyms")
    connection.unregister("batch_of_pseudonyms")


def _pair(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[int, int]:
    row = connection.execute(query).fetchone() or (0, 0)
    return int(row[0]), int(row[1])


def _derived(secret: bytes, purpose: list[str]) -> bytes:
    if len(secret) < SHORTEST_SECRET:
        raise DatasetsError("A secret for pseudonyms is shorter than 32 bytes. Make a new one.")
    info = json.dumps(["saferoom pseudonyms", 1, *purpose]).encode()
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(secret)
