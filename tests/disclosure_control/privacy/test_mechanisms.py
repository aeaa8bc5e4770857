"""Integer noise: its price is proven, its distribution is the stated one, and an attacker learns no more than that.

False alarms: each statistical test fails by chance with a probability of about 1e-9.
"""

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from disclosure_control import UnprovenPrivacy
from disclosure_control.privacy import mechanisms
from disclosure_control.privacy.measures import UNITS
from disclosure_control.privacy.mechanisms import NANO, Choice, Noise, Threshold, epsilon_of, error_of
from disclosure_control.privacy.sensitivity import Sensitivity, sensitivity_of

FALSE_ALARM = 1e-9
ONE = Sensitivity(1, 1, 1, 1.0)
THREE_OF_TWO = Sensitivity(3, 2, 6, math.nextafter(math.sqrt(12.0), 4))


def exact(kind: str, scale: float) -> dict[int, float]:
    """The probabilities of the discrete distributions, by their definition."""
    reach = math.ceil(14 * scale)
    square = kind == "gaussian"
    weights = {k: math.exp(-(k * k / (2 * scale) if square else abs(k)) / scale) for k in range(-reach, reach + 1)}
    total = sum(weights.values())
    return {k: each / total for k, each in weights.items()}


def chi_square(drawn: np.ndarray, law: dict[int, float]) -> float:
    """The p-value; values that are expected fewer than ten times are put together at both ends."""
    inner = sorted(k for k, p in law.items() if p * len(drawn) >= 10)
    low, high = inner[0], inner[-1]
    edges = [drawn <= low, *(drawn == k for k in range(low + 1, high)), drawn >= high]
    seen = np.array([each.sum() for each in edges], dtype=float)
    expected = np.array(
        [
            sum(p for k, p in law.items() if k <= low),
            *(law[k] for k in range(low + 1, high)),
            sum(p for k, p in law.items() if k >= high),
        ]
    )
    statistic = ((seen - expected * len(drawn)) ** 2 / (expected * len(drawn))).sum()
    return float(stats.chi2.sf(statistic, len(seen) - 1))


def noise(kind: Any, count: int, nano: int = NANO // 20, sensitivity: Sensitivity = ONE) -> tuple[np.ndarray, Noise]:
    made = Noise(kind, nano, sensitivity)
    return np.array(made.draw([1000] * count)) - 1000, made


@pytest.mark.parametrize("kind", ["gaussian", "laplace"])
@pytest.mark.parametrize("nano", [NANO * 4, NANO // 3, NANO // 20])
def test_noise_has_the_exact_discrete_distribution(kind: Any, nano: int) -> None:
    drawn, made = noise(kind, 60_000, nano)
    assert chi_square(drawn, exact(kind, made.scale)) > FALSE_ALARM


@pytest.mark.parametrize("kind", ["gaussian", "laplace"])
def test_the_fit_would_show_another_scale(kind: Any) -> None:
    drawn, made = noise(kind, 60_000, NANO // 3)
    assert chi_square(drawn, exact(kind, made.scale * 1.06)) < FALSE_ALARM


def test_noise_of_one_number_tells_nothing_of_the_next() -> None:
    drawn, _ = noise("gaussian", 40_000)
    assert abs(np.corrcoef(drawn[:-1], drawn[1:])[0, 1]) < 6.2 / math.sqrt(len(drawn))


@pytest.mark.parametrize("kind", ["gaussian", "laplace"])
@pytest.mark.parametrize("nano", [1, 1000, NANO // 20, NANO, 3 * NANO, 10**12])
@pytest.mark.parametrize("groups", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("rows", [1, 2, 1000])
def test_the_proven_loss_is_within_the_price_and_not_far_under_it(kind: Any, nano: int, groups: int, rows: int) -> None:
    made = Noise(kind, nano, sensitivity_of(UNITS, groups, rows))
    assert 0.999 * nano / NANO < made._loss() <= nano / NANO


@pytest.mark.parametrize(("nano", "change", "groups"), [(NANO // 100, 1, 1), (NANO, 10**6, 3), (10, 7, 2)])
def test_a_choice_is_within_its_price(nano: int, change: int, groups: int) -> None:
    made = Choice(nano, change, groups)
    loss = made._measurement().map(change) * groups
    assert 0.999 * nano / NANO < loss <= nano / NANO


def test_noise_that_opendp_does_not_prove_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mechanisms, "scale_of", lambda kind, nano, sensitivity: 0.99 / math.sqrt(2 * nano / NANO))
    with pytest.raises(UnprovenPrivacy, match="above its price"):
        Noise("gaussian", NANO // 10, ONE)


@pytest.mark.parametrize(
    ("nano", "sensitivity"),
    [(0, ONE), (-1, ONE), (1, Sensitivity(1, 0, 0, 0.0)), (1, Sensitivity(1, 2**55, 2**55, 2.0**55))],
)
def test_a_price_of_nothing_or_noise_beyond_64_bits_is_refused(nano: int, sensitivity: Sensitivity) -> None:
    with pytest.raises(UnprovenPrivacy):
        Noise("gaussian", nano, sensitivity)


def test_epsilon_agrees_with_the_measured_conversion() -> None:
    assert epsilon_of(NANO // 10) == pytest.approx(2.142, abs=0.001)


# ------------------------------------------------------------------------------------------------- accuracy


@pytest.mark.parametrize("kind", ["gaussian", "laplace"])
@pytest.mark.parametrize("scale", [0.3, 1.0, 3.0, 10.0, 40.0])
@pytest.mark.parametrize("alpha", [0.05, 0.025, 0.3])
def test_the_error_is_the_exact_quantile_or_one_more(kind: Any, scale: float, alpha: float) -> None:
    law = exact(kind, scale)
    error = error_of(kind, scale, alpha)
    assert sum(p for k, p in law.items() if abs(k) > error) <= alpha
    assert error == 0 or sum(p for k, p in law.items() if abs(k) > error - 2) > alpha


# ------------------------------------------------------------------------------------------------- audit

DRAWS = 40_000
DELTA = 0.01


def audited(without: np.ndarray, added: np.ndarray) -> float:
    """An ε that the mechanism surely exceeds at δ = 0.01: the best threshold, with exact confidence bounds.

    Jagielski, Ullman, Oprea, "Auditing differentially private machine learning", NeurIPS 2020. Thresholds are chosen on
    one half of the draws and counted on the other.
    """
    half = len(added) // 2
    best = max(
        np.quantile(added[:half], (0.02, 0.1, 0.3, 0.5, 0.7, 0.9)), key=lambda t: bound(without[:half], added[:half], t)
    )
    return bound(without[half:], added[half:], best)


def bound(without: np.ndarray, added: np.ndarray, threshold: float) -> float:
    seen, seen_without = int((added >= threshold).sum()), int((without >= threshold).sum())
    least = stats.beta.ppf(FALSE_ALARM, seen, len(added) - seen + 1) if seen else 0.0
    rest = len(without) - seen_without
    most = stats.beta.ppf(1 - FALSE_ALARM, seen_without + 1, rest) if rest else 1.0
    return math.log(max(least - DELTA, 1e-12) / most)


@pytest.mark.parametrize("kind", ["gaussian", "laplace"])
@pytest.mark.parametrize("nano", [NANO // 8, NANO // 2, 2 * NANO])
def test_an_audit_on_worst_case_neighbours_stays_under_the_claimed_epsilon(kind: Any, nano: int) -> None:
    """The worst neighbours differ by the whole sensitivity, in one group or spread over K groups."""
    made, groups, most = Noise(kind, nano, THREE_OF_TWO), THREE_OF_TWO.l0, THREE_OF_TWO.linf
    without = np.array(made.draw([0] * (DRAWS * groups))).reshape(-1, groups).sum(axis=1)
    added = np.array(made.draw([most] * (DRAWS * groups))).reshape(-1, groups).sum(axis=1)
    assert audited(without, added) <= epsilon_of(nano, DELTA)


def test_the_audit_would_find_noise_for_half_of_the_sensitivity() -> None:
    made = Noise("gaussian", NANO // 2, ONE)
    assert audited(np.array(made.draw([0] * DRAWS)), np.array(made.draw([3] * DRAWS))) > epsilon_of(NANO // 2, DELTA)


def test_an_audit_of_the_choice_stays_under_the_claimed_epsilon() -> None:
    made = Choice(NANO // 2, 3, 1)
    without = np.array([made.draw([0, -3, -3]) for _ in range(DRAWS // 4)])
    added = np.array([made.draw([-3, 0, 0]) for _ in range(DRAWS // 4)])
    assert audited(without, added) <= epsilon_of(NANO // 2, DELTA)


# ------------------------------------------------------------------------------------------------- unknown keys


def test_unknown_keys_are_told_of_from_the_threshold_on() -> None:
    made = Threshold(NANO // 2, 1000, Sensitivity(3, 1, 3, math.sqrt(3)))
    told = made.draw({"few": 1, "many": 10 * made.threshold})
    assert list(told) == ["many"]
    assert abs(told["many"] - 10 * made.threshold) <= error_of("laplace", made.scale, FALSE_ALARM)


def test_a_key_of_one_person_is_told_of_with_probability_delta_at_most() -> None:
    made = Threshold(NANO // 2, 50_000_000, ONE)  # δ = 0.05, so that it can be seen
    told = sum(bool(made.draw({"one": 1})) for _ in range(6000))
    assert stats.binom.sf(told - 1, 6000, 0.05) > FALSE_ALARM
    law = exact("laplace", made.scale)
    assert sum(p for k, p in law.items() if 1 + k >= made.threshold) <= 0.05, "also those that just reach it"
    assert sum(p for k, p in law.items() if 1 + k >= made.threshold - 1) > 0.05, "the threshold is the least one"


def test_the_order_of_keys_is_not_that_of_their_counts() -> None:
    made = Threshold(NANO, 1000, ONE)
    assert list(made.draw({"b": 10_000, "c": 20_000, "a": 5_000})) == ["a", "b", "c"]


@pytest.mark.parametrize(("nano", "delta"), [(0, 1), (1, 0), (1, NANO)])
def test_unknown_keys_without_price_or_delta_are_refused(nano: int, delta: int) -> None:
    with pytest.raises(UnprovenPrivacy):
        Threshold(nano, delta, ONE)
