"""The output checker's desk and her vote."""

from flask import Blueprint, Response, make_response, render_template, request

from governance.database import share, transaction
from governance.errors import SaferoomError
from safe_outputs import conversation, requests, reviewing
from safe_outputs.errors import MalformedRequest
from safe_outputs.lists.desk import EVERYTHING, Queue, Ranges, Search, queue
from safe_outputs.return_categories import Category, category_from
from safe_outputs.together import AT_A_GLANCE
from safe_outputs.transitions import RemarkKind, Vote
from safe_outputs.web.access import access, reader
from safe_outputs.web.filters import sent, without_token
from safe_outputs.web.forms import VoteForm
from safe_outputs.web.lists import STATES, Group, range_of, search
from safe_outputs.web.request_page import Written, done, page
from safe_outputs.web.service import service, today
from safe_outputs.web.state import state
from safe_outputs.web.unchanged import Kept, for_a_minute, pages
from safe_outputs.web.when_sent import pieces_of

blueprint = Blueprint("queue", __name__)

SIZES = {"mine": 25, "others": 10, "author": 10, "decided": 10}
"""How many lines of each part stand on one page."""


@blueprint.get("/queue")
@access("output_checker", goes_on=True)
def desk() -> Response:
    ranges = Ranges(**{name: range_of(name, size) for name, size in SIZES.items()})
    looked_for = search()
    with state() as database:
        key = for_a_minute(pages().mark(database))
        if (kept := pages().find(key)) is not None:
            return make_response(sent(kept.pieces))
        found = queue(database, reader().name, today(), ranges, looked_for)
    at_a_glance = any(line.verdict in AT_A_GLANCE for line in found.waiting_for_you.lines)
    content = render_template(
        "queue.html", groups=groups(found, looked_for), at_a_glance=at_a_glance, search=looked_for, states=STATES
    )
    pages().keep(key, kept := Kept(pieces_of(without_token(content))))
    return make_response(sent(kept.pieces))


def groups(found: Queue, looked_for: Search) -> tuple[Group, ...]:
    """The queue's parts in the order in which a checker needs them."""
    parts = (found.waiting_for_you, found.waiting_for_others, found.with_author, found.decided)
    return tuple(
        Group(anchor, heading, page, empty, looked_for != EVERYTHING)
        for page, (anchor, heading, empty) in zip(parts, PARTS, strict=True)
    )


PARTS = (
    (
        "mine",
        "Waiting for you",
        "Nothing waits for you. Requests come here when a researcher submits them and your vote is wanted.",
    ),
    (
        "others",
        "Waiting for others",
        "Nothing waits for other checkers. Requests on which you have voted stand here until all votes are in.",
    ),
    (
        "author",
        "With the author",
        "Nothing is with its author. Requests that were returned for changes stand here until they come back.",
    ),
    (
        "decided",
        "Decided",
        "Nothing was decided yet. Released, rejected and withdrawn requests stand here.",
    ),
)
"""The anchor of each part of the queue, its heading, and what stands there when it is empty."""


@blueprint.post("/requests/<request_id>/vote")
@access("output_checker")
def vote(request_id: str) -> Response:
    """Vote on the content whose hash the form carries. Refused votes show the page again, with what was written."""
    form = VoteForm()
    try:
        _vote(request_id, form)
    except SaferoomError as error:
        return page(request_id, form, error)
    return done(request_id, "Your vote is recorded.")


@blueprint.post("/requests/<request_id>/return")
@access("output_checker")
def return_early(request_id: str) -> Response:
    reason, chosen = request.form.get("reason", ""), request.form.get("category", "")
    try:
        with transaction(service().engine) as database:
            reviewing.return_early(
                database,
                requests.find_request(database, request_id),
                checker=reader().name,
                reason=reason,
                today=today(),
                category=_category(chosen),
            )
    except SaferoomError as error:
        return page(request_id, problem=error, written=Written("vote", reason=reason, category=chosen))
    return done(request_id, "The request is back with its author.")


SAY: dict[str, tuple[RemarkKind, str]] = {
    "question": (RemarkKind.QUESTION, "Your question is with the author."),
    "note": (RemarkKind.NOTE, "Your comment is kept for output checkers."),
    "comment": (RemarkKind.COMMENT, "Your comment is kept for all."),
}


@blueprint.post("/requests/<request_id>/say")
@access("output_checker")
def say(request_id: str) -> Response:
    """A question or a comment; the button that was pressed says which."""
    text = request.form.get("text", "")
    try:
        sentence = _say(request_id, request.form.get("kind", ""), text)
    except SaferoomError as error:
        return page(request_id, problem=error, written=Written("conversation", text=text))
    return done(request_id, sentence)


def _say(request_id: str, chosen: str, text: str) -> str:
    if chosen not in SAY:
        raise MalformedRequest("Press one of the three buttons below what you wrote.")
    kind, sentence = SAY[chosen]
    person = reader().name
    with transaction(service().engine) as database:
        found = requests.find_request(database, request_id)
        if kind is RemarkKind.QUESTION:
            conversation.ask(database, found, checker=person, text=text, today=today())
        else:
            private = kind is RemarkKind.NOTE
            conversation.comment(database, found, checker=person, text=text, private=private, today=today())
    return sentence


def _vote(request_id: str, form: VoteForm) -> None:
    if not form.validate():
        raise MalformedRequest(" ".join(str(each) for errors in form.errors.values() for each in errors))
    with transaction(service().engine) as database:
        share(database, {})  # a vote changes nothing of what is shared, so each thing is asked once
        reviewing.vote(
            database,
            service().store.read_once(),
            requests.find_request(database, request_id),
            checker=reader().name,
            vote=Vote(form.vote.data),
            comment=form.comment.data or "",
            seen=form.content_hash.data or "",
            today=today(),
            category=_category(form.category.data),
        )


def _category(chosen: str | None) -> Category | None:
    """What was chosen as the main reason, or None. Raises `MalformedRequest` for what is not on the list."""
    return category_from(chosen) if chosen else None
