"""The pages in a real browser: they work without JavaScript and by keyboard, and ask no other host for anything."""

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, Page

from datasets.ingress.scan import File
from safe_outputs.transitions import RequestState
from tests.safe_outputs.bringing_in import something_asked
from tests.safe_outputs.factories import PRIVATE_COUNT, a_finding
from tests.safe_outputs.house import House, a_submitted_request, an_answered_statistic, the_request
from tests.safe_outputs.web.chromium import Site
from tests.safe_outputs.web.test_request_page import HOSTILE

pytestmark = pytest.mark.browser

SESSION_LOCK = Path(__file__).resolve().parents[3] / "requirements" / "session.txt"
RUN = "window.ran = 1; alert(1); console.log(1); fetch('http://127.0.0.1:1/')"
HOSTILE_FILES = (
    File("a.py", f'x = 1 # </pre><script>{RUN}</script><img src=x onerror="{RUN}"><svg onload="{RUN}">'.encode()),
    File("b.csv", f"code,name\n1,\"<script>{RUN.replace(',', ';')}</script>\"\n2,=cmd|'/C calc'!A0\n".encode()),
    File("c.json", b'{"a": "</pre><iframe srcdoc=\'<script>parent.ran = 1</script>\'></iframe>"}'),
    File("d.txt", "text \u202e </pre><a href=javascript:alert(1) autofocus onfocus=alert(1)>\u200b</a>".encode()),
)


def test_two_checkers_approve_without_javascript(site: Site, house: House) -> None:
    request = a_submitted_request(house, [an_answered_statistic(house), an_answered_statistic(house, PRIVATE_COUNT)])
    for who in ("cleo", "carl"):
        page = site.visit(who, scripts=False).open("/queue")
        page.get_by_role("link", name="Another title").click()
        page.get_by_role("button", name="Approve these 2 statistics").click()
        assert page.get_by_text("Your vote is recorded.").is_visible()
    assert house.do(lambda session: the_request(session, request).state) is RequestState.APPROVED


def test_a_checker_returns_a_request_by_keyboard_alone(site: Site, house: House) -> None:
    request = a_submitted_request(house)
    page = site.visit("cleo", scripts=True).open(f"/requests/{request}")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent").strip() == "Skip to main content"
    _tab_to(page, "category")
    page.keyboard.type("Too few units")
    page.keyboard.press("Tab")
    page.keyboard.type("Merge the small plans.")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent").strip() == "Ask the author for changes"
    page.keyboard.press("Enter")
    page.get_by_text("Your vote is recorded.").wait_for()


def _tab_to(page: Page, element: str) -> None:
    for _ in range(100):
        if page.evaluate("document.activeElement.id") == element:
            return
        page.keyboard.press("Tab")
    pytest.fail(f"the keyboard does not reach {element}")


def test_hostile_text_is_dead_and_no_other_host_is_asked(site: Site, house: House) -> None:
    statistic = an_answered_statistic(house, code=HOSTILE, findings=(a_finding(sentence=HOSTILE),))
    request = a_submitted_request(house, [statistic], title=HOSTILE, purpose=HOSTILE)
    for who, path in [("cleo", "/queue"), ("cleo", f"/requests/{request}"), ("rosa", f"/requests/{request}")]:
        visit = site.visit(who, scripts=True)
        visit.open(path)
        assert visit.alive == []
        assert visit.asked
        assert [url for url in visit.asked if not url.startswith(visit.root)] == []


def test_no_script_of_a_file_that_is_brought_in_runs(site: Site, house: House) -> None:
    """On the steward's page and the researcher's, with scripts switched on; what is asked of the network is ours."""
    ingress_id = something_asked(house, *HOSTILE_FILES, purpose=HOSTILE)
    pages = [f"/incoming/{ingress_id}", *(f"/incoming/{ingress_id}/files/{n + 1}" for n in range(len(HOSTILE_FILES)))]
    for who, path in [*(("stan", each) for each in ["/incoming/queue", *pages]), *(("rosa", each) for each in pages)]:
        visit = site.visit(who, scripts=True)
        page = visit.open(path)
        assert page.evaluate("window.ran") is None
        assert page.locator("main script, main img, main iframe, main svg, main object").count() == 0
        assert visit.alive == []
        assert visit.asked
        assert [url for url in visit.asked if not url.startswith(visit.root)] == []


def test_bringing_in_works_without_javascript(site: Site, house: House) -> None:
    page = site.visit("rosa", scripts=False).open("/incoming")
    page.get_by_label("What it is, where it comes from").fill("Codes of the sites.")
    page.get_by_label("Files").set_input_files(
        [
            FilePayload(name="codes.csv", mimeType="text/csv", buffer=b"code,name\n1,one\n"),
            FilePayload(name="clean.py", mimeType="text/x-python", buffer=b"import pandas\n"),
        ]
    )
    page.get_by_role("button", name="Ask a data steward").click()
    assert page.get_by_text("Your request is with the data stewards").is_visible()
    page = site.visit("stan", scripts=False).open("/incoming/queue")
    page.get_by_role("link", name="codes.csv").click()
    page.get_by_label("Why").fill("Codes of a classification.")
    page.get_by_role("button", name="Accept these 2 files").click()
    assert page.get_by_text("The files are delivered.").is_visible()
    assert len(list(house.folder.joinpath("incoming", "heron").glob("*/codes.csv"))) == 1


def test_a_question_is_asked_and_answered_without_javascript(site: Site, house: House) -> None:
    request = a_submitted_request(house)
    page = site.visit("cleo", scripts=False).open(f"/requests/{request}")
    page.get_by_label("Ask or comment").fill("Which years?")
    page.get_by_role("button", name="Ask the author a question").click()
    assert page.get_by_text("Your question is with the author.").is_visible()
    page = site.visit("rosa", scripts=False).open("/requests")
    page.get_by_role("link", name="Another title").click()
    page.get_by_label("Your answer").fill("1974 to 1982.")
    page.get_by_role("button", name="Answer the question").click()
    assert page.get_by_text("Your answer is with the output checkers.").is_visible()


def test_requests_are_approved_together_by_keyboard_alone(site: Site, house: House) -> None:
    first, second = a_submitted_request(house), a_submitted_request(house)
    page = site.visit("cleo", scripts=False).open("/queue/together")
    for request in (first, second):
        _tab_to(page, f"approve-{request}")
        page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_text("You approved 2 requests.").wait_for()


@pytest.mark.parametrize("width", [320, 768, 1400])
@pytest.mark.parametrize("who", ["rosa", "stan", "otto"])
def test_no_page_about_bringing_in_is_wider_than_its_window(site: Site, house: House, who: str, width: int) -> None:
    shutil.copy(SESSION_LOCK, house.folder / "session.txt")
    ingress_id = something_asked(house, *HOSTILE_FILES)
    shown = {"rosa": ["/incoming", f"/incoming/{ingress_id}", "/packages"], "otto": ["/packages"]}
    visit = site.visit(who, scripts=True, width=width)
    for path in shown.get(who, ["/incoming/queue", f"/incoming/{ingress_id}", f"/incoming/{ingress_id}/files/1"]):
        page = visit.open(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


@pytest.mark.parametrize("width", [320, 768, 1400])
def test_no_page_is_wider_than_its_window(site: Site, house: House, width: int) -> None:
    request = a_submitted_request(house, [an_answered_statistic(house), an_answered_statistic(house, PRIVATE_COUNT)])
    a_submitted_request(house)
    visit = site.visit("cleo", scripts=True, width=width)
    for path in ("/queue", "/queue/together", f"/requests/{request}", "/releases"):
        page = visit.open(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_the_buttons_stay_in_view(site: Site, house: House) -> None:
    request = a_submitted_request(house)
    page = site.visit("cleo", scripts=True).open(f"/requests/{request}")
    page.mouse.wheel(0, 1500)
    page.wait_for_function("window.scrollY > 1000")
    box = page.get_by_role("button", name="Approve this statistic").bounding_box()
    assert box is not None
    assert 0 <= box["y"] <= 900
