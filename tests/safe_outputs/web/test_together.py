"""Several requests read and approved on one page, through real requests."""

import re
from typing import Any

import pytest
from flask import Flask

from governance import audit
from safe_outputs.answers import Verdict
from safe_outputs.reading import VIEWED
from safe_outputs.transitions import RequestState, Vote
from tests.safe_outputs.contents import ANSWERS, a_group, details_of
from tests.safe_outputs.factories import PRIVATE_COUNT
from tests.safe_outputs.house import House, a_submitted_request, an_answered_statistic, cast_vote, submit, the_request
from tests.safe_outputs.test_contents import a_draft_of
from tests.safe_outputs.web.browser import Browser, sentence_of

PAGE = "/queue/together"


def state_of(house: House, request_id: str) -> RequestState:
    found: RequestState = house.do(lambda session: the_request(session, request_id).state)
    return found


def content_of(house: House, request_id: str) -> str:
    return str(house.do(lambda session: the_request(session, request_id).content_hash))


def ticks(browser: Browser) -> dict[str, str]:
    """What each box on the page would send, by request."""
    values = re.findall(r'name="approve" type="checkbox" value="([^"]*)"', browser.get(PAGE).text)
    return {value.partition(" ")[0]: value for value in values}


def send(browser: Browser, *values: str):
    token = browser.form_of(PAGE, PAGE)["csrf_token"]
    return browser.client.post(
        f"/services/outputs{PAGE}", data={"csrf_token": token, "approve": list(values)}, buffered=True
    )


def titled(house: House, title: str, verdict: Verdict = Verdict.PROTECTED, **answer: Any) -> str:
    return a_submitted_request(house, [an_answered_statistic(house, verdict=verdict, **answer)], title=title)


def test_two_checkers_decide_several_requests_with_one_form_each(app: Flask, house: House) -> None:
    first = titled(house, "First")
    second = a_submitted_request(house, [an_answered_statistic(house, PRIVATE_COUNT)], title="Second")
    third = titled(house, "Third")
    for checker in ("cleo", "carl"):
        browser = Browser(app).sign_in(checker)
        found = ticks(browser)
        assert set(found) == {first, second, third}
        assert send(browser, found[first], found[second]).status_code == 303
        assert "You approved 2 requests" in browser.get(PAGE).text
    assert [state_of(house, each) for each in (first, second, third)] == [
        RequestState.APPROVED,
        RequestState.APPROVED,
        RequestState.SUBMITTED,
    ]


def test_what_a_person_has_to_judge_is_not_there_and_cannot_be_sent(browser: Browser, house: House) -> None:
    plain = titled(house, "Plain")
    refer = titled(house, "To be judged", Verdict.REFER)
    found = an_answered_statistic(house, verdict=Verdict.PROTECTED, provenance="derived")
    derived = a_submitted_request(house, [found], title="Derived", answers=ANSWERS)
    several = a_submitted_request(house, [an_answered_statistic(house), an_answered_statistic(house, PRIVATE_COUNT)])
    browser.sign_in("cleo")
    assert set(ticks(browser)) == {plain}
    for request in (refer, derived, several):
        answer = send(browser, f"{request} {content_of(house, request)}")
        assert answer.status_code == 403
        assert "Open the request by itself" in sentence_of(answer)
        assert state_of(house, request) is RequestState.SUBMITTED


def test_words_that_leave_and_are_not_on_the_page_are_read_elsewhere(browser: Browser, house: House) -> None:
    """A group's title and context are in the package, and this page shows those of the request alone."""
    plain = titled(house, "Plain")
    request = a_draft_of(house, details_of(a_group(statistics=[an_answered_statistic(house)])))
    submit(house, request)
    browser.sign_in("cleo")
    assert set(ticks(browser)) == {plain}
    assert send(browser, f"{request} {content_of(house, request)}").status_code == 403
    assert state_of(house, request) is RequestState.SUBMITTED


def test_one_that_is_refused_stops_no_other(browser: Browser, house: House) -> None:
    first, second = titled(house, "First"), titled(house, "Second")
    found = ticks(browser.sign_in("cleo"))
    answer = send(browser, f"{first} {'0' * 64}", found[second])
    assert answer.status_code == 409
    assert "1 request approved" in sentence_of(answer)
    assert "changed after you opened it" in sentence_of(answer)
    assert [state_of(house, each) for each in (first, second)] == [RequestState.SUBMITTED, RequestState.IN_REVIEW]


@pytest.mark.parametrize(
    ("sent", "status", "sentence"),
    [((), 422, "Tick the requests"), (("r-none x",), 404, "no release request"), (("",), 404, "no release request")],
)
def test_nothing_or_nonsense_is_answered_with_a_sentence(
    browser: Browser, house: House, sent: tuple[str, ...], status: int, sentence: str
) -> None:
    request = titled(house, "First")
    answer = send(browser.sign_in("cleo"), *sent)
    assert answer.status_code == status
    assert sentence in sentence_of(answer)
    assert state_of(house, request) is RequestState.SUBMITTED


def test_votes_that_differ_are_consolidated_elsewhere(browser: Browser, house: House) -> None:
    request = titled(house, "First")
    cast_vote(house, request, "cleo")
    cast_vote(house, request, "carl", Vote.REJECT, "No.")
    assert ticks(browser.sign_in("cleo")) == {}
    assert "Nothing that waits for you" in sentence_of(browser.get(PAGE))


def test_nobody_approves_her_own_projects_or_twice(app: Flask, house: House) -> None:
    request = titled(house, "First")
    browser = Browser(app).sign_in("cleo")
    (value,) = ticks(browser).values()
    token = browser.form_of(PAGE, PAGE)["csrf_token"]
    for status in (303, 403):
        answer = browser.client.post(
            f"/services/outputs{PAGE}", data={"csrf_token": token, "approve": [value]}, buffered=True
        )
        assert answer.status_code == status
    assert state_of(house, request) is RequestState.IN_REVIEW


def test_a_long_list_says_that_it_is_cut(browser: Browser, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("safe_outputs.together.MOST", 1)
    for title in ("First", "Second"):
        titled(house, title)
    page = sentence_of(browser.sign_in("cleo").get(PAGE))
    assert "There are more" in page
    assert len(ticks(browser)) == 1


def test_each_request_that_is_shown_is_a_view(browser: Browser, house: House) -> None:
    """I8: a page of several requests is a look at each of them."""
    shown, other = titled(house, "Plain"), titled(house, "To be judged", Verdict.REFER)
    browser.sign_in("cleo").get(PAGE)
    looks = {request: looks_at(house, request) for request in (shown, other)}
    assert looks == {shown: ["cleo"], other: []}


def looks_at(house: House, request_id: str) -> list[str]:
    """Who has looked at a request, by the audit chain."""
    events = house.do(lambda session: audit.events_about(session, f"request:{request_id}"))
    return [each.actor for each in events if each.action == VIEWED]


def test_the_queue_leads_there_when_there_is_something(browser: Browser, house: House) -> None:
    titled(house, "To be judged", Verdict.REFER)
    assert "approve together" not in browser.sign_in("cleo").get("/queue").text
    titled(house, "Plain")
    assert "approve together" in browser.get("/queue").text
