"""Pictures for the documentation, made by the tests that look at the pages: PICTURES=docs/images names the folder."""

import os
from pathlib import Path

from playwright.sync_api import Page


def picture(page: Page, name: str) -> None:
    """Keep a picture of what the window shows, if PICTURES names a folder."""
    if folder := os.environ.get("PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png")
