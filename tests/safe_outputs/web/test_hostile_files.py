"""Every hostile file that is shown, opened in a real browser with scripts switched on: it does nothing and asks nobody.

And what the page shows of a table is, cell by cell, what the bytes say to a second reader.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page

from safe_outputs.files import FileKind, take
from safe_outputs.files.views import CELL
from tests.safe_outputs.files.corpus import NAMES, NOTEBOOKS, PICTURES, RUN, TABLES, TEXTS, WORKBOOKS
from tests.safe_outputs.files.second_reader import cells_of
from tests.safe_outputs.handed_in import a_file
from tests.safe_outputs.house import House, a_submitted_request
from tests.safe_outputs.web.chromium import Site, Visit

pytestmark = pytest.mark.browser

CELLS = """() => [...document.querySelectorAll('main tr[data-row]')].map(
    row => [Number(row.dataset.row), [...row.querySelectorAll('.sr-file-text')].map(cell => cell.textContent)])"""
LINES = "() => [...document.querySelectorAll('main .sr-source li')].map(line => [line.value, line.textContent])"
FOREIGN = "main script, main style, main iframe, main svg, main object, main embed, main form, main link, main meta"
ADDRESSES = "() => [...document.querySelectorAll('main [src], main [href]')].map(each => each.src || each.href)"


GROUPS = {
    "tables": TABLES,
    "text": TEXTS,
    "notebooks": NOTEBOOKS,
    "pictures": PICTURES,
    "workbooks": WORKBOOKS,
    "names": NAMES,
}
VIEWERS_OWN = "Applying inline style violates"
"""What Chromium says of the page that it makes itself around a picture, whose own styles the policy forbids too."""


@pytest.mark.parametrize("group", GROUPS)
def test_they_do_nothing_and_ask_nobody(site: Site, house: House, group: str) -> None:
    """All of a group are open at the same time, each alone in its browser: they come to rest side by side."""
    request = a_submitted_request(house)
    opened = {}
    for which, hostile in GROUPS[group].items():
        path = f"/requests/{request}/files/{a_file(house, request, hostile.name, hostile.content)}"
        opened[which] = visit = site.visit("cleo", scripts=True)
        visit.open(path)
    pictures, lines = [], []
    for which, visit in opened.items():
        assert_dead(visit, visit.page, which)
        if group == "pictures":
            assert visit.page.evaluate("document.querySelector('main img').naturalWidth") > 0, which
            pictures.append(which)
        else:
            assert visit.page.locator("main img").count() == 0, which
        if visit.page.get_by_role("link", name="As the text that it is").count():
            lines.append(which)
    for view, shown in {"/picture": pictures, "?lines=all": lines}.items():
        for which in shown:
            opened[which].page.goto(f"{opened[which].page.url}{view}")
        for which in shown:
            assert_dead(opened[which], opened[which].page, which)


def assert_dead(visit: Visit, page: Page, which: str) -> None:
    page.wait_for_load_state("networkidle")
    assert page.evaluate("window.ran") is None, which
    assert page.title() != "ran", which
    assert page.locator(FOREIGN).count() == 0, which
    assert [said for said in visit.alive if not said.startswith(VIEWERS_OWN)] == [], which
    assert visit.asked, which
    assert [url for url in visit.asked if not url.startswith(visit.root)] == [], which
    assert [url for url in page.evaluate(ADDRESSES) if not url.startswith(visit.root)] == [], which


def test_a_page_that_is_alive_would_be_seen(site: Site, house: House) -> None:
    """What the test above listens to does hear a script, and a request to elsewhere."""
    visit = site.visit("cleo", scripts=True)
    page = visit.open(f"/requests/{a_submitted_request(house)}")
    page.on("dialog", lambda dialog: dialog.dismiss())
    page.evaluate(f"() => {{ {RUN} }}")
    page.wait_for_load_state("networkidle")
    assert page.evaluate("window.ran") == 1
    assert {"1", "ran"} <= set(visit.alive)
    assert any("violates" in said for said in visit.alive), "the policy forbids the request, and says so"


IN_ROWS = {**TABLES, **NAMES}


def test_the_tables_on_the_pages_are_the_tables_in_the_bytes(site: Site, house: House) -> None:
    request, visit = a_submitted_request(house), site.visit("cleo", scripts=True)
    for which, hostile in IN_ROWS.items():
        taken = take(hostile.name, hostile.content)
        assert (taken.kind, taken.content) == (FileKind.TABLE, hostile.content), which
        told = cells_of(hostile.content.decode("utf-8-sig"), "\t" if taken.name.endswith(".tsv") else ",")
        path = f"/requests/{request}/files/{a_file(house, request, hostile.name, hostile.content)}"
        shown = {number: [unmarked(cell) for cell in row] for number, row in windows(visit, path, CELLS)}
        expected = {number: [cell[:CELL] for cell in row] for number, row in enumerate(told, 1) if row != [""]}
        assert {number: row for number, row in shown.items() if row} == expected, which


def test_the_lines_on_the_pages_are_the_text_in_the_bytes(site: Site, house: House) -> None:
    request, visit = a_submitted_request(house), site.visit("cleo", scripts=True)
    for which, hostile in {**TABLES, **TEXTS}.items():
        path = f"/requests/{request}/files/{a_file(house, request, hostile.name, hostile.content)}?lines=all"
        lines: dict[int, str] = {}
        for number, piece in windows(visit, path, LINES):
            lines[number] = lines.get(number, "") + unmarked(piece)
        text = hostile.content.decode("utf-8-sig")
        assert list(lines.values()) == re.split(r"\r\n|\n|\r", re.sub(r"(?:\r\n|\n|\r)\Z", "", text)), which


def windows(visit: Visit, path: str, look: str) -> Iterator[tuple[int, Any]]:
    """What `look` finds, through all windows of a file."""
    page = visit.open(path)
    while True:
        yield from page.evaluate(look)
        after = page.get_by_role("link", name=re.compile("^(Rows|Lines) after$"))
        if not after.count():
            return
        page.goto(after.evaluate("link => link.href"))


def unmarked(text: str) -> str:
    """Shown text, with what is written out put back."""
    return re.sub("⟦U\\+([0-9A-F]{4,6})⟧", lambda mark: chr(int(mark.group(1), 16)), text)
