"""A picture of the intervals that an attacker derives, beside those that the rules require."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS = (
    "lower",
    "upper",
    "required_lower",
    "required_upper",
    "contributors_too",
    "unions_too",
    "protected",
    "table",
)


def plot_intervals(intervals: pd.DataFrame, axes: Any = None) -> "Axes":
    """Draw what `attack` returned: one line per withheld cell, its interval, and the required one in bold.

    Cells that are not protected are red; an interval without an end leaves the picture. For those who may see the
    truth, never for publication: the required interval lies around the true value. Needs matplotlib.
    """
    from matplotlib import pyplot  # noqa: PLC0415 - optional, and slow to import

    axes = axes if axes is not None else pyplot.subplots(figsize=(7, 1 + 0.22 * len(intervals)))[1]
    edge = _edge(intervals)
    for height, row in enumerate(intervals.to_dict("records")):
        colour = "tab:blue" if row["protected"] else "tab:red"
        axes.hlines(height, max(row["lower"], -edge), min(row["upper"], edge), color=colour, linewidth=1.5)
        axes.hlines(height, row["required_lower"], row["required_upper"], color=colour, linewidth=5, alpha=0.5)
    codes = intervals.drop(columns=[name for name in COLUMNS if name in intervals])
    axes.set_yticks(range(len(intervals)), [" × ".join(map(str, each)) for each in codes.to_numpy().tolist()])
    axes.set_ylim(max(len(intervals), 1) - 0.5, -0.5)
    axes.set_xlabel("what an attacker can derive (bold: the protection required)")
    return axes  # type: ignore[no-any-return]


def _edge(intervals: pd.DataFrame) -> float:
    """How far the picture goes: a little beyond the largest finite bound."""
    bounds = intervals[["lower", "upper", "required_lower", "required_upper"]].to_numpy(dtype="float64")
    finite = np.abs(bounds[np.isfinite(bounds)])
    return 1.1 * float(finite.max(initial=1.0))
