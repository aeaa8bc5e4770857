"""A release and its files: the same for everybody and, behind a sign-in, for the team for which it was released.

Who may have it is asked of `releases.downloads`, and every file that is handed out leaves an audit event first.
"""

from datetime import date
from typing import Any

from flask import Blueprint, Response, make_response, render_template, request, url_for
from sqlalchemy.orm import Session

from governance.database import reading, transaction
from safe_outputs.evidence.standing import standings
from safe_outputs.models import Release
from safe_outputs.package.crate import media_type
from safe_outputs.package.folder import OpenedPackage, open_package
from safe_outputs.package.zipped import as_zip
from safe_outputs.releases.downloads import WHOLE, find_release, how_often, record_download, releases_for, require
from safe_outputs.web.access import access, reader
from safe_outputs.web.filters import readers_zone
from safe_outputs.web.release_page import lay_out
from safe_outputs.web.service import service, today

blueprint = Blueprint("team", __name__)

ASKED_ANEW = "no-cache"
"""Releases can be recalled, so that browsers have to ask again each time."""


@blueprint.get("/team/releases")
@access("signed_in")
def releases() -> Response:
    """The releases for a named team to which the reader belongs, or whose data she speaks for."""
    with reading(service().engine) as database:
        found = releases_for(database, reader().name, today())
    return make_response(render_template("team_releases.html", releases=found))


@blueprint.get("/team/releases/<release_id>")
@access("signed_in")
def team_release(release_id: str) -> Response:
    return page(release_id, reader().name)


@blueprint.get("/team/releases/<release_id>/files/<path:name>")
@access("signed_in")
def team_file(release_id: str, name: str) -> Response:
    return file(release_id, name, reader().name)


@blueprint.get("/team/releases/<release_id>/package.zip")
@access("signed_in")
def team_package(release_id: str) -> Response:
    return package(release_id, reader().name)


def page(release_id: str, person: str | None) -> Response:
    """The page of a release for this person (None: anybody). Raises what `downloads.require` does, and `Tampered`."""
    with reading(service().engine) as database:
        found = permitted_release(database, release_id, person, today())
        opened = open_release(found)
        stands = standings(database, datasets_in(opened.record))
        taken = how_often(database, release_id)
    shown = lay_out(opened.record, opened.files(), opened.digests, readers_zone())
    response = make_response(
        render_template("release.html", release=shown, standings=stands, taken=taken, links=_links(release_id, person))
    )
    if person is None:
        response.headers["Cache-Control"] = ASKED_ANEW
    return response


def datasets_in(record: dict[str, Any]) -> set[str]:
    """The datasets from which statistics and files of a release were made, as its record names them."""
    of_files = {str(name) for each in record.get("files", ()) for name in each["statement"]["data"]}
    return {str(each["source"]["dataset"]) for each in record["statistics"]} | of_files


def file(release_id: str, name: str, person: str | None) -> Response:
    """One file of a release as a download."""
    opened = _permitted_package(release_id, person)
    response = _download(release_id, name, opened.file(name), person)
    kind = media_type(name)
    response.content_type = f"{kind}; charset=utf-8" if kind.startswith("text/") else kind
    return response


def package(release_id: str, person: str | None) -> Response:
    """The whole package as a download: the same bytes each time."""
    opened = _permitted_package(release_id, person)
    response = _download(release_id, WHOLE, as_zip(release_id, opened.files()), person)
    response.content_type = "application/zip"
    return response


def _links(release_id: str, person: str | None) -> dict[str, str]:
    """Where this reader finds the list, the files and the package of a release."""
    mine = "public" if person is None else "team"
    files, whole = ("public.file", "public.package") if person is None else ("team.team_file", "team.team_package")
    return {
        "list": url_for(f"{mine}.releases"),
        "file": files,
        "package": url_for(whole, release_id=release_id),
    }


def permitted_release(database: Session, release_id: str, person: str | None, day: date) -> Release:
    """The release, if this person (None: anybody) may have it. Raises what `downloads.require` does."""
    found = find_release(database, release_id)
    require(database, found, person, day)
    return found


def open_release(found: Release) -> OpenedPackage:
    """Its package, which is the one in the register. Raises `Tampered`."""
    return open_package(service().settings.releases / found.package, found.record_hash)


def _permitted_package(release_id: str, person: str | None) -> OpenedPackage:
    with reading(service().engine) as database:
        return open_release(permitted_release(database, release_id, person, today()))


def _download(release_id: str, name: str, content: bytes, person: str | None) -> Response:
    """The content as an attachment, once it is on record that it was taken (asking for headers alone takes nothing)."""
    if request.method == "GET":
        with transaction(service().engine) as database:
            record_download(database, find_release(database, release_id), person, name, today())
    saved = f"{release_id}.zip" if name == WHOLE else name.rpartition("/")[2]
    response = make_response(content)
    response.headers["Content-Disposition"] = f'attachment; filename="{saved}"'
    if person is None:
        response.headers["Cache-Control"] = ASKED_ANEW
    return response
