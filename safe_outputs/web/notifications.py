"""What a person was told, newest first, and what she has read of it."""

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for

from governance.database import reading, transaction
from governance.errors import Invalid
from safe_outputs.notifications import telling
from safe_outputs.web.access import access, reader
from safe_outputs.web.forms import ConfirmForm
from safe_outputs.web.service import service

blueprint = Blueprint("notifications", __name__)

LARGEST = 2**31 - 1


@blueprint.get("/notifications")
@access("signed_in")
def read() -> Response:
    before = _number(request.args["before"]) if "before" in request.args else None
    with reading(service().engine) as database:
        told = telling.told(database, reader().name, before=before)
    content = render_template(
        "notifications.html",
        told=told,
        older=told[-1].id if len(told) == telling.AT_ONCE else None,
        newest=told[0].id if told else None,
        first_page=before is None,
        form=ConfirmForm(formdata=None),
    )
    return make_response(content)


@blueprint.post("/notifications/read")
@access("signed_in")
def mark_read() -> Response:
    """One is read, or all that the page showed and those before them; the button that was pressed says which."""
    with transaction(service().engine) as database:
        if "one" in request.form:
            telling.mark_read(database, reader().name, one=_number(request.form["one"]))
        else:
            telling.mark_read(database, reader().name, up_to=_number(request.form.get("up_to", "")))
    return make_response(redirect(url_for("notifications.read"), 303))


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and int(text) <= LARGEST):
        raise Invalid("There is no such notification. Load the page again and choose from the list.")
    return int(text)
