"""The discrete Gaussian mechanism on 64-bit integers (Canonne, Kamath, Steinke 2020), by OpenDP."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import opendp.prelude as dp

from disclosure_control.errors import UnprovenPrivacy

dp.enable_features("contrib")

DELTA = 1e-6
NANO = 1_000_000_000


@dataclass(frozen=True)
class GaussianCounts:
    """Noise for counts of which one unit changes at most `groups_per_unit`, each by one.

    The scale is the least (up to rounding) whose privacy loss OpenDP proves to be within `nano_rho` billionths of
    ρ (zero-concentrated differential privacy, Bun and Steinke 2016).

    Raises:
        UnprovenPrivacy: OpenDP's privacy map is above the price.
    """

    nano_rho: int
    groups_per_unit: int

    def __post_init__(self) -> None:
        if self.nano_rho < 1 or self.groups_per_unit < 1:
            raise UnprovenPrivacy("The price and the groups per unit are whole numbers, 1 or more.")
        loss = cast("float", self._measurement().map(self._sensitivity()))
        if not loss <= self.nano_rho / NANO:
            raise UnprovenPrivacy("The mechanism's proven privacy loss is above its price. Nothing was computed.")

    @property
    def scale(self) -> float:
        """The noise's scale, in units."""
        rho = math.nextafter(self.nano_rho / NANO, 0.0)
        return math.sqrt(self.groups_per_unit / (2.0 * rho)) * (1.0 + 1e-12)

    def accuracy(self, confidence: float = 0.95) -> float:
        """How far, in units, a noisy count is from the truth with this probability."""
        return float(dp.discrete_gaussian_scale_to_accuracy(self.scale, 1.0 - confidence))

    def epsilon(self, delta: float = DELTA) -> float:
        """The ε at this δ that follows from ρ."""
        approximate: Any = dp.c.make_zCDP_to_approxDP(self._measurement())
        return float(approximate.map(self._sensitivity()).epsilon(delta))

    def draw(self, counts: Sequence[int]) -> list[int]:
        """The counts with fresh noise. May be negative: cutting at zero would bias sums."""
        return [int(each) for each in cast("list[int]", self._measurement()(list(counts)))]

    def _sensitivity(self) -> float:
        root = math.isqrt(self.groups_per_unit)
        exact = root * root == self.groups_per_unit
        return float(root) if exact else math.nextafter(math.sqrt(self.groups_per_unit), math.inf)

    def _measurement(self) -> Any:  # OpenDP's own types are partial
        space = dp.vector_domain(dp.atom_domain(T="i64")), dp.l2_distance(T="f64")
        return dp.m.make_gaussian(*space, scale=self.scale)
