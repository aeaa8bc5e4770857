"""The conversation about a release request: questions and answers in the middle of a review, comments and notes.

Nothing said here changes what is reviewed, so no vote is lost by it. While a question is open the move is the author's
and the checkers' clock stands still. Every function works in the caller's transaction (I8).
"""

from datetime import date

from sqlalchemy.orm import Session

from governance import audit
from governance.database import now
from safe_outputs.errors import MalformedRequest, NoSuchThing, WrongState
from safe_outputs.lists.kept import keep
from safe_outputs.models import ReleaseRequest, Remark
from safe_outputs.notifications import moves as notifications
from safe_outputs.return_categories import Category
from safe_outputs.rights import require
from safe_outputs.transitions import VISIBLE, Action, Opens, RemarkKind
from safe_outputs.turns import is_open, open_questions

LONGEST = 5000
NOT_SAID = "There is nothing to send. Write it first."


def remark(
    session: Session,
    request: ReleaseRequest,
    kind: RemarkKind,
    *,
    author: str,
    text: str,
    answers: int | None = None,
    category: Category | None = None,
) -> Remark:
    """Add a remark of the present turn, and bring whose move it is up to it. Raises `MalformedRequest`."""
    if not text.strip():
        raise MalformedRequest(NOT_SAID)
    if len(text) > LONGEST:
        raise MalformedRequest(f"Use at most {LONGEST:,} characters.")
    facts = {"turn": request.turn, "kind": kind, "author": author, "answers": answers, "category": category}
    said = Remark(**facts, text=text.strip(), at=now())
    request.remarks.append(said)
    session.flush()
    keep(session, request, said.at)
    return said


def ask(session: Session, request: ReleaseRequest, *, checker: str, text: str, today: date) -> Remark:
    """A question to the project. The move is the author's until it is answered; others can go on voting.

    Raises `NotPermitted`, `WrongState`, `MalformedRequest`.
    """
    require(session, request, checker, Action.ASK, today)
    said = _said(session, request, RemarkKind.QUESTION, author=checker, text=text)
    notifications.asked(session, request)
    return said


def answer(session: Session, request: ReleaseRequest, *, person: str, question: int, text: str, today: date) -> Remark:
    """The project's answer to an open question.

    Raises:
        NotPermitted: she does not work in the project.
        WrongState: no question is open, or this one was answered.
        NoSuchThing: the request has no such question.
        MalformedRequest: nothing is said, or too much.
    """
    require(session, request, person, Action.ANSWER, today)
    asked = {each.id for each in request.remarks if each.kind is RemarkKind.QUESTION}
    if question not in asked:
        raise NoSuchThing("This request has no such question. Its page lists those that are open.")
    if question not in {each.id for each in open_questions(request)}:
        raise WrongState("This question was answered already, or belongs to an earlier turn.")
    said = _said(session, request, RemarkKind.ANSWER, author=person, text=text, answers=question)
    notifications.answered(session, request, question)
    return said


def comment(
    session: Session, request: ReleaseRequest, *, checker: str, text: str, private: bool, today: date
) -> Remark:
    """A checker's comment: for checkers alone (`private`), or for the project too. Blind until the votes open.

    Raises `NotPermitted`, `WrongState`, `MalformedRequest`.
    """
    require(session, request, checker, Action.COMMENT, today)
    kind = RemarkKind.NOTE if private else RemarkKind.COMMENT
    return _said(session, request, kind, author=checker, text=text)


def _said(
    session: Session, request: ReleaseRequest, kind: RemarkKind, *, author: str, text: str, answers: int | None = None
) -> Remark:
    said = remark(session, request, kind, author=author, text=text, answers=answers)
    told = {"turn": request.turn, "remark": said.id} | ({"question": answers} if answers is not None else {})
    audit.record(session, author, f"request.{kind.value}", f"request:{request.id}", **told)
    return said


def may_see(request: ReleaseRequest, said: Remark, person: str, *, checker: bool) -> bool:
    """Whether a reader of this request may see a remark now. `checker`: she reads it as an output checker."""
    opens = VISIBLE[said.kind].checkers if checker else VISIBLE[said.kind].project
    if said.author == person or opens is Opens.AT_ONCE:
        return True
    return opens is Opens.WITH_VOTES and is_open(request, said.turn)


def is_named(request: ReleaseRequest, said: Remark, person: str) -> bool:
    """Whether a reader may know who made a remark: a checker who asks stays unnamed while the turn is blind."""
    return said.kind is not RemarkKind.QUESTION or said.author == person or is_open(request, said.turn)
