"""A ledger is made, migrated or refused: an older one keeps all that was in it, and a newer one is not touched."""

import sqlite3
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, insert, inspect, make_url, text

from disclosure_control import BrokenLedger, BudgetExceeded, Ledger, LedgerError, LedgerUnavailable, UnknownScope
from disclosure_control.privacy.ledger import SCHEMA_VERSION, schema
from disclosure_control.privacy.ledger import database as ledger_database
from tests import postgresql

KEY = b"k" * 32

VERSION_1 = """
CREATE TABLE ledger_schema (version INTEGER NOT NULL);
CREATE TABLE budget_grant (
    id INTEGER NOT NULL PRIMARY KEY, scope TEXT NOT NULL, nano_rho INTEGER NOT NULL CHECK (nano_rho > 0),
    granted_by TEXT NOT NULL, at TEXT NOT NULL
);
CREATE INDEX ix_budget_grant_scope ON budget_grant (scope);
CREATE TABLE charge (
    id TEXT NOT NULL PRIMARY KEY, request TEXT NOT NULL UNIQUE, nano_rho INTEGER NOT NULL CHECK (nano_rho > 0),
    state TEXT NOT NULL CHECK (state IN ('reserved', 'committed')), at TEXT NOT NULL, result BLOB
);
CREATE TABLE charged_scope (
    charge_id TEXT NOT NULL REFERENCES charge (id), scope TEXT NOT NULL, PRIMARY KEY (charge_id, scope)
);
CREATE INDEX ix_charged_scope_scope ON charged_scope (scope);
INSERT INTO ledger_schema VALUES (1);
INSERT INTO budget_grant VALUES (1, 'dataset:d', 700, 'owner', '2026-11-01T09:00:00+00:00');
INSERT INTO budget_grant VALUES (2, 'project:p/d', 300, 'owner', '2026-11-01T09:00:01+00:00');
INSERT INTO charge VALUES ('c-1', 'r1', 100, 'committed', '2026-11-02T09:00:00+00:00', X'6E6F697379');
INSERT INTO charge VALUES ('c-2', 'r2', 150, 'reserved', '2026-11-03T09:00:00+00:00', NULL);
INSERT INTO charge VALUES ('c-3', 'r3', 7, 'committed', '2026-11-04T09:00:00+00:00', X'00');
INSERT INTO charged_scope VALUES ('c-1', 'dataset:d'), ('c-1', 'project:p/d');
INSERT INTO charged_scope VALUES ('c-2', 'dataset:d'), ('c-2', 'project:p/d');
INSERT INTO charged_scope VALUES ('c-3', 'dataset:d');
INSERT INTO budget_grant VALUES (3, 'dataset:d', 300, 'owner', '2026-11-05T09:00:00+00:00');
"""


def run_in(url: str, *statements: str) -> None:
    address = make_url(url)
    if address.get_backend_name() == "postgresql":
        address = address.set(drivername="postgresql+pg8000")
    engine = create_engine(address)
    try:
        with engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)
    finally:
        engine.dispose()


def tables_in(path: Path) -> dict[str, str]:
    with closing(sqlite3.connect(path)) as connection:
        return dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'"))


@pytest.fixture
def old(folder: Path) -> Path:
    """A SQLite ledger of version 1, as its software left it."""
    path = folder / "ledger.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(VERSION_1)
    return path


@pytest.fixture
def migrated(old: Path) -> Iterator[Ledger]:
    with Ledger(f"sqlite:///{old}", key=KEY) as ledger:
        yield ledger


def test_an_old_ledger_keeps_its_budgets_charges_and_results(migrated: Ledger) -> None:
    assert (migrated.granted("dataset:d"), migrated.spent("dataset:d"), migrated.remaining("dataset:d")) == (
        1000,
        257,
        743,
    )
    assert (migrated.granted("project:p/d"), migrated.spent("project:p/d")) == (300, 250)
    first, second, third = migrated.history("dataset:d")
    assert (first.id, first.request, first.nano_rho, first.state) == ("c-1", "r1", 100, "committed")
    assert (first.scopes, first.at, first.result) == (
        ("dataset:d", "project:p/d"),
        "2026-11-02T09:00:00+00:00",
        b"noisy",
    )
    assert (second.request, third.result, third.scopes) == ("r2", b"\0", ("dataset:d",))
    assert migrated.reserve(["dataset:d", "project:p/d"], 100, "r1").result == b"noisy"
    migrated.verify()


def test_what_an_old_ledger_reserved_may_have_been_read(migrated: Ledger) -> None:
    """It has no mark of when reading began, so nothing can be given back; a recomputation is still paid."""
    charge = migrated.reserve(["dataset:d", "project:p/d"], 150, "r2")
    assert charge.state == "reading"
    with pytest.raises(LedgerError, match="stays charged"):
        migrated.void(charge, "no reading began")
    assert migrated.commit(charge, b"bytes").result == b"bytes"


def test_a_migrated_ledger_is_like_a_new_one(migrated: Ledger, old: Path, folder: Path) -> None:
    new = folder / "new.sqlite"
    Ledger(f"sqlite:///{new}", key=KEY).close()
    migrated.close()
    assert tables_in(old) == tables_in(new)
    with Ledger(f"sqlite:///{old}", key=KEY) as again, pytest.raises(BudgetExceeded):
        again.reserve(["dataset:d"], 744, "r4")


def test_an_old_ledger_in_postgresql_is_migrated_too(server: postgresql.Server) -> None:
    url = server.new_database()
    statements = VERSION_1.replace("BLOB", "BYTEA").replace("X'6E6F697379'", "'noisy'").replace("X'00'", "'zero'")
    run_in(url, *(each for each in statements.split(";\n") if each.strip()))
    with Ledger(url) as ledger:
        assert (ledger.remaining("dataset:d"), ledger.spent("project:p/d")) == (743, 250)
        assert [each.result for each in ledger.history("dataset:d")] == [b"noisy", None, b"zero"]
        ledger.verify()


def test_a_migration_that_cannot_be_done_leaves_the_old_ledger_as_it_was(old: Path) -> None:
    run_in(f"sqlite:///{old}", "INSERT INTO charged_scope VALUES ('c-3', 'everything')")
    before = tables_in(old)
    with pytest.raises(UnknownScope, match="everything"):
        Ledger(f"sqlite:///{old}")
    assert tables_in(old) == before
    with closing(sqlite3.connect(old)) as connection:
        assert connection.execute("SELECT count(*) FROM charge").fetchone() == (3,)


def test_software_of_version_1_finds_no_table_to_charge(migrated: Ledger, old: Path) -> None:
    with pytest.raises(Exception, match="no such table: charge"):
        run_in(f"sqlite:///{old}", "INSERT INTO charge VALUES ('c-9', 'r9', 1, 'reserved', 'now', NULL)")


@pytest.mark.parametrize("version", [0, SCHEMA_VERSION + 1, 99])
def test_a_ledger_of_another_schema_is_not_touched(url: str, version: int) -> None:
    Ledger(url).close()
    run_in(url, f"UPDATE ledger_schema SET version = {version}")
    with pytest.raises(LedgerError, match=f"schema version {version}, and this software knows {SCHEMA_VERSION}"):
        Ledger(url)


def test_a_ledger_that_does_not_say_its_version_is_not_touched(folder: Path) -> None:
    url = f"sqlite:///{folder}/ledger.sqlite"
    Ledger(url).close()
    run_in(url, "DROP TRIGGER ledger_schema_delete", "DELETE FROM ledger_schema")
    with pytest.raises(LedgerError, match="does not say which schema version"):
        Ledger(url)


def test_a_ledger_that_was_migrated_while_it_was_open_is_left_alone(ledger: Ledger, url: str) -> None:
    run_in(url, f"UPDATE ledger_schema SET version = {SCHEMA_VERSION + 1}")
    for call in (lambda: ledger.reserve(["dataset:d"], 1, "r"), lambda: ledger.spent("dataset:d")):
        with pytest.raises(LedgerError, match="schema changed while it was open"):
            call()


def test_those_who_make_a_ledger_at_the_same_time_make_one(url: str) -> None:
    def make(number: int) -> None:
        with Ledger(url) as ledger:
            ledger.grant("dataset:d", 10, granted_by=f"owner {number}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(make, range(8)))
    with Ledger(url) as ledger:
        assert ledger.granted("dataset:d") == 80
        assert ledger.verify().sequence == 8


# ---------------------------------------------------------------------------------------------- where it is kept


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("sqlite://", "in memory forgets"),
        ("sqlite:///:memory:", "in memory forgets"),
        ("mysql://localhost/ledger", "not in mysql"),
        ("ledger.sqlite", "no database URL"),
        ("", "no database URL"),
    ],
)
def test_a_ledger_is_kept_where_it_lasts(url: str, told: str) -> None:
    with pytest.raises(LedgerError, match=told):
        Ledger(url)


def test_a_ledger_that_cannot_be_reached_says_what_to_do(folder: Path) -> None:
    for url in (f"sqlite:///{folder}/nowhere/ledger.sqlite", f"postgresql://ada@/l?unix_sock={folder}/nowhere"):
        with pytest.raises(LedgerUnavailable, match="Ask again: a request that was charged is not charged twice"):
            Ledger(url)


def test_no_password_is_in_the_error(folder: Path) -> None:
    with pytest.raises(LedgerUnavailable) as told:
        Ledger(f"postgresql://ada:secret@/ledger?unix_sock={folder}/nowhere")
    assert "secret" not in f"{told.value!r} {told.value.__cause__!r}"


def test_what_a_constraint_forbids_is_an_error_without_values(ledger: Ledger) -> None:
    """PostgreSQL's own words would show the row."""
    overspent = {"scope": "dataset:e", "granted": 76543, "spent": 98765, "spent_delta": 0}
    with pytest.raises(BrokenLedger) as told, ledger._database.writing() as connection:
        connection.execute(insert(schema.balance), overspent)
    shown = "".join(traceback.format_exception(told.value))
    assert "98765" not in shown
    assert "76543" not in shown
    assert ledger.granted("dataset:e") == 0


def test_a_busy_ledger_says_so_and_charges_nothing(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_database, "WAIT_MS", 50)
    with Ledger(url) as holder, Ledger(url) as ledger:
        ledger.grant("dataset:d", 10, granted_by="owner")
        with holder._database.writing(), pytest.raises(LedgerUnavailable, match="busy"):
            ledger.reserve(["dataset:d"], 1, "r")
        assert ledger.spent("dataset:d") == 0
        ledger.reserve(["dataset:d"], 1, "r")


def test_reading_waits_for_no_writer(ledger: Ledger) -> None:
    with ledger._database.writing():
        assert ledger.remaining("dataset:d") == 1_000_000


@pytest.mark.parametrize(("setting", "value"), [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1)])
def test_sqlite_is_on_disk_before_a_call_returns(folder: Path, setting: str, value: Any) -> None:
    with Ledger(f"sqlite:///{folder}/ledger.sqlite") as ledger, ledger._database.writing() as connection:
        assert connection.exec_driver_sql(f"PRAGMA {setting}").scalar() == value


def test_postgresql_is_on_disk_before_a_call_returns(server: postgresql.Server) -> None:
    """Whatever the operator's defaults are for other applications."""
    url = server.new_database()
    name = make_url(url).database
    server.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    server.execute(f"ALTER DATABASE {name} SET default_transaction_isolation = 'repeatable read'")
    with Ledger(url) as ledger, ledger._database.writing() as connection:
        assert connection.scalar(text("SHOW synchronous_commit")) == "on"
        assert connection.scalar(text("SHOW transaction_isolation")) == "read committed"


def test_postgresql_shows_a_reader_one_state(server: postgresql.Server) -> None:
    with Ledger(server.new_database()) as ledger, ledger._database.reading() as connection:
        assert connection.scalar(text("SHOW transaction_isolation")) == "repeatable read"


def test_a_postgresql_that_would_forget_is_refused() -> None:
    with postgresql.running("fsync=off") as server, pytest.raises(LedgerUnavailable, match="fsync off"):
        Ledger(server.new_database())


def test_a_server_that_was_started_again_is_found_again(server: postgresql.Server) -> None:
    """The connections of the pool are dead; the next call notices, and takes a new one."""
    with Ledger(server.new_database()) as ledger:
        ledger.grant("dataset:d", 10, granted_by="owner")
        server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
        assert ledger.remaining("dataset:d") == 10


class ResetSocket:
    """Takes what is sent, and has nothing but an error to read."""

    def write(self, _sent: bytes) -> None: ...

    def flush(self) -> None: ...

    def read(self, _size: int) -> bytes:
        raise ConnectionResetError(104, "Connection reset by peer")

    def close(self) -> None: ...


def test_a_socket_that_the_server_reset_is_noticed_too(server: postgresql.Server) -> None:
    """Whether a dead connection shows as the driver's error or as its socket's is a matter of timing."""
    with Ledger(server.new_database()) as ledger:
        ledger.grant("dataset:d", 10, granted_by="owner")
        with ledger._database.engine.connect() as connection:
            pooled: Any = connection.connection.dbapi_connection
        pooled._sock = ResetSocket()
        assert ledger.remaining("dataset:d") == 10


def test_a_socket_that_is_reset_in_the_middle_is_told_as_unavailable(server: postgresql.Server) -> None:
    def lose(ledger: Ledger) -> None:
        with ledger._database.writing() as connection:
            pooled: Any = connection.connection.dbapi_connection
            pooled._sock = ResetSocket()
            connection.execute(text("SELECT 1"))

    with Ledger(server.new_database()) as ledger:
        ledger.grant("dataset:d", 10, granted_by="owner")
        with pytest.raises(LedgerUnavailable):
            lose(ledger)
        assert ledger.spent("dataset:d") == 0


def test_a_connection_lost_in_the_middle_charges_nothing(server: postgresql.Server) -> None:
    def lose(ledger: Ledger) -> None:
        with ledger._database.writing() as connection:
            connection.execute(text("UPDATE ledger_balance SET spent = 5"))
            server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
            connection.execute(text("SELECT 1"))

    with Ledger(server.new_database()) as ledger:
        ledger.grant("dataset:d", 10, granted_by="owner")
        with pytest.raises(LedgerUnavailable):
            lose(ledger)
        assert ledger.spent("dataset:d") == 0


def test_who_holds_the_ledger_and_does_nothing_is_cut_off(
    server: postgresql.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer that was stopped, but did not end, would keep everybody else out."""

    def hold(holder: Ledger, ledger: Ledger) -> None:
        with holder._database.writing() as connection:
            ledger.reserve(["dataset:d"], 1, "r")
            connection.execute(text("SELECT 1"))

    monkeypatch.setattr(ledger_database, "IDLE_MS", 50)
    url = server.new_database()
    with Ledger(url) as holder, Ledger(url) as ledger:
        ledger.grant("dataset:d", 10, granted_by="owner")
        with pytest.raises(LedgerUnavailable):
            hold(holder, ledger)
        assert ledger.spent("dataset:d") == 1
        with ledger._database.reading(at_leisure=True) as connection:  # as verify reads, which keeps nobody waiting
            assert connection.scalar(text("SHOW idle_in_transaction_session_timeout")) == "0"


def test_the_tables_are_those_of_the_ledger_and_no_others(url: str) -> None:
    Ledger(url).close()
    address: Any = make_url(url)
    if address.get_backend_name() == "postgresql":
        address = address.set(drivername="postgresql+pg8000")
    engine = create_engine(address)
    names = inspect(engine).get_table_names()
    engine.dispose()
    assert all(name.startswith("ledger_") for name in names)
