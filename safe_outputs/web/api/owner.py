"""The data owner's side: who uses her data, what left of it, recalling that, and her delegates."""

from datetime import date, datetime
from typing import Annotated

from pydantic import StringConstraints

from governance.database import reading, transaction
from governance.errors import Invalid, NotFound
from safe_outputs import conversation, reviewing
from safe_outputs.errors import MalformedRequest, WrongState
from safe_outputs.releases import owning
from safe_outputs.releases.owner_view import owners_view
from safe_outputs.requests import find_request
from safe_outputs.web.access import reader
from safe_outputs.web.api.shapes import Answer, Body
from safe_outputs.web.api.statement import api, endpoint
from safe_outputs.web.assignment import day_in
from safe_outputs.web.service import service, today

blueprint = api("owner")


class DataUse(Answer):
    """A project's use of a dataset; `pending`: how many of its requests with something of it are under way."""

    dataset: str
    version: int
    project: str
    project_id: str
    agreed_at: datetime
    in_force: bool
    pending: int


class DataRelease(Answer):
    """A release with something of your data. `title` is null where you may not read it."""

    id: str
    request_id: str
    title: str | None
    project: str
    datasets: list[str]
    audience: str
    public: bool
    released_at: datetime
    taken: int
    recalled_at: datetime | None
    reason: str | None
    why_not_recall: str | None


class Delegate(Answer):
    """Who may see and take it, up to and including a day."""

    delegate: str
    until: date


class OwnData(Answer):
    """`owner`: you are an owner yourself. `others`: in whose name you see more."""

    owner: bool
    others: list[str]
    uses: list[DataUse]
    left: list[DataRelease]
    delegates: list[Delegate]


class RecallReason(Body):
    reason: Annotated[str, StringConstraints(min_length=1, max_length=conversation.LONGEST)]


class DelegateUntil(Body):
    """The last day, like 2027-03-31; null ends it."""

    until: str | None


@endpoint(blueprint, "GET", "/owner", "signed_in", "Your data, and what left of it.", answer=OwnData)
def own() -> OwnData:
    return _own()


def _own() -> OwnData:
    with reading(service().engine) as database:
        return OwnData.model_validate(owners_view(database, reader().name, today()))


@endpoint(
    blueprint,
    "POST",
    "/owner/requests/<request_id>/recall",
    "data_owner",
    "Take a release of your data back.",
    answer=OwnData,
    body=RecallReason,
    refuses=(WrongState, MalformedRequest),
)
def recall_owned(request_id: str, body: RecallReason) -> OwnData:
    with transaction(service().engine) as database:
        found = find_request(database, request_id)
        reviewing.recall(database, found, person=reader().name, reason=body.reason, today=today())
    return _own()


@endpoint(
    blueprint,
    "PUT",
    "/owner/delegates/<name>",
    "data_owner",
    "Name a delegate until a day, or end it.",
    answer=OwnData,
    body=DelegateUntil,
    refuses=(Invalid, NotFound),
)
def set_delegate(name: str, body: DelegateUntil) -> OwnData:
    until = day_in(body.until or "")
    with transaction(service().engine) as database:
        if until is None:
            owning.end_delegate(database, owner=reader().name, delegate=name, today=today())
        else:
            owning.name_delegate(database, owner=reader().name, delegate=name, until=until, today=today())
    return _own()
