"""The page of numbers: a sentence first, plots with their tables, no data for operators, the same as JSON."""

import re

import pytest
from flask import Flask

from safe_outputs.answers import Verdict, joined
from safe_outputs.numbers.agreement import Agreement
from safe_outputs.numbers.spread import Spread
from safe_outputs.transitions import Vote
from safe_outputs.web import numbers_words as words
from safe_outputs.web.numbers import present
from safe_outputs.web.security import INERT_POLICY
from tests.safe_outputs.factories import a_finding
from tests.safe_outputs.house import (
    House,
    a_submitted_request,
    an_answered_statistic,
    an_approved_request,
    cast_vote,
)
from tests.safe_outputs.numbers.test_history import set_clock
from tests.safe_outputs.web.browser import Browser, sentence_of
from tests.safe_outputs.web.test_request_page import HOSTILE

HOUR = 3600


def decided(house: House, count: int) -> None:
    """So many approved requests, whose checkers took 1, 2, … hours."""
    for hours in range(1, count + 1):
        set_clock(house, an_approved_request(house), hours * HOUR)


def test_the_page_of_an_empty_house_says_what_would_be_here(browser: Browser) -> None:
    text = sentence_of(browser.sign_in("cleo").get("/numbers"))
    assert "No request was decided in these twelve months: too few to tell" in text
    assert "Months, audiences and projects stand here once" in text
    assert "No turn is over yet" in text


@pytest.mark.parametrize("who", ["cleo", "otto"])
def test_every_plot_has_its_table_and_is_inert(browser: Browser, house: House, who: str) -> None:
    decided(house, 2)
    request = a_submitted_request(house)
    for checker in ("cleo", "carl"):
        cast_vote(house, request, checker, Vote.REQUEST_CHANGES, "Merge the plans.")
    page = browser.sign_in(who).get("/numbers")
    pictures = re.findall(r'<img class="sr-plot" src="/services/outputs(/[^"]+)" alt="([^"]+)"', page.text)
    assert [alt for _, alt in pictures if "table below has every value" in alt] == [alt for _, alt in pictures]
    assert len(pictures) == 3
    for path, _ in pictures:
        answer = browser.get(path)
        assert answer.status_code == 200
        assert answer.content_type == "image/svg+xml"
        assert answer.headers["Content-Security-Policy"] == INERT_POLICY
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Something else 1" in sentence_of(page)
    assert "1 of 3 turns went back" in sentence_of(page)


def test_a_plot_that_there_is_not(browser: Browser) -> None:
    answer = browser.sign_in("cleo").get("/numbers/people.svg")
    assert answer.status_code == 404
    assert "There is no such plot" in sentence_of(answer)


def test_operators_see_numbers_and_no_word_of_a_request(browser: Browser, house: House) -> None:
    finding = a_finding(rule="differencing", verdict=Verdict.REFER, sentence=HOSTILE)
    statistic = an_answered_statistic(house, verdict=Verdict.REFER, findings=(finding,))
    request = a_submitted_request(house, [statistic], title="Secret title", purpose=HOSTILE)
    for checker in ("cleo", "carl"):
        cast_vote(house, request, checker)
    assert "Secret title" in browser.sign_in("cleo").get("/numbers").text
    page = browser.sign_in("otto").get("/numbers")
    assert "output checkers approved 1 of them" in sentence_of(page)
    assert "Secret title" not in page.text
    assert request not in page.text


def test_no_persons_name_is_on_the_page(app: Flask, house: House) -> None:
    request = a_submitted_request(house)
    cast_vote(house, request, "carl", Vote.REJECT, "No.")
    cast_vote(house, request, "cora")
    cast_vote(house, request, "cora", Vote.REJECT, "No.")
    text = sentence_of(Browser(app).sign_in("cleo").get("/numbers"))
    assert "In 1 of 1 turn the first votes of the checkers differed" in text
    assert not [name for name in ("Carl", "Cora", "Rosa") if name in text]


def test_the_queue_shows_how_long_reviews_take_once_enough_were_decided(app: Flask, house: House) -> None:
    decided(house, 10)
    with app.test_request_context():
        head = words.in_head(present().of_the_queue())
    assert head == "median 5 hours · 90 % within 9 hours"


def test_one_computation_serves_many_views(app: Flask, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page view costs a look: the second one asks the database nothing about numbers."""
    browser = Browser(app).sign_in("cleo")
    browser.get("/numbers")
    monkeypatch.setattr("safe_outputs.numbers.present.numbers_of", lambda *_: pytest.fail("computed again"))
    assert browser.get("/numbers").status_code == 200


def test_the_json_says_what_the_page_says(browser: Browser, house: House) -> None:
    decided(house, 1)
    request = a_submitted_request(house)
    cast_vote(house, request, "cleo")
    cast_vote(house, request, "carl", Vote.REJECT, "No.")
    cast_vote(house, request, "carl")
    found = browser.sign_in("otto").get("/api/numbers").get_json()
    assert found["overall"]["checkers"] == {"count": 2, "median": None, "ninetieth": None}
    assert found["agreement"]["pairs"] == [
        {"first": "approve", "second": "approve", "count": 1},
        {"first": "approve", "second": "reject", "count": 1},
    ]
    assert (found["turns"], found["returned"], found["reasons"]) == (2, 0, [])


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "too few to tell"),
        (0, "under a minute"),
        (60, "1 minute"),
        (40 * 60, "40 minutes"),
        (HOUR, "1 hour"),
        (1.52 * HOUR, "1.5 hours"),
        (30 * HOUR, "30 hours"),
        (2 * 24 * HOUR, "2 days"),
        (3.04 * 24 * HOUR, "3 days"),
        (12.4 * 24 * HOUR, "12 days"),
    ],
)
def test_durations_in_words(seconds: float | None, text: str) -> None:
    assert words.lasting(seconds) == text


def test_sentences_of_few_and_of_many() -> None:
    assert words.in_head(Spread(4, None, None)) == ""
    assert words.in_head(Spread(6, 2.0 * 86400, None)) == "median 2 days"
    assert "takes 10 turns: too few to tell" in words.alpha_sentence(Agreement(3, 1, (), None))
    assert "Everybody always voted the same" in words.alpha_sentence(Agreement(30, 0, (), None))
    assert "alpha is 0.62" in words.alpha_sentence(Agreement(30, 4, (), 0.618))


def test_requests_for_several_audiences_have_a_line_of_their_own() -> None:
    assert words.audience_label("publication") == "Publication, for everybody"
    together = joined(["publication", "pre_publication"])
    assert words.audience_label(together) == "Pre-publication and publication, each for its own groups"
