"""Every (role × state × action) cell has one answer: page, API, session's API and predicate give the same (I13).

What is expected stands here in full, and is not made from the tables of the code.
"""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete
from werkzeug.test import TestResponse

from governance.database import now
from governance.projects import Membership
from safe_outputs import rights
from safe_outputs.models import CheckerVote, Remark
from safe_outputs.transitions import Action, RemarkKind, RequestState
from safe_outputs.turns import settle
from tests.governance.people_factory import a_person
from tests.safe_outputs.factories import TODAY
from tests.safe_outputs.house import House, a_submitted_request, the_request
from tests.safe_outputs.web.browser import PREFIX, Browser, Program, Session, sentence_of

S = RequestState
ROLES = {
    "rosa": "the author",
    "rita": "a researcher of the project",
    "rui": "a researcher of another project",
    "cleo": "an output checker",
    "cora": "an output checker who belongs to the project",
    "olga": "a data owner",
    "stan": "a data steward",
    "otto": "an operator",
}
READERS = {"rosa", "rita", "cleo", "cora"}
OWNER = "olga"
"""She reads no requests: her forms and operations are on a page and below an address of her own."""
UNDER_REVIEW = {S.SUBMITTED, S.IN_REVIEW}
AUTHORS = {S.DRAFT, S.CHANGES_REQUESTED}

EXPECTED: dict[Action, tuple[set[str], set[RequestState]]] = {
    Action.EDIT: ({"rosa"}, AUTHORS),
    Action.SUBMIT: ({"rosa"}, AUTHORS),
    Action.WITHDRAW: ({"rosa"}, AUTHORS | UNDER_REVIEW | {S.APPROVED}),
    Action.VOTE: ({"cleo"}, UNDER_REVIEW),
    Action.RETURN: ({"cleo"}, UNDER_REVIEW),
    Action.ASK: ({"cleo"}, UNDER_REVIEW),
    Action.COMMENT: ({"cleo"}, UNDER_REVIEW),
    Action.ANSWER: ({"rosa", "rita"}, UNDER_REVIEW),
    Action.RELEASE: (set(), set()),
    Action.LAPSE: (set(), set()),
    Action.RECALL: ({"rosa", "cleo", "olga"}, {S.RELEASED}),
}

NO_VERSION = '"none"'

Form = Callable[["Desk"], dict[str, str]]
PAGES: dict[Action, tuple[str, Form]] = {
    Action.WITHDRAW: ("withdraw", lambda _: {}),
    Action.VOTE: ("vote", lambda desk: {"vote": "approve", "content_hash": desk.content, "comment": ""}),
    Action.RETURN: ("return", lambda _: {"reason": "Say which years.", "category": "other"}),
    Action.ASK: ("say", lambda _: {"kind": "question", "text": "Which years?"}),
    Action.COMMENT: ("say", lambda _: {"kind": "note", "text": "The years are missing."}),
    Action.ANSWER: ("answer", lambda desk: {"question": str(desk.question), "text": "1974 to 1982."}),
    Action.RECALL: ("recall", lambda _: {"reason": "A wrong year."}),
}
"""The form on the page for each action that a page has, and what is sent with it."""

Body = Callable[["Desk"], Any]
CALLS: dict[Action, tuple[str, str, Body]] = {
    Action.EDIT: ("PUT", "", lambda desk: desk.details),
    Action.SUBMIT: ("POST", "/submit", lambda _: None),
    Action.WITHDRAW: ("POST", "/withdraw", lambda _: None),
    Action.ANSWER: ("POST", "/answers", lambda desk: {"question": desk.question, "text": "1974 to 1982."}),
}
"""The call of the session's API for each action that it has."""


OPERATIONS: dict[Action, tuple[tuple[str, Body], ...]] = {
    Action.WITHDRAW: (("withdraw", lambda _: None),),
    Action.VOTE: (("votes", lambda desk: {"vote": "approve", "content_hash": desk.content}),),
    Action.RETURN: (("return", lambda _: {"reason": "Say which years.", "category": "context_missing"}),),
    Action.ASK: (("questions", lambda _: {"text": "Which years?"}),),
    Action.COMMENT: (("comments", lambda _: {"text": "Years?"}), ("notes", lambda _: {"text": "Years?"})),
    Action.ANSWER: (("answers", lambda desk: {"question": desk.question, "text": "1974 to 1982."}),),
    Action.RECALL: (("recall", lambda _: {"reason": "A wrong year."}),),
}
"""The operations of the API for each action that it has; notebooks draft, edit and submit."""


class Desk:
    """One request, put into a state, with an open question of another checker where it is under review."""

    question: int
    content: str
    details: dict[str, Any]

    def __init__(self, app: Flask, house: House, state: RequestState) -> None:
        self.app, self.house, self.state = app, house, state
        house.do(self._people)
        self.request = a_submitted_request(house)
        self.reset()

    def _people(self, session: Any) -> None:
        a_person(session, "rita")
        session.flush()
        session.add_all(Membership(project_id="heron", person_name=each) for each in ("rita", "cora"))

    def reset(self) -> None:
        """As it was before anybody did anything."""

        def step(session: Any) -> None:
            session.execute(delete(CheckerVote))
            session.execute(delete(Remark).where(Remark.answers.is_not(None)))
            session.execute(delete(Remark))
            request = the_request(session, self.request)
            request.state, request.turn = self.state, 1
            asked = Remark(
                request_id=request.id, turn=1, kind=RemarkKind.QUESTION, author="carl", text="Which sites?", at=now()
            )
            session.add(asked)
            session.flush()
            session.refresh(request)
            settle(request, now())
            self.question, self.content = asked.id, request.content_hash or ""
            self.details = {
                "title": request.title,
                "purpose": request.purpose,
                "audience": request.audience,
                "statistics": [item.statistic_id for item in request.items],
            }

        self.house.do(step)

    def reason(self, person: str, action: Action) -> str | None:
        found: str | None = self.house.do(
            lambda session: rights.why_not(session, the_request(session, self.request), person, action, TODAY)
        )
        return found

    def present(self) -> tuple[RequestState, int, int]:
        """State, votes and remarks now."""
        found: tuple[RequestState, int, int] = self.house.do(
            lambda session: (
                (each := the_request(session, self.request)).state,
                len(each.votes),
                len(each.remarks),
            )
        )
        return found

    def read(self, person: str) -> TestResponse:
        return Browser(self.app).sign_in(person).get(f"/requests/{self.request}")

    def send(self, person: str, action: Action) -> TestResponse:
        path, form = PAGES[action]
        return Browser(self.app).sign_in(person).post(f"/requests/{self.request}/{path}", form(self))

    def call(self, person: str, action: Action) -> TestResponse:
        method, path, body = CALLS[action]
        return Session(self.app, person, "heron").call(method, f"/requests/{self.request}{path}", body(self))

    def operate(self, person: str, action: Action, etag: str | None = None) -> list[TestResponse]:
        """What each operation of this action answers, on the version that is read first, or on this one."""
        program, path = Program(self.app, person), f"/requests/{self.request}"
        path = f"/owner{path}" if (person, action) == (OWNER, Action.RECALL) else path
        found = []
        for step, body in OPERATIONS[action]:
            version = etag or program.get(path).headers.get("ETag", NO_VERSION)
            found.append(program.send("POST", f"{path}/{step}", body(self), version))
        return found


@pytest.fixture(params=list(RequestState), ids=str)
def desk(request: pytest.FixtureRequest, app: Flask, house: House) -> Desk:
    app.config["WTF_CSRF_ENABLED"] = False  # so that a refusal is one of rights, and not of a token
    return Desk(app, house, request.param)


def possible(person: str, state: RequestState, action: Action) -> bool:
    people, states = EXPECTED[action]
    return person in people and state in states


def test_the_predicate_says_what_is_expected(desk: Desk) -> None:
    cells = [(person, action) for person in ROLES for action in Action]
    wrong = [cell for cell in cells if (desk.reason(*cell) is None) != possible(cell[0], desk.state, cell[1])]
    assert wrong == []
    assert all((desk.reason(*cell) or "A sentence.").endswith(".") for cell in cells)


def test_the_page_has_a_form_for_what_is_possible_and_no_other(desk: Desk) -> None:
    for person in ROLES:
        page = desk.read(person)
        assert page.status_code == (200 if person in READERS else 403), person
        for action, (path, _) in PAGES.items():
            there = f'action="{PREFIX}/requests/{desk.request}/{path}"' in page.text
            assert there == (possible(person, desk.state, action) and person != OWNER), (person, action)


def test_forms_and_calls_that_are_not_possible_change_nothing(desk: Desk) -> None:
    before = desk.present()
    for person in ROLES:
        for action in PAGES:
            if not possible(person, desk.state, action):
                answer = desk.send(person, action)
                assert answer.status_code in {403, 409}, (person, action, answer.status_code)
                assert sentence_of(answer)
        for action in CALLS:
            if not possible(person, desk.state, action):
                answer = desk.call(person, action)
                assert answer.status_code in {403, 409}, (person, action, answer.status_code)
                if person in {"rosa", "rita"}:
                    assert sentence_of(answer) == desk.reason(person, action)
    assert desk.present() == before


def test_operations_that_are_not_possible_change_nothing(desk: Desk) -> None:
    before = desk.present()
    for person in ROLES:
        etag = Program(desk.app, person).get(f"/requests/{desk.request}").headers.get("ETag", NO_VERSION)
        for action in OPERATIONS:
            if not possible(person, desk.state, action):
                for answer in desk.operate(person, action, etag):
                    assert answer.status_code in {403, 409}, (person, action, answer.status_code)
                    assert sentence_of(answer)
    assert desk.present() == before


def test_the_api_says_beforehand_what_it_will_refuse(desk: Desk) -> None:
    for person in READERS:
        cannot = Program(desk.app, person).get(f"/requests/{desk.request}").get_json()["cannot"]
        assert cannot == {str(action): desk.reason(person, action) for action in Action}


def test_a_session_says_beforehand_what_it_will_refuse(desk: Desk) -> None:
    for person in ("rosa", "rita"):
        cannot = Session(desk.app, person, "heron").call("GET", f"/requests/{desk.request}").get_json()["cannot"]
        assert cannot == {str(action): desk.reason(person, action) for action in CALLS}


def test_what_is_possible_is_done(desk: Desk) -> None:
    for person in ROLES:
        for action in PAGES:
            if possible(person, desk.state, action):
                desk.reset()
                before = desk.present()
                assert desk.send(person, action).status_code == 303, (person, action)
                assert desk.present() != before, (person, action)
        for action in CALLS:
            if possible(person, desk.state, action):
                desk.reset()
                assert desk.call(person, action).status_code == 200, (person, action)
        for action in OPERATIONS:
            if possible(person, desk.state, action):
                desk.reset()
                before = desk.present()
                assert {each.status_code for each in desk.operate(person, action)} == {200}, (person, action)
                assert desk.present() != before, (person, action)


def test_every_action_has_a_surface_or_is_saferooms_own() -> None:
    assert set(EXPECTED) == set(Action)
    assert set(Action) - set(PAGES) - set(CALLS) == {Action.RELEASE, Action.LAPSE}
    assert set(OPERATIONS) == set(PAGES)
