"""Bringing something in: the researcher's form and list, the data steward's desk, and one request's page."""

from dataclasses import dataclass

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for
from flask_wtf import FlaskForm
from govuk_frontend_wtf.wtforms_widgets import GovSelect, GovTextArea
from sqlalchemy.orm import Session as Database
from wtforms.fields import HiddenField, SelectField, StringField, TextAreaField

from datasets.ingress import delivery, requests
from datasets.ingress.errors import NotTaken, UnknownIngress
from datasets.ingress.limits import LIMITS, TAKEN
from datasets.ingress.models import IngressFile, IngressRequest
from datasets.ingress.scan import File
from datasets.ingress.states import OWNERS, Action, IngressState, Mover
from governance.database import reading, transaction
from governance.errors import SaferoomError
from governance.people import Role
from governance.projects import projects_of
from safe_outputs.web.access import access, reader
from safe_outputs.web.forms import ConfirmForm
from safe_outputs.web.ingress_view import PAGE_LINES, Line, file_view, line_of, view_of
from safe_outputs.web.seen import seen_incoming
from safe_outputs.web.service import service, today

blueprint = Blueprint("ingress", __name__)

NEWEST_DONE = 20
SEEN_AT = "/home/researcher/incoming"
"""Where a session sees what was delivered into its project."""


class AskForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF has no types
    """What a researcher wants to bring in; the files are read beside it."""

    project = SelectField("Project", widget=GovSelect(), validate_choice=False)
    purpose = TextAreaField(
        "What it is, where it comes from, and what for",
        description="A data steward reads this before the files. Do not put anything about people here.",
        widget=GovTextArea(),
    )


class DecisionForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF has no types
    """A steward's decision on the content whose hash she was shown. The button that she presses is the decision."""

    decision = StringField()
    content_hash = HiddenField()
    comment = TextAreaField(
        "Why",
        description="The researcher reads it. Say what you looked at, or what has to change.",
        widget=GovTextArea(),
    )


@dataclass(frozen=True)
class Group:
    """One part of the desk. `lines` may be fewer than `total`, and the page says so."""

    anchor: str
    heading: str
    lines: tuple[Line, ...]
    total: int
    empty: str


# ---------------------------------------------------------------------------------------------- the researcher


@blueprint.get("/incoming")
@access("researcher")
def mine() -> Response:
    return _mine()


@blueprint.post("/incoming")
@access("researcher")
def ask() -> Response:
    """Ask to bring files in. Refused ones are named, and what was written is kept."""
    form = AskForm()
    try:
        request_id = requests.bring_in(
            service().engine,
            service().store,
            author=reader().name,
            project=form.project.data or "",
            purpose=form.purpose.data or "",
            files=[File(each.filename or "", each.read()) for each in request.files.getlist("files") if each.filename],
            today=today(),
        )
    except SaferoomError as error:
        return _mine(form, error)
    flash("Your request is with the data stewards, unless its page says otherwise.")
    return make_response(redirect(url_for("ingress.read", ingress_id=request_id), 303))


def _mine(form: AskForm | None = None, problem: SaferoomError | None = None) -> Response:
    form = form or AskForm(formdata=None)
    with reading(service().engine) as database:
        projects = projects_of(database, reader().name)
        reasons = {each.id: requests.why_not_ask(database, reader().name, each.id, today()) for each in projects}
        lines = _lines(database, requests.requests_of(database, [each.id for each in projects]))
    form.project.choices = [(each.id, each.name) for each in projects if reasons[each.id] is None]
    page = render_template(
        "ingress_mine.html",
        form=form,
        lines=lines,
        why_not=[reason for reason in reasons.values() if reason],
        limits=LIMITS,
        taken=TAKEN,
        problems=[str(each) for each in problem.args] if problem else [],
    )
    return make_response(page, problem.status if problem else 200)


@blueprint.post("/incoming/<ingress_id>/withdraw")
@access("researcher")
def withdraw(ingress_id: str) -> Response:
    try:
        with transaction(service().engine) as database:
            requests.withdraw(database, _found(database, ingress_id), author=reader().name, today=today())
    except SaferoomError as error:
        return _page(ingress_id, problem=error)
    flash("The request is withdrawn.")
    return make_response(redirect(url_for("ingress.read", ingress_id=ingress_id), 303))


# ---------------------------------------------------------------------------------------------- the steward


@blueprint.get("/incoming/queue")
@access("data_steward")
def desk() -> Response:
    with reading(service().engine) as database:
        groups = (
            _group(
                database,
                "waiting",
                "Waiting for a data steward",
                {IngressState.SCANNED},
                "Nothing waits. What researchers want to bring in comes here once it is scanned.",
            ),
            _group(
                database,
                "saferoom",
                "Waiting for Saferoom",
                {state for state, owner in OWNERS.items() if owner is Mover.SYSTEM},
                "Nothing waits for Saferoom. What it could not scan or deliver stands here, and can be tried again.",
            ),
            _group(
                database,
                "done",
                "Done",
                {state for state, owner in OWNERS.items() if owner is Mover.NOBODY},
                "Nothing was decided yet.",
            ),
        )
    return make_response(render_template("ingress_queue.html", groups=groups))


def _group(database: Database, anchor: str, heading: str, states: set[IngressState], empty: str) -> Group:
    """What waits, longest first; what is done, newest first and the newest only, unless all is asked for."""
    found = requests.requests_in(database, frozenset(states))
    shown = found[::-1][: None if "done" in request.args else NEWEST_DONE] if anchor == "done" else found
    return Group(anchor, heading, _lines(database, shown), len(found), empty)


@blueprint.post("/incoming/<ingress_id>/decide")
@access("data_steward")
def decide(ingress_id: str) -> Response:
    """Accept or decline. What was accepted is delivered at once; if that fails, the page says so."""
    form = DecisionForm()
    try:
        decision = _decide(ingress_id, form)
    except SaferoomError as error:
        return _page(ingress_id, form, error)
    if decision == Action.DECLINE:
        flash("The request is declined.")
        return make_response(redirect(url_for("ingress.read", ingress_id=ingress_id), 303))
    return _resumed(ingress_id, "The files are delivered.")


def _decide(ingress_id: str, form: DecisionForm) -> str:
    decision, reason = form.decision.data or "", form.comment.data or ""
    with transaction(service().engine) as database:
        found = _found(database, ingress_id)
        if decision == Action.ACCEPT:
            seen = form.content_hash.data or ""
            store, name = service().store, reader().name
            requests.accept(database, store, found, steward=name, seen=seen, reason=reason, today=today())
        elif decision == Action.DECLINE:
            requests.decline(database, found, steward=reader().name, reason=reason, today=today())
        else:
            raise NotTaken("Press one of the two buttons, to accept or to decline.")
    return decision


@blueprint.post("/incoming/<ingress_id>/resume")
@access("data_steward")
def resume(ingress_id: str) -> Response:
    """Let Saferoom try again what it has to do itself."""
    with reading(service().engine) as database:
        _found(database, ingress_id)
    return _resumed(ingress_id, "Saferoom has gone on with it.")


def _resumed(ingress_id: str, done: str) -> Response:
    try:
        delivery.resume(service().engine, service().store, service().settings.incoming, ingress_id)
    except SaferoomError as error:
        return _page(ingress_id, problem=error)
    flash(done)
    return make_response(redirect(url_for("ingress.read", ingress_id=ingress_id), 303))


# ---------------------------------------------------------------------------------------------- one request


@blueprint.get("/incoming/<ingress_id>")
@access("signed_in")
def read(ingress_id: str) -> Response:
    return _page(ingress_id)


@blueprint.get("/incoming/<ingress_id>/files/<int:position>")
@access("signed_in")
def file(ingress_id: str, position: int) -> Response:
    """One file as text, some lines at a time."""
    with reading(service().engine) as database:
        found = database.get(IngressFile, (_found(database, ingress_id).id, position))
        if found is None:
            raise UnknownIngress("This request has no such file. Its page lists those that it has.")
        shown = file_view(service().store, found, request.args.get("from", 1, type=int), PAGE_LINES, None)
    seen_incoming(ingress_id, reader().name, position)
    return make_response(render_template("ingress_file.html", file=shown, ingress_id=ingress_id, step=PAGE_LINES))


def _page(ingress_id: str, form: DecisionForm | None = None, problem: SaferoomError | None = None) -> Response:
    """The request's page; after a step that was refused, with the reason on top and what was written kept."""
    with reading(service().engine) as database:
        view = view_of(database, service().store, _found(database, ingress_id), reader(), today())
    seen_incoming(ingress_id, reader().name)
    page = render_template(
        "ingress.html",
        view=view,
        form=form or DecisionForm(formdata=None),
        confirm=ConfirmForm(formdata=None),
        seen_at=f"{SEEN_AT}/{ingress_id}",
        problem=problem.sentence if problem else None,
        back=url_for("ingress.desk" if reader().role is Role.DATA_STEWARD else "ingress.mine"),
    )
    return make_response(page, problem.status if problem else 200)


def _found(database: Database, ingress_id: str) -> IngressRequest:
    return requests.find_ingress(database, ingress_id, reader().name, today())


def _lines(database: Database, found: list[IngressRequest]) -> tuple[Line, ...]:
    return tuple(line_of(database, each, reader(), today()) for each in found)
