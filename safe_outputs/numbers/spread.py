"""Medians and 90th percentiles that say when there is too little to tell. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MEDIAN, NINETIETH = 50, 90
FEWEST = {MEDIAN: 5, NINETIETH: 10}
"""How many values a percentile needs. Of fewer than ten values the nearest rank of 90 % is just their largest."""


@dataclass(frozen=True)
class Spread:
    """How many values there are (seconds), their median and 90th percentile; None where there are too few to tell."""

    count: int
    median: float | None
    ninetieth: float | None


def spread(values: Iterable[float]) -> Spread:
    """The spread of these values, in any order."""
    ordered = sorted(values)
    return Spread(len(ordered), percentile(ordered, MEDIAN), percentile(ordered, NINETIETH))


def percentile(ordered: Sequence[float], percent: int) -> float | None:
    """The smallest of these values that at least `percent` % of them do not exceed; None where there are too few.

    The nearest rank: definition 1 in Hyndman & Fan, *Sample Quantiles in Statistical Packages*, The American
    Statistician 50 (1996). It is one of the values, so that “90 % within” is true to the letter.

    Args:
        ordered: from the smallest to the largest.
    """
    return ordered[rank(len(ordered), percent) - 1] if is_enough(len(ordered), percent) else None


def rank(count: int, percent: int) -> int:
    """The place, from 1 on, of the nearest rank among so many values: the least whole number not below their share."""
    return -(-count * percent // 100)


def is_enough(count: int, percent: int) -> bool:
    """Whether so many values say anything about this percentile."""
    return count >= FEWEST[percent]
