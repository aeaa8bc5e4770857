"""The output checker's desk and her vote."""

from flask import Flask

from governance.database import transaction
from safe_outputs.store import Store
from safe_outputs.web.service import Service
from tests.safe_outputs import factories
from tests.safe_outputs.web.browser import Browser, sentence_of


def engine_of(app: Flask):
    found: Service = app.extensions["saferoom"]
    return found.engine


def test_smoke(app: Flask, browser: Browser, store: Store) -> None:
    with transaction(engine_of(app)) as session:
        request = factories.a_request(session, store).id
    browser.sign_in("cleo")
    page = browser.get("/queue")
    assert page.status_code == 200, page.text
    page = browser.get(f"/requests/{request}")
    assert page.status_code == 200, page.text
    answer = browser.vote(request)
    assert answer.status_code == 303, sentence_of(answer)
