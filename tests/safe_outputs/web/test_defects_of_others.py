"""What was found wrong in four other systems for output review: one test for each, through our own front doors."""

import re
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from governance.audit import AuditEvent
from governance.people import Role, find_person
from governance.projects import add_member, find_project
from safe_outputs.errors import NotPermitted
from safe_outputs.return_categories import Category
from safe_outputs.reviewing import return_early
from safe_outputs.transitions import RequestState
from tests.safe_outputs.factories import TODAY
from tests.safe_outputs.handed_in import a_file, a_picture
from tests.safe_outputs.house import (
    House,
    a_submitted_request,
    an_approved_request,
    cast_vote,
    release_next_of,
    submit,
    the_request,
)
from tests.safe_outputs.web.browser import PREFIX, Browser

NOBODY_WHO_CHECKS = ("rosa", "rui", "olga", "stan", "otto")


def state_of(house: House, request_id: str) -> RequestState:
    return RequestState(house.do(lambda session: the_request(session, request_id).state))


@pytest.mark.parametrize("who", NOBODY_WHO_CHECKS)
def test_no_post_of_anyone_else_approves(house: House, app: Flask, who: str) -> None:
    request = a_submitted_request(house)
    seen = house.do(lambda session: the_request(session, request).content_hash)
    browser = Browser(app).sign_in(who)
    page = browser.post(f"/requests/{request}/vote", {"vote": "approve", "content_hash": seen})
    vote = {"vote": "approve", "content_hash": seen}
    program = browser.client.post(f"{PREFIX}/api/requests/{request}/votes", json=vote, headers={"If-Match": "*"})
    assert {page.status_code, program.status_code} <= {400, 403}
    assert state_of(house, request) is RequestState.SUBMITTED


def test_no_review_of_an_earlier_round_counts_again(house: House) -> None:
    request = a_submitted_request(house)
    cast_vote(house, request, "cleo")
    again: dict[str, Any] = {"reason": "Say for whom.", "category": Category.CONTEXT_MISSING, "today": TODAY}
    house.do(lambda session: return_early(session, the_request(session, request), checker="carl", **again))
    submit(house, request)
    cast_vote(house, request, "carl")
    assert state_of(house, request) is RequestState.IN_REVIEW
    assert not release_next_of(house)


def test_with_nothing_approved_nothing_is_released(house: House) -> None:
    a_submitted_request(house)
    assert not release_next_of(house)
    assert list(house.folder.glob("releases/*")) == []


def test_no_file_is_released_that_is_not_what_was_reviewed(house: House) -> None:
    request = an_approved_request(house)
    tables = [
        each for each in house.store._folder.rglob("*") if each.is_file() and b"Dayton,free,100," in each.read_bytes()
    ]
    assert tables
    for each in tables:
        each.write_bytes(each.read_bytes().replace(b"Dayton,free,100,", b"Dayton,free,101,"))
    release_next_of(house)
    assert state_of(house, request) is RequestState.APPROVED
    assert list(house.folder.glob("releases/*/*")) == []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("page.html", b"<!doctype html><script>alert(1)</script>"),
        (
            "drawing.svg",
            b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect/></svg>',
        ),
    ],
)
def test_no_html_or_svg_of_a_researcher_is_served(house: House, browser: Browser, name: str, content: bytes) -> None:
    request = a_submitted_request(house)
    file = a_file(house, request, name, content)
    browser.sign_in("cleo")
    for path in (f"/requests/{request}/files/{file}/picture", f"/requests/{request}/files/{file}"):
        answer = browser.get(path)
        assert answer.status_code in {200, 404}
        assert answer.content_type.split(";")[0] in {"image/png", "text/html"}
        assert content not in answer.data


def test_no_text_is_put_into_the_page_as_markup(house: House, browser: Browser) -> None:
    request = a_submitted_request(house)
    file = a_file(house, request, "notes.txt", b"one\n<img src=x onerror=alert(1)>\n")
    page = browser.sign_in("cleo").get(f"/requests/{request}/files/{file}").text
    assert "&lt;img src=x" in page
    assert re.search(r"<img[^>]*onerror|<script", page) is None


@pytest.mark.parametrize("name", ["/etc/passwd.png", "../../../outside.png", "C:\\Windows\\a.png", "a\x00/../b.png"])
def test_no_file_name_leaves_its_folder(house: House, browser: Browser, name: str) -> None:
    request = a_submitted_request(house)
    file = a_file(house, request, name, a_picture())
    page = browser.sign_in("cleo").get(f"/requests/{request}/files/{file}").text
    shown = re.findall(r"[\w.-]+\.png", page)
    assert shown
    assert not any(sign in each for each in shown for sign in ("/", "\\", "\x00", ".."))


def test_no_person_who_changed_roles_approves_herself(house: House) -> None:
    """Neither the author nor a colleague of hers who checks now, though both left research."""
    request = a_submitted_request(house)

    def change_roles(session: Session) -> None:
        add_member(session, find_project(session, "heron"), "rui", actor="operator")
        for name in ("rosa", "rui"):
            find_person(session, name).role = Role.OUTPUT_CHECKER

    house.do(change_roles)
    for who in ("rosa", "rui"):
        with pytest.raises(NotPermitted):
            cast_vote(house, request, who)
    assert state_of(house, request) is RequestState.SUBMITTED


def test_no_flag_hides_an_event_of_the_audit_log(house: House) -> None:
    assert {column.name for column in AuditEvent.__table__.columns} & {"hidden", "visible", "deleted"} == set()
    request = an_approved_request(house)
    with house.engine.connect() as database:
        told = {
            row[0]
            for row in database.exec_driver_sql(
                "SELECT action FROM audit_event WHERE subject = ?", (f"request:{request}",)
            )
        }
    assert {"request.submitted", "request.voted", "request.approved"} <= told


def test_no_preview_is_cut_without_saying_so(house: House, browser: Browser) -> None:
    request = a_submitted_request(house)
    content = b"site,mean\n" + b"".join(b"Dayton,%d.5\n" % n for n in range(3_000))
    file = a_file(house, request, "table.csv", content)
    page = browser.sign_in("cleo").get(f"/requests/{request}/files/{file}").text
    assert "of 3,001 rows" in page


def test_no_page_is_without_a_content_policy(browser: Browser) -> None:
    policy = browser.get("/releases").headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "unsafe" not in policy
