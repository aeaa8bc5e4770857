"""What everybody may see: releases for publication, and nothing else."""

import csv
import hashlib
import io
import json
from pathlib import Path

import pytest
from flask import Flask

from safe_outputs.releases.releasing import release
from safe_outputs.statistics import Condition
from safe_outputs.web import create_app
from tests.safe_outputs.factories import (
    CROSSTAB,
    PRIVATE_COUNT,
    RELEASE_KEY,
    a_cross_table,
    a_statistic,
    an_answer,
    approved,
)
from tests.safe_outputs.house import House
from tests.safe_outputs.web.browser import Browser, KnownByName, sentence_of, settings_in

WITHHELD = [("Dayton", "50 %"), ("Seattle", "25 %")]


def a_release(house: House, **facts) -> str:
    """The id of a release of a table with two withheld cells and a private count."""

    def step(session) -> str:
        plan = CROSSTAB.model_copy(update={"where": (Condition(column="year", operator="<=", values=(3,)),)})
        statistics = [
            a_statistic(
                session, house.store, answer=an_answer(house.store, plan, table=a_cross_table(withheld=WITHHELD))
            ),
            a_statistic(session, house.store, answer=an_answer(house.store, PRIVATE_COUNT)),
        ]
        request = approved(session, house.store, statistics=statistics, **facts)
        return release(session, house.store, request, house.folder / "releases", key=RELEASE_KEY, actor="checker")[0].id

    return str(house.do(step))


def test_an_empty_list_says_what_would_be_here(browser: Browser) -> None:
    assert "Nothing was published yet" in sentence_of(browser.get("/releases"))


def test_only_publications_are_public(browser: Browser, house: House) -> None:
    public = a_release(house, title="For everybody")
    closed = a_release(house, title="For the team", audience="pre_publication")
    page = sentence_of(browser.get("/releases"))
    assert "For everybody" in page
    assert "For the team" not in page
    assert browser.get(f"/releases/{public}").status_code == 200
    for path in ("", "/files/release.json", "/files/1-crosstab.csv"):
        answer = browser.get(f"/releases/{closed}{path}")
        assert answer.status_code == 404
        assert "For the team" not in answer.text
        assert sentence_of(answer) == sentence_of(browser.get("/releases/r-none"))


def test_a_request_that_is_not_released_is_not_public(browser: Browser, house: House) -> None:
    request = house.do(lambda session: approved(session, house.store).id)
    assert browser.get(f"/releases/{request}").status_code == 404


def test_the_page_says_in_plain_words_what_why_and_how_protected(browser: Browser, house: House) -> None:
    text = sentence_of(browser.get(f"/releases/{a_release(house, purpose='To see what insurance changes.')}"))
    assert "Project Heron released 2 tables from RAND Health Insurance Experiment" in text
    assert "To see what insurance changes." in text
    assert "2 of 24 cells are withheld (▒), because too few persons" in text
    assert "random noise was added to every number" in text
    assert "a number is no further from what it would be without noise than: ± 14 persons." in text
    assert "Only those for whom year is at most 3." in text
    assert "Cleo, University; Carl, University" in text


def test_the_table_on_the_page_is_that_of_the_file(browser: Browser, house: House) -> None:
    release_id = a_release(house)
    page = sentence_of(browser.get(f"/releases/{release_id}"))
    content = browser.get(f"/releases/{release_id}/files/1-crosstab.csv").text
    rows = list(csv.DictReader(io.StringIO(content)))
    assert len(rows) == 24
    assert {(row["site"], row["plan"]) for row in rows if row["status"] == "withheld"} == set(WITHHELD)
    for row in rows:
        if row["status"] == "published":
            assert f"{int(row['persons']):,}" in page
            assert f"{float(row['mean_spending']):,.2f}" in page
    assert page.count("▒ withheld, reason a") == 2 * len(WITHHELD)


def test_files_are_downloads_and_nothing_else(browser: Browser, house: House) -> None:
    release_id = a_release(house)
    for name, kind in (("1-crosstab.csv", "text/csv; charset=utf-8"), ("release.json", "application/json")):
        answer = browser.get(f"/releases/{release_id}/files/{name}")
        assert answer.content_type == kind
        assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}"'
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_the_hashes_on_the_page_are_those_of_the_files(browser: Browser, house: House) -> None:
    release_id = a_release(house)
    page = browser.get(f"/releases/{release_id}").text
    for name in ("1-crosstab.csv", "2-private-count.csv", "release.json"):
        content = browser.get(f"/releases/{release_id}/files/{name}").data
        assert f"{hashlib.sha256(content).hexdigest()}  {name}\n" in page


@pytest.mark.parametrize("name", ["nothing.csv", "..%2f..%2fregister.sqlite", ".making", "%00", "1-crosstab.csv%00"])
def test_only_files_of_the_record_are_served(browser: Browser, house: House, name: str) -> None:
    assert browser.get(f"/releases/{a_release(house)}/files/{name}").status_code == 404


def package(house: House, release_id: str, name: str) -> Path:
    path = house.folder / "releases" / release_id / name
    path.chmod(0o644)
    return path


def test_a_file_that_was_changed_is_not_served(browser: Browser, house: House) -> None:
    release_id = a_release(house)
    path = package(house, release_id, "1-crosstab.csv")
    path.write_bytes(path.read_bytes() + b"x")
    for page in (f"/releases/{release_id}", f"/releases/{release_id}/files/1-crosstab.csv"):
        answer = browser.get(page)
        assert answer.status_code == 500
        assert "changed after its release" in sentence_of(answer)


def test_a_record_that_was_changed_is_not_served(browser: Browser, house: House) -> None:
    release_id = a_release(house)
    path = package(house, release_id, "release.json")
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record | {"title": "Another title"}))
    for page in (f"/releases/{release_id}", f"/releases/{release_id}/files/release.json"):
        assert browser.get(page).status_code == 500


def test_hostile_words_are_inert_on_the_public_page(browser: Browser, house: House) -> None:
    hostile = "</h1><script>alert(1)</script>\u202e"
    release_id = a_release(house, title=hostile, purpose=hostile)
    for page in ("/releases", f"/releases/{release_id}"):
        text = browser.get(page).text
        assert "<script" not in text
        assert "\u202e" not in text


def test_public_pages_set_and_read_no_cookie(app: Flask, house: House) -> None:
    release_id = a_release(house)
    for path in ("/releases", f"/releases/{release_id}", f"/releases/{release_id}/files/release.json", "/health"):
        answer = Browser(app).get(path)
        assert "Set-Cookie" not in answer.headers, path
        assert "Cookie" not in answer.headers.get("Vary", ""), path


def test_the_service_says_that_it_is_well(browser: Browser) -> None:
    assert browser.get("/health").get_json() == {"status": "ok"}


def test_the_notices_stand_on_top(house: House, hub: KnownByName) -> None:
    app = create_app(settings_in(house.folder, notices=("Kernels are <b>not</b> sandboxed.",)), hub)
    page = Browser(app).get("/releases").text
    assert "Kernels are &lt;b&gt;not&lt;/b&gt; sandboxed." in page
    app.extensions["saferoom"].engine.dispose()
