"""What a session sends and is answered, for the description: its views are in `safe_outputs.web.session_api`."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, JsonValue, StringConstraints

from governance.errors import SaferoomError
from safe_outputs.answers import Answer as CheckersAnswer
from safe_outputs.answers import Finding, Verdict
from safe_outputs.asking import MAX_CODE_CHARACTERS
from safe_outputs.contents.checklist import LONGEST_ANSWER, MOST_ANSWERS
from safe_outputs.conversation import LONGEST
from safe_outputs.errors import NoSuchThing, NotPermitted, WrongState
from safe_outputs.models import FileRole
from safe_outputs.statistics import Plan
from safe_outputs.transitions import Owner, RemarkKind, RequestState, StatisticState, Vote
from safe_outputs.web.api.request_answer import QuestionAnswer
from safe_outputs.web.api.shapes import Answer, Body
from safe_outputs.web.bodies import MalformedBody

REFUSES: tuple[type[SaferoomError], ...] = (NotPermitted, NoSuchThing, WrongState, MalformedBody)


class StatisticWanted(Body):
    """A statistic to compute, and the code that asks for it: a claim, kept as evidence."""

    plan: Plan
    code: Annotated[str, StringConstraints(max_length=MAX_CODE_CHARACTERS)]


class SessionAnswerToQuestion(Body):
    question: Annotated[int, Field(ge=0, lt=2**31)]
    text: Annotated[str, StringConstraints(max_length=LONGEST)]


class SessionProject(Answer):
    id: str
    name: str


class SessionNow(Answer):
    """Who works here, for which project, with which data."""

    person: str
    full_name: str
    project: SessionProject
    training_days: int
    datasets: list[dict[str, JsonValue]]
    notices: list[str]


class StatisticAsked(Answer):
    """A statistic that was asked for, and where its answer will be."""

    id: str
    state: StatisticState
    url: str


class StatisticFound(StatisticAsked):
    """A statistic with its answer, or with the problem for which there is none."""

    answer: CheckersAnswer | None
    problem: dict[str, JsonValue] | None


class SessionFile(Answer):
    """A file as its session sees it: what it is by its bytes, and what was found in them."""

    id: str
    name: str
    kind: str
    media_type: str
    digest: str
    size: int
    findings: list[Finding]
    facts: dict[str, JsonValue]
    role: FileRole


class SessionOutput(SessionFile):
    """A file that would leave, and what its author says of it."""

    statement: dict[str, JsonValue]


class SessionEvidence(SessionFile):
    notebook: bool


class SessionGroup(Answer):
    """What leaves together for one audience: statistics and files, by id."""

    title: str
    context: str
    audience: str
    statistics: list[str]
    files: list[str]


class SessionChecklist(Body):
    """Answers to the requester's checklist, by question."""

    answers: Annotated[
        dict[str, Annotated[str, StringConstraints(max_length=LONGEST_ANSWER)]], Field(max_length=MOST_ANSWERS)
    ]


class SessionReleased(Answer):
    id: str
    audience: str


class SessionComment(Answer):
    turn: int
    vote: Vote
    comment: str
    at: datetime


class SessionRemark(Answer):
    id: int
    turn: int
    kind: RemarkKind
    who: str
    text: str
    at: datetime
    answers: int | None
    open: bool


class SessionRequest(Answer):
    """A release request as its project may see it. `cannot`: why the caller cannot take each step now, or null."""

    id: str
    title: str
    purpose: str
    audience: str
    state: RequestState
    state_in_words: str
    verdict: Verdict
    turn: int
    statistics: list[str]
    groups: list[SessionGroup]
    files: list[SessionOutput]
    evidence: list[SessionEvidence]
    no_notebook: str | None
    checklist: list[QuestionAnswer]
    votes: int
    checkers_needed: int
    comments: list[SessionComment]
    move: Owner
    move_since: datetime
    due: datetime | None
    overdue: bool
    conversation: list[SessionRemark]
    cannot: dict[str, str | None]
    release: str | None
    releases: list[SessionReleased]
    url: str


def facts(answer: type[Answer] = SessionRequest, **more: Any) -> dict[str, Any]:
    """What the description says of a session's call."""
    return {"answer": answer, "refuses": REFUSES} | more
