"""Numbers and practice in a real browser: plots are seen, hostile text is dead, a case is judged without JavaScript."""

import pytest

from governance.database import reading
from safe_outputs.answers import Verdict
from safe_outputs.practice.models import PracticeAnswer
from safe_outputs.transitions import Vote
from tests.pictures import picture
from tests.safe_outputs.factories import a_finding
from tests.safe_outputs.house import House, a_submitted_request, an_answered_statistic, cast_vote
from tests.safe_outputs.web.chromium import Site
from tests.safe_outputs.web.test_request_page import HOSTILE

pytestmark = pytest.mark.browser

HELD = "document.querySelectorAll('main img').length"
SEEN = "[...document.querySelectorAll('main img')].filter(each => each.complete && each.naturalWidth > 100).length"


def something_decided(house: House) -> None:
    """One request that was returned once and approved then, though a rule referred it, with hostile words."""
    finding = a_finding(rule="differencing", verdict=Verdict.REFER, sentence=HOSTILE)
    statistic = an_answered_statistic(house, verdict=Verdict.REFER, findings=(finding,))
    request = a_submitted_request(house, [statistic], title=HOSTILE, purpose=HOSTILE)
    for checker in ("cleo", "carl"):
        cast_vote(house, request, checker)
    returned = a_submitted_request(house, title=HOSTILE)
    for checker in ("cleo", "carl"):
        cast_vote(house, returned, checker, Vote.REQUEST_CHANGES, HOSTILE)


@pytest.mark.parametrize("width", [320, 768, 1400])
def test_plots_are_seen_and_no_page_is_wider_than_its_window(site: Site, house: House, width: int) -> None:
    something_decided(house)
    visit = site.visit("cleo", scripts=True, width=width)
    page = visit.open("/numbers")
    assert page.evaluate(HELD) == page.evaluate(SEEN) == 3
    for path in ("/numbers", "/practice", "/practice/p04", "/practice/p07", "/practice/summary"):
        page = visit.open(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
    assert visit.alive == []
    assert [url for url in visit.asked if not url.startswith(visit.root)] == []


def test_a_plot_by_itself_runs_nothing(site: Site, house: House) -> None:
    something_decided(house)
    visit = site.visit("cleo", scripts=True)
    page = visit.open("/numbers/reasons.svg")
    assert page.locator("svg").count() == 1
    assert page.locator("svg script, svg foreignObject, svg a, svg image").count() == 0
    assert visit.alive == []


def test_a_case_is_judged_by_keyboard_without_javascript(site: Site, house: House) -> None:
    page = site.visit("cleo", scripts=False).open("/practice/p02")
    picture(page, "practice")
    page.get_by_label("Too few units behind a number").focus()
    page.keyboard.press("Space")
    for _ in range(10):
        page.keyboard.press("Tab")
    page.keyboard.type("Merge the isles with the West.")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="What was in it").wait_for()
    assert page.get_by_text("1 of 1 found.").is_visible()
    with reading(house.engine) as session:
        assert session.get_one(PracticeAnswer, 1).comment == "Merge the isles with the West."
