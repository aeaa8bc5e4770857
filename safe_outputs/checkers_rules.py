"""How many output checkers a project's requests need, by audience: policy data, beside the data owners' terms.

A rule only adds to what release terms ask for. It counts for what is submitted after it.
"""

from sqlalchemy import select
from sqlalchemy.orm import Session

from datasets.release_policy import FEWEST_CHECKERS
from governance import audit
from governance.projects import find_project
from safe_outputs.answers import AUDIENCES
from safe_outputs.errors import MalformedRequest
from safe_outputs.models import CheckersRule

ANY = "*"
MOST_CHECKERS = 9


def set_rule(session: Session, *, project: str, audience: str, checkers: int, actor: str, account: str) -> None:
    """Say how many checkers requests of this project (or `*`) for this audience (or `*`) need.

    Raises:
        NotFound: there is no such project.
        MalformedRequest: there is no such audience, or the number is not from 2 to 9.
    """
    if project != ANY:
        find_project(session, project)
    if audience not in {ANY, *AUDIENCES}:
        raise MalformedRequest(f"There is no audience “{audience}”. There are: {', '.join(AUDIENCES)}, or * for any.")
    if not FEWEST_CHECKERS <= checkers <= MOST_CHECKERS:
        raise MalformedRequest(f"A request needs from {FEWEST_CHECKERS} to {MOST_CHECKERS} checkers, not {checkers}.")
    rule = session.get(CheckersRule, (project, audience)) or CheckersRule(project_id=project, audience=audience)
    before, rule.checkers = rule.checkers, checkers
    session.add(rule)
    audit.record(
        session,
        actor,
        "checkers.set",
        f"project:{project}",
        audience=audience,
        before=before,
        checkers=checkers,
        account=account,
    )


def checkers_by_rule(session: Session, project: str, audience: str) -> int:
    """The most that any rule for this project and audience asks for; the fewest that there may be without one."""
    query = select(CheckersRule.checkers).where(
        CheckersRule.project_id.in_([ANY, project]), CheckersRule.audience.in_([ANY, audience])
    )
    return max(session.scalars(query), default=FEWEST_CHECKERS)


def rules(session: Session) -> list[CheckersRule]:
    """All rules, by project and audience."""
    return list(session.scalars(select(CheckersRule).order_by(CheckersRule.project_id, CheckersRule.audience)))
