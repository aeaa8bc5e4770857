"""From an older ledger, or none, to the tables of `schema`, in one transaction: all of it, or the old one stays.

Version 1 had `budget_grant`, `charge` and `charged_scope`. Its reservations may have been read from, so they can no
longer be given back. Software of version 1 finds its tables gone and charges nothing.
"""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, inspect, text

from disclosure_control.errors import LedgerError
from disclosure_control.privacy.ledger import schema, writing
from disclosure_control.privacy.ledger.charges import Charge, ChargeState
from disclosure_control.privacy.ledger.entries import Seal
from disclosure_control.privacy.ledger.scopes import parse_scope

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


_STEPS: dict[int | None, Callable[[Connection, Seal], None]] = {None: _create, 1: _from_version_1}
