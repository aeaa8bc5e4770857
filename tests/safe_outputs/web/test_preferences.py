"""What people set for themselves: the time zone in which they read."""

import re
from dataclasses import replace

import pytest
from flask import Flask

from governance import audit
from governance.database import reading
from governance.preferences import Preference
from safe_outputs.web import create_app
from safe_outputs.web.settings import WebSettings, WebSettingsError
from tests.safe_outputs.house import House, a_submitted_request
from tests.safe_outputs.web.browser import Browser, KnownByName, sentence_of

MOMENT = re.compile(r'<time class="sr-time" datetime="([^"]+)" title="([^"]+)">')


def choose(browser: Browser, zone: str) -> int:
    form = browser.form_of("/settings", "/settings/time-zone")
    return browser.post("/settings/time-zone", {**form, "zone": zone}).status_code


def test_times_are_in_the_readers_zone_and_machines_read_utc(app: Flask, house: House) -> None:
    request = a_submitted_request(house)
    cleo, carl = Browser(app).sign_in("cleo"), Browser(app).sign_in("carl")
    assert choose(cleo, "Asia/Kathmandu") == 303
    mine = MOMENT.findall(cleo.get(f"/requests/{request}").text)
    others = MOMENT.findall(carl.get(f"/requests/{request}").text)
    assert mine and all(title.endswith("(Asia/Kathmandu)") for _, title in mine)
    assert others and all(title.endswith(" UTC") for _, title in others)
    assert all(iso.endswith("+00:00") for iso, _ in [*mine, *others])
    assert mine[0][0] == others[0][0]


def test_the_choice_is_kept_shown_and_on_record_once(app: Flask, house: House) -> None:
    rosa = Browser(app).sign_in("rosa")
    assert choose(rosa, "Europe/Paris") == choose(rosa, "Europe/Paris") == 303
    assert '<option value="Europe/Paris" selected>' in rosa.get("/settings").text
    assert "(Europe/Paris)" in sentence_of(rosa.get("/settings"))
    assert choose(rosa, "") == 303
    assert "It is" in sentence_of(rosa.get("/settings")) and " UTC" in sentence_of(rosa.get("/settings"))
    with reading(house.engine) as session:
        assert session.get_one(Preference, "rosa").zone is None
        events = [each for each in audit.events_about(session, "person:rosa") if each.action == "person.zone_set"]
        assert [each.detail["zone"] for each in events] == ["Europe/Paris", None]


@pytest.mark.parametrize("zone", ["Europe/Atlantis", "../../etc/passwd", "<b>", "x" * 5000])
def test_what_is_no_zone_changes_nothing(app: Flask, house: House, zone: str) -> None:
    rosa = Browser(app).sign_in("rosa")
    form = rosa.form_of("/settings", "/settings/time-zone")
    answer = rosa.post("/settings/time-zone", {**form, "zone": zone})
    assert answer.status_code == 422
    assert "Nothing was changed" in answer.text and "<b>" not in answer.text
    with reading(house.engine) as session:
        assert session.get(Preference, "rosa") is None


def test_whoever_chose_none_reads_times_in_the_services_zone(house: House, settings: WebSettings) -> None:
    app = create_app(replace(settings, time_zone="America/New_York"), KnownByName())
    assert "(America/New_York)" in sentence_of(Browser(app).sign_in("rosa").get("/settings"))
    app.extensions["saferoom"].engine.dispose()
    with pytest.raises(WebSettingsError, match="time_zone"):
        replace(settings, time_zone="Nowhere")
