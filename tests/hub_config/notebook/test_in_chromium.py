"""JupyterLab in a real browser: honest work goes on, and what is closed is not offered."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import nbformat
import pytest
from playwright.sync_api import Page, sync_playwright

from tests.hub_config.notebook.server import KERNEL, Server

pytestmark = pytest.mark.browser

GONE = frozenset({"download", "export", "print", "share", "upload", "terminal", "extension", "html", "lsp"})
GONE_ENTRIES = frozenset(
    {"Copy Output to Clipboard", "Copy Download Link", "Open in New Browser Tab", "Shut Down", "Show Hidden Files"}
)
MENUS = ("File", "Edit", "View", "Run", "Kernel", "Settings", "Help")
SECONDS = 1_000


@dataclass
class Lab:
    page: Page
    server: Server
    elsewhere: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def ready(self) -> None:
        """Wait until the kernel is there and has nothing to do."""
        self.page.get_by_text("Python (Cohort) | Idle").wait_for(timeout=60 * SECONDS)

    def entries(self) -> list[str]:
        """What the open menus offer."""
        labels = self.page.locator(".lm-Menu .lm-Menu-item:not(.lm-mod-hidden) .lm-Menu-itemLabel")
        return [label for label in labels.all_inner_texts() if label]

    def run(self, code: str) -> None:
        """Put code into the selected cell, and run it."""
        self.page.locator(".jp-Notebook .jp-mod-active .cm-content").click()
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text(code)
        self.page.keyboard.press("Shift+Enter")

    def menu(self, name: str, *entries: str) -> None:
        self.page.locator(".lm-MenuBar-itemLabel", has_text=name).first.click()
        for entry in entries:
            self.page.locator(".lm-Menu-itemLabel", has_text=entry).first.click()


@pytest.fixture(scope="module")
def lab(locked: Server) -> Iterator[Lab]:
    facts = {"kernelspec": {"name": KERNEL, "display_name": "Python (Cohort)", "language": "python"}}
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("")], metadata=facts)
    nbformat.write(notebook, locked.work / "a.ipynb")
    (locked.work / "note.py").write_text("print(1)")
    (locked.work / "rows.csv").write_text("id,income\n1,20140\n")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_context(viewport={"width": 1400, "height": 900}).new_page()
        lab = Lab(page, locked)
        page.on("request", lambda asked: lab.elsewhere.append(asked.url) if not _ours(lab, asked.url) else None)
        page.on("response", lambda answer: lab.refused.append(answer.url) if answer.status >= 400 else None)
        page.goto(f"{locked.url}/lab/tree/work/a.ipynb?token={locked.token}")
        lab.ready()
        yield lab
        browser.close()


def _ours(lab: Lab, url: str) -> bool:
    return url.startswith((lab.server.url, "data:", "blob:"))


def test_cells_run_plot_and_are_interrupted(lab: Lab) -> None:
    page = lab.page
    lab.run("20 + 22")
    page.locator(".jp-OutputArea-output", has_text="42").wait_for()
    lab.run("import matplotlib.pyplot as plt; plt.plot([1, 2]); plt.show()")
    page.locator(".jp-OutputArea-output img[src^='data:image/png']").wait_for(timeout=60 * SECONDS)
    lab.run("import time; time.sleep(600)")
    page.locator(".jp-Notebook-ExecutionIndicator[data-status=busy]").wait_for()
    lab.menu("Kernel", "Interrupt Kernel")
    page.get_by_text("KeyboardInterrupt").first.wait_for()


def test_what_is_held_back_says_so_where_the_output_would_stand(lab: Lab) -> None:
    lab.run("display({'application/javascript': 'document.title = 1'}, raw=True)")
    lab.page.get_by_text("Saferoom held back an output").first.wait_for()


def test_no_script_in_an_output_runs(lab: Lab) -> None:
    html = '<b>shown</b><script>window.ran = 1</script><img src=x onerror="window.ran = 2">'
    lab.run(f"display({{'text/html': {html!r}}}, raw=True)")
    lab.page.get_by_text("shown", exact=True).wait_for()
    lab.page.wait_for_timeout(500)
    assert lab.page.evaluate("window.ran") is None


def test_a_notebook_is_saved_restarted_and_opened_again(lab: Lab) -> None:
    page = lab.page
    lab.run("kept = 'kept ' + 'in the file'; kept")
    page.get_by_text("'kept in the file'").wait_for()
    page.keyboard.press("Control+S")
    page.wait_for_function("!document.querySelector('.jp-mod-dirty')")
    assert "kept in the file" in (lab.server.work / "a.ipynb").read_text()
    lab.menu("Kernel", "Restart Kernel…")
    page.locator(".jp-Dialog .jp-mod-accept").click()
    lab.ready()
    page.reload()
    page.get_by_text("'kept in the file'").wait_for(timeout=60 * SECONDS)


def test_a_table_does_not_open_and_the_reason_is_shown(lab: Lab) -> None:
    lab.page.locator(".jp-DirListing-item", has_text="rows.csv").dblclick()
    lab.page.get_by_text("Read data in a cell").first.wait_for()
    assert "20140" not in lab.page.content()
    lab.page.locator(".jp-Dialog button").first.click()


@pytest.mark.parametrize("menu", MENUS)
def test_no_menu_offers_what_is_closed(lab: Lab, menu: str) -> None:
    lab.menu(menu)
    lab.page.wait_for_timeout(200)
    entries = lab.entries()
    lab.page.keyboard.press("Escape")
    assert len(entries) > 2
    assert not _closed_among(entries)


PLACES = [".jp-DirListing-item", ".jp-DirListing-content", ".jp-Cell", ".jp-OutputArea-output"]


@pytest.mark.parametrize("place", PLACES)
def test_no_context_menu_offers_what_is_closed(lab: Lab, place: str) -> None:
    lab.page.locator(place).last.click(button="right")
    lab.page.wait_for_timeout(200)
    entries = lab.entries()
    lab.page.keyboard.press("Escape")
    assert len(entries) > 2
    assert not _closed_among(entries)


def test_there_is_no_button_for_uploads_and_no_command_for_what_is_closed(lab: Lab) -> None:
    assert lab.page.locator("[data-jp-item-name=uploader]:visible").count() == 0
    lab.menu("View", "Activate Command Palette")
    lab.page.locator(".lm-CommandPalette-itemLabel:visible").first.wait_for()
    entries = lab.page.locator(".lm-CommandPalette-itemLabel").all_text_contents()
    lab.page.keyboard.press("Escape")
    assert len(entries) > 50
    assert not _closed_among(entries)


def test_nothing_elsewhere_is_asked(lab: Lab) -> None:
    assert lab.elsewhere == []


def _closed_among(entries: list[str]) -> list[str]:
    return [entry for entry in entries if entry in GONE_ENTRIES or GONE & set(entry.lower().split())]
