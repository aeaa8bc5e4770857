"""What is left in each privacy budget, as the ledger said when something was last asked of it.

The checker alone opens the ledger. It writes what is left into the register after each statistic that it answered or
refused, so that a page can show it beside what was left when a statistic was paid for.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from governance.database import now
from safe_outputs.models import BudgetLeft


@dataclass(frozen=True)
class Left:
    """Billionths of ρ and of δ that a budget has left, and when that was so (aware)."""

    nano_rho: int
    nano_delta: int
    at: datetime


def record_budget(session: Session, scope: str, nano_rho: int, nano_delta: int) -> None:
    """Write what a budget has left into the register, in the caller's transaction."""
    row = session.get(BudgetLeft, scope) or BudgetLeft(scope=scope)
    row.nano_rho, row.nano_delta, row.recorded_at = nano_rho, nano_delta, now()
    session.add(row)


def recorded_budgets(session: Session) -> list[str]:
    """The budgets of which the register knows what is left."""
    return list(session.scalars(select(BudgetLeft.scope)))


def left_now(session: Session, scopes: Iterable[str]) -> dict[str, Left]:
    """What is left in these budgets; those of which the register knows nothing are not among them."""
    wanted = sorted(set(scopes))
    if not wanted:
        return {}
    found = session.scalars(select(BudgetLeft).where(BudgetLeft.scope.in_(wanted)))
    return {each.scope: Left(each.nano_rho, each.nano_delta, each.recorded_at) for each in found}
