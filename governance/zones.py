"""Time zones by their IANA names: which there are, and what one makes of a moment. Moments are kept in UTC.

The rules come from the operating system's database of zones (package tzdata).
"""

from datetime import UTC, datetime, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from governance.errors import Invalid

UTC_NAME = "UTC"
AREAS = (
    "Africa",
    "America",
    "Antarctica",
    "Arctic",
    "Asia",
    "Atlantic",
    "Australia",
    "Europe",
    "Indian",
    "Pacific",
)
"""The areas of zones that places have. Names without one, like “EST5EDT”, are old and mean less than they seem to."""


@cache
def zones() -> tuple[str, ...]:
    """The names that can be chosen: UTC, and those of places, in order."""
    return (UTC_NAME, *sorted(name for name in available_timezones() if name.partition("/")[0] in AREAS))


@cache
def zone_named(name: str) -> tzinfo:
    """The zone of that name; UTC where there is none of it (any more), so that a time is shown in any case."""
    try:
        return UTC if name == UTC_NAME else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def name_of(zone: tzinfo) -> str:
    """The name of a zone as `zone_named` takes it."""
    return zone.key if isinstance(zone, ZoneInfo) else UTC_NAME


def require_zone(name: str) -> str:
    """The name, if it can be chosen. Raises `Invalid`."""
    if name not in zones():
        raise Invalid(f"There is no time zone “{name[:60]}” here. Choose one of the list, like Europe/Paris.")
    return name


def is_ambiguous(moment: datetime, zone: tzinfo) -> bool:
    """Whether clocks of the zone show the time of this moment twice, because they were put back around it."""
    local = moment.astimezone(zone)
    return local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
