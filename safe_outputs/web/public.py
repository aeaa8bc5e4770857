"""What everybody may see without signing in: the releases for publication, and the component files of the pages."""

from flask import Blueprint, Response, make_response, render_template, send_from_directory
from sqlalchemy import text

from governance.database import reading
from safe_outputs.evidence.standing import released_datasets, standings
from safe_outputs.lists.lines import releases as releases_of
from safe_outputs.package.contents import as_json
from safe_outputs.package.keys import list_of_keys as published
from safe_outputs.releases.downloads import PUBLIC
from safe_outputs.releases.release_keys import known_keys
from safe_outputs.web import release_pages
from safe_outputs.web.access import access
from safe_outputs.web.filters import STATIC
from safe_outputs.web.release_pages import ASKED_ANEW
from safe_outputs.web.service import service

blueprint = Blueprint("public", __name__)


@blueprint.get("/releases")
@access("public")
def releases() -> Response:
    with reading(service().engine) as database:
        found = releases_of(database, audience=PUBLIC)
        stands = standings(database, released_datasets(database, PUBLIC))
    response = make_response(render_template("releases.html", releases=found, standings=stands))
    response.headers["Cache-Control"] = ASKED_ANEW
    return response


@blueprint.get("/releases/<release_id>")
@access("public")
def release(release_id: str) -> Response:
    """What was released, for which purpose and how it was protected, before it is a download."""
    return release_pages.page(release_id, None)


@blueprint.get("/releases/<release_id>/files/<path:name>")
@access("public")
def file(release_id: str, name: str) -> Response:
    """One file of a release, as a download."""
    return release_pages.file(release_id, name, None)


@blueprint.get("/releases/<release_id>/package.zip")
@access("public")
def package(release_id: str) -> Response:
    """The whole package as one download."""
    return release_pages.package(release_id, None)


@blueprint.get("/releases/keys")
@access("public")
def keys() -> Response:
    """The keys that sign releases, and how to verify a package with them."""
    with reading(service().engine) as database:
        known = known_keys(database)
    response = make_response(render_template("release_keys.html", keys=known.values()))
    response.headers["Cache-Control"] = ASKED_ANEW
    return response


@blueprint.get("/releases/keys.json")
@access("public")
def list_of_keys() -> Response:
    """The same keys as the list that `saferoom release verify --key` takes."""
    with reading(service().engine) as database:
        content = as_json(published(known_keys(database).values()))
    response = make_response(content)
    response.content_type = "application/json"
    response.headers["Content-Disposition"] = 'attachment; filename="keys.json"'
    response.headers["Cache-Control"] = ASKED_ANEW
    return response


@blueprint.get("/health")
@access("public")
def health() -> Response:
    """Whether the service can read its database. Says nothing more, since everybody may ask."""
    with reading(service().engine) as database:
        database.execute(text("SELECT 1"))
    return make_response({"status": "ok"})


@access("public")
def static(name: str) -> Response:
    """A file of the pages' look. Its address changes with its content."""
    return send_from_directory(STATIC, name, max_age=31_536_000)
