"""Practice on its pages: a case is read and judged like a request, then told; nothing of it leaves."""

import re

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from governance.database import reading
from governance.people import Role
from safe_outputs.models import CheckerVote, Release
from safe_outputs.practice.cases import CASES, all_cases, find_case
from safe_outputs.practice.models import PracticeAnswer
from tests.governance.people_factory import a_person
from tests.safe_outputs.house import House, release_next_of
from tests.safe_outputs.web.browser import PREFIX, Browser, Program, sentence_of
from tests.safe_outputs.web.test_request_page import HOSTILE


def judge(browser: Browser, name: str, *defects: str, vote: str = "request_changes", comment: str = "") -> TestResponse:
    """Open a case, tick what is wrong, press a button."""
    form = browser.form_of(f"/practice/{name}", f"/practice/{name}")
    sent = {"csrf_token": form["csrf_token"], "vote": vote, "comment": comment, "defect": list(defects)}
    return browser.client.post(f"{PREFIX}/practice/{name}", data=sent)


@pytest.mark.parametrize("name", CASES)
def test_a_case_is_shown_whole_and_tells_nothing_before_it_is_judged(browser: Browser, name: str) -> None:
    page = browser.sign_in("cleo").get(f"/practice/{name}")
    text = sentence_of(page)
    case = find_case(name)
    assert page.status_code == 200
    assert case.title in text
    assert all(each.title in text for each in case.exhibits)
    assert case.told not in text
    assert "What was in it" not in text
    assert not [each for each in case.planted if each.finding.fix and each.finding.sentence in text]


def test_after_her_answer_she_is_told_what_was_in_it_with_rule_and_source(browser: Browser) -> None:
    browser.sign_in("cleo")
    answer = judge(browser, "p17", "small_counts", "dominance", comment="Fewer than ten.")
    assert answer.status_code == 303
    assert answer.location.endswith("/practice/p17#result")
    text = sentence_of(browser.get("/practice/p17"))
    case = find_case("p17")
    assert "1 of 2 found, 1 marked where nothing was" in text
    assert all(each.finding.sentence in text and each.finding.source in text for each in case.planted)
    assert "Missed: What is needed to judge it is missing" in text
    assert "Not there: One unit makes up most of a number" in text
    assert "Fewer than ten." in text
    assert "1 of 2 found" in sentence_of(browser.get("/practice"))


def test_a_refused_answer_keeps_what_was_marked_and_written(browser: Browser, house: House) -> None:
    browser.sign_in("cleo")
    answer = judge(browser, "p02", "small_counts", vote="approve", comment="I am not sure.")
    assert answer.status_code == 422
    assert "return the case; or take the mark away" in sentence_of(answer)
    assert re.search(r'value="small_counts" checked', answer.text)
    assert "I am not sure." in answer.text
    with reading(house.engine) as session:
        assert session.get(PracticeAnswer, 1) is None


@pytest.mark.parametrize(
    ("vote", "defect"), [("", "dominance"), ("release", "dominance"), ("request_changes", "secret")]
)
def test_what_the_form_does_not_have_is_refused(browser: Browser, vote: str, defect: str) -> None:
    answer = judge(browser.sign_in("cleo"), "p02", defect, vote=vote)
    assert answer.status_code == 422
    assert "Press one of the two buttons" in sentence_of(answer)


def test_what_she_wrote_is_shown_inert_to_her_alone(app: Flask) -> None:
    judge(Browser(app).sign_in("cleo"), "p01", vote="approve", comment=HOSTILE)
    page = Browser(app).sign_in("cleo").get("/practice/p01").text
    assert "<script>" not in page.partition("<main")[2]
    other = sentence_of(Browser(app).sign_in("carl").get("/practice/p01"))
    assert "What was in it" not in other


def test_a_case_that_there_is_not(browser: Browser) -> None:
    answer = browser.sign_in("cleo").get("/practice/p99")
    assert answer.status_code == 404
    assert "no such practice case" in sentence_of(answer)


def test_the_summary_names_nobody_and_waits_for_enough(app: Flask, house: House) -> None:
    people = [f"checker-{number}" for number in range(5)]
    house.do(lambda session: [a_person(session, name, Role.OUTPUT_CHECKER) for name in people])
    leader = Browser(app).sign_in("otto")
    assert "Fewer than 5 people have practised" in sentence_of(leader.get("/practice/summary"))
    for name in people:
        judge(Browser(app).sign_in(name), "p02", "small_counts")
    text = sentence_of(leader.get("/practice/summary"))
    assert "5 of 5 (100 %; 95 % interval 57 % to 100 %) defects were found" in text
    assert "checker" not in text.lower().replace("output checkers", "")


def test_nothing_of_practice_can_be_voted_on_or_released(browser: Browser, house: House) -> None:
    """Whoever tries: the pages, the API and the releasing worker know no case as a request."""
    browser.sign_in("cleo")
    for case in all_cases():
        judge(browser, case.id, vote="approve")
    form = browser.form_of("/practice/p01", "/practice/p01")
    for name in CASES:
        for path in (f"/requests/{name}/vote", f"/requests/{name}/return", f"/requests/{name}/recall"):
            sent = {"csrf_token": form["csrf_token"], "vote": "approve", "content_hash": find_case(name).digest}
            assert browser.post(path, sent | {"reason": "x", "category": "other"}).status_code == 404
        assert browser.get(f"/releases/{name}").status_code == 404
    assert not release_next_of(house)
    with reading(house.engine) as session:
        assert session.query(CheckerVote).count() == session.query(Release).count() == 0


def test_the_api_shows_a_case_judges_it_and_tells(app: Flask) -> None:
    checker = Program(app, "cleo")
    shown = checker.get("/practice/p17").get_json()
    assert shown["result"] is None
    assert find_case("p17").told not in str(shown)
    body = {"vote": "request_changes", "marked": ["small_counts", "dominance"], "comment": "Ten."}
    told = checker.send("POST", "/practice/p17/answers", body).get_json()["result"]
    assert (told["found"], told["missed"], told["false_alarms"]) == (
        ["small_counts"],
        ["context_missing"],
        ["dominance"],
    )
    found = checker.get("/practice").get_json()
    assert found["measured"]["sensitivity"]["hits"] == 1
    assert [each["id"] for each in found["cases"] if each["answered"]] == ["p17"]
    assert checker.get("/practice/summary").get_json() == {"measured": None}


def test_the_api_refuses_what_the_page_refuses(app: Flask) -> None:
    answer = Program(app, "cleo").send("POST", "/practice/p02/answers", {"vote": "approve", "marked": ["dominance"]})
    assert answer.status_code == 422
    assert "return the case; or take the mark away" in sentence_of(answer)
