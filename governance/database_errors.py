"""The database's own errors as ours, where a person or an operator can do something about them."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from governance.errors import Unavailable

_SQLITE = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
    }
)
_POSTGRESQL = ("08", "28", "3D", "53", "57P", "55P03", "25P03")
"""How PostgreSQL's codes begin for: connection lost, not let in, no such database, out of disk, memory or connections,
shut down or starting, lock not had in time, idle too long."""


class DatabaseUnavailable(Unavailable):
    """The register's database does not answer, or would not keep what it is told."""

    def __init__(self) -> None:
        super().__init__(
            "The register's database cannot be reached, is full, or is busy. Look whether your change is there, and "
            "try again if it is not; tell the operator if it stays."
        )


class ForgetfulDatabase(Unavailable):
    """A PostgreSQL that would forget what it was told."""

    def __init__(self) -> None:
        super().__init__("This PostgreSQL has fsync off: it would forget votes and releases. Turn it on.")


@contextmanager
def told(engine: Engine) -> Iterator[None]:
    """Raise `DatabaseUnavailable` for what may go better the next time; any other error stays as it is."""
    dbapi: Any = engine.dialect.loaded_dbapi
    try:
        yield
    except (DBAPIError, dbapi.Error) as error:  # pg8000 raises its own before SQLAlchemy has the connection
        if not _passing(error.orig if isinstance(error, DBAPIError) else error, dbapi):
            raise
        raise DatabaseUnavailable from error


def _passing(error: Any, dbapi: Any) -> bool:
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", 0) & 0xFF in _SQLITE
    detail = error.args[0] if getattr(error, "args", None) else None
    code = str(detail.get("C")) if isinstance(detail, dict) else ""
    return isinstance(error, dbapi.InterfaceError | OSError) or code.startswith(_POSTGRESQL)
