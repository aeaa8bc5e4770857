"""The end of the ledger's chain, kept in the register's audit chain: a ledger put back to an older state is noticed.

Each of the two chains is whole by itself after its database was exchanged for an old copy. Together they tell.
"""

from collections.abc import Iterable, Sequence

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from datasets.populations import population_of, populations
from datasets.versions import versions_of
from disclosure_control.privacy.ledger import Head, Ledger
from governance import audit
from governance.database import transaction
from governance.projects import Project
from safe_outputs.checker.privacy_stage import dataset_scope, exact_name, person_scope, project_scope
from safe_outputs.evidence.budgets import record_budget, recorded_budgets
from safe_outputs.evidence.differencing import is_exact
from safe_outputs.evidence.standing import record_standing
from safe_outputs.models import Statistic
from safe_outputs.transitions import StatisticState

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


def record_exact_answers(session: Session, ledger: Ledger, population: str, datasets: Sequence[str]) -> None:
    """Put exact statistics on the ledger's record that were answered before it kept one.

    The first release's ledger knew private statistics alone. Where the ledger has as many of a population as the
    register has of its datasets, or more, it is not touched.
    """
    query = select(Statistic).where(
        Statistic.state == StatisticState.ANSWERED, Statistic.plan["dataset"].as_string().in_(datasets)
    )
    found = {
        (each.plan_hash, each.plan["dataset"], each.version): each for each in session.scalars(query) if is_exact(each)
    }
    scope = dataset_scope(population)
    if len(found) <= ledger.guarantee(scope).exact_releases:
        return
    versions = {(each, made.number): made.content_digest for each in datasets for made in versions_of(session, each)}
    for (plan, dataset, version), statistic in found.items():
        what = exact_name(str(statistic.plan["kind"]), plan, versions.get((dataset, version or 0), "unknown"))
        ledger.record_exact(scope, what, recorded_by=f"project {statistic.project_id}")


def record_standings(session: Session, ledger: Ledger, datasets: Iterable[str]) -> None:
    """Write what the ledger says of these datasets' populations into the register, in the caller's transaction."""
    for population in populations(session, datasets):
        record_standing(session, population, ledger.guarantee(dataset_scope(population)))


def recorded_head(session: Session) -> Head | None:
    """Where the ledger ended when that was last recorded; None before the first time."""
    last = audit.last_about(session, SUBJECT)
    return None if last is None else Head(last.detail["sequence"], last.detail["hash"])


def record_left(session: Session, ledger: Ledger, statistic: Statistic) -> None:
    """Write into the register what a statistic left of the budgets that it may have been charged to.

    Also of one that was refused: what went wrong may have gone wrong after the charge.
    """
    if is_exact(statistic):
        return
    people = population_of(session, str(statistic.plan["dataset"]))
    scopes = (
        dataset_scope(people),
        project_scope(statistic.project_id, people),
        person_scope(statistic.author, people),
    )
    _record_left(session, ledger, scopes)


def record_all_left(session: Session, ledger: Ledger) -> None:
    """Write into the register what is left of the populations' and projects' budgets, and of those it knows."""
    people = populations(session)
    of_projects = [project_scope(project, each) for project in session.scalars(select(Project.id)) for each in people]
    scopes = {*map(dataset_scope, people), *of_projects, *recorded_budgets(session)}
    _record_left(session, ledger, sorted(scopes))


def _record_left(session: Session, ledger: Ledger, scopes: Iterable[str]) -> None:
    for scope in scopes:
        if ledger.granted(scope):
            record_budget(session, scope, ledger.remaining(scope), ledger.remaining_delta(scope))
