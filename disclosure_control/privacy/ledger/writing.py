"""The writes of the ledger, each with its entry in the chain, inside a transaction of the caller's."""

import hashlib
from typing import Any

from sqlalchemy import Connection, insert, select, update

from disclosure_control.errors import LedgerError
from disclosure_control.privacy.ledger.amounts import LARGEST
from disclosure_control.privacy.ledger.charges import Charge, ChargeState
from disclosure_control.privacy.ledger.entries import Seal, append, broken
from disclosure_control.privacy.ledger.guarantee import ExactRelease
from disclosure_control.privacy.ledger.schema import balance, charge, charged, exact


def add_grant(connection: Connection, seal: Seal, scope: str, nano_rho: int, granted_by: str, *, at: str = "") -> None:
    """Make a scope's budget larger."""
    granted = connection.scalar(select(balance.c.granted).where(balance.c.scope == scope))
    if (granted or 0) + nano_rho > LARGEST:
        raise LedgerError(f"The grants of “{scope}” would add up to more than {LARGEST} billionths of ρ.")
    append(connection, seal, "grant", scope, {"nano_rho": nano_rho, "granted_by": granted_by}, at)
    if granted is None:
        connection.execute(insert(balance).values(scope=scope, granted=nano_rho, spent=0))
    else:
        change = update(balance).where(balance.c.scope == scope)
        connection.execute(change.values(granted=balance.c.granted + nano_rho))


def add_charge(
    connection: Connection, seal: Seal, charge_id: str, scopes: tuple[str, ...], nano_rho: int, request: str, *, at: str
) -> Charge:
    """Take a price from every scope; the database refuses what would overspend one."""
    detail = {"request": request, "nano_rho": nano_rho, "scopes": list(scopes)}
    written = append(connection, seal, ChargeState.RESERVED.value, charge_id, detail, at)
    row = {"id": charge_id, "sequence": written.sequence, "request": request, "nano_rho": nano_rho, "at": written.at}
    connection.execute(insert(charge).values(**row, state=ChargeState.RESERVED.value))
    connection.execute(insert(charged), [{"charge_id": charge_id, "scope": scope} for scope in scopes])
    _spend(connection, scopes, nano_rho)
    return Charge(charge_id, request, scopes, nano_rho, ChargeState.RESERVED, written.at)


def move(
    connection: Connection, seal: Seal, charge_id: str, state: ChargeState, detail: dict[str, Any] | None = None
) -> None:
    """Another state for a charge. The triggers refuse one that `TRANSITIONS` does not have."""
    append(connection, seal, state.value, charge_id, detail or {})
    connection.execute(update(charge).where(charge.c.id == charge_id).values(state=state.value))


def store_result(connection: Connection, seal: Seal, charge_id: str, result: bytes) -> None:
    """Commit a charge with what it paid for; its entry seals the result."""
    append(connection, seal, ChargeState.COMMITTED.value, charge_id, {"sha256": hashlib.sha256(result).hexdigest()})
    change = update(charge).where(charge.c.id == charge_id)
    connection.execute(change.values(state=ChargeState.COMMITTED.value, result=result))


def give_back(connection: Connection, seal: Seal, voided: Charge, reason: str) -> None:
    """Void a charge, and take its price off what its scopes have spent."""
    move(connection, seal, voided.id, ChargeState.VOID, {"reason": reason})
    _spend(connection, voided.scopes, -voided.nano_rho)


def add_exact(connection: Connection, seal: Seal, scope: str, what: str, recorded_by: str) -> ExactRelease:
    """Put an exact release on record."""
    written = append(connection, seal, "exact", scope, {"what": what, "recorded_by": recorded_by})
    connection.execute(insert(exact).values(scope=scope, what=what, sequence=written.sequence))
    return ExactRelease(scope, what, recorded_by, written.at)


def _spend(connection: Connection, scopes: tuple[str, ...], nano_rho: int) -> None:
    change = update(balance).where(balance.c.scope.in_(scopes)).values(spent=balance.c.spent + nano_rho)
    if connection.execute(change).rowcount != len(scopes):
        raise broken("a scope that was charged has no balance")
