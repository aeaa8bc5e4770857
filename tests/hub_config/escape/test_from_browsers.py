"""Attempts from a browser that is signed in to a real session, through the hub's proxy, as its pages make them."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any, cast

import httpx
import pytest

from hub_config import driver
from hub_config.driver import Browser
from tests.hub_config.escape import browser, outputs
from tests.hub_config.escape.attempt import Attempt, Family, outcome
from tests.hub_config.escape.browser import Page
from tests.hub_config.escape.conftest import Venues
from tests.hub_config.escape.venues import heard, rows
from tests.hub_config.notebook.server import Kernel, Server

pytestmark = pytest.mark.hub


class RealPage:
    """A page of Ada's session in Heron."""

    def __init__(self, signed_in: Browser) -> None:
        self.browser, self.prefix = signed_in, signed_in.session_path("heron")

    def ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        headers = self.browser._script(self.prefix)
        more = {} if body is None else {"json": body}
        url = self.prefix.rstrip("/") + path
        return self.browser.http.request(method, url, headers=headers, follow_redirects=False, **more)


@pytest.fixture(scope="module")
def page(venues: Venues) -> RealPage:
    facts = f"import os; os.environ['REGISTER'] = {venues.facts['register']!r}\n"
    driver.run_code(venues.real.browser, "heron", facts + browser.PREPARED)
    return RealPage(venues.real.browser)


@pytest.fixture(scope="module")
def plain_page(venues: Venues, plain: Server) -> Page:
    code = f"{browser.PREPARED}\nPath({str(plain.folder)!r}, 'prepared').touch()"
    environment = {"REGISTER": venues.facts["register"], "DATA": str(plain.folder / "home" / "data")}
    subprocess.run([sys.executable, "-c", code], cwd=plain.work, env=environment, check=True)
    return plain


@pytest.mark.parametrize("row", rows(Family.BROWSER), ids=lambda row: row.name)
def test_request_is_refused_in_a_session_and_answered_without_the_lock(
    row: Attempt, page: RealPage, plain_page: Page
) -> None:
    control, real = outcome(row, cast(Any, plain_page)), outcome(row, cast(Any, page))
    assert "got" in control, f"without the lock: {control}"
    assert "refused" in real, f"in a session: {real}"
    assert real["refused"][0] in "24", f"not refused, but not done either: {real}"


def test_the_page_that_is_refused_may_do_honest_work(page: RealPage) -> None:
    assert browser.MARK in page.ask("GET", "/api/contents/work/note.md?content=1").text
    saved = {"type": "file", "format": "text", "content": "1 + 1"}
    assert page.ask("PUT", "/api/contents/work/honest.py", saved).status_code == 201


@pytest.fixture(scope="module")
def kernel(venues: Venues) -> Iterator[Kernel]:
    """A kernel of the real session, heard by a browser: every byte that crosses."""
    with heard(venues.real.browser, "heron") as made:
        made.run(outputs.BEGIN)
        yield made


@pytest.fixture(scope="module")
def plain_kernel(plain: Server) -> Iterator[Kernel]:
    made = plain.kernel()
    made.run(outputs.BEGIN)
    yield made
    made.close()


@pytest.mark.parametrize("row", rows(Family.OUTPUTS), ids=lambda row: row.name)
def test_rows_do_not_cross_in_a_session_and_do_without_the_lock(
    row: Attempt, kernel: Kernel, plain_kernel: Kernel
) -> None:
    control, real = outcome(row, cast(Any, plain_kernel)), outcome(row, cast(Any, kernel))
    assert "got" in control, f"without the lock: {control}"
    assert "refused" in real, f"in a session: {real}"


def test_what_may_be_shown_is(kernel: Kernel) -> None:
    assert outputs.MARK in str(kernel.run("print(MARK)"))
