"""Noisy tables that add up: small tables first, then two references, simulations, and what is refused."""

import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import nnls

from disclosure_control import (
    ConsistencyFailed,
    ConsistentTable,
    Hierarchy,
    MalformedTable,
    RoundingFailed,
    UnknownCode,
    UnknownColumn,
    consistent_half_widths,
    make_consistent,
)
from disclosure_control.privacy import consistency, least_squares
from disclosure_control.privacy.least_squares import Fit
from disclosure_control.structure import Axis, Grid
from tests.disclosure_control.small_tables import frame_of, rows_of

NACE = Hierarchy.from_pairs([("T", "A"), ("T", "B"), ("A", "A1"), ("A", "A2"), ("B", "B1"), ("B", "B2"), ("B", "B3")])
ODD = Hierarchy.from_pairs([("T", "odd"), ("T", "even"), *(("odd", c) for c in ("A1", "B1", "B3"))])
ODD = Hierarchy((*ODD.pairs, ("even", "A2"), ("even", "B2")))


def values(table: ConsistentTable) -> dict[str, int]:
    return dict(zip(table.cells["area"], table.cells["value"], strict=True))


def areas(text: str) -> pd.DataFrame:
    return frame_of(text, ["value", "deviation"])


# ------------------------------------------------------------------------------------------------------- small tables


def test_what_is_missed_is_shared_by_parts_and_total() -> None:
    noisy = areas("""
        | area | value | deviation |
        | A    | 10    | 2         |
        | B    | 20    | 2         |
        | _T   | 33    | 2         |
    """)
    assert values(make_consistent(noisy, {"area": None}, "deviation")) == {"_T": 32, "A": 11, "B": 21}


def test_a_cell_with_less_noise_moves_less() -> None:
    noisy = areas("""
        | area | value | deviation |
        | A    | 10    | 20        |
        | B    | 20    | 1         |
        | _T   | 37    | 1         |
    """)
    assert values(make_consistent(noisy, {"area": None}, "deviation")) == {"_T": 37, "A": 17, "B": 20}


def test_a_negative_cell_becomes_zero_and_the_others_bear_it() -> None:
    """Least squares say −4, 9 and 5; without negatives B and the total meet between 10 and 4."""
    noisy = areas("""
        | area | value | deviation |
        | A    | -3    | 2         |
        | B    | 10    | 2         |
        | _T   | 4     | 2         |
    """)
    found = make_consistent(noisy, {"area": None}, 2.0)
    assert values(found) == {"_T": 7, "A": 0, "B": 7}
    assert found.report.held_at_zero == 1
    assert found.cells["least_squares"].round(6).tolist() == [5, -4, 9]
    assert values(make_consistent(noisy, {"area": None}, 2.0, nonnegative=False)) == {"_T": 5, "A": -4, "B": 9}


def test_the_interval_is_about_the_least_squares_and_holds_the_published_value() -> None:
    """Three cells of deviation 3: a third of the variance goes, 1.96·3·√(2/3) + ½ = 5.3 is left."""
    noisy = areas("""
        | area | value | deviation |
        | A    | -30   | 3         |
        | B    | 10    | 3         |
        | _T   | 4     | 3         |
    """)
    cells = make_consistent(noisy, {"area": None}, "deviation").cells.set_index("area")
    assert cells["half_width"].round(3).tolist() == [5.301] * 3
    assert cells.loc["B"].round(3).to_dict() | {"noisy": 10} == {
        "value": 7,
        "noisy": 10,
        "least_squares": 18,
        "half_width": 5.301,
        "low": 7,  # the interval from 13 to 23 is widened to hold the value
        "high": 23,
    }
    laplace = consistent_half_widths(noisy, {"area": None}, "deviation", mechanism="laplace")
    assert laplace["half_width"].round(3).tolist() == [5.689] * 3


def test_rows_of_two_dimensions_add_up_too() -> None:
    text = """
        | area | sex | value |
        | A    | m   | 3     |
        | A    | f   | 4     |
        | A    | _T  | 9     |
        | B    | m   | 1     |
        | B    | f   | 1     |
        | B    | _T  | 0     |
        | _T   | m   | 6     |
        | _T   | f   | 4     |
        | _T   | _T  | 11    |
    """
    found = make_consistent(frame_of(text, ["value"]), {"area": None, "sex": None}, 1.5).cells
    drawn = found.pivot(index="area", columns="sex", values="value")
    assert (drawn["m"] + drawn["f"] == drawn["_T"]).all()
    assert (drawn.loc["A"] + drawn.loc["B"] == drawn.loc["_T"]).all()
    assert len(rows_of(text)) == len(found)


# --------------------------------------------------------------------------------------------------------- properties


def axes_of(draw: st.DrawFn) -> dict[str, Hierarchy | list[Hierarchy]]:
    several: list[dict[str, Hierarchy | list[Hierarchy]]] = [
        {"x": Hierarchy.flat("abc")},
        {"x": NACE},
        {"x": [NACE, ODD]},
        {"x": Hierarchy.flat("abc"), "y": Hierarchy.flat("pqrs")},
        {"x": NACE, "y": Hierarchy.flat("pq")},
        {"x": [NACE, ODD], "y": Hierarchy.flat("pq")},
        {"x": Hierarchy.flat("ab"), "y": Hierarchy.flat("pq"), "z": Hierarchy.flat("uv")},
    ]
    return draw(st.sampled_from(several))


def grid_of(dimensions: dict) -> Grid:
    return Grid(tuple(Axis(name, (h,) if isinstance(h, Hierarchy) else tuple(h)) for name, h in dimensions.items()))


@st.composite
def noisy_tables(draw: st.DrawFn) -> tuple[dict, pd.DataFrame]:
    dimensions = axes_of(draw)
    grid = grid_of(dimensions)
    numbers = st.lists(st.integers(-20, 60), min_size=grid.cells, max_size=grid.cells)
    scales = st.lists(st.sampled_from([0.5, 1.0, 3.0, 40.0]), min_size=grid.cells, max_size=grid.cells)
    equal = draw(st.booleans())
    frame = grid.frame().assign(value=draw(numbers), deviation=3.0 if equal else draw(scales))
    return dimensions, frame


def matrix_of(grid: Grid) -> np.ndarray:
    """Which leaf cells each cell is a sum of, from the leaves below its codes."""
    parts = [
        np.array([np.isin(range(len(axis.leaves)), axis.below(code)) for code in axis.codes]) for axis in grid.axes
    ]
    whole = np.ones((1, 1))
    for each in parts:
        whole = np.kron(whole, each)
    return whole


@settings(deadline=None, max_examples=30)
@given(noisy_tables())
def test_every_table_adds_up_in_whole_numbers_from_zero_on(given_table: tuple[dict, pd.DataFrame]) -> None:
    dimensions, noisy = given_table
    found = make_consistent(noisy, dimensions, "deviation")
    published = found.cells["value"].to_numpy()
    assert published.dtype == np.int64
    assert (published >= 0).all()
    assert all(published[total] == published[parts].sum() for total, parts in grid_of(dimensions).relations())
    assert (found.cells["low"] <= published).all() and (published <= found.cells["high"]).all()
    again = make_consistent(found.cells[[*dimensions, "value"]], dimensions, 2.5)
    assert again.cells["value"].tolist() == published.tolist()
    assert again.cells["least_squares"].tolist() == published.tolist()
    assert again.report.moved == 0


@settings(deadline=None, max_examples=30)
@given(noisy_tables())
def test_the_nearest_table_is_the_one_that_another_method_finds(given_table: tuple[dict, pd.DataFrame]) -> None:
    """NNLS by Lawson and Hanson, and the projection onto the equations of the table, both with dense matrices."""
    dimensions, noisy = given_table
    grid = grid_of(dimensions)
    noise = noisy["deviation"].to_numpy()
    fit = Fit(grid, noisy["value"].to_numpy(dtype=float), noise**2)
    sums = matrix_of(grid)
    expected, _ = nnls(sums / noise[:, None], fit.values / noise)
    np.testing.assert_allclose(fit.sums.up(fit.nearest_not_negative()), sums @ expected, atol=1e-3)
    equations = np.zeros((len(grid.relations()), grid.cells))
    for row, (total, parts) in enumerate(grid.relations()):
        equations[row, parts], equations[row, total] = 1, -1
    spread = np.diag(noise**2)
    share = spread @ equations.T @ np.linalg.pinv(equations @ spread @ equations.T, rcond=1e-10) @ equations
    np.testing.assert_allclose(fit.sums.up(fit.nearest()), fit.values - share @ fit.values, atol=1e-3)
    np.testing.assert_allclose(fit.variances_after(), np.diag(spread - share @ spread), rtol=1e-4, atol=1e-6)


def test_both_systems_give_the_same_exactness() -> None:
    """With more totals than leaf cells the smaller system is that of the leaf cells."""
    grid = grid_of({name: Hierarchy.flat("ab") for name in "vwxyz"})
    fit = Fit(grid, np.zeros(grid.cells), np.random.default_rng(1).uniform(1, 9, grid.cells))
    assert grid.leaf_cells < grid.cells - grid.leaf_cells
    np.testing.assert_allclose(fit._by_leaves(), fit._by_inner(), rtol=1e-9)
    equal = Fit(grid, fit.values, np.full(grid.cells, 4.0))
    np.testing.assert_allclose(equal.variances_after(), equal._by_inner(), rtol=1e-9)


@settings(deadline=None, max_examples=20)
@given(noisy_tables(), st.randoms(use_true_random=False))
def test_no_order_of_rows_codes_or_dimensions_changes_anything(given_table: tuple[dict, pd.DataFrame], chance) -> None:
    dimensions, noisy = given_table
    first = make_consistent(noisy, dimensions, "deviation").cells
    names = list(dimensions)
    chance.shuffle(names)
    turned = {name: shuffled(dimensions[name], chance) for name in names}
    rows = noisy.sample(frac=1, random_state=chance.randint(0, 99))
    again = make_consistent(rows, turned, "deviation").cells
    pd.testing.assert_frame_equal(first.merge(again[list(dimensions)]), first)
    matched = first[list(dimensions)].merge(again, on=list(dimensions))[list(first)]
    pd.testing.assert_frame_equal(matched, first, check_exact=True)


def shuffled(hierarchy: Hierarchy | list[Hierarchy], chance) -> Hierarchy | list[Hierarchy]:
    if isinstance(hierarchy, list):
        return [shuffled(each, chance) for each in hierarchy]  # type: ignore[misc]
    pairs = list(hierarchy.pairs)
    chance.shuffle(pairs)
    return Hierarchy(tuple(pairs))


def test_nothing_but_noisy_values_is_read() -> None:
    grid = grid_of({"x": NACE})
    noisy = grid.frame().assign(value=range(grid.cells), true=7)
    first = make_consistent(noisy, {"x": NACE}, 2.0).cells
    other = make_consistent(noisy.assign(true=None), {"x": NACE}, 2.0).cells
    pd.testing.assert_frame_equal(first, other)
    assert list(first) == ["x", "value", "noisy", "least_squares", "half_width", "low", "high"]


# -------------------------------------------------------------------------------------------------------- simulations

FORMS: dict[str, dict] = {
    "tree": {"x": NACE},
    "rows and columns": {"x": NACE, "y": Hierarchy.flat("pqrs")},
    "two hierarchies": {"x": [NACE, ODD], "y": Hierarchy.flat("pq")},
}


def drawn_noise(chance: np.random.Generator, mechanism: str, deviation: np.ndarray) -> np.ndarray:
    """Whole numbers with the probabilities of a discrete Gaussian, or of the discrete Laplace distribution."""
    if mechanism == "laplace":
        stop = 1 - np.exp(-np.sqrt(2) / deviation)
        return chance.geometric(stop) - chance.geometric(stop)
    support = np.arange(-60, 61)
    found = np.zeros(len(deviation))
    for scale in np.unique(deviation):
        mass = np.exp(-(support**2) / (2 * scale**2))
        found[deviation == scale] = chance.choice(support, (deviation == scale).sum(), p=mass / mass.sum())
    return found


@pytest.mark.parametrize(
    ("form", "mechanism", "mean", "scales"),
    [
        ("tree", "gaussian", 40.0, (4.0, 2.0)),
        ("tree", "laplace", 1.0, (4.0, 8.0)),
        ("rows and columns", "gaussian", 1.0, (4.0, 4.0)),
        ("two hierarchies", "laplace", 40.0, (4.0, 2.0)),
        ("two hierarchies", "gaussian", 3.0, (0.6, 0.6)),
    ],
)
def test_it_is_no_less_exact_than_it_says_and_no_worse_than_raw(
    form: str, mechanism: consistency.Mechanism, mean: float, scales: tuple[float, float]
) -> None:
    """100 noisy tables: 94 % of the intervals hold the truth, and the mean squared error is not above the raw one."""
    grid = grid_of(FORMS[form])
    chance = np.random.default_rng(11)
    deviation = np.where(grid.leaf_mask(), *scales)
    held, after, before = [], 0.0, 0.0
    frame = grid.frame().assign(deviation=deviation)
    for _ in range(100):
        truth = matrix_of(grid) @ chance.poisson(mean, grid.leaf_cells)
        noisy = frame.assign(value=truth + drawn_noise(chance, mechanism, deviation))
        cells = make_consistent(noisy, FORMS[form], "deviation", mechanism=mechanism).cells
        held.append((cells["low"] <= truth) & (truth <= cells["high"]))
        after += float(((cells["value"] - truth) ** 2).mean())
        before += float(((cells["noisy"] - truth) ** 2).mean())
    assert np.mean(held) > 0.94
    assert after <= before


def test_accuracy_that_is_stated_before_is_the_accuracy_stated_after() -> None:
    grid = grid_of(FORMS["rows and columns"])
    noisy = grid.frame().assign(value=5, deviation=np.linspace(1, 9, grid.cells))
    before = consistent_half_widths(noisy.drop(columns="value"), FORMS["rows and columns"], "deviation")
    after = make_consistent(noisy, FORMS["rows and columns"], "deviation").cells
    pd.testing.assert_frame_equal(before, after[["x", "y", "half_width"]])
    assert (before["half_width"] < 1.96 * noisy["deviation"] + consistency.STEP).all()


def test_ten_thousand_cells_take_seconds() -> None:
    grid = grid_of({"x": Hierarchy.flat(map(str, range(99))), "y": Hierarchy.flat(map(str, range(99)))})
    chance = np.random.default_rng(2)
    noisy = grid.frame().assign(value=chance.integers(-10, 20, grid.cells))
    begun = time.process_time()
    found = make_consistent(noisy, {"x": None, "y": None}, 5.0)
    assert found.report.cells == 10_000
    assert found.report.moved < 1
    assert time.process_time() - begun < 5


# ---------------------------------------------------------------------------------------------------------- bad input

GOOD = {"area": ["A", "B", "_T"], "value": [1, 2, 4], "deviation": [2.0, 2.0, 2.0]}


@pytest.mark.parametrize(
    ("change", "deviation", "message"),
    [
        ({"value": [1, None, 4]}, "deviation", "no finite value"),
        ({"value": [1, float("inf"), 4]}, "deviation", "no finite value"),
        ({"value": [1, 2.5, 4]}, "deviation", "no whole numbers"),
        ({"value": [1, 2**50, 4]}, "deviation", "too large"),
        ({"value": [1, "two", 4]}, "deviation", "are numbers"),
        ({"deviation": [2.0, 0.0, 2.0]}, "deviation", "no positive, finite standard deviation"),
        ({"deviation": [2.0, None, 2.0]}, "deviation", "no positive, finite standard deviation"),
        ({"deviation": [2.0, -1.0, 2.0]}, "deviation", "no positive, finite standard deviation"),
        ({}, 0.0, "no positive, finite standard deviation"),
        ({}, float("nan"), "no positive, finite standard deviation"),
        ({}, float("inf"), "no positive, finite standard deviation"),
        ({"area": ["A", "A", "_T"]}, "deviation", r"\(area = A\) is given twice"),
    ],
)
def test_what_is_no_noisy_table_is_refused(change: dict, deviation: str | float, message: str) -> None:
    with pytest.raises(MalformedTable, match=message):
        make_consistent(pd.DataFrame(GOOD | change), {"area": None}, deviation)


def test_cells_codes_and_columns_that_do_not_fit_are_refused() -> None:
    cells = pd.DataFrame(GOOD)
    with pytest.raises(MalformedTable, match=r"1 cells are missing, the first is \(area = C\)"):
        make_consistent(cells, {"area": Hierarchy.flat("ABC")}, 1.0)
    with pytest.raises(MalformedTable, match="1 cells are missing"):
        make_consistent(cells.iloc[:2], {"area": None}, 1.0)
    with pytest.raises(UnknownCode, match="does not name: B"):
        make_consistent(cells, {"area": Hierarchy.flat("A")}, 1.0)
    with pytest.raises(UnknownColumn, match="no column scale"):
        make_consistent(cells, {"area": None}, "scale")
    with pytest.raises(MalformedTable, match="no dimensions"):
        make_consistent(cells, {}, 1.0)
    with pytest.raises(MalformedTable, match="Rename it"):
        make_consistent(cells.rename(columns={"area": "low"}), {"low": None}, 1.0)
    with pytest.raises(MalformedTable, match="no mechanism “cauchy”"):
        make_consistent(cells, {"area": None}, 1.0, mechanism="cauchy")  # type: ignore[arg-type]


def test_a_table_too_large_is_refused_before_it_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consistency, "MOST_UNKNOWNS", 2)
    grid = grid_of({"x": NACE})
    with pytest.raises(MalformedTable, match="Leave out a level"):
        make_consistent(grid.frame().assign(value=1), {"x": NACE}, 1.0)


def test_without_proof_nothing_is_handed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    grid = grid_of(FORMS["rows and columns"])
    noisy = grid.frame().assign(value=np.random.default_rng(4).integers(-9, 9, grid.cells))
    with pytest.raises(RoundingFailed):
        make_consistent(noisy, FORMS["rows and columns"], 2.0, seconds=0.0)
    monkeypatch.setattr(least_squares, "MOST_ROUNDS", 1)
    with pytest.raises(ConsistencyFailed, match="nonnegative=False"):
        make_consistent(noisy, FORMS["rows and columns"], 2.0)
    monkeypatch.setattr(least_squares, "MOST_STEPS", 1)
    with pytest.raises(ConsistencyFailed, match="lie too far apart"):
        make_consistent(noisy, FORMS["rows and columns"], 2.0)


def test_exchanging_one_leaf_cell_at_a_time_ends_at_the_same_table(monkeypatch: pytest.MonkeyPatch) -> None:
    grid = grid_of(FORMS["two hierarchies"])
    for seed in range(20):
        fit = Fit(grid, np.random.default_rng(seed).normal(0, 9, grid.cells), np.ones(grid.cells))
        usual = fit.nearest_not_negative()
        with monkeypatch.context() as patched:
            patched.setattr(least_squares, "PATIENCE", -1)
            np.testing.assert_allclose(fit.nearest_not_negative(), usual, atol=1e-5)


def test_a_deep_hierarchy_adds_up_on_every_level() -> None:
    codes = ["t"]
    pairs = []
    for parent in range(255):
        codes += [f"t{2 * parent + 1}", f"t{2 * parent + 2}"]
        pairs += [(codes[parent], codes[2 * parent + 1]), (codes[parent], codes[2 * parent + 2])]
    tree = Hierarchy(tuple(pairs))
    grid = grid_of({"x": tree})
    noisy = grid.frame().assign(value=np.random.default_rng(3).integers(-5, 30, grid.cells))
    published = make_consistent(noisy, {"x": tree}, 6.0).cells["value"].to_numpy()
    assert all(published[total] == published[parts].sum() for total, parts in grid.relations())
