"""Integer noise by OpenDP on 64 bits, each with a price in billionths of ρ that its privacy map is held against.

ρ is that of zero-concentrated differential privacy (Bun and Steinke 2016). The discrete Gaussian is that of Canonne,
Kamath and Steinke 2020; ε-differential privacy costs ρ = ε²/2. A mechanism whose proven loss is above its price cannot
be made.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist
from typing import Any, Literal, TypeAlias, cast

import opendp.prelude as dp

from disclosure_control.errors import UnprovenPrivacy
from disclosure_control.privacy.sensitivity import Sensitivity

dp.enable_features("contrib")

DELTA = 1e-6
NANO = 1_000_000_000
WIDEST = float(1 << 52)
_MARGIN = 1.0 + 1e-12

Kind: TypeAlias = Literal["gaussian", "laplace"]


def rho_of(nano_rho: int) -> float:
    """The price as ρ, never above it."""
    return math.nextafter(nano_rho / NANO, 0.0)


@dataclass(frozen=True)
class Noise:
    """Integer noise for numbers of this joint sensitivity.

    Raises:
        UnprovenPrivacy: OpenDP's privacy map is above the price, or the noise would not fit into 64 bits.
    """

    kind: Kind
    nano_rho: int
    sensitivity: Sensitivity

    def __post_init__(self) -> None:
        if self.nano_rho < 1 or self.sensitivity.linf < 1:
            raise UnprovenPrivacy("The price and the sensitivity are whole numbers, 1 or more.")
        if not self.scale < WIDEST:
            raise UnprovenPrivacy("Noise of this size does not fit into 64 bits. Pay more, or bound more closely.")
        _require(self._loss() <= self.nano_rho / NANO)

    @property
    def scale(self) -> float:
        return scale_of(self.kind, self.nano_rho, self.sensitivity)

    def draw(self, numbers: Sequence[int]) -> list[int]:
        """The numbers with fresh noise. May be below zero: cutting there would bias sums."""
        return [int(each) for each in cast("list[int]", self._measurement()(list(numbers)))]

    def _measurement(self) -> Any:  # OpenDP's own types are partial
        vector = dp.vector_domain(dp.atom_domain(T="i64"))
        if self.kind == "gaussian":
            return dp.m.make_gaussian(vector, dp.l2_distance(T="f64"), scale=self.scale)
        return dp.c.make_pureDP_to_zCDP(dp.m.make_laplace(vector, dp.l1_distance(T="i64"), scale=self.scale))

    def _loss(self) -> float:
        change = self.sensitivity.l2 if self.kind == "gaussian" else self.sensitivity.l1
        return cast("float", self._measurement().map(change))


def half_width(kind: Kind, alpha: float) -> float:
    """Half of an interval that noise leaves with probability alpha, in standard deviations; of sums of it too.

    Sums of Laplace noise are narrower than one of the same deviation.
    """
    return NormalDist().inv_cdf(1.0 - alpha / 2.0) if kind == "gaussian" else math.log(1.0 / alpha) / math.sqrt(2.0)


def scale_of(kind: Kind, nano_rho: int, sensitivity: Sensitivity) -> float:
    """The least scale, up to rounding, that keeps to the price."""
    root = math.sqrt(2.0 * rho_of(nano_rho))
    change = sensitivity.l2 if kind == "gaussian" else float(sensitivity.l1)
    return change / root * _MARGIN


def error_of(kind: Kind, scale: float, alpha: float) -> int:
    """The least whole number, up to rounding, that the noise exceeds in absolute value with probability alpha at most.

    For a discrete Gaussian Z and a continuous one X of the same scale P(Z ≥ m) ≤ P(X ≥ m - 1) (Canonne, Kamath,
    Steinke, proposition 25); for discrete Laplace noise the tail is known exactly.
    """
    if kind == "gaussian":
        return math.ceil(scale * NormalDist().inv_cdf(1.0 - alpha / 2.0))
    tail = math.log(2.0 / (alpha * (1.0 + math.exp(-1.0 / scale))))
    return max(0, math.ceil(scale * tail) - 1)


@dataclass(frozen=True)
class Choice:
    """The exponential mechanism: one of several candidates, better scores being likelier.

    For scores of which one unit changes each by at most `change`, in at most `groups` groups that each draw once.

    Raises:
        UnprovenPrivacy: as `Noise`.
    """

    nano_rho: int
    change: int
    groups: int

    def __post_init__(self) -> None:
        if self.nano_rho < self.groups or self.change < 1:
            raise UnprovenPrivacy("A quantile needs at least a billionth of ρ for each group of a unit.")
        _require(cast("float", self._measurement().map(self.change)) * self.groups <= self.nano_rho / NANO)

    @property
    def epsilon(self) -> float:
        """Of one group's draw: ρ = ε²/8 (Cesar and Rogers 2021, bounded range)."""
        return math.sqrt(8.0 * rho_of(self.nano_rho) / self.groups) / _MARGIN

    @property
    def scale(self) -> float:
        return 2.0 * self.change / self.epsilon

    def draw(self, scores: Sequence[int]) -> int:
        """The place of the chosen candidate."""
        return int(cast("int", self._measurement()(list(scores))))

    def worse(self, candidates: int, alpha: float) -> float:
        """By how much the chosen score is below the best, at most, with probability 1 - alpha.

        Dwork and Roth, "The algorithmic foundations of differential privacy", corollary 3.12.
        """
        return self.scale * math.log(candidates / alpha)

    def _measurement(self) -> Any:
        vector = dp.vector_domain(dp.atom_domain(T="i64"))
        return dp.m.make_noisy_max(
            vector, dp.linf_distance(T="i64"), dp.zero_concentrated_divergence(), scale=self.scale
        )


@dataclass(frozen=True)
class Threshold:
    """Noisy counts of unknown keys, of which only those above a threshold are told of.

    Approximate: beyond ρ, keys that one unit alone has are told of with probability δ at most (Korolova et al. 2009).
    OpenDP's `make_laplace_threshold` tells of counts that reach the threshold, and its privacy map leaves out those
    that just reach it (opendp#2922): so δ is that of its map for a threshold one lower.

    Raises:
        UnprovenPrivacy: as `Noise`; or delta is not proven.
    """

    nano_rho: int
    nano_delta: int
    sensitivity: Sensitivity

    def __post_init__(self) -> None:
        if self.nano_rho < 1 or not 1 <= self.nano_delta < NANO:
            raise UnprovenPrivacy("Unknown keys need a price and a delta between a billionth and one.")
        epsilon, delta = self._map(self.threshold - 1)
        _require(epsilon * epsilon / 2.0 * _MARGIN <= self.nano_rho / NANO and delta <= self.nano_delta / NANO)

    @property
    def scale(self) -> float:
        return scale_of("laplace", self.nano_rho, self.sensitivity)

    @cached_property
    def threshold(self) -> int:
        """The least noisy count that is told of."""
        low, high = self.sensitivity.linf + 1, self.sensitivity.linf + math.ceil(60.0 * (self.scale + 1.0))
        while low < high:
            middle = (low + high) // 2
            if self._map(middle - 1)[1] <= self.nano_delta / NANO:
                high = middle
            else:
                low = middle + 1
        return low

    def draw(self, counts: Mapping[str, int]) -> dict[str, int]:
        """The keys that are told of, with their noisy counts, in the order of the keys."""
        found = cast("dict[str, int]", self._measurement(self.threshold)(dict(counts)))
        return {key: int(found[key]) for key in sorted(found)}

    def _map(self, threshold: int) -> tuple[float, float]:
        change = (self.sensitivity.l0, self.sensitivity.l1, self.sensitivity.linf)
        try:
            return cast("tuple[float, float]", self._measurement(threshold).map(change))
        except dp.OpenDPException:
            return math.inf, 1.0

    def _measurement(self, threshold: int) -> Any:
        keys = dp.map_domain(dp.atom_domain(T=str), dp.atom_domain(T="i64"))
        space = keys, dp.l01inf_distance(dp.absolute_distance(T="i64"))
        return dp.m.make_laplace_threshold(*space, scale=self.scale, threshold=threshold)


def epsilon_of(nano_rho: int, delta: float = DELTA) -> float:
    """The ε at this δ that follows from ρ, by OpenDP's conversion."""
    space = dp.vector_domain(dp.atom_domain(T="i64")), dp.l2_distance(T="f64")
    scale = 1.0 / math.sqrt(2.0 * (nano_rho / NANO))
    approximate: Any = dp.c.make_zCDP_to_approxDP(dp.m.make_gaussian(*space, scale=scale))
    return float(approximate.map(1.0).epsilon(delta))


def _require(proven: bool) -> None:
    if not proven:
        raise UnprovenPrivacy("The mechanism's proven privacy loss is above its price. Nothing was computed.")
