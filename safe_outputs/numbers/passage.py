"""A request's way through the review, from its audit events: how long it was in whose hands, and what became of it.

The audit chain is the one source: its events cannot be edited, and every change of state, question and answer is one.
Times are those of a clock on the wall, nights and weekends included, as is the checkers' clock. Pure.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from safe_outputs.transitions import RequestState


class Stage(StrEnum):
    """Where a request's time goes, from its first submission on."""

    WAITING = "waiting"
    IN_REVIEW = "in_review"
    WITH_AUTHOR = "with_author"
    TO_RELEASE = "to_release"


CHECKERS_STAGES = (Stage.WAITING, Stage.IN_REVIEW)
"""Those in which the move is the checkers': their clock."""

_STAGES = {
    RequestState.SUBMITTED: Stage.WAITING,
    RequestState.IN_REVIEW: Stage.IN_REVIEW,
    RequestState.CHANGES_REQUESTED: Stage.WITH_AUTHOR,
    RequestState.APPROVED: Stage.TO_RELEASE,
}
_DECISIONS = frozenset({RequestState.APPROVED, RequestState.REJECTED})
_ENDS_TURN = frozenset({RequestState.APPROVED, RequestState.REJECTED, RequestState.CHANGES_REQUESTED})
QUESTION, ANSWER = "question", "answer"
ACTIONS = tuple(f"request.{each}" for each in (*(state.value for state in RequestState), QUESTION, ANSWER))
"""The audit events that tell a request's way."""


@dataclass(frozen=True)
class Event:
    """One audit event of a request. `what` is the action without “request.”: a state that it came to, or a word."""

    at: datetime
    what: str
    detail: Mapping[str, Any]


@dataclass(frozen=True)
class Passage:
    """What became of one request, and how many seconds each stage took.

    Attributes:
        submitted_at: first; None while it was never submitted.
        decided_at: the approval or rejection that stands, or None.
        released_at: also of a release that was recalled since.
        stages: seconds; a stage that did not happen is missing.
        turns: how each turn that is over ended, by its number. An approval that lapsed is an approved turn.
        lapses: how many approvals lapsed.
    """

    submitted_at: datetime | None
    decided_at: datetime | None
    released_at: datetime | None
    recalled: bool
    state: RequestState
    stages: Mapping[Stage, float]
    turns: Mapping[int, RequestState]
    lapses: int

    @property
    def to_decision(self) -> float | None:
        """Seconds from the first submission to the decision that stands."""
        return _seconds(self.submitted_at, self.decided_at)

    @property
    def to_release(self) -> float | None:
        """Seconds from the first submission to the release."""
        return _seconds(self.submitted_at, self.released_at)

    @property
    def checkers(self) -> float:
        """Seconds in which the move was the checkers', over all turns."""
        return sum(self.stages.get(stage, 0) for stage in CHECKERS_STAGES)


def _seconds(first: datetime | None, last: datetime | None) -> float | None:
    return None if first is None or last is None else (last - first).total_seconds()


@dataclass
class _Walk:
    state: RequestState = RequestState.DRAFT
    since: datetime | None = None
    turn: int = 0
    submitted_at: datetime | None = None
    decided_at: datetime | None = None
    released_at: datetime | None = None
    open_questions: set[int] = field(default_factory=set)
    stages: dict[Stage, float] = field(default_factory=dict)
    turns: dict[int, RequestState] = field(default_factory=dict)
    lapses: int = 0

    def stage(self) -> Stage | None:
        asked = self.open_questions and self.state in {RequestState.SUBMITTED, RequestState.IN_REVIEW}
        return Stage.WITH_AUTHOR if asked else _STAGES.get(self.state)

    def step(self, event: Event) -> None:
        stage = self.stage()
        if stage is not None and self.since is not None:
            self.stages[stage] = self.stages.get(stage, 0) + (event.at - self.since).total_seconds()
        self.since = event.at
        match event.what:
            case "question":
                self.open_questions.add(event.detail["remark"])
            case "answer":
                self.open_questions.discard(event.detail["question"])
            case state:
                self.come_to(RequestState(state), event)

    def come_to(self, state: RequestState, event: Event) -> None:
        self.lapses += bool(event.detail.get("lapsed"))
        self.state = state
        if state is RequestState.SUBMITTED:
            self.turn, self.open_questions = self.turn + 1, set()
            self.submitted_at = self.submitted_at or event.at
        if state in _ENDS_TURN:
            self.turns.setdefault(self.turn, state)
        if state in _DECISIONS:
            self.decided_at = event.at
        elif state in {RequestState.CHANGES_REQUESTED, RequestState.WITHDRAWN}:
            self.decided_at = None
        elif state is RequestState.RELEASED:
            self.released_at = event.at


def passage(events: Iterable[Event]) -> Passage:
    """The way that these events of one request tell, oldest first."""
    walk = _Walk()
    for each in events:
        walk.step(each)
    return Passage(
        submitted_at=walk.submitted_at,
        decided_at=walk.decided_at,
        released_at=walk.released_at,
        recalled=walk.state is RequestState.RECALLED,
        state=walk.state,
        stages=walk.stages,
        turns=walk.turns,
        lapses=walk.lapses,
    )
