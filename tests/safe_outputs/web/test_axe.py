"""Every page, as each person who gets it, looked at by axe: nothing of WCAG 2.2 AA that a program can find is amiss."""

from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Page

from tests.safe_outputs.web.browser import Browser
from tests.safe_outputs.web.chromium import Site
from tests.safe_outputs.web.every_page import CHECKOUT, PEOPLE, pages_of

pytestmark = pytest.mark.browser

AXE = CHECKOUT / "node_modules" / "axe-core" / "axe.min.js"
WCAG = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
LOOK = """
async tags => (await axe.run(document, {runOnly: {type: "tag", values: tags}})).violations.map(
    found => `${found.id}: ${found.help}: ${found.nodes.slice(0, 3).map(node => node.html).join(" | ")}`
)
"""


@pytest.mark.parametrize("who", PEOPLE)
def test_no_page_keeps_anybody_out(app: Flask, site: Site, browser: Browser, address: dict[str, Any], who: str) -> None:
    visit = site.visit(who, scripts=True)
    pages = pages_of(who, app, browser, address)
    amiss = {path: found for path in pages if (found := amiss_on(visit.open(path)))}
    assert amiss == {}


def test_a_refused_vote_and_a_page_that_is_not_there_keep_nobody_out(site: Site, address: dict[str, Any]) -> None:
    page = site.visit("cleo", scripts=True).open(f"/requests/{address['request_id']}")
    page.get_by_role("button", name="Ask the author for changes").click()
    assert page.get_by_text("Nothing was changed").is_visible()
    assert amiss_on(page) == []
    for path in ("/requests/r-none", "/nowhere", "/incoming/queue"):
        assert amiss_on(site.visit("cleo", scripts=True).open(path)) == []


def test_axe_finds_what_is_amiss(site: Site, address: dict[str, Any]) -> None:
    page = site.visit("cleo", scripts=True).open("/queue")
    page.evaluate("document.querySelector('main').innerHTML += '<input><a href=\"/x\"></a>'")
    assert [each.partition(":")[0] for each in amiss_on(page)] == ["label", "link-name"]


def amiss_on(page: Page) -> list[str]:
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found: list[str] = page.evaluate(LOOK, list(WCAG))
    return found
