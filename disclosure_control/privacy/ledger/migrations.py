"""From an older ledger, or none, to the tables of `schema`, in one transaction: all of it, or the old one stays.

Version 1 had `budget_grant`, `charge` and `charged_scope`. Its reservations may have been read from, so they can no
longer be given back. Software of version 1 finds its tables gone and charges nothing.

Version 2 added δ up without a limit. Each of its scopes gets the limit that a first grant brings today, or what it has
spent where that is more: an entry says so, and the entries before it stay as they were.
"""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, inspect, text

from disclosure_control.errors import LedgerError
from disclosure_control.privacy.ledger import schema, writing
from disclosure_control.privacy.ledger.amounts import DEFAULT_DELTA
from disclosure_control.privacy.ledger.charges import Charge, ChargeState
from disclosure_control.privacy.ledger.entries import Seal, append
from disclosure_control.privacy.ledger.scopes import parse_scope

_MIGRATION = "migration to schema version 3"
_CREATION_LOCK = 5_319_820_746
"""PostgreSQL's advisory lock for those who make or migrate a ledger in one database."""


def stored_version(connection: Connection) -> int | None:
    """The version of the ledger in this database; None where there is none.

    Raises:
        LedgerError: it does not say.
    """
    if not inspect(connection).has_table("ledger_schema"):
        return None
    versions = connection.scalars(text("SELECT version FROM ledger_schema")).all()
    if len(versions) != 1 or not isinstance(versions[0], int):
        raise LedgerError("This ledger does not say which schema version it has. Put back a whole copy of it.")
    return versions[0]


def bring_up_to_date(connection: Connection, seal: Seal) -> None:
    """Make the ledger, or migrate an older one. The caller holds the write lock (SQLite).

    Raises:
        LedgerError: a schema version that this software does not know.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _CREATION_LOCK})
    version = stored_version(connection)
    if version == schema.SCHEMA_VERSION:
        return
    if version not in _STEPS:
        raise LedgerError(
            f"This ledger has schema version {version}, and this software knows {schema.SCHEMA_VERSION}. "
            "Use newer software, or put back the ledger that belongs to this one."
        )
    _STEPS[version](connection, seal)


def _create(connection: Connection, seal: Seal) -> None:
    schema.create(connection, seal.name)


def _from_version_1(connection: Connection, seal: Seal) -> None:
    grants = _rows(connection, "SELECT scope, nano_rho, granted_by, at FROM budget_grant ORDER BY id")
    charges = _rows(connection, "SELECT id, request, nano_rho, state, at, result FROM charge ORDER BY at, id")
    scopes: dict[str, list[str]] = defaultdict(list)
    for row in _rows(connection, "SELECT charge_id, scope FROM charged_scope ORDER BY scope"):
        scopes[row.charge_id].append(str(parse_scope(row.scope)))
    for table in ("charged_scope", "charge", "budget_grant", "ledger_schema"):
        connection.execute(text(f"DROP TABLE {table}"))
    schema.create(connection, seal.name)
    for row in grants:
        writing.add_grant(connection, seal, str(parse_scope(row.scope)), row.nano_rho, row.granted_by, at=row.at)
    for row in charges:
        paid = Charge(row.id, row.request, tuple(scopes[row.id]), row.nano_rho, ChargeState.RESERVED, row.at)
        writing.add_charge(connection, seal, paid)
        if row.state == "committed":
            writing.store_result(connection, seal, row.id, row.result)
        else:
            writing.move(connection, seal, row.id, ChargeState.READING)


def _rows(connection: Connection, query: str) -> list[Any]:
    return list(connection.execute(text(query)).all())


def _from_version_2(connection: Connection, seal: Seal) -> None:
    present = _rows(connection, "SELECT scope, granted, spent, spent_delta FROM ledger_balance ORDER BY scope")
    limits = {row.scope: max(DEFAULT_DELTA, row.spent_delta) for row in present}
    if connection.dialect.name == "sqlite":
        _rebuild_balances(connection, present, limits)
    else:
        _alter_balances(connection, limits)
    connection.execute(schema.schema.update().values(version=3))
    for scope, limit in limits.items():
        append(connection, seal, "grant", scope, {"nano_rho": 0, "nano_delta": limit, "granted_by": _MIGRATION})


def _rebuild_balances(connection: Connection, present: list[Any], limits: dict[str, int]) -> None:
    """SQLite adds no constraint to a table: it is made anew, and whose key it holds waits for the commit."""
    connection.execute(text("PRAGMA defer_foreign_keys=ON"))
    connection.execute(text("DROP TABLE ledger_balance"))
    schema.balance.create(connection)
    schema.guard(connection, schema.balance.name)
    for row in present:
        connection.execute(schema.balance.insert().values(**row._mapping, granted_delta=limits[row.scope]))  # noqa: SLF001 - SQLAlchemy's public name


def _alter_balances(connection: Connection, limits: dict[str, int]) -> None:
    for action in ("update", "delete", "truncate"):
        connection.execute(text(f"DROP TRIGGER ledger_balance_{action} ON ledger_balance"))
    connection.execute(text("ALTER TABLE ledger_balance ADD COLUMN granted_delta BIGINT NOT NULL DEFAULT 0"))
    for scope, limit in limits.items():
        query = schema.balance.update().where(schema.balance.c.scope == scope)
        connection.execute(query.values(granted_delta=limit))
    for change in (
        "ALTER COLUMN granted_delta DROP DEFAULT",
        "DROP CONSTRAINT no_negative_delta",
        "ADD CONSTRAINT delta_never_overspent CHECK (spent_delta >= 0 AND spent_delta <= granted_delta)",
    ):
        connection.execute(text(f"ALTER TABLE ledger_balance {change}"))
    schema.guard(connection, schema.balance.name)


_STEPS: dict[int | None, Callable[[Connection, Seal], None]] = {
    None: _create,
    1: _from_version_1,
    2: _from_version_2,
}
