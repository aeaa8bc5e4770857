"""The page of one release request, for its project's people and for output checkers."""

from dataclasses import dataclass
from functools import partial

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session as Database

from governance.database import transaction
from governance.errors import SaferoomError
from governance.people import Role
from safe_outputs import reviewing
from safe_outputs.asking import stored_answer
from safe_outputs.assignment.assigning import Asked, asked_for
from safe_outputs.evidence.at_a_glance import AtAGlance, at_a_glance, scopes_of
from safe_outputs.evidence.submissions import ChangedSince
from safe_outputs.reading import RequestView, StatisticView, request_view
from safe_outputs.reads_as import reads_as
from safe_outputs.requests import find_request
from safe_outputs.store import ReadOnce, Store
from safe_outputs.transitions import ACTION_STATES, Action
from safe_outputs.web import words
from safe_outputs.web.access import Reader, access, reader
from safe_outputs.web.differences import ShownSince, lay_out
from safe_outputs.web.earlier import ShownBeside, lay_beside
from safe_outputs.web.filters import sent, without_token
from safe_outputs.web.fixed import shown_statistic
from safe_outputs.web.forms import ConfirmForm, VoteForm
from safe_outputs.web.places import Places, places
from safe_outputs.web.seen import looks
from safe_outputs.web.service import service, today
from safe_outputs.web.state import state
from safe_outputs.web.statistic_part import in_the_list, part
from safe_outputs.web.unchanged import Kept, Key, for_a_day, pages
from safe_outputs.web.when_sent import left_open, pieces_of

blueprint = Blueprint("request_page", __name__)


@blueprint.get("/requests/<request_id>")
@access("signed_in", goes_on=True)
def read(request_id: str) -> Response:
    """As it was rendered before, where nothing happened since; she may still read it, and that is recorded."""
    with state() as database:
        key = _key(database, request_id)
        known = _kept(database, key) or _see(database, request_id, key)
    return _answer(known) if isinstance(known, _Seen) else _again(known)


def _again(kept: Kept) -> Response:
    kept.compare(service().store)
    service().views.record(*kept.looks)
    return make_response(sent(kept.pieces))


def _key(database: Database, request_id: str) -> Key | None:
    """Under what the page can be found and kept; None for who may not read it: what is rendered anew says why."""
    mark = pages().mark(database, request_id)
    who = None if mark is None else reads_as(database, request_id, reader().name, today())
    return None if who is None else for_a_day(who, mark)


def _kept(database: Database, key: Key | None) -> Kept | None:
    kept = pages().find(key)
    return kept if kept is not None and kept.still_holds(database) else None


@dataclass(frozen=True)
class Written:
    """What a person had written into a form that was refused, and where the page takes her for it."""

    at: str = "vote"
    text: str = ""
    reason: str = ""
    category: str = ""
    question: int = 0


NOTHING_WRITTEN = Written()


@blueprint.post("/requests/<request_id>/recall")
@access("signed_in")
def recall(request_id: str) -> Response:
    """Take the release of this request back. Who may is asked of the one predicate."""
    reason = request.form.get("reason", "")
    try:
        with transaction(service().engine) as database:
            found = find_request(database, request_id)
            reviewing.recall(database, found, person=reader().name, reason=reason, today=today())
    except SaferoomError as error:
        return page(request_id, problem=error, written=Written("recall", reason=reason))
    return done(request_id, "The release is recalled. Its files are refused from now on.")


def done(request_id: str, sentence: str) -> Response:
    """Say what was done, and show the request as it is now; a data owner, who does not read it, what became of it."""
    flash(sentence)
    if reader().role is Role.DATA_OWNER:
        return make_response(redirect(url_for("owner.desk"), 303))
    return make_response(redirect(url_for("request_page.read", request_id=request_id), 303))


def page(
    request_id: str,
    form: VoteForm | None = None,
    problem: SaferoomError | None = None,
    written: Written = NOTHING_WRITTEN,
) -> Response:
    """The request's page; after an action that was refused, with the reason on top and what was written kept."""
    with state() as database:
        pages().mark(database, request_id)  # what is the same for all pages is found there
        seen = _see(database, request_id, None)
    return _answer(seen, form, problem, written)


@dataclass(frozen=True)
class _Seen:
    """All of the register and the store that a request's page shows. `key`: under what it is kept; None: it is not."""

    key: Key | None
    store: ReadOnce
    view: RequestView
    asked: Asked | None
    places: Places
    beside: AtAGlance

    @property
    def scopes(self) -> tuple[str, ...]:
        return scopes_of(each.answer for each in self.view.statistics)


def _see(database: Database, request_id: str, key: Key | None) -> _Seen:
    name, store = reader().name, service().store.read_once()
    view = request_view(database, store, request_id, name, today())
    found = find_request(database, request_id)
    on_page = _places(view)
    answers = [each.answer for each in view.statistics]
    beside = at_a_glance(database, store, found, answers, name, today(), read=on_page.read, counts=on_page.counts)
    asked = asked_for(database, found, name, today())
    return _Seen(key, store, view, asked, on_page, beside)


def _answer(
    seen: _Seen,
    form: VoteForm | None = None,
    problem: SaferoomError | None = None,
    written: Written = NOTHING_WRITTEN,
) -> Response:
    """The page as it is sent, once the look at it is on record."""
    view, beside = seen.view, seen.beside
    look = looks(reader().name, "page", view, counts=[name for name, each in beside.counts.items() if each.cells])
    service().views.record(*look)
    with left_open():
        pieces = pieces_of(without_token(_rendered(seen, form, problem, written)))
    if not seen.places.counts and not view.releases:  # the chain tells of downloads once an hour
        pages().keep(seen.key, Kept(pieces, seen.store.digests, look, seen.scopes, beside.left))
    return make_response(sent(pieces), problem.status if problem else 200)


def _rendered(seen: _Seen, form: VoteForm | None, problem: SaferoomError | None, written: Written) -> str:
    view, beside, on_page = seen.view, seen.beside, seen.places
    checker = reader().role is Role.OUTPUT_CHECKER
    return render_template(
        "request.html",
        view=view,
        asked=seen.asked,
        since=beside.since,
        changes=changes(beside.since),
        here=on_page.to,
        places=on_page,
        own_vote=beside.own_vote,
        left=beside.left,
        shown_statistic=shown_statistic,
        listed=[in_the_list(each) for each in view.statistics],
        statistics=[
            part(each, beside, on_page, _earlier(each, beside, seen.store))
            for each in view.statistics
            if each.position in on_page.read
        ],
        form=(form or VoteForm(formdata=None)) if checker else ConfirmForm(formdata=None),
        problem=problem.sentence if problem else None,
        approve=approve_words(view),
        blind=view.line.state in ACTION_STATES[Action.VOTE] and not view.line.differ,
        kept=written,
        problem_at="#comment" if form is not None and view.reasons[Action.VOTE] is None else f"#{written.at}",
        back=_back(reader()),
    )


def changes(since: ChangedSince | None) -> ShownSince | None:
    """What changed, laid out; None where there is nothing to compare with."""
    return lay_out(since.difference) if since is not None and since.difference is not None else None


def _earlier(statistic: StatisticView, beside: AtAGlance, store: Store) -> ShownBeside | None:
    """What was released before, laid beside a statistic that is being read."""
    found = beside.earlier.get(statistic.id)
    read = partial(stored_answer, store)
    return lay_beside(found, statistic.digest, statistic.answer, read) if found is not None else None


def _places(view: RequestView) -> Places:
    numbers = {each.id: each.position for each in view.statistics}
    return places(numbers, request.args.get("item", ""), counts="counts" in request.args)


def approve_words(view: RequestView) -> str:
    """What the button that approves does."""
    statistics, files = len(view.statistics), len(view.contents.files)
    if statistics + files == 1:
        return "Approve this statistic" if statistics else "Approve this file"
    counted = ((statistics, "statistic"), (files, "file"))
    return f"Approve these {' and '.join(words.count(number, what) for number, what in counted if number)}"


def _back(person: Reader) -> dict[str, str]:
    match person.role:
        case Role.OUTPUT_CHECKER:
            return {"text": "Queue", "href": url_for("queue.desk")}
        case _:
            return {"text": "Requests", "href": url_for("author.requests")}
