"""The page of a request in a real browser: all of it at once, wide and narrow, with nothing that keeps anybody out."""

import pytest
from playwright.sync_api import Page

from safe_outputs.evidence import underlying
from safe_outputs.evidence.underlying import CountedCell
from safe_outputs.models import Statistic
from safe_outputs.transitions import Vote
from safe_outputs.web.places import MOST_AT_ONCE
from tests.pictures import picture
from tests.safe_outputs.factories import CROSSTAB, PRIVATE_COUNT, a_cross_table
from tests.safe_outputs.house import House, a_submitted_request, an_answered_statistic, cast_vote, submit
from tests.safe_outputs.test_beside import ADULTS, released
from tests.safe_outputs.test_submissions import edit
from tests.safe_outputs.web.chromium import Site
from tests.safe_outputs.web.test_axe import amiss_on

pytestmark = pytest.mark.browser

WITHHELD = [("Dayton", "50 %"), ("Seattle", "95 %")]
IN_VIEW = "element => { const box = element.getBoundingClientRect(); return box.top >= 0 && box.bottom <= innerHeight }"


def a_full_request(house: House) -> str:
    """In its second turn, with changed cells, words and code, counts behind cells, and an earlier table too close."""
    released(house, CROSSTAB.model_copy(update={"where": ADULTS}), a_cross_table(), title="An earlier table")
    request = a_submitted_request(house, [an_answered_statistic(house, table=a_cross_table())])
    for checker in ("cleo", "carl"):
        cast_vote(house, request, checker, Vote.REQUEST_CHANGES, "Please withhold them.")
    table = a_cross_table(withheld=WITHHELD)
    first = table.cells[0].model_copy(update={"values": (97, 170.0)})
    table = table.model_copy(update={"cells": (first, *table.cells[1:])})
    statistic = an_answered_statistic(house, table=table, code="another line\n" * 30)
    cells = [CountedCell(codes=each.codes, units=6, shares=(0.1, 0.2)) for each in table.cells]
    digest = underlying.keep(house.store, underlying.underlying(CROSSTAB, cells))

    def name(session) -> None:
        session.get_one(Statistic, statistic).underlying = digest

    house.do(name)
    edit(house, request, [statistic], title="Another title, reworded")
    submit(house, request)
    return request


def a_long_request(house: House) -> str:
    exact = [an_answered_statistic(house, table=a_cross_table(withheld=WITHHELD)) for _ in range(MOST_AT_ONCE)]
    return a_submitted_request(house, [*exact, an_answered_statistic(house, PRIVATE_COUNT)])


def scrolls_sideways(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > innerWidth"))


def test_all_of_it_keeps_nobody_out(site: Site, house: House) -> None:
    request, long = a_full_request(house), a_long_request(house)
    visit = site.visit("cleo", scripts=True)
    pages = [
        f"/requests/{request}?counts=1",
        f"/requests/{long}",
        f"/requests/{long}?item=2",
        f"/requests/{long}?item=9",
    ]
    amiss = {path: found for path in pages if (found := amiss_on(visit.open(path)))}
    assert amiss == {}
    picture(visit.open(f"/requests/{request}"), "since")
    assert amiss_on(site.visit("rosa", scripts=True).open(f"/requests/{request}")) == []


@pytest.mark.parametrize("width", [320, 400, 1400])
def test_the_page_never_scrolls_sideways_and_the_way_to_the_vote_is_in_view(
    site: Site, house: House, width: int
) -> None:
    request, long = a_full_request(house), a_long_request(house)
    visit = site.visit("cleo", scripts=False, width=width)
    for path in (f"/requests/{request}?counts=1", f"/requests/{long}", f"/requests/{long}?item=all"):
        page = visit.open(path)
        assert not scrolls_sideways(page), path
        at_hand = page.get_by_role("button", name="Approve") if width > 1000 else page.get_by_text("To your vote")
        for place in (0, 3_000):
            page.evaluate(f"window.scrollTo(0, {place})")
            assert at_hand.evaluate(IN_VIEW), (path, place)


def test_from_a_mark_to_its_finding_and_back_by_keyboard(site: Site, house: House) -> None:
    request = a_full_request(house)
    page = site.visit("cleo", scripts=False).open(f"/requests/{request}")
    mark = page.locator("td .sr-mark").first
    mark.focus()
    page.keyboard.press("Enter")
    finding = page.locator(".sr-finding:target")
    assert finding.count() == 1
    finding.locator(".sr-cell-link").first.focus()
    page.keyboard.press("Enter")
    assert page.locator("td:target").count() == 1
