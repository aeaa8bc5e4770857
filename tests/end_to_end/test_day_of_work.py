"""A day's work in JupyterLab, in a real session: sandboxed kernel, locked server, through the hub and its proxy."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from hub_config.demo.cast import PROJECT
from hub_config.session import session_folder
from tests.end_to_end.conftest import Saferoom
from tests.end_to_end.test_first_release import sign_in
from tests.pictures import picture

pytestmark = pytest.mark.hub


def run(page: Page, code: str) -> None:
    """Put code into the selected cell, and run it; the next one is selected then."""
    editor = page.locator(".jp-Notebook .jp-mod-active .cm-content")
    for _ in range(5):
        editor.click()
        page.keyboard.press("Control+A")
        page.keyboard.insert_text(code)
        page.wait_for_timeout(300)
        if editor.inner_text().strip() == code:
            break
    page.keyboard.press("Shift+Enter")


def menu(page: Page, name: str, entry: str) -> None:
    page.get_by_role("menuitem", name=name, exact=True).click()
    page.get_by_role("menuitem", name=entry).first.click()


def idle(page: Page) -> None:
    """Wait until JupyterLab says that the kernel is there and has nothing to do."""
    expect(page.get_by_text(re.compile(r"Python \(.+\) \| Idle"))).to_be_visible()


def output(page: Page, text: str | re.Pattern[str]) -> None:
    expect(page.locator(".jp-OutputArea-output", has_text=text).first).to_be_visible(timeout=60_000)


def kept(saferoom: Saferoom) -> Path:
    return session_folder(saferoom.settings.sessions, "researcher", PROJECT) / "home" / "work" / "Untitled.ipynb"


def until_saved(page: Page, saferoom: Saferoom, text: str) -> None:
    page.keyboard.press("Control+S")
    page.wait_for_timeout(1_000)
    if (asked := page.locator(".jp-Dialog .jp-mod-accept")).count():  # for a name, the first time
        asked.click()
    for _ in range(60):
        if kept(saferoom).exists() and text in kept(saferoom).read_text():
            return
        page.wait_for_timeout(500)
    raise AssertionError(f"“{text}” was not saved")


def test_honest_work_goes_on(saferoom: Saferoom, window: BrowserContext) -> None:
    """A new notebook: edit, run, plot, interrupt, restart, save, and open it again."""
    page = window.new_page()
    sign_in(page, saferoom.people.user("researcher"))
    page.goto(f"/hub/spawn/researcher/{PROJECT}")
    page.get_by_role("button", name="Start session").click()
    page.wait_for_url(re.compile(rf"/user/researcher/{PROJECT}/lab"), timeout=90_000)
    expect(page.locator(".jp-DirListing-item", has_text="examples")).to_be_visible()
    picture(page, "lab")

    page.locator('.jp-LauncherCard[data-category="Notebook"]').first.click()
    idle(page)
    run(page, "20 + 22")
    output(page, "42")
    run(page, "import matplotlib.pyplot as plt; plt.plot([1, 2]); plt.show()")
    expect(page.locator(".jp-OutputArea-output img[src^='data:image/png']")).to_be_visible(timeout=60_000)
    run(page, "import time; time.sleep(600)")
    expect(page.locator(".jp-Notebook-ExecutionIndicator").first).to_have_attribute("data-status", "busy")
    menu(page, "Kernel", "Interrupt Kernel")
    output(page, "KeyboardInterrupt")

    run(page, "kept = 'kept ' + 'in the file'; kept")
    output(page, "'kept in the file'")
    until_saved(page, saferoom, "kept in the file")
    menu(page, "Kernel", "Restart Kernel…")
    with page.expect_response(lambda answer: "/restart" in answer.url and answer.ok):
        page.locator(".jp-Dialog .jp-mod-accept").click()
    page.wait_for_timeout(2_000)  # until JupyterLab has heard of the new one
    idle(page)
    run(page, "kept")
    output(page, "NameError")
    until_saved(page, saferoom, "NameError")

    again = window.new_page()
    again.goto(f"/user/researcher/{PROJECT}/lab/tree/work/Untitled.ipynb")
    output(again, "'kept in the file'")


def test_what_is_closed_says_so(saferoom: Saferoom, window: BrowserContext) -> None:
    page = window.new_page()
    sign_in(page, saferoom.people.user("researcher"))
    page.goto(f"/user/researcher/{PROJECT}/files/work/Untitled.ipynb")
    expect(page.get_by_text("closed in a Saferoom session")).to_be_visible()
