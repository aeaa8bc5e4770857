"""Release requests, as their authors draft, submit and withdraw them (I8).

`safe_outputs.rights` says who may and when, `safe_outputs.reviewing` does what output checkers do. Every function works
in the caller's transaction, so that state, votes and audit events commit together.
"""

import secrets
from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import Select, bindparam, exists, func, inspect, select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from datasets.release_policy import FEWEST_CHECKERS
from governance import access, audit
from governance.database import now, once
from safe_outputs.answers import Verdict, joined
from safe_outputs.asking import read_answer
from safe_outputs.assignment import assigning
from safe_outputs.assignment.clock import hours_for
from safe_outputs.contents import checklist, groups
from safe_outputs.contents.content import content_hash
from safe_outputs.contents.groups import require_apart, set_contents
from safe_outputs.contents.request_details import Notebook, RequestDetails
from safe_outputs.errors import MalformedRequest, NoSuchThing, NotPermitted, WrongState
from safe_outputs.evidence import submissions
from safe_outputs.lists.kept import keep
from safe_outputs.models import CheckerVote, ReleaseRequest, Remark, RequestEvidence, RequestFile, Statistic
from safe_outputs.notifications import moves as notifications
from safe_outputs.releases.leaving import checkers_needed, why_contents_not
from safe_outputs.rights import require
from safe_outputs.store import Store
from safe_outputs.transitions import IN_WORDS, REQUEST_TRANSITIONS, Action, Owner, RequestState, StatisticState


def find_request(session: Session, request_id: str) -> ReleaseRequest:
    """The request of that id. Raises `NoSuchThing`."""
    request = once(session, ("request", request_id), lambda: _find(session, request_id))
    if request is None:
        raise NoSuchThing(f"There is no release request “{request_id}” that you can see. Check the address.")
    return request


MOSTLY_NONE: Mapping[str, Any] = {
    "files": RequestFile,
    "evidence": RequestEvidence,
    "votes": CheckerVote,
    "remarks": Remark,
}
"""What belongs to some requests and to most does not."""

_FIND: Select[*tuple[Any, ...]] = select(
    ReleaseRequest,
    *(exists().where(kind.request_id == ReleaseRequest.id) for kind in MOSTLY_NONE.values()),
).where(ReleaseRequest.id == bindparam("request"))


def _find(session: Session, request_id: str) -> ReleaseRequest | None:
    """The request, and in the same question whether there is what belongs to it: what is not there is not asked for."""
    if (row := session.execute(_FIND, {"request": request_id}).first()) is None:
        return None
    request: ReleaseRequest = row[0]
    for name, there in zip(MOSTLY_NONE, row[1:], strict=True):
        if not there and name not in inspect(request).dict:
            set_committed_value(request, name, [])
    return request


def draft(session: Session, *, author: str, project_id: str, details: RequestDetails, today: date) -> ReleaseRequest:
    """A new request in draft. Raises `NotPermitted`, and `NoSuchThing` for statistics of other projects."""
    if (reason := access.why_not_session(session, author, project_id, today)) is not None:
        raise NotPermitted(reason)
    at = now()
    request = ReleaseRequest(
        id=f"r-{secrets.token_hex(6)}",
        project_id=project_id,
        author=author,
        state=RequestState.DRAFT,
        turn=0,
        checkers_needed=FEWEST_CHECKERS,
        created_at=at,
        move_of=Owner.AUTHOR,
        move_since=at,
        checkers_seconds=0,
        title=details.title,
        purpose=details.purpose,
        audience=joined(each.audience for each in details.groups),
    )
    session.add(request)
    _set(session, request, details)
    audit.record(session, author, "request.drafted", f"request:{request.id}", project=project_id)
    return request


def edit(session: Session, request: ReleaseRequest, *, author: str, details: RequestDetails, today: date) -> None:
    """Replace what the request says and holds; possible only while it is the author's move."""
    require(session, request, author, Action.EDIT, today)
    _set(session, request, details)
    audit.record(session, author, "request.edited", f"request:{request.id}")


def _set(session: Session, request: ReleaseRequest, details: RequestDetails) -> None:
    set_contents(session, request, details)
    request.checklist = checklist.kept_answers(details.answers, request.checklist)
    keep(session, request, now())


def answer_checklist(
    session: Session, request: ReleaseRequest, *, author: str, answers: Mapping[str, str], today: date
) -> None:
    """Keep the author's answers to questions of the checklist, beside those that she gave before.

    Raises `NotPermitted`, `WrongState`, `MalformedRequest`.
    """
    require(session, request, author, Action.EDIT, today)
    request.checklist = checklist.kept_answers(answers, request.checklist)
    audit.record(session, author, "request.checklist", f"request:{request.id}", questions=sorted(answers))


def attach_notebook(session: Session, request: ReleaseRequest, *, author: str, notebook: Notebook, today: date) -> None:
    """Show the notebook as it is now to checkers, or say why it cannot be shown.

    Raises `NotPermitted`, `WrongState`, `NoSuchThing`, `MalformedRequest`.
    """
    require(session, request, author, Action.EDIT, today)
    groups.attach_notebook(session, request, notebook.notebook, notebook.no_notebook)


def submit(session: Session, store: Store, request: ReleaseRequest, *, author: str, today: date) -> None:
    """Hand the request to the output checkers; opens a turn and fixes the hash of its content (I7).

    Raises:
        NotPermitted: not the author, a statistic is blocked, or release policy does not permit something for the
            audience of its group.
        WrongState: not the author's move, or a statistic is unanswered.
        MalformedRequest: questions of the checklist are open.
    """
    require(session, request, author, Action.SUBMIT, today)
    for item in request.items:
        _require_submittable(store, item.statistic)
    if (reason := why_contents_not(session, store, request)) is not None:
        raise NotPermitted(reason)
    if (reason := checklist.why_not_whole(holds(store, request), request.checklist)) is not None:
        raise MalformedRequest(reason)
    require_apart(session, request)
    _require_no_statistic_as_evidence(store, request)
    request.checkers_needed = checkers_needed(session, store, request)
    request.turn += 1
    request.content_hash = content_hash(session, store, request)
    request.submitted_at = now()
    request.clock_hours = hours_for(session, request.audience)
    submissions.keep(session, store, request)
    move(session, request, RequestState.SUBMITTED, actor=author, turn=request.turn, content=request.content_hash)


def _require_no_statistic_as_evidence(store: Store, request: ReleaseRequest) -> None:
    evidence = {each.file.digest: each.file_id for each in request.evidence}
    for item in request.items:
        if (digest := read_answer(store, item.statistic).file.digest) in evidence:
            raise MalformedRequest(
                f"The file {evidence[digest]} has the bytes of statistic {item.statistic.id}, which is to leave. "
                "Evidence never leaves, so take the file out: checkers see the statistic anyway."
            )


def _require_submittable(store: Store, statistic: Statistic) -> None:
    if statistic.state is not StatisticState.ANSWERED:
        detail = (statistic.problem or {}).get("detail", "The checker has not answered it yet.")
        raise WrongState(f"Statistic {statistic.id} has no answer, so it cannot be submitted. {detail}")
    if read_answer(store, statistic).verdict is Verdict.BLOCKED:
        raise NotPermitted(f"Statistic {statistic.id} is blocked and cannot leave. Its findings say how to fix it.")


def holds(store: Store, request: ReleaseRequest) -> frozenset[str]:
    """What in a request makes the checklist ask: the kinds of its files, and whether a statistic is not verified."""
    answers = (read_answer(store, each.statistic) for each in request.items if each.statistic.answer is not None)
    derived = {"derived" for each in answers if each.provenance != "verified"}
    return frozenset(derived | {str(each.statement["what"]) for each in request.files})


def withdraw(session: Session, request: ReleaseRequest, *, author: str, today: date) -> None:
    """Take the request back for good."""
    require(session, request, author, Action.WITHDRAW, today)
    request.decided_at = now()
    move(session, request, RequestState.WITHDRAWN, actor=author)


def count_in_states(session: Session, states: frozenset[RequestState]) -> int:
    """How many requests are in one of these states."""
    query = select(func.count()).select_from(ReleaseRequest).where(ReleaseRequest.state.in_(states))
    return session.scalar(query) or 0


def move(session: Session, request: ReleaseRequest, state: RequestState, *, actor: str, **detail: Any) -> None:
    """Take the request to `state`, with its audit event. Raises `WrongState` where no transition leads there."""
    if state not in REQUEST_TRANSITIONS[request.state]:
        raise WrongState(f"A request that is {IN_WORDS[request.state]} cannot become {state.value}.")
    request.state = state
    keep(session, request, now())
    audit.record(session, actor, f"request.{state.value}", f"request:{request.id}", **detail)
    notifications.moved(session, request, actor=actor, lapsed=bool(detail.get("lapsed")))
    assigning.moved(session, request)
