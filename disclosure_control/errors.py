"""What this library raises.

DisclosureControlError    base; its text says what, why and what to do next, and holds no data value
├── MalformedProfile      a rule profile that is unknown, incomplete or not understood
├── UnknownColumn         a table, dimension, unit or value column that the data does not have
├── EmptyTable            nobody is in the population
├── UnprovenPrivacy       a mechanism whose privacy loss is not proven to be within its price
└── LedgerError           the ledger cannot do this
    └── BudgetExceeded    a price above what is left
"""


class DisclosureControlError(Exception):
    """Base of all errors of this library."""


class MalformedProfile(DisclosureControlError):
    pass


class UnknownColumn(DisclosureControlError):
    pass


class EmptyTable(DisclosureControlError):
    pass


class UnprovenPrivacy(DisclosureControlError):
    pass


class LedgerError(DisclosureControlError):
    pass


class BudgetExceeded(LedgerError):
    pass
