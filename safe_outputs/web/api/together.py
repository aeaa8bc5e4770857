"""Several requests read at once and approved with one call: each is a vote of its own, and one refused stops none."""

from typing import Annotated

from pydantic import Field

from governance.database import reading, transaction
from governance.errors import SaferoomError
from safe_outputs import requests
from safe_outputs import together as service_of_together
from safe_outputs.web.access import reader
from safe_outputs.web.api import etags
from safe_outputs.web.api.problem import problem_of
from safe_outputs.web.api.request_answer import RequestAnswer, answer_of, view_for_reader
from safe_outputs.web.api.shapes import Answer, Body, Problem
from safe_outputs.web.api.statement import Reply, api, endpoint
from safe_outputs.web.seen import seen
from safe_outputs.web.service import service, today

blueprint = api("together")


class Read(Answer):
    """A request with its version, as `GET /api/requests/{request_id}` has them."""

    etag: str
    request: RequestAnswer


class ToRead(Answer):
    """The first requests that need but a look; `more`: others wait behind them."""

    requests: list[Read]
    more: bool


class Approval(Body):
    """One request to approve: its version and the hash of its content, both as they were read."""

    id: str
    etag: str
    content_hash: str


class Approvals(Body):
    approve: Annotated[list[Approval], Field(min_length=1, max_length=service_of_together.MOST)]


class ApprovalOutcome(Answer):
    """What became of one approval: `problem` is why it was not taken, or null."""

    id: str
    approved: bool
    problem: Problem | None


class Approved(Answer):
    outcomes: list[ApprovalOutcome]


@endpoint(
    blueprint,
    "GET",
    "/queue/together",
    "output_checker",
    "The requests that wait for you and need but a look.",
    answer=ToRead,
)
def read() -> Reply:
    with reading(service().engine) as database:
        views, more = service_of_together.together(database, service().store, reader().name, today())
    found = [answer_of(view) for view in views]
    shown = ToRead(requests=[Read(etag=etags.etag(each), request=each) for each in found], more=more)
    return Reply(shown, before=lambda: seen(reader().name, "api", *views))


@endpoint(
    blueprint,
    "POST",
    "/queue/together",
    "output_checker",
    "Approve several requests that you have read; each is a vote of its own.",
    body=Approvals,
    answer=Approved,
)
def approve(body: Approvals) -> Approved:
    return Approved(outcomes=[_outcome(each) for each in body.approve])


def _outcome(approval: Approval) -> ApprovalOutcome:
    try:
        _approve(approval)
    except SaferoomError as error:
        return ApprovalOutcome(id=approval.id, approved=False, problem=problem_of(error))
    return ApprovalOutcome(id=approval.id, approved=True, problem=None)


def _approve(approval: Approval) -> None:
    with transaction(service().engine) as database:
        etags.require_same(approval.etag, answer_of(view_for_reader(database, approval.id)))
        service_of_together.approve(
            database,
            service().store,
            requests.find_request(database, approval.id),
            checker=reader().name,
            seen=approval.content_hash,
            today=today(),
        )
