"""Metrics: for who shows the token, right for several processes, and with nobody's name in them."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families
from werkzeug.test import TestResponse

from safe_outputs import asking
from safe_outputs.asking import Asker
from safe_outputs.errors import NotPermitted
from safe_outputs.transitions import CLOCK_HOURS, Vote
from safe_outputs.web import create_app
from safe_outputs.web.settings import WebSettingsError
from tests.safe_outputs.factories import CROSSTAB
from tests.safe_outputs.house import (
    House,
    a_draft,
    a_submitted_request,
    an_answered_statistic,
    an_approved_request,
    cast_vote,
    release_next_of,
    the_request,
)
from tests.safe_outputs.numbers.test_history import set_clock
from tests.safe_outputs.web.browser import PREFIX, Browser, KnownByName, sentence_of, settings_in

TOKEN = "metrics " * 5
HOUR = 3600


@pytest.fixture
def scraped(house: House, engine: Any, hub: KnownByName) -> Iterator[Flask]:
    """The service of the house, with metrics."""
    app = create_app(settings_in(house.folder, database_url=str(engine.url), metrics_token=TOKEN), hub)
    app.testing = True
    yield app
    app.extensions["saferoom"].engine.dispose()


def scrape(app: Flask, header: str | None = f"Bearer {TOKEN}") -> TestResponse:
    headers = {} if header is None else {"Authorization": header}
    return app.test_client().get(f"{PREFIX}/metrics", headers=headers)


def samples(app: Flask) -> dict[str, float]:
    """Every sample by its name and labels, as the text has them."""
    families = text_string_to_metric_families(scrape(app).text)
    return {
        each.name + "".join(f" {value}" for _, value in sorted(each.labels.items())): each.value
        for family in families
        for each in family.samples
    }


def test_without_a_token_in_the_settings_there_are_no_metrics(app: Flask) -> None:
    answer = scrape(app)
    assert answer.status_code == 404
    assert "Metrics are off here" in sentence_of(answer)
    assert "saferoom_" not in answer.text


@pytest.mark.parametrize("header", [None, "", "Bearer", f"Bearer {TOKEN}x", f"Basic {TOKEN}", "Bearer ünïcode"])
def test_without_the_token_nobody_scrapes(scraped: Flask, header: str | None) -> None:
    answer = scrape(scraped, header)
    assert answer.status_code == 401
    assert "Metrics are for the monitoring alone" in sentence_of(answer)
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_being_signed_in_is_no_token(scraped: Flask) -> None:
    assert Browser(scraped).sign_in("otto").get("/metrics").status_code == 401


def test_a_short_token_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WebSettingsError, match="metrics_token"):
        settings_in(tmp_path, metrics_token="short")


def test_an_empty_house_has_every_metric(scraped: Flask) -> None:
    found = samples(scraped)
    assert found["saferoom_requests submitted"] == 0
    assert found["saferoom_requests_oldest_waiting_seconds"] == 0
    assert found["saferoom_releases_total"] == 0
    assert found["saferoom_request_turnaround_seconds_count publication"] == 0


def test_requests_and_releases_are_counted(scraped: Flask, house: House) -> None:
    a_draft(house)
    a_submitted_request(house)
    an_approved_request(house)
    release_next_of(house)
    found = samples(scraped)
    counted = {name.split()[1]: value for name, value in found.items() if name.startswith("saferoom_requests ")}
    assert {state: value for state, value in counted.items() if value} == {"draft": 1, "submitted": 1, "released": 1}
    assert len(counted) == 9
    assert found["saferoom_releases_total"] == 1
    assert found["saferoom_audit_events_total"] == house.do(_events)


def _events(session: Any) -> int:
    return int(session.connection().exec_driver_sql("SELECT count(*) FROM audit_event").scalar_one())


def test_what_is_overdue_by_the_clock_that_pauses(scraped: Flask, house: House) -> None:
    late, in_time = a_submitted_request(house), a_submitted_request(house)
    set_clock(house, late, CLOCK_HOURS["publication"] * HOUR + 1)
    set_clock(house, in_time, CLOCK_HOURS["publication"] * HOUR - 60)
    found = samples(scraped)
    assert found["saferoom_requests_overdue publication"] == 1
    assert found["saferoom_requests_overdue pre_publication"] == 0


def test_turnaround_is_a_histogram_of_what_is_decided_for_good(scraped: Flask, house: House) -> None:
    """Against counting by hand; a request that is approved and not yet released could still come back."""
    clocks = [0.5, 3, 24, 30, 300]
    for hours in clocks:
        request = an_approved_request(house)
        release_next_of(house)
        set_clock(house, request, int(hours * HOUR))
    an_approved_request(house)
    found = samples(scraped)
    for bound in (1, 4, 8, 24, 48, 72, 120, 240):
        name = f"saferoom_request_turnaround_seconds_bucket publication {bound * HOUR:.1f}"
        name = name if name in found else f"saferoom_request_turnaround_seconds_bucket {bound * HOUR:.1f} publication"
        assert found[name] == sum(hours <= bound for hours in clocks), bound
    assert found["saferoom_request_turnaround_seconds_count publication"] == 5
    assert found["saferoom_request_turnaround_seconds_sum publication"] == sum(clocks) * HOUR


def test_statistics_and_refusals_by_kind(scraped: Flask, house: House) -> None:
    an_answered_statistic(house)

    def refuse(session: Any) -> None:
        asking.ask(session, Asker("rui", "wren"), CROSSTAB, "x = 1")
        taken = asking.take_next(session, "checker")
        assert taken is not None
        asking.refuse(session, taken, NotPermitted("It may not leave."), actor="checker")

    house.do(refuse)
    found = samples(scraped)
    assert found["saferoom_statistics answered protected"] == 1
    assert found["saferoom_statistics refused none"] == 1
    assert found["saferoom_refusals_total NotPermitted"] == 1
    assert found["saferoom_statistics asked none"] == 0


def test_no_name_title_project_or_dataset_is_in_a_metric(scraped: Flask, house: House) -> None:
    request = a_submitted_request(house, title="Secret title")
    for checker in ("cleo", "carl"):
        cast_vote(house, request, checker, Vote.REJECT, "No.")
    Browser(scraped).sign_in("cleo").get(f"/requests/{request}")
    Browser(scraped).get("/nowhere/rosa")
    text = scrape(scraped).text
    told = {"Secret", "rosa", "cleo", "carl", "heron", "rand_hie", request}
    assert [word for word in told if word in text] == []


def test_a_vote_in_an_open_turn_changes_nothing_but_the_state(scraped: Flask, house: House) -> None:
    """The review is blind: approve or reject, the metrics are the same."""
    first, second = a_submitted_request(house), a_submitted_request(house)
    found = []
    for request, vote in ((first, Vote.APPROVE), (second, Vote.REJECT)):
        before = _of_register(samples(scraped))
        cast_vote(house, request, "cleo", vote, "Why.")
        after = _of_register(samples(scraped))
        found.append({name: after[name] - before[name] for name in after if after[name] != before[name]})
    assert found[0] == found[1]
    assert house.do(lambda session: the_request(session, first).turn) == 1


def _of_register(found: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in found.items() if "http" not in name and "seconds" not in name}


def test_requests_are_counted_by_route_and_status(scraped: Flask) -> None:
    browser = Browser(scraped)
    for path in ("/health", "/health", "/nowhere", "/releases/r-1"):
        browser.get(path)
    found = samples(scraped)
    assert found["saferoom_http_requests_total GET /health 200"] == 2
    assert found["saferoom_http_requests_total GET other 404"] == 1
    assert found["saferoom_http_requests_total GET /releases/<release_id> 404"] == 1
    assert found["saferoom_http_request_seconds_count /health"] == 2


WORKER = """
import json, sys
from pathlib import Path
from tests.safe_outputs.web.browser import PREFIX, KnownByName, settings_in
from safe_outputs.web import create_app
url, folder, token, times = json.loads(sys.argv[1])
app = create_app(settings_in(Path(folder), database_url=url, metrics_token=token), KnownByName())
client = app.test_client()
for _ in range(times):
    client.get(f"{PREFIX}/health")
print(client.get(f"{PREFIX}/metrics", headers={"Authorization": f"Bearer {token}"}).text)
"""


def test_the_counts_of_several_processes_add_up(house: House, tmp_path: Path) -> None:
    """One process after the other, as workers that end and are replaced: the last one tells what all of them did."""
    counters = tmp_path / "counters"
    counters.mkdir()
    text = ""
    for times in (2, 3):
        given = json.dumps([str(house.engine.url), str(house.folder), TOKEN, times])
        done = subprocess.run(
            [sys.executable, "-c", WORKER, given],
            env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(counters), "PYTHONPATH": str(Path.cwd())},
            capture_output=True,
            text=True,
            check=True,
        )
        text = done.stdout
    assert 'saferoom_http_requests_total{method="GET",route="/health",status="200"} 5.0' in text
    assert "saferoom_audit_events_total" in text
