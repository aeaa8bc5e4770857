"""Requests that can be read and approved on one page: nothing in them needs more than a look (triage).

One predicate for the page and for the form that it sends (I13). Each approval is a vote of its own, on the content that
was shown; to return or to reject a request is done on its own page.
"""

from datetime import date
from itertools import islice

from sqlalchemy.orm import Session

from governance import access
from governance.people import find_person
from safe_outputs.answers import Verdict
from safe_outputs.asking import read_answer
from safe_outputs.contents.groups import says_more
from safe_outputs.errors import NotPermitted
from safe_outputs.lists.desk import waiting_for
from safe_outputs.lists.lines import request_line
from safe_outputs.models import ReleaseRequest
from safe_outputs.reading import RequestView, request_view
from safe_outputs.requests import find_request
from safe_outputs.reviewing import vote, why_not_approve
from safe_outputs.store import Store
from safe_outputs.transitions import Vote

AT_A_GLANCE = frozenset({Verdict.SAFE, Verdict.PROTECTED})
MOST = 20


def why_not_together(session: Session, store: Store, request: ReleaseRequest, person: str, today: date) -> str | None:
    """Why this person cannot approve this request among others; None if she can."""
    if (reason := why_not_approve(session, store, request, person, today)) is not None:
        return reason
    if request_line(session, request, person, today).verdict not in AT_A_GLANCE:
        return "A finding of this request has to be judged by a person. Open the request by itself."
    if request.votes and any(each.checker == person for each in request.votes if each.turn == request.turn):
        return "The votes on this request differ. Open the request by itself and consolidate them."
    return _why_more_than_a_look(store, request)


def _why_more_than_a_look(store: Store, request: ReleaseRequest) -> str | None:
    """What in a request is not read, or cannot be judged, on a page with others; None where nothing is."""
    if request.files:
        return "It holds files, which no rule has computed anew. Open the request by itself."
    if says_more(request):
        return "Its groups have words of their own, which leave with it. Open the request by itself."
    answers = [read_answer(store, item.statistic) for item in request.items]
    if any(answer.provenance != "verified" for answer in answers):
        return "Not every statistic of this request is verified. Open the request by itself."
    return None


def together(session: Session, store: Store, person: str, today: date) -> tuple[tuple[RequestView, ...], bool]:
    """The first `MOST` requests, by risk and age, that wait for this checker and need but a look; are there more?

    Answers are read for no more requests than it takes to find these.

    Raises:
        NotPermitted: she is no output checker.
    """
    if (reason := access.why_not_check(find_person(session, person), today)) is not None:
        raise NotPermitted(reason)
    fitting = (
        line.id
        for line in waiting_for(session, person, today)
        if line.verdict in AT_A_GLANCE
        and why_not_together(session, store, find_request(session, line.id), person, today) is None
    )
    found = list(islice(fitting, MOST + 1))
    return tuple(request_view(session, store, each, person, today) for each in found[:MOST]), len(found) > MOST


def approve(session: Session, store: Store, request: ReleaseRequest, *, checker: str, seen: str, today: date) -> None:
    """Approve one of the requests that were read together, on the content whose hash was shown.

    Raises:
        NotPermitted: it needs more than a look, or she may not approve it.
        WrongState, MalformedRequest: as for every vote.
    """
    reason = why_not_together(session, store, request, checker, today)
    if reason is not None:
        raise NotPermitted(reason)
    vote(session, store, request, checker=checker, vote=Vote.APPROVE, comment="", seen=seen, today=today)
