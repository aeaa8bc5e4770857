"""Reading a project copy: read-only, and with every way out of the file closed.

The settings go in one order: encryption of what is spilled, limits, then extensions and secrets, then access to files,
then the lock itself. After that COPY, EXPORT, ATTACH, read_*, glob, INSTALL, LOAD and SET are refused, and no other
file can be reached. Still possible: temporary tables, and what a query can say about the copy itself.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import duckdb

from datasets import sql
from datasets.errors import CopyUnreadable
from datasets.files import PRIVATE_FOLDER, scratch, sweep

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


ENCRYPTED = {
    # DuckDB's own cipher needs no extension; its nonces are not of cryptographic quality, so the folder is private too
    "force_mbedtls_unsafe": "true",
    "temp_file_encryption": "true",
}
"""How what does not fit into memory is written: with a key that is never stored."""

SHARE = 2
"""One part in so many of the machine's memory is for reading a copy, where no setting says otherwise."""
LEAST_MB = 1000
CGROUPS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


@dataclass(frozen=True)
class Workspace:
    """What the reading of one copy may use. `temp`: a folder of its own for what does not fit into memory."""

    memory_mb: int = LEAST_MB
    temp: Path | None = None
    temp_gb: int = 16

    def cleared(self) -> int:
        """Make the folder, for this user alone, and remove what killed processes left there; returns how many did.

        Call it at start, when nobody else reads.
        """
        if self.temp is None:
            return 0
        self.temp.mkdir(parents=True, exist_ok=True, mode=PRIVATE_FOLDER)
        self.temp.chmod(PRIVATE_FOLDER)
        return sweep(self.temp)


def memory_by_machine() -> int:
    """Half of the memory that this machine, or this process's control group, has: in MB, at least 1,000."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for path in CGROUPS:
        text = path.read_text(encoding="ascii").strip() if path.is_file() else ""
        limits += [int(text)] if text.isdecimal() else []
    return max(LEAST_MB, min(limits) // SHARE // 1_000_000)


@contextmanager
def opened_copy(path: Path | str, workspace: Workspace) -> Iterator[duckdb.DuckDBPyConnection]:
    """As `open_copy`, with a temporary folder of this reading's own, encrypted, and removed at the end.

    Raises:
        CopyUnreadable: as `open_copy`.
    """
    with scratch(workspace.temp) if workspace.temp is not None else nullcontext() as temp:
        memory, room = f"{workspace.memory_mb}MB", f"{workspace.temp_gb}GB"
        with open_copy(path, memory_limit=memory, temp=temp, temp_limit=room) as connection:
            yield connection


def open_copy(
    path: Path | str,
    *,
    memory_limit: str = "1GB",
    threads: int = 2,
    temp: Path | None = None,
    temp_limit: str = "4GB",
) -> duckdb.DuckDBPyConnection:
    """A connection to a project copy that can read the copy and nothing else.

    `temp` is a private folder for what does not fit into memory, where it is encrypted; without it, such a query ends
    with an error.
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
            _lock(connection, _limits(memory_limit, threads, temp, temp_limit))
        except (duckdb.Error, CopyUnreadable):
            connection.close()
            raise CopyUnreadable(
                f"The project copy {Path(path).name} cannot be locked against writing and other files, so it stays "
                "closed. Ask the operator which release of DuckDB is installed."
            ) from None
    return connection


def _limits(memory_limit: str, threads: int, temp: Path | None, temp_limit: str) -> dict[str, str]:
    limits = {
        **ENCRYPTED,
        "temp_directory": sql.text("" if temp is None else str(temp)),
        "memory_limit": sql.text(memory_limit),
        "threads": str(int(threads)),
    }
    if temp is not None:
        limits["max_temp_directory_size"] = sql.text(temp_limit)
    return limits


def _lock(connection: duckdb.DuckDBPyConnection, limits: dict[str, str]) -> None:
    if _setting(connection, "lock_configuration") != "true":
        for name, value in (limits | LOCKED).items():
            connection.execute(f"SET GLOBAL {name} = {value}")  # cursors and later connections have it too
    for name, value in (LOCKED | ENCRYPTED).items():
        if _setting(connection, name) != value:
            raise CopyUnreadable(f"{name} is not {value}.")


def _setting(connection: duckdb.DuckDBPyConnection, name: str) -> str:
    row = connection.execute("SELECT value FROM duckdb_settings() WHERE name = ?", [name]).fetchone()
    return str(row[0]) if row else ""
