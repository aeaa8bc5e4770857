"""The picture of the intervals."""

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgba

from disclosure_control.attack import attack, plot_intervals
from tests.disclosure_control.attack.tables import grid, protected

HANDBOOK = grid("20 50 10\n8 19 22\n17 32 12")
CORNERS = [("r2", "c1"), ("r2", "c3"), ("r3", "c1"), ("r3", "c3")]
BLUE, RED = to_rgba("tab:blue"), to_rgba("tab:red")


@pytest.fixture(autouse=True)
def no_screen():
    mpl.use("Agg")
    yield
    pyplot.close("all")


def lines(axes: Axes) -> list[tuple[float, float, float, tuple[float, ...]]]:
    """Of every line: left end, right end, height, colour without its transparency."""
    found = []
    for each in axes.collections:
        assert isinstance(each, LineCollection)
        (start, end), colour = each.get_segments()[0], np.asarray(each.get_color())[0].tolist()
        found.append((start[0], end[0], start[1], (*colour[:3], 1.0)))
    return found


def test_every_withheld_cell_has_its_interval_and_the_one_required():
    axes = plot_intervals(attack(protected(HANDBOOK, CORNERS, {("r2", "c3"): (18, 8)})))
    assert lines(axes)[:4] == [(0, 25, 0, BLUE), (8, 8, 0, BLUE), (5, 30, 1, RED), (4, 30, 1, RED)]
    assert len(lines(axes)) == 2 * len(CORNERS)
    assert [each.get_text() for each in axes.get_yticklabels()] == ["r2 × c1", "r2 × c3", "r3 × c1", "r3 × c3"]
    axes.figure.canvas.draw()


def test_an_interval_without_an_end_leaves_the_picture():
    everything = [tuple(row) for row in HANDBOOK.cells[["row", "column"]].to_numpy()]
    axes = plot_intervals(attack(protected(HANDBOOK, everything)))
    right = [end for start, end, *_ in lines(axes) if start == 0]
    assert np.isfinite(right).all() and min(right) > HANDBOOK.cells["value"].max()
    axes.figure.canvas.draw()


def test_several_tables_are_drawn_in_one_picture():
    table = protected(HANDBOOK, CORNERS)
    assert len(lines(plot_intervals(attack([table, table])))) == 2 * 2 * len(CORNERS)


def test_nothing_withheld_is_an_empty_picture():
    axes = plot_intervals(attack(protected(HANDBOOK, [])))
    assert lines(axes) == []
    axes.figure.canvas.draw()


def test_axes_of_the_caller_are_drawn_on():
    _, mine = pyplot.subplots()
    assert plot_intervals(attack(protected(HANDBOOK, CORNERS)), axes=mine) is mine
