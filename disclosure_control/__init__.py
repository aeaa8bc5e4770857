"""Statistics that can be published: cell facts, output rules, suppression, private mechanisms, the privacy ledger.

A library that a statistician can use alone; it imports nothing else of Saferoom. See `errors` for what it raises.
"""

from disclosure_control.attack import attack, passes, recover
from disclosure_control.cellfacts import Condition, Population, cell_facts
from disclosure_control.cellkey import PerturbedTable, PTable, build_ptable, perturb
from disclosure_control.errors import (
    BrokenLedger,
    BudgetExceeded,
    ConsistencyFailed,
    DeltaExceeded,
    DisclosureControlError,
    EmptyTable,
    LedgerError,
    LedgerUnavailable,
    MalformedHierarchy,
    MalformedPrivatePlan,
    MalformedProfile,
    MalformedPTable,
    MalformedRecordKeys,
    MalformedRounding,
    MalformedTable,
    PriceTooHigh,
    PrivateReleaseFailed,
    RoundingFailed,
    UnknownCellKey,
    UnknownCode,
    UnknownColumn,
    UnknownScope,
    UnprovenPrivacy,
)
from disclosure_control.findings import Finding
from disclosure_control.hierarchy import Hierarchy
from disclosure_control.primary import suppress_primary
from disclosure_control.privacy.consistency import ConsistentTable, consistent_half_widths, make_consistent
from disclosure_control.privacy.ledger import Charge, Ledger
from disclosure_control.privacy.margins import consistent_errors, consistent_release, noisy_cells
from disclosure_control.privacy.plan import PrivatePlan
from disclosure_control.privacy.sql import plan_from_sql
from disclosure_control.profiles import RuleProfile
from disclosure_control.rounding import RoundedTable, round_table
from disclosure_control.rulebook import (
    PQ,
    ClassDisclosure,
    DegreesOfFreedom,
    Dominance,
    Negatives,
    PPercent,
    Protection,
    Referral,
    Request,
    Rounding,
    Threshold,
    Weights,
)
from disclosure_control.rules import assess, assess_degrees_of_freedom
from disclosure_control.structure import Relation
from disclosure_control.suppression import ProtectedTable, suppress
from disclosure_control.table import Table

__all__ = [
    "PQ",
    "BrokenLedger",
    "BudgetExceeded",
    "Charge",
    "ClassDisclosure",
    "Condition",
    "ConsistencyFailed",
    "ConsistentTable",
    "DegreesOfFreedom",
    "DeltaExceeded",
    "DisclosureControlError",
    "Dominance",
    "EmptyTable",
    "Finding",
    "Hierarchy",
    "Ledger",
    "LedgerError",
    "LedgerUnavailable",
    "MalformedHierarchy",
    "MalformedPTable",
    "MalformedPrivatePlan",
    "MalformedProfile",
    "MalformedRecordKeys",
    "MalformedRounding",
    "MalformedTable",
    "Negatives",
    "PPercent",
    "PTable",
    "PerturbedTable",
    "Population",
    "PriceTooHigh",
    "PrivatePlan",
    "PrivateReleaseFailed",
    "ProtectedTable",
    "Protection",
    "Referral",
    "Relation",
    "Request",
    "RoundedTable",
    "Rounding",
    "RoundingFailed",
    "RuleProfile",
    "Table",
    "Threshold",
    "UnknownCellKey",
    "UnknownCode",
    "UnknownColumn",
    "UnknownScope",
    "UnprovenPrivacy",
    "Weights",
    "assess",
    "assess_degrees_of_freedom",
    "attack",
    "build_ptable",
    "cell_facts",
    "consistent_errors",
    "consistent_half_widths",
    "consistent_release",
    "make_consistent",
    "noisy_cells",
    "passes",
    "perturb",
    "plan_from_sql",
    "recover",
    "round_table",
    "suppress",
    "suppress_primary",
]
