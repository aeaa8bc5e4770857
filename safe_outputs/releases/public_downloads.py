"""Downloads without signing in: all are counted, and the audit chain grows by two events at most for a file and hour.

The first of an hour is an event at once. Those that follow are counted in a row of the database before it is sent,
and told in one event when the hour is over. So nobody can fill the chain by taking a file again and again.
"""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Engine, func, select
from sqlalchemy.orm import Session

from governance import audit
from governance.database import now, reading
from safe_outputs.models import PublicDownload

DOWNLOADED = "release.downloaded"
COUNTED = "release.downloads_counted"
ANYBODY = "public"
"""The actor of a download without signing in."""
SAFEROOM = "saferoom"


def record(session: Session, release_id: str, file: str) -> None:
    """Count a download in the caller's transaction; the first of this file in this hour is an event in the chain."""
    hour = hour_of(now())
    found = session.get(PublicDownload, (release_id, file, hour))
    if found is not None:
        found.times += 1
        return
    count_past_hours(session)
    session.add(PublicDownload(release_id=release_id, file=file, hour=hour, times=1, counted=False))
    audit.record(session, ANYBODY, DOWNLOADED, f"release:{release_id}", file=file, hour=hour.isoformat())


def count_past_hours(session: Session) -> int:
    """Tell the chain of each hour that is over how often a file was taken in it; returns how many hours were told."""
    query = select(PublicDownload).where(*_untold())
    past = list(session.scalars(query.order_by(PublicDownload.hour, PublicDownload.release_id, PublicDownload.file)))
    for each in past:
        each.counted = True
        if each.times > 1:
            told = {"file": each.file, "hour": each.hour.isoformat(), "times": each.times}
            audit.record(session, SAFEROOM, COUNTED, f"release:{each.release_id}", **told)
    return len(past)


def hours_wait(engine: Engine) -> bool:
    """Whether an hour is over of which the chain was not told yet."""
    with reading(engine) as session:
        return session.scalars(select(PublicDownload.file).where(*_untold()).limit(1)).first() is not None


def _untold() -> tuple[ColumnElement[bool], ...]:
    return (~PublicDownload.counted, PublicDownload.hour < hour_of(now()))


def hour_of(moment: datetime) -> datetime:
    """The beginning of the hour, in UTC."""
    return moment - timedelta(minutes=moment.minute, seconds=moment.second, microseconds=moment.microsecond)


def repeated(session: Session, release_id: str) -> int:
    """How many downloads of a release were counted beside those that are events."""
    query = select(func.sum(PublicDownload.times - 1)).where(PublicDownload.release_id == release_id)
    return int(session.scalar(query) or 0)


def times_of(session: Session, release_id: str) -> dict[tuple[str, str], int]:
    """How often each file of a release was taken in each hour: by its name, and the hour as an event has it."""
    rows = session.scalars(select(PublicDownload).where(PublicDownload.release_id == release_id))
    return {(each.file, each.hour.isoformat()): each.times for each in rows}
