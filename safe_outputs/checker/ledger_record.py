"""The end of the ledger's chain, kept in the register's audit chain: a ledger put back to an older state is noticed.

Each of the two chains is whole by itself after its database was exchanged for an old copy. Together they tell.
"""

from collections.abc import Iterable

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from disclosure_control.privacy.ledger import Head, Ledger
from governance import audit
from governance.database import transaction
from safe_outputs.checker.privacy_stage import dataset_scope
from safe_outputs.standing import record_standing

SUBJECT = "ledger"
ACTION = "ledger.recorded"


def verify_ledger(engine: Engine, ledger: Ledger, actor: str) -> Head:
    """Verify the ledger, and that it holds what was last recorded; record where it ends now.

    Raises:
        BrokenLedger: it was edited, or is older than what was recorded.
    """
    with transaction(engine) as session:
        ledger.verify(recorded_head(session))
        return record_head(session, ledger, actor)


def record_head(session: Session, ledger: Ledger, actor: str) -> Head:
    """Record where the ledger ends, in the caller's transaction."""
    head = ledger.head()
    if head != recorded_head(session):
        audit.record(session, actor, ACTION, SUBJECT, sequence=head.sequence, hash=head.hash)
    return head


def record_standings(session: Session, ledger: Ledger, datasets: Iterable[str]) -> None:
    """Write what the ledger says of these datasets' populations into the register, in the caller's transaction."""
    for dataset in datasets:
        record_standing(session, dataset, ledger.guarantee(dataset_scope(dataset)))


def recorded_head(session: Session) -> Head | None:
    """Where the ledger ended when that was last recorded; None before the first time."""
    events = audit.events_about(session, SUBJECT)
    return Head(events[-1].detail["sequence"], events[-1].detail["hash"]) if events else None
