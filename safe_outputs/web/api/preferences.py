"""What a person sets for herself."""

from typing import Annotated

from pydantic import StringConstraints
from sqlalchemy.orm import Session

from governance import preferences
from governance.database import reading, transaction
from governance.zones import zones
from safe_outputs.notifications import telling
from safe_outputs.notifications.kinds import Choice, Kind
from safe_outputs.web.access import reader
from safe_outputs.web.api import etags
from safe_outputs.web.api.shapes import Answer, Body
from safe_outputs.web.api.statement import api, endpoint
from safe_outputs.web.service import service

blueprint = api("preferences")


class Preferences(Answer):
    """`time_zone`: in which times are shown on your pages; null: in the service's. This API speaks UTC."""

    time_zone: str | None


class Zone(Body):
    time_zone: Annotated[str, StringConstraints(max_length=100)] | None


class Zones(Answer):
    zones: list[str]


@endpoint(blueprint, "GET", "/settings", "signed_in", "What you have set for yourself.", answer=Preferences, etag=True)
def read() -> Preferences:
    return Preferences(time_zone=reader().zone)


@endpoint(blueprint, "GET", "/settings/zones", "signed_in", "The time zones that can be chosen.", answer=Zones)
def listed() -> Zones:
    return Zones(zones=list(zones()))


@endpoint(
    blueprint,
    "PUT",
    "/settings",
    "signed_in",
    "Set for yourself.",
    body=Zone,
    answer=Preferences,
    etag=True,
    if_match=True,
)
def write(body: Zone) -> Preferences:
    with transaction(service().engine) as database:
        etags.require_match(Preferences(time_zone=preferences.preference_of(database, reader().name).zone))
        preferences.set_zone(database, reader().name, body.time_zone)
    return Preferences(time_zone=body.time_zone)


class Email(Answer):
    """`address` is where you are written to, as the operator entered it; `email` says when, by kind of notification."""

    address: str | None
    email: dict[Kind, Choice]


class EmailWanted(Body):
    """When you want an e-mail, by kind; what is left out stays as it is."""

    email: dict[Kind, Choice]


@endpoint(blueprint, "GET", "/settings/email", "signed_in", "When you are written to.", answer=Email, etag=True)
def email() -> Email:
    with reading(service().engine) as database:
        return _email(database)


@endpoint(
    blueprint,
    "PUT",
    "/settings/email",
    "signed_in",
    "Choose when you are written to.",
    body=EmailWanted,
    answer=Email,
    etag=True,
    if_match=True,
)
def choose_email(body: EmailWanted) -> Email:
    with transaction(service().engine) as database:
        etags.require_match(_email(database))
        telling.choose(database, reader().name, {kind.value: choice.value for kind, choice in body.email.items()})
        database.flush()
        return _email(database)


def _email(database: Session) -> Email:
    found = database.get(preferences.Preference, reader().name)
    return Email(address=found.email if found else None, email=telling.choices(database, reader().name))
