"""Who calls, and the description of the whole API."""

from typing import Literal

from flask import Response, current_app
from sqlalchemy import text

from governance.database import reading
from governance.people import Role
from governance.projects import projects_of
from safe_outputs.web.access import access, reader
from safe_outputs.web.api.description import describe
from safe_outputs.web.api.shapes import Answer
from safe_outputs.web.api.statement import Media, api, described, endpoint
from safe_outputs.web.service import service
from safe_outputs.web.tokens import CSRF_HEADER, csrf_token

blueprint = api("me")

_DESCRIPTION = "saferoom-openapi"


class Project(Answer):
    id: str
    name: str


class Me(Answer):
    """Who calls, as the register has her now. `csrf_token` is for browsers alone; programs with a token need none."""

    name: str
    full_name: str
    role: Role
    projects: list[Project]
    notices: list[str]
    csrf_token: str | None
    csrf_header: str


@endpoint(blueprint, "GET", "/me", "signed_in", "Who you are here, and the token for your changes.", answer=Me)
def me() -> Me:
    person = reader()
    with reading(service().engine) as database:
        projects = [Project(id=each.id, name=each.name) for each in projects_of(database, person.name)]
    return Me(
        name=person.name,
        full_name=person.full_name,
        role=person.role,
        projects=projects,
        notices=list(service().settings.notices),
        csrf_token=csrf_token(),
        csrf_header=CSRF_HEADER,
    )


class Health(Answer):
    status: Literal["ok"]


@endpoint(blueprint, "GET", "/health", "public", "Whether the service can read its database.", answer=Health)
def health() -> Health:
    with reading(service().engine) as database:
        database.execute(text("SELECT 1"))
    return Health(status="ok")


@blueprint.get("/openapi.json")
@described("me", "GET", "This description.", answer=Media(("application/json",)))
@access("public")
def openapi() -> Response:
    """Made once for each application: its routes do not change."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 - Flask's name for it
    if _DESCRIPTION not in app.extensions:
        app.extensions[_DESCRIPTION] = app.json.dumps(describe(app))
    return Response(app.extensions[_DESCRIPTION], content_type="application/json")
