"""What is said of an answer before it is paid for: in its own units, and true of what it says it is true of."""

import math
import re
from collections.abc import Callable
from typing import Any

import duckdb
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from disclosure_control import MalformedPrivatePlan
from disclosure_control.privacy.accuracy import Accuracy
from disclosure_control.privacy.advice import what_fits
from disclosure_control.privacy.bounded import bounded
from disclosure_control.privacy.dummy import dummy_table
from disclosure_control.privacy.expressions import Column
from disclosure_control.privacy.measures import (
    BIN_WEIGHT,
    CountRows,
    CountUnits,
    Mean,
    Quantile,
    Regression,
    Series,
    Sum,
    Variance,
)
from disclosure_control.privacy.mechanisms import NANO, Noise
from disclosure_control.privacy.plan import Price, PrivatePlan, Wanted
from disclosure_control.privacy.regression import fit
from disclosure_control.privacy.release import drawn, mechanisms_of
from tests.disclosure_control.privacy.shapes import AGE, DATASET, SHAPES, SPENDING, Row, plan, table_of

FALSE_ALARM = 1e-9
DRAWS = 400
Numbers = NDArray[np.float64]


def dummy(units: int, seed: int) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    dummy_table(connection, DATASET, units, seed)
    return connection


def column(connection: duckdb.DuckDBPyConnection, name: str) -> Numbers:
    found = connection.execute(f"SELECT {name} FROM visits").fetchnumpy()[name]
    return np.asarray(found, dtype=np.float64)


def a_quantile(of: Any, q: str, steps: int, nano: int) -> PrivatePlan:
    return plan(measures=[Quantile(name="q", of=of, q=q, steps=steps)], price=Price(nano_rho=nano), rows_per_unit=3)


# ------------------------------------------------------------------------------------------------- on what it rests


def test_every_error_says_on_what_it_rests() -> None:
    asked = plan(
        measures=[
            CountUnits(name="units"),
            Sum(name="sum", of=AGE),
            Mean(name="mean", of=AGE),
            Quantile(name="median", of=AGE),
            Regression(name="line", of=SPENDING, on=(AGE,)),
        ]
    )
    found = asked.accuracy(2000)
    assert {name: (each.basis, each.group_size) for name, each in found.items()} == {
        "units": ("any data", None),
        "sum": ("any data", None),
        "mean": ("any data", 2000),
        "median": ("dummy data", 2000),
        "line": ("dummy data", 2000),
    }
    assert all((each.error is None) == (name == "line") for name, each in found.items())
    assert [name for name, each in found.items() if each.wrong_side is not None] == ["median"]
    assert len(found["line"].coefficients) == 2


def test_what_is_said_before_is_always_the_same() -> None:
    for of in (AGE, SPENDING):
        measures = [Quantile(name="q", of=of), Regression(name="line", of=SPENDING, on=(AGE,))]
        assert plan(measures=measures).accuracy() == plan(measures=measures).accuracy()


# ------------------------------------------------------------------------------------------------- on dummy data


def chances(values: Numbers, candidates: Numbers, q: float, scale: float) -> Numbers:
    """Of each candidate, by the definition of the exponential mechanism."""
    below = (values[:, None] < candidates).sum(axis=0)
    above = (values[:, None] > candidates).sum(axis=0)
    score = -np.abs((1 - q) * below - q * above) * 1000 * BIN_WEIGHT
    likely = np.exp((score - score.max()) / scale)
    return np.asarray(likely / likely.sum())


SPREADS = {
    "a median of whole numbers": (AGE, "0.5", 100, 300, NANO // 100),
    "a median": (SPENDING, "0.5", 200, 500, NANO // 200),
    "a lower quartile": (SPENDING, "0.25", 40, 300, NANO // 20),
    "a high quantile": (SPENDING, "0.95", 200, 500, NANO // 50),
    "candidates that are far apart": (SPENDING, "0.5", 7, 300, NANO // 100),
    "a small group": (SPENDING, "0.5", 70, 30, NANO // 5),
}


@pytest.mark.parametrize("case", SPREADS)
def test_on_dummy_data_a_quantile_is_off_by_its_error_in_5_percent(case: str) -> None:
    """Averaged over dummy data, with chances that are computed here from the rows: no draw decides this test."""
    of, q, steps, units, nano = SPREADS[case]
    asked, beyond = a_quantile(of, q, steps, nano), []
    (series,) = asked.design.made_of["q"]
    grid, scale = series.candidates, asked.errors().choice(asked.measures[0], series).scale  # type: ignore[arg-type]
    candidates = np.array([float(grid.candidate(place)) for place in range(grid.count)])
    for seed in range(60):
        values = np.sort(column(dummy(units, seed), of.name))
        error = asked.accuracy(len(values))["q"].error or 0.0
        truth = values[math.ceil(len(values) * float(q)) - 1]
        far = np.abs(candidates - truth) > error + 1e-9
        beyond.append(chances(values, candidates, float(q), scale)[far].sum())
    assert 0.03 < np.mean(beyond) < 0.065, np.mean(beyond)


def test_a_quantile_that_is_drawn_keeps_to_its_error_on_dummy_data() -> None:
    asked = a_quantile(SPENDING, "0.5", 200, NANO // 100)
    with dummy(800, seed=5) as connection:
        values = np.sort(column(connection, "spending"))
        sums = bounded(connection, asked.design, salt=1)
    error = asked.accuracy(len(values))["q"].error or 0.0
    truth = values[math.ceil(len(values) / 2) - 1]
    answers = [drawn(sums, asked.errors(), asked.hash, 1, 0).answers["q"][0].value for _ in range(DRAWS)]
    hits = sum(abs((each or 0.0) - truth) <= error for each in answers)
    assert stats.binom.cdf(hits, DRAWS, 0.92) > FALSE_ALARM
    assert error < 5, "of bounds that are 70 apart"


@pytest.mark.parametrize("mechanism", ["gaussian", "laplace"])
@pytest.mark.parametrize("nano", [NANO // 30, NANO])
def test_on_dummy_data_noise_moves_coefficients_by_their_errors_at_most(mechanism: str, nano: int) -> None:
    lines = Regression(name="line", of=SPENDING, on=(AGE, Column(name="ward")))
    asked = plan(measures=[lines], price=Price(nano_rho=nano), rows_per_unit=3, mechanism=mechanism)
    hits, draws = np.zeros(3), 100
    for seed in range(8):
        with dummy(1500, seed) as connection:
            rows = len(column(connection, "spending"))
            sums = bounded(connection, asked.design, salt=1)
        exact = {series: int(sums.sums[asked.design.names[series]][0]) for series in asked.design.series}
        mechanisms = mechanisms_of(asked.errors(), 0)
        noisy = {
            series: noise.draw([exact[series]] * draws)
            for series, noise in mechanisms.items()
            if isinstance(noise, Noise)
        }
        said, true = np.array(asked.accuracy(rows)["line"].coefficients), coefficients(asked, exact)
        for draw in range(draws):
            hits += np.abs(coefficients(asked, {series: each[draw] for series, each in noisy.items()}) - true) <= said
    assert all(stats.binom.cdf(each, 8 * draws, 0.95) > FALSE_ALARM for each in hits), hits
    assert hits.min() < 8 * draws, "nor is it much too large"


def coefficients(asked: PrivatePlan, numbers: dict[Series, int]) -> Numbers:
    """Of these moments as if they had no noise, or with it; far off where there are none."""
    found = fit(asked.measures[0], asked.errors(), numbers).coefficients  # type: ignore[arg-type]
    return np.full(3, np.inf) if found is None else np.array(found)


def test_a_regression_of_few_rows_says_that_it_would_have_no_coefficients() -> None:
    asked = plan(measures=[Regression(name="line", of=SPENDING, on=(AGE,))], price=Price(nano_rho=NANO // 1000))
    assert asked.accuracy(20)["line"] == Accuracy(None, "dummy data", 20)


# ------------------------------------------------------------------------------------------------- on any data

SKEWED: dict[str, Callable[[np.random.Generator], Any]] = {
    "nearly all at the lower bound": lambda chance: np.where(chance.random(900) < 0.97, 0, 100),
    "one value": lambda chance: np.full(900, 37),
    "a long tail": lambda chance: np.minimum(chance.lognormal(1.0, 1.2, 900), 100).astype(int),
    "spread evenly": lambda chance: chance.integers(0, 101, 900),
    "half at each end": lambda chance: np.where(chance.random(900) < 0.5, 0, 100),
}


def rows_of(ages: NDArray[np.int64]) -> list[Row]:
    return [(person, "North", 1, True, int(age), 1.0) for person, age in enumerate(ages)]


@pytest.mark.parametrize("data", SKEWED)
def test_on_any_data_answers_are_within_their_errors(data: str) -> None:
    ages = SKEWED[data](np.random.default_rng(3))
    asked = plan(
        measures=[
            CountRows(name="n"),
            Sum(name="sum", of=AGE),
            Mean(name="mean", of=AGE),
            Variance(name="variance", of=AGE),
        ],
        price=Price(nano_rho=NANO // 50),
    )
    truth = {"n": 900.0, "sum": float(ages.sum()), "mean": ages.mean(), "variance": ages.var()}
    said, hits = asked.accuracy(900), dict.fromkeys(truth, 0)
    with table_of(rows_of(ages)) as connection:
        sums = bounded(connection, asked.design, salt=1)
    for _ in range(DRAWS):
        answers = drawn(sums, asked.errors(), asked.hash, 1, 0).answers
        for name, true in truth.items():
            assert said[name].basis == "any data"
            hits[name] += abs((answers[name][0].value or 0.0) - true) <= (said[name].error or 0.0) + 1e-9
    assert all(stats.binom.cdf(each, DRAWS, 0.95) > FALSE_ALARM for each in hits.values()), hits


@pytest.mark.parametrize("q", ["0.25", "0.5", "0.9"])
@pytest.mark.parametrize("data", SKEWED)
def test_on_any_data_a_quantile_has_few_rows_on_the_wrong_side(data: str, q: str) -> None:
    ages, share = SKEWED[data](np.random.default_rng(4)), float(q)
    asked = plan(measures=[Quantile(name="q", of=AGE, q=q, steps=100)], price=Price(nano_rho=NANO // 200))
    with table_of(rows_of(ages)) as connection:
        sums = bounded(connection, asked.design, salt=1)

    def off(candidate: float) -> float:
        return float(abs((1 - share) * (ages < candidate).sum() - share * (ages > candidate).sum()))

    limit = min(off(each) for each in range(101)) + (asked.accuracy()["q"].wrong_side or 0.0)
    hits = 0
    for _ in range(DRAWS):
        (found,) = drawn(sums, asked.errors(), asked.hash, 1, 0).answers["q"]
        assert (found.low, found.high) == (None, None), "one candidate does not tell how far the next rows are"
        hits += off(found.value or 0.0) <= limit + 1e-9
    assert stats.binom.cdf(hits, DRAWS, 0.95) > FALSE_ALARM


# ------------------------------------------------------------------------------------------------- what is wanted


def test_a_quantile_can_be_wanted_in_its_own_units() -> None:
    wanted = plan(measures=[Quantile(name="q", of=AGE)], price=Wanted(measure="q", error="4", group_size=600))
    nano = wanted.cost().nano_rho
    assert (wanted.accuracy(600)["q"].error or 9) <= 4 < (wanted.at(nano - 1).accuracy(600)["q"].error or 0)


def test_a_regression_is_priced_and_not_wanted() -> None:
    line = Regression(name="line", of=SPENDING, on=(AGE,))
    with pytest.raises(MalformedPrivatePlan, match=r"an error each\. Name a price instead"):
        plan(measures=[line], price=Wanted(measure="line", error="1"))


def test_advice_says_what_holds_on_dummy_data() -> None:
    asked = plan(measures=[Quantile(name="q", of=AGE), CountRows(name="n")])
    assert "“q” within ± " in (said := what_fits(asked, NANO // 100))
    assert "on dummy data, “n” within ±" in said and said.count("on dummy data") == 1


def test_advice_says_what_a_table_without_totals_costs() -> None:
    """Of two keys there are four levels, at the same error each a quarter of the price."""
    table = SHAPES["persons with totals"].at(1_000_000)  # whole numbers are fine enough there
    price = table.cost().nano_rho
    (found,) = re.findall(r"Without totals the same error costs ρ = ([\d.]+\d)", what_fits(table, price // 2))
    assert float(found) == pytest.approx(price / 4 / NANO, rel=0.1)
    assert "Without totals" not in what_fits(table.changed(margins=False), price)
