"""Single sign-on: begun here, proven by the hub, and only in the browser that began it."""

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from jupyterhub.services.auth import HubOAuth

from safe_outputs.web import create_app, sign_in
from safe_outputs.web.hub import HubSilent, JupyterHub
from safe_outputs.web.settings import WebSettings, WebSettingsError
from tests.safe_outputs.house import House
from tests.safe_outputs.web.browser import PREFIX, Browser, KnownByName, sentence_of, settings_in


def begin(browser: Browser, path: str = "/queue") -> str:
    """Open a page without being signed in; returns the state that the hub is sent."""
    answer = browser.get(path)
    assert answer.status_code == 302
    return parse_qs(urlsplit(answer.location).query)["state"][0]


def test_a_sign_in_comes_back_to_the_page_that_was_opened(browser: Browser, hub: KnownByName) -> None:
    state = begin(browser, "/queue?decided=all")
    hub.codes["c1"] = ("cleo", f"verifier of {state}")
    answer = browser.get(f"/oauth_callback?code=c1&state={state}")
    assert (answer.status_code, answer.location) == (302, f"{PREFIX}/queue?decided=all")
    assert browser.get("/queue").status_code == 200


def test_the_cookie_is_kept_from_scripts_and_other_sites(browser: Browser, hub: KnownByName) -> None:
    state = begin(browser)
    hub.codes["c1"] = ("cleo", f"verifier of {state}")
    cookie = browser.get(f"/oauth_callback?code=c1&state={state}").headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Strict", f"Path={PREFIX}/"} <= set(cookie.split("; "))


def test_over_tls_the_cookie_travels_over_nothing_else(house: House, hub: KnownByName) -> None:
    app = create_app(settings_in(house.folder, public_url="https://saferoom.example/services/outputs/"), hub)
    assert "Secure" in app.test_client().get(f"{PREFIX}/queue").headers["Set-Cookie"].split("; ")
    app.extensions["saferoom"].engine.dispose()


def test_a_state_that_this_browser_does_not_have_is_refused(app: Flask, hub: KnownByName) -> None:
    """Otherwise somebody could sign another person in under her own name."""
    state = begin(Browser(app))
    hub.codes["c1"] = ("carl", f"verifier of {state}")
    victim = Browser(app)
    answer = victim.get(f"/oauth_callback?code=c1&state={state}")
    assert answer.status_code == 403
    assert "not begun in this browser" in sentence_of(answer)
    assert victim.get("/queue").status_code == 302


def test_a_state_works_once(browser: Browser, hub: KnownByName) -> None:
    state = begin(browser)
    hub.codes["c1"] = ("cleo", f"verifier of {state}")
    browser.get(f"/oauth_callback?code=c1&state={state}")
    assert browser.get(f"/oauth_callback?code=c1&state={state}").status_code == 403


def test_a_state_grows_old(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    state = begin(browser)
    monkeypatch.setattr(sign_in, "SECONDS_TO_SIGN_IN", -1)
    assert browser.get(f"/oauth_callback?code=c1&state={state}").status_code == 403


def test_two_pages_can_sign_in_at_once(browser: Browser, hub: KnownByName) -> None:
    first, second = begin(browser), begin(browser)
    assert first != second
    hub.codes["c1"] = ("cleo", f"verifier of {first}")
    assert browser.get(f"/oauth_callback?code=c1&state={first}").status_code == 302


def test_the_hubs_no_is_told(browser: Browser) -> None:
    state = begin(browser)
    answer = browser.get(f"/oauth_callback?error=access_denied&state={state}")
    assert answer.status_code == 403
    assert "did not let you in" in sentence_of(answer)


def test_somebody_whom_the_hub_does_not_let_in_gets_no_session(browser: Browser, hub: KnownByName) -> None:
    state = begin(browser)
    hub.codes["c1"] = ("cleo", f"verifier of {state}")
    hub.signed_out.add("token of cleo")
    assert browser.get(f"/oauth_callback?code=c1&state={state}").status_code == 403
    assert browser.get("/queue").status_code == 302


def test_signing_out_ends_the_session_here_and_at_the_hub(browser: Browser) -> None:
    browser.sign_in("cleo")
    assert browser.get("/sign-out").location == "/hub/logout"
    assert browser.get("/queue").status_code == 302


def test_a_post_without_a_session_is_not_sent_around(browser: Browser) -> None:
    answer = browser.post("/requests/r-1/vote", {"comment": "a long comment"})
    assert answer.status_code == 401
    assert "a long comment" in sentence_of(answer)


@pytest.fixture
def dead_hub() -> JupyterHub:
    auth = HubOAuth(api_url="http://127.0.0.1:1/hub/api", api_token="t", oauth_client_id="service-outputs")
    return JupyterHub(auth)


def test_the_sign_in_goes_to_the_hub_with_a_challenge(dead_hub: JupyterHub) -> None:
    challenge = dead_hub.challenge("the state")
    query = parse_qs(urlsplit(challenge.address).query)
    assert query["state"] == ["the state"]
    assert query["client_id"] == ["service-outputs"]
    assert query["code_challenge_method"] == ["S256"]
    assert challenge.verifier not in challenge.address


def test_a_hub_that_is_silent_lets_nobody_in(dead_hub: JupyterHub) -> None:
    with pytest.raises(HubSilent):
        dead_hub.name_of("token")
    with pytest.raises(HubSilent):
        dead_hub.token("code", "verifier")


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({"session_key": "short"}, "session_key"),
        ({"gate_key": ""}, "gate_key"),
        ({"prefix": "/outputs"}, "prefix"),
        ({"public_url": "saferoom.example"}, "public_url"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(tmp_path: Path, facts: dict[str, str], sentence: str) -> None:
    with pytest.raises(WebSettingsError, match=sentence):
        settings_in(tmp_path, **facts)


def test_settings_do_not_show_their_secrets(settings: WebSettings) -> None:
    assert settings.session_key not in repr(settings)
    assert settings.gate_key not in repr(settings)
