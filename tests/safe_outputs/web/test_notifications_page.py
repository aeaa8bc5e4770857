"""Notifications on the page and in the API: a person's own, counted in the navigation, marked as read by a form."""

import pytest
from flask import Flask

from safe_outputs.notifications import telling
from safe_outputs.notifications.kinds import Kind
from tests.safe_outputs.house import House
from tests.safe_outputs.web.browser import PREFIX, Browser, Program, sentence_of


def tell(house: House, who: str = "rosa", subject: str = "r-1", kind: Kind = Kind.RETURNED) -> None:
    house.do(lambda session: telling.tell(session, kind, [who], subject=subject, project="heron"))


def in_navigation(browser: Browser) -> str:
    page = browser.get("/settings").text
    return page.partition(f'href="{PREFIX}/notifications"')[2].partition("</a>")[0].partition(">")[2].strip()


def test_what_is_new_is_counted_and_marked_as_read_one_by_one_or_all(app: Flask, house: House) -> None:
    rosa = Browser(app).sign_in("rosa")
    assert in_navigation(rosa) == "Notifications"
    assert "Nobody told you anything yet" in sentence_of(rosa.get("/notifications"))
    for number in range(3):
        tell(house, subject=f"r-{number}")
    tell(house, "rui")
    assert in_navigation(rosa) == "Notifications (3)"
    page = rosa.get("/notifications").text
    assert page.index("Request r-2") < page.index("Request r-1") < page.index("Request r-0")
    assert page.count("Mark as read") == 3 and f'href="{PREFIX}/requests/r-2"' in page
    form = rosa.form_of("/notifications", "/notifications/read")
    assert rosa.post("/notifications/read", {**form, "one": "2"}).status_code == 303
    assert in_navigation(rosa) == "Notifications (2)"
    tell(house, subject="r-later")
    rosa.post("/notifications/read", {**form, "up_to": "3"})
    assert in_navigation(rosa) == "Notifications (1)", "what came after the page was made is not read"
    assert in_navigation(Browser(app).sign_in("rui")) == "Notifications (1)"


def test_nobody_marks_what_is_anothers(app: Flask, house: House) -> None:
    tell(house, "rui")
    rosa = Browser(app).sign_in("rosa")
    tell(house)
    form = rosa.form_of("/notifications", "/notifications/read")
    rosa.post("/notifications/read", {**form, "one": "1"})
    assert Program(app, "rosa").send("POST", "/notifications/read", {"up_to": 1}).get_json() == {"marked": 0}
    assert in_navigation(Browser(app).sign_in("rui")) == "Notifications (1)"


@pytest.mark.parametrize("number", ["", "x", "-1", "1.5", "9" * 30, "²"])
def test_what_is_no_number_is_refused_with_a_sentence(app: Flask, house: House, number: str) -> None:
    tell(house)
    rosa = Browser(app).sign_in("rosa")
    form = rosa.form_of("/notifications", "/notifications/read")
    for name in ("one", "up_to"):
        assert rosa.post("/notifications/read", {**form, name: number}).status_code == 422
    assert rosa.get(f"/notifications?before={number}").status_code == 422


def test_the_list_goes_on_on_the_next_page(app: Flask, house: House) -> None:
    for number in range(telling.AT_ONCE + 2):
        tell(house, subject=f"r-{number:03}")
    rosa = Browser(app).sign_in("rosa")
    first = rosa.get("/notifications").text
    assert first.count("Request r-") == 2 * telling.AT_ONCE and "Show older ones" in first
    second = rosa.get("/notifications?before=3").text
    assert "r-001" in second and "r-002" not in second and "Show older ones" not in second


def test_the_api_tells_and_takes_the_same(app: Flask, house: House) -> None:
    tell(house)
    rosa = Program(app, "rosa")
    found = rosa.send("GET", "/notifications").get_json()
    assert found["unread"] == 1
    assert found["notifications"][0]["sentence"] == "Request r-1 of project heron came back to its author for changes."
    assert rosa.send("POST", "/notifications/read", {"one": 1, "up_to": 1}).status_code == 422
    assert rosa.send("POST", "/notifications/read", {"one": 1}).get_json() == {"marked": 1}
    assert rosa.send("GET", "/notifications?before=1").get_json() == {"unread": 0, "notifications": []}
    version = rosa.get("/settings/email").headers["ETag"]
    chosen = rosa.send("PUT", "/settings/email", {"email": {"returned": "daily"}}, version)
    assert chosen.get_json()["email"]["returned"] == "daily" and chosen.get_json()["email"]["rejected"] == "now"
    assert rosa.send("PUT", "/settings/email", {"email": {"returned": "off"}}, version).status_code == 412
    refused = rosa.send("PUT", "/settings/email", {"email": {"assigned": "daily"}}, chosen.headers["ETag"])
    assert refused.status_code == 422


def test_what_is_chosen_of_e_mail_is_kept_and_shown(app: Flask, house: House) -> None:
    rosa = Browser(app).sign_in("rosa")
    assert "This service sends no e-mail" in sentence_of(rosa.get("/settings"))
    form = rosa.form_of("/settings", "/settings/email")
    assert rosa.post("/settings/email", {**form, "rejected": "off"}).status_code == 303
    page = rosa.get("/settings").text
    chosen = page.partition('name="rejected"')[2].partition("</select>")[0]
    assert '<option value="off" selected>' in chosen
    assert rosa.post("/settings/email", {**form, "rejected": "hourly"}).status_code == 422
