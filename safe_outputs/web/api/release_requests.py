"""Release requests as their readers see them: one, how far it is, what happened."""

from datetime import datetime

from governance.database import reading
from safe_outputs.reading import RequestView
from safe_outputs.web.access import reader
from safe_outputs.web.api.lists import Standing
from safe_outputs.web.api.releases import ReleaseLine
from safe_outputs.web.api.request_answer import Progress, RequestAnswer, answer_of, view_for_reader
from safe_outputs.web.api.shapes import Answer
from safe_outputs.web.api.statement import Reply, api, endpoint
from safe_outputs.web.seen import seen
from safe_outputs.web.service import service

blueprint = api("requests")


@endpoint(
    blueprint,
    "GET",
    "/requests/<request_id>",
    "signed_in",
    "A release request, as you may see it.",
    answer=RequestAnswer,
    etag=True,
)
def one(request_id: str) -> Reply:
    return shown(request_id)


@endpoint(
    blueprint,
    "GET",
    "/requests/<request_id>/progress",
    "signed_in",
    "How far the review of a request is.",
    answer=Progress,
)
def progress(request_id: str) -> Progress:
    return Progress.model_validate(_view(request_id).line)


class Event(Answer):
    """One event of the audit chain about the request, but for what is blind to the reader."""

    at: datetime
    actor: str
    action: str


class Taken(Answer):
    """A file of the request's release that somebody took; `times`: how often, where takers have no name."""

    who: str
    file: str
    at: datetime
    times: int


class History(Answer):
    """What happened to the request, oldest first, and who took which file of its release, newest first."""

    events: list[Event]
    downloads: list[Taken]


class Context(Answer):
    """What stands beside the request: what is promised to the people in its data, and what was released of them."""

    standings: list[Standing]
    released_before: list[ReleaseLine]
    more_before: bool


@endpoint(
    blueprint, "GET", "/requests/<request_id>/history", "signed_in", "What happened to a request.", answer=History
)
def history(request_id: str) -> Reply:
    view = _view(request_id)
    found = History(
        events=[Event.model_validate(each) for each in view.history],
        downloads=[Taken.model_validate(each) for each in view.downloads],
    )
    return Reply(found, before=lambda: seen(reader().name, "api", view))


@endpoint(
    blueprint,
    "GET",
    "/requests/<request_id>/context",
    "signed_in",
    "What was promised and released before, of the same people.",
    answer=Context,
)
def context(request_id: str) -> Reply:
    view = _view(request_id)
    found = Context(
        standings=[Standing.model_validate(each) for each in view.standings],
        released_before=[ReleaseLine.model_validate(each) for each in view.released_before],
        more_before=view.more_before,
    )
    return Reply(found, before=lambda: seen(reader().name, "api", view))


def shown(request_id: str) -> Reply:
    """The request as it is now, once it is on record that its reader sees it; for changes, read after the commit."""
    view = _view(request_id)
    return Reply(answer_of(view), before=lambda: seen(reader().name, "api", view))


def _view(request_id: str) -> RequestView:
    with reading(service().engine) as database:
        return view_for_reader(database, request_id)
