"""The output checker's desk and her vote, through real requests."""

import re
from html import unescape
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import delete

from safe_outputs.answers import Verdict
from safe_outputs.assignment.models import Assignment
from safe_outputs.transitions import RequestState, Vote
from tests.safe_outputs.factories import a_request, a_statistic, an_answer
from tests.safe_outputs.house import House, a_draft, a_submitted_request, cast_vote, submit, the_request
from tests.safe_outputs.web.browser import PREFIX, Browser, sentence_of


def state_of(house: House, request_id: str) -> RequestState:
    found: RequestState = house.do(lambda session: the_request(session, request_id).state)
    return found


def group(page: str, anchor: str) -> str:
    """The text of one part of the queue."""
    found = re.search(rf'<section[^>]*aria-labelledby="{anchor}".*?</section>', page, re.DOTALL)
    assert found is not None
    return found.group()


def a_titled_request(house: House, title: str, verdict: Verdict = Verdict.SAFE) -> str:
    def step(session) -> str:
        statistic = a_statistic(session, house.store, answer=an_answer(house.store, verdict=verdict))
        return a_request(session, house.store, statistics=[statistic], title=title).id

    return str(house.do(step))


def test_an_empty_queue_says_what_would_be_here(browser: Browser) -> None:
    page = sentence_of(browser.sign_in("cleo").get("/queue"))
    for sentence in ("Nothing waits for you.", "Nothing waits for other", "Nothing is with", "Nothing was decided"):
        assert sentence in page


def test_each_request_is_in_the_part_of_whose_move_it_is(browser: Browser, house: House) -> None:
    a_titled_request(house, "Nobody voted")
    cast_vote(house, a_titled_request(house, "I voted"), "cleo")
    cast_vote(house, a_titled_request(house, "Another voted"), "carl")
    returned, rejected = a_titled_request(house, "Returned"), a_titled_request(house, "Rejected")
    for checker in ("cleo", "carl"):
        cast_vote(house, returned, checker, Vote.REQUEST_CHANGES, "Merge the plans.")
        cast_vote(house, rejected, checker, Vote.REJECT, "Not in scope.")
    a_draft(house, title="A draft")
    page = browser.sign_in("cleo").get("/queue").text
    assert {"Nobody voted", "Another voted"} == titles(group(page, "mine"))
    assert titles(group(page, "others")) == {"I voted"}
    assert titles(group(page, "author")) == {"Returned"}
    assert titles(group(page, "decided")) == {"Rejected"}
    assert "A draft" not in page
    assert "Yours, 2nd of 2 checkers" in group(page, "mine")


def titles(part: str) -> set[str]:
    return set(re.findall(r'href="[^"]*/requests/[^"]*">([^<]*)</a>', part))


def test_what_is_assigned_to_her_comes_first_and_says_so(browser: Browser, house: House) -> None:
    for verdict in (Verdict.SAFE, Verdict.REFER, Verdict.PROTECTED):
        a_titled_request(house, verdict.value, verdict)
    mine = group(browser.sign_in("cleo").get("/queue").text, "mine")
    assert re.findall(r"sr-verdict--(\w+)", mine) == ["protected", "safe", "refer"]
    assert mine.count("Assigned to you") == 2
    assert "Assigned to you" not in mine.partition("sr-verdict--refer")[2]


def test_the_riskiest_come_first(browser: Browser, house: House) -> None:
    for verdict in (Verdict.SAFE, Verdict.REFER, Verdict.PROTECTED):
        a_titled_request(house, verdict.value, verdict)
    house.do(lambda session: session.execute(delete(Assignment)))
    mine = group(browser.sign_in("cleo").get("/queue").text, "mine")
    assert re.findall(r"sr-verdict--(\w+)", mine) == ["refer", "protected", "safe"]


def test_a_long_list_has_pages_that_are_links(browser: Browser, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("safe_outputs.web.queue.SIZES", {"mine": 25, "others": 10, "author": 10, "decided": 1})
    for title in ("First", "Second", "Third"):
        request = a_titled_request(house, title)
        for checker in ("cleo", "carl"):
            cast_vote(house, request, checker, Vote.REJECT, "No.")
    browser.sign_in("cleo")
    decided = group(browser.get("/queue").text, "decided")
    assert titles(decided) == {"Third"}
    assert "1 to 1 of 3" in decided
    seen, words = [], ["Next", "Last", "Previous", "First"]
    for word, expected in zip(words, ["Second", "First", "Second", "Third"], strict=True):
        decided = group(browser.get(link(decided, word)).text, "decided")
        seen.append(titles(decided) == {expected})
    assert seen == [True] * 4, seen


def link(part: str, words: str) -> str:
    """Where the link to another page leads, without the service's prefix and the place on the page."""
    found = re.search(rf'<a class="govuk-link" href="([^"#]*)#decided">{words}<', part)
    assert found is not None, words
    return unescape(found.group(1)).removeprefix(PREFIX)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("title=SITE", {"By site"}),
        ("project=heron", {"By site", "By plan"}),
        ("project=wren", set()),
        ("author=rosa&title=plan", {"By plan"}),
        ("state=in_review", {"By plan"}),
        ("state=nothing&mine-page=none", {"By site", "By plan"}),
        ("mine-page=99", set()),
    ],
)
def test_the_queue_can_be_searched_and_keeps_what_was_looked_for(
    browser: Browser, house: House, query: str, expected: set[str]
) -> None:
    a_titled_request(house, "By site")
    cast_vote(house, a_titled_request(house, "By plan"), "carl")
    page = browser.sign_in("cleo").get(f"/queue?{query}").text
    assert titles(group(page, "mine")) == expected
    if query == "project=wren":
        assert "Nothing here fits what you look for" in page
        assert 'value="wren"' in page
    if query == "mine-page=99":
        assert "This page has no lines any more" in page


def test_one_approval_is_not_enough_and_two_are(app: Flask, house: House) -> None:
    request = a_submitted_request(house)
    cleo, carl = Browser(app).sign_in("cleo"), Browser(app).sign_in("carl")
    answer = cleo.vote(request)
    assert answer.status_code == 303
    assert "Your vote is recorded" in cleo.get(f"/requests/{request}").text
    assert state_of(house, request) is RequestState.IN_REVIEW
    assert carl.vote(request).status_code == 303
    assert state_of(house, request) is RequestState.APPROVED


def test_nobody_votes_twice(browser: Browser, house: House) -> None:
    request = a_submitted_request(house)
    browser.sign_in("cleo")
    form = browser.form_of(f"/requests/{request}", f"/requests/{request}/vote")
    assert browser.post(f"/requests/{request}/vote", form | {"vote": "approve"}).status_code == 303
    again = browser.post(f"/requests/{request}/vote", form | {"vote": "approve"})
    assert again.status_code == 409
    assert "You have voted in this turn already" in sentence_of(again)
    assert state_of(house, request) is RequestState.IN_REVIEW


@pytest.mark.parametrize("who", ["rosa", "rui", "olga", "stan", "otto"])
def test_only_output_checkers_vote(app: Flask, house: House, who: str) -> None:
    """I9: the author cannot, whoever else is no output checker cannot either; not even with the right content hash."""
    request = a_submitted_request(house)
    checker = Browser(app).sign_in("cleo")
    form = checker.form_of(f"/requests/{request}", f"/requests/{request}/vote")
    checker.sign_in(who)
    answer = checker.post(f"/requests/{request}/vote", form | {"vote": "approve"})
    assert answer.status_code == 403
    assert "Only output checkers review requests" in sentence_of(answer)
    assert state_of(house, request) is RequestState.SUBMITTED


def test_a_vote_on_content_that_changed_is_refused_and_the_comment_kept(browser: Browser, house: House) -> None:
    request = a_submitted_request(house)
    answer = browser.sign_in("cleo").vote(request, comment="I read it all.", content_hash="0" * 64)
    assert answer.status_code == 409
    assert "The request changed after you opened it" in sentence_of(answer)
    assert re.search(r"<textarea[^>]*>\s*I read it all.\s*</textarea>", answer.text)
    assert state_of(house, request) is RequestState.SUBMITTED


def test_a_page_of_an_earlier_turn_cannot_vote_in_this_one(app: Flask, house: House) -> None:
    request = a_submitted_request(house)
    cora = Browser(app).sign_in("cora")
    stale = cora.form_of(f"/requests/{request}", f"/requests/{request}/vote")
    for checker in ("cleo", "carl"):
        cast_vote(house, request, checker, Vote.REQUEST_CHANGES, "Merge the plans.")
    submit(house, request)
    answer = cora.post(f"/requests/{request}/vote", stale | {"vote": "approve"})
    assert answer.status_code == 409
    assert "changed after you opened it" in sentence_of(answer)


@pytest.mark.parametrize("vote", ["request_changes", "reject"])
def test_who_does_not_approve_says_why(browser: Browser, house: House, vote: str) -> None:
    request = a_submitted_request(house)
    browser.sign_in("cleo")
    answer = browser.vote(request, vote, comment="  ")
    assert answer.status_code == 422
    assert "Say what has to change" in sentence_of(answer)
    assert browser.vote(request, vote, comment="Merge the plans.").status_code == 303


@pytest.mark.parametrize("vote", ["", "release", "APPROVE"])
def test_an_unknown_vote_is_none(browser: Browser, house: House, vote: str) -> None:
    request = a_submitted_request(house)
    answer = browser.sign_in("cleo").vote(request, vote)
    assert answer.status_code == 422
    assert "Press one of the three buttons" in sentence_of(answer)
    assert state_of(house, request) is RequestState.SUBMITTED


def test_a_comment_that_is_too_long_is_kept_and_refused(browser: Browser, house: House) -> None:
    request = a_submitted_request(house)
    answer = browser.sign_in("cleo").vote(request, comment="x" * 5001)
    assert answer.status_code == 422
    assert "at most 5,000 characters" in sentence_of(answer)
    assert "x" * 5001 in answer.text


def test_a_vote_without_the_forms_token_is_refused(browser: Browser, house: House) -> None:
    request = a_submitted_request(house)
    browser.sign_in("cleo")
    form = browser.form_of(f"/requests/{request}", f"/requests/{request}/vote")
    for token in ({}, {"csrf_token": "forged"}):
        answer = browser.post(
            f"/requests/{request}/vote",
            {"content_hash": form["content_hash"], "vote": "approve", "comment": "A comment", **token},
        )
        assert answer.status_code == 400
        assert "nothing was changed" in sentence_of(answer)
        assert "A comment" in sentence_of(answer)
    assert state_of(house, request) is RequestState.SUBMITTED


def test_the_token_of_one_person_is_worth_nothing_to_another(app: Flask, house: House) -> None:
    request = a_submitted_request(house)
    cleo, carl = Browser(app).sign_in("cleo"), Browser(app).sign_in("carl")
    form = cleo.form_of(f"/requests/{request}", f"/requests/{request}/vote")
    assert carl.post(f"/requests/{request}/vote", form | {"vote": "approve"}).status_code == 400


def test_a_vote_on_nothing_is_not_found(browser: Browser, house: House) -> None:
    request = a_submitted_request(house)
    form = browser.sign_in("cleo").form_of(f"/requests/{request}", f"/requests/{request}/vote")
    answer = browser.post("/requests/r-none/vote", form | {"vote": "approve"})
    assert answer.status_code == 404
    assert "r-none" in sentence_of(answer)


def test_tampered_content_is_not_shown(browser: Browser, house: House) -> None:
    request = a_submitted_request(house)
    digest = house.do(lambda session: the_request(session, request).items[0].statistic.answer)
    path = Path(house.store._named(digest))
    path.chmod(0o600)
    path.write_bytes(path.read_bytes().replace(b"100", b"101", 1))
    answer = browser.sign_in("cleo").get(f"/requests/{request}")
    assert answer.status_code == 500
    assert "changed after it was stored" in sentence_of(answer)
