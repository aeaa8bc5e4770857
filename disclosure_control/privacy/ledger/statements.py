"""The statements of a charge, as SQL text, run by the driver itself.

A charge takes some fifteen of them while everybody else waits, and SQLAlchemy's way to a statement takes ten times as
long as SQLite's. They are the same in SQLite and PostgreSQL but for how a parameter is marked. Everything that is not
on this path (history, verification, migration) goes the usual way.
"""

import re
from functools import cache
from typing import Any

from sqlalchemy import Connection

SCHEMA = "SELECT version, seal FROM ledger_schema"
LOCK = {"sqlite": SCHEMA, "postgresql": f"{SCHEMA} FOR UPDATE"}
"""SQLite's immediate transaction has the lock already."""

_CHARGE = "SELECT id, sequence, request, scopes, nano_rho, nano_delta, state, at, result FROM ledger_charge"
CHARGE = f"{_CHARGE} WHERE id = :id"
LIVE_CHARGE = f"{_CHARGE} WHERE request = :request AND state <> 'void'"
BALANCE = "SELECT granted, spent, granted_delta, spent_delta FROM ledger_balance WHERE scope = :scope"
HEAD = "SELECT sequence, hash FROM ledger_entry ORDER BY sequence DESC LIMIT 1"
ENTRIES = (
    "SELECT sequence, at, kind, subject, detail, previous, hash FROM ledger_entry "
    "WHERE subject = :subject AND kind = :kind ORDER BY sequence"
)

ADD_ENTRY = "INSERT INTO ledger_entry VALUES (:sequence, :at, :kind, :subject, :detail, :previous, :hash)"
ADD_CHARGE = (
    "INSERT INTO ledger_charge (id, sequence, request, scopes, nano_rho, nano_delta, state, at) "
    "VALUES (:id, :sequence, :request, :scopes, :nano_rho, :nano_delta, :state, :at)"
)
ADD_CHARGED = "INSERT INTO ledger_charged (charge_id, scope) VALUES (:id, :scope)"
ADD_BALANCE = (
    "INSERT INTO ledger_balance (scope, granted, spent, spent_delta, granted_delta) VALUES (:scope, :rho, 0, 0, :delta)"
)
ADD_EXACT = "INSERT INTO ledger_exact (scope, what, sequence) VALUES (:scope, :what, :sequence)"
GRANT = (
    "UPDATE ledger_balance SET granted = granted + :rho, granted_delta = granted_delta + :delta WHERE scope = :scope"
)
SPEND = "UPDATE ledger_balance SET spent = spent + :rho, spent_delta = spent_delta + :delta WHERE scope = :scope"
MOVE = "UPDATE ledger_charge SET state = :state WHERE id = :id"
COMMIT = "UPDATE ledger_charge SET state = 'committed', result = :result WHERE id = :id"


def run(connection: Connection, statement: str, **parameters: Any) -> Any:
    """The driver's cursor after `statement`, in the connection's transaction."""
    cursor = connection.connection.cursor()
    if connection.dialect.name == "sqlite":
        cursor.execute(statement, parameters)
    else:
        text, names = _numbered(statement)
        cursor.execute(text, tuple(parameters[name] for name in names))
    return cursor


def one(connection: Connection, statement: str, **parameters: Any) -> Any:
    """The first row, or None."""
    return run(connection, statement, **parameters).fetchone()


@cache
def _numbered(statement: str) -> tuple[str, tuple[str, ...]]:
    """The statement with `%s` for each `:name`, and the names in order."""
    return re.sub(r":\w+", "%s", statement), tuple(re.findall(r":(\w+)", statement))
