"""The whole way in a real browser: sign in, work, ask, submit, review by two, released, public. No step is skipped."""

import re
import time
from collections.abc import Callable

import pyotp
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from sqlalchemy import select

from governance import audit
from governance.audit import AuditEvent
from governance.database import reading
from hub_config.demo.cast import PROJECT, User
from safe_outputs.package.reading import verified_record
from safe_outputs.releases.release_keys import known_keys
from tests.end_to_end.conftest import Saferoom
from tests.pictures import picture

pytestmark = [pytest.mark.hub, pytest.mark.timeout(600)]

TITLE = "Medical spending by site and insurance plan"
OUTPUTS = "/services/outputs/"

STEPS = [
    ("person.enrolled", 6),
    ("version.quarantined", 1),
    ("version.scanned", 1),
    ("version.approved", 1),
    ("version.available", 1),
    ("project.active", 1),
    ("agreement.made", 1),
    ("copy.made", 1),
    ("session.started", 1),
    ("statistic.asked", 7),
    ("statistic.computing", 7),
    ("statistic.answered", 7),
    ("request.drafted", 1),
    ("request.submitted", 1),
    ("request.in_review", 1),
    ("request.voted", 2),
    ("request.approved", 1),
    ("request.released", 1),
]
"""What the audit chain must hold at the end, and how often."""


def sign_in(page: Page, user: User) -> None:
    """As a person does: name, password, the code of the authenticator app."""
    page.goto("/hub/login")
    page.get_by_label("Name").fill(user.name)
    page.get_by_label("Password", exact=True).fill(user.password)
    page.get_by_label(re.compile("code", re.IGNORECASE)).fill(new_code(user))
    page.get_by_role("button", name=re.compile("sign in", re.IGNORECASE)).click()
    page.wait_for_url(lambda url: "/hub/login" not in url)


def new_code(user: User) -> str:
    """A one-time code that she has not used: where this half minute's was, the next one, as she would wait for it."""
    totp = pyotp.TOTP(user.totp_secret)
    while totp.now() == USED.get(user.name):
        time.sleep(0.5)
    USED[user.name] = totp.now()
    return USED[user.name]


USED: dict[str, str] = {}
"""The code with which each last signed in here."""


def work(saferoom: Saferoom, window: BrowserContext) -> None:
    """The researcher signs in, starts her session and runs the first notebook in JupyterLab."""
    page = window.new_page()
    sign_in(page, saferoom.people.user("researcher"))
    page.goto(f"/hub/spawn/researcher/{PROJECT}")
    expect(page.get_by_text("You work in")).to_be_visible()
    picture(page, "start")
    page.get_by_role("button", name="Start session").click()
    page.wait_for_url(re.compile(rf"/user/researcher/{PROJECT}/lab"), timeout=90_000)
    page.goto(f"/user/researcher/{PROJECT}/lab/tree/work/examples/first_release.ipynb")
    notebook = page.locator(".jp-Notebook")
    expect(notebook.get_by_role("heading", name="A first release")).to_be_visible()
    expect(page.get_by_text(re.compile(r"Python \(.+\) \| Idle"))).to_be_visible()  # before that, nothing would run
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    table = notebook.locator(".jp-OutputArea-output table", has_text="25% coinsurance").last
    expect(table).to_be_attached(timeout=90_000)
    expect(notebook.get_by_text("waiting for review")).to_be_attached(timeout=60_000)
    verdict = notebook.get_by_text("8 of 49 cells withheld", exact=False).first
    expect(verdict).to_be_attached()
    verdict.evaluate("element => element.scrollIntoView({block: 'start'})")
    picture(page, "notebook")


def request_address(page: Page) -> str:
    """From the queue to the one request that waits."""
    page.goto(f"{OUTPUTS}queue")
    expect(page.get_by_role("heading", name=re.compile("Waiting for you"))).to_be_visible()
    picture(page, "queue")
    page.get_by_role("link", name=TITLE).click()
    return page.url


def reads_all_of_it(page: Page) -> None:
    """The table with its withheld cells, the findings, the charge, and the code that asked."""
    expect(page.get_by_role("heading", name=TITLE, level=1)).to_be_visible()
    body = page.locator("main")
    assert body.locator("td.sr-cell-withheld").count() == 2 * 8
    expect(body.get_by_text("4 of 49 cells are withheld: fewer than 10 persons").first).to_be_attached()
    expect(body.get_by_text("ONS Virtual Microdata Laboratory").first).to_be_attached()
    expect(body.get_by_text("so.crosstab(visits.site, visits.plan_group").first).to_be_attached()
    expect(body.get_by_text("so.private.count(visits, by=visits.site").first).to_be_attached()
    expect(body.get_by_text("ρ = 0.05").first).to_be_attached()
    picture(page, "request")


def approve(page: Page) -> None:
    page.get_by_role("button", name="Approve these 2 statistics").click()
    expect(page.get_by_text("Your vote is recorded")).to_be_visible()


@pytest.fixture
def another_window(chromium: Browser, saferoom: Saferoom) -> Callable[[], BrowserContext]:
    return lambda: chromium.new_context(base_url=saferoom.settings.hub_url, viewport={"width": 1280, "height": 1000})


def test_from_a_notebook_to_the_public(
    saferoom: Saferoom, window: BrowserContext, another_window: Callable[[], BrowserContext]
) -> None:
    work(saferoom, window)

    first = another_window().new_page()
    sign_in(first, saferoom.people.user("checker-one"))
    address = request_address(first)
    reads_all_of_it(first)
    approve(first)
    expect(first.get_by_role("button", name=re.compile("Approve"))).to_have_count(0)
    expect(first.get_by_text("You have voted in this turn already")).to_be_visible()

    author = window.new_page()
    author.goto(address)
    expect(author.get_by_role("heading", name=TITLE, level=1)).to_be_visible()
    expect(author.get_by_role("button", name=re.compile("Approve"))).to_have_count(0)

    stranger = another_window().new_page()
    stranger.goto(f"{OUTPUTS}releases")
    expect(stranger.get_by_role("link", name=TITLE)).to_have_count(0)

    second = another_window().new_page()
    sign_in(second, saferoom.people.user("checker-two"))
    assert request_address(second) == address
    reads_all_of_it(second)
    approve(second)

    release = seen_by_the_public(stranger)
    with reading(saferoom.engine) as session:
        verified_record(saferoom.settings.releases / release, known_keys(session))
    assert set(STEPS) - events(saferoom) == set()


def seen_by_the_public(stranger: Page) -> str:
    """Without a login: the register, the release, and its file."""
    link = stranger.get_by_role("link", name=TITLE)
    for _ in range(60):
        stranger.goto(f"{OUTPUTS}releases")
        if link.count():
            break
        stranger.wait_for_timeout(500)
    picture(stranger, "register")
    link.click()
    expect(stranger.get_by_role("heading", name=TITLE)).to_be_visible()
    picture(stranger, "release")
    with stranger.expect_download() as download:
        stranger.get_by_role("link", name=re.compile(r"crosstab.*\.csv|table 1|CSV", re.IGNORECASE)).first.click()
    assert download.value.suggested_filename.endswith(".csv")
    return stranger.url.rstrip("/").rsplit("/", 1)[-1]


def events(saferoom: Saferoom) -> set[tuple[str, int]]:
    """How often each action is in the audit chain, which verifies."""
    with reading(saferoom.engine) as session:
        assert audit.verify(session)
        actions = [event.action for event in session.scalars(select(AuditEvent))]
    return {(action, actions.count(action)) for action in actions}
