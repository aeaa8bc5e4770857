"""Perturbation tables made to measure: a given variance and largest deviation, and nothing else said."""

from collections.abc import Mapping

import numpy as np

from disclosure_control.cellkey.entropy import max_entropy
from disclosure_control.cellkey.ptable import KEYS, PTable, is_whole
from disclosure_control.errors import MalformedPTable


def build_ptable(
    max_deviation: int,
    variance: float | Mapping[int, float],
    js: int = 0,
    stay: float | None = None,
    big_n: int = KEYS,
) -> PTable:
    """The perturbation table of greatest entropy: unbiased in every row, of this variance, within these bounds.

    Args:
        max_deviation: D, the largest noise up or down.
        variance: V, the variance of the noise; or count → variance, where the largest count stands for all larger ones
            and a count that is not named has the next smaller one's variance.
        js: perturbed counts of 1 to `js` never occur (0: no such threshold).
        stay: the probability that a count stays as it is (None: whatever has the greatest entropy).
        big_n: the number of cell keys; record keys must be spread evenly over 0 … big_n − 1, or over a multiple of it.

    Returns:
        Rows for 0 (which stays 0), 1, …, and a last, symmetric row for all larger counts.

    Raises:
        MalformedPTable: a row has no such distribution; the message says which, and what variance it can have.

    Method: Giessing (2016), see `entropy`; D, V, js and the probability to stay as in the R package `ptable`.
    """
    _require_parameters(max_deviation, js, stay)
    last = max_deviation + js + 1 if js else max_deviation
    rows: dict[int, dict[int, float]] = {0: {0: 1.0}}
    for count in range(1, last + 1):
        try:
            rows[count] = _row(count, max_deviation, _variance_of(variance, count), js, stay)
        except MalformedPTable as error:
            raise MalformedPTable(f"The row for count {count}: {error}") from None
    return PTable.from_probabilities(rows, big_n)


def _row(count: int, max_deviation: int, variance: float, js: int, stay: float | None) -> dict[int, float]:
    noise = np.arange(-min(count, max_deviation), max_deviation + 1, dtype=np.int64)
    reached = noise + count
    noise = noise[(reached == 0) | (reached > js)]
    if stay is None:
        shares = max_entropy(noise, variance)
    else:
        if not (noise == 0).any():
            raise MalformedPTable(f"it cannot stay with js = {js}. Leave `stay` out, or lower js.")
        shares = np.where(noise == 0, stay, 0.0)
        if stay < 1:
            shares[noise != 0] = (1 - stay) * max_entropy(noise[noise != 0], variance / (1 - stay))
    return dict(zip(noise.tolist(), shares.tolist(), strict=True))


def _variance_of(variance: float | Mapping[int, float], count: int) -> float:
    if not isinstance(variance, Mapping):
        return float(variance)
    named = [each for each in variance if each <= count]
    if not named:
        raise MalformedPTable("no variance is named for it or for a smaller count. Name one for count 1.")
    return float(variance[max(named)])


def _require_parameters(max_deviation: int, js: int, stay: float | None) -> None:
    if not is_whole(max_deviation) or not 1 <= max_deviation <= 1000:
        raise MalformedPTable("max_deviation: D is a whole number from 1 to 1000.")
    if not is_whole(js) or js < 0:
        raise MalformedPTable("js: the threshold is a whole number, 0 or more.")
    if stay is not None and not 0 <= stay < 1:
        raise MalformedPTable("stay: a probability from 0 to less than 1.")
