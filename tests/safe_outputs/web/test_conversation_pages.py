"""Asking, answering, commenting, returning and recalling through real forms, and in the session's API."""

import pytest
from flask import Flask

from safe_outputs.transitions import RequestState, Vote
from tests.safe_outputs.house import (
    House,
    a_submitted_request,
    an_approved_request,
    cast_vote,
    release_next_of,
    the_request,
)
from tests.safe_outputs.web.browser import Browser, Session, sentence_of


def state_of(house: House, request_id: str) -> RequestState:
    found: RequestState = house.do(lambda session: the_request(session, request_id).state)
    return found


def say(browser: Browser, request: str, kind: str, text: str):
    form = browser.form_of(f"/requests/{request}", f"/requests/{request}/say")
    return browser.post(f"/requests/{request}/say", {**form, "kind": kind, "text": text})


def test_a_question_is_answered_on_the_page_and_no_vote_is_lost(app: Flask, house: House) -> None:
    request = a_submitted_request(house)
    cast_vote(house, request, "carl")
    cleo, rosa = Browser(app).sign_in("cleo"), Browser(app).sign_in("rosa")
    assert say(cleo, request, "question", "Which years?").status_code == 303
    page = sentence_of(rosa.get(f"/requests/{request}"))
    assert "An output checker asked" in page
    assert "Answer wanted" in page
    assert "The author’s: 1 question to answer" in sentence_of(rosa.get("/requests"))
    form = rosa.form_of(f"/requests/{request}", f"/requests/{request}/answer")
    assert rosa.post(f"/requests/{request}/answer", {**form, "text": "1974 to 1982."}).status_code == 303
    assert "1974 to 1982." in sentence_of(cleo.get(f"/requests/{request}"))
    assert cleo.vote(request).status_code == 303
    assert state_of(house, request) is RequestState.APPROVED


def test_a_question_is_answered_from_the_notebook(app: Flask, house: House) -> None:
    request = a_submitted_request(house)
    say(Browser(app).sign_in("cleo"), request, "question", "Which years?")
    rosa = Session(app, "rosa", "heron")
    facts = rosa.call("GET", f"/requests/{request}").get_json()
    assert (facts["state"], facts["move"], facts["due"]) == ("submitted", "author", None)
    (asked,) = facts["conversation"]
    assert (asked["who"], asked["text"], asked["open"]) == ("An output checker", "Which years?", True)
    body = {"question": asked["id"], "text": "1974 to 1982."}
    facts = rosa.call("POST", f"/requests/{request}/answers", body).get_json()
    assert (facts["move"], [each["open"] for each in facts["conversation"]]) == ("checkers", [False, False])
    assert facts["due"] is not None


@pytest.mark.parametrize("wrong", ["1", 1.5, None, True, -1, 2**31])
def test_a_question_of_no_number_is_refused(app: Flask, house: House, wrong: object) -> None:
    request = a_submitted_request(house)
    answer = Session(app, "rosa", "heron").call(
        "POST", f"/requests/{request}/answers", {"question": wrong, "text": "T"}
    )
    assert answer.status_code == 422
    assert "whole number" in sentence_of(answer)


@pytest.mark.parametrize(
    ("kind", "text", "sentence"),
    [
        ("question", "  ", "nothing to send"),
        ("shout", "Words", "Press one of the three"),
        ("note", "x" * 5001, "5,000"),
    ],
)
def test_what_cannot_be_said_is_kept_in_the_form(
    browser: Browser, house: House, kind: str, text: str, sentence: str
) -> None:
    request = a_submitted_request(house)
    answer = say(browser.sign_in("cleo"), request, kind, text)
    assert answer.status_code == 422
    assert sentence in sentence_of(answer)
    assert text.strip() in answer.text
    assert house.do(lambda session: the_request(session, request).remarks) == []


def test_a_note_never_reaches_the_project(app: Flask, house: House) -> None:
    request = a_submitted_request(house)
    say(Browser(app).sign_in("cleo"), request, "note", "Between us.")
    for checker in ("cleo", "carl"):
        cast_vote(house, request, checker, Vote.REQUEST_CHANGES, "Merge the plans.")
    assert "Between us." in Browser(app).sign_in("cora").get(f"/requests/{request}").text
    assert "Between us." not in Browser(app).sign_in("rosa").get(f"/requests/{request}").text
    assert "Between us." not in Session(app, "rosa", "heron").call("GET", f"/requests/{request}").text


def test_a_checker_returns_a_request_before_all_have_voted(browser: Browser, house: House) -> None:
    request = a_submitted_request(house)
    browser.sign_in("cleo")
    form = browser.form_of(f"/requests/{request}", f"/requests/{request}/return")
    refused = browser.post(f"/requests/{request}/return", {**form, "reason": " ", "category": "other"})
    assert refused.status_code == 422
    assert (
        browser.post(
            f"/requests/{request}/return", {**form, "reason": "Say which years.", "category": "other"}
        ).status_code
        == 303
    )
    assert state_of(house, request) is RequestState.CHANGES_REQUESTED


@pytest.mark.parametrize("who", ["cleo", "rosa"])
def test_a_recalled_release_is_given_to_nobody_at_once(app: Flask, house: House, who: str) -> None:
    request = an_approved_request(house)
    release_next_of(house)
    anybody, person = Browser(app), Browser(app).sign_in(who)
    assert anybody.get(f"/releases/{request}").status_code == 200
    assert anybody.get(f"/releases/{request}/files/1-crosstab.csv").status_code == 200
    form = person.form_of(f"/requests/{request}", f"/requests/{request}/recall")
    assert person.post(f"/requests/{request}/recall", {**form, "reason": "A wrong year."}).status_code == 303
    for path in ("", "/files/1-crosstab.csv"):
        assert anybody.get(f"/releases/{request}{path}").status_code == 410
    page = sentence_of(person.get(f"/requests/{request}"))
    assert "A wrong year." in page
    assert "Everybody" not in page
    assert "Somebody who was not signed in, 1-crosstab.csv" in page.partition("Who has downloaded it")[2]


def test_hostile_remarks_are_inert(app: Flask, house: House) -> None:
    request = a_submitted_request(house)
    say(Browser(app).sign_in("cleo"), request, "question", "<script>alert(1)</script>\u202egnp.exe")
    page = Browser(app).sign_in("rosa").get(f"/requests/{request}").text
    assert "<script>alert" not in page
    assert "\u202e" not in page
    assert "⟦U+202E⟧gnp.exe" in page


def test_the_main_reason_of_a_return_is_shown_with_it(browser: Browser, house: House) -> None:
    request = a_submitted_request(house)
    form = browser.sign_in("cleo").form_of(f"/requests/{request}", f"/requests/{request}/return")
    refused = browser.post(f"/requests/{request}/return", {**form, "reason": "Say which years."})
    assert refused.status_code == 422
    assert "Choose the main reason" in sentence_of(refused)
    browser.post(f"/requests/{request}/return", {**form, "reason": "Say which years.", "category": "context_missing"})
    told = "Main reason: What is needed to judge it is missing"
    assert told in sentence_of(browser.get(f"/requests/{request}"))
    assert told in sentence_of(browser.sign_in("rosa").get(f"/requests/{request}"))
