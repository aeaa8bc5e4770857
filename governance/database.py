"""One database for the register, the datasets and the review queue, so that state and audit commit together (I8).

SQLite or PostgreSQL, by URL. Rules that look first and write then (one vote for each checker, a code used once, the
next number of an event, at most so many requests) hold because one transaction writes at a time. SQLite: an immediate
transaction has the write lock from its beginning. PostgreSQL: a writer takes one advisory lock before it reads
anything, and reads what is committed then; it is given up with the transaction. Readers and writers wait for nobody of
the other kind.
"""

from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, DateTime, Engine, MetaData, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection, Dialect
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.types import TypeDecorator

from governance.database_errors import DatabaseUnavailable, ForgetfulDatabase, told
from governance.database_text import json_with_nulls, json_without_nulls, keep_nulls
from governance.writers import Turns

__all__ = [
    "Base",
    "DatabaseUnavailable",
    "ForgetfulDatabase",
    "UtcDateTime",
    "now",
    "once",
    "open_database",
    "reading",
    "transaction",
]

BUSY_TIMEOUT_MS = 30_000
"""How long one waits for another who writes."""
IDLE_MS = 60_000
"""How long one may be in a transaction on PostgreSQL without doing anything."""
WRITER_LOCK = 7_203_365_118
"""PostgreSQL's advisory lock of the one who writes to the register."""
_DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+pg8000"}


class Base(DeclarativeBase):
    """The models of all packages that keep state in the register's database. Constraints have names, for migrations."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime, kept in UTC. A naive one raises ValueError."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("A time without a zone cannot be stored; give an aware datetime.")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


def open_database(url: str) -> Engine:
    """An engine on `url`. What is committed is on disk; what was read while others write is one state.

    SQLite is set to WAL, full synchronisation, foreign keys and immediate transactions, PostgreSQL (by pg8000) to
    synchronous commits. Nothing connects yet.
    """
    address = make_url(url)
    address = address if "+" in address.drivername else address.set(drivername=_DRIVERS[address.get_backend_name()])
    if address.get_backend_name() == "sqlite":
        engine = create_engine(address)
        if address.database and address.database != ":memory:":
            _TURNS[engine] = Turns(Path(address.database).parent)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    as_json = {"json_serializer": json_without_nulls, "json_deserializer": json_with_nulls}
    engine = create_engine(address, pool_pre_ping=True, hide_parameters=True, **as_json)
    event.listen(engine, "connect", _prepare_postgresql)
    event.listen(engine, "begin", _begin_postgresql)
    _take_a_dead_socket_for_a_dead_connection(engine.dialect)
    keep_nulls(engine)
    return engine


def _prepare_sqlite(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # SQLAlchemy's BEGIN below, not the driver's
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout={BUSY_TIMEOUT_MS}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN" if _only_reads(connection) else "BEGIN IMMEDIATE")


def _prepare_postgresql(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute("SELECT current_setting('fsync'), current_setting('synchronous_commit')")
    fsync, synchronous = cursor.fetchone() or ("off", "off")
    if fsync != "on":
        raise ForgetfulDatabase
    if synchronous == "off":
        cursor.execute("SET synchronous_commit = on")
    cursor.execute(f"SET lock_timeout = {BUSY_TIMEOUT_MS}")
    cursor.execute(f"SET idle_in_transaction_session_timeout = {IDLE_MS}")
    connection.commit()


def _begin_postgresql(connection: Any) -> None:
    if _only_reads(connection):
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        return
    connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")  # see what one waited for
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITER_LOCK})").close()


def _only_reads(connection: Any) -> bool:
    return bool(connection.get_execution_options().get("saferoom_reading", False))


def _take_a_dead_socket_for_a_dead_connection(dialect: Any) -> None:
    """SQLAlchemy asks each pooled connection whether it lives; pg8000 may answer with its socket's own error."""
    ask = dialect.do_ping

    def lives(connection: Any) -> bool:
        try:
            return bool(ask(connection))
        except OSError:
            return False

    dialect.do_ping = lives


@contextmanager
def transaction(engine: Engine) -> Iterator[Session]:
    """A session whose changes commit together at the end, or not at all. One transaction writes at a time.

    Raises:
        DatabaseUnavailable: it cannot be reached, is full, or somebody else writes for too long.
    """
    with told(engine), _turn(engine), Session(engine, expire_on_commit=False) as session, session.begin():
        session.connection()  # PostgreSQL's lock is had before anything is read
        yield session


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """The same for a few statements that need no session. Raises `DatabaseUnavailable`."""
    with told(engine), _turn(engine), engine.begin() as connection:
        yield connection


def _turn(engine: Engine) -> AbstractContextManager[None]:
    """A turn to write; PostgreSQL has its own."""
    turns = _TURNS.get(engine)
    return nullcontext() if turns is None else turns.turn()


_TURNS: WeakKeyDictionary[Engine, Turns] = WeakKeyDictionary()


@contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    """A session that sees one state, waits for no writer, and never commits. Raises `DatabaseUnavailable`."""
    only_reads = engine.execution_options(saferoom_reading=True)
    with told(engine), Session(only_reads, expire_on_commit=False, info={_KNOWN: {}}) as session:
        yield session


T = TypeVar("T")
_KNOWN = "saferoom_known"


def once(session: Session, key: Hashable, ask: Callable[[], T]) -> T:
    """What `ask` finds. In a `reading`, which sees one state, the database is asked once for each key."""
    known = session.info.get(_KNOWN)
    if known is None:
        return ask()
    if key not in known:
        known[key] = ask()
    found: T = known[key]
    return found


_SHARED = "saferoom_shared"
_UNKNOWN: Any = object()
MOST_SHARED = 20_000
"""So many answers are shared at most; then they are asked for anew."""


def share(session: Session, known: dict[Hashable, Any]) -> None:
    """Let a `reading` find what earlier ones found. The caller has made sure that the register is as it was then."""
    session.info[_SHARED] = known


def shared(session: Session, key: Hashable, ask: Callable[[], T]) -> T:
    """What `ask` finds, in every reading that shares; else as `once`.

    For what is never changed in place: it goes from thread to thread, and outlives the session that found it.
    """
    known = session.info.get(_SHARED)
    if known is None:
        return once(session, key, ask)
    found: T = known.get(key, _UNKNOWN)
    if found is _UNKNOWN:
        found = ask()
        if len(known) >= MOST_SHARED:
            known.clear()
        known[key] = found
    return found
