"""Who may take a release home, and who did: one predicate, and every download on record (I8, I13).

What was released for publication is for everybody. What was released before publication is for the named team: the
people of the project, and the delegates of those who own the data. Nobody gets what was recalled.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from governance import access, audit
from governance.audit import AuditEvent
from governance.people import Person
from governance.projects import is_member
from safe_outputs.contents.groups import datasets_for
from safe_outputs.errors import NoSuchThing, NotPermitted, Recalled
from safe_outputs.models import Release, ReleaseRequest, Remark
from safe_outputs.releases import public_downloads
from safe_outputs.releases.owning import speaks_for_all
from safe_outputs.releases.public_downloads import ANYBODY, DOWNLOADED
from safe_outputs.requests import find_request
from safe_outputs.transitions import RemarkKind, RequestState

PUBLIC = "publication"
WHOLE = "package.zip"


@dataclass(frozen=True)
class Download:
    """A file of a release that somebody has fetched. `who` is a name in the register, or “public”; `at` is aware.

    Those without signing in are one for each file and hour: `times` says how many, `at` is the first.
    """

    who: str
    file: str
    at: datetime
    times: int = 1


def find_release(session: Session, release_id: str) -> Release:
    """The release of that id. Raises `NoSuchThing`."""
    found = session.get(Release, release_id)
    if found is None:
        raise NoSuchThing("There is no published release at this address. Look for it in the list of releases.")
    return found


def why_not_download(session: Session, release: Release, person: str | None, today: date) -> str | None:
    """Why this person (None: anybody) cannot read this release or take its files now; None if she can."""
    return why_recalled(session, release) or _why_not_theirs(session, release, person, today)


def why_recalled(session: Session, release: Release) -> str | None:
    """Why nobody gets this release any more, or None."""
    request = find_request(session, release.request_id)
    return _recalled(release, request).sentence if request.state is RequestState.RECALLED else None


def _recalled(release: Release, request: ReleaseRequest) -> Recalled:
    said = recall_of(request)
    on = f" on {said.at.day} {said.at:%B %Y}" if said else ""
    because = f" The reason: {said.text}" if said else ""
    return Recalled(
        f"The release {release.id} was recalled{on}, so its files are not handed out any more. Do not use copies of "
        f"it.{because}",
        release=release.id,
        at=said.at if said else None,
        reason=said.text if said else None,
    )


def recall_of(request: ReleaseRequest) -> Remark | None:
    """With which words, by whom and when the release of this request was recalled; None where it was not."""
    return next((each for each in request.remarks if each.kind is RemarkKind.RECALLED), None)


def _why_not_theirs(session: Session, release: Release, person: str | None, today: date) -> str | None:
    if release.audience == PUBLIC:
        return None
    if person is None:
        return "This release is for a named team. Sign in if you belong to it."
    if (reason := access.why_not_active(session.get(Person, person), today)) is not None:
        return reason
    if is_member(session, person, release.project_id) or _is_delegate(session, release, person, today):
        return None
    return "This release is for the people of its project and the data owners' delegates alone. Ask one of them."


def _is_delegate(session: Session, release: Release, person: str, today: date) -> bool:
    """Whether she speaks for the owner of every dataset in the release, as one of them or as a delegate."""
    datasets = datasets_for(find_request(session, release.request_id), release.audience)
    return speaks_for_all(session, person, release.project_id, datasets, today)


def require(session: Session, release: Release, person: str | None, today: date) -> None:
    """Raise why not.

    Raises:
        Recalled: it was recalled; of a release for a named team, only its team is told so.
        NoSuchThing: for anybody who is not signed in, what is not public does not exist.
        NotPermitted: it is not hers.
    """
    if (reason := _why_not_theirs(session, release, person, today)) is not None:
        if person is None:
            raise NoSuchThing("There is no published release at this address. Look for it in the list of releases.")
        raise NotPermitted(reason)
    request = find_request(session, release.request_id)
    if request.state is RequestState.RECALLED:
        raise _recalled(release, request)


def record_download(session: Session, release: Release, person: str | None, file: str, today: date) -> None:
    """Keep who takes which file, in the transaction in which it is asked once more whether she may."""
    require(session, release, person, today)
    if person is None:
        public_downloads.record(session, release.id, file)
    else:
        audit.record(session, person, DOWNLOADED, f"release:{release.id}", file=file)


def how_often(session: Session, release_id: str) -> int:
    """How many files and packages of this release were taken."""
    query = select(func.count()).select_from(AuditEvent)
    told = session.scalar(query.where(AuditEvent.subject == f"release:{release_id}", AuditEvent.action == DOWNLOADED))
    return (told or 0) + public_downloads.repeated(session, release_id)


def downloads_of(session: Session, release_id: str) -> tuple[Download, ...]:
    """Every download of this release, newest first; those without signing in, for each file and hour."""
    times = public_downloads.times_of(session, release_id)
    events = reversed(audit.events_about(session, f"release:{release_id}"))
    return tuple(_download(each, times) for each in events if each.action == DOWNLOADED)


def _download(event: AuditEvent, times: Mapping[tuple[str, str], int]) -> Download:
    file, hour = event.detail["file"], event.detail.get("hour", "")
    return Download(event.actor, file, event.at, times.get((file, hour), 1) if event.actor == ANYBODY else 1)


def releases_for(session: Session, person: str, today: date) -> tuple[Release, ...]:
    """The releases for a named team that this person may take, newest first."""
    found: Iterable[Release] = session.scalars(
        select(Release).where(Release.audience != PUBLIC).order_by(Release.released_at.desc())
    )
    return tuple(each for each in found if why_not_download(session, each, person, today) is None)
