"""Noise of greatest entropy: the distribution that says nothing but its mean, its variance and its bounds.

Method: S. Giessing, “Computational issues in the design of transition probabilities and disclosure risk estimation for
additive noise”, Privacy in Statistical Databases 2016, LNCS 9867; the R package `ptable` (T. Enderle) solves the same
problem with a general optimiser. Here its dual is solved: the solution is p(v) ∝ exp(a v + b v²), and the two
multipliers minimise a smooth convex function, so that Newton's method with step halving finds them.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from disclosure_control.errors import MalformedPTable

Vector = NDArray[np.float64]
Integers = NDArray[np.int64]

_STEPS = 200
_EXACT = 1e-12
_NEAR = 1e-9


def max_entropy(noise: Integers, variance: float) -> Vector:
    """The probabilities of these noise values: mean 0, this variance, greatest entropy.

    Args:
        noise: distinct whole numbers, ascending.

    Raises:
        MalformedPTable: no distribution on these values has mean 0 and this variance.
    """
    low, high = attainable(noise)
    if not low - _NEAR <= variance <= high + _NEAR:
        raise MalformedPTable(
            f"No unbiased noise on {_listed(noise)} has the variance {variance:g}; it can be {low:g} to {high:g}. "
            "Choose another variance, or a larger deviation."
        )
    inner = _support(noise, variance, low, high)
    probabilities = np.zeros(len(noise))
    probabilities[inner] = _newton(noise[inner].astype(np.float64), variance)
    return probabilities


def attainable(noise: Integers) -> tuple[float, float]:
    """The smallest and the largest variance of a distribution on these values with mean 0.

    Raises:
        MalformedPTable: there is none, since all values lie on one side of 0.
    """
    if not len(noise) or noise[0] > 0 or noise[-1] < 0:
        raise MalformedPTable(f"Noise on {_listed(noise)} cannot be 0 on average. Lower js, or raise the deviation.")
    below, above = noise[noise <= 0][-1], noise[noise >= 0][0]
    return float(-below * above), float(-noise[0] * noise[-1])


def _support(noise: Integers, variance: float, low: float, high: float) -> NDArray[np.bool_]:
    """The values that can have a positive probability: at either end of the range of variances only two (or one)."""
    below, above = noise[noise <= 0][-1], noise[noise >= 0][0]
    if abs(variance - low) <= _NEAR:
        return np.asarray((noise == below) | (noise == above))
    if abs(variance - high) <= _NEAR:
        return np.asarray((noise == noise[0]) | (noise == noise[-1]))
    return np.ones(len(noise), dtype=bool)


def _newton(noise: Vector, variance: float) -> Vector:
    """Minimise log Σ exp(λ·t(v)) − λ·m over λ, where t(v) = (v, v²) and m = (0, variance), both scaled to about 1."""
    reach = max(float(np.abs(noise).max()), 1.0)
    moments = np.column_stack([noise / reach, (noise / reach) ** 2])
    target = np.array([0.0, variance / reach**2])
    multipliers = np.zeros(2)
    value, probabilities = _dual(multipliers, moments, target)
    for _ in range(_STEPS):
        gradient = probabilities @ moments - target
        if np.abs(gradient).max() < _EXACT:
            return probabilities
        centred = moments - probabilities @ moments
        hessian = (probabilities[:, None] * centred).T @ centred
        step = -np.linalg.lstsq(hessian, gradient, rcond=1e-14)[0]
        multipliers, value, probabilities = _descend(multipliers, step, value, gradient, moments, target)
    if np.abs(probabilities @ moments - target).max() < _NEAR:
        return probabilities
    raise MalformedPTable(
        "The probabilities of greatest entropy were not found. Choose a variance further from its limits."
    )


def _descend(
    at: Vector, step: Vector, value: float, gradient: Vector, moments: Vector, target: Vector
) -> tuple[Vector, float, Vector]:
    """Half the step until the dual falls as a convex function must, or the step is too small to matter."""
    size, blur = 1.0, 1e-14 * (1 + abs(value))
    while True:
        reached = at + size * step
        fallen, probabilities = _dual(reached, moments, target)
        if fallen <= value + 1e-4 * size * float(gradient @ step) + blur or size < 1e-12:
            return reached, fallen, probabilities
        size /= 2


def _dual(multipliers: Vector, moments: Vector, target: Vector) -> tuple[float, Vector]:
    exponents = moments @ multipliers
    top = float(exponents.max())
    weights = np.exp(exponents - top)
    total = float(weights.sum())
    return top + float(np.log(total)) - float(multipliers @ target), weights / total


def apportion(probabilities: Vector, noise: Integers, keys: int, *, biased: bool = False) -> Integers:
    """How many of `keys` cell keys each noise value gets: close to its probability and, unless biased, 0 on average.

    Rounding down leaves a rest, which goes to the largest remainders; then single keys move between neighbouring
    values until the noise sums to 0, or to less than one move changes. Symmetric probabilities get symmetric numbers.

    Raises:
        MalformedPTable: an odd number of keys for noise that is symmetric and never 0.
    """
    wanted = probabilities * keys
    given = np.floor(wanted + 1e-6).astype(np.int64)
    if np.array_equal(noise, -noise[::-1]) and np.allclose(probabilities, probabilities[::-1], atol=_NEAR):
        return _symmetric(wanted, given, keys)
    rest = keys - int(given.sum())
    given[np.argsort(given - wanted, kind="stable")[:rest]] += 1
    return given if biased else _without_bias(wanted, given, noise)


def _symmetric(wanted: Vector, given: Integers, keys: int) -> Integers:
    """Pairs ±v rise together, the largest remainders first; an odd key goes to 0."""
    half = len(given) // 2
    pairs, odd = divmod(keys - int(given.sum()), 2)
    for place in np.argsort((given - wanted)[:half], kind="stable")[:pairs]:
        given[place] += 1
        given[-1 - place] += 1
    if odd and (len(given) % 2 == 0 or wanted[half] <= 0):
        raise MalformedPTable(
            f"{keys} keys cannot be shared evenly between + and − noise. Take an even number of keys."
        )
    if odd:
        given[half] += 1
    return given


def _without_bias(wanted: Vector, given: Integers, noise: Integers) -> Integers:
    """Move single keys between neighbouring values, the least harmful first, while that brings Σ noise × keys to 0."""
    while (excess := int(given @ noise)) != 0:
        moves = _moves(wanted, given, noise, excess)
        if not moves:
            break
        _, here, there = min(moves)
        given[here] -= 1
        given[there] += 1
    return given


def _moves(wanted: Vector, given: Integers, noise: Integers, excess: int) -> list[tuple[float, int, int]]:
    """(harm, from, to) for each move of one key between neighbouring values that does not overshoot."""
    open_places = [int(place) for place in np.flatnonzero(wanted > 0)]
    found = []
    for lower, upper in pairwise(open_places):
        here, there = (upper, lower) if excess > 0 else (lower, upper)
        if given[here] > 0 and noise[upper] - noise[lower] <= abs(excess):
            harm = float((given[there] - wanted[there]) - (given[here] - wanted[here]))
            found.append((harm, here, there))
    return found


def _listed(noise: Integers) -> str:
    shown = [str(int(each)) for each in noise]
    return "{" + ", ".join(shown if len(shown) < 9 else [*shown[:3], "…", *shown[-3:]]) + "}"
