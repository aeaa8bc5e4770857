"""The page about packages: what is in the environment, what is asked for, and that nothing is installed by a click."""

import re
from pathlib import Path

import pytest
from flask import Flask

from governance import packages
from governance.packages import PackageState
from tests.safe_outputs.factories import TODAY
from tests.safe_outputs.house import House
from tests.safe_outputs.web.browser import Browser, sentence_of

HASH = "--hash=sha256:" + "a" * 64
HOSTILE = "</pre><script>alert(1)</script>\u202e"


@pytest.fixture
def lock(house: House) -> Path:
    path = house.folder / "session.txt"
    path.write_text(f"pandas==3.0.1 \\\n    {HASH}\n", encoding="utf-8")
    return path


def asked(house: House, package: str = "lifelines", purpose: str = "Survival.") -> str:
    return str(
        house.do(
            lambda session: (
                packages.ask(
                    session, author="rosa", package=package, versions=">=0.30,<1", purpose=purpose, today=TODAY
                ).id
            )
        )
    )


def state_of(house: House, request_id: str) -> PackageState:
    state: PackageState = house.do(lambda session: packages.find_request(session, request_id).state)
    return state


def press(browser: Browser, request_id: str, action: str, comment: str = "Useful."):
    token = re.findall(r'name="csrf_token"[^>]*value="([^"]*)"', browser.get("/packages").text)
    form = {"csrf_token": token[0] if token else "", "comment": comment}
    return browser.post(f"/packages/{request_id}/{action}", form)


def test_from_the_form_to_the_lock(app: Flask, house: House, lock: Path) -> None:
    rosa, otto = Browser(app).sign_in("rosa"), Browser(app).sign_in("otto")
    form = {
        **rosa.form_of("/packages", "/packages"),
        "package": "lifelines",
        "versions": ">=0.30",
        "purpose": "Survival.",
    }
    assert rosa.post("/packages", form).status_code == 303
    page = sentence_of(rosa.get("/packages"))
    assert "The operator’s: it is waiting for the operator" in page and "pandas 3.0.1" in page
    (request,) = house.do(packages.all_requests)
    assert press(otto, request.id, "accept").status_code == 303
    early = press(otto, request.id, "mark_installed")
    assert early.status_code == 409 and "does not name lifelines" in sentence_of(early)
    assert state_of(house, request.id) is PackageState.ACCEPTED
    lock.write_text(f"lifelines==0.30.1 {HASH}\n", encoding="utf-8")
    assert "Mark lifelines as installed" in otto.get("/packages").text
    assert press(otto, request.id, "mark_installed").status_code == 303
    assert "In the environment: version 0.30.1" in sentence_of(rosa.get("/packages"))


def test_the_environment_is_shown_to_everybody_inside_and_buttons_to_operators_alone(
    app: Flask, house: House, lock: Path
) -> None:
    request_id = asked(house)
    for who in ("rosa", "rui", "cleo", "stan", "olga", "otto"):
        page = Browser(app).sign_in(who).get("/packages").text
        assert "pandas" in page
        assert (f"{request_id}/accept" in page) == (who == "otto")
        assert ("Ask the operator" in page) == (who in {"rosa", "rui"})


@pytest.mark.parametrize("content", [None, "pandas>=3\n", "\udcff"])
def test_a_lock_that_cannot_be_read_is_said_and_installs_nothing(app: Flask, house: House, content: str | None) -> None:
    request_id, otto = asked(house), Browser(app).sign_in("otto")
    path = house.folder / "session.txt"
    if content is not None:
        path.write_bytes(content.encode("utf-8", errors="surrogateescape"))
    assert otto.get("/packages").status_code == 200
    assert "The lock" in sentence_of(otto.get("/packages"))
    refused = press(otto, request_id, "accept")
    assert refused.status_code in {422, 503}
    assert state_of(house, request_id) is PackageState.ASKED


@pytest.mark.parametrize(
    ("action", "comment", "status"), [("accept", " ", 422), ("decline", "", 422), ("install", "x", 422)]
)
def test_a_step_that_is_none_or_has_no_reason_is_refused(
    app: Flask, house: House, lock: Path, action: str, comment: str, status: int
) -> None:
    request_id = asked(house)
    refused = press(Browser(app).sign_in("otto"), request_id, action, comment)
    assert refused.status_code == status
    assert state_of(house, request_id) is PackageState.ASKED


def test_what_was_wrong_is_said_and_what_was_written_is_kept(app: Flask, house: House, lock: Path) -> None:
    asked(house)
    rosa = Browser(app).sign_in("rosa")
    form = {
        **rosa.form_of("/packages", "/packages"),
        "package": "lifelines",
        "versions": "newest",
        "purpose": "My words.",
    }
    refused = rosa.post("/packages", form)
    assert refused.status_code == 422
    assert "no range of versions" in sentence_of(refused) and "My words." in refused.text
    declined = press(Browser(app).sign_in("otto"), "p-0", "decline", "My reason.")
    assert declined.status_code == 404 and "My reason." in declined.text


def test_words_are_text_and_nothing_else(app: Flask, house: House, lock: Path) -> None:
    asked(house, purpose=HOSTILE)
    for who in ("rosa", "otto"):
        page = Browser(app).sign_in(who).get("/packages").text
        assert "<script" not in page and "\u202e" not in page and "⟦U+202E⟧" in page
