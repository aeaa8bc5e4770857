"""The writes of the ledger, each with its entry in the chain, inside a transaction of the caller's."""

from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from disclosure_control.errors import LedgerError
from disclosure_control.privacy.ledger import statements
from disclosure_control.privacy.ledger.amounts import DEFAULT_DELTA, LARGEST, NANO
from disclosure_control.privacy.ledger.charges import Charge, ChargeState
from disclosure_control.privacy.ledger.entries import Seal, append, broken, digest_of
from disclosure_control.privacy.ledger.guarantee import ExactRelease


def add_grant(
    connection: Connection,
    seal: Seal,
    scope: str,
    nano_rho: int,
    granted_by: str,
    *,
    nano_delta: int | None = None,
    at: str = "",
) -> None:
    """Make a scope's budget larger. `nano_delta`: None is `DEFAULT_DELTA` for the first grant, and nothing later."""
    present = statements.one(connection, statements.BALANCE, scope=scope)
    granted, _, granted_delta, _ = present or (0, 0, 0, 0)
    delta = nano_delta if nano_delta is not None else 0 if present else DEFAULT_DELTA
    if granted + nano_rho > LARGEST:
        raise LedgerError(f"The grants of “{scope}” would add up to more than {LARGEST} billionths of ρ.")
    if granted_delta + delta >= NANO:
        raise LedgerError(f"The grants of “{scope}” would add up to δ = 1 or more, which promises nothing.")
    detail = {"nano_rho": nano_rho, "nano_delta": delta, "granted_by": granted_by}
    append(connection, seal, "grant", scope, detail, at)
    change = statements.GRANT if present else statements.ADD_BALANCE
    statements.run(connection, change, scope=scope, rho=nano_rho, delta=delta)


def add_charge(connection: Connection, seal: Seal, made: Charge) -> Charge:
    """Take a price from every scope; the database refuses what would overspend one. `made.at`: when, if not now."""
    detail = {
        "request": made.request,
        "nano_rho": made.nano_rho,
        "nano_delta": made.nano_delta,
        "scopes": list(made.scopes),
    }
    written = append(connection, seal, ChargeState.RESERVED.value, made.id, detail, made.at)
    own = {"id": made.id, "sequence": written.sequence, "state": ChargeState.RESERVED.value, "at": written.at}
    statements.run(connection, statements.ADD_CHARGE, **detail | own | {"scopes": " ".join(made.scopes)})
    for scope in made.scopes:
        statements.run(connection, statements.ADD_CHARGED, id=made.id, scope=scope)
    _spend(connection, made, 1)
    return replace(made, state=ChargeState.RESERVED, at=written.at)


def move(
    connection: Connection, seal: Seal, charge_id: str, state: ChargeState, detail: dict[str, Any] | None = None
) -> None:
    """Another state for a charge. The triggers refuse one that `TRANSITIONS` does not have."""
    append(connection, seal, state.value, charge_id, detail or {})
    statements.run(connection, statements.MOVE, id=charge_id, state=state.value)


def store_result(connection: Connection, seal: Seal, charge_id: str, result: bytes) -> None:
    """Commit a charge with what it paid for; its entry seals the result."""
    append(connection, seal, ChargeState.COMMITTED.value, charge_id, {"sha256": digest_of(result)})
    statements.run(connection, statements.COMMIT, id=charge_id, result=result)


def give_back(connection: Connection, seal: Seal, voided: Charge, reason: str) -> None:
    """Void a charge, and take its price off what its scopes have spent."""
    move(connection, seal, voided.id, ChargeState.VOID, {"reason": reason})
    _spend(connection, voided, -1)


def add_exact(connection: Connection, seal: Seal, scope: str, what: str, recorded_by: str) -> ExactRelease:
    """Put an exact release on record."""
    written = append(connection, seal, "exact", scope, {"what": what, "recorded_by": recorded_by})
    statements.run(connection, statements.ADD_EXACT, scope=scope, what=what, sequence=written.sequence)
    return ExactRelease(scope, what, recorded_by, written.at)


def _spend(connection: Connection, paid: Charge, sign: int) -> None:
    amounts = {"rho": sign * paid.nano_rho, "delta": sign * paid.nano_delta}
    for scope in paid.scopes:
        if statements.run(connection, statements.SPEND, scope=scope, **amounts).rowcount != 1:
            raise broken(f"“{scope}” was charged and has no balance")
