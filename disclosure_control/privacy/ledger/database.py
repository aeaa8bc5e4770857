"""Where a ledger is kept: SQLite or PostgreSQL, one writer at a time, each write on disk before it is told of.

SQLite: immediate transactions, write-ahead log, full synchronisation; writers queue, and sleep meanwhile (`turns`).
PostgreSQL: a writer locks the row of `ledger_schema`. The chain of entries has one order, so writers would wait for
each other in any case.
"""

import random
import sqlite3
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from disclosure_control.errors import BrokenLedger, LedgerError, LedgerUnavailable
from disclosure_control.privacy.ledger import migrations, statements, turns
from disclosure_control.privacy.ledger.entries import Seal
from disclosure_control.privacy.ledger.schema import REFUSAL, SCHEMA_VERSION

WAIT_MS = 30_000
"""How long one waits for another who writes."""
IDLE_MS = 20_000
"""How long one may hold a PostgreSQL ledger without doing anything: less than others wait for it."""

PAUSE = (0.0003, 0.001)
"""Seconds between two tries to write, where somebody writes to a SQLite ledger out of turn."""
_DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+pg8000"}
_CONSTRAINTS = "23"
"""PostgreSQL's codes for a violated constraint begin with it."""
_PASSING = frozenset({"55P03", "57P01", "57P02", "57P03", "25P03", "53300"})
"""PostgreSQL's codes for: lock not had in time, shut down, crashed, starting, idle too long, too many connections."""


class Database:
    """An open ledger database, of this software's schema version.

    Raises:
        LedgerError: another kind of database, one in memory, a schema that is not known, or another key.
        LedgerUnavailable: it cannot be reached, or would not keep what it is told.
    """

    def __init__(self, url: str, seal: Seal) -> None:
        self._seal = seal
        self.engine = _engine(_address(url))
        try:
            self._bring_up_to_date()
        except BaseException:
            self.engine.dispose()
            raise

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that nobody else writes beside. It is on disk when this ends without an error."""
        with self._told(), self._begin(writing=True) as connection:
            self._require_ours(connection, locking=True)
            yield connection

    @contextmanager
    def reading(self, *, at_leisure: bool = False) -> Iterator[Connection]:
        """A transaction that sees one state, waits for no writer, and keeps none waiting."""
        with self._told(), self._begin() as connection:
            if at_leisure and connection.dialect.name == "postgresql":
                connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
            self._require_ours(connection)
            yield connection

    def close(self) -> None:
        self.engine.dispose()

    def _bring_up_to_date(self) -> None:
        with self._told(), self._begin() as connection:
            ready = migrations.stored_version(connection) == SCHEMA_VERSION
        if not ready:
            with self._told(), self._begin(writing=True) as connection:
                migrations.bring_up_to_date(connection, self._seal)
        with self.reading():
            pass

    @contextmanager
    def _told(self) -> Iterator[None]:
        """The database's own errors as ours, where a person can do something about them."""
        dbapi: Any = self.engine.dialect.loaded_dbapi
        try:
            yield
        except (DBAPIError, dbapi.Error, OSError) as error:  # pg8000 hands on what its socket says
            cause: Any = error.orig if isinstance(error, DBAPIError) else error
            if REFUSAL in str(cause) or _forbidden(cause, dbapi):
                raise BrokenLedger(
                    "The database refuses this: it would edit the ledger. Nothing was changed."
                ) from None
            if not _passing(cause, dbapi):
                raise
            raise LedgerUnavailable(
                "The ledger cannot be reached, or is busy. Ask again: a request that was charged is not charged twice."
            ) from error

    @contextmanager
    def _begin(self, *, writing: bool = False) -> Iterator[Connection]:
        with self._turn(writing), self.engine.connect() as connection:
            connection.execution_options(ledger_writing=writing)
            with connection.begin():
                if connection.dialect.name == "postgresql" and not writing:
                    connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                yield connection

    def _turn(self, writing: bool) -> AbstractContextManager[None]:
        """The writers' queue of a SQLite ledger; PostgreSQL has its own, and readers wait for nobody."""
        if not writing or self.engine.dialect.name != "sqlite":
            return nullcontext()
        return turns.turn(Path(str(self.engine.url.database)), time.monotonic() + WAIT_MS / 1000)

    def _require_ours(self, connection: Connection, *, locking: bool = False) -> None:
        statement = statements.LOCK[connection.dialect.name] if locking else statements.SCHEMA
        rows = statements.run(connection, statement).fetchall()
        if [version for version, _ in rows] != [SCHEMA_VERSION]:
            raise LedgerError("The ledger's schema changed while it was open. Start again with the newer software.")
        if rows[0][1] != self._seal.name:
            raise LedgerError(
                f"This ledger's entries are sealed with {_kind(rows[0][1])}, and it was opened with "
                f"{_kind(self._seal.name)}. Open it with the key that it was made with."
            )


def _kind(seal_name: str) -> str:
    method, _, fingerprint = seal_name.partition(":")
    return f"the key {fingerprint}" if fingerprint else f"no key ({method})"


def _address(url: str) -> URL:
    try:
        address = make_url(url)
    except ArgumentError:
        raise LedgerError("This is no database URL. Give one like sqlite:///ledger.sqlite.") from None
    backend = address.get_backend_name()
    if backend not in _DRIVERS:
        raise LedgerError(f"A ledger is kept in SQLite or PostgreSQL, not in {backend}.")
    if backend == "sqlite" and (address.database or ":memory:") == ":memory:":
        raise LedgerError("A ledger in memory forgets what was spent. Give it a file: sqlite:///ledger.sqlite.")
    return address if "+" in address.drivername else address.set(drivername=_DRIVERS[backend])


def _engine(address: URL) -> Engine:
    try:
        engine = create_engine(address, pool_pre_ping=address.get_backend_name() != "sqlite", hide_parameters=True)
    except (ImportError, NoSuchModuleError):
        raise LedgerError(f"The driver of {address.drivername} is not installed. PostgreSQL's is pg8000.") from None
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    else:
        event.listen(engine, "connect", _prepare_postgresql)
        _take_a_dead_socket_for_a_dead_connection(engine.dialect)
    return engine


def _take_a_dead_socket_for_a_dead_connection(dialect: Any) -> None:
    """SQLAlchemy asks each pooled connection whether it lives; pg8000 may answer with its socket's own error."""
    ask = dialect.do_ping

    def lives(connection: Any) -> bool:
        try:
            return bool(ask(connection))
        except OSError:
            return False

    dialect.do_ping = lives


def _prepare_sqlite(connection: Any, _entry: Any) -> None:
    connection.isolation_level = None  # our own BEGIN below, not the driver's
    connection.execute(f"PRAGMA busy_timeout={WAIT_MS}")
    cursor = connection.cursor()
    _patiently(cursor, "PRAGMA journal_mode=WAL", time.monotonic() + WAIT_MS / 1000)
    (mode,) = cursor.fetchone()
    if mode != "wal":
        raise LedgerUnavailable("SQLite cannot keep a write-ahead log there. Put the ledger on a local disk.")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")


def _begin_sqlite(connection: Connection) -> None:
    if not connection.get_execution_options().get("ledger_writing", True):
        connection.exec_driver_sql("BEGIN")
        return
    cursor = connection.connection.cursor()
    cursor.execute("PRAGMA busy_timeout=0")
    try:
        _patiently(cursor, "BEGIN IMMEDIATE", time.monotonic() + WAIT_MS / 1000)
    finally:
        cursor.execute(f"PRAGMA busy_timeout={WAIT_MS}")


def _patiently(cursor: Any, statement: str, until: float) -> None:
    """Execute what may find the database locked: one who writes out of turn, or makes it at this moment too.

    SQLite's own wait grows to a tenth of a second, and it does not wait at all to change how a database is kept.
    """
    while True:
        try:
            cursor.execute(statement)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(random.uniform(*PAUSE))  # noqa: S311 - so that those who wait do not march in step
        else:
            return


def _prepare_postgresql(connection: Any, _entry: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("SELECT current_setting('fsync'), current_setting('synchronous_commit')")
    fsync, synchronous = cursor.fetchone()
    if fsync != "on":
        raise LedgerUnavailable("This PostgreSQL has fsync off: it would forget charges. Turn it on.")
    if synchronous == "off":
        cursor.execute("SET synchronous_commit = on")
    cursor.execute(
        "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED"
    )  # see what one waited for
    cursor.execute(f"SET lock_timeout = {WAIT_MS}")
    cursor.execute(f"SET idle_in_transaction_session_timeout = {IDLE_MS}")
    connection.commit()


def _forbidden(error: Any, dbapi: Any) -> bool:
    """Whether a constraint of the tables was violated. PostgreSQL shows the row then, which nobody shall see."""
    return isinstance(error, dbapi.IntegrityError) or _code(error).startswith(_CONSTRAINTS)


def _passing(error: Any, dbapi: Any) -> bool:
    """Whether it may go better the next time."""
    return isinstance(error, dbapi.OperationalError | dbapi.InterfaceError | OSError) or _code(error) in _PASSING


def _code(error: Any) -> str:
    """PostgreSQL's code of an error; nothing for another's."""
    told = error.args[0] if error.args else None
    return str(told.get("C")) if isinstance(told, dict) else ""
