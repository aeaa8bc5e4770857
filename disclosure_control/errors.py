"""What this library raises.

DisclosureControlError    base; its text says what, why and what to do next, and holds no data value
├── MalformedProfile      a rule profile that is unknown, incomplete or not understood
├── UnknownColumn         a table, dimension, unit or value column that the data does not have
├── MalformedHierarchy    codes that are no tree with one root
├── MalformedTable        cells or microdata of which no table can be made: NaN, negative counts, no additivity, …
│   └── UnknownCode       a code that no hierarchy of its dimension names, or one that the data does not have
├── EmptyTable            nobody is in the population
├── MalformedPTable       a perturbation table with gaps, bias or noise that makes counts negative
├── UnknownCellKey        a count or a cell key that the perturbation table has no entry for
├── MalformedRecordKeys   record keys that are missing, negative, or not spread over the cell keys
├── MalformedRounding     a base, a method or values that cannot be rounded
├── RoundingFailed        no additive rounding is proven: there is none, or the time was up
├── ConsistencyFailed     the additive table nearest to noisy cells is not proven
├── SuppressionFailed     no pattern is proven to protect every cell: the time was up, or the solver has no proof
│   └── Unprotectable     there is no such pattern, whatever else is withheld
├── MalformedPrivatePlan  a private plan with an unknown field, no bound, a key that is not public, no price, …
├── UnprovenPrivacy       a mechanism whose privacy loss is not proven to be within its price
├── PrivateReleaseFailed  a private statistic that was charged could not be computed; the charge stands
├── AttackFailed          the attack could not be carried out, so nothing is known to be safe
└── LedgerError           the ledger cannot do this
    ├── BudgetExceeded    a price above what is left; PriceTooHigh says for a private plan what would fit
    └── DeltaExceeded     a δ above what is left of its limit
"""

from decimal import Decimal


class DisclosureControlError(Exception):
    """Base of all errors of this library."""


class MalformedProfile(DisclosureControlError):
    pass


class UnknownColumn(DisclosureControlError):
    pass


class MalformedHierarchy(DisclosureControlError):
    pass


class MalformedTable(DisclosureControlError):
    pass


class UnknownCode(MalformedTable):
    pass


class EmptyTable(DisclosureControlError):
    pass


class MalformedPTable(DisclosureControlError):
    pass


class UnknownCellKey(DisclosureControlError):
    pass


class MalformedRecordKeys(DisclosureControlError):
    pass


class MalformedRounding(DisclosureControlError):
    pass


class RoundingFailed(DisclosureControlError):
    pass


class ConsistencyFailed(DisclosureControlError):
    pass


class SuppressionFailed(DisclosureControlError):
    pass


class Unprotectable(SuppressionFailed):
    pass


class AttackFailed(DisclosureControlError):
    pass


class MalformedPrivatePlan(DisclosureControlError):
    pass


class UnprovenPrivacy(DisclosureControlError):
    pass


class PrivateReleaseFailed(DisclosureControlError):
    pass


class LedgerError(DisclosureControlError):
    pass


class BudgetExceeded(LedgerError):
    """A price above what is left in a scope; both in whole billionths of ρ."""

    def __init__(self, scope: str, price: int, left: int) -> None:
        super().__init__(scope, price, left)
        self.scope, self.price, self.left = scope, price, left

    def __str__(self) -> str:
        return (
            f"This costs ρ = {in_rho(self.price)}, and the budget “{self.scope}” has ρ = {in_rho(self.left)} left. "
            "Ask with a smaller ρ (more noise), or ask the data owner for a larger budget."
        )


class PriceTooHigh(BudgetExceeded):
    """A private plan's price above what is left, and what would fit."""

    def __init__(self, scope: str, price: int, left: int, fits: str) -> None:
        super().__init__(scope, price, left)
        self.args = (scope, price, left, fits)
        self.fits = fits

    def __str__(self) -> str:
        return f"{super().__str__()} {self.fits}".strip()


class DeltaExceeded(LedgerError):
    """A δ above what is left of its limit in a scope; both in whole billionths."""

    def __init__(self, scope: str, price: int, left: int) -> None:
        super().__init__(scope, price, left)
        self.scope, self.price, self.left = scope, price, left

    def __str__(self) -> str:
        return (
            f"This costs δ = {in_rho(self.price)}, and “{self.scope}” has δ = {in_rho(self.left)} left of its limit. "
            "Ask by keys whose values are in the catalogue, which costs no δ, or ask the data owner for a higher limit."
        )


class UnknownScope(LedgerError):
    pass


class LedgerUnavailable(LedgerError):
    pass


class BrokenLedger(LedgerError):
    pass


def in_rho(nano_rho: int) -> str:
    """ρ as a decimal number, exactly, of so many billionths: 50000000 → 0.05."""
    return f"{Decimal(nano_rho).scaleb(-9).normalize():f}"
