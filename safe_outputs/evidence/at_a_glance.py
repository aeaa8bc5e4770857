"""What a reader of a request is shown beside its contents, so that she can judge them at a glance.

Whatever is here is bounded, and read for her alone: who may see what is decided where each thing is made.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from governance.people import Role, find_person
from governance.projects import is_member
from safe_outputs.answers import Answer
from safe_outputs.asking import read_answer
from safe_outputs.evidence.beside import EarlierOf, earlier_of, earlier_tables
from safe_outputs.evidence.budgets import Left, left_now
from safe_outputs.evidence.counts import Counts, counts_of, why_not_counts
from safe_outputs.evidence.submissions import ChangedSince, changed_since
from safe_outputs.models import ReleaseRequest
from safe_outputs.store import Store
from safe_outputs.transitions import Vote
from safe_outputs.turns import votes_of_turn


@dataclass(frozen=True)
class AtAGlance:
    """`since`: what changed since the turn that the reader knows; None where there is none before this.

    `own_vote`: how she voted in this turn. `why_not_counts`: why she cannot ask for the counts behind cells; None if
    she can. `counts`: by statistic, where she asked. `left`: what is left in the budgets that the statistics were paid
    from. `earlier`: by statistic, of those that are being read, what was released before of the same people.
    """

    since: ChangedSince | None
    own_vote: Vote | None
    why_not_counts: str | None
    counts: Mapping[str, Counts]
    left: Mapping[str, Left]
    earlier: Mapping[str, EarlierOf]


def at_a_glance(
    session: Session,
    store: Store,
    request: ReleaseRequest,
    answers: Iterable[Answer],
    person: str,
    today: date,
    *,
    read: Collection[int] = (),
    counts: bool = False,
) -> AtAGlance:
    """What stands beside a request for this reader, who may read it (which the caller has asked).

    `answers` are those of its statistics; `read`: the positions of those that she is reading now; `counts`: she asks
    for the counts behind cells.

    Raises:
        NotPermitted: she asks for counts and may see none.
    """
    checker = reads_as_checker(session, request, person)
    return AtAGlance(
        since=changed_since(session, store, request, person, checker=checker),
        own_vote=next((each.vote for each in votes_of_turn(request) if each.checker == person), None),
        why_not_counts=why_not_counts(session, request, person, today),
        counts=counts_of(session, store, request, person, today) if counts else {},
        left=left_now(session, scopes_of(answers)),
        earlier=_earlier(session, store, request, person, read),
    )


def scopes_of(answers: Iterable[Answer]) -> tuple[str, ...]:
    """The budgets that these answers were paid from."""
    return tuple(sorted({scope for each in answers if each.charge is not None for scope in each.charge.scopes}))


def _earlier(
    session: Session, store: Store, request: ReleaseRequest, person: str, read: Collection[int]
) -> dict[str, EarlierOf]:
    items = [item.statistic for item in request.items if item.position in read and item.statistic.answer is not None]
    if not items:
        return {}
    found = earlier_tables(session, request, person)
    return {
        each.id: earlier_of(store, each.answer, read_answer(store, each), found.of_the_people_in(each.dataset))
        for each in items
        if each.answer is not None
    }


def reads_as_checker(session: Session, request: ReleaseRequest, person: str) -> bool:
    """A checker who belongs to the project reads its requests as its people do."""
    role = find_person(session, person).role
    return role is Role.OUTPUT_CHECKER and not is_member(session, person, request.project_id)
