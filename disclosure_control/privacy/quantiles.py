"""How a quantile is chosen from its candidates, and how far the choice is off on dummy data.

A choice is as good as the rows that it parts; how far that is in the answer's own units hangs on how densely values
lie about it, which only the data tells. So the error in own units is told of dummy data: rows whose values are spread
evenly between their bounds. Of a histogram the chances of every candidate are known exactly (the exponential
mechanism's); they are averaged over histograms that are drawn once, with a fixed seed: equal questions, equal answers.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from disclosure_control.privacy.measures import BIN_WEIGHT, Grid

Integers = NDArray[np.int64]
Numbers = NDArray[np.float64]

SEED = 2944
MOST_DRAWS, FEWEST_DRAWS, NUMBERS = 200, 40, 400_000


def scores(histogram: Integers, grid: Grid, q_thousandths: int) -> Integers:
    """How well each candidate parts the rows: -|(1000 - q)·below - q·above|; 0 is best.

    Args:
        histogram: the rows in each bin, along the last axis.
    """
    upto = np.cumsum(histogram, axis=-1, dtype=np.int64)
    at = 2 * np.arange(grid.count)
    below, above = upto[..., at] - histogram[..., at], upto[..., -1:] - upto[..., at]
    return np.asarray(-np.abs((1000 - q_thousandths) * below - q_thousandths * above), dtype=np.int64)


@dataclass(frozen=True)
class Spread:
    """So many rows of dummy data, and the quantile that is asked of them; `upper` bounds the grid's values."""

    grid: Grid
    upper: int
    q_thousandths: int
    size: int


def error_on_dummy_data(spread: Spread, scale: float, alpha: float) -> float:
    """How far the answer is from the rows' quantile with probability 1 - alpha, in the answer's own units.

    Args:
        scale: of the choice's noise, in parts of `BIN_WEIGHT` as its scores are.
    """
    drawn = _drawn(spread)
    likely = np.exp((drawn.scores - drawn.scores.max(axis=1, keepdims=True)) * (BIN_WEIGHT / scale))
    likely /= likely.sum(axis=1, keepdims=True) * len(likely)
    place = np.searchsorted(np.cumsum(likely.ravel()[drawn.order]), 1.0 - alpha)
    furthest = float(drawn.off[min(int(place), len(drawn.off) - 1)])
    return furthest / float(10**spread.grid.places)


@dataclass(frozen=True, eq=False)
class _Drawn:
    """Of each histogram (a row) and candidate (a column) the score; and how far candidates are off, from near to far.

    `off`: in steps of the grid's numbers; `order`: which score, of all in one line, each of these belongs to.
    """

    scores: Numbers
    off: Numbers
    order: Integers


@lru_cache(maxsize=8)
def _drawn(spread: Spread) -> _Drawn:
    grid, chance = spread.grid, np.random.default_rng(SEED)
    draws = max(FEWEST_DRAWS, min(MOST_DRAWS, NUMBERS // grid.count))
    starts, widths = _bins(spread)
    rows = chance.multinomial(spread.size, widths / widths.sum(), size=draws)
    truth = np.array([_quantile(each, starts, widths, spread, chance) for each in rows])
    off = np.abs(starts[::2] - truth[:, None]).ravel()
    order = np.argsort(off, kind="stable")
    return _Drawn(scores(rows, grid, spread.q_thousandths).astype(np.float64), off[order], order)


def _bins(spread: Spread) -> tuple[Numbers, Numbers]:
    """The first number of each bin, less the lower bound, and how many numbers it holds."""
    grid, starts = spread.grid, np.empty(spread.grid.bins)
    starts[::2] = np.arange(grid.count) * float(grid.step)
    starts[1::2] = starts[::2] + 1.0
    return starts, np.diff(starts, append=float(spread.upper - grid.lower + 1))


def _quantile(rows: Integers, starts: Numbers, widths: Numbers, spread: Spread, chance: np.random.Generator) -> float:
    """The rows' own quantile, less the lower bound: where in its bin it lies is drawn as an order statistic."""
    rank = max(1, -(-spread.size * spread.q_thousandths // 1000))
    upto = np.cumsum(rows)
    place = int(np.searchsorted(upto, rank))
    inside = int(rank - (upto[place] - rows[place]))
    return float(starts[place] + (widths[place] - 1.0) * chance.beta(inside, rows[place] + 1 - inside))
