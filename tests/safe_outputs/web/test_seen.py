"""Every view of a request is an event before it is a page (I8); on both kinds of database."""

from typing import Any

import pytest
from flask import Flask

from governance import audit
from governance.audit import Happened
from governance.database import DatabaseUnavailable, reading, transaction
from governance.views import Views
from safe_outputs.reading import VIEWED
from safe_outputs.requests import find_request
from tests.safe_outputs.bringing_in import something_asked
from tests.safe_outputs.factories import PRIVATE_COUNT
from tests.safe_outputs.house import House, a_submitted_request, an_answered_statistic
from tests.safe_outputs.web.browser import Browser, Session, sentence_of


def views_of(house: House, request_id: str) -> list[Happened]:
    with reading(house.engine) as session:
        audit.verify(session)
        return [each for each in audit.events_about(session, f"request:{request_id}") if each.action == VIEWED]


@pytest.mark.parametrize("person", ["cleo", "rosa"])
def test_each_look_at_the_page_is_an_event_bound_to_what_was_seen(house: House, browser: Browser, person: str) -> None:
    request = a_submitted_request(house)
    with reading(house.engine) as session:
        content = find_request(session, request).content_hash
    for _ in range(2):
        assert browser.sign_in(person).get(f"/requests/{request}").status_code == 200
    found = views_of(house, request)
    assert [each.actor for each in found] == [person, person]
    assert [each.detail for each in found] == [{"turn": 1, "content": content, "by": "page"}] * 2


def test_a_look_from_a_session_is_one_too(house: House, app: Flask) -> None:
    request = a_submitted_request(house)
    assert Session(app, "rosa", "heron").call("GET", f"/requests/{request}").status_code == 200
    assert [(each.actor, each.detail["by"]) for each in views_of(house, request)] == [("rosa", "session")]


def test_who_was_refused_has_seen_nothing(house: House, app: Flask, browser: Browser) -> None:
    request = a_submitted_request(house)
    assert browser.sign_in("rui").get(f"/requests/{request}").status_code == 403
    assert Session(app, "rui", "wren").call("GET", f"/requests/{request}").status_code == 404
    assert views_of(house, request) == []


def test_a_page_that_shows_what_was_refused_is_a_view(house: House, browser: Browser) -> None:
    request = a_submitted_request(house)
    refused = browser.sign_in("cleo").vote(request, "reject")
    assert refused.status_code == 422
    assert len(views_of(house, request)) == 2  # the form, and the page with the reason


def test_what_cannot_be_recorded_is_not_shown(house: House, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    request = a_submitted_request(house)

    def full(*_views: Any) -> None:
        raise DatabaseUnavailable

    monkeypatch.setattr(Views, "_write", full)
    page = browser.sign_in("cleo").get(f"/requests/{request}")
    assert page.status_code == 503
    assert "cannot be reached, is full" in sentence_of(page)
    assert "Another title" not in page.text


def test_who_looked_is_not_on_the_page(house: House, browser: Browser) -> None:
    """An author would read there who checks."""
    request = a_submitted_request(house)
    browser.sign_in("cleo").get(f"/requests/{request}")
    page = browser.sign_in("rosa").get(f"/requests/{request}").text
    assert VIEWED not in page and "Cleo" not in page


def test_views_change_nothing_that_a_vote_is_bound_to(house: House, browser: Browser) -> None:
    request = a_submitted_request(house)
    browser.sign_in("carl").get(f"/requests/{request}")
    assert browser.sign_in("cleo").vote(request).status_code == 303
    with transaction(house.engine) as session:
        assert len(find_request(session, request).votes) == 1


def test_requests_on_one_page_are_each_seen(house: House, browser: Browser) -> None:
    requests = {a_submitted_request(house, [an_answered_statistic(house, PRIVATE_COUNT)]) for _ in range(2)}
    page = browser.sign_in("cleo").get("/queue/together")
    shown = {each for each in requests if each in page.text}
    assert shown
    assert {each for each in requests if views_of(house, each)} == shown


def test_who_reads_what_is_to_be_brought_in_is_on_record(house: House, browser: Browser) -> None:
    asked = something_asked(house)
    steward = browser.sign_in("stan")
    assert steward.get(f"/incoming/{asked}").status_code == 200
    assert steward.get(f"/incoming/{asked}/files/1").status_code == 200
    assert browser.sign_in("rui").get(f"/incoming/{asked}/files/1").status_code in {403, 404}
    with reading(house.engine) as session:
        events = [each for each in audit.events_about(session, f"ingress:{asked}") if each.action == "ingress.viewed"]
    assert [(each.actor, each.detail) for each in events] == [("stan", {}), ("stan", {"file": 1})]
