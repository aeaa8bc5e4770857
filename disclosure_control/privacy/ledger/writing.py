"""The writes of the ledger, each with its entry in the chain, inside a transaction of the caller's."""

from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from disclosure_control.errors import LedgerError
from disclosure_control.privacy.ledger.amounts import LARGEST
from disclosure_control.privacy.ledger.charges import Charge, ChargeState
from disclosure_control.privacy.ledger.entries import Seal, append, broken, digest_of
from disclosure_control.privacy.ledger.guarantee import ExactRelease
from disclosure_control.privacy.ledger.schema import balance, charge, charged, exact

# Statements are made once: making them takes as long as running them.
_GRANTED = select(balance.c.granted).where(balance.c.scope == bindparam("of"))
_FIRST_GRANT = insert(balance)
_NEXT_GRANT = (
    update(balance).where(balance.c.scope == bindparam("of")).values(granted=balance.c.granted + bindparam("more"))
)
_SPEND = (
    update(balance)
    .where(balance.c.scope.in_(bindparam("of", expanding=True)))
    .values(spent=balance.c.spent + bindparam("more"), spent_delta=balance.c.spent_delta + bindparam("more_delta"))
)
_CHARGE = insert(charge)
_CHARGED = insert(charged)
_MOVE = update(charge).where(charge.c.id == bindparam("of")).values(state=bindparam("to"))
_STORE = _MOVE.values(result=bindparam("paid_for"))
_EXACT = insert(exact)


def add_grant(connection: Connection, seal: Seal, scope: str, nano_rho: int, granted_by: str, *, at: str = "") -> None:
    """Make a scope's budget larger."""
    granted = connection.scalar(_GRANTED, {"of": scope})
    if (granted or 0) + nano_rho > LARGEST:
        raise LedgerError(f"The grants of “{scope}” would add up to more than {LARGEST} billionths of ρ.")
    append(connection, seal, "grant", scope, {"nano_rho": nano_rho, "granted_by": granted_by}, at)
    if granted is None:
        connection.execute(_FIRST_GRANT, {"scope": scope, "granted": nano_rho, "spent": 0, "spent_delta": 0})
    else:
        connection.execute(_NEXT_GRANT, {"of": scope, "more": nano_rho})


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
    connection.execute(_CHARGE, detail | own | {"scopes": " ".join(made.scopes)})
    connection.execute(_CHARGED, [{"charge_id": made.id, "scope": scope} for scope in made.scopes])
    _spend(connection, made, 1)
    return replace(made, state=ChargeState.RESERVED, at=written.at)


def move(
    connection: Connection, seal: Seal, charge_id: str, state: ChargeState, detail: dict[str, Any] | None = None
) -> None:
    """Another state for a charge. The triggers refuse one that `TRANSITIONS` does not have."""
    append(connection, seal, state.value, charge_id, detail or {})
    connection.execute(_MOVE, {"of": charge_id, "to": state.value})


def store_result(connection: Connection, seal: Seal, charge_id: str, result: bytes) -> None:
    """Commit a charge with what it paid for; its entry seals the result."""
    append(connection, seal, ChargeState.COMMITTED.value, charge_id, {"sha256": digest_of(result)})
    connection.execute(_STORE, {"of": charge_id, "to": ChargeState.COMMITTED.value, "paid_for": result})


def give_back(connection: Connection, seal: Seal, voided: Charge, reason: str) -> None:
    """Void a charge, and take its price off what its scopes have spent."""
    move(connection, seal, voided.id, ChargeState.VOID, {"reason": reason})
    _spend(connection, voided, -1)


def add_exact(connection: Connection, seal: Seal, scope: str, what: str, recorded_by: str) -> ExactRelease:
    """Put an exact release on record."""
    written = append(connection, seal, "exact", scope, {"what": what, "recorded_by": recorded_by})
    connection.execute(_EXACT, {"scope": scope, "what": what, "sequence": written.sequence})
    return ExactRelease(scope, what, recorded_by, written.at)


def _spend(connection: Connection, paid: Charge, sign: int) -> None:
    amounts = {"of": paid.scopes, "more": sign * paid.nano_rho, "more_delta": sign * paid.nano_delta}
    if connection.execute(_SPEND, amounts).rowcount != len(paid.scopes):
        raise broken("a scope that was charged has no balance")
