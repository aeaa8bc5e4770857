"""Who may do what to a release request, and whether it is possible now (I9, I13).

`why_not` is the one predicate behind every button, API answer and command. Who may is a table, `RIGHTS`; when it is
possible is another, `safe_outputs.transitions.ACTION_STATES`. What stands in neither is refused (I3).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from governance import access
from governance.people import Person, Role
from governance.projects import Membership, find_project
from safe_outputs.errors import NotPermitted, WrongState
from safe_outputs.lists.usable import usable
from safe_outputs.models import ReleaseRequest
from safe_outputs.releases.owning import why_not_owner_of
from safe_outputs.transitions import ACTION_STATES, IN_WORDS, Action, RequestState
from safe_outputs.turns import ballots_of, open_questions, votes_of_turn

Reason = Callable[[Session, ReleaseRequest, str, date], str | None]


@dataclass(frozen=True)
class Right:
    """Who may, in words for the docs, and the reason why a person may not."""

    who: str
    why_not: Reason


def _why_not_author(_session: Session, request: ReleaseRequest, person: str, _today: date) -> str | None:
    if request.author != person:
        return "Only the author of a request can change, submit or withdraw it."
    return None


def _why_not_author_at_work(session: Session, request: ReleaseRequest, person: str, today: date) -> str | None:
    return _why_not_author(session, request, person, today) or access.why_not_session(
        session, person, request.project_id, today
    )


def _why_not_project(session: Session, request: ReleaseRequest, person: str, today: date) -> str | None:
    return access.why_not_session(session, person, request.project_id, today)


def _why_not_reviewer(session: Session, request: ReleaseRequest, person: str, today: date) -> str | None:
    if request.author == person:
        return "You wrote this request, so other people have to review it."
    return access.why_not_review(session, person, request.project_id, today)


def reviewers(session: Session, request: ReleaseRequest, today: date) -> frozenset[str]:
    """Everybody who may review this request, by the right to vote, asked for all output checkers at once."""
    members = set(session.scalars(select(Membership.person_name).where(Membership.project_id == request.project_id)))
    checkers = session.scalars(select(Person).where(Person.role == Role.OUTPUT_CHECKER))
    return frozenset(
        each.name
        for each in checkers
        if each.name != request.author and access.why_not_reviewer(each, today, member=each.name in members) is None
    )


def _why_not_recall(session: Session, request: ReleaseRequest, person: str, today: date) -> str | None:
    if request.author == person:
        return None  # what is wrong is taken back without delay, whatever right has ended
    found = session.get(Person, person)
    if found is not None and found.role is Role.DATA_OWNER:
        return why_not_owner_of(session, request, person, today)
    return access.why_not_review(session, person, request.project_id, today)


def _saferoom_releases(_session: Session, _request: ReleaseRequest, _person: str, _today: date) -> str | None:
    return "Requests are released by Saferoom itself, once enough output checkers have approved."


def _saferoom_lapses(_session: Session, _request: ReleaseRequest, _person: str, _today: date) -> str | None:
    return "Saferoom itself ends an approval when the rules behind it change. To stop a review, return the request."


_AUTHOR = Right("the author", _why_not_author)
_AUTHOR_AT_WORK = Right("the author, while the project is open to her", _why_not_author_at_work)
_PROJECT = Right("researchers of the project", _why_not_project)
_REVIEWER = Right("output checkers outside of the project", _why_not_reviewer)

RIGHTS: dict[Action, Right] = {
    Action.EDIT: _AUTHOR_AT_WORK,
    Action.SUBMIT: _AUTHOR_AT_WORK,
    Action.WITHDRAW: _AUTHOR,  # taking back is always possible, whatever right has ended
    Action.VOTE: _REVIEWER,
    Action.RETURN: _REVIEWER,
    Action.ASK: _REVIEWER,
    Action.ANSWER: _PROJECT,
    Action.COMMENT: _REVIEWER,
    Action.RELEASE: Right("Saferoom", _saferoom_releases),
    Action.LAPSE: Right("Saferoom", _saferoom_lapses),
    Action.RECALL: Right("the author, owners of its data, and output checkers outside of the project", _why_not_recall),
}
"""Who may take an action at all."""


def table() -> str:
    """Who may take which action in which states, as the rows of a table in Markdown."""
    return "\n".join(
        f"| {action.value} | {right.who} | "
        f"{', '.join(state.value for state in RequestState if state in ACTION_STATES[action])} |"
        for action, right in RIGHTS.items()
    )


def why_not(session: Session, request: ReleaseRequest, person: str, action: Action, today: date) -> str | None:
    """Why this person cannot take this action on this request now; None if she can."""
    return RIGHTS[action].why_not(session, request, person, today) or _why_not_now(session, request, person, action)


def require(session: Session, request: ReleaseRequest, person: str, action: Action, today: date) -> None:
    """Raise the reason why not: `NotPermitted` for a missing right, `WrongState` for the wrong moment."""
    if (reason := RIGHTS[action].why_not(session, request, person, today)) is not None:
        raise NotPermitted(reason)
    if (reason := _why_not_now(session, request, person, action)) is not None:
        raise WrongState(reason)


_UNDER_REVIEW = dict.fromkeys((RequestState.SUBMITTED, RequestState.IN_REVIEW), "under review")
"""Said of both, so that no sentence tells whether somebody has voted already."""


def _why_not_now(session: Session, request: ReleaseRequest, person: str, action: Action) -> str | None:
    if request.state not in ACTION_STATES[action]:
        return (
            f"The request is {_UNDER_REVIEW.get(request.state, IN_WORDS[request.state])}, so this is not possible now."
        )
    match action:
        case Action.SUBMIT:
            return why_not_data(session, request)
        case Action.VOTE:
            return _why_no_vote_now(request, person) or why_not_data(session, request)
        case Action.ANSWER if not open_questions(request):
            return "No question is open, so there is nothing to answer."
        case _:
            return None


def _why_no_vote_now(request: ReleaseRequest, person: str) -> str | None:
    """While votes are missing each checker has one; once all are in and differ, those who voted consolidate."""
    all_in = len(votes_of_turn(request)) >= request.checkers_needed
    voted = ballots_of(request, person) > 0
    if voted and not all_in:
        return "You have voted in this turn already. Another output checker has to vote now."
    if all_in and not voted:
        return (
            f"All {request.checkers_needed} votes of this turn are in and differ, so those who voted consolidate them. "
            "You can comment, or return the request to its author."
        )
    return None


def why_not_data(session: Session, request: ReleaseRequest) -> str | None:
    """Why the data behind this request may not be used now: its project, an agreement or a version has ended (I10)."""
    data = usable(session, [request.project_id])
    if (reason := data.why_closed(find_project(session, request.project_id))) is not None:
        return reason
    for item in request.items:
        if not data.may_use(request.project_id, (item.statistic.dataset, item.statistic.version)):
            return (
                f"Statistic {item.statistic.id} stands on data that the project may no longer use: the data owner "
                f"ended the agreement on “{item.statistic.dataset}”, or withdrew its version. The author can withdraw "
                "the request, and ask the data owner."
            )
    for file in request.files:
        for dataset in file.statement["data"]:
            if not data.may_use(request.project_id, (dataset, None)):
                return (
                    f"File {file.file_id} is made from data that the project may not use: there is no agreement on "
                    f"“{dataset}” now, or its version was withdrawn. The author can withdraw the request, and ask the "
                    "data owner."
                )
    return None
