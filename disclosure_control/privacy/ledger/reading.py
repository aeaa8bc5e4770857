"""The reads of the ledger, inside a transaction of the caller's. A result is given out only if its seal is whole."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, func, select

from disclosure_control.privacy.ledger import statements
from disclosure_control.privacy.ledger.charges import Charge, ChargeState
from disclosure_control.privacy.ledger.entries import Entry, Seal, broken, digest_of, find
from disclosure_control.privacy.ledger.guarantee import ExactRelease
from disclosure_control.privacy.ledger.schema import charge, charged, entry, exact


def charge_by_id(connection: Connection, seal: Seal, charge_id: str) -> Charge | None:
    """The charge as it stands. Raises `BrokenLedger` when its result is not the one that was committed."""
    return _sealed(connection, seal, statements.one(connection, statements.CHARGE, id=charge_id))


def live_charge(connection: Connection, seal: Seal, request: str) -> Charge | None:
    """The charge of a request, unless it was given back. Raises `BrokenLedger` as `charge_by_id` does."""
    return _sealed(connection, seal, statements.one(connection, statements.LIVE_CHARGE, request=request))


def _sealed(connection: Connection, seal: Seal, row: Sequence[Any] | None) -> Charge | None:
    if row is None:
        return None
    found = _charge(row)
    if found.result is not None:
        _require_sealed(found, find(connection, seal, ChargeState.COMMITTED.value, found.id))
    return found


def charges_of(connection: Connection, seal: Seal, scope: str) -> list[Charge]:
    """The charges of a scope, oldest first. Raises `BrokenLedger` as `charge_by_id` does."""
    mine = select(charged.c.charge_id).where(charged.c.scope == scope)
    committed = select(entry).where(entry.c.kind == ChargeState.COMMITTED.value, entry.c.subject.in_(mine))
    seals: dict[str, list[Entry]] = defaultdict(list)
    for row in connection.execute(committed):
        seals[row.subject].append(Entry.of(row, seal))
    rows = connection.execute(select(charge).where(charge.c.id.in_(mine)).order_by(charge.c.sequence)).all()
    charges = [_charge(row) for row in rows]
    for each in charges:
        if each.result is not None:
            _require_sealed(each, seals[each.id])
    return charges


def charges_in(connection: Connection, state: ChargeState) -> list[Charge]:
    """The charges in a state that has no results, oldest first."""
    query = select(charge).where(charge.c.state == state.value).order_by(charge.c.sequence)
    return [_charge(row) for row in connection.execute(query).all()]


def balances(connection: Connection, scopes: Iterable[str]) -> dict[str, tuple[int, int, int, int]]:
    """Granted and spent of each scope, in ρ and in δ; nothing of all for one that was never granted anything."""
    found = {scope: statements.one(connection, statements.BALANCE, scope=scope) for scope in scopes}
    return {scope: tuple(row) if row is not None else (0, 0, 0, 0) for scope, row in found.items()}


def exact_releases(connection: Connection, seal: Seal, scope: str) -> tuple[int, ExactRelease | None]:
    """How many exact releases a population has, and the first."""
    counted = select(func.count(), func.min(exact.c.sequence)).where(exact.c.scope == scope)
    count, first = connection.execute(counted).one()
    if not count:
        return 0, None
    row = connection.execute(select(entry).where(entry.c.sequence == first)).one()
    return count, _release(Entry.of(row, seal))


def exact_release(connection: Connection, seal: Seal, scope: str, what: str) -> ExactRelease | None:
    """The record of one exact release."""
    query = select(entry).join(exact, exact.c.sequence == entry.c.sequence)
    row = connection.execute(query.where(exact.c.scope == scope, exact.c.what == what)).one_or_none()
    return _release(Entry.of(row, seal)) if row is not None else None


def _release(recorded: Entry) -> ExactRelease:
    return ExactRelease(recorded.subject, recorded.detail["what"], recorded.detail["recorded_by"], recorded.at)


def _require_sealed(found: Charge, committed: list[Entry]) -> None:
    if [each.detail["sha256"] for each in committed] != [digest_of(found.result)]:
        raise broken(f"the result of charge {found.id} is not the one that was committed")


def _charge(row: Sequence[Any]) -> Charge:
    """The charge in a row of `ledger_charge`."""
    charge_id, _sequence, request, scopes, nano_rho, nano_delta, state, at, result = row
    return Charge(charge_id, request, tuple(scopes.split(" ")), nano_rho, ChargeState(state), at, result, nano_delta)
