"""Signing in with OpenID at a real hub, with a real provider that can be made to lie."""

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import sync_playwright

from governance.audit import AuditEvent
from governance.database import reading, transaction
from governance.people import Person, Role
from hub_config import driver
from hub_config.driver import Browser
from hub_config.id_token import NoSecondFactor, UnprovenSignIn
from hub_config.openid import CLIENT_SECRET_FILE, MOST_BEGUN, NOT_SIGNED_IN, STRANGE, Begun, NotHere, SignInsBegun
from hub_config.openid import client_secret as read_client_secret
from hub_config.secrets import UnsafeSecret
from hub_config.settings import CHECKOUT, SettingsError, load
from tests.hub_config.house import (
    House,
    build_house,
    free_port,
    processes_of,
    short_folder,
    start_hub,
    stop_hub,
)
from tests.hub_config.openid_provider import TOKENS
from tests.hub_config.test_hub import until

CLIENT, CLIENT_SECRET = "saferoom-client", "the-clients-own-secret-which-nobody-tells"
UNPROVEN, ONE_FACTOR, NOT_IN_REGISTER = UnprovenSignIn("").sentence, NoSecondFactor().sentence, NotHere().sentence

ADDRESSES = {
    "openid_issuer": "https://id.example.org",
    "openid_authorize_url": "https://id.example.org/authorize",
    "openid_token_url": "https://id.example.org/token",
    "openid_keys_url": "https://id.example.org/keys",
    "openid_client_id": CLIENT,
}


# --- settings


def test_a_provider_needs_all_its_addresses_and_a_second_factor() -> None:
    provider = load({**ADDRESSES, "openid_required_amr": "mfa, otp,"}, environ={}).openid_provider()
    assert provider is not None
    assert (provider.required_amr, provider.required_acr) == (frozenset({"mfa", "otp"}), ())
    with pytest.raises(SettingsError, match="openid_required_amr and openid_required_acr are both empty"):
        load(ADDRESSES, environ={})
    for missing in ADDRESSES:
        some = {name: value for name, value in ADDRESSES.items() if name != missing}
        with pytest.raises(SettingsError, match=f"{missing} is missing"):
            load({**some, "openid_required_amr": "otp"}, environ={})
    with pytest.raises(SettingsError, match="openid_issuer is missing"):
        load({"openid_required_acr": "high"}, environ={})
    assert load({}, environ={}).openid_provider() is None


@pytest.mark.parametrize(
    "address", ["http://id.example.org/x", "ftp://id.example.org", "id", "https://a@id.example.org"]
)
@pytest.mark.parametrize("name", ["openid_issuer", "openid_token_url", "openid_keys_url", "openid_userdata_url"])
def test_addresses_of_a_provider_are_protected(name: str, address: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} is no https address"):
        load({**ADDRESSES, "openid_required_amr": "otp", name: address}, environ={})


def test_settings_of_a_provider_travel_to_child_processes() -> None:
    settings = load({**ADDRESSES, "openid_required_acr": "high,higher"}, environ={})
    assert load({}, environ=settings.environment()) == settings


def test_the_clients_secret_is_read_from_a_file_of_ones_own(tmp_path: Path) -> None:
    with pytest.raises(UnsafeSecret, match="is missing"):
        read_client_secret(tmp_path)
    file = tmp_path / CLIENT_SECRET_FILE
    file.write_text(f"{CLIENT_SECRET}\n")
    file.chmod(0o640)
    with pytest.raises(UnsafeSecret, match="read by others") as caught:
        read_client_secret(tmp_path)
    assert CLIENT_SECRET not in caught.value.sentence
    file.chmod(0o600)
    assert read_client_secret(tmp_path) == CLIENT_SECRET
    file.write_text(" \n")
    with pytest.raises(UnsafeSecret, match="is empty"):
        read_client_secret(tmp_path)


def test_sign_ins_under_way_are_bounded_and_good_once() -> None:
    begun = SignInsBegun()
    first = Begun("/hub/")
    begun.add(first)
    assert begun.take(first.state) is first
    assert begun.take(first.state) is None
    begun.add(first)
    for _ in range(MOST_BEGUN):
        begun.add(Begun("/hub/"))
    assert begun.take(first.state) is None
    late = Begun("/hub/", at=time.monotonic() - 601)
    begun.add(late)
    assert begun.take(late.state) is None
    assert first.nonce not in repr(first) and first.verifier not in repr(first) and first.state not in repr(first)


# --- at the hub


@dataclass
class Running:
    house: House
    log: Path
    provider: str

    def behave(self, mode: str = "honest", who: str = "ada") -> list[dict[str, str]]:
        answer = httpx.post(f"{self.provider}/behave", data={"mode": mode, "who": who}, trust_env=False)
        exchanges: list[dict[str, str]] = answer.json()["exchanges"]
        return exchanges

    def browser(self, name: str = "ada") -> Browser:
        return Browser(self.house.settings.hub_url, name, driver._client(self.house.settings.hub_url))

    def signs_in(self, mode: str = "honest", who: str = "ada") -> httpx.Response:
        self.behave(mode, who)
        with self.browser() as browser:
            return browser.http.get("/hub/oauth_login")


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with short_folder() as folder:
        house = build_house(
            folder,
            run=str(folder / "run"),
            check_rights_seconds=2,
            openid_name="the University",
            openid_issuer=address,
            openid_authorize_url=f"http://127.0.0.2:{port}/authorize",
            openid_token_url=f"{address}/token",
            openid_keys_url=f"{address}/keys",
            openid_userdata_url=f"{address}/userdata",
            openid_client_id=CLIENT,
            openid_required_amr="otp,hwk",
            openid_required_acr="second-factor",
        )
        with transaction(house.engine) as session:
            house.person(session, "otto", Role.OPERATOR)
        secret = house.settings.secrets / CLIENT_SECRET_FILE
        secret.touch(0o600)
        secret.write_text(CLIENT_SECRET)
        callback = house.settings.hub_url + "/hub/oauth_callback"
        command = [sys.executable, "-m", "tests.hub_config.openid_provider", str(port), CLIENT, CLIENT_SECRET, callback]
        provider = subprocess.Popen(command, cwd=CHECKOUT, stdin=subprocess.DEVNULL)
        hub = None
        try:
            hub = start_hub(house, folder / "hub.log")
            yield Running(house, folder / "hub.log", address)
        finally:
            provider.terminate()
            provider.wait(10)
            status = stop_hub(hub, signal.SIGTERM) if hub else None
            house.engine.dispose()
        assert status == 0


def failures(running: Running) -> list[AuditEvent]:
    with reading(running.house.engine) as session:
        return list(session.query(AuditEvent).filter_by(action="sign_in.failed"))


def let_in(answer: httpx.Response) -> bool:
    return answer.status_code == 200 and "You are signed in" in answer.text


@pytest.mark.hub
def test_person_signs_in_at_her_organisation(running: Running) -> None:
    running.behave()
    with running.browser() as browser:
        page = browser.http.get("/hub/login")
        assert "Sign in with the University" in page.text and "password" not in page.text.lower()
        answer = browser.http.get("/hub/oauth_login", params={"next": "/hub/spawn/ada/heron"})
        assert let_in(answer)
        assert '<meta http-equiv="refresh" content="0;url=/hub/spawn/ada/heron">' in answer.text
        home = browser.http.get("/hub/home")
        assert "Ada Example" in home.text and "Project Heron" in home.text
        assert not browser.hub_api("GET", "/users/ada").json().get("admin")
        assert browser.hub_api("POST", "/users/ada/tokens", json={}).status_code in (403, 404)
        assert browser.http.get("/hub/operator").status_code == 403
    with reading(running.house.engine) as session:
        event = session.query(AuditEvent).filter_by(action="person.signed_in").first()
        assert event is not None and (event.actor, event.detail) == ("ada", {"origin": "127.0.0.1", "by": "openid"})


@pytest.mark.hub
def test_roles_are_the_registers(running: Running) -> None:
    running.behave(who="otto")
    with running.browser() as browser:
        assert let_in(browser.http.get("/hub/oauth_login"))
        assert browser.http.get("/hub/operator").status_code == 200


EXPECTED = {
    "no amr": ONE_FACTOR,
    "wrong amr": ONE_FACTOR,
    "empty amr": ONE_FACTOR,
    "amr as text": ONE_FACTOR,
    "no acr": ONE_FACTOR,
    "wrong acr": ONE_FACTOR,
    "unsigned second factor": ONE_FACTOR,
    "name is a list": NOT_IN_REGISTER,
    "denied": NOT_SIGNED_IN,
    "answer of another provider": STRANGE,
}
HONEST = {"honest", "name in user data"}


@pytest.mark.hub
@pytest.mark.parametrize("mode", sorted({*TOKENS, *EXPECTED, "no keys"} - HONEST))
def test_provider_that_lies_lets_nobody_in(running: Running, mode: str) -> None:
    answer = running.signs_in(mode)
    assert answer.status_code == 403
    assert driver._sentence(answer) == EXPECTED.get(mode, UNPROVEN)
    assert "<b>no</b>" not in answer.text
    assert not {cookie for cookie in answer.cookies if "login" in cookie}
    assert let_in(running.signs_in()), "the same way, with an honest answer"


@pytest.mark.hub
def test_name_may_come_from_the_user_data_of_the_same_person(running: Running) -> None:
    assert let_in(running.signs_in("name in user data"))


@pytest.mark.hub
def test_somebody_whom_the_register_does_not_know_stays_out(running: Running) -> None:
    answer = running.signs_in(who="mallory-at-the-university")
    assert (answer.status_code, driver._sentence(answer)) == (403, NOT_IN_REGISTER)
    event = failures(running)[-1]
    assert event.subject.startswith("unknown-name:") and event.detail["why"] == "NotHere"


@pytest.mark.hub
def test_one_factor_is_audited_with_the_name(running: Running) -> None:
    running.signs_in("no amr", who="bert")
    event = failures(running)[-1]
    assert (event.subject, event.detail["why"]) == ("person:bert", "NoSecondFactor")


@pytest.mark.hub
def test_answer_works_once_and_in_the_browser_that_asked(running: Running) -> None:
    running.behave()
    with running.browser() as browser, running.browser() as thief:
        browser.http.follow_redirects = False
        asked = browser.http.get("/hub/oauth_login").headers["location"]
        back = httpx.get(asked, trust_env=False).headers["location"]
        cookies = list(browser.http.cookies.jar)
        stolen = thief.http.get(back)
        assert (stolen.status_code, driver._sentence(stolen)) == (403, STRANGE)
        assert let_in(browser.http.get(back))
        again = browser.http.get(back)
        assert (again.status_code, driver._sentence(again)) == (403, STRANGE)
        for cookie in cookies:
            thief.http.cookies.jar.set_cookie(cookie)
        replayed = thief.http.get(back)
        assert (replayed.status_code, driver._sentence(replayed)) == (403, STRANGE)
        for query in ("", "?state=x", "?code=x", "?code=x&state=x"):
            answer = thief.http.get("/hub/oauth_callback" + query)
            assert (answer.status_code, driver._sentence(answer)) == (403, STRANGE)


@pytest.mark.hub
def test_code_of_another_sign_in_is_refused(running: Running) -> None:
    """Somebody makes a victim's browser finish with the attacker's code: PKCE and nonce belong to another sign-in."""
    running.behave()
    with running.browser() as victim, running.browser() as attacker:
        for browser in (victim, attacker):
            browser.http.follow_redirects = False
        theirs = httpx.get(attacker.http.get("/hub/oauth_login").headers["location"], trust_env=False)
        code = httpx.URL(theirs.headers["location"]).params["code"]
        hers = httpx.URL(victim.http.get("/hub/oauth_login").headers["location"]).params["state"]
        answer = victim.http.get("/hub/oauth_callback", params={"code": code, "state": hers})
        assert (answer.status_code, driver._sentence(answer)) == (403, UNPROVEN)


@pytest.mark.hub
@pytest.mark.parametrize(
    "page", ["https://evil.example.org/x", "//evil.example.org", "\\\\evil.example.org", "javascript:x"]
)
def test_way_on_stays_here(running: Running, page: str) -> None:
    running.behave()
    with running.browser() as browser:
        answer = browser.http.get("/hub/oauth_login", params={"next": page})
        assert let_in(answer)
        (led,) = re.findall(r'content="0;url=([^"]*)"', answer.text)
        assert re.match(r"/(?![/\\])", led) and "javascript:" not in led.partition("/")[0]


@pytest.mark.hub
def test_state_cookie_crosses_sites_and_the_others_do_not(running: Running) -> None:
    running.behave()
    with running.browser() as browser:
        browser.http.follow_redirects = False
        begun = browser.http.get("/hub/oauth_login")
        (cookie,) = begun.headers.get_list("set-cookie")
        assert "SameSite=Lax" in cookie and "HttpOnly" in cookie
        back = httpx.get(begun.headers["location"], trust_env=False).headers["location"]
        finished = browser.http.get(back).headers.get_list("set-cookie")
        kept = [each for each in finished if not re.match('[^=]+="?"?;', each)]
        assert any(each.startswith("jupyterhub-hub-login=") for each in kept)
        assert all("SameSite=Strict" in each and "HttpOnly" in each for each in kept)


@pytest.mark.hub
@pytest.mark.browser
def test_browser_comes_back_from_another_site_and_is_signed_in(running: Running) -> None:
    """A real browser keeps strict cookies back from what begins at another site; the way in takes that into account."""
    running.behave("with a page")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = chromium.new_page()
        page.goto(running.house.settings.hub_url + "/hub/home")
        page.get_by_role("button", name="Sign in with the University").click()
        page.get_by_role("link", name="Confirm").click()
        page.wait_for_url("**/hub/home")
        assert page.get_by_role("heading", name="Ada Example").is_visible()
        page.goto(running.house.settings.hub_url + "/services/outputs/")
        assert "/services/outputs/" in page.url and page.get_by_role("main").is_visible()
        page.goto(running.house.settings.hub_url + "/hub/home")
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url("**/hub/login")
        chromium.close()


@pytest.mark.hub
def test_forms_and_the_api_sign_nobody_in_beside_the_provider(running: Running) -> None:
    with running.browser() as browser:
        browser.http.get("/hub/login")
        form: dict[str, Any] = {"_xsrf": browser.token("/hub/"), "username": "ada", "password": "x", "otp": "1"}
        assert browser.http.post("/hub/login", data=form).status_code == 403
        auth = {"auth": {"code": "x", "begun": {"nonce": "x"}}}
        assert browser.http.post("/hub/api/users/ada/tokens", json=auth).status_code == 403
        assert browser.http.get("/hub/home").url.path == "/hub/login"


@pytest.mark.hub
def test_signing_out_and_removal_hold_here_as_well(running: Running) -> None:
    running.behave(who="bert")
    with running.browser("bert") as bert:
        assert let_in(bert.http.get("/hub/oauth_login"))
        assert bert.http.get("/hub/home").url.path == "/hub/home"
        assert bert.http.get("/hub/logout").url.path == "/hub/login"
        assert bert.http.get("/hub/home").url.path == "/hub/login"
    running.behave(who="dora")
    with running.browser("dora") as dora:
        assert let_in(dora.http.get("/hub/oauth_login"))
        with transaction(running.house.engine) as session:
            session.delete(session.get_one(Person, "dora"))
        assert until(lambda: dora.http.get("/hub/home").url.path == "/hub/login", 5)


@pytest.mark.hub
def test_clients_secret_is_in_no_argument_environment_or_log(running: Running) -> None:
    exchanges = running.behave()
    assert exchanges and not any("client_secret" in each for each in exchanges)
    lines = processes_of(running.house)
    environments = "".join(Path(f"/proc/{line.split()[0]}/environ").read_text() for line in lines)
    logs = "".join(log.read_text(errors="replace") for log in [running.log, *running.house.settings.log.iterdir()])
    assert CLIENT_SECRET not in "\n".join(lines) + environments + logs
    codes = [each["code"] for each in exchanges]
    assert not [code for code in codes if code in logs] and not re.search(r"eyJ[\w-]+\.", logs)
