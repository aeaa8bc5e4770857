"""Perturbation tables: their forms, their checks, and the builder against a general optimiser."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, minimize

from disclosure_control import MalformedPTable, PTable, UnknownCellKey, build_ptable
from disclosure_control.cellkey.entropy import apportion, attainable, max_entropy
from tests.disclosure_control.small_tables import rows_of


def probabilities_of(table: PTable, count: int) -> dict[int, float]:
    rows = table.probabilities
    mine = rows[rows["count"] == count]
    return dict(zip(mine["noise"], mine["probability"], strict=True))


def dense(text: str) -> pd.DataFrame:
    return pd.DataFrame(rows_of(text)).astype(int)


TWO_KEYS = """
    | pcv | ckey | pvalue |
    | 1   | 0    | -1     |
    | 1   | 1    | 1      |
    | 2   | 0    | 2      |
    | 2   | 1    | -2     |
"""


def test_a_table_in_the_form_of_abs_and_ons_is_read_and_written_back() -> None:
    frame = dense(TWO_KEYS)
    table = PTable.from_frame(frame.sample(frac=1, random_state=1), repeat=1)
    assert table.big_n == 2
    pd.testing.assert_frame_equal(table.to_frame(), frame)


def test_each_count_and_key_finds_its_noise() -> None:
    table = PTable.from_frame(dense(TWO_KEYS), repeat=1)
    counts, keys = np.array([1, 1, 2, 2, 99]), np.array([0, 1, 0, 1, 1])
    assert table.look_up(table.rows_for(counts), keys).tolist() == [-1, 1, 2, -2, -2]


def test_a_count_or_key_without_an_entry_raises() -> None:
    table = PTable.from_frame(dense(TWO_KEYS))
    with pytest.raises(UnknownCellKey, match="rows for 1 to 2"):
        table.rows_for(np.array([3]))
    with pytest.raises(UnknownCellKey, match="rows for 1 to 2"):
        table.rows_for(np.array([0]))
    for key in (2, -1):
        with pytest.raises(UnknownCellKey, match="outside 0 to 1"):
            table.look_up(np.array([0]), np.array([key]))


def test_the_last_rows_serve_in_turn_for_larger_counts_as_in_the_ons_tables() -> None:
    frame = pd.DataFrame(
        [(count, key, noise) for count in range(1, 751) for key, noise in ((0, count % 2), (1, -(count % 2)))],
        columns=["pcv", "ckey", "pvalue"],
    )
    table = PTable.from_frame(frame, repeat=250)
    counts = np.arange(1, 4000)
    as_ons = np.where(counts <= 750, counts, (counts - 1) % 250 + 501)
    assert (table.counts[table.rows_for(counts)] == as_ons).all()


def test_the_handbooks_example_is_read_from_intervals() -> None:
    """Handbook on SDC, 2nd ed., section 5.4: a fictional table with a maximum deviation of 1 and without ones."""
    rows = """
        | i | v  | p_int_ub |
        | 0 | 0  | 1        |
        | 1 | -1 | 0.5      |
        | 1 | 1  | 1        |
        | 2 | 0  | 0.8      |
        | 2 | 1  | 1        |
        | 3 | -1 | 0.3      |
        | 3 | 0  | 0.7      |
        | 3 | 1  | 1        |
    """
    frame = pd.DataFrame(rows_of(rows)).astype(float)
    with pytest.raises(MalformedPTable, match=r"count 2 changes it by 0\.2 on average"):
        PTable.from_intervals(frame)
    frame.loc[frame["i"] == 2, "p_int_ub"] = [0.9999999, 1.0]
    table = PTable.from_intervals(frame)
    keys = (np.array([0.8, 0.29, 0.31, 0.69, 0.71]) * 2**32).astype(int)
    assert table.look_up(table.rows_for(np.full(5, 3)), keys).tolist() == [1, -1, 0, 0, 1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns="ckey"), "no column ckey"),
        (lambda f: f.drop(index=1), "exactly once"),
        (lambda f: pd.concat([f, f.loc[[0]]]), "exactly once"),
        (lambda f: f.assign(pcv=f["pcv"] * 2 - 1), "without a gap"),
        (lambda f: f.assign(pcv=f["pcv"] + 1), "without a gap from 0 or 1"),
        (lambda f: f.assign(pvalue=[-2, 2, 2, -2]), "row for count 1 makes it negative"),
        (lambda f: f.assign(pvalue=[1, 1, 0, 0]), "count 1 changes it by 1 on average"),
        (lambda f: f.assign(pvalue=0.5), "whole number"),
        (lambda f: f.assign(pvalue=np.nan), "must be a number"),
        (lambda f: f.iloc[:0], "no rows"),
        (lambda f: f.assign(ckey=f["ckey"] - 1), "0 or more"),
    ],
)
def test_a_malformed_table_is_refused(change, message: str) -> None:
    with pytest.raises(MalformedPTable, match=message):
        PTable.from_frame(change(dense(TWO_KEYS)))


def test_bias_is_allowed_only_when_asked_for() -> None:
    frame = dense(TWO_KEYS).assign(pvalue=[1, 1, 0, 0])
    assert PTable.from_frame(frame, repeat=1, biased=True).max_deviation == 1


@pytest.mark.parametrize(
    ("probabilities", "message"),
    [
        ({1: {0: 0.5, 1: 0.4}}, "sum to 0.9"),
        ({1: {0: 1.5, 1: -0.5}}, "from 0 to 1"),
        ({1: {0: 0.5, 1: 0.5}}, "changes it by 0.5 on average"),
        ({1: {}}, "from 0 to 1"),
        ({}, "no rows"),
    ],
)
def test_probabilities_are_checked(probabilities: dict[int, dict[int, float]], message: str) -> None:
    with pytest.raises(MalformedPTable, match=message):
        PTable.from_probabilities(probabilities)


def entropy(shares: np.ndarray) -> float:
    positive = shares[shares > 0]
    return float(-(positive * np.log(positive)).sum())


def by_scipy(noise: np.ndarray, variance: float) -> np.ndarray:
    """The same problem, given to a general optimiser."""
    rows = np.vstack([np.ones(len(noise)), noise, noise**2])
    wanted = np.array([1.0, 0.0, variance])
    found = minimize(  # type: ignore[call-overload]  # its types are narrower than what it takes
        lambda p: float((p * np.log(np.maximum(p, 1e-300))).sum()),
        np.full(len(noise), 1 / len(noise)),
        jac=lambda p: np.log(np.maximum(p, 1e-300)) + 1,
        bounds=Bounds(1e-12, 1),
        constraints=LinearConstraint(rows, wanted, wanted),
        method="SLSQP",
        options={"maxiter": 1000, "ftol": 1e-14},
    )
    return found.x


@pytest.mark.parametrize(
    ("noise", "variance"),
    [
        (range(-2, 3), 1.0),
        (range(-1, 3), 1.0),
        (range(-5, 6), 3.0),
        ([-3, 0, 1, 2, 3, 4, 5], 3.0),
        ([-1, 2, 3, 4, 5], 3.0),
        ([-4, -1, 0, 1, 2, 3, 4, 5], 2.0),
        (range(-10, 11), 30.0),
    ],
)
def test_the_builder_finds_the_greatest_entropy_that_a_general_optimiser_finds(noise, variance: float) -> None:
    values = np.array(list(noise))
    ours, theirs = max_entropy(values, variance), by_scipy(values, variance)
    assert ours.sum() == pytest.approx(1, abs=1e-12)
    assert ours @ values == pytest.approx(0, abs=1e-10)
    assert ours @ values**2 == pytest.approx(variance, abs=1e-9)
    assert entropy(ours) == pytest.approx(entropy(theirs), abs=1e-7)
    assert np.abs(ours - theirs).max() < 1e-3


@settings(deadline=None)
@given(
    st.sets(st.integers(-12, 12), min_size=1, max_size=20),
    st.floats(0, 1),
)
def test_every_attainable_variance_is_attained(chosen: set[int], share: float) -> None:
    noise = np.array(sorted(chosen))
    assume(noise[0] <= 0 <= noise[-1])
    low, high = attainable(noise)
    variance = low + share * (high - low)
    shares = max_entropy(noise, variance)
    assert (shares >= 0).all()
    assert shares.sum() == pytest.approx(1, abs=1e-9)
    assert shares @ noise == pytest.approx(0, abs=1e-6)
    assert shares @ noise**2 == pytest.approx(variance, abs=1e-5)


@settings(deadline=None)
@given(
    st.integers(1, 8), st.floats(0.05, 0.95), st.sampled_from([0, 1, 2, 3]), st.sampled_from([256, 1000, 4096, 2**32])
)
def test_built_tables_are_unbiased_bounded_and_never_negative(d: int, share: float, js: int, big_n: int) -> None:
    try:
        table = build_ptable(d, {1: share * d, 2: share * d}, js=js, big_n=big_n)
    except MalformedPTable:
        assume(False)
        return
    rows = table.probabilities
    assert (rows["noise"].abs() <= d).all()
    results = rows["count"] + rows["noise"]
    assert ((results == 0) | (results > js) | (rows["count"] == 0)).all()
    assert (results >= 0).all()
    by_count = rows.groupby("count")
    assert (by_count["keys"].sum() == big_n).all()
    means = (rows["noise"] * rows["probability"]).groupby(rows["count"]).sum()
    assert (means.abs() <= (2 * d + js) / big_n).all()
    last = rows[rows["count"] == rows["count"].max()]
    assert (last["noise"].to_numpy() == -last["noise"].to_numpy()[::-1]).all()
    assert (last["keys"].to_numpy() == last["keys"].to_numpy()[::-1]).all()


@settings(deadline=None)
@given(st.integers(1, 10), st.floats(0.05, 1), st.floats(0.05, 1))
def test_built_tables_have_the_variance_that_was_asked_for(d: int, small: float, large: float) -> None:
    """Noise on 1 cannot go below −1, so that its variance is at most d; that on larger counts reaches d²."""
    wanted = {1: small * d, d: large * d * d}
    rows = build_ptable(d, {1: min(wanted.values()), **wanted} if d > 1 else {1: large * d}, big_n=2**32).probabilities
    found = (rows["noise"] ** 2 * rows["probability"]).groupby(rows["count"]).sum()
    for count, variance in found.drop(0).items():
        assert variance == pytest.approx(wanted[d] if count == d else wanted[1], abs=1e-5)


def test_the_symmetric_row_of_deviation_one_is_known() -> None:
    """With D = 1 the variance decides everything: p(±1) = V / 2."""
    table = build_ptable(1, 0.5, big_n=256)
    assert probabilities_of(table, 0) == {0: 1}
    assert probabilities_of(table, 1) == {-1: 0.25, 0: 0.5, 1: 0.25}


def test_a_probability_to_stay_is_kept() -> None:
    table = build_ptable(3, 1.0, stay=0.5, big_n=2**20)
    for count in (1, 2, 3):
        assert probabilities_of(table, count)[0] == pytest.approx(0.5, abs=1e-5)


def test_small_counts_can_have_a_variance_of_their_own() -> None:
    with pytest.raises(MalformedPTable, match=r"row for count 1: No unbiased noise .* it can be 0 to 5"):
        build_ptable(5, 8.0)
    table = build_ptable(5, {1: 3.0, 2: 6.0, 3: 8.0}, big_n=2**20)
    rows = table.probabilities
    variances = (rows["noise"] ** 2 * rows["probability"]).groupby(rows["count"]).sum()
    assert variances.round(3).to_dict() == {0: 0, 1: 3, 2: 6, 3: 8, 4: 8, 5: 8}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"max_deviation": 0, "variance": 1}, "max_deviation"),
        ({"max_deviation": 2.5, "variance": 1}, "max_deviation"),
        ({"max_deviation": 2, "variance": -1}, "count 1"),
        ({"max_deviation": 2, "variance": float("nan")}, "count 1"),
        ({"max_deviation": 2, "variance": 1, "js": -1}, "js"),
        ({"max_deviation": 2, "variance": 1, "stay": 1.0}, "stay"),
        ({"max_deviation": 2, "variance": 1, "js": 1, "stay": 0.5}, "cannot stay with js = 1"),
        ({"max_deviation": 2, "variance": 1, "js": 9}, "cannot be 0 on average"),
        ({"max_deviation": 2, "variance": {2: 1.0}}, "Name one for count 1"),
        ({"max_deviation": 2, "variance": 1, "big_n": 1}, "big_n"),
        ({"max_deviation": 1, "variance": 1, "big_n": 255}, "even number of keys"),
    ],
)
def test_bad_parameters_are_named(arguments, message: str) -> None:
    with pytest.raises(MalformedPTable, match=message):
        build_ptable(**arguments)


def test_keys_are_shared_out_in_proportion_and_without_bias() -> None:
    noise = np.array([-1, 0, 1, 2])
    shares = max_entropy(noise, 1.0)
    keys = apportion(shares, noise, 256)
    assert keys.sum() == 256
    assert keys @ noise == 0
    assert np.abs(keys - shares * 256).max() <= 2


def test_a_table_cannot_be_changed() -> None:
    table = build_ptable(2, 1.0)
    with pytest.raises(ValueError, match="read-only"):
        table.noise[0] = 5
