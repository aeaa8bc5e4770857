"""The privacy ledger: who spent how much of which budget, charged durably before any noise is drawn (I6).

Amounts are whole billionths of ρ. A charge is reserved in all its scopes in one immediate transaction, then
committed together with the result that it paid for. A reservation is never given back: after a crash the data may
have been touched. The same request is charged once; when it has a result, a retry gets the very same bytes.
"""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import (
    CheckConstraint,
    Column,
    Connection,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    create_engine,
    event,
    func,
    insert,
    select,
    update,
)

from disclosure_control.errors import BudgetExceeded, LedgerError

SCHEMA_VERSION = 1
BUSY_TIMEOUT_MS = 30_000

_metadata = MetaData()
_schema = Table("ledger_schema", _metadata, Column("version", Integer, nullable=False))
_grant = Table(
    "budget_grant",
    _metadata,
    Column("id", Integer, primary_key=True),
    Column("scope", Text, nullable=False, index=True),
    Column("nano_rho", Integer, CheckConstraint("nano_rho > 0"), nullable=False),
    Column("granted_by", Text, nullable=False),
    Column("at", Text, nullable=False),
)
_charge = Table(
    "charge",
    _metadata,
    Column("id", Text, primary_key=True),
    Column("request", Text, nullable=False, unique=True),
    Column("nano_rho", Integer, CheckConstraint("nano_rho > 0"), nullable=False),
    Column("state", Text, CheckConstraint("state IN ('reserved', 'committed')"), nullable=False),
    Column("at", Text, nullable=False),
    Column("result", LargeBinary),
)
_charged = Table(
    "charged_scope",
    _metadata,
    Column("charge_id", Text, ForeignKey("charge.id"), primary_key=True),
    Column("scope", Text, primary_key=True, index=True),
)


@dataclass(frozen=True)
class Charge:
    """One payment. `result` is what it paid for, once committed."""

    id: str
    request: str
    scopes: tuple[str, ...]
    nano_rho: int
    state: Literal["reserved", "committed"]
    result: bytes | None


class Ledger:
    """The ledger at a database URL; made there when there is none.

    Raises:
        LedgerError: the database holds a ledger of another schema version.
    """

    def __init__(self, url: str) -> None:
        self._engine = create_engine(url)
        if self._engine.dialect.name == "sqlite":
            event.listen(self._engine, "connect", _prepare_sqlite)
            event.listen(self._engine, "begin", _begin_immediate)
        with self._transaction() as connection:
            _metadata.create_all(connection)
            version = connection.scalar(select(_schema.c.version))
            if version is None:
                connection.execute(insert(_schema).values(version=SCHEMA_VERSION))
            elif version != SCHEMA_VERSION:
                raise LedgerError(
                    f"This ledger has schema version {version}, and this software knows {SCHEMA_VERSION}. "
                    "Migrate the ledger before anything is charged."
                )

    def grant(self, scope: str, nano_rho: int, *, granted_by: str) -> None:
        """Add to a scope's budget. Raises `LedgerError` unless the amount is positive."""
        if nano_rho <= 0:
            raise LedgerError("A grant is a positive number of billionths of ρ.")
        values = {"scope": scope, "nano_rho": nano_rho, "granted_by": granted_by, "at": _now()}
        with self._transaction() as connection:
            connection.execute(insert(_grant).values(**values))

    def reserve(self, scopes: Sequence[str], nano_rho: int, request: str) -> Charge:
        """Charge all scopes, durably, or none; the charge that `request` already has is returned as it is.

        Raises:
            BudgetExceeded: a scope has less left than the price; says how much.
            LedgerError: no scope, a price that is not positive, or `request` was charged for something else.
        """
        wanted = tuple(sorted(set(scopes)))
        if not wanted or nano_rho <= 0:
            raise LedgerError("A charge needs at least one scope and a positive price.")
        with self._transaction() as connection:
            earlier = _find(connection, _charge.c.request == request)
            if earlier is not None:
                if (earlier.scopes, earlier.nano_rho) != (wanted, nano_rho):
                    raise LedgerError("This request was charged before with another price or from other budgets.")
                return earlier
            for scope in wanted:
                _require_left(connection, scope, nano_rho)
            charge = Charge(f"c-{secrets.token_hex(8)}", request, wanted, nano_rho, "reserved", None)
            row = {"id": charge.id, "request": request, "nano_rho": nano_rho, "state": "reserved", "at": _now()}
            connection.execute(insert(_charge).values(**row))
            connection.execute(insert(_charged), [{"charge_id": charge.id, "scope": scope} for scope in wanted])
        return charge

    def commit(self, charge: Charge, result: bytes) -> Charge:
        """Store the result that the charge paid for. A second commit of the same bytes changes nothing.

        Raises:
            LedgerError: unknown charge, or it has another result already.
        """
        with self._transaction() as connection:
            present = _find(connection, _charge.c.id == charge.id)
            if present is None:
                raise LedgerError("This charge is not in the ledger; its result is not released.")
            if present.result is not None and present.result != result:
                raise LedgerError("This charge has a result already; a second draw of noise is not released.")
            connection.execute(
                update(_charge).where(_charge.c.id == charge.id).values(state="committed", result=result)
            )
        return Charge(present.id, present.request, present.scopes, present.nano_rho, "committed", result)

    def granted(self, scope: str) -> int:
        """Billionths of ρ granted to a scope so far."""
        with self._transaction() as connection:
            return _granted(connection, scope)

    def spent(self, scope: str) -> int:
        """Billionths of ρ charged to a scope so far, reservations included."""
        with self._transaction() as connection:
            return _spent(connection, scope)

    def remaining(self, scope: str) -> int:
        """Billionths of ρ that a scope has left."""
        with self._transaction() as connection:
            return _granted(connection, scope) - _spent(connection, scope)

    def history(self, scope: str) -> list[Charge]:
        """The charges of a scope, oldest first."""
        query = (
            select(_charge.c.id).join(_charged).where(_charged.c.scope == scope).order_by(_charge.c.at, _charge.c.id)
        )
        with self._transaction() as connection:
            found = [_find(connection, _charge.c.id == each) for each in connection.scalars(query).all()]
        return [charge for charge in found if charge is not None]

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with self._engine.begin() as connection:
            yield connection


def _find(connection: Connection, condition: Any) -> Charge | None:
    row = connection.execute(select(_charge).where(condition)).one_or_none()
    if row is None:
        return None
    scopes = connection.scalars(select(_charged.c.scope).where(_charged.c.charge_id == row.id)).all()
    return Charge(row.id, row.request, tuple(sorted(scopes)), row.nano_rho, row.state, row.result)


def _require_left(connection: Connection, scope: str, nano_rho: int) -> None:
    left = _granted(connection, scope) - _spent(connection, scope)
    if nano_rho > left:
        raise BudgetExceeded(
            f"This costs ρ = {nano_rho / 1e9:g}, and the budget “{scope}” has ρ = {left / 1e9:g} left. "
            "Ask with a smaller ρ (more noise), or ask the data owner for a larger budget."
        )


def _granted(connection: Connection, scope: str) -> int:
    return connection.scalar(select(func.coalesce(func.sum(_grant.c.nano_rho), 0)).where(_grant.c.scope == scope)) or 0


def _spent(connection: Connection, scope: str) -> int:
    query = select(func.coalesce(func.sum(_charge.c.nano_rho), 0)).join(_charged).where(_charged.c.scope == scope)
    return connection.scalar(query) or 0


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _prepare_sqlite(connection: Any, _entry: Any) -> None:
    connection.isolation_level = None
    for pragma in (f"busy_timeout={BUSY_TIMEOUT_MS}", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
