"""The states of a statistic and of a release request, as tables. Pages, API, checker and docs read these."""

from enum import StrEnum


class StatisticState(StrEnum):
    ASKED = "asked"
    COMPUTING = "computing"
    ANSWERED = "answered"
    REFUSED = "refused"


STATISTIC_TRANSITIONS: dict[StatisticState, frozenset[StatisticState]] = {
    StatisticState.ASKED: frozenset({StatisticState.COMPUTING}),
    # back to asked: the checker that computed it died; it is taken up again (I3)
    StatisticState.COMPUTING: frozenset({StatisticState.ANSWERED, StatisticState.REFUSED, StatisticState.ASKED}),
    StatisticState.ANSWERED: frozenset(),
    StatisticState.REFUSED: frozenset(),
}


class RequestState(StrEnum):
    DRAFT = "draft"
    SUBMITTED = "submitted"
    IN_REVIEW = "in_review"
    CHANGES_REQUESTED = "changes_requested"
    APPROVED = "approved"
    RELEASED = "released"
    RECALLED = "recalled"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class Owner(StrEnum):
    """Whose move it is."""

    AUTHOR = "author"
    CHECKERS = "checkers"
    SYSTEM = "system"
    NOBODY = "nobody"


class Vote(StrEnum):
    APPROVE = "approve"
    REQUEST_CHANGES = "request_changes"
    REJECT = "reject"


class Action(StrEnum):
    EDIT = "edit"
    SUBMIT = "submit"
    WITHDRAW = "withdraw"
    VOTE = "vote"
    RELEASE = "release"


OWNERS: dict[RequestState, Owner] = {
    RequestState.DRAFT: Owner.AUTHOR,
    RequestState.SUBMITTED: Owner.CHECKERS,
    RequestState.IN_REVIEW: Owner.CHECKERS,
    RequestState.CHANGES_REQUESTED: Owner.AUTHOR,
    RequestState.APPROVED: Owner.SYSTEM,
    RequestState.RELEASED: Owner.NOBODY,
    RequestState.RECALLED: Owner.NOBODY,
    RequestState.REJECTED: Owner.NOBODY,
    RequestState.WITHDRAWN: Owner.NOBODY,
}

REQUEST_TRANSITIONS: dict[RequestState, frozenset[RequestState]] = {
    RequestState.DRAFT: frozenset({RequestState.SUBMITTED, RequestState.WITHDRAWN}),
    RequestState.SUBMITTED: frozenset({RequestState.IN_REVIEW, RequestState.WITHDRAWN}),
    RequestState.IN_REVIEW: frozenset(
        {
            RequestState.APPROVED,
            RequestState.CHANGES_REQUESTED,
            RequestState.REJECTED,
            RequestState.WITHDRAWN,
        }
    ),
    RequestState.CHANGES_REQUESTED: frozenset({RequestState.SUBMITTED, RequestState.WITHDRAWN}),
    RequestState.APPROVED: frozenset({RequestState.RELEASED, RequestState.WITHDRAWN}),
    RequestState.RELEASED: frozenset({RequestState.RECALLED}),
    RequestState.RECALLED: frozenset(),
    RequestState.REJECTED: frozenset(),
    RequestState.WITHDRAWN: frozenset(),
}

ACTION_STATES: dict[Action, frozenset[RequestState]] = {
    Action.EDIT: frozenset({RequestState.DRAFT, RequestState.CHANGES_REQUESTED}),
    Action.SUBMIT: frozenset({RequestState.DRAFT, RequestState.CHANGES_REQUESTED}),
    Action.WITHDRAW: frozenset(
        {
            RequestState.DRAFT,
            RequestState.SUBMITTED,
            RequestState.IN_REVIEW,
            RequestState.CHANGES_REQUESTED,
            RequestState.APPROVED,
        }
    ),
    Action.VOTE: frozenset({RequestState.SUBMITTED, RequestState.IN_REVIEW}),
    Action.RELEASE: frozenset({RequestState.APPROVED}),
}
"""In which states an action is possible at all; who may take it is asked of `governance.access`."""

IN_WORDS: dict[RequestState, str] = {
    RequestState.DRAFT: "a draft",
    RequestState.SUBMITTED: "waiting for review",
    RequestState.IN_REVIEW: "in review",
    RequestState.CHANGES_REQUESTED: "back with its author for changes",
    RequestState.APPROVED: "approved and about to be released",
    RequestState.RELEASED: "released",
    RequestState.RECALLED: "recalled",
    RequestState.REJECTED: "rejected",
    RequestState.WITHDRAWN: "withdrawn",
}


def decided(votes: list[Vote], needed: int) -> RequestState | None:
    """What the votes of one turn come to, once `needed` distinct checkers have voted; None before that.

    Every vote must approve for an approval; one rejection rejects; otherwise the author is asked for changes.
    """
    if needed < 1:
        raise ValueError("a request needs at least one checker")
    if len(votes) < needed:
        return None
    if all(vote is Vote.APPROVE for vote in votes):
        return RequestState.APPROVED
    if any(vote is Vote.REJECT for vote in votes):
        return RequestState.REJECTED
    return RequestState.CHANGES_REQUESTED
