"""Release requests, as their authors draft, submit and withdraw them, and the hash that votes bind to (I7, I8).

`safe_outputs.rights` says who may and when, `safe_outputs.reviewing` does what output checkers do. Every function works
in the caller's transaction, so that state, votes and audit events commit together.
"""

import hashlib
import secrets
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from datasets.release_policy import FEWEST_CHECKERS
from datasets.versions import find_version
from disclosure_control.profiles import shipped_profiles
from governance import access, audit
from governance.database import now
from safe_outputs import release_policy, submissions
from safe_outputs.answers import Answer, Verdict
from safe_outputs.asking import find_statistic, read_answer
from safe_outputs.checkers_rules import checkers_by_rule
from safe_outputs.errors import MalformedRequest, NoSuchThing, NotPermitted, WrongState
from safe_outputs.kept import keep
from safe_outputs.models import ReleaseRequest, RequestItem, Statistic
from safe_outputs.notifications import moves as notifications
from safe_outputs.rights import require
from safe_outputs.statistics import canonical
from safe_outputs.store import Store, digest_of
from safe_outputs.transitions import IN_WORDS, REQUEST_TRANSITIONS, Action, Owner, RequestState, StatisticState

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
    keep(session, request, now())


def submit(session: Session, store: Store, request: ReleaseRequest, *, author: str, today: date) -> None:
    """Hand the request to the output checkers; opens a turn and fixes the hash of its content (I7).

    Raises:
        NotPermitted: not the author, or the release policy does not permit a statistic for this audience.
        WrongState: not the author's move, or a statistic is unanswered or blocked.
    """
    require(session, request, author, Action.SUBMIT, today)
    for item in request.items:
        _require_submittable(session, store, item.statistic, request.audience)
    request.checkers_needed = checkers_needed(session, store, request)
    request.turn += 1
    request.content_hash = content_hash(session, store, request)
    request.submitted_at = now()
    submissions.keep(session, store, request)
    move(session, request, RequestState.SUBMITTED, actor=author, turn=request.turn, content=request.content_hash)


def checkers_needed(session: Session, store: Store, request: ReleaseRequest) -> int:
    """The most that a statistic's release terms or a rule for project and audience ask for; never fewer than two."""
    asked = (read_answer(store, item.statistic).checkers for item in request.items)
    return max([FEWEST_CHECKERS, checkers_by_rule(session, request.project_id, request.audience), *asked])


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
    """Why release policy and rule profile, as they are now, do not let this answer out for an audience; or None."""
    catalogue = find_version(session, answer.source.dataset, answer.source.version).catalogue
    if (reason := release_policy.why_not_leave(answer, catalogue, audience)) is not None:
        return reason
    if shipped_digest(answer.profile.name) != answer.profile.digest:
        return (
            f"The rules of the profile “{answer.profile.name}” are not those by which this statistic was checked. "
            "Ask for it again in the notebook."
        )
    return None


def shipped_digest(profile: str) -> str:
    """The hash of a rule profile's text as it is now; “none” for one that there is no longer."""
    text = shipped_profiles().get(profile)
    return "none" if text is None else digest_of(text.encode())


def withdraw(session: Session, request: ReleaseRequest, *, author: str, today: date) -> None:
    """Take the request back for good."""
    require(session, request, author, Action.WITHDRAW, today)
    request.decided_at = now()
    move(session, request, RequestState.WITHDRAWN, actor=author)


def content_hash(session: Session, store: Store, request: ReleaseRequest) -> str:
    """SHA-256 over all that a vote is about: words, audience, policy, and each statistic's plan, code and answer.

    The answer holds the hashes of the rule profile, the dataset version and the bytes that would leave. Every
    one of these contents is read from the store and compared with its hash; policy and profile are those of now.
    Raises `Tampered`.
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
                **_present_rules(session, answer),
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


def _present_rules(session: Session, answer: Answer) -> dict[str, str]:
    """The hash of the release terms as they stand now, and of the rule profile if it is another than was used.

    Answers of before there were policies have no terms. The answer's own hash covers the profile that was used.
    """
    shipped = shipped_digest(answer.profile.name)
    profile = {} if shipped == answer.profile.digest else {"profile": shipped}
    if answer.policy is None:
        return profile
    version = find_version(session, answer.source.dataset, answer.source.version)
    return {"policy": version.catalogue.release.digest, **profile}


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
