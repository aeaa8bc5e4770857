"""History is never edited: the database refuses, and what is edited behind its back is noticed (I6, I8)."""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, create_engine, make_url, select, text, update
from sqlalchemy.exc import DBAPIError

from disclosure_control import BrokenLedger, Ledger, LedgerError
from disclosure_control.privacy.ledger import Head
from disclosure_control.privacy.ledger.schema import FORBIDDEN, REFUSAL, entry, metadata

KEY = b"k" * 32
TABLES = tuple(metadata.tables)


@contextmanager
def beside(url: str) -> Iterator[Engine]:
    """The database as somebody else who may write to it has it."""
    address = make_url(url)
    if address.get_backend_name() == "postgresql":
        address = address.set(drivername="postgresql+pg8000")
    engine = create_engine(address)
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def tampering(url: str) -> Iterator[Connection]:
    """The database without its triggers: who owns it can take them away."""
    with beside(url) as engine, engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            for name in connection.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
                connection.execute(text(f"DROP TRIGGER {name}"))
        else:
            connection.execute(text("SET session_replication_role = replica"))  # no trigger, no foreign key
        yield connection


@pytest.fixture
def kept(url: str) -> Iterator[Ledger]:
    """A sealed ledger in which everything has happened once."""
    with Ledger(url, key=KEY) as ledger:
        for scope in ("dataset:d", "project:p/d", "person:ada", "person:bob"):
            ledger.grant(scope, 1000, granted_by="owner")
        both = ["dataset:d", "project:p/d"]
        ledger.commit(ledger.begin(ledger.reserve([*both, "person:ada"], 10, "committed")), b"noisy counts")
        ledger.commit(ledger.reserve(both, 15, "other"), b"other noisy counts")
        ledger.void(ledger.reserve(both, 20, "void"), "the copy could not be opened")
        ledger.begin(ledger.reserve(both, 30, "reading", nano_delta=7))
        ledger.reserve(both, 40, "reserved")
        ledger.record_exact("dataset:d", "crosstab by site", recorded_by="checker")
        yield ledger


# ---------------------------------------------------------------------------------------------- refused


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_entry SET detail = '{}'",
        "DELETE FROM ledger_entry WHERE sequence = 1",
        "UPDATE ledger_balance SET granted = granted - 1",
        "UPDATE ledger_balance SET scope = 'dataset:e' WHERE scope = 'person:ada'",
        "DELETE FROM ledger_balance",
        "UPDATE ledger_charge SET nano_rho = 1",
        "UPDATE ledger_charge SET request = 'x' WHERE request = 'reserved'",
        "UPDATE ledger_charge SET scopes = 'dataset:e'",
        "UPDATE ledger_charge SET result = '' WHERE request = 'committed'",
        "UPDATE ledger_charge SET state = 'void', result = NULL WHERE request = 'committed'",
        "UPDATE ledger_charge SET state = 'void' WHERE request = 'reading'",
        "UPDATE ledger_charge SET state = 'reserved' WHERE request = 'void'",
        "DELETE FROM ledger_charge WHERE state = 'void'",
        "UPDATE ledger_charged SET scope = 'dataset:e'",
        "DELETE FROM ledger_charged",
        "UPDATE ledger_exact SET what = 'x'",
        "DELETE FROM ledger_exact",
        "DELETE FROM ledger_schema",
        "INSERT INTO ledger_charge VALUES ('c', 999, 'r', 'dataset:d', 1, 0, 'reading', 'now', NULL)",
    ],
)
def test_the_database_refuses_to_edit_what_is_written(kept: Ledger, url: str, statement: str) -> None:
    before = kept.verify()
    with beside(url) as engine, pytest.raises(DBAPIError, match=REFUSAL), engine.begin() as connection:
        connection.execute(text(statement))
    assert kept.verify() == before


def test_every_table_has_its_rows_guarded() -> None:
    assert {(table, action) for table, action, _ in FORBIDDEN} >= {(table, "DELETE") for table in TABLES}
    updated = {table for table, action, _ in FORBIDDEN if action == "UPDATE"}
    assert updated == set(TABLES) - {"ledger_schema"}  # whose version a migration changes


@pytest.mark.parametrize("table", TABLES)
def test_postgresql_refuses_to_empty_a_table(table: str, server: Any) -> None:
    url = server.new_database()
    with Ledger(url), beside(url) as engine, pytest.raises(DBAPIError, match=REFUSAL), engine.begin() as connection:
        connection.execute(text(f"TRUNCATE {table} CASCADE"))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_balance SET spent = granted + 1 WHERE scope = 'dataset:d'",
        "UPDATE ledger_balance SET spent = -1 WHERE scope = 'dataset:d'",
        "UPDATE ledger_charge SET state = 'committed' WHERE request = 'reserved'",
        "UPDATE ledger_charge SET result = '' WHERE request = 'reserved'",
        "UPDATE ledger_charge SET state = 'lent' WHERE request = 'reserved'",
        "UPDATE ledger_charge SET nano_rho = 0 WHERE request = 'reserved'",
        "UPDATE ledger_charge SET request = 'reserved' WHERE request = 'committed'",
    ],
)
def test_even_without_triggers_the_tables_refuse_what_cannot_be(kept: Ledger, url: str, statement: str) -> None:
    """Overspending, a result without its commit, a second charge for one request: the database has a say of its own."""
    with pytest.raises(DBAPIError, match=r"(?i)constraint"), tampering(url) as connection:
        connection.execute(text(statement))


# ---------------------------------------------------------------------------------------------- noticed


EDITS: dict[str, tuple[str, str]] = {
    "a larger grant": (
        'UPDATE ledger_entry SET detail = \'{"granted_by":"owner","nano_rho":9000}\' WHERE sequence = 1',
        "entry 1 was changed",
    ),
    "an entry taken out": ("DELETE FROM ledger_entry WHERE sequence = 3", "entry 3 is missing"),
    "the first entry taken out": ("DELETE FROM ledger_entry WHERE sequence = 1", "entry 1 is missing"),
    "a balance granted more": ("UPDATE ledger_balance SET granted = 9000", "balance of"),
    "a balance spent less": ("UPDATE ledger_balance SET spent = 0 WHERE scope = 'project:p/d'", "“project:p/d”"),
    "a balance taken out": ("DELETE FROM ledger_balance WHERE scope = 'person:bob'", "a scope has lost its balance"),
    "a charge taken out": ("DELETE FROM ledger_charge WHERE request = 'reading'", "was taken out"),
    "a balance of nobody": ("INSERT INTO ledger_balance VALUES ('dataset:e', 9, 0, 0, 0)", "“dataset:e”"),
    "a cheaper charge": ("UPDATE ledger_charge SET nano_rho = 1 WHERE request = 'reading'", "not as its entries tell"),
    "another δ": ("UPDATE ledger_charge SET nano_delta = 1 WHERE request = 'reading'", "not as its entries tell"),
    "a balance with less δ": ("UPDATE ledger_balance SET spent_delta = 0", "balance of"),
    "another request": ("UPDATE ledger_charge SET request = 'x' WHERE request = 'void'", "not as its entries tell"),
    "another state": ("UPDATE ledger_charge SET state = 'reserved' WHERE request = 'reading'", "not as its entries"),
    "another result": ("UPDATE ledger_charge SET result = 'zero' WHERE request = 'committed'", "not as its entries"),
    "another scope": ("UPDATE ledger_charge SET scopes = 'dataset:e' WHERE request = 'other'", "not as its entries"),
    "a scope not charged": ("DELETE FROM ledger_charged WHERE scope = 'project:p/d'", "charges of a scope"),
    "an exact release forgotten": ("DELETE FROM ledger_exact", "exact releases"),
    "an exact release renamed": ("UPDATE ledger_exact SET what = 'nothing'", "exact releases"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_behind_the_ledgers_back_is_noticed(kept: Ledger, url: str, edit: str) -> None:
    statement, told = EDITS[edit]
    kept.verify()
    with tampering(url) as connection:
        connection.exec_driver_sql(statement)
    with pytest.raises(BrokenLedger, match=told):
        kept.verify()


def test_a_charge_taken_out_with_its_traces_is_noticed(kept: Ledger, url: str) -> None:
    with tampering(url) as connection:
        taken = connection.scalar(text("SELECT id FROM ledger_charge WHERE request = 'reading'"))
        connection.execute(text("DELETE FROM ledger_charged WHERE charge_id = :id"), {"id": taken})
        connection.execute(text("DELETE FROM ledger_charge WHERE id = :id"), {"id": taken})
        connection.execute(text("UPDATE ledger_balance SET spent = spent - 30 WHERE scope LIKE '%d'"))
    with pytest.raises(BrokenLedger):
        kept.verify()


READS: dict[str, Callable[[Ledger], Any]] = {
    "find": lambda ledger: ledger.find("committed"),
    "reserve": lambda ledger: ledger.reserve(["dataset:d", "person:ada", "project:p/d"], 10, "committed"),
    "history": lambda ledger: ledger.history("person:ada"),
}


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("swapped", ["'zero'", "(SELECT result FROM ledger_charge WHERE request = 'other')"])
def test_a_result_that_was_edited_is_not_given_out(kept: Ledger, url: str, read: str, swapped: str) -> None:
    READS[read](kept)
    with tampering(url) as connection:
        if connection.dialect.name == "postgresql":
            swapped = swapped.replace("'zero'", "'zero'::bytea")
        connection.execute(text(f"UPDATE ledger_charge SET result = {swapped} WHERE request = 'committed'"))
    with pytest.raises(BrokenLedger, match="not the one that was committed"):
        READS[read](kept)


def hashed_with(key: bytes) -> Callable[[bytes], str]:
    return lambda content: hmac.new(key, content, hashlib.sha256).hexdigest()


def rewrite(connection: Connection, hashed: Callable[[bytes], str], **replaced: tuple[str, str]) -> None:
    """Replace a text in columns of all entries, and make every hash anew."""
    previous = "0" * 64
    for row in connection.execute(select(entry).order_by(entry.c.sequence)).all():
        values = {**row._mapping, "previous": previous}
        for column, (old, new) in replaced.items():
            values[column] = values[column].replace(old, new)
        del values["hash"]
        own = hashed(json.dumps(list(values.values()), separators=(",", ":"), ensure_ascii=False).encode())
        connection.execute(update(entry).where(entry.c.sequence == row.sequence).values(**values, hash=own))
        previous = own


TEN_TIMES = ('"nano_rho":1000}', '"nano_rho":10000}')


@pytest.mark.parametrize("key", [b"", b"x" * 32])
def test_without_the_key_the_chain_cannot_be_made_anew(kept: Ledger, url: str, key: bytes) -> None:
    with tampering(url) as connection:
        rewrite(connection, hashed_with(key), detail=TEN_TIMES)
        connection.execute(text("UPDATE ledger_balance SET granted = 10000"))
    with pytest.raises(BrokenLedger, match="entry 1 was changed"):
        kept.verify()


def test_it_is_the_key_that_protects(kept: Ledger, url: str) -> None:
    """With it the same goes through: nothing else was wrong with the attempt."""
    with tampering(url) as connection:
        rewrite(connection, hashed_with(KEY), detail=TEN_TIMES)
        connection.execute(text("UPDATE ledger_balance SET granted = 10000"))
    kept.verify()


@pytest.mark.parametrize(
    ("replaced", "told"),
    [
        ({"kind": ("void", "lent")}, "tells of what cannot have happened"),
        ({"kind": ("reading", "reserved")}, "tells of what cannot have happened"),
        ({"kind": ("committed", "void")}, "tells of what cannot have happened"),
        ({"detail": ('"nano_rho":1000}', '"nano_rho":10}')}, "spends more than"),
        ({"detail": ('"nano_delta":0,', '"nano_delta":10001,')}, "spends more than"),
    ],
    ids=str,
)
def test_even_with_the_key_a_history_that_cannot_be_is_noticed(
    kept: Ledger, url: str, replaced: dict[str, tuple[str, str]], told: str
) -> None:
    with tampering(url) as connection:
        rewrite(connection, hashed_with(KEY), **replaced)
    with pytest.raises(BrokenLedger, match=told):
        kept.verify()


def test_a_ledger_put_back_to_an_older_state_is_noticed(kept: Ledger, tmp_path: Path) -> None:
    """Each state by itself is whole; the end of the chain, kept elsewhere, tells them apart."""
    older = kept.head()
    kept.grant("dataset:d", 1, granted_by="owner")
    newer = kept.verify(older)
    assert newer.sequence == older.sequence + 1
    assert kept.verify(newer) == newer
    with Ledger(f"sqlite:///{tmp_path}/other.sqlite", key=KEY) as other:
        other.grant("dataset:d", 1000, granted_by="owner")
        for checkpoint in (newer, Head(1, newer.hash), Head(99, newer.hash)):
            with pytest.raises(BrokenLedger, match=f"does not hold entry {checkpoint.sequence} as it once was"):
                other.verify(checkpoint)
        assert other.verify(Head(0, "0" * 64)) == other.head()


# ---------------------------------------------------------------------------------------------- keys


@pytest.mark.parametrize("other", [None, b"x" * 32])
def test_a_ledger_is_opened_with_the_key_that_it_was_made_with(kept: Ledger, url: str, other: bytes | None) -> None:
    with pytest.raises(LedgerError, match="Open it with the key that it was made with") as told:
        Ledger(url, key=other)
    assert KEY.decode() not in str(told.value)
    with Ledger(url, key=KEY) as again:
        assert again.verify() == kept.verify()


def test_a_ledger_without_a_key_is_not_opened_with_one(url: str) -> None:
    with Ledger(url):
        pass
    with pytest.raises(LedgerError, match="no key"):
        Ledger(url, key=KEY)


@pytest.mark.parametrize("key", [b"", b"short", "k" * 32])
def test_a_key_is_32_bytes_or_more(key: Any, tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="32 random bytes"):
        Ledger(f"sqlite:///{tmp_path}/ledger.sqlite", key=key)


def test_the_key_is_in_no_representation_and_not_in_the_database(kept: Ledger, url: str) -> None:
    assert "kkk" not in repr(vars(kept))
    with beside(url) as engine, engine.connect() as connection:
        told = str([connection.execute(text(f"SELECT * FROM {table}")).all() for table in TABLES])
    assert KEY.decode() not in told
    assert KEY.hex() not in told
