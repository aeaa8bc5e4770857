"""Release requests as their readers see them: one, how far it is, what happened."""

from governance.database import reading
from safe_outputs.web.access import reader
from safe_outputs.web.api.request_answer import Progress, RequestAnswer, answer_of, view_for_reader
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
    with reading(service().engine) as database:
        return Progress.model_validate(view_for_reader(database, request_id).line, from_attributes=True)


def shown(request_id: str) -> Reply:
    """The request as it is now, once it is on record that its reader sees it; for changes, read after the commit."""
    with reading(service().engine) as database:
        view = view_for_reader(database, request_id)
    return Reply(answer_of(view), before=lambda: seen(reader().name, "api", view))
