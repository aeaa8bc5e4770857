"""Who is asked, on the page and in the API: without a name, by the same predicate; handing on, and being away."""

from datetime import timedelta

from flask import Flask

from governance.database import now
from tests.safe_outputs.house import House, a_submitted_request, cast_vote
from tests.safe_outputs.web.browser import Browser, Program, sentence_of


def test_each_is_told_whether_she_is_asked_and_of_nobody_else(app: Flask, house: House) -> None:
    request = a_submitted_request(house)
    pages = {
        who: sentence_of(Browser(app).sign_in(who).get(f"/requests/{request}")) for who in ("carl", "cora", "rosa")
    }
    assert "2 output checkers are asked, and you are one of them." in pages["carl"]
    assert "You can vote as well" in pages["cora"] and "Hand it on" not in pages["cora"]
    assert "asked to review" not in pages["rosa"] and "checkers are asked" not in pages["rosa"]
    assert "Cleo" not in pages["carl"]
    answers = {who: Program(app, who).get(f"/requests/{request}/asked").get_json() for who in ("carl", "cora")}
    assert [answers[who]["mine"] for who in ("carl", "cora")] == [True, False]
    assert {answers[who]["number"] for who in answers} == {2}


def test_what_one_sees_is_the_same_whether_or_not_the_other_has_voted(app: Flask, house: House) -> None:
    request = a_submitted_request(house)
    carl = Program(app, "carl")
    before = carl.get(f"/requests/{request}/asked").get_json()
    cast_vote(house, request, "cleo")
    assert carl.get(f"/requests/{request}/asked").get_json() == before


def test_a_request_is_handed_on_and_the_history_names_nobody_while_it_is_blind(app: Flask, house: House) -> None:
    request = a_submitted_request(house)
    carl = Browser(app).sign_in("carl")
    form = carl.form_of(f"/requests/{request}", f"/requests/{request}/decline")
    assert carl.post(f"/requests/{request}/decline", form).status_code == 303
    assert "carl handed the review on" in sentence_of(carl.get(f"/requests/{request}"))
    for who in ("cleo", "cora", "rosa"):
        page = sentence_of(Browser(app).sign_in(who).get(f"/requests/{request}"))
        assert "handed the review on" not in page, who
    assert carl.post(f"/requests/{request}/decline", form).status_code == 409
    assert Program(app, "cora").send("POST", f"/requests/{request}/decline").get_json()["mine"] is False
    assert Program(app, "carl").send("POST", f"/requests/{request}/decline").status_code == 409


def test_somebody_is_away_and_here_again(app: Flask, house: House) -> None:
    cleo, until = Browser(app).sign_in("cleo"), (now() + timedelta(days=5)).date()
    form = cleo.form_of("/settings", "/settings/away")
    assert cleo.post("/settings/away", {**form, "until": until.isoformat()}).status_code == 303
    assert f"You are away until {until.day} {until:%B %Y}" in sentence_of(cleo.get("/settings"))
    for day in ("yesterday", "2020-01-01", "9999-12-31", "2026-13-01"):
        assert cleo.post("/settings/away", {**form, "until": day}).status_code == 422, day
    assert cleo.post("/settings/away", form).status_code == 303
    assert "You are here" in sentence_of(cleo.get("/settings"))
    program = Program(app, "cleo")
    version = program.get("/settings/away").headers["ETag"]
    assert program.send("PUT", "/settings/away", {"until": until.isoformat()}, version).get_json() == {
        "until": until.isoformat()
    }
    assert program.send("PUT", "/settings/away", {"until": None}, version).status_code == 412
    assert "Away" not in Browser(app).sign_in("rosa").get("/settings").text
