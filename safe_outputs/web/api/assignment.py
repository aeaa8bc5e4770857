"""Who is asked to review a request, handing it on, and being away."""

from datetime import date

from governance.database import reading, transaction
from governance.errors import Invalid
from safe_outputs.assignment import assigning
from safe_outputs.errors import NotPermitted, WrongState
from safe_outputs.requests import find_request
from safe_outputs.rights import RIGHTS
from safe_outputs.transitions import Action
from safe_outputs.web.access import reader
from safe_outputs.web.api import etags
from safe_outputs.web.api.shapes import Answer, Body
from safe_outputs.web.api.statement import api, endpoint
from safe_outputs.web.assignment import day_in, hand_on
from safe_outputs.web.service import service, today

blueprint = api("assignment")


class AskedToReview(Answer):
    """How many are asked, and whether you are; never who. Sentences say why too few are, and why you cannot decline."""

    number: int
    mine: bool
    why_missing: str | None
    why_not_decline: str | None


class Away(Answer):
    """The last day on which you are away, in UTC; null while you are here."""

    until: date | None


class AwayUntil(Body):
    """A day like 2027-03-31; null when you are here."""

    until: str | None


@endpoint(
    blueprint,
    "GET",
    "/requests/<request_id>/asked",
    "output_checker",
    "Who is asked to review a request.",
    answer=AskedToReview,
)
def asked(request_id: str) -> AskedToReview:
    with reading(service().engine) as database:
        request = find_request(database, request_id)
        if (reason := RIGHTS[Action.VOTE].why_not(database, request, reader().name, today())) is not None:
            raise NotPermitted(reason)
        return AskedToReview.model_validate(assigning.asked(database, request, reader().name))


@endpoint(
    blueprint,
    "POST",
    "/requests/<request_id>/decline",
    "output_checker",
    "Hand a review that is assigned to you on to another checker.",
    answer=AskedToReview,
    refuses=(WrongState,),
)
def decline(request_id: str) -> AskedToReview:
    hand_on(request_id)
    with reading(service().engine) as database:
        return AskedToReview.model_validate(
            assigning.asked(database, find_request(database, request_id), reader().name)
        )


@endpoint(blueprint, "GET", "/settings/away", "output_checker", "Until when you are away.", answer=Away, etag=True)
def away() -> Away:
    with reading(service().engine) as database:
        return Away(until=assigning.away_until(database, reader().name, today()))


@endpoint(
    blueprint,
    "PUT",
    "/settings/away",
    "output_checker",
    "Say until when you are away; what is assigned to you is handed on.",
    body=AwayUntil,
    answer=Away,
    etag=True,
    if_match=True,
    refuses=(Invalid,),
)
def set_away(body: AwayUntil) -> Away:
    with transaction(service().engine) as database:
        etags.require_match(Away(until=assigning.away_until(database, reader().name, today())))
        until = day_in(body.until or "")
        assigning.set_absence(database, reader().name, until, today=today())
    return Away(until=until)
