"""Practice for output checkers: made-up requests with known defects, what was in them, and how well they are found."""

from dataclasses import dataclass

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for

from governance.database import reading, transaction
from governance.errors import SaferoomError
from safe_outputs.answers import AUDIENCES, VERDICT_ORDER, Finding
from safe_outputs.errors import MalformedRequest
from safe_outputs.practice import answering
from safe_outputs.practice.answering import Answered
from safe_outputs.practice.case import Case, Exhibit
from safe_outputs.practice.cases import all_cases, find_case
from safe_outputs.practice.defects import DEFECTS, Defect
from safe_outputs.practice.marking import FEWEST_PERSONS, Share
from safe_outputs.transitions import Vote
from safe_outputs.web.access import access, reader
from safe_outputs.web.forms import ConfirmForm
from safe_outputs.web.service import service
from safe_outputs.web.statistic_part import PROVENANCE
from safe_outputs.web.tables import Shown, show

blueprint = Blueprint("practice", __name__)


@dataclass(frozen=True)
class Part:
    """One exhibit, laid out."""

    exhibit: Exhibit
    shown: Shown | None
    supporting: tuple[tuple[str, Shown], ...]
    findings: tuple[Finding, ...]
    provenance: str


@dataclass(frozen=True)
class Given:
    """What was sent with an answer that was refused, so that it is not lost."""

    marked: frozenset[str] = frozenset()
    comment: str = ""


@blueprint.get("/practice")
@access("output_checker")
def desk() -> Response:
    """The cases, which of them she has answered, and how well she finds defects."""
    with reading(service().engine) as database:
        first = {each.case.id: each for _, each in answering.first_attempts(database, reader().name)}
    found = answering.measured(first.values())
    return make_response(render_template("practice.html", cases=all_cases(), first=first, found=found, **_words()))


@blueprint.get("/practice/<case_id>")
@access("output_checker")
def read(case_id: str) -> Response:
    return _page(find_case(case_id))


@blueprint.post("/practice/<case_id>")
@access("output_checker")
def answer(case_id: str) -> Response:
    """Keep the answer, and show what was in the case. A refused answer shows the case again, with what was marked."""
    case, given = find_case(case_id), Given(frozenset(request.form.getlist("defect")), request.form.get("comment", ""))
    try:
        _answer(case, request.form.get("vote", ""), given)
    except SaferoomError as error:
        return _page(case, given, error)
    return make_response(redirect(url_for("practice.read", case_id=case.id) + "#result", 303))


def _answer(case: Case, vote: str, given: Given) -> None:
    try:
        chosen, marked = Vote(vote), [Defect(each) for each in given.marked]
    except ValueError:
        raise MalformedRequest("Press one of the two buttons, and mark defects from the list.") from None
    with transaction(service().engine) as database:
        answering.answer(database, case, person=reader().name, vote=chosen, marked=marked, comment=given.comment)


def _page(case: Case, given: Given | None = None, problem: SaferoomError | None = None) -> Response:
    with reading(service().engine) as database:
        last = answering.last_answer(database, reader().name, case)
    content = render_template(
        "practice_case.html",
        case=case,
        parts=[part(each) for each in case.exhibits],
        earlier=[(each.title, show(each.table)) for each in case.earlier],
        audience=AUDIENCES[case.audience],
        last=last,
        given=given or Given(),
        problem=problem.sentence if problem else None,
        form=ConfirmForm(formdata=None),
        **_words(),
    )
    return make_response(content, problem.status if problem else 200)


def part(exhibit: Exhibit) -> Part:
    """An exhibit as its page shows it: findings worst first."""
    return Part(
        exhibit=exhibit,
        shown=None if exhibit.table is None else show(exhibit.table),
        supporting=tuple((each.title, show(each.table)) for each in exhibit.supporting),
        findings=tuple(sorted(exhibit.findings, key=lambda each: -VERDICT_ORDER.index(each.verdict))),
        provenance=PROVENANCE[exhibit.provenance],
    )


@blueprint.get("/practice/summary")
@access("numbers")
def summary() -> Response:
    """How well all who practised find defects, without a name."""
    with reading(service().engine) as database:
        found = answering.summary(database)
    return make_response(render_template("practice_summary.html", found=found, fewest=FEWEST_PERSONS, **_words()))


def _words() -> dict[str, object]:
    return {"defects": DEFECTS, "in_words": in_words, "result_in_words": result_in_words}


def in_words(share: Share) -> str:
    """“9 of 12 (75 %, between 47 % and 91 %)”."""
    interval = share.interval
    if interval is None:
        return "none yet"
    low, high = (f"{100 * end:.0f} %" for end in interval)
    return f"{share.hits} of {share.of} ({100 * share.hits / share.of:.0f} %; 95 % interval {low} to {high})"


def result_in_words(given: Answered) -> str:
    """What came of an answer, in one sentence."""
    planted, alarms = len(given.case.planted), len(given.result.false_alarms)
    if not planted:
        right = (
            "Rightly approved: nothing was wrong with it" if given.result.right_vote else "Nothing was wrong with it"
        )
    else:
        right = f"{len(given.result.found)} of {planted} found"
    return f"{right}, {alarms} marked where nothing was." if alarms else f"{right}."
