"""How far answers are from the bounded truth: before anything is spent, and once noisy numbers are known.

On any data an interval holds with at least the stated probability: the errors of the numbers that a measure is made of
are bounded jointly (union bound), and what follows from them is worst case. Bias by bounding (rows beyond M, groups
beyond K) is not noise and is not in these errors. How far a quantile or a coefficient is off hangs on where the values
lie: what is told of these beforehand is true of dummy data, and says so.
"""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, TypeAlias

from disclosure_control.privacy.measures import (
    BIN_WEIGHT,
    CountRows,
    CountUnits,
    Mean,
    Measure,
    Quantile,
    Regression,
    Series,
    Sum,
    Variance,
    number_type,
)
from disclosure_control.privacy.quantiles import Spread, error_on_dummy_data
from disclosure_control.privacy.regression import errors_on_dummy_data
from disclosure_control.privacy.scales import Errors

ALPHA = 0.05
GROUP_SIZE = 1000

Basis: TypeAlias = Literal["any data", "dummy data"]


@dataclass(frozen=True)
class Accuracy:
    """With 95 % probability an answer is within ± `error`, in its own units, of the bounded truth.

    Attributes:
        error: None for a regression, whose coefficients have one each.
        basis: on what the error rests. "any data": it holds whatever the data is. "dummy data": it holds if values are
            spread evenly between their bounds, independently of each other, as a dry run's columns are (what is made of
            columns, between its own bounds).
        group_size: how many rows a group is supposed to have, where the error hangs on it.
        wrong_side: for a quantile, on any data: with 95 % probability it leaves no more than so many rows on its wrong
            side beyond those that the best candidate leaves there.
        coefficients: for a regression the error of each coefficient, the intercept first; none where the noise would
            leave no solution for a group of this size.
    """

    error: float | None
    basis: Basis = "any data"
    group_size: int | None = None
    wrong_side: float | None = None
    coefficients: tuple[float, ...] = ()


@dataclass(frozen=True)
class Estimate:
    """A noisy answer, and the ends of its 95 % interval. None: there is too little in the group to tell."""

    value: float | None
    low: float | None
    high: float | None


def accuracy_of(measure: Measure, errors: Errors, group_size: int = GROUP_SIZE, alpha: float = ALPHA) -> Accuracy:
    """Before anything is spent."""
    series = errors.design.made_of[measure.name]
    match measure:
        case CountUnits() | CountRows() | Sum():
            return Accuracy(errors.error(series[0], alpha))
        case Mean():
            return Accuracy(_mean_error(errors, series, group_size, alpha / 2), group_size=group_size)
        case Variance():
            error = _variance_error(errors, series, group_size, alpha / 3)
            root = measure.kind == "standard_deviation"
            return Accuracy(math.sqrt(error) if root else error, group_size=group_size)
        case Quantile():
            return _quantile(measure, errors, group_size, alpha)
        case _:
            found = errors_on_dummy_data(measure, errors, group_size, alpha)
            return Accuracy(None, "dummy data", group_size, coefficients=found)


def _quantile(measure: Quantile, errors: Errors, size: int, alpha: float) -> Accuracy:
    """Of its rows on any data, of its value on dummy data."""
    (series,) = errors.design.made_of[measure.name]
    choice, grid = errors.choice(measure, series), series.candidates
    upper = number_type(errors.design.compiler, measure.of).upper
    spread = Spread(grid, upper, int(measure.q * 1000), max(1, size))
    rows = choice.worse(grid.count, alpha) / (1000 * BIN_WEIGHT)
    return Accuracy(error_on_dummy_data(spread, choice.scale, alpha), "dummy data", size, wrong_side=rows)


def _half(series: Series) -> float:
    """The largest absolute value of a moment's first factor."""
    factor = series.factors[0]
    return float(factor.most * factor.unit)


def _mean_error(errors: Errors, series: tuple[Series, ...], size: int, alpha: float) -> float:
    """|s'/n' - s/n| ≤ (|s' - s| + |s/n|·|n' - n|) / n', and n' ≥ n - |n' - n|."""
    rows, first = series[0], series[1]
    few, most = errors.error(rows, alpha), _half(first)
    if size <= few:
        return 2.0 * most
    return min(2.0 * most, (errors.error(first, alpha) + most * few) / (size - few))


def _variance_error(errors: Errors, series: tuple[Series, ...], size: int, alpha: float) -> float:
    rows, first, second = series
    few, most = errors.error(rows, alpha), _half(first)
    if size <= few:
        return most * most
    mean = _mean_error(errors, (rows, first), size, alpha)
    squares = (errors.error(second, alpha) + most * most * few) / (size - few)
    return min(most * most, squares + mean * (2.0 * most + mean))


# ------------------------------------------------------------------------------------------------- once it is known


def estimate_of(measure: Measure, errors: Errors, numbers: dict[Series, int], alpha: float = ALPHA) -> Estimate:
    """An answer from noisy numbers of one group. Looks at nothing else."""
    series = errors.design.made_of[measure.name]
    match measure:
        case CountUnits() | CountRows():
            count, few = numbers[series[0]], int(errors.error(series[0], alpha))
            return Estimate(count, max(0, count - few), max(0, count + few))
        case Sum():
            total, error = float(numbers[series[0]] * series[0].unit), errors.error(series[0], alpha)
            return Estimate(total, total - error, total + error)
        case Mean():
            return _mean(errors, series, numbers, alpha / 2)
        case Variance():
            found = _variance(errors, series, numbers, alpha / 3)
            return _rooted(found) if measure.kind == "standard_deviation" else found
        case Quantile() | Regression():
            raise TypeError("quantiles and regressions are no estimates from linear series")
    raise TypeError("a measure that is not known")


@dataclass(frozen=True)
class _Range:
    low: float
    high: float

    def within(self, low: float, high: float) -> "_Range":
        return _Range(min(max(self.low, low), high), max(min(self.high, high), low))


def _ratio(errors: Errors, over: Series, rows: Series, numbers: dict[Series, int], alpha: float) -> _Range | None:
    """Where the quotient of the true numbers lies; None where there may be no rows."""
    few = errors.error(rows, alpha)
    fewest, most = numbers[rows] - few, numbers[rows] + few
    if fewest < 1.0:
        return None
    value, error = float(numbers[over] * over.unit), errors.error(over, alpha)
    low, high = value - error, value + error
    return _Range(low / (most if low >= 0 else fewest), high / (fewest if high >= 0 else most))


def _bounds(errors: Errors, first: Series) -> tuple[float, float, float]:
    """Lower bound, upper bound and centre of a moment's first factor."""
    factor = first.factors[0]
    kind = errors.design.compiler.compile(factor.of).type
    scale = Fraction(1, 10**factor.places)
    lower, upper = getattr(kind, "lower", 0), getattr(kind, "upper", 0)
    return float(lower * scale), float(upper * scale), float(factor.centre * scale)


def _mean(errors: Errors, series: tuple[Series, ...], numbers: dict[Series, int], alpha: float) -> Estimate:
    rows, first = series
    lower, upper, centre = _bounds(errors, first)
    found = _ratio(errors, first, rows, numbers, alpha)
    if numbers[rows] < 1:
        return Estimate(None, lower, upper)
    value = min(max(float(numbers[first] * first.unit) / numbers[rows] + centre, lower), upper)
    if found is None:
        return Estimate(value, lower, upper)
    inside = _Range(found.low + centre, found.high + centre).within(lower, upper)
    return Estimate(value, inside.low, inside.high)


def _variance(errors: Errors, series: tuple[Series, ...], numbers: dict[Series, int], alpha: float) -> Estimate:
    rows, first, second = series
    lower, upper, centre = _bounds(errors, first)
    most = ((upper - lower) / 2) ** 2
    if numbers[rows] < 1:
        return Estimate(None, 0.0, most)
    mean = float(numbers[first] * first.unit) / numbers[rows]
    value = min(max(float(numbers[second] * second.unit) / numbers[rows] - mean * mean, 0.0), most)
    squares, means = (_ratio(errors, each, rows, numbers, alpha) for each in (second, first))
    if squares is None or means is None:
        return Estimate(value, 0.0, most)
    means = means.within(lower - centre, upper - centre)
    ends = sorted((means.low**2, means.high**2))
    nearest = 0.0 if means.low <= 0.0 <= means.high else ends[0]
    inside = _Range(squares.low - ends[1], squares.high - nearest).within(0.0, most)
    return Estimate(value, inside.low, inside.high)


def _rooted(found: Estimate) -> Estimate:
    return Estimate(*(None if each is None else math.sqrt(each) for each in (found.value, found.low, found.high)))
