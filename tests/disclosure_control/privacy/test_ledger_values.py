"""Amounts are exact and rounded to the safe side; scopes have three forms; ε is the known one."""

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import opendp.prelude as dp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from disclosure_control import LedgerError, UnknownScope
from disclosure_control.privacy.ledger import (
    DatasetScope,
    PersonScope,
    ProjectScope,
    allowance_of,
    delta_allowance_of,
    epsilon,
    in_rho,
    parse_scope,
    price_of,
)

# ---------------------------------------------------------------------------------------------- amounts


@pytest.mark.parametrize(
    ("rho", "price", "allowance"),
    [
        ("0.05", 50_000_000, 50_000_000),
        (0.1, 100_000_000, 100_000_000),  # the number that is written, not the binary fraction just above it
        (0.3, 300_000_000, 300_000_000),
        (Decimal("0.0000000011"), 2, 1),
        (Fraction(1, 3), 333_333_334, 333_333_333),
        (2, 2_000_000_000, 2_000_000_000),
        ("1e-9", 1, 1),
    ],
    ids=str,
)
def test_a_price_is_rounded_up_and_a_grant_down(rho: Any, price: int, allowance: int) -> None:
    assert (price_of(rho), allowance_of(rho)) == (price, allowance)


@given(st.fractions(min_value=Fraction(1, 10**9), max_value=1000))
def test_rounding_never_favours_the_spender(rho: Fraction) -> None:
    assert Fraction(allowance_of(rho), 10**9) <= rho <= Fraction(price_of(rho), 10**9)
    assert price_of(rho) - allowance_of(rho) <= 1


@pytest.mark.parametrize(
    "rho", ["", "x", "nan", "inf", math.nan, math.inf, -math.inf, Decimal("NaN"), 0, -1, "-0.1", "1/0", None, b"1"]
)
def test_what_is_no_positive_finite_number_is_refused(rho: Any) -> None:
    with pytest.raises(LedgerError, match="ρ is a"):
        price_of(rho)
    with pytest.raises(LedgerError, match="ρ is a"):
        allowance_of(rho)


def test_the_least_price_is_a_billionth_and_less_is_no_grant() -> None:
    assert price_of("1e-30") == 1
    with pytest.raises(LedgerError, match="A grant is a positive number"):
        allowance_of("1e-10")


@given(st.integers(0, 10**18))
def test_an_amount_is_shown_exactly(nano_rho: int) -> None:
    assert Decimal(in_rho(nano_rho)) * 10**9 == nano_rho
    assert "E" not in in_rho(nano_rho)


# ---------------------------------------------------------------------------------------------- scopes


@pytest.mark.parametrize(
    ("scope", "text"),
    [
        (DatasetScope("rand_hie"), "dataset:rand_hie"),
        (ProjectScope("wren-2", "rand_hie"), "project:wren-2/rand_hie"),
        (PersonScope("ada.l+x@example.org"), "person:ada.l+x@example.org"),
    ],
    ids=str,
)
def test_a_scope_and_its_text_are_the_same(scope: Any, text: str) -> None:
    assert str(scope) == text
    assert parse_scope(text) == parse_scope(scope) == scope


OTHER_FORMS = """
    d dataset dataset: Dataset:d datasets:d dataset:d/v3 dataset:d@3 :d dataset:-d dataset:ä dataset:d:e
    project:p project:p/ project:/d project:p/d/e person: person:a/b/c
"""
UNFIT_NAMES = ["", "dataset:d e", "dataset:d\n", "person:a b", "dataset:" + "d" * 64, "person:" + "a" * 128]


@pytest.mark.parametrize("text", OTHER_FORMS.split() + UNFIT_NAMES, ids=ascii)
def test_another_form_of_scope_is_refused(text: str) -> None:
    with pytest.raises(UnknownScope, match="names no budget"):
        parse_scope(text)


@pytest.mark.parametrize("make", [lambda: DatasetScope("a b"), lambda: ProjectScope("p", ""), lambda: PersonScope("/")])
def test_an_invalid_scope_cannot_be_made(make: Any) -> None:
    with pytest.raises(UnknownScope):
        make()


# ---------------------------------------------------------------------------------------------- epsilon


@pytest.mark.parametrize("delta", [1e-12, 1e-6, 1e-3])
@pytest.mark.parametrize("nano_rho", [1, 10**4, 10**7, 10**8, 10**9, 5 * 10**9, 10**11])
def test_epsilon_is_the_one_that_opendp_gives(nano_rho: int, delta: float) -> None:
    """OpenDP's own conversion, in Rust, from a Gaussian measurement with this ρ."""
    scale = math.sqrt(1 / (2 * nano_rho / 1e9))
    space = dp.atom_domain(T=float, nan=False), dp.absolute_distance(T=float)
    measurement = dp.m.make_gaussian(*space, scale=scale)
    approximate: Any = dp.c.make_zCDP_to_approxDP(measurement)
    theirs = approximate.map(1.0).epsilon(delta)
    assert epsilon(nano_rho, delta) == pytest.approx(theirs, rel=1e-4, abs=1e-4)


def test_epsilon_of_the_example_is_known_and_tighter_than_the_textbooks() -> None:
    assert epsilon(10**8, 1e-6) == pytest.approx(2.142, abs=0.001)
    textbook = 0.1 + 2 * math.sqrt(0.1 * math.log(1e6))
    assert epsilon(10**8, 1e-6) < textbook


def test_nothing_spent_is_no_loss() -> None:
    assert epsilon(0) == 0


@pytest.mark.parametrize(("nano_rho", "delta"), [(1, 0.0), (1, 1.0), (1, -1.0), (1, math.nan), (-1, 0.5)])
def test_epsilon_needs_a_delta_between_0_and_1(nano_rho: int, delta: float) -> None:
    with pytest.raises(LedgerError, match="δ lies between"):
        epsilon(nano_rho, delta)


@pytest.mark.parametrize(
    ("delta", "nano"), [(None, None), (0, 0), (1e-6, 1000), (1.9e-9, 1), (9e-10, 0), (0.9999999999, 999_999_999)]
)
def test_a_limit_of_delta_is_rounded_down(delta: float | None, nano: int | None) -> None:
    assert delta_allowance_of(delta) == nano


@pytest.mark.parametrize("delta", [-1e-6, 1.0, 2.0])
def test_what_is_no_limit_of_delta_is_refused(delta: float) -> None:
    with pytest.raises(LedgerError, match="δ is charged in whole billionths"):
        delta_allowance_of(delta)
