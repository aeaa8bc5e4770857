"""The page of numbers, its plots, and the line in the queue's head. For output checkers and operators."""

from collections.abc import Callable

from flask import Blueprint, Response, current_app, make_response, render_template
from sqlalchemy import select

from governance.database import reading
from governance.people import Role
from safe_outputs.errors import NoSuchThing
from safe_outputs.models import ReleaseRequest
from safe_outputs.numbers.present import Present
from safe_outputs.numbers.summary import Numbers, Turnaround
from safe_outputs.web import numbers_words as words
from safe_outputs.web import plots
from safe_outputs.web.access import access, reader
from safe_outputs.web.plots import Row
from safe_outputs.web.security import INERT_POLICY
from safe_outputs.web.service import service

blueprint = Blueprint("numbers", __name__)

SHOWN_APPROVED = 20
_KEY = "saferoom_numbers"


def present() -> Present:
    """The numbers that this application keeps."""
    found: Present = current_app.extensions.setdefault(_KEY, Present(service().engine, service().store))
    return found


@blueprint.app_template_global("turnaround_in_head")
def turnaround_in_head() -> str:
    """“median 1.2 days · 90 % within 3 days”, of the last ninety days; empty where there are too few to tell."""
    return words.in_head(present().of_the_queue())


@blueprint.get("/numbers")
@access("numbers")
def page() -> Response:
    found = present().of_the_year()
    checker = reader().role is Role.OUTPUT_CHECKER
    content = render_template(
        "numbers.html", found=found, words=words, approved=_approved(found) if checker else [], checker=checker
    )
    return make_response(content)


def _approved(found: Numbers) -> list[ReleaseRequest]:
    """The newest requests that were approved although a rule referred them. Titles are for output checkers alone."""
    ids = found.overrides.newest[:SHOWN_APPROVED]
    with reading(service().engine) as database:
        requests = {
            each.id: each for each in database.scalars(select(ReleaseRequest).where(ReleaseRequest.id.in_(ids)))
        }
    return [requests[each] for each in ids]


@blueprint.get("/numbers/<name>.svg")
@access("numbers")
def plot(name: str) -> Response:
    """One plot. What it shows is in a table of the page as well."""
    draw = PLOTS.get(name)
    if draw is None:
        raise NoSuchThing("There is no such plot. The page of numbers has all that there are.")
    response = make_response(draw(present().of_the_year()))
    response.content_type = "image/svg+xml"
    response.headers["Content-Security-Policy"] = INERT_POLICY
    return response


def _by_month(found: Numbers) -> str:
    rows = [Row(_short(each.of, first=not place), _days(each), ("", "")) for place, each in enumerate(found.months)]
    return plots.months("Checkers’ time until the decision, by month", ("median", "90th percentile"), "days", rows)


def _short(month: str, *, first: bool) -> str:
    """“Nov”, with the year where one begins."""
    told = words.month(month)
    return told if first or told.startswith("Jan") else told[:3]


def _days(found: Turnaround) -> tuple[float | None, ...]:
    return tuple(each and each / words.DAY for each in (found.checkers.median, found.checkers.ninetieth))


def _by_stage(found: Numbers) -> str:
    rows = [
        Row(
            words.STAGES[stage],
            (each.median, each.ninetieth),
            (words.lasting(each.median), words.lasting(each.ninetieth)),
        )
        for stage, each in found.stages
    ]
    return plots.bars("Time in each stage", ("median", "90th percentile"), rows)


def _by_reason(found: Numbers) -> str:
    rows = [Row(words.reason_label(reason), (count,), (str(count),)) for reason, count in found.returns.reasons]
    return plots.bars("Returned turns by main reason", ("turns",), rows)


PLOTS: dict[str, Callable[[Numbers], str]] = {"months": _by_month, "stages": _by_stage, "reasons": _by_reason}
