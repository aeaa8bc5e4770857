"""Amounts of privacy loss: whole billionths of ρ, of zero-concentrated differential privacy (Bun and Steinke 2016).

The ledger takes and gives `int`s of nano-ρ, and no other type: a float has no exact sum, and `1` could mean two things.
`price_of` and `allowance_of` make them from what a person wrote, each rounding to the safe side.
"""

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

from disclosure_control.errors import LedgerError, in_rho

__all__ = [
    "DEFAULT_DELTA",
    "LARGEST",
    "NANO",
    "allowance_of",
    "delta_allowance_of",
    "in_rho",
    "price_of",
    "require_amount",
    "require_delta",
]

NANO = 1_000_000_000
LARGEST = 10**18
"""The most that a scope may be granted in all: ρ = 1e9, far from the end of 64 bits."""
DEFAULT_DELTA = 10_000
"""The limit of δ, in billionths, of a scope whose first grant states none: 1e-5, ten questions with unknown keys."""


def price_of(rho: Decimal | Fraction | str | float) -> int:
    """A price in nano-ρ, rounded up. A float counts as the decimal number that it is shown as.

    Raises:
        LedgerError: no number, not finite, or not above zero.
    """
    return math.ceil(_exact(rho) * NANO)


def allowance_of(rho: Decimal | Fraction | str | float) -> int:
    """A grant in nano-ρ, rounded down. A float counts as the decimal number that it is shown as.

    Raises:
        LedgerError: no number, not finite, or less than a billionth.
    """
    return require_amount(math.floor(_exact(rho) * NANO), "A grant")


def delta_allowance_of(delta: float | None) -> int | None:
    """A limit of δ in billionths, rounded down; None, for the usual one, is handed through. Raises `LedgerError`."""
    return None if delta is None else require_delta(math.floor(Fraction(str(delta)) * NANO))


def require_amount(nano_rho: int, what: str) -> int:
    """The amount, if it is a positive whole number of nano-ρ that the ledger can hold; else `LedgerError`."""
    if isinstance(nano_rho, bool) or not isinstance(nano_rho, int):
        raise LedgerError(
            f"{what} is a whole number of billionths of ρ, and this is a {type(nano_rho).__name__}. "
            "price_of(rho) rounds a price up to one, allowance_of(rho) a grant down."
        )
    if not 0 < nano_rho <= LARGEST:
        raise LedgerError(f"{what} is a positive number of billionths of ρ, at most {LARGEST}.")
    return nano_rho


def require_delta(nano_delta: Any) -> int:
    """The amount, if it is a whole number of billionths of δ, from none to less than all; else `LedgerError`."""
    if isinstance(nano_delta, bool) or not isinstance(nano_delta, int) or not 0 <= nano_delta < NANO:
        raise LedgerError("δ is charged in whole billionths, none or more, and less than 1 in all.")
    return nano_delta


def _exact(rho: Decimal | Fraction | str | float) -> Fraction:
    try:
        exact = Fraction(str(rho) if isinstance(rho, float) else rho)
    except (TypeError, ValueError, OverflowError, ZeroDivisionError):
        raise LedgerError("ρ is a finite number, like 0.05. Give it as text, Decimal, Fraction or float.") from None
    if exact <= 0:
        raise LedgerError("ρ is a positive number: nothing private is free, and no budget is negative.")
    return exact
