"""The reads of the ledger, inside a transaction of the caller's. A result is given out only if its seal is whole."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, func, select

from disclosure_control.privacy.ledger.charges import Charge, ChargeState
from disclosure_control.privacy.ledger.entries import Entry, Seal, broken, digest_of, find
from disclosure_control.privacy.ledger.guarantee import ExactRelease
from disclosure_control.privacy.ledger.schema import balance, charge, charged, entry, exact

_BY_ID = select(charge).where(charge.c.id == bindparam("of"))
_LIVE = select(charge).where(charge.c.request == bindparam("of"), charge.c.state != "void")
_BALANCES = select(balance).where(balance.c.scope.in_(bindparam("of", expanding=True)))


def charge_by_id(connection: Connection, seal: Seal, charge_id: str) -> Charge | None:
    """The charge as it stands. Raises `BrokenLedger` when its result is not the one that was committed."""
    return _one(connection, seal, _BY_ID, charge_id)


def live_charge(connection: Connection, seal: Seal, request: str) -> Charge | None:
    """The charge of a request, unless it was given back. Raises `BrokenLedger` as `charge_by_id` does."""
    return _one(connection, seal, _LIVE, request)


def _one(connection: Connection, seal: Seal, query: Select[Any], of: str) -> Charge | None:
    row = connection.execute(query, {"of": of}).one_or_none()
    if row is None:
        return None
    if row.result is not None:
        _require_sealed(row, find(connection, seal, ChargeState.COMMITTED.value, row.id))
    return _charge(row)


def charges_of(connection: Connection, seal: Seal, scope: str) -> list[Charge]:
    """The charges of a scope, oldest first. Raises `BrokenLedger` as `charge_by_id` does."""
    mine = select(charged.c.charge_id).where(charged.c.scope == scope)
    committed = select(entry).where(entry.c.kind == ChargeState.COMMITTED.value, entry.c.subject.in_(mine))
    seals: dict[str, list[Entry]] = defaultdict(list)
    for row in connection.execute(committed):
        seals[row.subject].append(Entry.of(row, seal))
    rows = connection.execute(select(charge).where(charge.c.id.in_(mine)).order_by(charge.c.sequence)).all()
    for row in rows:
        if row.result is not None:
            _require_sealed(row, seals[row.id])
    return [_charge(row) for row in rows]


def balances(connection: Connection, scopes: Iterable[str]) -> dict[str, tuple[int, int, int]]:
    """Granted and spent of each scope, and δ spent; nothing of all for one that was never granted anything."""
    wanted = dict.fromkeys(scopes, (0, 0, 0))
    rows = connection.execute(_BALANCES, {"of": list(wanted)})
    return wanted | {row.scope: (row.granted, row.spent, row.spent_delta) for row in rows}


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


def _require_sealed(row: Row[Any], committed: list[Entry]) -> None:
    if [each.detail["sha256"] for each in committed] != [digest_of(row.result)]:
        raise broken(f"the result of charge {row.id} is not the one that was committed")


def _charge(row: Row[Any]) -> Charge:
    scopes = tuple(row.scopes.split(" "))
    state = ChargeState(row.state)
    return Charge(row.id, row.request, scopes, row.nano_rho, state, row.at, row.result, row.nano_delta)
