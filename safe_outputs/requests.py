"""Release requests: drafted and submitted by authors, voted on by output checkers (I7, I8, I9, I13).

`why_not` is the one predicate behind every button, API answer and command: who may, and is it possible now.
Every function works in the caller's transaction, so that state, votes and audit events commit together.
"""

import hashlib
import secrets
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from datasets.versions import find_version, is_available
from governance import access, audit
from governance.agreements import agreements_of
from governance.database import now
from governance.projects import find_project
from safe_outputs import release_policy
from safe_outputs.answers import Answer, Verdict
from safe_outputs.asking import find_statistic, read_answer
from safe_outputs.errors import MalformedRequest, NoSuchThing, NotPermitted, WrongState
from safe_outputs.models import CheckerVote, ReleaseRequest, RequestItem, Statistic
from safe_outputs.statistics import canonical
from safe_outputs.store import Store, digest_of
from safe_outputs.transitions import (
    ACTION_STATES,
    IN_WORDS,
    REQUEST_TRANSITIONS,
    Action,
    RequestState,
    StatisticState,
    Vote,
    decided,
)

MIN_CHECKERS = 2
MAX_STATISTICS = 30

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=5000)]
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class RequestDetails(BaseModel):
    """What an author says of her request."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: Title
    purpose: Text
    audience: Literal["pre_publication", "publication"]
    statistics: Annotated[list[str], Field(min_length=1, max_length=MAX_STATISTICS)]


def read_details(value: Any) -> RequestDetails:
    """The details in a request's body. Raises `MalformedRequest`, which says where they are wrong."""
    try:
        return RequestDetails.model_validate(value)
    except ValidationError as error:
        places = "; ".join(
            f"{'.'.join(str(part) for part in each['loc']) or 'request'}: {each['msg']}"
            for each in error.errors(include_input=False, include_url=False)[:5]
        )
        raise MalformedRequest(f"This release request cannot be kept: {places}.") from None


def find_request(session: Session, request_id: str) -> ReleaseRequest:
    """The request of that id. Raises `NoSuchThing`."""
    request = session.get(ReleaseRequest, request_id)
    if request is None:
        raise NoSuchThing(f"There is no release request “{request_id}” that you can see. Check the address.")
    return request


def why_not(session: Session, request: ReleaseRequest, person: str, action: Action, today: date) -> str | None:
    """Why this person cannot take this action on this request now; None if she can."""
    return _why_no_right(session, request, person, action, today) or _why_not_now(session, request, person, action)


def _why_no_right(session: Session, request: ReleaseRequest, person: str, action: Action, today: date) -> str | None:
    match action:
        case Action.EDIT | Action.SUBMIT | Action.WITHDRAW if request.author != person:
            return "Only the author of a request can change, submit or withdraw it."
        case Action.WITHDRAW:
            return None  # taking back is always possible, whatever right has ended
        case Action.EDIT | Action.SUBMIT:
            return access.why_not_session(session, person, request.project_id, today)
        case Action.VOTE:
            if request.author == person:
                return "You wrote this request, so other people have to review it."
            return access.why_not_review(session, person, request.project_id, today)
        case Action.RELEASE:
            return "Requests are released by Saferoom itself, once enough output checkers have approved."


def _why_not_now(session: Session, request: ReleaseRequest, person: str, action: Action) -> str | None:
    if request.state not in ACTION_STATES[action]:
        return f"The request is {IN_WORDS[request.state]}, so this is not possible now."
    if action is Action.VOTE and any(vote.checker == person for vote in votes_of_turn(request)):
        return "You have voted in this turn already. Another output checker has to vote now."
    return why_not_data(session, request) if action in {Action.SUBMIT, Action.VOTE} else None


def why_not_data(session: Session, request: ReleaseRequest) -> str | None:
    """Why the data behind this request may not be used now: its project, an agreement or a version has ended (I10)."""
    if (reason := access.why_not_open(session, find_project(session, request.project_id))) is not None:
        return reason
    usable = {agreement.dataset: agreement.version for agreement in agreements_of(session, request.project_id)}
    for item in request.items:
        dataset, version = item.statistic.plan["dataset"], item.statistic.version
        if (
            dataset not in usable
            or version not in {None, usable[dataset]}
            or not is_available(session, dataset, version)
        ):
            return (
                f"Statistic {item.statistic.id} stands on data that the project may no longer use: the data owner "
                f"ended the agreement on “{dataset}”, or withdrew its version. The author can withdraw the request, "
                "and ask the data owner."
            )
    return None


def require(session: Session, request: ReleaseRequest, person: str, action: Action, today: date) -> None:
    """Raise the reason why not: `NotPermitted` for a missing right, `WrongState` for the wrong moment."""
    if (reason := _why_no_right(session, request, person, action, today)) is not None:
        raise NotPermitted(reason)
    if (reason := _why_not_now(session, request, person, action)) is not None:
        raise WrongState(reason)


def draft(session: Session, *, author: str, project_id: str, details: RequestDetails, today: date) -> ReleaseRequest:
    """A new request in draft. Raises `NotPermitted`, and `NoSuchThing` for statistics of other projects."""
    if (reason := access.why_not_session(session, author, project_id, today)) is not None:
        raise NotPermitted(reason)
    request = ReleaseRequest(
        id=f"r-{secrets.token_hex(6)}",
        project_id=project_id,
        author=author,
        state=RequestState.DRAFT,
        turn=0,
        checkers_needed=MIN_CHECKERS,
        created_at=now(),
        title=details.title,
        purpose=details.purpose,
        audience=details.audience,
    )
    session.add(request)
    _set_items(session, request, details)
    audit.record(session, author, "request.drafted", f"request:{request.id}", project=project_id)
    return request


def edit(session: Session, request: ReleaseRequest, *, author: str, details: RequestDetails, today: date) -> None:
    """Replace what the request says and holds; possible only while it is the author's move."""
    require(session, request, author, Action.EDIT, today)
    request.title, request.purpose, request.audience = details.title, details.purpose, details.audience
    _set_items(session, request, details)
    audit.record(session, author, "request.edited", f"request:{request.id}")


def _set_items(session: Session, request: ReleaseRequest, details: RequestDetails) -> None:
    if len(set(details.statistics)) != len(details.statistics):
        raise MalformedRequest("A statistic can be in a request once only. Remove the repetition.")
    found = [find_statistic(session, each, request.project_id) for each in details.statistics]
    request.items.clear()
    session.flush()
    request.items.extend(RequestItem(position=n, statistic=each) for n, each in enumerate(found, start=1))


def submit(session: Session, store: Store, request: ReleaseRequest, *, author: str, today: date) -> None:
    """Hand the request to the output checkers; opens a turn and fixes the hash of its content (I7).

    Raises:
        NotPermitted: not the author, or the release policy does not permit a statistic for this audience.
        WrongState: not the author's move, or a statistic is unanswered or blocked.
    """
    require(session, request, author, Action.SUBMIT, today)
    for item in request.items:
        _require_submittable(session, store, item.statistic, request.audience)
    request.checkers_needed = checkers_needed(store, request)
    request.turn += 1
    request.content_hash = content_hash(session, store, request)
    request.submitted_at = now()
    move(session, request, RequestState.SUBMITTED, actor=author, turn=request.turn, content=request.content_hash)


def checkers_needed(store: Store, request: ReleaseRequest) -> int:
    """The most that any statistic's release policy asks for, and never fewer than two."""
    return max([MIN_CHECKERS, *(read_answer(store, item.statistic).checkers for item in request.items)])


def _require_submittable(session: Session, store: Store, statistic: Statistic, audience: str) -> None:
    if statistic.state is not StatisticState.ANSWERED:
        detail = (statistic.problem or {}).get("detail", "The checker has not answered it yet.")
        raise WrongState(f"Statistic {statistic.id} has no answer, so it cannot be submitted. {detail}")
    answer = read_answer(store, statistic)
    if answer.verdict is Verdict.BLOCKED:
        raise NotPermitted(f"Statistic {statistic.id} is blocked and cannot leave. Its findings say how to fix it.")
    _require_policy(session, statistic, answer, audience)


def _require_policy(session: Session, statistic: Statistic, answer: Answer, audience: str) -> None:
    """The one question of submission and approval. Raises `NotPermitted` with the policy's reason."""
    if (reason := why_policy_not(session, answer, audience)) is not None:
        raise NotPermitted(f"Statistic {statistic.id} cannot leave in this request. {reason}")


def why_policy_not(session: Session, answer: Answer, audience: str) -> str | None:
    """Why the release policy, as the register has it now, does not let this answer out for an audience; or None."""
    catalogue = find_version(session, answer.source.dataset, answer.source.version).catalogue
    return release_policy.why_not_leave(answer, catalogue, audience)


def withdraw(session: Session, request: ReleaseRequest, *, author: str, today: date) -> None:
    """Take the request back for good."""
    require(session, request, author, Action.WITHDRAW, today)
    request.decided_at = now()
    move(session, request, RequestState.WITHDRAWN, actor=author)


def vote(
    session: Session,
    store: Store,
    request: ReleaseRequest,
    *,
    checker: str,
    vote: Vote,
    comment: str,
    seen: str,
    today: date,
) -> None:
    """One checker's vote on the content whose hash she saw; decides the turn when enough have voted.

    Raises:
        NotPermitted: the person may not review this request, or she approves what the release policy no longer lets
            out. She can still ask for changes, or reject.
        WrongState: it is not under review, she has voted already, or the content is not what she saw.
        MalformedRequest: a vote that does not approve gives no reason.
    """
    require(session, request, checker, Action.VOTE, today)
    if seen != request.content_hash:
        raise WrongState("The request changed after you opened it. Read it again, then vote.")
    if vote is not Vote.APPROVE and not comment.strip():
        raise MalformedRequest("Say what has to change, so that the author can act on it.")
    if vote is Vote.APPROVE:
        for item in request.items:
            _require_policy(session, item.statistic, read_answer(store, item.statistic), request.audience)
    if request.state is RequestState.SUBMITTED:
        move(session, request, RequestState.IN_REVIEW, actor=checker, turn=request.turn)
    request.votes.append(
        CheckerVote(turn=request.turn, checker=checker, vote=vote, comment=comment.strip(), content_hash=seen, at=now())
    )
    audit.record(
        session, checker, "request.voted", f"request:{request.id}", turn=request.turn, vote=vote.value, content=seen
    )
    _decide(session, request)


def _decide(session: Session, request: ReleaseRequest) -> None:
    outcome = decided([each.vote for each in votes_of_turn(request)], request.checkers_needed)
    if outcome is not None:
        request.decided_at = now()
        move(session, request, outcome, actor="saferoom", turn=request.turn)


def votes_of_turn(request: ReleaseRequest) -> list[CheckerVote]:
    """The votes of the present turn; earlier turns never count again."""
    return [vote for vote in request.votes if vote.turn == request.turn]


def votes_are_open(request: ReleaseRequest) -> bool:
    """Votes and comments are blind until the turn has all its votes; a withdrawal does not open them."""
    return len(votes_of_turn(request)) >= request.checkers_needed


def content_hash(session: Session, store: Store, request: ReleaseRequest) -> str:
    """SHA-256 over all that a vote is about: words, audience, policy, and each statistic's plan, code and answer.

    The answer holds the hashes of the rule profile, the dataset version and the bytes that would leave. Every
    one of these contents is read from the store and compared with its hash; the policy's is of the terms that stand in
    the register now. Raises `Tampered`.
    """
    items = []
    for item in request.items:
        answer = read_answer(store, item.statistic)
        items.append(
            {
                "statistic": item.statistic.id,
                "plan": item.statistic.plan_hash,
                "code": hashlib.sha256(item.statistic.code.encode()).hexdigest(),
                "answer": item.statistic.answer,
                "file": digest_of(store.get(answer.file.digest)),
                **_present_policy(session, answer),
            }
        )
    content = {
        "request": request.id,
        "turn": request.turn,
        "project": request.project_id,
        "author": request.author,
        "title": request.title,
        "purpose": request.purpose,
        "audience": request.audience,
        "checkers_needed": request.checkers_needed,
        "items": items,
    }
    return digest_of(canonical(content))


def _present_policy(session: Session, answer: Answer) -> dict[str, str]:
    """The hash of the release terms as they stand now; none for answers of before there were policies."""
    if answer.policy is None:
        return {}
    version = find_version(session, answer.source.dataset, answer.source.version)
    return {"policy": version.catalogue.release.digest}


def count_in_states(session: Session, states: frozenset[RequestState]) -> int:
    """How many requests are in one of these states."""
    query = select(func.count()).select_from(ReleaseRequest).where(ReleaseRequest.state.in_(states))
    return session.scalar(query) or 0


def move(session: Session, request: ReleaseRequest, state: RequestState, *, actor: str, **detail: Any) -> None:
    if state not in REQUEST_TRANSITIONS[request.state]:
        raise WrongState(f"A request that is {IN_WORDS[request.state]} cannot become {state.value}.")
    request.state = state
    audit.record(session, actor, f"request.{state.value}", f"request:{request.id}", **detail)
