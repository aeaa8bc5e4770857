"""Releases: for everybody what was published, and behind a sign-in what was released for a named team."""

from datetime import datetime

from flask import Response
from pydantic import JsonValue

from governance.database import reading
from safe_outputs.errors import Recalled
from safe_outputs.evidence.standing import released_datasets, standings
from safe_outputs.lists.lines import releases as lines_of_releases
from safe_outputs.releases.downloads import PUBLIC, how_often, releases_for
from safe_outputs.releases.release_keys import known_keys
from safe_outputs.web import release_pages
from safe_outputs.web.access import reader
from safe_outputs.web.api.lists import Standing
from safe_outputs.web.api.shapes import Answer, Paged
from safe_outputs.web.api.statement import Media, api, endpoint
from safe_outputs.web.release_page import opening
from safe_outputs.web.service import service, today

blueprint = api("releases")

ANY_FILE, ZIP = Media(("*/*",)), Media(("application/zip",))


class ReleaseLine(Answer):
    """One release in the list; `told`: how many of its statistics are exact, and how many have noise."""

    id: str
    title: str
    project: str
    audience: str
    told: str
    released_at: datetime


class Releases(Answer):
    """A page of the releases, newest first, and what is promised to the people behind them."""

    total: int
    page: int
    limit: int
    releases: list[ReleaseLine]
    standings: list[Standing]


class File(Answer):
    """One file of the package; the signature alone has no digest (SHA-256) in it."""

    name: str
    digest: str | None


class OneRelease(Answer):
    """What was released: its record as it was signed, its files, and how often any was taken."""

    id: str
    opening: str
    record: dict[str, JsonValue]
    files: list[File]
    standings: list[Standing]
    taken: int


class TeamLine(Answer):
    id: str
    title: str
    audience: str
    released_at: datetime


class TeamReleases(Answer):
    releases: list[TeamLine]


class Key(Answer):
    """A key that signs releases, or did: its public half in hexadecimal, and why it is not to be trusted any more."""

    id: str
    public_key: str
    since: datetime | None
    retired_at: datetime | None
    revoked_at: datetime | None
    revoked_because: str | None


class Keys(Answer):
    keys: list[Key]


@endpoint(
    blueprint,
    "GET",
    "/releases",
    "public",
    "What was published, newest first.",
    query=Paged,
    answer=Releases,
    etag=True,
)
def published(query: Paged) -> Releases:
    with reading(service().engine) as database:
        found = lines_of_releases(database, audience=PUBLIC)
        stands = standings(database, released_datasets(database, PUBLIC))
    return Releases(
        total=len(found),
        page=query.page,
        limit=query.limit,
        releases=[ReleaseLine.model_validate(each) for each in found[query.places]],
        standings=[Standing.model_validate(each) for each in stands],
    )


@endpoint(blueprint, "GET", "/keys", "public", "The keys that sign releases, the newest first.", answer=Keys)
def keys() -> Keys:
    with reading(service().engine) as database:
        known = known_keys(database)
    return Keys(
        keys=[
            Key(
                id=name,
                public_key=each.key.raw.hex(),
                since=each.since,
                retired_at=each.until,
                revoked_at=each.revoked.at if each.revoked else None,
                revoked_because=each.revoked.reason if each.revoked else None,
            )
            for name, each in known.items()
        ]
    )


@endpoint(
    blueprint,
    "GET",
    "/releases/<release_id>",
    "public",
    "A published release.",
    answer=OneRelease,
    etag=True,
    refuses=(Recalled,),
)
def one(release_id: str) -> OneRelease:
    return _one(release_id, None)


@endpoint(
    blueprint,
    "GET",
    "/releases/<release_id>/files/<path:name>",
    "public",
    "One file of a published release.",
    answer=ANY_FILE,
    refuses=(Recalled,),
)
def file(release_id: str, name: str) -> Response:
    return release_pages.file(release_id, name, None)


@endpoint(
    blueprint,
    "GET",
    "/releases/<release_id>/package.zip",
    "public",
    "The whole package of a published release.",
    answer=ZIP,
    refuses=(Recalled,),
)
def package(release_id: str) -> Response:
    return release_pages.package(release_id, None)


@endpoint(
    blueprint, "GET", "/team/releases", "signed_in", "The releases for your teams, newest first.", answer=TeamReleases
)
def team() -> TeamReleases:
    with reading(service().engine) as database:
        found = releases_for(database, reader().name, today())
    return TeamReleases(releases=[TeamLine.model_validate(each) for each in found])


@endpoint(
    blueprint,
    "GET",
    "/team/releases/<release_id>",
    "signed_in",
    "A release for your team.",
    answer=OneRelease,
    etag=True,
    refuses=(Recalled,),
)
def team_one(release_id: str) -> OneRelease:
    return _one(release_id, reader().name)


@endpoint(
    blueprint,
    "GET",
    "/team/releases/<release_id>/files/<path:name>",
    "signed_in",
    "One file of a release for your team.",
    answer=ANY_FILE,
    refuses=(Recalled,),
)
def team_file(release_id: str, name: str) -> Response:
    return release_pages.file(release_id, name, reader().name)


@endpoint(
    blueprint,
    "GET",
    "/team/releases/<release_id>/package.zip",
    "signed_in",
    "The whole package of a release for your team.",
    answer=ZIP,
    refuses=(Recalled,),
)
def team_package(release_id: str) -> Response:
    return release_pages.package(release_id, reader().name)


def _one(release_id: str, person: str | None) -> OneRelease:
    with reading(service().engine) as database:
        opened = release_pages.open_release(release_pages.permitted_release(database, release_id, person, today()))
        stands = standings(database, release_pages.datasets_in(opened.record))
        taken = how_often(database, release_id)
    return OneRelease(
        id=release_id,
        opening=opening(opened.record),
        record=opened.record,
        files=[File(name=name, digest=opened.digests.get(name)) for name in sorted(opened.names)],
        standings=[Standing.model_validate(each) for each in stands],
        taken=taken,
    )
