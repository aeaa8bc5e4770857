"""Statistics that can be published: cell facts, output rules, suppression, private mechanisms, the privacy ledger.

A library that a statistician can use alone; it imports nothing else of Saferoom. See `errors` for what it raises.
"""

from disclosure_control.cellfacts import Condition, Population, cell_facts
from disclosure_control.errors import (
    BudgetExceeded,
    DisclosureControlError,
    EmptyTable,
    LedgerError,
    MalformedProfile,
    UnknownColumn,
    UnprovenPrivacy,
)
from disclosure_control.findings import Finding
from disclosure_control.privacy.ledger import Charge, Ledger
from disclosure_control.privacy.release import PrivateCounts, release_counts
from disclosure_control.profiles import RuleProfile, Threshold
from disclosure_control.suppression import suppress_primary

__all__ = [
    "BudgetExceeded",
    "Charge",
    "Condition",
    "DisclosureControlError",
    "EmptyTable",
    "Finding",
    "Ledger",
    "LedgerError",
    "MalformedProfile",
    "Population",
    "PrivateCounts",
    "RuleProfile",
    "Threshold",
    "UnknownColumn",
    "UnprovenPrivacy",
    "cell_facts",
    "release_counts",
    "suppress_primary",
]
