"""The privacy ledger: who spent how much of which budget, charged durably before any noise is drawn (I6).

A budget belongs to a scope: a population, a project's share of it, or a person. A charge is reserved in all its scopes
in one transaction, then committed together with the result that it paid for. The same request is charged once; when it
has a result, a retry gets the very same bytes. `docs/privacy.md` says what the ledger promises, and to whom.
"""

from disclosure_control.privacy.ledger.amounts import (
    DEFAULT_DELTA,
    NANO,
    allowance_of,
    delta_allowance_of,
    in_rho,
    price_of,
)
from disclosure_control.privacy.ledger.book import Ledger
from disclosure_control.privacy.ledger.charges import TRANSITIONS, Charge, ChargeState
from disclosure_control.privacy.ledger.entries import Head
from disclosure_control.privacy.ledger.guarantee import ExactRelease, Guarantee, epsilon
from disclosure_control.privacy.ledger.schema import SCHEMA_VERSION
from disclosure_control.privacy.ledger.scopes import (
    DatasetScope,
    PersonScope,
    ProjectScope,
    Scope,
    parse_scope,
)

__all__ = [
    "DEFAULT_DELTA",
    "NANO",
    "SCHEMA_VERSION",
    "TRANSITIONS",
    "Charge",
    "ChargeState",
    "DatasetScope",
    "ExactRelease",
    "Guarantee",
    "Head",
    "Ledger",
    "PersonScope",
    "ProjectScope",
    "Scope",
    "allowance_of",
    "delta_allowance_of",
    "epsilon",
    "in_rho",
    "parse_scope",
    "price_of",
]
