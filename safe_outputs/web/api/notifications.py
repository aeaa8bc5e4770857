"""What a person was told, and what she has read of it."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import Field, model_validator

from governance.database import reading, transaction
from safe_outputs.notifications import telling
from safe_outputs.web.access import reader
from safe_outputs.web.api.shapes import DIGITS, Answer, Body, Query
from safe_outputs.web.api.statement import api, endpoint
from safe_outputs.web.service import service

blueprint = api("notifications")

Id = Annotated[int, Field(ge=0, lt=2**31)]


class ToldYou(Answer):
    """`path` is where it leads, below the outputs service."""

    id: int
    sentence: str
    path: str
    at: datetime
    read: bool


class Notifications(Answer):
    """The newest, or the newest before one; `unread` counts all."""

    unread: int
    notifications: list[ToldYou]


class Before(Query):
    before: Annotated[int, Field(ge=0, lt=2**31, description="older than the one of this id"), DIGITS] | None = None


class WhichRead(Body):
    """Which are read: `one`, or all `up_to` one; exactly one of the two."""

    one: Id | None = None
    up_to: Id | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.one is None) == (self.up_to is None):
            raise ValueError("give one of the two")
        return self


class Marked(Answer):
    """How many were not read before."""

    marked: int


@endpoint(blueprint, "GET", "/notifications", "signed_in", "What you were told.", answer=Notifications, query=Before)
def told(query: Before) -> Notifications:
    with reading(service().engine) as database:
        found = telling.told(database, reader().name, before=query.before)
        unread = telling.unread(database, reader().name)
    return Notifications(unread=unread, notifications=[ToldYou.model_validate(each) for each in found])


@endpoint(blueprint, "POST", "/notifications/read", "signed_in", "Mark as read.", answer=Marked, body=WhichRead)
def mark_read(body: WhichRead) -> Marked:
    with transaction(service().engine) as database:
        return Marked(marked=telling.mark_read(database, reader().name, one=body.one, up_to=body.up_to))
