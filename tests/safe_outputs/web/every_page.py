"""Every page of the service, taken from its own routes, in a house with something to see on each.

A new page is looked at without being named here, unless its address has a part that `address` does not know, and then
the tests say so.
"""

import shutil
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.routing import Rule

from safe_outputs.transitions import Vote
from tests.safe_outputs.bringing_in import something_asked
from tests.safe_outputs.factories import PRIVATE_COUNT, a_finding
from tests.safe_outputs.handed_in import a_file
from tests.safe_outputs.house import (
    House,
    a_draft,
    a_submitted_request,
    an_answered_statistic,
    an_approved_request,
    cast_vote,
    release_next_of,
)
from tests.safe_outputs.web.browser import PREFIX, Browser

CHECKOUT = Path(__file__).resolve().parents[3]
PEOPLE = ("rosa", "cleo", "stan", "otto", "olga")


@pytest.fixture
def address(house: House) -> dict[str, Any]:
    """A house with something to see on every page, and what stands in the variable parts of addresses."""
    shutil.copy(CHECKOUT / "requirements" / "session.txt", house.folder / "session.txt")
    an_approved_request(house)
    assert release_next_of(house)
    a_draft(house)
    returned = a_submitted_request(house)
    cast_vote(house, returned, "cleo", Vote.REQUEST_CHANGES, "Merge the small plans.")
    cast_vote(house, returned, "carl", Vote.REJECT, "Not what was agreed.")
    finding = a_finding(verdict="refer", sentence="A share is large.")
    statistics = [an_answered_statistic(house, findings=(finding,)), an_answered_statistic(house, PRIVATE_COUNT)]
    request = a_submitted_request(house, statistics, title="Visits <by> plan", purpose="A first look.")
    with house.engine.connect() as database:
        release = database.exec_driver_sql("SELECT id FROM release").scalar_one()
    file = a_file(house, request, "table.csv", b"site,mean\nDayton,=1+1\n\xe2\x80\xae,2\n")
    return {
        "request_id": request,
        "release_id": release,
        "ingress_id": something_asked(house),
        "position": 1,
        "case_id": "p04",
        "file_id": file,
    }


def pages_of(who: str, app: Flask, browser: Browser, known: dict[str, Any]) -> list[str]:
    """Where this person gets a page."""
    found = [path for path in addresses(app, known) if is_page(browser.sign_in(who), path)]
    assert len(found) > 2
    return found


def addresses(app: Flask, known: dict[str, Any]) -> list[str]:
    """Where the service answers GET, without its files."""
    rules = [each for each in app.url_map.iter_rules() if "GET" in (each.methods or ()) and not is_of_files(each)]
    unknown = {argument for rule in rules for argument in rule.arguments} - known.keys()
    assert unknown == set(), "say in `address` what stands in these parts of addresses"
    adapter = app.url_map.bind("")
    return sorted(adapter.build(rule.endpoint, {name: known[name] for name in rule.arguments}) for rule in rules)


def is_of_files(rule: Rule) -> bool:
    return rule.endpoint == "static" or rule.rule.startswith("/api/") or "name" in rule.arguments


def is_page(browser: Browser, path: str) -> bool:
    answer = browser.get(path)
    return answer.status_code == 200 and answer.content_type.startswith("text/html") and PREFIX in answer.text
