"""What everybody may see without signing in: the releases for publication, and the component files of the pages."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, make_response, render_template, send_from_directory
from sqlalchemy import text

from governance.database import reading
from safe_outputs.errors import NoSuchThing, Tampered
from safe_outputs.models import Release
from safe_outputs.package import RECORD, read_package
from safe_outputs.reading import releases as releases_of
from safe_outputs.standing import released_datasets, standings
from safe_outputs.store import digest_of
from safe_outputs.web.access import access
from safe_outputs.web.filters import STATIC
from safe_outputs.web.release_page import lay_out
from safe_outputs.web.service import service

blueprint = Blueprint("public", __name__)

PUBLIC = "publication"
ASKED_ANEW = "no-cache"
"""Releases can be recalled, so that browsers have to ask again each time."""


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
    found = package_of(release_id)
    contents = {name: found.file(name) for name in found.names if name != RECORD}
    with reading(service().engine) as database:
        stands = standings(database, (each["source"]["dataset"] for each in found.record["statistics"]))
    page = lay_out(found.record, contents, found.record_hash)
    response = make_response(render_template("release.html", release=page, standings=stands))
    response.headers["Cache-Control"] = ASKED_ANEW
    return response


@blueprint.get("/releases/<release_id>/files/<name>")
@access("public")
def file(release_id: str, name: str) -> Response:
    """One file of a release, as a download."""
    response = make_response(package_of(release_id).file(name))
    response.content_type = "application/json" if name == RECORD else "text/csv; charset=utf-8"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
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


@dataclass(frozen=True)
class Package:
    """A published release's folder with its record, which was compared with the register."""

    folder: Path
    record: dict[str, Any]
    record_hash: str

    @property
    def names(self) -> tuple[str, ...]:
        """The files that the record names, and the record."""
        return (*(each["file"]["name"] for each in self.record["statistics"]), RECORD)

    def file(self, name: str) -> bytes:
        """The bytes of one file that the record names.

        Raises:
            NoSuchThing: the record does not name it.
            Tampered: it is not the file that was released.
        """
        digests = {each["file"]["name"]: each["file"]["digest"] for each in self.record["statistics"]}
        digest = self.record_hash if name == RECORD else digests.get(name)
        if digest is None:
            raise NoSuchThing("This release has no such file. Its page lists those that it has.")
        content = (self.folder / name).read_bytes()
        if digest_of(content) != digest:
            raise Tampered("A file of this release was changed after its release. It is not shown; tell the operator.")
        return content


def package_of(release_id: str) -> Package:
    """A release for publication. Raises `NoSuchThing` for every other, `Tampered` when it is not what was released."""
    with reading(service().engine) as database:
        found = database.get(Release, release_id)
        if found is None or found.audience != PUBLIC:
            raise NoSuchThing("There is no published release at this address. Look for it in the list of releases.")
        folder, record_hash = service().settings.releases / found.package, found.record_hash
    package = Package(folder, read_package(folder), record_hash)
    package.file(RECORD)
    return package
