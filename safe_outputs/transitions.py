"""The states of a statistic and of a release request, as tables. Pages, API, checker and docs read these."""

from collections.abc import Sequence
from dataclasses import dataclass
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
    RETURN = "return"
    ASK = "ask"
    ANSWER = "answer"
    COMMENT = "comment"
    RELEASE = "release"
    LAPSE = "lapse"
    RECALL = "recall"


class RemarkKind(StrEnum):
    """What is said in the conversation about a request. A note is for output checkers alone."""

    QUESTION = "question"
    ANSWER = "answer"
    COMMENT = "comment"
    NOTE = "note"
    RETURNED = "returned"
    LAPSED = "lapsed"
    RECALLED = "recalled"


class Opens(StrEnum):
    """When a reader may see a remark that is another's."""

    AT_ONCE = "at once"
    WITH_VOTES = "with the votes"
    NEVER = "never"


@dataclass(frozen=True)
class Visibility:
    """When output checkers and the people of the project see a remark. Who made it sees it always."""

    checkers: Opens
    project: Opens


VISIBLE: dict[RemarkKind, Visibility] = {
    RemarkKind.QUESTION: Visibility(Opens.AT_ONCE, Opens.AT_ONCE),
    RemarkKind.ANSWER: Visibility(Opens.AT_ONCE, Opens.AT_ONCE),
    RemarkKind.COMMENT: Visibility(Opens.WITH_VOTES, Opens.WITH_VOTES),
    RemarkKind.NOTE: Visibility(Opens.WITH_VOTES, Opens.NEVER),
    RemarkKind.RETURNED: Visibility(Opens.AT_ONCE, Opens.AT_ONCE),
    RemarkKind.LAPSED: Visibility(Opens.AT_ONCE, Opens.AT_ONCE),
    RemarkKind.RECALLED: Visibility(Opens.AT_ONCE, Opens.AT_ONCE),
}
"""A checker's judgement (a comment, a note) is blind like her vote; what the author has to act on is not."""


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

GONE_OUT = frozenset({RequestState.RELEASED, RequestState.RECALLED})
"""The states of requests that have releases; in the same transaction they came to the one and to the others."""

_S = RequestState

MOVES: dict[Action, dict[RequestState, frozenset[RequestState]]] = {
    Action.SUBMIT: {
        _S.DRAFT: frozenset({_S.SUBMITTED}),
        _S.CHANGES_REQUESTED: frozenset({_S.SUBMITTED}),
    },
    Action.VOTE: {
        _S.SUBMITTED: frozenset({_S.IN_REVIEW}),
        _S.IN_REVIEW: frozenset({_S.APPROVED, _S.CHANGES_REQUESTED, _S.REJECTED}),
    },
    Action.RETURN: {
        _S.SUBMITTED: frozenset({_S.CHANGES_REQUESTED}),
        _S.IN_REVIEW: frozenset({_S.CHANGES_REQUESTED}),
    },
    Action.WITHDRAW: {
        _S.DRAFT: frozenset({_S.WITHDRAWN}),
        _S.SUBMITTED: frozenset({_S.WITHDRAWN}),
        _S.IN_REVIEW: frozenset({_S.WITHDRAWN}),
        _S.CHANGES_REQUESTED: frozenset({_S.WITHDRAWN}),
        _S.APPROVED: frozenset({_S.WITHDRAWN}),
    },
    Action.LAPSE: {_S.APPROVED: frozenset({_S.CHANGES_REQUESTED})},
    Action.RELEASE: {_S.APPROVED: frozenset({_S.RELEASED})},
    Action.RECALL: {_S.RELEASED: frozenset({_S.RECALLED})},
}
"""Which action can take a request from where to where. The diagram in docs/review.md is made from this table."""

_STAYS: dict[Action, frozenset[RequestState]] = {
    Action.EDIT: frozenset({_S.DRAFT, _S.CHANGES_REQUESTED}),
    Action.ASK: frozenset({_S.SUBMITTED, _S.IN_REVIEW}),
    Action.ANSWER: frozenset({_S.SUBMITTED, _S.IN_REVIEW}),
    Action.COMMENT: frozenset({_S.SUBMITTED, _S.IN_REVIEW}),
}
"""Actions that leave the state as it is."""

ACTION_STATES: dict[Action, frozenset[RequestState]] = {
    action: _STAYS[action] if action in _STAYS else frozenset(MOVES[action]) for action in Action
}
"""In which states an action is possible at all; who may take it is in `safe_outputs.rights`."""

REQUEST_TRANSITIONS: dict[RequestState, frozenset[RequestState]] = {
    state: frozenset().union(*(moves.get(state, frozenset()) for moves in MOVES.values())) for state in RequestState
}

CLOCK_HOURS: dict[str, int] = {"pre_publication": 72, "publication": 120}
"""How long output checkers may take for a request of an audience, in hours in which the move is theirs.

Of several audiences the shortest counts.
"""

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


OUTCOMES: dict[Vote, RequestState] = {
    Vote.APPROVE: RequestState.APPROVED,
    Vote.REQUEST_CHANGES: RequestState.CHANGES_REQUESTED,
    Vote.REJECT: RequestState.REJECTED,
}


def decided(votes: Sequence[Vote], needed: int) -> RequestState | None:
    """What the votes of one turn come to, once `needed` distinct checkers have voted and all say the same.

    None before that: while votes are missing, and while those who voted differ and still consolidate.
    """
    if needed < 1:
        raise ValueError("a request needs at least one checker")
    if len(votes) < needed or len(set(votes)) > 1:
        return None
    return OUTCOMES[votes[0]]


def diagram() -> str:
    """The states of a release request and the actions between them, as a Mermaid state diagram."""
    labels: dict[tuple[RequestState, RequestState], list[str]] = {}
    for action, moves in MOVES.items():
        for before, afters in moves.items():
            for after in sorted(afters):
                labels.setdefault((before, after), []).append(action.value)
    ways = [f"    {before} --> {after}: {', '.join(actions)}" for (before, after), actions in labels.items()]
    ends = [f"    {state} --> [*]" for state in RequestState if not REQUEST_TRANSITIONS[state]]
    return "\n".join(["stateDiagram-v2", f"    [*] --> {RequestState.DRAFT}", *ways, *ends])
