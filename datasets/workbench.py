"""The DuckDB in which trusted code makes versions and copies: in memory, private, and bounded."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from datasets import sql


@contextmanager
def workbench(scratch: Path, *, memory_limit: str = "2GB", threads: int = 2) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that spills into `scratch`, a private folder, and fetches nothing from elsewhere."""
    with duckdb.connect() as connection:
        for setting in (
            f"temp_directory = {sql.text(str(scratch / 'spill'))}",
            f"memory_limit = {sql.text(memory_limit)}",
            f"threads = {threads}",
            "autoload_known_extensions = false",
            "autoinstall_known_extensions = false",
            "allow_community_extensions = false",
            "allow_persistent_secrets = false",
            "python_enable_replacements = false",
            "enable_progress_bar = false",
        ):
            connection.execute(f"SET {setting}")
        yield connection
