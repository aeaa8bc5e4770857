"""The ledger: a charge takes from all scopes or none, its request is charged once, its result is stored once (I6)."""

import pickle
import re
import threading
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from disclosure_control import BudgetExceeded, Ledger, LedgerError, UnknownScope
from disclosure_control.privacy.ledger import (
    TRANSITIONS,
    Charge,
    ChargeState,
    DatasetScope,
    PersonScope,
    ProjectScope,
)
from tests.disclosure_control.privacy.conftest import BUDGET

BOTH = ["dataset:d", "project:p/d"]


def test_a_charge_takes_from_every_scope_or_none(ledger: Ledger) -> None:
    ledger.grant("project:q/d", 10, granted_by="owner")
    with pytest.raises(BudgetExceeded):
        ledger.reserve(["dataset:d", "project:q/d"], 11, "r")
    assert ledger.spent("dataset:d") == 0
    ledger.reserve(["dataset:d", "project:q/d"], 10, "r")
    assert (ledger.remaining("dataset:d"), ledger.remaining("project:q/d")) == (BUDGET - 10, 0)
    assert (ledger.granted("project:q/d"), ledger.spent("project:q/d"), ledger.spent("project:p/d")) == (10, 10, 0)


def test_a_price_above_what_is_left_says_what_is_left_and_where(ledger: Ledger) -> None:
    ledger.grant("person:ada", 30_000_000, granted_by="owner")
    ledger.reserve(BOTH, 400_000, "first")
    with pytest.raises(
        BudgetExceeded, match=r"costs ρ = 0\.02, and the budget “dataset:d” has ρ = 0\.0006 left"
    ) as told:
        ledger.reserve([*BOTH, "person:ada"], 20_000_000, "r")
    assert (told.value.scope, told.value.price, told.value.left) == ("dataset:d", 20_000_000, 600_000)
    again = pickle.loads(pickle.dumps(told.value))  # noqa: S301 - our own
    assert (str(again), again.left) == (str(told.value), 600_000)


def test_exactly_what_is_left_can_be_spent(ledger: Ledger) -> None:
    ledger.reserve(BOTH, BUDGET, "all")
    assert ledger.remaining("dataset:d") == 0
    with pytest.raises(BudgetExceeded, match="has ρ = 0 left"):
        ledger.reserve(BOTH, 1, "r")


def test_a_scope_without_a_grant_has_nothing(ledger: Ledger) -> None:
    with pytest.raises(BudgetExceeded):
        ledger.reserve(["dataset:other"], 1, "r")
    with pytest.raises(BudgetExceeded, match="person:ada"):
        ledger.reserve([*BOTH, "person:ada"], 1, "r")
    assert ledger.remaining("dataset:other") == 0


def test_grants_add_up(ledger: Ledger) -> None:
    ledger.reserve(BOTH, BUDGET, "all")
    ledger.grant("dataset:d", 5, granted_by="owner")
    ledger.grant("project:p/d", 7, granted_by="owner")
    ledger.reserve(BOTH, 5, "more")
    assert (ledger.remaining("dataset:d"), ledger.remaining("project:p/d")) == (0, 2)


def test_scopes_are_named_by_text_or_by_type(ledger: Ledger) -> None:
    ledger.grant(PersonScope("ada"), 10, granted_by="owner")
    charge = ledger.reserve([PersonScope("ada"), ProjectScope("p", "d"), DatasetScope("d")], 3, "r")
    assert charge.scopes == ("dataset:d", "person:ada", "project:p/d")
    assert ledger.spent("person:ada") == ledger.spent(DatasetScope("d")) == 3
    assert ledger.history(PersonScope("ada")) == [charge]


# ---------------------------------------------------------------------------------------------- the same request


def test_the_same_request_is_charged_once(ledger: Ledger) -> None:
    first = ledger.reserve(["dataset:d"], 5, "r")
    assert ledger.reserve(["dataset:d"], 5, "r") == first
    assert ledger.spent("dataset:d") == 5


def test_a_request_does_not_change_its_price_or_its_budgets(ledger: Ledger) -> None:
    ledger.reserve(["dataset:d"], 5, "r")
    with pytest.raises(LedgerError, match="another price or from other budgets"):
        ledger.reserve(["dataset:d"], 6, "r")
    with pytest.raises(LedgerError, match="another price or from other budgets"):
        ledger.reserve(BOTH, 5, "r")
    with pytest.raises(LedgerError, match="another price or from other budgets"):
        ledger.reserve(["dataset:d"], 5, "r", nano_delta=1)
    assert ledger.spent("dataset:d") == 5


def test_a_retry_costs_nothing_even_when_nothing_is_left(ledger: Ledger) -> None:
    charge = ledger.reserve(BOTH, BUDGET, "all")
    ledger.commit(charge, b"bytes")
    assert ledger.reserve(BOTH, BUDGET, "all").result == b"bytes"


def test_another_persons_retry_gets_the_result_that_the_first_one_paid_for(ledger: Ledger) -> None:
    for person in ("ada", "bob"):
        ledger.grant(f"person:{person}", 10, granted_by="owner")
    charge = ledger.commit(ledger.reserve([*BOTH, "person:ada"], 4, "r"), b"bytes")
    assert ledger.reserve([*BOTH, "person:bob"], 4, "r") == charge
    assert (ledger.spent("person:ada"), ledger.spent("person:bob"), ledger.spent("dataset:d")) == (4, 0, 4)


def test_the_first_result_wins_and_everybody_gets_it(ledger: Ledger) -> None:
    charge = ledger.reserve(["dataset:d"], 5, "r")
    first = ledger.commit(charge, b"first")
    assert (first.result, first.state) == (b"first", "committed")
    assert ledger.commit(charge, b"second") == first
    assert ledger.reserve(["dataset:d"], 5, "r") == ledger.begin(charge) == ledger.find("r") == first


def test_a_result_may_be_empty_or_large_and_is_kept_byte_for_byte(ledger: Ledger) -> None:
    for number, result in enumerate((b"", bytes(range(256)), b"\0" * 1_000_000)):
        ledger.commit(ledger.reserve(BOTH, 1, f"r{number}"), result)
        found = ledger.find(f"r{number}")
        assert found is not None and found.result == result


def test_of_threads_that_compute_one_request_all_get_the_bytes_of_one(ledger: Ledger) -> None:
    got: list[bytes | None] = []
    ready = threading.Barrier(6)

    def compute(number: int) -> None:
        charge = ledger.begin(ledger.reserve(BOTH, 5, "r"))
        ready.wait(60)
        got.append(ledger.commit(charge, b"draw %d" % number).result)

    threads = [threading.Thread(target=compute, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(got) == 6 and len(set(got)) == 1
    assert ledger.spent("dataset:d") == 5


# ---------------------------------------------------------------------------------------------- states


def test_history_tells_every_charge_in_order(ledger: Ledger) -> None:
    first = ledger.reserve(BOTH, 1, "a")
    second = ledger.begin(ledger.reserve(["dataset:d"], 2, "b"))
    third = ledger.void(ledger.reserve(BOTH, 3, "c"), "the copy could not be opened")
    fourth = ledger.commit(ledger.reserve(BOTH, 4, "d"), b"bytes")
    assert ledger.history("dataset:d") == [first, second, third, fourth]
    assert ledger.history("project:p/d") == [first, third, fourth]
    assert [each.state for each in ledger.history("dataset:d")] == ["reserved", "reading", "void", "committed"]
    assert ledger.spent("dataset:d") == 1 + 2 + 4
    assert ledger.history("dataset:nobody") == []


def test_what_was_never_read_is_given_back_and_can_be_asked_anew(ledger: Ledger) -> None:
    charge = ledger.reserve(BOTH, 5, "r")
    assert ledger.void(charge, "no reading began").state == "void"
    assert ledger.void(charge, "twice changes nothing").state == "void"
    assert ledger.spent("dataset:d") == ledger.spent("project:p/d") == 0
    assert ledger.find("r") is None
    again = ledger.reserve(BOTH, 6, "r")
    assert again.id != charge.id
    assert ledger.spent("dataset:d") == 6


def in_state(ledger: Ledger, state: ChargeState) -> Charge:
    charge = ledger.reserve(BOTH, 5, "r")
    match state:
        case ChargeState.READING:
            return ledger.begin(charge)
        case ChargeState.COMMITTED:
            return ledger.commit(charge, b"bytes")
        case ChargeState.VOID:
            return ledger.void(charge, "no reading began")
    return charge


MOVES: dict[ChargeState, Any] = {
    ChargeState.READING: lambda ledger, charge: ledger.begin(charge),
    ChargeState.COMMITTED: lambda ledger, charge: ledger.commit(charge, b"bytes"),
    ChargeState.VOID: lambda ledger, charge: ledger.void(charge, "no reading began"),
}


@pytest.mark.parametrize("to", MOVES)
@pytest.mark.parametrize("old", ChargeState)
def test_a_charge_moves_as_the_table_says_and_no_other_way(ledger: Ledger, old: ChargeState, to: ChargeState) -> None:
    charge = in_state(ledger, old)
    forbidden = {
        (ChargeState.READING, ChargeState.VOID): "stays charged",
        (ChargeState.COMMITTED, ChargeState.VOID): "stays charged",
        (ChargeState.VOID, ChargeState.READING): "given back",
        (ChargeState.VOID, ChargeState.COMMITTED): "given back",
    }
    if (old, to) in forbidden:
        assert to not in TRANSITIONS[old]
        with pytest.raises(LedgerError, match=forbidden[old, to]):
            MOVES[to](ledger, charge)
        reached = old
    else:
        reached = MOVES[to](ledger, charge).state
        assert reached == (to if to in TRANSITIONS[old] else old)
    assert [each.state for each in ledger.history("dataset:d")] == [reached]
    assert ledger.spent("dataset:d") == (0 if reached is ChargeState.VOID else 5)
    ledger.verify()


def test_the_page_shows_the_transitions_that_there_are() -> None:
    page = (Path(__file__).parents[3] / "docs" / "privacy.md").read_text(encoding="utf-8")
    shown = set(re.findall(r"^\| `(\w+)` \| `(\w+)` \|", page, re.MULTILINE))
    assert shown == {(old.value, new.value) for old, news in TRANSITIONS.items() for new in news}


def test_a_charge_of_another_ledger_is_refused(ledger: Ledger) -> None:
    stranger = Charge("c-0", "r", ("dataset:d",), 5, ChargeState.RESERVED, "now")
    for move in MOVES.values():
        with pytest.raises(LedgerError, match="not in the ledger"):
            move(ledger, stranger)


# ---------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize("amount", [0, -1, 10**18 + 1, True, 0.5, float("nan"), float("inf"), "1", Decimal(1), None])
def test_an_amount_is_a_positive_whole_number(ledger: Ledger, amount: Any) -> None:
    with pytest.raises(LedgerError, match="billionths of ρ"):
        ledger.reserve(["dataset:d"], amount, "r")
    with pytest.raises(LedgerError, match="billionths of ρ"):
        ledger.grant("dataset:d", amount, granted_by="owner")
    assert ledger.spent("dataset:d") == 0
    assert ledger.granted("dataset:d") == BUDGET


@pytest.mark.parametrize("amount", [-1, 10**9, True, 0.5, float("nan"), None])
def test_delta_is_a_whole_number_of_billionths(ledger: Ledger, amount: Any) -> None:
    with pytest.raises(LedgerError, match="δ is charged in whole billionths"):
        ledger.reserve(["dataset:d"], 1, "r", nano_delta=amount)
    assert ledger.history("dataset:d") == []


def test_a_budget_has_an_end(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="add up to more"):
        ledger.grant("dataset:d", 10**18, granted_by="owner")


@pytest.mark.parametrize("scopes", [[], ["project:p/d"], ["person:ada"], ["dataset:e", "project:p/d"]], ids=str)
def test_a_charge_names_the_population_that_it_takes_from(ledger: Ledger, scopes: Any) -> None:
    with pytest.raises(LedgerError, match="names the dataset scope of every population"):
        ledger.reserve(scopes, 1, "r")
    assert ledger.history("dataset:d") == []


def test_a_text_is_no_list_of_scopes(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="a list of scopes"):
        ledger.reserve("dataset:d", 1, "r")


@pytest.mark.parametrize("text", ["", "  ", "x" * 1001, "nul\0", None, 7])
def test_who_and_what_for_are_on_record(ledger: Ledger, text: Any) -> None:
    charge = ledger.reserve(["dataset:d"], 1, "r")
    with pytest.raises(LedgerError, match="text"):
        ledger.reserve(["dataset:d"], 1, text)
    with pytest.raises(LedgerError, match="text"):
        ledger.grant("dataset:d", 1, granted_by=text)
    with pytest.raises(LedgerError, match="text"):
        ledger.void(charge, text)
    with pytest.raises(LedgerError, match="text"):
        ledger.record_exact("dataset:d", text, recorded_by="checker")
    with pytest.raises(LedgerError, match="text"):
        ledger.record_exact("dataset:d", "a table", recorded_by=text)


@pytest.mark.parametrize("result", [None, "text", bytearray(b"x")])
def test_a_result_is_bytes(ledger: Ledger, result: Any) -> None:
    charge = ledger.reserve(["dataset:d"], 1, "r")
    with pytest.raises(LedgerError, match="bytes"):
        ledger.commit(charge, result)
    assert ledger.find("r") == charge


def test_an_unknown_scope_is_refused_everywhere(ledger: Ledger) -> None:
    calls: list[Any] = [
        lambda: ledger.grant("datasets:d", 1, granted_by="owner"),
        lambda: ledger.reserve(["dataset:d", "d"], 1, "r"),
        lambda: ledger.spent("dataset:d/v2"),
        lambda: ledger.remaining("person:"),
        lambda: ledger.granted(""),
        lambda: ledger.history("project:p"),
        lambda: ledger.guarantee("dataset"),
        lambda: ledger.record_exact("dataset:", "a table", recorded_by="checker"),
    ]
    for call in calls:
        with pytest.raises(UnknownScope, match="names no budget"):
            call()


def test_all_charges_that_were_never_read_for_are_given_back_at_once(ledger: Ledger) -> None:
    made = [ledger.reserve(["dataset:d", "project:p/d"], 10, f"r{number}", nano_delta=1) for number in range(4)]
    ledger.begin(made[1])
    ledger.commit(ledger.begin(made[2]), b"noisy")
    given_back = ledger.void_unread("its process ended")
    assert [(each.request, each.state) for each in given_back] == [("r0", "void"), ("r3", "void")]
    assert (ledger.spent("dataset:d"), ledger.spent("project:p/d")) == (20, 20)
    assert ledger.void_unread("again") == []
    assert ledger.reserve(["dataset:d"], 7, "r0").state == "reserved"
    with pytest.raises(LedgerError, match="for a reason"):
        ledger.void_unread(" ")
    ledger.verify()
