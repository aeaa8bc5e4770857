"""Signing in and out, and the operator's page, at a real hub behind its proxy."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pyotp
import pytest
from sqlalchemy import delete

from datasets.versions import DatasetVersion, withdraw
from governance.agreements import Agreement, AgreementState
from governance.attempts import Kind, SignInAttempts
from governance.audit import AuditEvent
from governance.database import now, reading, transaction
from governance.people import Person, Role
from governance.presence import Presence
from governance.projects import Membership, Project, ProjectState
from governance.sign_in import LoginFailed
from hub_config import driver, register
from hub_config.driver import Browser
from hub_config.operator_page import GONE
from hub_config.session import gate_socket
from hub_config.settings import CHECKOUT
from tests.hub_config.house import (
    PASSWORD,
    House,
    build_house,
    processes_of,
    short_folder,
    start_hub,
    stop_hub,
    totp_secret,
)
from tests.hub_config.test_hub import Running, anonymous, until

pytestmark = pytest.mark.hub

SENTENCE = LoginFailed().sentence
REASON = "The machine is taken down for repairs."
RESEARCHERS = ("fay", "gil", "hal", "ida", "jon", "kim")


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with short_folder() as folder:
        house = build_house(folder, run=str(folder / "run"), check_rights_seconds=2)
        with transaction(house.engine) as session:
            house.person(session, "otto", Role.OPERATOR)
            for name in RESEARCHERS:
                house.person(session, name)
            house.project(session, "owl", RESEARCHERS)
        for project in ("heron", "wren"):
            house.provide_data(project)
        made = Running(house, start_hub(house, folder / "hub.log"), folder / "hub.log")
        try:
            yield made
        finally:
            status = stop_hub(made.hub, signal.SIGTERM)
            house.engine.dispose()
        assert status == 0
        assert until(lambda: processes_of(house) == []), processes_of(house)


@pytest.fixture
def ada(running: Running) -> Iterator[Browser]:
    """Ada, whose session in Project Heron runs."""
    with sign_in(running, "ada") as browser:
        driver.start_session(browser, "heron")
        yield browser


def sign_in(running: Running, name: str) -> Browser:
    """Sign in without waiting for the next code, and whatever happened before."""
    forget(running.house, name)
    return running.sign_in(name)


def forget(house: House, name: str) -> None:
    with transaction(house.engine) as session:
        session.get_one(Person, name).totp_last_step = 0
        session.execute(delete(SignInAttempts).where(SignInAttempts.kind != Kind.ORIGIN))


def events(house: House, action: str) -> list[AuditEvent]:
    with reading(house.engine) as session:
        return list(session.query(AuditEvent).filter_by(action=action))


def copy_of(browser: Browser) -> Browser:
    """Another browser with the same cookies, as a thief would have it."""
    client = httpx.Client(base_url=browser.base_url, follow_redirects=True, trust_env=False, timeout=30)
    client.headers.update(browser.http.headers)
    for cookie in browser.http.cookies.jar:
        client.cookies.jar.set_cookie(cookie)
    return Browser(browser.base_url, browser.name, client)


def saferoom(house: House, *words: str) -> "subprocess.CompletedProcess[str]":
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(CHECKOUT)} | house.settings.environment()
    command = [sys.executable, "-m", "hub_config.commands", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)


# --- locks


def test_lock_holds_through_every_door_and_the_operator_lifts_it(running: Running) -> None:
    house, code = running.house, pyotp.TOTP(totp_secret("fay"))
    with anonymous(running) as browser:
        answers = [driver.send_sign_in(browser, "fay", "wrong", code.now()) for _ in range(5)]
        answers.append(driver.send_sign_in(browser, "fay", PASSWORD, code.now()))
        answers += [driver.send_sign_in(browser, "nobody-here", "wrong", "123456") for _ in range(7)]
        assert {(each.status_code, driver._sentence(each)) for each in answers} == {(403, SENTENCE)}
        auth = {"username": "fay", "password": PASSWORD, "otp": code.now()}
        assert browser.http.post("/hub/api/users/fay/tokens", json={"auth": auth}).status_code == 403
    assert "too many wrong tries" in SENTENCE
    lifted = saferoom(house, "people", "unlock", "fay")
    assert (lifted.returncode, lifted.stdout) == (0, "fay can try again at once.\n")
    with running.sign_in("fay") as fay:
        assert fay.http.get("/hub/home").url.path == "/hub/home"
    assert [each.subject for each in events(house, "sign_in.unlocked")] == ["person:fay"]
    assert events(house, "sign_in.locked")[0].detail == {"what": "person", "seconds": 30}
    unknown = saferoom(house, "people", "unlock", "nobody")
    assert unknown.returncode == 1 and "Nobody called “nobody”" in unknown.stderr


def test_sender_cannot_choose_the_origin_that_is_counted(running: Running) -> None:
    forged = {"X-Forwarded-For": "203.0.113.9", "X-Real-Ip": "203.0.113.8", "Forwarded": "for=203.0.113.7"}
    with anonymous(running) as browser:
        browser.http.headers.update(forged)
        driver.send_sign_in(browser, "gil", "wrong", "123456")
    failed = events(running.house, "sign_in.failed")[-1]
    assert (failed.subject, failed.detail["origin"]) == ("person:gil", "127.0.0.1")


def test_name_and_password_of_a_failure_are_in_no_log(running: Running) -> None:
    with anonymous(running) as browser:
        driver.send_sign_in(browser, "my secret passphrase", "another secret", "987654")
    logs = [running.log, *running.house.settings.log.iterdir()]
    told = "\n".join(log.read_text(errors="replace") for log in logs)
    assert "passphrase" not in told and "another secret" not in told and "987654" not in told


# --- cookies


def test_every_cookie_is_strict_and_not_for_scripts(running: Running, ada: Browser) -> None:
    set_cookies: list[str] = []
    ada.http.event_hooks["response"] = [lambda answer: set_cookies.extend(answer.headers.get_list("set-cookie"))]
    driver.sign_in_to_outputs(ada)
    ada.http.get("/user/ada/heron/lab")
    ada.http.get("/hub/home")
    ada.http.cookies.clear()
    forget(running.house, "ada")
    driver.send_sign_in(ada, "ada", PASSWORD, pyotp.TOTP(totp_secret("ada")).now())
    ada.http.get("/user/ada/heron/lab")
    driver.sign_in_to_outputs(ada)
    names = {cookie.partition("=")[0] for cookie in set_cookies}
    assert {"jupyterhub-hub-login", "jupyterhub-session-id", "jupyterhub-user-ada-heron"} <= names
    assert {"saferoom-outputs", "saferoom-device", "_xsrf"} <= names
    for cookie in set_cookies:
        taken_away = re.match('[^=]+="?"?;', cookie)
        for_scripts = (
            cookie.startswith("_xsrf=") and "Path=/user/" in cookie
        )  # proves that a script is JupyterLab's own
        if not taken_away and not for_scripts:
            assert "SameSite=Strict" in cookie and "HttpOnly" in cookie, cookie


def test_signing_out_ends_copies_of_every_cookie(running: Running, ada: Browser) -> None:
    driver.sign_in_to_outputs(ada)
    with copy_of(ada) as thief:
        assert thief.http.get("/hub/home").url.path == "/hub/home"
        assert thief.http.get("/user/ada/heron/api/contents").status_code == 200
        assert ada.http.get("/hub/logout").url.path == "/hub/login"
        assert thief.http.get("/hub/home").url.path == "/hub/login"
        assert thief.hub_api("GET", "/users/ada").status_code == 403
        thief.http.follow_redirects = False

        def shut(path: str) -> bool:
            answer = thief.http.get(path)
            return answer.status_code in (302, 401, 403)

        assert until(lambda: shut("/services/outputs/requests"), 25)
        assert until(lambda: shut("/user/ada/heron/lab"), 25)
        assert until(lambda: shut("/user/ada/heron/api/contents"), 25)
    assert runs(running, "ada", "heron"), "her session goes on"
    assert [each.subject for each in events(running.house, "person.signed_out")][-1] == "person:ada"


def test_who_was_away_signs_in_again(running: Running) -> None:
    with sign_in(running, "gil") as gil:
        assert gil.http.get("/hub/home").url.path == "/hub/home"
        with transaction(running.house.engine) as session:
            session.get_one(Presence, "gil").last_seen = now() - timedelta(hours=8, seconds=1)
        assert until(lambda: gil.http.get("/hub/home").url.path == "/hub/login", 5)
        assert gil.http.get("/hub/home").url.path == "/hub/login"
    with sign_in(running, "gil") as gil:
        assert gil.http.get("/hub/home").url.path == "/hub/home"


# --- the operator


def test_operator_sees_that_sessions_run_and_stops_one_with_a_reason(running: Running, ada: Browser) -> None:
    with sign_in(running, "otto") as otto:
        assert 'href="/hub/operator"' in otto.http.get("/hub/home").text
        page = otto.http.get("/hub/operator")
        text = " ".join(page.text.split())
        assert re.search(r"ada</th> <td>heron</td> <td>running</td> <td>[^<]+</td> <td>\d+ min</td> <td>\d+ MiB", text)
        form = {"_xsrf": otto.token("/hub/"), "person": "ada", "project": "heron"}
        short = otto.http.post("/hub/operator", data={**form, "reason": "  x  "})
        assert short.status_code == 422 and "Nothing was stopped" in driver._sentence(short)
        gone = otto.http.post("/hub/operator", data={**form, "project": "wren", "reason": REASON})
        assert (gone.status_code, driver._sentence(gone)) == (404, GONE)
        forged = otto.http.post("/hub/operator", data={**form, "_xsrf": "x", "reason": REASON})
        assert forged.status_code == 403
        assert runs(running, "ada", "heron")
        stopped = otto.http.post("/hub/operator", data={**form, "reason": REASON})
        assert stopped.status_code == 200 and "No session runs" in stopped.text
    assert "heron" not in driver._servers(ada)
    (event,) = events(running.house, "session.stopped_by_operator")
    assert (event.actor, event.subject, event.detail) == (
        "otto", "project:heron", {"person": "ada", "reason": REASON}
    )  # fmt: skip


def test_operator_sees_no_content_and_starts_nothing(running: Running, ada: Browser) -> None:
    with sign_in(running, "otto") as otto:
        otto.http.get("/hub/home")
        for path in ("lab", "api/contents", "api/kernels", "files/examples", "api/status", "oauth_callback?code=x"):
            answer = otto.http.get(f"/user/ada/heron/{path}")
            assert answer.status_code in (400, 403, 404), path
            assert "examples" not in answer.text.replace(path, "")
        for method, path in OPERATORS_LIMITS:
            assert otto.hub_api(method, path).status_code in (403, 404), (method, path)
        for path in ("/hub/spawn/otto/heron", "/hub/spawn/ada/heron", "/hub/admin", "/hub/spawn-pending/ada/heron"):
            assert otto.http.get(path).status_code in (403, 404), path
        assert otto.hub_api("POST", "/users/otto/servers/heron").status_code == 403
        assert otto.http.get("/services/outputs/queue").status_code == 403
        assert otto.http.get("/services/outputs/requests").status_code == 403
    assert "heron" in driver._servers(ada)


OPERATORS_LIMITS = (
    ("GET", "/users"),
    ("GET", "/users/ada"),
    ("GET", "/users/ada/servers/heron"),
    ("POST", "/users/ada/servers/heron"),
    ("DELETE", "/users/ada/servers/heron"),
    ("GET", "/users/ada/servers/heron/progress"),
    ("GET", "/users/ada/tokens"),
    ("DELETE", "/users/ada"),
    ("GET", "/proxy"),
    ("POST", "/shutdown"),
)


@pytest.mark.parametrize("name", ["ada", "carla", "olive", "steve"])
def test_operators_page_is_the_operators_alone(running: Running, name: str) -> None:
    with sign_in(running, name) as browser:
        page = browser.http.get("/hub/operator")
        assert page.status_code == 403
        assert driver._sentence(page).startswith("Only operators see which sessions run and stop them")
        form = {"_xsrf": browser.token("/hub/"), "person": "ada", "project": "heron", "reason": REASON}
        assert browser.http.post("/hub/operator", data=form).status_code == 403
    with anonymous(running) as browser:
        assert browser.http.get("/hub/operator").url.path == "/hub/login"


def test_operator_whose_right_ended_sees_nothing_more_at_once(running: Running) -> None:
    with sign_in(running, "otto") as otto:
        assert otto.http.get("/hub/operator").status_code == 200
        with transaction(running.house.engine) as session:
            session.get_one(Person, "otto").accredited_until = register.today() - timedelta(days=1)
        try:
            page = otto.http.get("/hub/operator")
            assert page.status_code == 403 and "Your accreditation ended" in page.text
        finally:
            with transaction(running.house.engine) as session:
                session.get_one(Person, "otto").accredited_until = register.today() + timedelta(days=1)


# --- tokens


@pytest.mark.parametrize("name", ["ada", "otto", "carla"])
def test_nobody_mints_a_token_by_any_route(running: Running, name: str) -> None:
    with sign_in(running, name) as browser:
        browser.http.get("/hub/home")
        assert browser.http.get("/hub/token").status_code == 404
        forget(running.house, name)
        code = pyotp.TOTP(totp_secret(name)).now()
        bodies: tuple[dict[str, Any], ...] = (
            {"note": "mine"},
            {"scopes": ["read:users!user"]},
            {"roles": ["user"]},
            {"roles": ["server"], "expires_in": 60},
        )
        for body in bodies:
            assert browser.hub_api("POST", f"/users/{name}/tokens", json=body).status_code in (403, 404), body
        auth = {"auth": {"username": name, "password": PASSWORD, "otp": code}}
        with anonymous(running) as stranger:
            assert stranger.http.post(f"/hub/api/users/{name}/tokens", json=auth).status_code == 403
            assert stranger.http.post("/hub/api/authorizations/token", json=auth).status_code in (403, 404, 405, 410)
        assert browser.hub_api("GET", f"/users/{name}/tokens").status_code in (403, 404)
        for method, path in (
            ("POST", "/oauth2/token"),
            ("POST", "/groups/mine"),
            ("POST", f"/share-codes/{name}/heron"),
        ):
            assert browser.hub_api(method, path, data={}).status_code in (400, 401, 403, 404), path
        for client in ("jupyterhub", "service-outputs", f"jupyterhub-user-{name}-heron", "service-checker"):
            query = {"client_id": client, "response_type": "token", "redirect_uri": "/", "scope": "inherit"}
            answer = browser.http.get("/hub/api/oauth2/authorize", params=query)
            assert answer.status_code in (400, 403, 404, 500), client
            assert "access_token" not in str(answer.url) + answer.text
        assert not browser.hub_api("GET", f"/users/{name}").json().get("admin")


def test_code_of_the_oauth_flow_is_worth_nothing_without_the_services_secret(running: Running) -> None:
    with sign_in(running, "hal") as hal:
        hal.http.follow_redirects = False
        callback = "/services/outputs/oauth_callback"
        query = {"client_id": "service-outputs", "response_type": "code", "redirect_uri": callback, "state": "x"}
        sent = hal.http.get("/hub/api/oauth2/authorize", params=query)
        assert sent.status_code == 302
        code = httpx.URL(sent.headers["location"]).params["code"]
        for secret in ({}, {"client_secret": ""}, {"client_secret": "x" * 64}):
            form = {"grant_type": "authorization_code", "code": code, "redirect_uri": callback}
            answer = hal.http.post("/hub/api/oauth2/token", data={**form, "client_id": "service-outputs", **secret})
            assert answer.status_code in (400, 401, 403) and "access_token" not in answer.text


# --- rights that end


def end_accreditation(house: House, name: str) -> None:
    with transaction(house.engine) as session:
        session.get_one(Person, name).accredited_until = register.today() - timedelta(days=1)


def end_training(house: House, name: str) -> None:
    with transaction(house.engine) as session:
        session.get_one(Person, name).training_until = register.today() - timedelta(days=1)


@pytest.mark.parametrize(("name", "end"), [("ida", end_accreditation), ("jon", end_training)])
def test_pages_of_the_outputs_service_shut_at_once_when_a_persons_right_ends(
    running: Running, name: str, end: Any
) -> None:
    with sign_in(running, name) as browser:
        assert driver.sign_in_to_outputs(browser, "requests").status_code == 200
        end(running.house, name)
        page = browser.http.get("/services/outputs/requests")
        assert page.status_code == 403 and "ended on" in page.text
        assert browser.http.get("/hub/spawn/" + name + "/owl").status_code == 403
        home = browser.http.get("/hub/home")
        assert "ended on" in home.text and "Start session" not in home.text


def test_person_who_is_removed_is_out_everywhere_within_seconds(running: Running) -> None:
    with sign_in(running, "kim") as kim, copy_of(kim) as elsewhere:
        assert driver.sign_in_to_outputs(kim, "requests").status_code == 200
        with transaction(running.house.engine) as session:
            session.execute(delete(Membership).where(Membership.person_name == "kim"))
            session.delete(session.get_one(Person, "kim"))
        page = kim.http.get("/services/outputs/requests")
        assert page.status_code in (401, 403)
        for browser in (kim, elsewhere):
            assert until(lambda browser=browser: browser.http.get("/hub/home").url.path == "/hub/login", 5)  # type: ignore[misc]
        assert kim.hub_api("POST", "/users/kim/servers/owl").status_code == 403


@pytest.mark.parametrize("what", ["project paused", "agreement withdrawn"])
def test_session_ends_when_its_project_may_no_longer(running: Running, what: str) -> None:
    house = running.house
    with sign_in(running, "bert") as bert:
        driver.start_session(bert, "wren")
        with transaction(house.engine) as session:
            project = session.get_one(Project, "wren")
            agreement = session.query(Agreement).filter_by(project_id="wren").one()
            if what == "project paused":
                project.state = ProjectState.PAUSED
            else:
                agreement.state = AgreementState.WITHDRAWN
        try:
            assert until(lambda: "wren" not in driver._servers(bert))
            assert bert.http.get("/hub/spawn/bert/wren").status_code == 403
            assert bert.http.get("/user/bert/wren/api/contents").status_code in (403, 404, 424)
        finally:
            with transaction(house.engine) as session:
                session.get_one(Project, "wren").state = ProjectState.ACTIVE
                session.query(Agreement).filter_by(project_id="wren").one().state = AgreementState.IN_FORCE


def test_session_ends_when_the_version_it_reads_is_withdrawn(running: Running) -> None:
    house = running.house
    with sign_in(running, "bert") as bert:
        driver.start_session(bert, "wren")
        with transaction(house.engine) as session:
            withdraw(session, session.query(DatasetVersion).one(), actor="olive")
        assert until(lambda: "wren" not in driver._servers(bert))
        assert "no longer available" in events(house, "session.ended")[-1].detail["reason"]
    assert not runs(running, "bert", "wren")


def runs(running: Running, person: str, project: str) -> bool:
    """Whether a session has its gate, as the machine sees it, without signing anybody in."""
    return gate_socket(running.house.settings.run, person, project).exists()
