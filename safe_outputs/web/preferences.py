"""What a person sets for herself, on one page of small forms."""

from dataclasses import dataclass
from itertools import groupby

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for

from governance import preferences
from governance.database import now, transaction
from governance.errors import SaferoomError
from governance.zones import UTC_NAME, zones
from safe_outputs.web.access import access, reader
from safe_outputs.web.forms import ConfirmForm
from safe_outputs.web.service import service

blueprint = Blueprint("preferences", __name__)


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


def page(problem: SaferoomError | None = None) -> Response:
    content = render_template(
        "preferences.html",
        form=ConfirmForm(formdata=None),
        areas=areas(),
        present=now(),
        default=service().settings.time_zone,
        problem=problem.sentence if problem else None,
    )
    return make_response(content, problem.status if problem else 200)
