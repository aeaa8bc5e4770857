"""Reading a project copy: read-only, and with every way out of the file closed.

The settings go in one order: limits, then extensions and secrets, then access to files, then the lock itself. After
that COPY, EXPORT, ATTACH, read_*, glob, INSTALL, LOAD and SET are refused, and no other file can be reached. Still
possible: temporary tables in memory, and what a query can say about the copy itself.
"""

import threading
from pathlib import Path

import duckdb

from datasets import sql
from datasets.errors import CopyUnreadable

_opening = threading.Lock()

LOCKED = {
    "allow_community_extensions": "false",
    "autoload_known_extensions": "false",
    "autoinstall_known_extensions": "false",
    "allow_persistent_secrets": "false",
    "python_enable_replacements": "false",
    "enable_external_access": "false",
    "lock_configuration": "true",
}


def open_copy(
    path: Path | str, *, memory_limit: str = "1GB", threads: int = 2, temp: Path | None = None
) -> duckdb.DuckDBPyConnection:
    """A connection to a project copy that can read the copy and nothing else.

    `temp` is a private folder for what does not fit into memory; without it, such a query ends with an error.
    Connections of one process to the same copy share one engine, and so the limits of the first of them.
    DuckDB 1.5 has no limit of time for a query: run it in a process that can be killed.

    Raises:
        CopyUnreadable: the file cannot be opened, or the engine cannot be locked.
    """
    with _opening:
        try:
            connection = duckdb.connect(str(path), read_only=True)
        except duckdb.Error:
            raise CopyUnreadable(
                f"The project copy {Path(path).name} cannot be opened. It may be missing, damaged, or open for "
                "writing. Ask the data steward to make it again."
            ) from None
        try:
            _lock(connection, _limits(memory_limit, threads, temp))
        except (duckdb.Error, CopyUnreadable):
            connection.close()
            raise CopyUnreadable(
                f"The project copy {Path(path).name} cannot be locked against writing and other files, so it stays "
                "closed. Ask the operator which release of DuckDB is installed."
            ) from None
    return connection


def _limits(memory_limit: str, threads: int, temp: Path | None) -> dict[str, str]:
    limits = {
        "temp_directory": sql.text("" if temp is None else str(temp)),
        "memory_limit": sql.text(memory_limit),
        "threads": str(int(threads)),
    }
    if temp is not None:
        limits["max_temp_directory_size"] = sql.text("4GB")
    return limits


def _lock(connection: duckdb.DuckDBPyConnection, limits: dict[str, str]) -> None:
    if _setting(connection, "lock_configuration") != "true":
        for name, value in (limits | LOCKED).items():
            connection.execute(f"SET GLOBAL {name} = {value}")  # cursors and later connections have it too
    for name, value in LOCKED.items():
        if _setting(connection, name) != value:
            raise CopyUnreadable(f"{name} is not {value}.")


def _setting(connection: duckdb.DuckDBPyConnection, name: str) -> str:
    row = connection.execute("SELECT value FROM duckdb_settings() WHERE name = ?", [name]).fetchone()
    return str(row[0]) if row else ""
