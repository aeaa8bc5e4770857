"""What a person sets for herself, on one page of small forms."""

from dataclasses import dataclass
from itertools import groupby

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for

from governance import preferences
from governance.database import now, reading, transaction
from governance.errors import SaferoomError
from governance.people import Role
from governance.zones import UTC_NAME, zones
from safe_outputs.assignment.assigning import away_until
from safe_outputs.notifications import telling
from safe_outputs.notifications.kinds import KINDS, Choice, Kind
from safe_outputs.web.access import access, reader
from safe_outputs.web.forms import ConfirmForm
from safe_outputs.web.service import service, today

blueprint = Blueprint("preferences", __name__)


CHOICES = {Choice.NOW: "at once", Choice.DAILY: "in one message a day", Choice.OFF: "no e-mail"}


@dataclass(frozen=True)
class Area:
    """The zones of one area of the world; the first has no name and holds UTC."""

    name: str
    zones: tuple[str, ...]


def areas() -> tuple[Area, ...]:
    """All zones that can be chosen, by area."""
    by_area = groupby(zones(), key=lambda name: "" if name == UTC_NAME else name.partition("/")[0])
    return tuple(Area(name, tuple(each)) for name, each in by_area)


@blueprint.get("/settings")
@access("signed_in")
def read() -> Response:
    return page()


@blueprint.post("/settings/time-zone")
@access("signed_in")
def set_zone() -> Response:
    try:
        with transaction(service().engine) as database:
            preferences.set_zone(database, reader().name, request.form.get("zone") or None)
    except SaferoomError as error:
        return page(error)
    flash("Times are shown in the time zone that you chose.")
    return make_response(redirect(url_for("preferences.read"), 303))


@blueprint.post("/settings/email")
@access("signed_in")
def choose_email() -> Response:
    """When she wants an e-mail, kind by kind."""
    wanted = {kind: choice for kind, choice in request.form.items() if kind in set(Kind)}
    try:
        with transaction(service().engine) as database:
            telling.choose(database, reader().name, wanted)
    except SaferoomError as error:
        return page(error)
    flash("You get e-mail as you chose.")
    return make_response(redirect(url_for("preferences.read"), 303))


def page(problem: SaferoomError | None = None, at: str = "#zone") -> Response:
    with reading(service().engine) as database:
        away = away_until(database, reader().name, today())
        chosen = telling.choices(database, reader().name)
        preference = database.get(preferences.Preference, reader().name)
    content = render_template(
        "preferences.html",
        kinds=[(kind, KINDS[kind].name, choice) for kind, choice in chosen.items()],
        choices=CHOICES,
        checker=reader().role is Role.OUTPUT_CHECKER,
        away=away,
        today=today(),
        problem_at=at,
        email=preference.email if preference else None,
        sends_mail=service().settings.sends_mail,
        form=ConfirmForm(formdata=None),
        areas=areas(),
        present=now(),
        default=service().settings.time_zone,
        problem=problem.sentence if problem else None,
    )
    return make_response(content, problem.status if problem else 200)
