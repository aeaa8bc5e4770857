"""The ledger against a model of it in twenty lines: whatever is done in whatever order, both tell the same."""

import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from disclosure_control import BudgetExceeded, Ledger, LedgerError
from disclosure_control.privacy.ledger import Charge
from tests import postgresql

SCOPES = ("dataset:d", "dataset:e", "project:p/d", "project:q/d", "person:ada", "person:bob")
CHARGEABLE = (
    ("dataset:d",),
    ("dataset:e",),
    ("dataset:d", "project:p/d"),
    ("dataset:d", "person:ada", "project:q/d"),
    ("dataset:d", "person:bob", "project:q/d"),
    ("dataset:d", "dataset:e"),
)
KEY = b"k" * 32


@dataclass(frozen=True)
class Paid:
    """What the model knows of a charge."""

    request: str
    scopes: tuple[str, ...]
    price: int
    state: str = "reserved"
    result: bytes | None = None

    @property
    def shared(self) -> tuple[str, ...]:
        return tuple(scope for scope in self.scopes if not scope.startswith("person:"))


class Machine(RuleBasedStateMachine):
    """Every call that a ledger has, and what the model says to it."""

    new_url: Callable[[], str]
    charges = Bundle("charges")

    def __init__(self) -> None:
        super().__init__()
        self.url = type(self).new_url()
        self.ledger = Ledger(self.url, key=KEY)
        self.granted: Counter[str] = Counter()
        self.paid: dict[str, Paid] = {}
        self.exact: dict[str, list[str]] = {}
        self.head = self.ledger.head()

    def spent(self, scope: str) -> int:
        return sum(each.price for each in self.paid.values() if scope in each.scopes and each.state != "void")

    def live(self, request: str) -> str | None:
        alive = (key for key, each in self.paid.items() if each.request == request and each.state != "void")
        return next(alive, None)

    def now(self, charge: Charge, **changes: Any) -> None:
        self.paid[charge.id] = replace(self.paid[charge.id], **changes)

    @initialize(amounts=st.lists(st.integers(20, 60), min_size=len(SCOPES), max_size=len(SCOPES)))
    def first_grants(self, amounts: list[int]) -> None:
        for scope, amount in zip(SCOPES, amounts, strict=True):
            self.grant(scope, amount)

    @rule(scope=st.sampled_from(SCOPES), amount=st.integers(1, 60))
    def grant(self, scope: str, amount: int) -> None:
        self.ledger.grant(scope, amount, granted_by="owner")
        self.granted[scope] += amount

    @rule(
        target=charges,
        scopes=st.sampled_from(CHARGEABLE),
        price=st.integers(1, 25),
        request=st.sampled_from(["a", "b", "c", "d", "e"]),
    )
    def reserve(self, scopes: tuple[str, ...], price: int, request: str) -> Any:
        wanted, earlier = Paid(request, scopes, price), self.live(request)
        try:
            charge = self.ledger.reserve(reversed(scopes), price, request)
        except BudgetExceeded as told:
            left = min(self.granted[scope] - self.spent(scope) for scope in scopes)
            self.require(earlier is None and told.left == left < told.price == price)
            return multiple()
        except LedgerError:
            assert earlier is not None
            assert (self.paid[earlier].shared, self.paid[earlier].price) != (wanted.shared, price)
            return multiple()
        if earlier is None:
            assert all(price <= self.granted[scope] - self.spent(scope) for scope in scopes)
            self.paid[charge.id] = wanted
        else:
            assert charge.id == earlier
        self.compare(charge)
        return charge

    @rule(charge=charges)
    def begin(self, charge: Charge) -> None:
        if self.paid[charge.id].state == "void":
            with pytest.raises(LedgerError):
                self.ledger.begin(charge)
            return
        if self.paid[charge.id].state == "reserved":
            self.now(charge, state="reading")
        self.compare(self.ledger.begin(charge))

    @rule(charge=charges, result=st.binary(max_size=3))
    def commit(self, charge: Charge, result: bytes) -> None:
        if self.paid[charge.id].state == "void":
            with pytest.raises(LedgerError):
                self.ledger.commit(charge, result)
            return
        if self.paid[charge.id].state != "committed":
            self.now(charge, state="committed", result=result)
        self.compare(self.ledger.commit(charge, result))

    @rule(charge=charges)
    def void(self, charge: Charge) -> None:
        if self.paid[charge.id].state in {"reading", "committed"}:
            with pytest.raises(LedgerError):
                self.ledger.void(charge, "no reading began")
            return
        self.now(charge, state="void")
        self.compare(self.ledger.void(charge, "no reading began"))

    @rule(scope=st.sampled_from(["dataset:d", "dataset:e"]), what=st.sampled_from(["a table", "another"]))
    def record_exact(self, scope: str, what: str) -> None:
        self.ledger.record_exact(scope, what, recorded_by="checker")
        known = self.exact.setdefault(scope, [])
        if what not in known:
            known.append(what)

    @precondition(lambda self: self.paid)
    @rule()
    def open_again(self) -> None:
        self.ledger.close()
        self.ledger = Ledger(self.url, key=KEY)

    @rule()
    def verify(self) -> None:
        self.head = self.ledger.verify(self.head)

    @staticmethod
    def require(holds: bool) -> None:
        assert holds

    def compare(self, charge: Charge) -> None:
        paid = self.paid[charge.id]
        assert (charge.request, charge.scopes, charge.nano_rho) == (paid.request, paid.scopes, paid.price)
        assert (charge.state, charge.result) == (paid.state, paid.result)

    @invariant()
    def both_tell_the_same(self) -> None:
        for scope in SCOPES:
            assert self.ledger.granted(scope) == self.granted[scope]
            assert self.ledger.spent(scope) == self.spent(scope) <= self.granted[scope]
            assert self.ledger.remaining(scope) == self.granted[scope] - self.spent(scope)
            history = self.ledger.history(scope)
            assert [each.id for each in history] == [key for key, each in self.paid.items() if scope in each.scopes]
            for charge in history:
                self.compare(charge)
        for scope in ("dataset:d", "dataset:e"):
            guarantee, known = self.ledger.guarantee(scope), self.exact.get(scope, [])
            assert (guarantee.holds, guarantee.exact_releases) == (not known, len(known))
            assert guarantee.first_exact is None or guarantee.first_exact.what == known[0]

    def teardown(self) -> None:
        self.ledger.verify(self.head)
        self.ledger.close()


def run(new_url: Callable[[], str], examples: int) -> None:
    machine = type("LedgerMachine", (Machine,), {"new_url": staticmethod(new_url)})
    run_state_machine_as_test(machine, settings=settings(max_examples=examples, stateful_step_count=25, deadline=None))


def test_in_sqlite(folder: Path) -> None:
    run(lambda: f"sqlite:///{tempfile.mkdtemp(dir=folder)}/ledger.sqlite", examples=30)


def test_in_postgresql(server: postgresql.Server) -> None:
    run(server.new_database, examples=8)
