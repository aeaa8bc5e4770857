"""The researcher's side of the queue: her projects' requests, and taking one back."""

from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, Response, make_response, render_template
from flask import request as form
from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session as Database

from governance.agreements import agreements_of
from governance.database import transaction
from governance.errors import SaferoomError
from governance.projects import projects_of
from safe_outputs import conversation
from safe_outputs import requests as service_of_requests
from safe_outputs.asking import stored_answer
from safe_outputs.evidence.standing import standings
from safe_outputs.lists.desk import EVERYTHING, requests_of
from safe_outputs.models import Statistic
from safe_outputs.store import Store
from safe_outputs.web.access import access, reader
from safe_outputs.web.filters import sent, without_token
from safe_outputs.web.lists import STATES, Group, range_of, search
from safe_outputs.web.request_page import Written, done, page
from safe_outputs.web.service import service, today
from safe_outputs.web.state import state
from safe_outputs.web.unchanged import Kept, for_a_minute, pages
from safe_outputs.web.when_sent import pieces_of

blueprint = Blueprint("author", __name__)

ANSWER = "answer-"
"""What the fields of the checklist's form begin with, before the question's name."""

SIZE = 25


@dataclass(frozen=True)
class BudgetLine:
    """What was left of one budget after the newest charge that the reader's projects made to it."""

    scope: str
    left: int
    at: datetime


@blueprint.get("/requests")
@access("researcher", goes_on=True)
def requests() -> Response:
    looked_for = search()
    with state() as database:
        key = for_a_minute(pages().mark(database))
        if (kept := pages().find(key)) is not None:
            return make_response(sent(kept.pieces))
        found = requests_of(database, reader().name, today(), range_of("requests", SIZE), looked_for)
        projects = [each.id for each in projects_of(database, reader().name)]
        budgets = budgets_of(database, service().store, projects)
        stands = standings(
            database, {each.dataset for project in projects for each in agreements_of(database, project)}
        )
    group = Group("requests", "Release requests of your projects", found, "", looked_for != EVERYTHING)
    content = render_template(
        "requests.html", group=group, search=looked_for, states=STATES, budgets=budgets, standings=stands
    )
    pages().keep(key, kept := Kept(pieces_of(without_token(content))))
    return make_response(sent(kept.pieces))


def budgets_of(database: Database, store: Store, projects: list[str]) -> list[BudgetLine]:
    """The budgets that these projects have drawn on, as their newest charges left them."""
    found: dict[str, BudgetLine] = {}
    for answer, at in database.execute(_NEWEST_CHARGES, {"projects": projects}):
        charge = stored_answer(store, answer).charge
        if charge is not None:
            found |= {scope: BudgetLine(scope, left, at) for scope, left in charge.remaining.items()}
    return sorted(found.values(), key=lambda each: each.scope)


_BY_AGE = func.row_number().over(
    partition_by=(Statistic.project_id, Statistic.dataset), order_by=Statistic.finished_at.desc()
)
_PRIVATE = select(Statistic.answer, Statistic.finished_at, _BY_AGE.label("age")).where(
    Statistic.project_id.in_(bindparam("projects", expanding=True)),
    Statistic.answer.is_not(None),
    Statistic.exact.is_(False),
)
_EACH = _PRIVATE.subquery()
_NEWEST_CHARGES = select(_EACH.c.answer, _EACH.c.finished_at).where(_EACH.c.age == 1).order_by(_EACH.c.finished_at)
"""The newest private answer to each project of each dataset: whom else it was charged to follows from the two."""


@blueprint.post("/requests/<request_id>/withdraw")
@access("researcher")
def withdraw(request_id: str) -> Response:
    try:
        with transaction(service().engine) as database:
            request = service_of_requests.find_request(database, request_id)
            service_of_requests.withdraw(database, request, author=reader().name, today=today())
    except SaferoomError as error:
        return page(request_id, problem=error)
    return done(request_id, "The request is withdrawn.")


@blueprint.post("/requests/<request_id>/checklist")
@access("researcher")
def answer_checklist(request_id: str) -> Response:
    """Keep the author's answers to the checklist; with the other button, submit the request too."""
    answers = {name.removeprefix(ANSWER): said for name, said in form.form.items() if name.startswith(ANSWER) and said}
    try:
        with transaction(service().engine) as database:
            request = service_of_requests.find_request(database, request_id)
            service_of_requests.answer_checklist(
                database, request, author=reader().name, answers=answers, today=today()
            )
    except SaferoomError as error:
        return page(request_id, problem=error, written=Written("checklist"))
    return done(request_id, _submitted(request_id) if form.form.get("then") == "submit" else "Your answers are kept.")


def _submitted(request_id: str) -> str:
    """Submit the request whose answers were just kept; what came of it, in a sentence."""
    try:
        with transaction(service().engine) as database:
            request = service_of_requests.find_request(database, request_id)
            service_of_requests.submit(database, service().store, request, author=reader().name, today=today())
    except SaferoomError as error:
        return f"Your answers are kept. The request is not submitted: {error.sentence}"
    return "The request is submitted."


@blueprint.post("/requests/<request_id>/answer")
@access("researcher")
def answer(request_id: str) -> Response:
    """The project's answer to an open question."""
    question, text = _number(form.form.get("question", "")), form.form.get("text", "")
    try:
        with transaction(service().engine) as database:
            request = service_of_requests.find_request(database, request_id)
            conversation.answer(database, request, person=reader().name, question=question, text=text, today=today())
    except SaferoomError as error:
        return page(request_id, problem=error, written=Written("conversation", text=text, question=question))
    return done(request_id, "Your answer is with the output checkers.")


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 18 else 0
