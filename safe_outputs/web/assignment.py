"""Who is asked to review: handing it on, and saying that one is away."""

from datetime import date

from flask import Blueprint, Response, flash, make_response, redirect, request, url_for

from governance.database import transaction
from governance.errors import Invalid, SaferoomError
from safe_outputs.assignment import assigning
from safe_outputs.errors import NotPermitted
from safe_outputs.requests import find_request
from safe_outputs.rights import RIGHTS
from safe_outputs.transitions import Action
from safe_outputs.web import preferences, request_page
from safe_outputs.web.access import access, reader
from safe_outputs.web.service import service, today

blueprint = Blueprint("assignment", __name__)


@blueprint.post("/requests/<request_id>/decline")
@access("output_checker")
def decline(request_id: str) -> Response:
    """Hand the review on to another checker."""
    try:
        hand_on(request_id)
    except SaferoomError as error:
        return request_page.page(request_id, problem=error)
    return request_page.done(request_id, "Another output checker is asked, if there is one. You can still vote.")


def hand_on(request_id: str) -> None:
    """The reader declines. Raises `NotPermitted` and `WrongState`."""
    with transaction(service().engine) as database:
        found = find_request(database, request_id)
        if (reason := RIGHTS[Action.VOTE].why_not(database, found, reader().name, today())) is not None:
            raise NotPermitted(reason)
        assigning.decline(database, found, person=reader().name)


@blueprint.post("/settings/away")
@access("output_checker")
def set_away() -> Response:
    """Until when she is away; an empty day says that she is here."""
    try:
        until = day_in(request.form.get("until", ""))
        with transaction(service().engine) as database:
            assigning.set_absence(database, reader().name, until, today=today())
    except SaferoomError as error:
        return preferences.page(error, "#until")
    flash("Nothing is assigned to you while you are away." if until else "You are here, and can be asked to review.")
    return make_response(redirect(url_for("preferences.read"), 303))


def day_in(text: str) -> date | None:
    """A day as a browser sends it. Raises `Invalid`."""
    if not text.strip():
        return None
    try:
        return date.fromisoformat(text.strip()[:40])
    except ValueError:
        raise Invalid("This is no day. Write it like 2027-03-31, or choose it in the calendar.") from None
