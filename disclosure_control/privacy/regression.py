"""Least squares from noisy moments, with a covariance that counts both the sample's chance and the noise.

With z the variables, moved and scaled to lie between -1 and 1, A = Σ zz' (an intercept first) and b = Σ zy, the
coefficients are A⁻¹b. The noise of each moment is independent and of known variance; by the delta method it adds
A⁻¹VA⁻¹ to the usual covariance σ²A⁻¹, V being the covariance of the noise of b - Aβ (Fuller, "Measurement error
models", 1987, section 2.2; noise in moments as in Alabi et al., "Differentially private simple linear regression",
PoPETs 2022).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from disclosure_control.privacy.measures import Regression, Series, number_type
from disclosure_control.privacy.mechanisms import half_width
from disclosure_control.privacy.scales import Errors

Numbers = NDArray[np.float64]

CLEAR = 4.0
"""How many times the noise of the moments the least eigenvalue is, where errors are told before the answer is known."""


@dataclass(frozen=True)
class Fit:
    """Coefficients, the intercept first, and their covariance matrix; None where the noise leaves no solution.

    `noise`: the part of the covariance that comes from noise.
    """

    coefficients: tuple[float, ...] | None
    covariance: tuple[tuple[float, ...], ...] | None
    noise: tuple[tuple[float, ...], ...] | None

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Fit":
        def matrix(rows: Any) -> tuple[tuple[float, ...], ...] | None:
            return None if rows is None else tuple(tuple(row) for row in rows)

        found = value["coefficients"]
        return cls(None if found is None else tuple(found), matrix(value["covariance"]), matrix(value["noise"]))


@dataclass(frozen=True)
class _Moments:
    """Noisy moments of (1, variables, outcome), centred; and the standard deviations of their noise."""

    value: Numbers
    noise: Numbers


def fit(measure: Regression, errors: Errors, numbers: dict[Series, int]) -> Fit:
    """The fit of one group, from noisy numbers alone."""
    series = errors.design.made_of[measure.name]
    centres, spans = _form(series)
    moments = _moments(series, errors, numbers, spans)
    a, b = moments.value[:-1, :-1], moments.value[:-1, -1]
    least = float(np.linalg.eigvalsh(a)[0])
    spread = float(np.linalg.norm(moments.noise[:-1, :-1]))
    if not least > 2.0 * spread:
        return Fit(None, None, None)
    inverse = np.linalg.inv(a)
    beta = inverse @ b
    residual = max(0.0, float(moments.value[-1, -1] - b @ beta)) / max(1.0, float(a[0, 0]) - len(beta))
    noise = inverse @ _noise_of_equations(moments.noise, beta) @ inverse
    turn = _turn(centres, spans)
    coefficients = turn @ beta
    coefficients[0] += centres[-1]
    return Fit(
        tuple(map(float, coefficients)),
        _rows(turn @ (residual * inverse + noise) @ turn.T),
        _rows(turn @ noise @ turn.T),
    )


def errors_on_dummy_data(measure: Regression, errors: Errors, size: int, alpha: float) -> tuple[float, ...]:
    """How far noise takes each coefficient with probability 1 - alpha, in its own units, the intercept first.

    On dummy data: so many rows, with variables that are spread evenly between their bounds, independently of each other
    and of the outcome. Where the noise in A is a share r of its least eigenvalue, (A + noise)⁻¹ is up to 1/(1 - r) of
    A⁻¹, by which the delta method's error is widened. None where the noise would leave no solution.
    """
    series = errors.design.made_of[measure.name]
    centres, spans = _form(series)
    noise = _moments(series, errors, dict.fromkeys(series, 0), spans).noise
    means, spreads = _evenly(errors, series)
    joint = size * (np.outer(means, means) + np.diag(spreads))
    a, b = joint[:-1, :-1], joint[:-1, -1]
    share = float(np.linalg.norm(noise[:-1, :-1])) / max(float(np.linalg.eigvalsh(a)[0]), 1e-300)
    if not CLEAR * share < 1.0:
        return ()
    inverse, turn = np.linalg.inv(a), _turn(centres, spans)
    covariance = turn @ inverse @ _noise_of_equations(noise, inverse @ b) @ inverse @ turn.T
    width = half_width(errors.design.kind, alpha)
    return tuple(float(each) for each in width * np.sqrt(np.diag(covariance)) / (1.0 - share))


def _evenly(errors: Errors, series: tuple[Series, ...]) -> tuple[Numbers, Numbers]:
    """Mean and variance of (1, variables, outcome) between -1 and 1, each spread evenly over its own numbers."""
    means, variances = [1.0], [0.0]
    for factor in (each.factors[0] for each in series if len(each.factors) == 1):
        kind = number_type(errors.design.compiler, factor.of)
        span = float(factor.most << factor.coarse)
        means.append(((kind.lower + kind.upper) / 2 - factor.centre) / span)
        variances.append(((kind.upper - kind.lower + 1) ** 2 - 1) / 12 / span**2)
    return np.array(means), np.array(variances)


def _form(series: tuple[Series, ...]) -> tuple[Numbers, Numbers]:
    """The centre and the half span of each variable, the outcome last, with (0, 1) for the intercept first."""
    variables = [each.factors[0] for each in series if len(each.factors) == 1]
    centres = [0.0, *(factor.centre / 10**factor.places for factor in variables)]
    spans = [1.0, *(float(factor.most * factor.unit) for factor in variables)]
    return np.array(centres), np.array(spans)


def _moments(series: tuple[Series, ...], errors: Errors, numbers: dict[Series, int], spans: Numbers) -> _Moments:
    """Of variables that lie between -1 and 1."""
    size = len(spans)
    value, noise = np.zeros((size, size)), np.zeros((size, size))
    places = [(0, 0), *((0, i) for i in range(1, size)), *((i, j) for i in range(1, size) for j in range(i, size))]
    for each, (row, column) in zip(series, places, strict=True):
        value[row, column] = value[column, row] = float(numbers[each] * each.unit)
        noise[row, column] = noise[column, row] = errors.deviation(each)
    span = np.outer(spans, spans)
    return _Moments(value / span, noise / span)


def _turn(centres: Numbers, spans: Numbers) -> Numbers:
    """From coefficients of variables between -1 and 1 to coefficients of the variables themselves."""
    turn = np.diag(spans[-1] / spans[:-1])
    turn[0, 1:] = -spans[-1] * centres[1:-1] / spans[1:-1]
    return turn


def _noise_of_equations(deviation: Numbers, beta: Numbers) -> Numbers:
    """The covariance of the noise in b - Aβ: every moment is drawn once, though A holds it twice."""
    size = len(beta)
    found = np.zeros((size, size))
    for i in range(size):
        for j in range(i, size):
            effect = np.zeros(size)
            effect[i] -= beta[j]
            if i != j:
                effect[j] -= beta[i]
            found += deviation[i, j] ** 2 * np.outer(effect, effect)
        found[i, i] += deviation[i, -1] ** 2
    return found


def _rows(matrix: Numbers) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(map(float, row)) for row in matrix)
