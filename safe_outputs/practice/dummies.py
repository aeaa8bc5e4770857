"""Dummy persons and businesses from a seed, the same on every machine and with every version of Python.

Only `Random.random` is used, whose sequence for a seed Python promises to keep.
"""

from collections.abc import Sequence
from math import exp
from random import Random

import pandas as pd

REGIONS = ("North", "East", "South", "West", "Isles")
SECTORS = ("Health", "Trade", "Transport", "Mining")
AGES = ("16–24", "25–44", "45–64", "65+")
INDUSTRIES = ("Bakeries", "Boatyards", "Breweries")
_REGION_WEIGHTS = (0.33, 0.27, 0.22, 0.15, 0.03)
_SECTOR_WEIGHTS = (0.42, 0.33, 0.2, 0.05)


def persons(seed: int, count: int) -> pd.DataFrame:
    """So many persons: `person`, `region`, `sector`, `age`, `benefit` (yes, no) and `income` (whole euros a year)."""
    draw = Random(seed).random  # noqa: S311 - dummies, no secrets
    rows = (
        {
            "person": number,
            "region": _pick(REGIONS, _REGION_WEIGHTS, draw()),
            "sector": _pick(SECTORS, _SECTOR_WEIGHTS, draw()),
            "age": _pick(AGES, (0.2, 0.35, 0.3, 0.15), draw()),
            "benefit": "yes" if draw() < 0.3 else "no",
            "income": round(18_000 * exp(0.45 * (draw() + draw() + draw() + draw() - 1.2))),
        }
        for number in range(1, count + 1)
    )
    return pd.DataFrame(list(rows))


def businesses(seed: int, count: int) -> pd.DataFrame:
    """So many businesses: `business`, `industry`, `region` (not the isles) and `turnover` (thousands of euros)."""
    draw = Random(seed).random  # noqa: S311 - dummies, no secrets
    rows = (
        {
            "business": number,
            "industry": INDUSTRIES[int(draw() * len(INDUSTRIES))],
            "region": REGIONS[int(draw() * 4)],
            "turnover": round(120 * exp(1.1 * (draw() + draw() - 1))),
        }
        for number in range(1, count + 1)
    )
    return pd.DataFrame(list(rows))


def noise(seed: int, count: int, scale: float) -> list[int]:
    """So many whole numbers around nought, as noisy tables have them. It is for the look: it protects nothing."""
    draw = Random(seed).random  # noqa: S311 - dummies, no secrets
    return [round(scale * (sum(draw() for _ in range(12)) - 6)) for _ in range(count)]


def _pick(names: Sequence[str], weights: Sequence[float], part: float) -> str:
    for name, weight in zip(names, weights, strict=True):
        part -= weight
        if part < 0:
            return name
    return names[-1]
