"""What output checkers do to a release request: vote, consolidate, return it early, recall its release (I7, I8, I9).

Every function works in the caller's transaction, so that state, votes, remarks and audit events commit together.
"""

from datetime import date

from sqlalchemy.orm import Session

from governance import audit
from governance.database import now
from governance.projects import is_member
from safe_outputs.contents.content import content_hash
from safe_outputs.conversation import remark
from safe_outputs.errors import MalformedRequest, NotPermitted, WrongState
from safe_outputs.lists.kept import keep
from safe_outputs.models import CheckerVote, ReleaseRequest
from safe_outputs.releases.leaving import why_contents_not
from safe_outputs.requests import move
from safe_outputs.return_categories import Category, required
from safe_outputs.rights import require, why_not
from safe_outputs.store import Store
from safe_outputs.transitions import Action, RemarkKind, RequestState, Vote, decided
from safe_outputs.turns import ballots_of, votes_of_turn

SAFEROOM = "saferoom"
WHAT_TO_CHANGE = "Say what has to change, so that the author can act on it."


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
    category: Category | None = None,
) -> None:
    """One checker's vote on the content whose hash she saw; decides the turn when enough have voted the same.

    While those who voted differ, each can change her vote; her earlier ones are kept. `category` is the main reason of
    a vote that does not approve; an approval has none.

    Raises:
        NotPermitted: the person may not review this request, or she approves what policy or rules no longer let out.
            She can still ask for changes, or reject.
        WrongState: it is not under review, she has voted already, or the content is not what she saw.
        MalformedRequest: a vote that does not approve gives no reason, in words and by its category.
    """
    require(session, request, checker, Action.VOTE, today)
    if seen != request.content_hash:
        raise WrongState("The request changed after you opened it. Read it again, then vote.")
    category = _reason_of(vote, comment, category)
    if vote is Vote.APPROVE and (reason := why_lapsed(session, store, request)) is not None:
        raise NotPermitted(reason)
    if request.state is RequestState.SUBMITTED:
        move(session, request, RequestState.IN_REVIEW, actor=checker, turn=request.turn)
    ballot = ballots_of(request, checker) + 1
    facts = {"turn": request.turn, "checker": checker, "ballot": ballot, "vote": vote, "content_hash": seen}
    request.votes.append(CheckerVote(**facts, comment=comment.strip(), category=category, at=now()))
    told = {"turn": request.turn, "vote": vote.value, "content": seen} | ({"ballot": ballot} if ballot > 1 else {})
    audit.record(session, checker, "request.voted", f"request:{request.id}", **told)
    keep(session, request, now())
    _decide(session, request)


def _reason_of(vote: Vote, comment: str, category: Category | None) -> Category | None:
    """The category of a vote that does not approve, and says why in words as well. Raises `MalformedRequest`."""
    if vote is Vote.APPROVE:
        return None
    _require_reason(comment, WHAT_TO_CHANGE)
    return required(category)


def _decide(session: Session, request: ReleaseRequest) -> None:
    outcome = decided([each.vote for each in votes_of_turn(request)], request.checkers_needed)
    if outcome is not None:
        request.decided_at = now()
        move(session, request, outcome, actor=SAFEROOM, turn=request.turn)


def why_not_approve(session: Session, store: Store, request: ReleaseRequest, person: str, today: date) -> str | None:
    """Why this person cannot approve this request now; None if she can."""
    return why_not(session, request, person, Action.VOTE, today) or why_lapsed(session, store, request)


def why_lapsed(session: Session, store: Store, request: ReleaseRequest) -> str | None:
    """Why no approval of what was submitted can stand: policy, rules or content are others now (I7); or None."""
    if (reason := why_contents_not(session, store, request)) is not None:
        return reason
    if request.content_hash != content_hash(session, store, request):
        return "This is not what was submitted, so nobody can approve it. Return it to its author; tell the operator."
    return None


def return_early(
    session: Session,
    request: ReleaseRequest,
    *,
    checker: str,
    reason: str,
    today: date,
    category: Category | None = None,
) -> None:
    """Hand the request back to its author before, or instead of, the votes' outcome. Opens what was said in the turn.

    Raises:
        NotPermitted, WrongState: she may not, or not now.
        MalformedRequest: no reason is given, in words and by its category.
    """
    require(session, request, checker, Action.RETURN, today)
    said = _require_reason(reason, WHAT_TO_CHANGE)
    remark(session, request, RemarkKind.RETURNED, author=checker, text=said, category=required(category))
    request.decided_at = now()
    move(session, request, RequestState.CHANGES_REQUESTED, actor=checker, turn=request.turn, early=True)


def lapse(session: Session, store: Store, request: ReleaseRequest) -> str | None:
    """End an approval whose policy, rules or people changed before the release; returns why, or None where it stands.

    Bytes that are not those that were approved are no lapse: they stay where they are, and `releasing` refuses them.
    """
    reason = _why_lapses(session, store, request) if request.state is RequestState.APPROVED else None
    if reason is None:
        return None
    said = f"The approval lapsed. {reason}"
    remark(session, request, RemarkKind.LAPSED, author=SAFEROOM, text=said)
    move(session, request, RequestState.CHANGES_REQUESTED, actor=SAFEROOM, turn=request.turn, lapsed=True)
    return said


def _why_lapses(session: Session, store: Store, request: ReleaseRequest) -> str | None:
    if any(is_member(session, each.checker, request.project_id) for each in votes_of_turn(request)):
        return "Somebody who approved it belongs to the project now, so others have to review it. Submit it again."
    return why_contents_not(session, store, request)


def recall(session: Session, request: ReleaseRequest, *, person: str, reason: str, today: date) -> None:
    """Take a release back: from the commit on its files are refused. No privacy budget comes back: what is out is out.

    Raises:
        NotPermitted, WrongState: she may not, or there is no release to take back.
        MalformedRequest: no reason is given.
    """
    require(session, request, person, Action.RECALL, today)
    said = _require_reason(reason, "Say why the release is recalled. Everybody can read it; name nobody and no value.")
    remark(session, request, RemarkKind.RECALLED, author=person, text=said)
    move(session, request, RequestState.RECALLED, actor=person)


def _require_reason(reason: str, sentence: str) -> str:
    if not reason.strip():
        raise MalformedRequest(sentence)
    return reason.strip()
