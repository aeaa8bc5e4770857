"""Who may use which route: every view declares it, and one that does not is refused.

The declaration says who may come to the door. What a person may do to one request is asked of
`safe_outputs.requests` as well, at each call (I10, I13).
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, TypeVar

from flask import current_app, g, request
from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session as Database

from governance import access as rights
from governance.database import once, reading
from governance.errors import SaferoomError
from governance.people import Person, Role
from governance.preferences import Preference
from safe_outputs.asking import Asker
from safe_outputs.errors import NoSuchThing, NotPermitted
from safe_outputs.notifications.models import Notification
from safe_outputs.releases.owning import why_not_own
from safe_outputs.web import stamp, tokens
from safe_outputs.web.service import service, today
from safe_outputs.web.state import at_the_door

View = TypeVar("View", bound=Callable[..., Any])
Audience = Literal[
    "public",
    "gate",
    "signed_in",
    "researcher",
    "output_checker",
    "data_owner",
    "data_steward",
    "operator",
    "numbers",
    "scraper",
]
_MARK = "saferoom_access"
_GOES_ON = "saferoom_goes_on"


class NotSignedIn(SaferoomError):
    """Nobody is signed in, or the hub no longer knows her."""

    status = 401

    def __init__(self) -> None:
        super().__init__("You are not signed in, or no longer. Sign in, then try again; nothing was changed.")


class NoScraper(SaferoomError):
    """Whoever asks for metrics does not show their token."""

    status = 401

    def __init__(self) -> None:
        super().__init__(
            "Metrics are for the monitoring alone. Send its token in the header “Authorization: Bearer …”."
        )


class Undeclared(SaferoomError):
    """A route does not say who may use it."""


@dataclass(frozen=True)
class Reader:
    """Who is signed in, as the register has her now. `zone` is None, where she chose none."""

    name: str
    full_name: str
    role: Role
    zone: str | None = None
    unread: int = 0


def access(audience: Audience, *, goes_on: bool = False) -> Callable[[View], View]:
    """Declare who may use a view. `goes_on`: it reads on in the state of the register that the door saw (`state`)."""

    def mark(view: View) -> View:
        setattr(view, _MARK, audience)
        setattr(view, _GOES_ON, goes_on)
        return view

    return mark


def declared(view: Callable[..., Any]) -> Audience | None:
    """Who may use this view, or None when it does not say."""
    return getattr(view, _MARK, None)


def enforce() -> None:
    """Before every request: let in whom the route declares. Raises `NotSignedIn`, `BadStamp`, `NotPermitted`."""
    if request.endpoint is None:
        return  # no route: Flask answers 404 or 405
    audience = declared(current_app.view_functions[request.endpoint])
    if audience is None:
        raise Undeclared("This page does not say who may see it, so nobody may. Tell the operator.")
    DOORS[audience]()


def reader() -> Reader:
    """Who is signed in; only behind a door that asks it."""
    found: Reader = g.reader
    return found


def asker() -> Asker:
    """Whose session calls; only behind the gate's door."""
    found: Asker = g.asker
    return found


def _nobody() -> None:
    """Open to all."""


def _gate() -> None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    caller = stamp.read(service().settings.gate_key, token if scheme == stamp.SCHEME else "")
    with reading(service().engine) as database:
        _require(rights.why_not_session(database, caller.person, caller.project, today()))
    g.asker = caller


def _signed_in() -> None:
    _let_in(rights.why_not_active)


def _researcher() -> None:
    _let_in(_why_no_researcher)


def _output_checker() -> None:
    _let_in(rights.why_not_check)


def _data_owner() -> None:
    _let_in(why_not_own)


def _data_steward() -> None:
    _let_in(rights.why_not_steward)


def _operator() -> None:
    _let_in(rights.why_not_operate)


def _numbers() -> None:
    """Those who answer for the review: output checkers, and operators, who see no data in it."""
    _let_in(rights.why_not_numbers)


def _scraper() -> None:
    """A program that shows the token for metrics. Where the settings have none, there are no metrics."""
    expected = service().settings.metrics_token
    if expected is None:
        raise NoSuchThing("Metrics are off here. The operator turns them on with the setting “metrics”.")
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme != "Bearer" or not hmac.compare_digest(token.encode(), expected.encode()):
        raise NoScraper


def _let_in(why_not: Callable[[Person | None, date], str | None]) -> None:
    token = tokens.of_call()
    name = service().hub.name_of(token) if token is not None else None
    if name is None:
        raise NotSignedIn
    tokens.require_own_call()
    with at_the_door(goes_on=_goes_on()) as database:
        person, zone, unread = _as_registered(database, name)
        if person is not None:
            g.reader = Reader(person.name, person.full_name, person.role, zone, unread)
        _require(why_not(person, today()))


def _goes_on() -> bool:
    return bool(getattr(current_app.view_functions[request.endpoint or ""], _GOES_ON, False))


def _as_registered(database: Database, name: str) -> tuple[Person | None, str | None, int]:
    """The person of that name, if there is one, her time zone, if she chose one, and how much she has not read."""
    found = database.execute(_REGISTERED, {"name": name}).first()
    person = once(database, ("person", name), lambda: None if found is None else found[0])
    return (person, None, 0) if found is None else (person, found[1], found[2])


_UNREAD = select(func.count(Notification.id)).where(
    Notification.person == bindparam("name"), Notification.read_at.is_(None)
)
_REGISTERED = (
    select(Person, Preference.zone, _UNREAD.scalar_subquery())
    .outerjoin(Preference, Preference.person_name == Person.name)
    .where(Person.name == bindparam("name"))
)


def _why_no_researcher(person: Person | None, day: date) -> str | None:
    if (reason := rights.why_not_active(person, day)) is not None:
        return reason
    if person is None or person.role is not Role.RESEARCHER:
        return "Only researchers have requests of their own. Your role is another one."
    return None


def _require(reason: str | None) -> None:
    if reason is not None:
        raise NotPermitted(reason)


DOORS: dict[Audience, Callable[[], Any]] = {
    "public": _nobody,
    "gate": _gate,
    "signed_in": _signed_in,
    "researcher": _researcher,
    "output_checker": _output_checker,
    "data_owner": _data_owner,
    "data_steward": _data_steward,
    "operator": _operator,
    "numbers": _numbers,
    "scraper": _scraper,
}
