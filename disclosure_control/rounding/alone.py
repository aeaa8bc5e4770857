"""Rounding of each cell by itself: conventional and random. Totals are rounded too, not added up from rounded parts.

Source: A. Hundepool et al., Handbook on Statistical Disclosure Control, 2nd edition (2024), section 5.5.
"""

import hmac
from collections.abc import Iterable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Ties = Literal["even", "away"]

_BITS = 128


def nearest(values: Integers, base: int, ties: Ties) -> Integers:
    """The nearest multiple of the base.

    Half-way (with an even base only): to the even multiple ("even"), or away from 0 ("away").
    """
    floor = values // base
    twice = 2 * (values - floor * base)
    up = twice > base
    half = twice == base
    up |= half & ((floor % 2 == 1) if ties == "even" else (values > 0))
    return np.asarray((floor + up) * base, dtype=np.int64)


def at_random(values: Integers, base: int, draws: Iterable[int]) -> Integers:
    """One of the two multiples next to each value, so that its expected value is the value itself.

    A value rest above a multiple goes up with probability rest / base: 17 to base 3 becomes 15 with 1/3, 18 with 2/3. A
    multiple stays. `draws` are whole numbers, one for each cell, even over 0 … 2^128 − 1.
    """
    floor = values // base
    rest = values - floor * base
    up = np.array([draw * base < int(part) << _BITS for draw, part in zip(draws, rest, strict=True)], dtype=bool)
    return np.asarray((floor + up) * base, dtype=np.int64)


def draws(secret: bytes, names: Iterable[object], values: Integers, base: int) -> Iterable[int]:
    """The same draw for the same cell, value and base, whatever table the cell is in (HMAC-SHA-256 of them)."""
    for name, value in zip(names, values.tolist(), strict=True):
        yield int.from_bytes(hmac.digest(secret, repr((name, value, base)).encode(), "sha256")[: _BITS // 8])
