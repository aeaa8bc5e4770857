"""The researchers' environment as its lock has it, and what they ask to have in it. Nothing is installed here."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for
from flask_wtf import FlaskForm
from govuk_frontend_wtf.wtforms_widgets import GovTextArea, GovTextInput
from sqlalchemy.orm import Session as Database
from wtforms.fields import StringField, TextAreaField

from governance import packages as registered
from governance.database import reading, transaction
from governance.errors import Invalid, SaferoomError, Unavailable
from governance.packages import IN_WORDS, Action, Locked, PackageRequest, PackageState
from governance.people import Role, find_person
from safe_outputs.web.access import access, reader
from safe_outputs.web.forms import ConfirmForm
from safe_outputs.web.service import service, today

blueprint = Blueprint("packages", __name__)


class AskForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF has no types
    """A package that a researcher asks for."""

    package = StringField("Package", description="As the package index names it.", widget=GovTextInput())
    versions = StringField("Versions", description="A range, like >=1.7,<2", widget=GovTextInput())
    purpose = TextAreaField("What you need it for", widget=GovTextArea())


@dataclass(frozen=True)
class Line:
    """One request for one reader; `reasons` says for each step why she cannot take it, or None."""

    request: PackageRequest
    author: str
    move: str
    reasons: Mapping[str, str | None]


@blueprint.get("/packages")
@access("signed_in")
def packages() -> Response:
    return _page()


@blueprint.post("/packages")
@access("researcher")
def ask() -> Response:
    form = AskForm()
    try:
        with transaction(service().engine) as database:
            registered.ask(
                database,
                author=reader().name,
                package=form.package.data or "",
                versions=form.versions.data or "",
                purpose=form.purpose.data or "",
                today=today(),
            )
    except SaferoomError as error:
        return _page(form, error)
    flash("Your request is with the operator.")
    return make_response(redirect(url_for("packages.packages"), 303))


@blueprint.post("/packages/<package_request_id>/<action>")
@access("operator")
def decide(package_request_id: str, action: str) -> Response:
    """The operator's step: accept, decline, or mark as installed, which the lock has to show."""
    try:
        with transaction(service().engine) as database:
            found = registered.find_request(database, package_request_id)
            registered.decide(
                database,
                found,
                _action(action),
                operator=reader().name,
                reason=request.form.get("comment", ""),
                lock=read_lock(),
                today=today(),
            )
    except SaferoomError as error:
        return _page(problem=error)
    flash(f"{found.package} is {IN_WORDS[found.state]}.")
    return make_response(redirect(url_for("packages.packages"), 303))


def _action(word: str) -> Action:
    if word not in list(Action):
        raise Invalid("There is no such step. Press one of the page's buttons.")
    return Action(word)


def read_lock() -> Mapping[str, Locked]:
    """The lock of the researchers' environment. Raises `Unavailable` (it cannot be read) and `Invalid` (it is none)."""
    try:
        text = service().settings.session_lock.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise Unavailable(
            "The lock of the researchers' environment cannot be read, so nobody knows what is in it. "
            "Tell the operator; the setting is session_lock."
        ) from None
    return registered.read_lock(text)


def _page(form: AskForm | None = None, problem: SaferoomError | None = None) -> Response:
    lock, lock_problem = _lock_or_why_not()
    with reading(service().engine) as database:
        lines = [_line(database, each, lock) for each in registered.all_requests(database)]
        why_not = registered.why_not_ask(database, reader().name, today())
    page = render_template(
        "packages.html",
        form=form or AskForm(formdata=None),
        confirm=ConfirmForm(formdata=None),
        lines=lines,
        lock=sorted(lock.values(), key=lambda each: registered.normal(each.name)),
        lock_problem=lock_problem,
        why_not=why_not,
        researcher=reader().role is Role.RESEARCHER,
        operator=reader().role is Role.OPERATOR,
        problem=problem.sentence if problem else None,
        written=request.form.get("comment", "") if problem else "",
    )
    return make_response(page, problem.status if problem else 200)


def _lock_or_why_not() -> tuple[Mapping[str, Locked], str | None]:
    try:
        return read_lock(), None
    except SaferoomError as error:
        return {}, error.sentence


def _line(database: Database, found: PackageRequest, lock: Mapping[str, Locked]) -> Line:
    operator = reader().role is Role.OPERATOR
    waits = found.state in {PackageState.ASKED, PackageState.ACCEPTED}
    owner = "Yours" if operator else "The operator’s"
    return Line(
        request=found,
        author=find_person(database, found.author).full_name,
        move=f"{owner}: it is {IN_WORDS[found.state]}" if waits else IN_WORDS[found.state].capitalize(),
        reasons={
            each.value: registered.why_not(database, found, reader().name, each, lock, today()) for each in Action
        },
    )
