"""When a session has had nobody for long enough to be ended."""

from datetime import UTC, datetime, timedelta

from governance.presence import hours


def why_idle(last_activity: datetime | None, now: datetime, limit: timedelta) -> str | None:
    """Why a session ends because nobody uses it, or None while somebody does.

    `last_activity` is the hub's time of the last thing that a kernel or a browser did in it; without a zone, as the
    hub's database has it, it is in UTC. None, before anything was seen, ends nothing.
    """
    if last_activity is None:
        return None
    last = last_activity if last_activity.tzinfo else last_activity.replace(tzinfo=UTC)
    if now - last <= limit:
        return None
    return (
        f"Nothing ran in this session and no browser had it open for {hours(limit)}, so it was ended. "
        "Your files are kept; start it again from your home page."
    )


def announcement(limit: timedelta) -> str:
    """What the start page says beforehand."""
    return f"A session that nothing runs in and no browser has open ends after {hours(limit)}; your files are kept."
