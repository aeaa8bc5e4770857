"""A release: charged first, stored, the same for ever; and accurate as it says."""

import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from scipy import stats

from disclosure_control import Ledger, PriceTooHigh, PrivatePlan, PrivateReleaseFailed, UnknownColumn
from disclosure_control.privacy import release as module
from disclosure_control.privacy.accuracy import Estimate
from disclosure_control.privacy.advice import what_fits
from disclosure_control.privacy.bounded import bounded
from disclosure_control.privacy.ledger import ChargeState
from disclosure_control.privacy.measures import CountRows, CountUnits, Mean, Regression, Sum, Variance
from disclosure_control.privacy.mechanisms import NANO
from disclosure_control.privacy.plan import Price, UnknownKeys
from disclosure_control.privacy.release import PrivateRelease, drawn
from tests.disclosure_control.privacy.shapes import (
    AGE,
    HOSTILE_NUMBERS,
    HOSTILE_SITES,
    SHAPES,
    SITE,
    SPENDING,
    Row,
    key,
    plan,
    table_of,
)

SCOPES = ["dataset:visits", "project:p/visits"]
FALSE_ALARM = 1e-9


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    ledger = Ledger(f"sqlite:///{tmp_path}/ledger.sqlite")
    for scope in SCOPES:
        ledger.grant(scope, 10 * NANO, granted_by="owner")
    return ledger


def people(count: int, seed: int = 1) -> list[Row]:
    chance = np.random.default_rng(seed)
    ages = chance.integers(0, 101, count)
    return [
        (
            person,
            ("North", "East", "South")[person % 3],
            1,
            True,
            int(ages[person]),
            float(ages[person] / 4 + chance.normal(0, 5)),
        )
        for person in range(count)
    ]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_release_is_charged_once_and_a_retry_is_the_same(shape: str, ledger: Ledger) -> None:
    asked = SHAPES[shape]
    with table_of(people(200)) as connection:
        first = asked.release(connection, ledger, SCOPES)
        connection.execute("DELETE FROM visits")
        again = [asked.release(connection, ledger, list(reversed(SCOPES))) for _ in range(3)]
    assert [each.to_bytes() for each in again] == [first.to_bytes()] * 3
    assert ledger.spent(SCOPES[0]) == ledger.spent(SCOPES[1]) == asked.cost().nano_rho
    assert first.charge is not None and first.charge.result == first.to_bytes()
    assert first.charge.nano_delta == (1000 if asked.unknown_keys else 0)
    assert PrivateRelease.from_bytes(first.to_bytes(), first.charge) == first


def test_a_release_holds_every_group_and_measure_and_no_series() -> None:
    asked = SHAPES["all at once, by site"]
    found = asked.dry_run()
    assert [code for (code,) in found.codes] == ["North", "East", "South", "West"]
    assert set(found.answers) == {"units", "rows", "total", "mean", "deviation", "median"}
    assert set(found.fits) == {"line"}
    assert all(len(each) == 4 for each in (*found.answers.values(), *found.fits.values()))
    fields = json.loads(found.to_bytes())
    assert set(fields) == {"plan", "nano_rho", "nano_delta", "keys", "codes", "answers", "fits"}


def test_what_is_not_left_is_not_spent_and_nothing_is_read(ledger: Ledger) -> None:
    dear = plan(price=Price(nano_rho=11 * NANO))
    with table_of(people(5)) as connection, pytest.raises(PriceTooHigh, match=r"“persons” within ± 1\.$"):
        dear.release(connection, ledger, SCOPES)
    assert ledger.spent(SCOPES[0]) == 0


@pytest.mark.parametrize(
    ("asked", "left", "sentences"),
    [
        (
            {"by": [key(SITE, "site")], "groups_per_unit": 3, "price": Price(nano_rho=300)},
            100,
            [r"“persons” within ± \d+", r"With groups_per_unit=1 \(.*\) the same error costs ρ = 0\.0000001\."],
        ),
        (
            {"measures": [CountRows(name="rows")], "rows_per_unit": 4, "price": Price(nano_rho=1600)},
            100,
            [r"“rows” within ± \d+", r"With rows_per_unit=1 the same error costs ρ = 0\.0000001\."],
        ),
        (
            {"measures": [CountUnits(name="n"), CountRows(name="rows", share=9)], "price": Price(nano_rho=1000)},
            500,
            [r"“n” within ± \d+, “rows” within ± \d+", r"For “n” alone the same error costs ρ = 0\.0000001\."],
        ),
        ({"price": Price(nano_rho=2)}, 0, [r"^Nothing of this question fits into that\.$"]),
    ],
)
def test_what_is_too_dear_comes_with_something_cheaper_or_coarser(
    asked: dict[str, Any], left: int, sentences: list[str]
) -> None:
    """σ grows with √K·M and falls with √ρ: at the same error a third of the groups costs a third."""
    found = what_fits(plan(**asked), left)
    assert all(re.search(each, found) for each in sentences), found


def test_what_is_advised_can_be_paid() -> None:
    dear = plan(by=[key(SITE, "site")], groups_per_unit=3, price=Price(nano_rho=NANO))
    error = dear.accuracy()["persons"].error
    coarse = dear.changed(groups_per_unit=1, price={"kind": "accuracy", "measure": "persons", "error": str(error)})
    price = coarse.cost().nano_rho
    assert NANO // 5 < price <= NANO // 3
    assert "groups_per_unit" in what_fits(dear, price)
    assert "groups_per_unit" not in what_fits(dear, price - 1)


def test_the_charge_is_durable_before_the_data_is_read(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    states: list[ChargeState] = []

    def reading(*given: Any, **named: Any) -> Any:
        states.extend(charge.state for charge in ledger.history(SCOPES[0]))
        return bounded(*given, **named)

    monkeypatch.setattr(module, "bounded", reading)
    with table_of(people(5)) as connection:
        plan().release(connection, ledger, SCOPES)
    assert states == [ChargeState.READING]
    assert [charge.state for charge in ledger.history(SCOPES[0])] == [ChargeState.COMMITTED]


def test_a_table_that_is_not_the_catalogues_is_refused_before_it_is_read_and_costs_nothing(ledger: Ledger) -> None:
    with duckdb.connect() as empty, pytest.raises(UnknownColumn, match="lacks what its catalogue describes"):
        plan().release(empty, ledger, SCOPES)
    assert ledger.spent(SCOPES[0]) == 0


def test_a_retry_reads_nothing_and_draws_nothing(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = next(iter(SHAPES.values()))
    with table_of(people(50)) as connection:
        first = asked.release(connection, ledger, SCOPES)
        for name in ("bounded", "drawn"):
            monkeypatch.setattr(module, name, lambda *_, **__: pytest.fail("the data was read again"))
        assert asked.release(connection, ledger, SCOPES).to_bytes() == first.to_bytes()


def test_another_persons_retry_is_the_same_answer_and_the_first_one_paid(ledger: Ledger) -> None:
    for person in ("person:ann", "person:ben"):
        ledger.grant(person, NANO, granted_by="owner")
    with table_of(people(50)) as connection:
        first = plan().release(connection, ledger, [*SCOPES, "person:ann"])
        second = plan().release(connection, ledger, [*SCOPES, "person:ben"])
    assert first.to_bytes() == second.to_bytes()
    assert (ledger.spent("person:ann"), ledger.spent("person:ben")) == (plan().cost().nano_rho, 0)


def test_two_that_ask_at_once_get_the_same_answer(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other one commits while this one computes: the first result counts."""
    others: list[PrivateRelease] = []

    def overtaken(*given: Any, **named: Any) -> Any:
        monkeypatch.setattr(module, "bounded", bounded)
        others.append(plan().release(given[0], ledger, SCOPES))
        return bounded(*given, **named)

    monkeypatch.setattr(module, "bounded", overtaken)
    with table_of(people(50)) as connection:
        mine = plan().release(connection, ledger, SCOPES)
    assert mine.to_bytes() == others[0].to_bytes()


def failing(error: BaseException) -> Callable[..., Any]:
    def fail(*given: Any, **named: Any) -> Any:
        raise error

    return fail


@pytest.mark.parametrize("error", [duckdb.OutOfMemoryException("of person 4711"), MemoryError(), ValueError("4711")])
def test_a_failure_after_the_data_was_read_tells_nothing_of_it(
    error: Exception, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "bounded", failing(error))
    with table_of(people(5)) as connection, pytest.raises(PrivateReleaseFailed) as raised:
        plan().release(connection, ledger, SCOPES)
    assert "4711" not in str(raised.value) and raised.value.__suppress_context__
    assert ledger.spent(SCOPES[0]) == plan().cost().nano_rho


def test_a_crash_before_the_result_was_stored_stays_charged(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    with table_of(people(5)) as connection:
        with monkeypatch.context() as broken:
            broken.setattr(Ledger, "commit", failing(KeyboardInterrupt()))
            with pytest.raises(KeyboardInterrupt):
                plan().release(connection, ledger, SCOPES)
        assert ledger.spent(SCOPES[0]) == plan().cost().nano_rho
        plan().release(connection, ledger, SCOPES)
    assert ledger.spent(SCOPES[0]) == plan().cost().nano_rho


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if SHAPES[shape].unknown_keys is None])
def test_the_form_of_an_answer_is_the_same_for_all_data(shape: str, tmp_path: Path) -> None:
    hostile: list[Row] = [
        (7, site, ward, None, 2**31 - 1, spending)
        for site in HOSTILE_SITES
        for ward in (None, 2, 9)
        for spending in HOSTILE_NUMBERS
    ]
    forms = set()
    for number, rows in enumerate(([], people(1), people(40), [*people(40), *hostile])):
        ledger = Ledger(f"sqlite:///{tmp_path}/{number}.sqlite")
        ledger.grant("dataset:d", 10 * NANO, granted_by="owner")
        with table_of(rows) as connection:
            found = SHAPES[shape].release(connection, ledger, ["dataset:d"])
        assert all(
            math.isfinite(each.low or 0) and math.isfinite(each.high or 0) for each in sum(found.answers.values(), ())
        )
        shape_of = tuple((name, len(each)) for name, each in (*found.answers.items(), *found.fits.items()))
        forms.add((found.codes, shape_of, ledger.spent("dataset:d")))
    assert len(forms) == 1


# ------------------------------------------------------------------------------------------------- accuracy

DRAWS = 400


def coverage(asked: PrivatePlan, rows: list[Row], truth: dict[str, float], group_size: int) -> None:
    """Both errors hold in 95 % of draws at least: the interval of the answer, and what was said before (± error)."""
    with table_of(rows) as connection:
        sums = bounded(connection, asked.design, salt=1)
    errors, said = asked.errors(), asked.accuracy(group_size)
    inside, near = dict.fromkeys(truth, 0), dict.fromkeys(truth, 0)
    for _ in range(DRAWS):
        found = drawn(sums, errors, asked.hash, 1, 0)
        for name, true in truth.items():
            (each,) = found.answers[name]
            assert each.low is not None and each.high is not None
            inside[name] += each.low - 1e-9 <= true <= each.high + 1e-9
            off = each.high - each.low if each.value is None else abs(each.value - true)
            near[name] += off <= (said[name].error or 0) + 1e-9
    for name in truth:
        for hits in (inside[name], near[name]):
            assert stats.binom.cdf(hits, DRAWS, 0.95) > FALSE_ALARM, (name, hits)


@pytest.mark.parametrize("mechanism", ["gaussian", "laplace"])
@pytest.mark.parametrize("nano", [NANO // 200, NANO // 5])
@pytest.mark.parametrize("count", [60, 900])
def test_the_accuracy_shown_is_the_accuracy_had(mechanism: str, nano: int, count: int) -> None:
    rows = people(count)
    ages = np.array([row[4] for row in rows], dtype=float)
    asked = plan(
        mechanism=mechanism,
        price=Price(nano_rho=nano),
        measures=[
            CountUnits(name="units"),
            Mean(name="mean", of=AGE),
            Variance(name="variance", of=AGE),
            Variance(name="deviation", of=AGE, kind="standard_deviation"),
        ],
    )
    truth = {"units": float(count), "mean": ages.mean(), "variance": ages.var(), "deviation": ages.std()}
    coverage(asked, rows, truth, count)
    summed = plan(
        mechanism=mechanism, price=Price(nano_rho=nano), measures=[Sum(name="s", of=AGE), Mean(name="m", of=AGE)]
    )
    coverage(summed, rows, {"s": ages.sum(), "m": ages.mean()}, count)


def test_the_stated_error_of_a_count_is_not_much_too_large() -> None:
    asked = plan(price=Price(nano_rho=NANO // 50))  # scale 5: the exact 95 % error is 10
    assert asked.accuracy()["units" if "units" in asked.accuracy() else "persons"].error == 10


def test_a_mean_of_nobody_is_unknown_between_its_bounds() -> None:
    asked = plan(measures=[Mean(name="m", of=SPENDING)], price=Price(nano_rho=1000 * NANO))
    with table_of([]) as connection:
        sums = bounded(connection, asked.design, salt=1)
    assert drawn(sums, asked.errors(), asked.hash, 1, 0).answers["m"] == (Estimate(None, -20.0, 50.0),)


def test_a_regression_finds_its_coefficients_within_its_covariance() -> None:
    rows = people(3000, seed=4)
    asked = plan(
        measures=[Regression(name="line", of=SPENDING, on=(AGE,)), CountRows(name="n")], price=Price(nano_rho=NANO)
    )
    with table_of(rows) as connection:
        sums = bounded(connection, asked.design, salt=1)
    ages, spent = np.array([row[4] for row in rows], float), np.clip(np.array([row[5] for row in rows]), -20, 50)
    slope, intercept = np.polyfit(ages, spent, 1)
    within = 0
    for _ in range(DRAWS):
        (found,) = drawn(sums, asked.errors(), asked.hash, 1, 0).fits["line"]
        assert found.coefficients is not None and found.noise is not None and found.covariance is not None
        off = np.array(found.coefficients) - (intercept, slope)
        distance = off @ np.linalg.inv(np.array(found.noise)) @ off
        within += distance <= stats.chi2.isf(0.05, 2)
        assert found.covariance[1][1] > found.noise[1][1] > 0
    assert stats.binom.cdf(within, DRAWS, 0.95) > FALSE_ALARM and stats.binom.sf(within, DRAWS, 0.95) > FALSE_ALARM


def test_a_regression_that_is_all_noise_has_no_answer() -> None:
    asked = plan(measures=[Regression(name="line", of=SPENDING, on=(AGE,))], price=Price(nano_rho=NANO // 1000))
    with table_of(people(20)) as connection:
        sums = bounded(connection, asked.design, salt=1)
    (found,) = drawn(sums, asked.errors(), asked.hash, 1, 0).fits["line"]
    assert found.coefficients is None and found.covariance is None


def test_a_dry_run_needs_no_data_and_no_budget() -> None:
    one, other = SHAPES["two keys"].dry_run(seed=1), SHAPES["two keys"].dry_run(seed=2)
    assert one.charge is None and one.codes == other.codes and one.answers != other.answers
    assert len(SHAPES["unknown keys"].dry_run(units=30_000).codes) == 101


def test_unknown_keys_that_few_have_are_not_told_of(ledger: Ledger) -> None:
    asked = plan(by=[key(AGE)], unknown_keys=SHAPES["unknown keys"].unknown_keys, price=Price(nano_rho=NANO))
    rows: list[Row] = [(person, "North", 1, True, 40 if person else 90, 1.0) for person in range(300)]
    with table_of(rows) as connection:
        found = asked.release(connection, ledger, SCOPES)
    assert found.codes == (("40",),)
    assert abs((found.answers["persons"][0].value or 0) - 299) < 40


def test_groups_of_unknown_keys_stand_in_the_order_of_their_values() -> None:
    asked = plan(by=[key(AGE, "a"), key(SITE, "b")], unknown_keys=UnknownKeys(), price=Price(nano_rho=NANO))
    rows: list[Row] = [
        (3 * person + place, site, 1, True, age, 1.0)
        for person in range(300)
        for place, (age, site) in enumerate([(100, "North"), (9, "East"), (9, "North")])
    ]
    with table_of(rows) as connection:
        found = drawn(bounded(connection, asked.design), asked.errors(), asked.hash, 1, 1000)
    assert found.codes == (("9", "North"), ("9", "East"), ("100", "North"))
    assert all(abs((each.value or 0) - 300) < 60 for each in found.answers["persons"])
    threshold = asked.threshold()
    assert threshold is not None and all((each.value or 0) >= threshold for each in found.answers["persons"])
    assert plan().threshold() is None


def test_by_site(ledger: Ledger) -> None:
    with table_of(people(300)) as connection:
        found = plan(by=[key(SITE)], price=Price(nano_rho=5 * NANO)).release(connection, ledger, SCOPES)
    values = [each.value for each in found.answers["persons"]]
    assert np.abs(np.array(values, dtype=float) - [100, 100, 100, 0]).max() < 5
