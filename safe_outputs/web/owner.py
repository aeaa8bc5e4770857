"""The data owner's page: who uses her data and what left of it; recalling a release, and naming delegates."""

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for

from governance.database import reading, transaction
from governance.errors import Invalid, SaferoomError
from safe_outputs import reviewing
from safe_outputs.releases import owning
from safe_outputs.releases.owner_view import owners_view
from safe_outputs.requests import find_request
from safe_outputs.web.access import access, reader
from safe_outputs.web.assignment import day_in
from safe_outputs.web.forms import ConfirmForm
from safe_outputs.web.service import service, today

blueprint = Blueprint("owner", __name__)


@blueprint.get("/owner")
@access("signed_in")
def desk() -> Response:
    return page()


@blueprint.post("/owner/requests/<request_id>/recall")
@access("data_owner")
def recall(request_id: str) -> Response:
    """Take a release of her data back. Who may is asked of the one predicate."""
    reason = request.form.get("reason", "")
    try:
        with transaction(service().engine) as database:
            found = find_request(database, request_id)
            reviewing.recall(database, found, person=reader().name, reason=reason, today=today())
    except SaferoomError as error:
        return page(error, "#left", {request_id: reason})
    return _done("The release is recalled. Its files are refused from now on.")


@blueprint.post("/owner/delegates")
@access("data_owner")
def name_delegate() -> Response:
    try:
        until = day_in(request.form.get("until", ""))
        if until is None:
            raise Invalid("Give the last day on which the person is your delegate.")
        delegate = request.form.get("name", "").strip()
        with transaction(service().engine) as database:
            owning.name_delegate(database, owner=reader().name, delegate=delegate, until=until, today=today())
    except SaferoomError as error:
        return page(error, "#name")
    return _done("The person can see and take what was released of your data.")


@blueprint.post("/owner/delegates/end")
@access("data_owner")
def end_delegate() -> Response:
    with transaction(service().engine) as database:
        owning.end_delegate(database, owner=reader().name, delegate=request.form.get("name", ""), today=today())
    return _done("The person is your delegate no longer.")


def _done(sentence: str) -> Response:
    flash(sentence)
    return make_response(redirect(url_for("owner.desk"), 303))


def page(problem: SaferoomError | None = None, at: str = "#name", written: dict[str, str] | None = None) -> Response:
    """The page; after a step that was refused, with the reason on top and what was written kept."""
    with reading(service().engine) as database:
        view = owners_view(database, reader().name, today())
    content = render_template(
        "owner.html",
        view=view,
        form=ConfirmForm(formdata=None),
        today=today(),
        problem=problem.sentence if problem else None,
        problem_at=at,
        written=written or {},
        given=request.form if problem else {},
    )
    return make_response(content, problem.status if problem else 200)
