"""Registers in SQLite files: the tables are made once, and the file is written again for each register."""

import tempfile
from functools import cache
from pathlib import Path

from sqlalchemy import Engine

from governance.database import Base, open_database

NAME = "register.sqlite"


def new_register(folder: Path) -> Engine:
    """A register of its own in this folder, with every table of the packages imported so far."""
    with (folder / NAME).open("xb") as file:
        file.write(_with_tables(frozenset(Base.metadata.tables)))
    return open_database(f"sqlite:///{folder / NAME}")


@cache
def _with_tables(_names: frozenset[str]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        engine = open_database(f"sqlite:///{folder}/{NAME}")
        Base.metadata.create_all(engine)
        engine.dispose()
        return Path(folder, NAME).read_bytes()
