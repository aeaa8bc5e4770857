"""Private counts: sensitivity, the price that is proven, and the order of charge, noise and result (I6)."""

import math
import random
import statistics
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from disclosure_control import BudgetExceeded, Ledger, Population, UnprovenPrivacy, release_counts
from disclosure_control.privacy.counts import bounded_counts
from disclosure_control.privacy.gaussian_counts import NANO, GaussianCounts

KEYS = ["A", "B", "C", "D"]
Rows = list[tuple[int, str]]


def connection_with(rows: Rows) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("CREATE TABLE data (person INTEGER, site VARCHAR)")
    if rows:
        connection.executemany("INSERT INTO data VALUES (?, ?)", rows)
    return connection


def bounded(rows: Rows, groups_per_unit: int, by: str | None = "site") -> list[int]:
    with connection_with(rows) as connection:
        population = Population("data", "person")
        return bounded_counts(connection, population, by=by, keys=KEYS, groups_per_unit=groups_per_unit, salt="grain")


def test_units_are_counted_once_a_group_and_unknown_keys_are_dropped() -> None:
    assert bounded([(1, "A"), (1, "A"), (1, "B"), (2, "A"), (3, "Z")], groups_per_unit=9) == [2, 1, 0, 0]


def test_a_unit_counts_in_at_most_k_groups() -> None:
    everywhere = [(1, key) for key in KEYS]
    assert sum(bounded(everywhere, groups_per_unit=2)) == 2


def test_without_keys_there_is_one_number() -> None:
    assert bounded([(1, "A"), (1, "B"), (2, "Z")], groups_per_unit=1, by=None) == [2]
    assert bounded([], groups_per_unit=1, by=None) == [0]


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(1, 5), st.sampled_from([*KEYS, "Z"])), max_size=25),
    left_out=st.integers(1, 5),
    groups_per_unit=st.integers(1, 4),
)
def test_neighbours_stay_within_the_claimed_sensitivity(rows: Rows, left_out: int, groups_per_unit: int) -> None:
    with_unit = bounded(rows, groups_per_unit)
    without = bounded([row for row in rows if row[0] != left_out], groups_per_unit)
    changes = [a - b for a, b in zip(with_unit, without, strict=True)]
    assert all(change in {0, 1} for change in changes)
    assert sum(changes) <= groups_per_unit


@pytest.mark.parametrize("groups_per_unit", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("nano_rho", [1, 1000, NANO // 20, NANO, 3 * NANO])
def test_the_proven_loss_is_within_the_price_and_not_far_under_it(nano_rho: int, groups_per_unit: int) -> None:
    mechanism = GaussianCounts(nano_rho, groups_per_unit)
    loss = mechanism._measurement().map(mechanism._sensitivity())
    assert loss <= nano_rho / NANO
    assert loss > 0.999 * nano_rho / NANO


def test_noise_has_the_stated_spread_and_accuracy() -> None:
    mechanism = GaussianCounts(NANO // 50, 1)
    noise = mechanism.draw([0] * 20_000)
    assert statistics.fmean(noise) == pytest.approx(0, abs=0.2)
    assert statistics.pstdev(noise) == pytest.approx(5, rel=0.03)
    within = sum(abs(each) < mechanism.accuracy() for each in noise) / len(noise)
    assert within == pytest.approx(0.95, abs=0.02)


def test_epsilon_agrees_with_the_measured_conversion() -> None:
    assert GaussianCounts(NANO // 10, 1).epsilon() == pytest.approx(2.142, abs=0.001)


@pytest.mark.parametrize(("nano_rho", "groups"), [(0, 1), (-1, 1), (1, 0)])
def test_a_price_or_bound_of_nothing_is_refused(nano_rho: int, groups: int) -> None:
    with pytest.raises(UnprovenPrivacy):
        GaussianCounts(nano_rho, groups)


def released(ledger: Ledger, request: str, rows: Rows, nano_rho: int = NANO // 10) -> tuple[int, ...]:
    with connection_with(rows) as connection:
        return release_counts(
            connection,
            ledger,
            Population("data", "person"),
            GaussianCounts(nano_rho, 1),
            by="site",
            keys=KEYS,
            salt="grain",
            scopes=["dataset:d", "project:p/d"],
            request=request,
        ).counts


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    ledger = Ledger(f"sqlite:///{tmp_path}/ledger.sqlite")
    ledger.grant("dataset:d", NANO, granted_by="owner")
    ledger.grant("project:p/d", NANO // 5, granted_by="owner")
    return ledger


def test_a_retry_returns_the_stored_counts_and_costs_nothing(ledger: Ledger) -> None:
    rows = [(n, random.choice(KEYS)) for n in range(100)]
    first = released(ledger, "q1", rows)
    assert [released(ledger, "q1", rows) for _ in range(5)] == [first] * 5
    assert ledger.spent("dataset:d") == NANO // 10
    assert math.isclose(sum(first), 100, abs_tol=60)


def test_what_is_not_left_is_not_spent(ledger: Ledger) -> None:
    released(ledger, "q1", [])
    released(ledger, "q2", [])
    with pytest.raises(BudgetExceeded, match="has ρ = 0 left"):
        released(ledger, "q3", [])
    assert ledger.spent("dataset:d") == ledger.spent("project:p/d") == NANO // 5


def test_the_charge_is_durable_before_the_data_is_read(ledger: Ledger) -> None:
    """The data cannot be read (no such table): the charge stands all the same."""
    with duckdb.connect() as empty, pytest.raises(Exception, match="has no column"):
        release_counts(
            empty,
            ledger,
            Population("data", "person"),
            GaussianCounts(NANO // 10, 1),
            by=None,
            keys=["all"],
            salt="grain",
            scopes=["dataset:d"],
            request="q1",
        )
    assert ledger.spent("dataset:d") == NANO // 10
    assert [charge.state for charge in ledger.history("dataset:d")] == ["reserved"]
