"""What people do to a release request: each change names the version that it is about, and answers the new one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, TypeVar

from pydantic import Field, StringConstraints
from sqlalchemy.orm import Session

from governance.database import transaction
from safe_outputs import conversation, requests, reviewing
from safe_outputs.contents.checklist import LONGEST_ANSWER, MOST_ANSWERS
from safe_outputs.errors import MalformedRequest, WrongState
from safe_outputs.models import ReleaseRequest
from safe_outputs.return_categories import Category
from safe_outputs.transitions import Vote
from safe_outputs.web.access import Audience, reader
from safe_outputs.web.api import etags
from safe_outputs.web.api.release_requests import shown
from safe_outputs.web.api.request_answer import RequestAnswer, answer_of, view_for_reader
from safe_outputs.web.api.shapes import Body
from safe_outputs.web.api.statement import Reply, api, endpoint
from safe_outputs.web.forms import LONGEST_COMMENT
from safe_outputs.web.service import service, today

V = TypeVar("V", bound=Callable[..., Reply])

blueprint = api("review")

Said = Annotated[str, StringConstraints(min_length=1, max_length=conversation.LONGEST)]
REFUSES = (WrongState, MalformedRequest)


class Ballot(Body):
    """A vote on the content whose hash was read. `comment` and `category` are needed unless it approves."""

    vote: Vote
    content_hash: str
    comment: Annotated[str, StringConstraints(max_length=LONGEST_COMMENT)] = ""
    category: Category | None = None


class Text(Body):
    text: Said


class Reason(Body):
    reason: Said


class EarlyReturn(Reason):
    category: Category


class AnswerToQuestion(Body):
    """The project's answer to the question of this number."""

    question: Annotated[int, Field(ge=0, lt=2**31)]
    text: Said


class ChecklistAnswers(Body):
    """Answers by question: “yes” where that is wanted, words where the question asks for words."""

    answers: Annotated[
        dict[str, Annotated[str, StringConstraints(max_length=LONGEST_ANSWER)]], Field(max_length=MOST_ANSWERS)
    ]


def change(path: str, access: Audience, summary: str, **facts: Any) -> Callable[[V], V]:
    """A change of one request: POST, with the version that it is about, answered with the request as it is then."""
    stated = {"answer": RequestAnswer, "etag": True, "if_match": True, "refuses": REFUSES, **facts}
    return endpoint(blueprint, "POST", f"/requests/<request_id>/{path}", access, summary, **stated)


@contextmanager
def changing(request_id: str) -> Iterator[tuple[Session, ReleaseRequest]]:
    """A transaction on a request whose present version the caller has read. Raises `Stale`, and what reading does."""
    with transaction(service().engine) as database:
        etags.require_match(answer_of(view_for_reader(database, request_id)))
        yield database, requests.find_request(database, request_id)


@change("votes", "output_checker", "Vote on what you have read.", body=Ballot)
def vote(request_id: str, body: Ballot) -> Reply:
    with changing(request_id) as (database, found):
        reviewing.vote(
            database,
            service().store,
            found,
            checker=reader().name,
            vote=body.vote,
            comment=body.comment,
            seen=body.content_hash,
            today=today(),
            category=body.category,
        )
    return shown(request_id)


@change("questions", "output_checker", "Ask the project a question.", body=Text)
def ask(request_id: str, body: Text) -> Reply:
    with changing(request_id) as (database, found):
        conversation.ask(database, found, checker=reader().name, text=body.text, today=today())
    return shown(request_id)


@change("comments", "output_checker", "Comment for all, once the votes are open.", body=Text)
def comment(request_id: str, body: Text) -> Reply:
    return _comment(request_id, body.text, private=False)


@change("notes", "output_checker", "Comment for output checkers alone.", body=Text)
def note(request_id: str, body: Text) -> Reply:
    return _comment(request_id, body.text, private=True)


def _comment(request_id: str, text: str, *, private: bool) -> Reply:
    with changing(request_id) as (database, found):
        conversation.comment(database, found, checker=reader().name, text=text, private=private, today=today())
    return shown(request_id)


@change("return", "output_checker", "Hand a request back to its author before the votes are in.", body=EarlyReturn)
def return_early(request_id: str, body: EarlyReturn) -> Reply:
    with changing(request_id) as (database, found):
        reviewing.return_early(
            database, found, checker=reader().name, reason=body.reason, today=today(), category=body.category
        )
    return shown(request_id)


@change("answers", "researcher", "Answer an open question.", body=AnswerToQuestion)
def answer(request_id: str, body: AnswerToQuestion) -> Reply:
    with changing(request_id) as (database, found):
        conversation.answer(
            database, found, person=reader().name, question=body.question, text=body.text, today=today()
        )
    return shown(request_id)


@change("checklist", "researcher", "Answer questions of the requester’s checklist.", body=ChecklistAnswers)
def answer_checklist(request_id: str, body: ChecklistAnswers) -> Reply:
    with changing(request_id) as (database, found):
        requests.answer_checklist(database, found, author=reader().name, answers=body.answers, today=today())
    return shown(request_id)


@change("submit", "researcher", "Hand a request to the output checkers.")
def submit(request_id: str) -> Reply:
    with changing(request_id) as (database, found):
        requests.submit(database, service().store, found, author=reader().name, today=today())
    return shown(request_id)


@change("withdraw", "researcher", "Take a request back for good.")
def withdraw(request_id: str) -> Reply:
    with changing(request_id) as (database, found):
        requests.withdraw(database, found, author=reader().name, today=today())
    return shown(request_id)


@change("recall", "signed_in", "Take a release back; its files are refused from then on.", body=Reason)
def recall(request_id: str, body: Reason) -> Reply:
    with changing(request_id) as (database, found):
        reviewing.recall(database, found, person=reader().name, reason=body.reason, today=today())
    return shown(request_id)
