"""Headers, errors and logs: nothing is loaded from elsewhere, nothing is kept, nothing is told that could be data."""

import logging
import re

import pytest
from flask import Flask

from safe_outputs.web.access import access
from safe_outputs.web.filters import STATIC
from safe_outputs.web.security import CONTENT_POLICY
from tests.safe_outputs.house import House, a_submitted_request, an_answered_statistic
from tests.safe_outputs.web.browser import PREFIX, Browser, Session, sentence_of
from tests.safe_outputs.web.test_access import EXPECTED, NOBODY, PEOPLE

SECRET = "the income of person 4711 is 98765"


def test_the_policy_allows_no_script_no_frame_and_no_other_host() -> None:
    policy = dict(part.split(" ", 1) for part in CONTENT_POLICY.split("; "))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert "script-src" not in policy
    assert set(policy.values()) == {"'none'", "'self'"}


def test_every_answer_carries_the_headers(app: Flask, house: House) -> None:
    """On every route, for everybody: pages, refusals, redirects, files, problems."""
    request = a_submitted_request(house)
    for method, rule in EXPECTED:
        path = rule.replace("<request_id>", request).replace("<path:name>", "icon.svg")
        for who in (NOBODY, "output checker", "researcher"):
            browser = Browser(app) if who == NOBODY else Browser(app).sign_in(PEOPLE[who])
            answer = browser.client.open(PREFIX + path, method=method, buffered=True)
            assert answer.headers["Content-Security-Policy"] == CONTENT_POLICY, (method, rule, who)
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Referrer-Policy"] == "same-origin"
            assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
            assert "Cache-Control" in answer.headers


@pytest.mark.parametrize("path", ["/queue", "/requests/{request}", "/api/session/session", "/sign-in", "/nowhere"])
def test_what_is_not_public_is_kept_by_nobody(app: Flask, house: House, path: str) -> None:
    request = a_submitted_request(house)
    answer = Browser(app).sign_in("cleo").get(path.format(request=request))
    assert answer.headers["Cache-Control"] == "no-store"


def test_no_page_holds_a_script_a_style_or_an_address_elsewhere(app: Flask, house: House) -> None:
    request = a_submitted_request(house, [an_answered_statistic(house)])
    for who, path in [("cleo", "/queue"), ("cleo", f"/requests/{request}"), ("rosa", "/requests"), ("olga", "/owner")]:
        page = Browser(app).sign_in(who).get(path).text
        assert not re.search(r"<script|<style|\sstyle=|\son\w+=|javascript:|<iframe|<object|<img", page), path
        loaded = re.findall(r'<(?:link|img|script)[^>]*(?:href|src)="([^"]*)"', page)
        assert loaded, path
        assert all(address.startswith(f"{PREFIX}/static/") for address in loaded), path


def test_the_styles_load_nothing_from_elsewhere() -> None:
    css = STATIC / "saferoom.css"
    if not css.exists():
        pytest.fail("safe_outputs/web/static/saferoom.css is not built; run `make setup`")
    assert not re.findall(r"url\(|@import", css.read_text(encoding="utf-8-sig"))


@pytest.mark.parametrize("path", ["/boom", "/api/session/boom"])
def test_an_unforeseen_error_tells_no_value(app: Flask, path: str, caplog: pytest.LogCaptureFixture) -> None:
    @access("public")
    def boom() -> str:
        raise RuntimeError(SECRET)

    app.add_url_rule(path, "boom", boom)
    with caplog.at_level(logging.DEBUG):
        answer = Browser(app).get(path)
    assert answer.status_code == 500
    assert "nothing was changed or released" in sentence_of(answer)
    assert SECRET not in answer.text
    assert SECRET not in caplog.text
    assert "unforeseen RuntimeError" in caplog.text
    assert "test_security.py" in caplog.text


def test_a_broken_page_of_errors_still_answers(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments, **_named) -> str:
        raise RuntimeError(SECRET)

    monkeypatch.setattr("safe_outputs.web.problems.render_template", broken)
    monkeypatch.setattr("safe_outputs.web.public.render_template", broken)
    answer = Browser(app).get("/releases")
    assert answer.status_code == 500
    assert answer.content_type == "text/plain; charset=utf-8"
    assert SECRET not in answer.text


def test_pages_that_are_not_there_have_a_sentence(browser: Browser) -> None:
    answer = browser.get("/nowhere")
    assert answer.status_code == 404
    assert "no page at this address" in sentence_of(answer)
    wrong = browser.post("/queue")
    assert wrong.status_code == 405
    assert sentence_of(wrong)


@pytest.mark.parametrize("name", ["../settings.py", "..%2fsettings.py", "%2e%2e/settings.py", "nothing.css"])
def test_only_static_files_are_static(browser: Browser, name: str) -> None:
    assert browser.get(f"/static/{name}").status_code == 404


def test_a_kernels_own_words_do_not_come_back_in_an_error(app: Flask) -> None:
    plan = {"kind": "crosstab", "dataset": "rand_hie", "dimensions": ["site"], "where": [{"column": SECRET}]}
    answer = Session(app, "rosa", "heron").call("POST", "/statistics", {"plan": plan, "code": ""})
    assert answer.status_code == 422
    assert SECRET not in answer.text
