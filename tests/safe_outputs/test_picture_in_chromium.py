"""The picture of a noisy answer in a real browser, without JavaScript: readable on light and dark pages, and whole."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from safe_outputs.answers import Cell, Column
from safe_outputs.client.showing import as_html
from safe_outputs.store import Store
from tests.safe_outputs.factories import PRIVATE_COUNT, an_answer

pytestmark = pytest.mark.browser

ROWS = (("Site 1", 1204), ("A site with a name much longer than its room in the picture", 1_234_567), ("None", -14))


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.mark.parametrize("ink", ["rgb(0, 0, 0)", "rgb(238, 238, 238)"])
def test_all_text_has_the_pages_colour_and_its_room(chromium: Browser, tmp_path: Path, ink: str) -> None:
    cells = tuple(
        Cell(codes=(name,), status="published", values=(value,), ranges=((value - 62.0, value + 62.0),))
        for name, value in ROWS
    )
    table = an_answer(Store(tmp_path), PRIVATE_COUNT).table.model_copy(
        update={"cells": cells, "measures": (Column(name="persons", label="Persons"),)}
    )
    shown = as_html(an_answer(Store(tmp_path), PRIVATE_COUNT, table=table))
    page = chromium.new_page(java_script_enabled=False, viewport={"width": 1000, "height": 900})
    page.set_content(f'<body style="color:{ink}">{shown}</body>')
    pictures = page.locator("svg[role=img]")
    assert pictures.count() == 2
    assert page.get_by_role("img", name="1,204 (1,142 to 1,266)").count() == 1, "the text alternative has the numbers"
    for place in range(2):
        frame = pictures.nth(place).bounding_box()
        for text in pictures.nth(place).locator("text").all():
            box = text.bounding_box()
            assert frame is not None and box is not None
            assert text.evaluate("node => getComputedStyle(node).fill") == ink
            assert frame["x"] <= box["x"] and box["x"] + box["width"] <= frame["x"] + frame["width"]
    page.close()
