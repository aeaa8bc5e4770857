"""One release request as the API answers it: what its reader may know of it, and may decide on.

Its version is made from this answer, so nothing stands here that another checker's vote changes while the turn is
blind, nor anything that goes on beside the decision: how many have voted stands in `Progress`, what happened and who
fetched files in the request's history. What is under review says `in_review` from the submission on.
"""

from datetime import datetime

from sqlalchemy.orm import Session

from safe_outputs.answers import Answer as CheckersAnswer
from safe_outputs.answers import Finding, Verdict
from safe_outputs.reading import RequestView, request_view
from safe_outputs.return_categories import Category
from safe_outputs.transitions import ACTION_STATES, IN_WORDS, Action, Owner, RemarkKind, RequestState, Vote
from safe_outputs.web.access import reader
from safe_outputs.web.api.shapes import Answer
from safe_outputs.web.service import service, today


class StatisticAnswer(Answer):
    """One statistic: what the checker answered, the code that asked for it, and the file that would leave."""

    id: str
    position: int
    code: str
    answer: CheckersAnswer
    file_text: str
    why_not_leave: str | None


class VoteAnswer(Answer):
    """A vote that the reader may see: her own, and all once the votes of their turn are open."""

    turn: int
    checker: str
    vote: Vote
    comment: str
    at: datetime
    replaced: bool
    category: Category | None


class RemarkAnswer(Answer):
    """Something said about the request. `open`: a question that waits for an answer; `answers`: which one this does."""

    id: int
    turn: int
    kind: RemarkKind
    who: str
    text: str
    at: datetime
    open: bool
    answers: int | None
    category: Category | None


class GroupAnswer(Answer):
    """What leaves together for one audience. `statistics` and `files` are positions in the request."""

    position: int
    title: str
    context: str
    audience: str
    statistics: list[int]
    files: list[int]


class FileAnswer(Answer):
    """A file that would leave, by what its bytes are. `statement`: label and text of what its author says of it."""

    id: str
    position: int
    group: int
    name: str
    kind: str
    media_type: str
    digest: str
    size: int
    at: datetime
    statement: list[tuple[str, str]]
    findings: list[Finding]
    why_not_leave: str | None


class EvidenceAnswer(Answer):
    """A file that is shown to output checkers and never leaves. `notebook`: the notebook from which it was asked."""

    id: str
    name: str
    kind: str
    media_type: str
    digest: str
    size: int
    at: datetime
    notebook: bool
    findings: list[Finding]


class QuestionAnswer(Answer):
    """A question of the requester's checklist; `open` while it has no answer."""

    id: str
    text: str
    explain: bool
    source: str
    answer: str
    open: bool


class ContentsAnswer(Answer):
    """What a request holds beside its statistics. `no_notebook`: why no notebook is among the evidence."""

    groups: list[GroupAnswer]
    files: list[FileAnswer]
    evidence: list[EvidenceAnswer]
    no_notebook: str | None
    checklist: list[QuestionAnswer]


class ReleasedAnswer(Answer):
    """A release of the request, for one audience."""

    id: str
    audience: str


class RequestAnswer(Answer):
    """A release request. `cannot` has for each action the reason why the reader cannot take it now, or null."""

    id: str
    title: str
    purpose: str
    project: str
    project_purpose: str
    author: str
    author_name: str
    audience: str
    state: RequestState
    state_in_words: str
    turn: int
    content_hash: str | None
    verdict: Verdict
    statistics: list[StatisticAnswer]
    contents: ContentsAnswer
    findings: list[Finding]
    votes: list[VoteAnswer]
    blind: bool
    differ: bool
    checkers_needed: int
    remarks: list[RemarkAnswer]
    move: Owner
    since: datetime
    due: datetime | None
    cannot: dict[Action, str | None]
    cannot_approve: str | None
    release: str | None
    releases: list[ReleasedAnswer]


class Progress(Answer):
    """How far the review is: how many have voted, never who or how."""

    votes: int
    checkers_needed: int
    move: Owner
    since: datetime
    due: datetime | None
    overdue: bool
    questions: int


def view_for_reader(database: Session, request_id: str) -> RequestView:
    """What who calls may know of a request. Raises `NoSuchThing` and `NotPermitted`."""
    return request_view(database, service().store, request_id, reader().name, today())


def answer_of(view: RequestView) -> RequestAnswer:
    """The answer about a request that its reader sees like this."""
    line = view.line
    blind = line.state in ACTION_STATES[Action.VOTE] and not line.differ
    state = RequestState.IN_REVIEW if blind else line.state
    return RequestAnswer(
        id=line.id,
        title=line.title,
        purpose=view.purpose,
        project=line.project,
        project_purpose=view.project_purpose,
        author=line.author,
        author_name=view.author_name,
        audience=line.audience,
        state=state,
        state_in_words=IN_WORDS[state],
        turn=view.turn,
        content_hash=view.content_hash,
        verdict=line.verdict,
        statistics=[StatisticAnswer.model_validate(each) for each in view.statistics],
        contents=ContentsAnswer.model_validate(view.contents),
        findings=list(view.findings),
        votes=[VoteAnswer.model_validate(each) for each in view.votes],
        blind=blind,
        differ=line.differ,
        checkers_needed=line.checkers_needed,
        remarks=[RemarkAnswer.model_validate(each) for each in view.remarks],
        move=line.move,
        since=line.since,
        due=line.due,
        cannot=view.reasons,
        cannot_approve=view.why_not_approve,
        release=view.release_id,
        releases=[ReleasedAnswer.model_validate(each) for each in view.releases],
    )
