"""The researcher's side of the queue."""

from flask import Flask

from safe_outputs.transitions import RequestState, Vote
from tests.safe_outputs.factories import PRIVATE_COUNT
from tests.safe_outputs.house import House, a_draft, a_submitted_request, an_answered_statistic, cast_vote, the_request
from tests.safe_outputs.web.browser import Browser, sentence_of


def test_an_empty_list_says_how_to_begin(browser: Browser) -> None:
    page = sentence_of(browser.sign_in("rosa").get("/requests"))
    assert "so.request(" in page


def test_a_researcher_sees_her_projects_requests_and_no_other(app: Flask, house: House) -> None:
    a_draft(house, title="A draft of Heron")
    a_submitted_request(house, title="A request of Heron")
    rosa = sentence_of(Browser(app).sign_in("rosa").get("/requests"))
    assert "A draft of Heron" in rosa
    assert "The author’s: it is a draft" in rosa
    assert "A request of Heron" in rosa
    assert "0 of 2 have voted" in rosa
    assert "Heron" not in sentence_of(Browser(app).sign_in("rui").get("/requests"))


def test_what_is_left_of_the_privacy_budget_is_shown(browser: Browser, house: House) -> None:
    browser.sign_in("rosa")
    assert "Privacy budget" not in sentence_of(browser.get("/requests"))
    an_answered_statistic(house, PRIVATE_COUNT)
    page = sentence_of(browser.get("/requests"))
    assert "project heron/rand_hie 0.98" in page


def test_an_author_withdraws(browser: Browser, house: House) -> None:
    request = a_submitted_request(house)
    form = browser.sign_in("rosa").form_of(f"/requests/{request}", f"/requests/{request}/withdraw")
    assert browser.post(f"/requests/{request}/withdraw", form).status_code == 303
    assert house.do(lambda session: the_request(session, request).state) is RequestState.WITHDRAWN
    again = browser.post(f"/requests/{request}/withdraw", form)
    assert again.status_code == 409
    assert "withdrawn" in sentence_of(again)


def test_withdrawing_needs_the_forms_token(browser: Browser, house: House) -> None:
    request = a_submitted_request(house)
    assert browser.sign_in("rosa").post(f"/requests/{request}/withdraw").status_code == 400


def test_nobody_withdraws_anothers_request(app: Flask, house: House) -> None:
    request = a_submitted_request(house)
    browser = Browser(app).sign_in("rosa")
    form = browser.form_of(f"/requests/{request}", f"/requests/{request}/withdraw")
    with browser.client.session_transaction("/services/outputs/") as session:
        session["token"] = "token of rui"
    answer = browser.post(f"/requests/{request}/withdraw", form)
    assert answer.status_code == 403
    assert house.do(lambda session: the_request(session, request).state) is RequestState.SUBMITTED


def test_a_returned_request_says_what_to_do(browser: Browser, house: House) -> None:
    request = a_submitted_request(house)
    for checker in ("cleo", "carl"):
        cast_vote(house, request, checker, Vote.REQUEST_CHANGES, "Merge the small plans.")
    page = sentence_of(browser.sign_in("rosa").get(f"/requests/{request}"))
    assert "Merge the small plans." in page
    assert "Change it in your notebook" in page
    assert "Approve" not in page


def test_an_author_has_no_vote(browser: Browser, house: House) -> None:
    request = a_submitted_request(house)
    page = browser.sign_in("rosa").get(f"/requests/{request}").text
    assert "/vote" not in page
