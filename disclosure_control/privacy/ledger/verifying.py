"""The whole ledger against its chain: every hash, and every table as it follows from the entries."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, select

from disclosure_control.privacy.ledger.charges import TRANSITIONS, ChargeState
from disclosure_control.privacy.ledger.entries import Entry, Head, Seal, broken, digest_of, walk
from disclosure_control.privacy.ledger.schema import balance, charge, charged, exact

_KEPT = ("sequence", "request", "scopes", "nano_rho", "nano_delta", "state", "sha256")
"""What the entries tell of a charge, in the order of `_compare_charges`."""


@dataclass
class _Told:
    """What the entries tell, as far as they were read."""

    head: Head = field(default_factory=lambda: Head(0, ""))
    granted: Counter[str] = field(default_factory=Counter)
    spent: Counter[str] = field(default_factory=Counter)
    granted_delta: Counter[str] = field(default_factory=Counter)
    spent_delta: Counter[str] = field(default_factory=Counter)
    charges: dict[str, dict[str, Any]] = field(default_factory=dict)
    exact: dict[tuple[str, str], int] = field(default_factory=dict)

    def take(self, entry: Entry) -> None:
        match entry.kind:
            case "grant":
                self.granted[entry.subject] += entry.detail["nano_rho"]
                if "nano_delta" in entry.detail:  # before schema version 3, δ had no limit
                    self.granted_delta[entry.subject] += entry.detail["nano_delta"]
            case "exact":
                self.exact[(entry.subject, entry.detail["what"])] = entry.sequence
            case ChargeState.RESERVED.value if entry.subject not in self.charges:
                self.charges[entry.subject] = {
                    **entry.detail,
                    "state": ChargeState.RESERVED,
                    "sequence": entry.sequence,
                }
                self._spend(entry, 1)
            case _:
                self._move(entry)
        self.head = Head(entry.sequence, entry.hash)

    def _move(self, entry: Entry) -> None:
        present = self.charges.get(entry.subject)
        if present is None or entry.kind not in TRANSITIONS[present["state"]]:
            raise broken(f"entry {entry.sequence} tells of what cannot have happened")
        present.update(entry.detail, state=ChargeState(entry.kind))
        if entry.kind == ChargeState.VOID:
            self._spend(entry, -1)

    def _spend(self, entry: Entry, sign: int) -> None:
        present = self.charges[entry.subject]
        for scope in present["scopes"]:
            self.spent[scope] += sign * present["nano_rho"]
            self.spent_delta[scope] += sign * present["nano_delta"]
            limit = self.granted_delta.get(scope, self.spent_delta[scope])
            if self.spent[scope] > self.granted[scope] or self.spent_delta[scope] > limit:
                raise broken(f"entry {entry.sequence} spends more than “{scope}” had")


def verify(connection: Connection, seal: Seal, checkpoint: Head | None) -> Head:
    """The end of a chain that holds, with all tables as it tells.

    Raises:
        BrokenLedger: names the first thing that does not fit, or says that `checkpoint` is not in the chain.
    """
    told, seen = _Told(), checkpoint is None or checkpoint.sequence == 0
    for entry in walk(connection, seal):
        told.take(entry)
        seen = seen or Head(entry.sequence, entry.hash) == checkpoint
    if not seen:
        raise broken(f"it does not hold entry {checkpoint.sequence if checkpoint else 0} as it once was")
    _compare_balances(connection, told)
    _compare_charges(connection, told)
    if {(row.scope, row.what): row.sequence for row in connection.execute(select(exact))} != told.exact:
        raise broken("the exact releases are not those of its entries")
    return told.head


def _compare_balances(connection: Connection, told: _Told) -> None:
    for row in connection.execute(select(balance)):
        books = (told.granted, told.spent, told.granted_delta, told.spent_delta)
        kept = (row.granted, row.spent, row.granted_delta, row.spent_delta)
        if kept != tuple(book.pop(row.scope, 0) for book in books):
            raise broken(f"the balance of “{row.scope}” is not what its entries add up to")
    if +told.granted or +told.spent:
        raise broken("a scope has lost its balance")


def _compare_charges(connection: Connection, told: _Told) -> None:
    by_scope = {(row.charge_id, row.scope) for row in connection.execute(select(charged))}
    if by_scope != {(each, scope) for each, found in told.charges.items() for scope in found["scopes"]}:
        raise broken("the charges of a scope are not those of its entries")
    for row in connection.execute(select(charge).execution_options(yield_per=1000)):
        found = told.charges.pop(row.id, None)
        stored = None if row.result is None else digest_of(row.result)
        kept = (row.sequence, row.request, row.scopes.split(" "), row.nano_rho, row.nano_delta, row.state, stored)
        if found is None or kept != tuple(found.get(each) for each in _KEPT):
            raise broken(f"charge {row.id} is not as its entries tell")
    if told.charges:
        raise broken(f"charge {next(iter(told.charges))} was taken out")
