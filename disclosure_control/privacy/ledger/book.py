"""The ledger as its callers see it. Every call is one transaction, durable when it returns."""

import secrets
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, Self

from sqlalchemy import Connection

from disclosure_control.errors import BudgetExceeded, DeltaExceeded, LedgerError
from disclosure_control.privacy.ledger import reading, verifying, writing
from disclosure_control.privacy.ledger.amounts import require_amount, require_delta
from disclosure_control.privacy.ledger.charges import Charge, ChargeState
from disclosure_control.privacy.ledger.database import Database
from disclosure_control.privacy.ledger.entries import Head, Seal, head
from disclosure_control.privacy.ledger.guarantee import ExactRelease, Guarantee
from disclosure_control.privacy.ledger.scopes import (
    DatasetScope,
    PersonScope,
    Scope,
    parse_scope,
    scopes_of_a_charge,
    without_persons,
)

LONGEST_TEXT = 1000


class Ledger(AbstractContextManager["Ledger"]):
    """The ledger at a database URL (SQLite or PostgreSQL); made there when there is none, migrated when it is older.

    All amounts are whole billionths, of ρ and of δ. The order that keeps the promise is `reserve`, `begin`, read the
    data, `commit`, and then hand out the bytes that `commit` returned.

    Args:
        url: like `sqlite:///ledger.sqlite` or `postgresql://user@host/database`.
        key: seals the entries (HMAC-SHA-256, 32 bytes or more), so that who can write to the database cannot forge
            one. Whoever opens the ledger later gives the same key, or again none.

    Raises:
        LedgerError: another kind of database, an unknown schema version, or another key.
        LedgerUnavailable: the database cannot be reached, or would not keep what it is told.

    Every method may raise `LedgerUnavailable`, and those that read entries `BrokenLedger`.
    """

    def __init__(self, url: str, *, key: bytes | None = None) -> None:
        self._seal = Seal(key)
        self._database = Database(url, self._seal)

    def grant(self, scope: Scope | str, nano_rho: int, *, granted_by: str, nano_delta: int | None = None) -> None:
        """Add to a scope's budget. That `granted_by` is its owner is for the caller to know.

        `nano_delta`: billionths of δ that are added to the limit; if it is given, `nano_rho` may be 0. Without it a
        scope's first grant brings a limit of `DEFAULT_DELTA`, and a later one leaves the limit as it is.

        Raises:
            UnknownScope: no form of scope.
            LedgerError: nothing that is granted, or nobody who grants it.
        """
        name = str(parse_scope(scope))
        delta = None if nano_delta is None else require_delta(nano_delta)
        amount = nano_rho if delta and nano_rho == 0 else require_amount(nano_rho, "A grant")
        owner = _require_text(granted_by, "A grant names who granted it")
        with self._database.writing() as connection:
            writing.add_grant(connection, self._seal, name, amount, owner, nano_delta=delta)

    def reserve(self, scopes: Iterable[Scope | str], nano_rho: int, request: str, *, nano_delta: int = 0) -> Charge:
        """Charge all scopes, or none; the charge that `request` already has is returned as it is, with its result.

        Another person's retry of the same request is not charged to that person: the first one paid. `nano_delta`:
        billionths of δ that the mechanism needs beside ρ; they add up, up to the limit that each scope has.

        Raises:
            BudgetExceeded: a scope has less ρ left than the price; says how much.
            DeltaExceeded: a scope has less δ left.
            UnknownScope: no form of scope.
            LedgerError: no dataset scope, a price that is not positive, or `request` was charged for something else.
        """
        wanted = scopes_of_a_charge(scopes)
        price, delta = require_amount(nano_rho, "A price"), require_delta(nano_delta)
        identity = _require_text(request, "A charge names the request that it is for")
        with self._database.writing() as connection:
            earlier = reading.live_charge(connection, self._seal, identity)
            if earlier is not None:
                return _same(earlier, wanted, (price, delta))
            _require_left(connection, wanted, price, delta)
            charge_id = f"c-{secrets.token_hex(8)}"
            made = Charge(charge_id, identity, wanted, price, ChargeState.RESERVED, at="", nano_delta=delta)
            return writing.add_charge(connection, self._seal, made)

    def begin(self, charge: Charge) -> Charge:
        """Mark, before the data is read, that it may have been: the charge can no longer be given back.

        Done again it changes nothing; a charge that is committed by now is returned with its result.

        Raises:
            LedgerError: unknown charge, or it was given back.
        """
        with self._database.writing() as connection:
            present = self._present(connection, charge)
            if present.state is not ChargeState.RESERVED:
                return present
            writing.move(connection, self._seal, present.id, ChargeState.READING)
            return replace(present, state=ChargeState.READING)

    def commit(self, charge: Charge, result: bytes) -> Charge:
        """Store the result that the charge paid for, and return the charge with the result that counts.

        The first result wins: where somebody else committed one to the same request, that one is returned and
        `result` is dropped. Hand out the returned charge's `result`, never your own.

        Raises:
            LedgerError: unknown charge, it was given back, or `result` is not bytes.
        """
        if not isinstance(result, bytes):
            raise LedgerError("A result is bytes, so that a retry can return the very same.")
        with self._database.writing() as connection:
            present = self._present(connection, charge)
            if present.state is ChargeState.COMMITTED:
                return present
            writing.store_result(connection, self._seal, present.id, result)
            return replace(present, state=ChargeState.COMMITTED, result=result)

    def void(self, charge: Charge, reason: str) -> Charge:
        """Give back a charge whose reading never began; its request may be charged anew.

        Raises:
            LedgerError: unknown charge, no reason, or the data may have been read.
        """
        why = _require_text(reason, "A charge is given back for a reason")
        with self._database.writing() as connection:
            present = reading.charge_by_id(connection, self._seal, charge.id)
            if present is None:
                raise _unknown()
            if present.state is ChargeState.VOID:
                return present
            if present.state is not ChargeState.RESERVED:
                raise LedgerError("The data may have been read for this charge, so it stays charged.")
            writing.give_back(connection, self._seal, present, why)
            return replace(present, state=ChargeState.VOID)

    def void_unread(self, reason: str) -> list[Charge]:
        """Give back every charge whose reading never began, and say which.

        Only for who alone charges this ledger, before the first charge: another's reading could be about to begin. It
        would be refused by `begin`, and nothing read; but its request would have to be charged anew.

        Raises:
            LedgerError: no reason.
        """
        why = _require_text(reason, "A charge is given back for a reason")
        with self._database.writing() as connection:
            found = reading.charges_in(connection, ChargeState.RESERVED)
            for each in found:
                writing.give_back(connection, self._seal, each, why)
            return [replace(each, state=ChargeState.VOID) for each in found]

    def find(self, request: str) -> Charge | None:
        """The charge of a request, with its result if it has one; None when there is none, or it was given back."""
        with self._database.reading() as connection:
            return reading.live_charge(connection, self._seal, request)

    def granted(self, scope: Scope | str) -> int:
        """Billionths of ρ granted to a scope so far."""
        return self._balance(scope)[0]

    def spent(self, scope: Scope | str) -> int:
        """Billionths of ρ charged to a scope so far, reservations included."""
        return self._balance(scope)[1]

    def remaining(self, scope: Scope | str) -> int:
        """Billionths of ρ that a scope has left."""
        granted, spent, *_ = self._balance(scope)
        return granted - spent

    def remaining_delta(self, scope: Scope | str) -> int:
        """Billionths of δ that a scope has left."""
        *_, granted, spent = self._balance(scope)
        return granted - spent

    def history(self, scope: Scope | str) -> list[Charge]:
        """The charges of a scope, oldest first, those that were given back too."""
        name = str(parse_scope(scope))
        with self._database.reading() as connection:
            return reading.charges_of(connection, self._seal, name)

    def record_exact(self, scope: Scope | str, what: str, *, recorded_by: str) -> ExactRelease:
        """Put on record, before it is handed out, that exact statistics of a population leave: its ε is void.

        `what` says which, and is their identity: recorded again, the first record stands.

        Raises:
            UnknownScope: no form of scope.
            LedgerError: not a dataset scope, or an empty text.
        """
        population = _require_population(scope)
        release = _require_text(what, "An exact release is named")
        person = _require_text(recorded_by, "An exact release is recorded by somebody")
        with self._database.writing() as connection:
            earlier = reading.exact_release(connection, self._seal, population, release)
            if earlier is not None:
                return earlier
            return writing.add_exact(connection, self._seal, population, release, person)

    def guarantee(self, scope: Scope | str) -> Guarantee:
        """What the private releases of a population add up to, and whether exact ones have voided it.

        For a project's share, exact releases by any project count.

        Raises:
            LedgerError: a person's scope, which promises nothing to the people in the data.
        """
        named = parse_scope(scope)
        if isinstance(named, PersonScope):
            raise LedgerError("A person's budget is a ration; the guarantee is the population's. Ask for that.")
        population = str(DatasetScope(named.population))
        with self._database.reading() as connection:
            _, spent, _, delta = reading.balances(connection, [str(named)])[str(named)]
            return Guarantee(str(named), spent, delta, *reading.exact_releases(connection, self._seal, population))

    def head(self) -> Head:
        """The end of the chain of entries, to be kept where who writes to this database does not."""
        with self._database.reading() as connection:
            return head(connection)

    def verify(self, checkpoint: Head | None = None) -> Head:
        """Check every entry, and every table against the entries; return the end of the chain.

        Time grows with history. With an earlier `head`, a ledger that was put back to an older state is noticed.

        Raises:
            BrokenLedger: says what does not fit.
        """
        with self._database.reading(at_leisure=True) as connection:
            return verifying.verify(connection, self._seal, checkpoint)

    def close(self) -> None:
        """Let go of the database's connections. A later call opens new ones."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _balance(self, scope: Scope | str) -> tuple[int, int, int, int]:
        name = str(parse_scope(scope))
        with self._database.reading() as connection:
            return reading.balances(connection, [name])[name]

    def _present(self, connection: Connection, charge: Charge) -> Charge:
        """The charge as it stands. Raises `LedgerError` unless it is paid."""
        present = reading.charge_by_id(connection, self._seal, charge.id)
        if present is None:
            raise _unknown()
        if present.state is ChargeState.VOID:
            raise LedgerError("This charge was given back, so no data may be read for it. Reserve again.")
        return present


def _same(earlier: Charge, wanted: tuple[str, ...], prices: tuple[int, int]) -> Charge:
    paid = (earlier.nano_rho, earlier.nano_delta)
    if (without_persons(earlier.scopes), paid) != (without_persons(wanted), prices):
        raise LedgerError("This request was charged before with another price or from other budgets.")
    return earlier


def _require_left(connection: Connection, scopes: tuple[str, ...], price: int, delta: int) -> None:
    found = reading.balances(connection, scopes)
    left = {scope: granted - spent for scope, (granted, spent, _, _) in found.items()}
    least = min(left, key=lambda scope: (left[scope], scope))
    if price > left[least]:
        raise BudgetExceeded(least, price, left[least])
    left = {scope: granted - spent for scope, (_, _, granted, spent) in found.items()}
    least = min(left, key=lambda scope: (left[scope], scope))
    if delta > left[least]:
        raise DeltaExceeded(least, delta, left[least])


def _require_population(scope: Scope | str) -> str:
    named = parse_scope(scope)
    if not isinstance(named, DatasetScope):
        raise LedgerError("Exact statistics tell of a whole population. Record them in its dataset scope.")
    return str(named)


def _require_text(text: Any, what: str) -> str:
    if not isinstance(text, str) or not text.strip() or len(text) > LONGEST_TEXT or "\0" in text:
        raise LedgerError(f"{what}: a text of 1 to {LONGEST_TEXT} characters is needed.")
    return text


def _unknown() -> LedgerError:
    return LedgerError("This charge is not in the ledger; no result is released for it.")
