"""What a person sets for herself."""

from governance import preferences
from governance.database import reading, transaction
from governance.errors import Invalid
from safe_outputs.notifications import telling
from safe_outputs.notifications.kinds import Choice, Kind
from safe_outputs.web.access import reader
from safe_outputs.web.api.shapes import Answer, Body
from safe_outputs.web.api.statement import api, endpoint
from safe_outputs.web.service import service

blueprint = api("settings")


class Settings(Answer):
    """`time_zone` is None for the service's; `email` says, for each kind of notification, when you get one."""

    time_zone: str | None
    address: str | None
    email: dict[Kind, Choice]


class Zone(Body):
    """A time zone by its IANA name; None for the service's."""

    time_zone: str | None


class Email(Body):
    """When you want an e-mail, by kind; what is left out stays as it is."""

    email: dict[Kind, Choice]


@endpoint(blueprint, "GET", "/settings", "signed_in", "What you have set for yourself.", answer=Settings)
def settings() -> Settings:
    return _settings()


def _settings() -> Settings:
    with reading(service().engine) as database:
        found = database.get(preferences.Preference, reader().name)
        chosen = telling.choices(database, reader().name)
    return Settings(time_zone=found.zone if found else None, address=found.email if found else None, email=chosen)


@endpoint(
    blueprint,
    "PUT",
    "/settings/time-zone",
    "signed_in",
    "Choose the time zone in which pages show you times.",
    answer=Settings,
    body=Zone,
    refuses=(Invalid,),
)
def set_zone(body: Zone) -> Settings:
    with transaction(service().engine) as database:
        preferences.set_zone(database, reader().name, body.time_zone)
    return _settings()


@endpoint(
    blueprint,
    "PUT",
    "/settings/email",
    "signed_in",
    "Choose when you get e-mail.",
    answer=Settings,
    body=Email,
    refuses=(Invalid,),
)
def set_email(body: Email) -> Settings:
    with transaction(service().engine) as database:
        telling.choose(database, reader().name, {kind.value: choice.value for kind, choice in body.email.items()})
    return _settings()
