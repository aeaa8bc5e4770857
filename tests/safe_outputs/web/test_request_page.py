"""What the page of a request shows, to whom, and that nothing on it is alive."""

import re
from html import escape, unescape
from typing import Any

import pytest
from flask import Flask

from safe_outputs.answers import MeasureError, Verdict
from safe_outputs.evidence.budgets import record_budget
from safe_outputs.releases.releasing import release
from safe_outputs.transitions import Vote
from tests.safe_outputs.factories import (
    CODE,
    CROSSTAB,
    PRIVATE_COUNT,
    RELEASE_KEY,
    a_charge,
    a_cross_table,
    a_finding,
    a_noise,
    approved,
)
from tests.safe_outputs.house import (
    House,
    a_submitted_request,
    an_answered_statistic,
    cast_vote,
    submit,
    the_request,
)
from tests.safe_outputs.web.browser import Browser, sentence_of

HOSTILE = "</pre></title><script>alert(1)</script><img src=x onerror=alert(2)>{{ 7*7 }} \u202egnp.exe \x00 “quoted”"


def page_of(browser: Browser, request_id: str) -> str:
    answer = browser.get(f"/requests/{request_id}")
    assert answer.status_code == 200, sentence_of(answer)
    return answer.text


def test_a_withheld_cell_is_marked_and_its_reason_stands_in_text(browser: Browser, house: House) -> None:
    table = a_cross_table(("Dayton", "Seattle"), ("free", "95 %"), withheld=[("Seattle", "95 %")])
    request = a_submitted_request(house, [an_answered_statistic(house, table=table)])
    page = page_of(browser.sign_in("cleo"), request)
    cells = re.findall(r'<td[^>]*class="[^"]*sr-cell-withheld--primary"[^>]*title="fewer than 10 persons">', page)
    assert len(cells) == 2, "once for each measure"
    text = sentence_of(browser.get(f"/requests/{request}"))
    assert "Seattle 114 ▒ withheld, reason a" in text
    assert "1 cell withheld: fewer than 10 persons" in text


def test_a_withheld_cell_has_no_number_on_the_page(browser: Browser, house: House) -> None:
    table = a_cross_table(("Dayton", "Seattle"), ("free", "95 %"), withheld=[("Seattle", "95 %")])
    request = a_submitted_request(house, [an_answered_statistic(house, table=table)])
    page = page_of(browser.sign_in("cleo"), request)
    number = r"(?<![\w.-])%d(?![\w.-])"  # by itself, and not inside of a hash or a token
    assert re.search(number % 114, page)
    assert not re.search(number % 121, page)


def test_findings_stand_worst_first_with_all_that_they_say(browser: Browser, house: House) -> None:
    findings = (a_finding(), a_finding(rule="differencing", verdict=Verdict.REFER, sentence="A table was released."))
    request = a_submitted_request(house, [an_answered_statistic(house, findings=findings, verdict=Verdict.REFER)])
    text = sentence_of(browser.sign_in("cleo").get(f"/requests/{request}"))
    assert text.index("A table was released.") < text.index("2 of 24 cells")
    for said in (a_finding().rule, a_finding().value, a_finding().limit, a_finding().source, a_finding().fix):
        assert said in text


def test_a_private_statistic_shows_on_what_its_error_rests_and_what_it_cost_in_delta(
    browser: Browser, house: House
) -> None:
    words = "± 3 US dollars if a group has 1,000 records whose values are spread evenly between their bounds"
    error = MeasureError(measure="median", error=3.0, words=words, basis="dummy data")
    facts: dict[str, Any] = {
        "noise": a_noise().model_copy(update={"errors": (error,)}),
        "charge": a_charge().model_copy(update={"nano_delta": 1000}),
    }
    request = a_submitted_request(house, [an_answered_statistic(house, PRIVATE_COUNT, **facts)])
    text = sentence_of(browser.sign_in("cleo").get(f"/requests/{request}"))
    assert f"95 % lie no further from the bounded truth than: {words}." in text
    assert "Paid: ρ = 0.02 and δ = 0.000001, charge" in text


def test_a_private_statistic_shows_noise_charge_and_what_is_left(browser: Browser, house: House) -> None:
    request = a_submitted_request(house, [an_answered_statistic(house, PRIVATE_COUNT)])
    text = sentence_of(browser.sign_in("cleo").get(f"/requests/{request}"))
    assert "95 % lie no further from the bounded truth than: ± 14 persons." in text
    assert "Paid: ρ = 0.02, charge" in text
    assert "dataset rand_hie 4.98" in text
    assert "project heron/rand_hie 0.98" in text


def test_what_is_left_now_stands_beside_what_was_left_then(browser: Browser, house: House) -> None:
    request = a_submitted_request(house, [an_answered_statistic(house, PRIVATE_COUNT)])
    before = sentence_of(browser.sign_in("cleo").get(f"/requests/{request}"))
    assert "dataset rand_hie 4.98 not known" in before
    house.do(lambda session: record_budget(session, "dataset:rand_hie", 1_250_000_000, 0))
    after = sentence_of(browser.get(f"/requests/{request}"))
    assert "dataset rand_hie 4.98 1.25, just now" in after
    assert "project heron/rand_hie 0.98 not known" in after


def test_approval_that_is_not_possible_is_not_offered_and_the_page_says_why(browser: Browser, house: House) -> None:
    request = a_submitted_request(house)
    assert 'value="approve"' in page_of(browser.sign_in("cleo"), request)
    house.do(lambda session: setattr(the_request(session, request), "content_hash", "0" * 64))
    page = browser.get(f"/requests/{request}")
    assert 'value="approve"' not in page.text
    assert 'value="request_changes"' in page.text
    assert "You cannot approve. This is not what was submitted, so nobody can approve it." in sentence_of(page)


def test_the_code_the_plan_and_the_bytes_are_there(browser: Browser, house: House) -> None:
    request = a_submitted_request(house, [an_answered_statistic(house)])
    answer = browser.sign_in("cleo").get(f"/requests/{request}")
    text = unescape(answer.text)
    assert CODE in text
    assert '"dimensions": [' in text
    assert "site,plan,persons,mean_spending,status\n" in text
    assert re.search(r"SHA-256</dt>\s*<dd[^>]*>[0-9a-f]{64}<", text)
    assert "Table 1 of the paper." in text or "Another purpose" in text


def test_what_was_released_before_from_the_same_data_is_named(browser: Browser, house: House) -> None:
    def release_one(session) -> None:
        request = approved(session, house.store, title="An earlier table")
        release(session, house.store, request, house.folder / "releases", key=RELEASE_KEY, actor="checker")

    request = a_submitted_request(house)
    browser.sign_in("cleo")
    assert "Nothing was released from this data before." in page_of(browser, request)
    house.do(release_one)
    assert "An earlier table" in page_of(browser, request)


def test_votes_are_blind_until_all_are_in(app: Flask, house: House) -> None:
    request = a_submitted_request(house)
    cast_vote(house, request, "cleo", Vote.REQUEST_CHANGES, "Merge the small plans.")
    for who in ("carl", "rosa"):
        text = sentence_of(Browser(app).sign_in(who).get(f"/requests/{request}"))
        assert "1 of 2 output checkers has voted" in text
        assert "Merge the small plans." not in text
        assert "Cleo" not in text.replace("cleo", "Cleo")
    own = sentence_of(Browser(app).sign_in("cleo").get(f"/requests/{request}"))
    assert "Merge the small plans." in own
    cast_vote(house, request, "carl")
    for who in ("carl", "rosa", "cora"):
        text = sentence_of(Browser(app).sign_in(who).get(f"/requests/{request}"))
        assert "Cleo asked for changes" in text
        assert "Merge the small plans." in text
        assert "Carl approved" in text


def test_votes_of_an_earlier_turn_stay_to_be_read(app: Flask, house: House) -> None:
    request = a_submitted_request(house)
    for checker in ("cleo", "carl"):
        cast_vote(house, request, checker, Vote.REQUEST_CHANGES, "Merge the small plans.")
    submit(house, request)
    text = sentence_of(Browser(app).sign_in("cora").get(f"/requests/{request}"))
    assert "Turn 2" in text
    assert "0 of 2 output checkers have voted in turn 2" in text
    assert "Merge the small plans." in text


@pytest.mark.parametrize(
    ("statistics", "button"), [([CROSSTAB], "Approve this statistic"), ([CROSSTAB, PRIVATE_COUNT], "Approve these 2 ")]
)
def test_the_buttons_say_what_they_do(browser: Browser, house: House, statistics: list, button: str) -> None:
    request = a_submitted_request(house, [an_answered_statistic(house, plan) for plan in statistics])
    page = page_of(browser.sign_in("cleo"), request)
    assert button in page
    assert "Ask the author for changes" in page
    assert "Reject the request for good" in page


def test_what_one_cannot_do_has_a_sentence_instead_of_a_button(browser: Browser, house: House) -> None:
    request = a_submitted_request(house)
    cast_vote(house, request, "cleo")
    page = browser.sign_in("cleo").get(f"/requests/{request}")
    assert "You have voted in this turn already" in sentence_of(page)
    assert f"/requests/{request}/vote" not in page.text


@pytest.mark.parametrize("who", ["cleo", "rosa"])
def test_hostile_text_is_inert(app: Flask, house: House, who: str) -> None:
    statistic = an_answered_statistic(
        house, code=HOSTILE, findings=(a_finding(sentence=HOSTILE, source=HOSTILE, fix=HOSTILE),)
    )
    request = a_submitted_request(house, [statistic], title=HOSTILE, purpose=HOSTILE)
    browser = Browser(app).sign_in(who)
    for path in (f"/requests/{request}", "/queue" if who == "cleo" else "/requests"):
        page = browser.get(path).text
        assert "<script" not in page
        assert "onerror=alert(2)>" not in page
        assert "<img" not in page
        assert "\u202e" not in page
        assert "\x00" not in page
        assert "⟦U+202E⟧gnp.exe ⟦U+0000⟧" in page
        assert escape("<script>alert(1)</script>") in page
        assert "{{ 7*7 }}" in page


def test_hostile_comments_are_inert(app: Flask, house: House) -> None:
    request = a_submitted_request(house)
    for checker in ("cleo", "carl"):
        cast_vote(house, request, checker, Vote.REQUEST_CHANGES, HOSTILE)
    for who in ("cleo", "rosa"):
        page = Browser(app).sign_in(who).get(f"/requests/{request}").text
        assert "<script" not in page
        assert "\u202e" not in page


@pytest.mark.parametrize("who", ["rui", "olga", "stan", "otto"])
def test_others_cannot_read_a_request(app: Flask, house: House, who: str) -> None:
    request = a_submitted_request(house, title="Not for everybody")
    answer = Browser(app).sign_in(who).get(f"/requests/{request}")
    assert answer.status_code == 403
    assert "Only the people of the project and output checkers" in sentence_of(answer)
    assert "Not for everybody" not in answer.text


def test_every_heading_and_table_has_its_place(browser: Browser, house: House) -> None:
    """The order of the page is that of the sketch: table, findings, how, privacy, bytes; then why, before, history."""
    request = a_submitted_request(house, [an_answered_statistic(house), an_answered_statistic(house, PRIVATE_COUNT)])
    page = page_of(browser.sign_in("cleo"), request)
    headings = [re.sub(r"<[^>]+>", "", each).strip() for each in re.findall(r"<h[1-4][^>]*>(.*?)</h", page, re.DOTALL)]
    part = ["As it would be published", "Findings, worst first", "How it was computed"]
    part = [*part, "Privacy", "The bytes that would leave", "Released before of the same people"]
    assert headings == [
        "Another title",
        "In this request",
        "The statistics together",
        "1. Persons and mean of spending per record, by site and plan",
        *part,
        "2. Persons (with noise), by site",
        *part,
        "Evidence, which never leaves",
        "Who it is for, and why",
        "What the author says",
        "Released before from the same data",
        "History",
        "Your vote",
        "Who is asked to review",
        "Conversation",
        "Votes",
    ]
    for table in re.findall(r"<table.*?</table>", page, re.DOTALL):
        assert "<caption" in table
        assert 'scope="col"' in table
