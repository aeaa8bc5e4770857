"""Deterministic business microdata and tables for the benchmarks and for tests.

An instance has a kind and a size: flat two- and three-way tables, and a three-level by a two-level hierarchy.
Categories are skewed (Zipf) and values lognormal, with about six contributors per inner cell, so that the p % rule
marks 10–25 % of the cells, as in real business tables.
"""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from disclosure_control import Hierarchy

PER_LEAF = 6

# kind → cells wanted → for each dimension the numbers of children, level by level
SHAPES: dict[str, dict[int, tuple[tuple[int, ...], ...]]] = {
    "flat 2-D": {100: ((9,), (9,)), 1000: ((30,), (31,)), 5000: ((70,), (69,))},
    "flat 3-D": {100: ((3,), (4,), (4,)), 1000: ((9,), (9,), (9,)), 5000: ((16,), (16,), (16,))},
    "hierarchical": {
        100: ((3, 3), (7,)),
        1000: ((3, 3, 3), (4, 5)),
        5000: ((4, 4, 5), (7, 6)),
        20000: ((5, 4, 6), (10, 12)),
    },
}


@dataclass(frozen=True, eq=False)
class Instance:
    """Microdata with the columns `unit`, `value` and one per dimension (the leaf's code), and the hierarchies."""

    data: pd.DataFrame
    dimensions: dict[str, Hierarchy]


def instance(kind: str, cells: int, seed: int = 1, per_leaf: int = PER_LEAF) -> Instance:
    """The instance of this kind with about so many cells, all margins and subtotals counted."""
    shape = SHAPES[kind][cells]
    chance = np.random.default_rng(seed + cells)
    dimensions = {f"d{place}": hierarchy("abc"[place], widths) for place, widths in enumerate(shape)}
    count = per_leaf * math.prod(len(each.leaves) for each in dimensions.values())
    data = {name: _skewed(chance, each.leaves, count) for name, each in dimensions.items()}
    values = np.round(chance.lognormal(4, 1.5, count) + 1)
    units = [f"u{number}" for number in range(count)]
    return Instance(pd.DataFrame({**data, "value": values, "unit": units}), dimensions)


def hierarchy(prefix: str, widths: tuple[int, ...]) -> Hierarchy:
    """A regular tree: the total has widths[0] children, each of them widths[1], and so on."""
    levels = [[f"T{prefix}"]]
    for width in widths:
        levels.append([f"{_stem(code, prefix)}{child}" for code in levels[-1] for child in range(width)])
    pairs = [
        (above[place // (len(below) // len(above))], code)
        for above, below in pairwise(levels)
        for place, code in enumerate(below)
    ]
    return Hierarchy.from_pairs(pairs)


def _stem(code: str, prefix: str) -> str:
    return prefix if code == f"T{prefix}" else f"{code}_"


def _skewed(chance: np.random.Generator, codes: tuple[str, ...], count: int) -> np.ndarray:
    weights = 1 / np.arange(1, len(codes) + 1) ** 0.7
    return np.array(codes)[chance.choice(len(codes), count, p=chance.permutation(weights / weights.sum()))]
