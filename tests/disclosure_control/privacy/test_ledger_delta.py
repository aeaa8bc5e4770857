"""δ has a limit in every scope, as ρ has a budget; a ledger of before it had one keeps all that was in it."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from disclosure_control import BrokenLedger, BudgetExceeded, DeltaExceeded, Ledger, LedgerError
from disclosure_control.privacy.ledger import DEFAULT_DELTA, Head, schema
from tests import postgresql
from tests.disclosure_control.privacy.test_ledger_schema import run_in

KEY = b"k" * 32
VERSION_2 = (Path(__file__).parent / "ledger_version_2.sql").read_text()
"""A ledger of version 2, as its software left it, sealed with `KEY`: its scopes have spent δ = 12,500 billionths."""
SCOPES = ["dataset:d", "project:p/d"]


def test_a_first_grant_brings_a_limit_of_delta(ledger: Ledger) -> None:
    assert ledger.remaining_delta("dataset:d") == DEFAULT_DELTA
    ledger.grant("dataset:d", 1, granted_by="owner")
    assert ledger.remaining_delta("dataset:d") == DEFAULT_DELTA
    ledger.grant("dataset:d", 1, granted_by="owner", nano_delta=5)
    ledger.grant("dataset:d", 0, granted_by="owner", nano_delta=6)
    assert ledger.remaining_delta("dataset:d") == DEFAULT_DELTA + 11
    assert ledger.granted("dataset:d") == 1_000_002
    ledger.verify()


def test_delta_above_the_limit_is_refused_and_nothing_is_charged(ledger: Ledger) -> None:
    ledger.grant("dataset:d", 1, granted_by="owner", nano_delta=1000)
    ledger.reserve(SCOPES, 10, "r1", nano_delta=DEFAULT_DELTA)
    with pytest.raises(DeltaExceeded, match=r"costs δ = 0\.000000001, and “project:p/d” has δ = 0 left") as told:
        ledger.reserve(SCOPES, 10, "r2", nano_delta=1)
    assert (told.value.scope, told.value.price, told.value.left) == ("project:p/d", 1, 0)
    assert (ledger.spent("dataset:d"), ledger.remaining_delta("dataset:d")) == (10, 1000)
    assert ledger.find("r2") is None
    ledger.reserve(SCOPES, 10, "r3")  # what costs no δ is answered
    ledger.reserve(["dataset:d"], 10, "r4", nano_delta=1000)
    ledger.verify()


def test_an_owner_may_allow_no_delta_at_all(ledger: Ledger) -> None:
    ledger.grant("dataset:e", 100, granted_by="owner", nano_delta=0)
    ledger.grant("dataset:e", 100, granted_by="owner")
    with pytest.raises(DeltaExceeded):
        ledger.reserve(["dataset:e"], 1, "r", nano_delta=1)


def test_a_charge_that_is_given_back_gives_back_its_delta(ledger: Ledger) -> None:
    charge = ledger.reserve(SCOPES, 10, "r1", nano_delta=DEFAULT_DELTA)
    ledger.void(charge, "asked by mistake")
    assert ledger.remaining_delta("dataset:d") == DEFAULT_DELTA
    ledger.reserve(SCOPES, 10, "r1", nano_delta=DEFAULT_DELTA)


def test_what_has_no_budget_says_so_before_delta(ledger: Ledger) -> None:
    with pytest.raises(BudgetExceeded):
        ledger.reserve(["dataset:never"], 10, "r", nano_delta=10)


@pytest.mark.parametrize(("rho", "delta"), [(0, None), (0, 0), (-1, 5), (1, -1), (1, 10**9), (1, True), (1, 0.5)])
def test_a_grant_is_of_something(ledger: Ledger, rho: int, delta: int | None) -> None:
    with pytest.raises(LedgerError):
        ledger.grant("dataset:d", rho, granted_by="owner", nano_delta=delta)
    assert (ledger.granted("dataset:d"), ledger.remaining_delta("dataset:d")) == (1_000_000, DEFAULT_DELTA)


@pytest.mark.parametrize("delta", [-1, 10**9, True, 0.5, "1"])
def test_what_is_no_amount_of_delta_is_refused_before_the_database_sees_it(ledger: Ledger, delta: Any) -> None:
    head = ledger.head()
    for call in (
        lambda: ledger.grant("dataset:d", 1, granted_by="owner", nano_delta=delta),
        lambda: ledger.reserve(SCOPES, 1, "r", nano_delta=delta),
    ):
        with pytest.raises(LedgerError, match="whole billionths, none or more, and less than 1"):
            call()
    assert ledger.head() == head


def test_grants_of_delta_stay_below_one(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="promises nothing"):
        ledger.grant("dataset:d", 1, granted_by="owner", nano_delta=10**9 - DEFAULT_DELTA)


def test_those_who_race_for_the_last_delta_do_not_overspend_it(url: str) -> None:
    with Ledger(url) as made:
        made.grant("dataset:d", 1000, granted_by="owner", nano_delta=5)

    def take(number: int) -> int:
        with Ledger(url) as mine:
            try:
                return mine.reserve(["dataset:d"], 1, f"r{number}", nano_delta=1).nano_delta
            except DeltaExceeded:
                return 0

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(take, range(12))) == 5
    with Ledger(url) as seen:
        assert seen.spent("dataset:d") == 5
        seen.verify()


@pytest.mark.parametrize("edit", ["spent_delta = granted_delta + 1", "spent_delta = -1", "granted_delta = 0"])
def test_the_database_itself_refuses_to_overspend_delta(ledger: Ledger, edit: str) -> None:
    with pytest.raises(BrokenLedger), ledger._database.writing() as connection:
        connection.execute(text(f"UPDATE ledger_balance SET {edit} WHERE scope = 'dataset:d'"))


def test_a_raised_limit_is_noticed(ledger: Ledger) -> None:
    with ledger._database.writing() as connection:
        connection.execute(schema.balance.update().values(granted_delta=20_000))
    with pytest.raises(BrokenLedger, match="balance of"):
        ledger.verify()


# ---------------------------------------------------------------------------------------------- from version 2


@pytest.fixture(params=["sqlite", "postgresql"])
def old(request: pytest.FixtureRequest, folder: Path) -> str:
    """The URL of a ledger of version 2."""
    if request.param == "sqlite":
        path = folder / "ledger.sqlite"
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(VERSION_2)
        return f"sqlite:///{path}"
    server: postgresql.Server = request.getfixturevalue("server")
    url = server.new_database()
    made = VERSION_2[: VERSION_2.index("CREATE TRIGGER")].replace("BLOB", "BYTEA")
    run_in(url, *(each for each in made.replace("X'6E6F697379'", "'noisy'").split(";\n") if each.strip()))
    refuse = "BEGIN RAISE EXCEPTION 'the ledger is never edited'; END"
    run_in(url, f"CREATE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ {refuse} $$")
    for action, each in (("UPDATE", " FOR EACH ROW"), ("DELETE", " FOR EACH ROW"), ("TRUNCATE", "")):
        name = f"ledger_balance_{action.lower()}"
        when = " WHEN (NOT (NEW.scope = OLD.scope AND NEW.granted >= OLD.granted))" if action == "UPDATE" else ""
        on = f"BEFORE {action} ON ledger_balance{each}{when}"
        run_in(url, f"CREATE TRIGGER {name} {on} EXECUTE FUNCTION ledger_refuse()")
    return url


def test_a_ledger_of_version_2_keeps_its_chain_and_gets_limits(old: str) -> None:
    with Ledger(old, key=KEY) as ledger:
        head = ledger.verify(Head(13, VERSION_2.split("VALUES(13,")[1].split(");")[0].split("'")[-2]))
        assert head.sequence == 16  # three scopes, a limit for each
        assert ledger.remaining_delta("dataset:d") == 0  # it had spent more than a new scope has
        assert ledger.remaining_delta("dataset:e") == DEFAULT_DELTA
        assert (ledger.granted("dataset:d"), ledger.spent("dataset:d")) == (1500, 159)
        assert [each.state for each in ledger.history("dataset:d")] == ["committed", "reserved", "void", "reading"]
        assert ledger.reserve(SCOPES, 100, "r1", nano_delta=1000).result == b"noisy"
        with pytest.raises(DeltaExceeded):
            ledger.reserve(["dataset:d"], 1, "r9", nano_delta=1)
        ledger.reserve(["dataset:d"], 1, "r9")
        with pytest.raises(BrokenLedger), ledger._database.writing() as connection:
            connection.execute(text("UPDATE ledger_balance SET granted_delta = 1 WHERE scope = 'dataset:e'"))
        with pytest.raises(BrokenLedger), ledger._database.writing() as connection:
            connection.execute(text("DELETE FROM ledger_balance WHERE scope = 'dataset:e'"))
    with Ledger(old, key=KEY) as again:
        assert again.verify().sequence == 17


def test_a_migrated_sqlite_ledger_is_like_a_new_one(folder: Path) -> None:
    path, new = folder / "old.sqlite", folder / "new.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(VERSION_2)
    for each in (path, new):
        Ledger(f"sqlite:///{each}", key=KEY).close()
    assert everything_in(path) == everything_in(new)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


def everything_in(path: Path) -> dict[str, str]:
    """Tables, indexes and triggers, without how they are spaced."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    return {name: "".join(sql.split()) for name, sql in rows}
