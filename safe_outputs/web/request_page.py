"""The page of one release request, for its project's people and for output checkers."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for

from governance.database import reading, transaction
from governance.errors import SaferoomError
from governance.people import Role
from safe_outputs import reviewing
from safe_outputs.answers import VERDICT_ORDER, Answer, Finding
from safe_outputs.assignment.assigning import asked_for
from safe_outputs.at_a_glance import AtAGlance, at_a_glance
from safe_outputs.counts import Counts
from safe_outputs.reading import RequestView, StatisticView, request_view
from safe_outputs.requests import find_request
from safe_outputs.statistics import plan_to_json
from safe_outputs.submissions import ChangedSince
from safe_outputs.transitions import ACTION_STATES, Action
from safe_outputs.underlying import CountedCell
from safe_outputs.web import words
from safe_outputs.web.access import Reader, access, reader
from safe_outputs.web.differences import ShownSince, lay_out
from safe_outputs.web.fixed import laid_out, shown_statistic
from safe_outputs.web.forms import ConfirmForm, VoteForm
from safe_outputs.web.marks import NumberedFinding, anchors, behind, marks, numbered
from safe_outputs.web.seen import seen
from safe_outputs.web.service import service, today
from safe_outputs.web.tables import NO_NOTES, Notes, Shown, show, title

blueprint = Blueprint("request_page", __name__)

PROVENANCE = {
    "verified": "The checker computed it from the project copy; no number in it comes from the notebook.",
    "derived": "The checker computed it from a table that the researcher derived, and compared its units with it.",
    "manual": "A person made it; no rule has computed it anew.",
}


@dataclass(frozen=True)
class StatisticPart:
    """One statistic's part of the page, laid out."""

    view: StatisticView
    title: str
    population: str
    shown: Shown
    findings: tuple[Finding, ...]
    numbered: tuple[NumberedFinding, ...]
    counts: Counts | None
    counts_at: str
    shares: bool
    summary: str
    provenance: str
    plan: str
    software: str


@blueprint.get("/requests/<request_id>")
@access("signed_in")
def read(request_id: str) -> Response:
    return page(request_id)


@dataclass(frozen=True)
class Written:
    """What a person had written into a form that was refused, and where the page takes her for it."""

    at: str = "vote"
    text: str = ""
    reason: str = ""
    category: str = ""
    question: int = 0


NOTHING_WRITTEN = Written()


@blueprint.post("/requests/<request_id>/recall")
@access("signed_in")
def recall(request_id: str) -> Response:
    """Take the release of this request back. Who may is asked of the one predicate."""
    reason = request.form.get("reason", "")
    try:
        with transaction(service().engine) as database:
            found = find_request(database, request_id)
            reviewing.recall(database, found, person=reader().name, reason=reason, today=today())
    except SaferoomError as error:
        return page(request_id, problem=error, written=Written("recall", reason=reason))
    return done(request_id, "The release is recalled. Its files are refused from now on.")


def done(request_id: str, sentence: str) -> Response:
    """Say what was done, and show the request as it is now."""
    flash(sentence)
    return make_response(redirect(url_for("request_page.read", request_id=request_id), 303))


def page(
    request_id: str,
    form: VoteForm | None = None,
    problem: SaferoomError | None = None,
    written: Written = NOTHING_WRITTEN,
) -> Response:
    """The request's page; after an action that was refused, with the reason on top and what was written kept."""
    person = reader()
    with reading(service().engine) as database:
        view = request_view(database, service().store, request_id, person.name, today())
        asked = asked_for(database, find_request(database, request_id), person.name, today())
        beside = at_a_glance(
            database,
            service().store,
            find_request(database, request_id),
            [each.answer for each in view.statistics],
            person.name,
            today(),
            counts="counts" in request.args,
        )
    seen(person.name, "page", view, counts=[name for name, each in beside.counts.items() if each.cells])
    checker = person.role is Role.OUTPUT_CHECKER
    content = render_template(
        "request.html",
        view=view,
        asked=asked,
        since=beside.since,
        changes=changes(beside.since),
        here=lambda anchor: f"#{anchor}",
        left=beside.left,
        statistics=[part(each, beside) for each in view.statistics],
        shown_statistic=shown_statistic,
        form=(form or VoteForm(formdata=None)) if checker else ConfirmForm(formdata=None),
        problem=problem.sentence if problem else None,
        approve=approve_words(view),
        blind=view.line.state in ACTION_STATES[Action.VOTE] and not view.line.differ,
        kept=written,
        problem_at="#comment" if form is not None and view.reasons[Action.VOTE] is None else f"#{written.at}",
        back=_back(person),
    )
    return make_response(content, problem.status if problem else 200)


def changes(since: ChangedSince | None) -> ShownSince | None:
    """What changed, laid out; None where there is nothing to compare with."""
    return lay_out(since.difference) if since is not None and since.difference is not None else None


def part(statistic: StatisticView, beside: AtAGlance | None = None) -> StatisticPart:
    """A statistic, laid out: its findings worst first, with what stands beside it for this reader."""
    if beside is None or statistic.id not in beside.counts:
        noted, at = beside is not None, _counts_at(statistic, beside)
        return laid_out(statistic, at, noted=noted, make=lambda: _part(statistic, beside))
    return _part(statistic, beside)


def _part(statistic: StatisticView, beside: AtAGlance | None) -> StatisticPart:
    answer = statistic.answer
    findings = tuple(sorted(answer.findings, key=lambda each: -VERDICT_ORDER.index(each.verdict)))
    counts = beside.counts.get(statistic.id) if beside is not None else None
    cells = counts.cells if counts is not None else ()
    notes = NO_NOTES if beside is None else notes_of(statistic, findings, cells)
    return StatisticPart(
        view=statistic,
        title=title(answer.table.dimensions, answer.table.measures),
        population=words.population(answer.plan),
        shown=show(answer.table, notes),
        findings=findings,
        numbered=numbered(statistic.id, answer, findings),
        counts=counts,
        counts_at=_counts_at(statistic, beside),
        shares=any(each.shares for each in cells),
        summary=summary(answer),
        provenance=PROVENANCE[answer.provenance],
        plan=json.dumps(plan_to_json(answer.plan), indent=2, ensure_ascii=False),
        software=", ".join(f"{name} {version}" for name, version in sorted(answer.software.items())),
    )


def notes_of(statistic: StatisticView, findings: Sequence[Finding], cells: Sequence[CountedCell]) -> Notes:
    """What is written beside the cells: the findings about them, and how many units are behind them."""
    answer = statistic.answer
    return Notes(
        anchors=anchors(statistic.id, answer), marks=marks(statistic.id, answer, findings), behind=behind(cells)
    )


def _counts_at(statistic: StatisticView, beside: AtAGlance | None) -> str:
    """Where the counts behind a statistic can be asked for; empty where they cannot."""
    if beside is None or beside.why_not_counts is not None or statistic.answer.noise is not None:
        return ""
    return f"?counts=1#{statistic.id}"


def summary(answer: Answer) -> str:
    """How many cells, and how they are protected."""
    cells = words.count(len(answer.table.cells), "cell")
    if answer.noise is not None:
        return f"{cells}, noise in each"
    return f"{cells}, {answer.withheld} withheld" if answer.withheld else f"{cells}, none withheld"


def approve_words(view: RequestView) -> str:
    """What the button that approves does."""
    number = len(view.statistics)
    return "Approve this statistic" if number == 1 else f"Approve these {number} statistics"


def _back(person: Reader) -> dict[str, str]:
    match person.role:
        case Role.OUTPUT_CHECKER:
            return {"text": "Queue", "href": url_for("queue.desk")}
        case _:
            return {"text": "Requests", "href": url_for("author.requests")}
