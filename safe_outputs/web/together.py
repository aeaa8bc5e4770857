"""Several requests on one page, approved with one form: each tick is a vote of its own, and one refused stops none."""

from typing import Any

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for

from governance.database import reading, transaction
from governance.errors import SaferoomError
from safe_outputs import requests
from safe_outputs import together as service_of_together
from safe_outputs.errors import MalformedRequest
from safe_outputs.web import words
from safe_outputs.web.access import access, reader
from safe_outputs.web.forms import ConfirmForm
from safe_outputs.web.seen import seen
from safe_outputs.web.service import service, today
from safe_outputs.web.statistic_part import part

blueprint = Blueprint("together", __name__)

NONE_TICKED = "Tick the requests that you approve, then press the button."


@blueprint.get("/queue/together")
@access("output_checker")
def read() -> Response:
    return _page()


@blueprint.post("/queue/together")
@access("output_checker")
def approve() -> Response:
    """Approve what is ticked, each in a transaction of its own."""
    ticked = request.form.getlist("approve")[: service_of_together.MOST]
    refused = [] if ticked else [{"text": NONE_TICKED}]
    status = 200 if ticked else MalformedRequest.status
    for each in ticked:
        try:
            _approve(*each.partition(" ")[::2])
        except SaferoomError as error:
            refused.append({"text": f"{each.partition(' ')[0]}: {error.sentence}"})
            status = error.status
    approved = words.count(len(ticked) - (len(refused) if ticked else 0), "request")
    if refused:
        return _page(refused, f"{approved} approved. The others were not:" if ticked else "Nothing was changed", status)
    flash(f"You approved {approved}.")
    return make_response(redirect(url_for(".read"), 303))


def _approve(request_id: str, content: str) -> None:
    with transaction(service().engine) as database:
        found = requests.find_request(database, request_id)
        service_of_together.approve(
            database, service().store, found, checker=reader().name, seen=content, today=today()
        )


def _page(refused: list[dict[str, Any]] | None = None, summary: str = "", status: int = 200) -> Response:
    with reading(service().engine) as database:
        found, more = service_of_together.together(database, service().store, reader().name, today())
    seen(reader().name, "page", *found)
    shown = [{"view": view, "statistics": [part(each) for each in view.statistics]} for view in found]
    content = render_template(
        "together.html",
        requests=shown,
        more=more,
        form=ConfirmForm(formdata=None),
        refused=refused or [],
        summary=summary,
    )
    return make_response(content, status)
