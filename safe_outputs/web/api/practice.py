"""Practice cases for output checkers. What was planted in one is told only to who has answered it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from governance.database import reading, transaction
from safe_outputs.answers import Finding, TableOfCells
from safe_outputs.practice import answering
from safe_outputs.practice.answering import Answered
from safe_outputs.practice.case import Case
from safe_outputs.practice.cases import all_cases, find_case
from safe_outputs.practice.defects import DEFECTS, Defect
from safe_outputs.practice.marking import Measured, Share
from safe_outputs.transitions import Vote
from safe_outputs.web.access import reader
from safe_outputs.web.api.shapes import Answer, Body
from safe_outputs.web.api.statement import api, endpoint
from safe_outputs.web.service import service

blueprint = api("practice")


class ShareAnswer(Answer):
    """So many of so many, and the ends of the 95 % interval; null of nothing."""

    hits: int
    of: int
    interval: tuple[float, float] | None


class DefectShare(Answer):
    defect: Defect
    found: ShareAnswer


class MeasuredAnswer(Answer):
    """How well defects are found, over first attempts."""

    cases: int
    sensitivity: ShareAnswer
    approved_with_defect: ShareAnswer
    returned_clean: ShareAnswer
    false_alarms: int
    by_defect: list[DefectShare]


class DefectAnswer(Answer):
    """A defect that a case can have."""

    defect: Defect
    label: str
    source: str


class PracticeLine(Answer):
    id: str
    title: str
    answered: bool


class PracticeDesk(Answer):
    """The cases, the defects that can be marked, and how well you find them."""

    cases: list[PracticeLine]
    defects: list[DefectAnswer]
    measured: MeasuredAnswer


class PracticeSummary(Answer):
    """How well all find defects, without a name; null while too few have practised."""

    measured: MeasuredAnswer | None


class TitledTable(Answer):
    title: str
    table: TableOfCells


class ExhibitAnswer(Answer):
    """One part of a case: a table, or a file as text; `supporting` would never be released."""

    title: str
    provenance: str
    table: TableOfCells | None
    file_name: str
    file_text: str
    findings: list[Finding]
    supporting: list[TitledTable]


class PracticeResult(Answer):
    """Your last answer, what was planted, and how you marked it."""

    attempt: int
    vote: Vote
    comment: str
    at: datetime
    told: str
    right_vote: bool
    planted: list[Finding]
    found: list[Defect]
    missed: list[Defect]
    false_alarms: list[Defect]


class PracticeCase(Answer):
    """A made-up request; `result` is null until you have answered it."""

    id: str
    title: str
    purpose: str
    project_purpose: str
    audience: str
    exhibits: list[ExhibitAnswer]
    earlier: list[TitledTable]
    result: PracticeResult | None


class PracticeJudgement(Body):
    """What you would do with a case, and what is wrong with it."""

    vote: Literal["approve", "request_changes"]
    marked: Annotated[list[Defect], Field(max_length=len(Defect), default_factory=list)]
    comment: Annotated[str, StringConstraints(max_length=answering.LONGEST)] = ""


@endpoint(blueprint, "GET", "/practice", "output_checker", "The cases to practise on.", answer=PracticeDesk)
def desk() -> PracticeDesk:
    with reading(service().engine) as database:
        first = {each.case.id: each for _, each in answering.first_attempts(database, reader().name)}
    return PracticeDesk(
        cases=[PracticeLine(id=each.id, title=each.title, answered=each.id in first) for each in all_cases()],
        defects=[DefectAnswer(defect=name, label=each.label, source=each.source) for name, each in DEFECTS.items()],
        measured=_measured(answering.measured(first.values())),
    )


@endpoint(
    blueprint, "GET", "/practice/summary", "numbers", "How well all who practised find defects.", answer=PracticeSummary
)
def summary() -> PracticeSummary:
    with reading(service().engine) as database:
        found = answering.summary(database)
    return PracticeSummary(measured=_measured(found) if found is not None else None)


@endpoint(blueprint, "GET", "/practice/<case_id>", "output_checker", "A practice case.", answer=PracticeCase)
def one(case_id: str) -> PracticeCase:
    case = find_case(case_id)
    with reading(service().engine) as database:
        return _case(case, answering.last_answer(database, reader().name, case))


@endpoint(
    blueprint,
    "POST",
    "/practice/<case_id>/answers",
    "output_checker",
    "Judge a practice case, and see what was in it.",
    body=PracticeJudgement,
    answer=PracticeCase,
)
def answer(case_id: str, body: PracticeJudgement) -> PracticeCase:
    case = find_case(case_id)
    with transaction(service().engine) as database:
        given = answering.answer(
            database, case, person=reader().name, vote=Vote(body.vote), marked=body.marked, comment=body.comment
        )
    return _case(case, given)


def _case(case: Case, last: Answered | None) -> PracticeCase:
    return PracticeCase(
        id=case.id,
        title=case.title,
        purpose=case.purpose,
        project_purpose=case.project_purpose,
        audience=str(case.audience),
        exhibits=[ExhibitAnswer.model_validate(each) for each in case.exhibits],
        earlier=[TitledTable.model_validate(each) for each in case.earlier],
        result=_result(last) if last is not None else None,
    )


def _result(given: Answered) -> PracticeResult:
    return PracticeResult(
        attempt=given.attempt,
        vote=given.vote,
        comment=given.comment,
        at=given.at,
        told=given.case.told,
        right_vote=given.result.right_vote,
        planted=[each.finding for each in given.case.planted],
        found=_in_order(given.result.found),
        missed=_in_order(given.result.missed),
        false_alarms=_in_order(given.result.false_alarms),
    )


def _in_order(defects: Iterable[Defect]) -> list[Defect]:
    return sorted(defects, key=list(Defect).index)


def _measured(found: Measured) -> MeasuredAnswer:
    return MeasuredAnswer(
        cases=found.cases,
        sensitivity=_share(found.sensitivity),
        approved_with_defect=_share(found.approved_with_defect),
        returned_clean=_share(found.returned_clean),
        false_alarms=found.false_alarms,
        by_defect=[
            DefectShare(defect=each, found=_share(found.by_defect[each])) for each in _in_order(found.by_defect)
        ],
    )


def _share(found: Share) -> ShareAnswer:
    return ShareAnswer(hits=found.hits, of=found.of, interval=found.interval)
