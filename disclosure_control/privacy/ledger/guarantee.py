"""What a population's ledger promises to the people in it, and since when it no longer does.

A private release is bounded by its ρ whatever else is known, and the ρ of several add up. Exact statistics have no such
bound: one of them voids the (ε, δ) statement about all that was released of the population, though every private
release keeps its own.
"""

import math
from dataclasses import dataclass

from disclosure_control.errors import LedgerError
from disclosure_control.privacy.ledger.amounts import NANO, in_rho

DELTA = 1e-6
LOWEST, HIGHEST = -20.0, 40.0
"""Where the order α is looked for: the logarithm of α - 1."""


@dataclass(frozen=True)
class ExactRelease:
    """Statistics of a population that left without noise. `at`: when that was recorded (UTC, ISO 8601)."""

    scope: str
    what: str
    recorded_by: str
    at: str


@dataclass(frozen=True)
class Guarantee:
    """What was spent in a scope, and the first of the `exact_releases` of its population, if there are any."""

    scope: str
    nano_rho: int
    nano_delta: int
    exact_releases: int
    first_exact: ExactRelease | None

    @property
    def holds(self) -> bool:
        return self.first_exact is None

    def epsilon(self, delta: float = DELTA) -> float | None:
        """The ε of all private releases together, at this δ beside the δ that they cost themselves.

        None where exact releases have voided it, or where all δ is spent.
        """
        if not self.holds or self.delta(delta) >= 1:
            return None
        return epsilon(self.nano_rho, delta)

    def delta(self, delta: float = DELTA) -> float:
        """The δ at which `epsilon(delta)` holds: this one, and what was spent."""
        return delta + self.nano_delta / NANO

    def sentence(self, delta: float = DELTA) -> str:
        """The guarantee in words."""
        spent = f"ρ = {in_rho(self.nano_rho)} was spent"
        if self.nano_delta:
            spent += f", with δ = {in_rho(self.nano_delta)}"
        if self.first_exact is not None:
            since = self.first_exact.at[:10]
            return (
                f"{spent}; there is no ε for it: void since {since}, because exact statistics of this population were "
                f"released ({self.first_exact.what}; {self.exact_releases} in all)."
            )
        found = self.epsilon(delta)
        if found is None:
            return f"{spent}: no ε follows from it."
        return f"{spent}, that is ε = {found:.3f} at δ = {self.delta(delta):g}."


def epsilon(nano_rho: int, delta: float = DELTA) -> float:
    """The least ε known such that ρ-zCDP implies (ε, δ)-differential privacy.

    The infimum over orders α > 1 of Canonne, Kamath and Steinke, “The Discrete Gaussian for Differential Privacy”
    (2020), Corollary 13. It is looked for numerically; each α gives a bound that holds, so a miss is only looser.

    Raises:
        LedgerError: a δ that is not between 0 and 1, or a negative ρ.
    """
    if not 0 < delta < 1 or nano_rho < 0:
        raise LedgerError("δ lies between 0 and 1, and what was spent is not negative.")
    if nano_rho == 0:
        return 0.0
    rho = nano_rho / NANO
    low, high = LOWEST, HIGHEST
    while high - low > 1e-9:
        third = (high - low) / 3
        if _bound(rho, delta, low + third) < _bound(rho, delta, high - third):
            high -= third
        else:
            low += third
    return max(0.0, _bound(rho, delta, low))


def _bound(rho: float, delta: float, log_above_one: float) -> float:
    """ε from the Rényi divergence of order 1 + exp(`log_above_one`)."""
    above_one = math.exp(log_above_one)
    slack = math.log(1 / delta) - (1 + above_one) * math.log1p(1 / above_one) - log_above_one
    return (1 + above_one) * rho + slack / above_one
