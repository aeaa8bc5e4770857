"""How much one unit can change a series: all its rows added or removed."""

import math
from dataclasses import dataclass

from disclosure_control.privacy.measures import BIN_WEIGHT, Series


@dataclass(frozen=True)
class Sensitivity:
    """Of the numbers of one series, one for each group: how many change (L0), each by how much, in both norms.

    A unit's kept rows depend on its own rows only. It is in at most K groups, and adds at most B to each: L0 = K,
    L∞ = B, L1 = K·B, L2 = √K·B, with B = M times the largest row (Wilson et al., "Differentially private SQL with
    bounded user contribution", PoPETs 2020). For a histogram, B bounds the sum of a group's bins, and L0 is the number
    of groups.
    """

    l0: int
    linf: int
    l1: int
    l2: float


def sensitivity_of(series: Series, groups: int, rows_per_unit: int) -> Sensitivity:
    """Of a unit in at most so many groups with at most so many rows in each."""
    most = series.per_group(rows_per_unit)
    return Sensitivity(groups, most, groups * most, _rounded_up(groups, most))


def sensitivity_with_totals(series: Series, groups: int, rows_per_unit: int, keys: int) -> Sensitivity:
    """Of a table by so many keys and of its totals over every choice of them, as one list of numbers.

    There are 2^keys levels. At each of them a unit adds K·B together, whatever number of its groups one total holds: so
    L1 = 2^keys·K·B, L∞ = K·B, and L2² = K·B² by all keys and at most K²·B² at every other level.
    """
    most, levels = series.per_group(rows_per_unit), 2**keys
    squares = groups + (levels - 1) * groups**2
    return Sensitivity(groups * levels, groups * most, groups * levels * most, _rounded_up(squares, most))


def score_sensitivity(q_thousandths: int, rows_per_unit: int) -> int:
    """How much one unit changes a quantile's score in one group: its rows lie below or above a candidate.

    The score is |(1 - q)·below - q·above| in thousandths and in parts of `BIN_WEIGHT` (Smith, "Privacy-preserving
    statistical estimation with optimal convergence rates", STOC 2011, whose score this is).
    """
    return max(q_thousandths, 1000 - q_thousandths) * rows_per_unit * BIN_WEIGHT


def _rounded_up(groups: int, most: int) -> float:
    """√groups·most, never below it."""
    squared = groups * most * most
    root = math.isqrt(squared)
    exact = float(root)
    if root * root == squared and int(exact) == root:
        return exact
    near = float(root + 1) if root > 1 << 52 else math.sqrt(squared)
    return math.nextafter(math.nextafter(near, math.inf), math.inf)
