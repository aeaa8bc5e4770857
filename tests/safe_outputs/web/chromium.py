"""The pages in a real browser: Chromium on a port of the service's own, with a person signed in to each tab."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import BrowserContext, Page, sync_playwright
from werkzeug.serving import make_server

from safe_outputs.web.tokens import TOKEN
from tests.safe_outputs.web.browser import PREFIX, TOKEN_OF


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield browser
        browser.close()


@dataclass
class Visit:
    """A person's tab, and what happened in it."""

    page: Page
    root: str
    asked: list[str] = field(default_factory=list)
    alive: list[str] = field(default_factory=list)

    def open(self, path: str) -> Page:
        self.page.goto(self.root + path)
        return self.page


@dataclass
class Site:
    """The service on a port of its own."""

    app: Flask
    chromium: Chromium
    port: int
    contexts: list[BrowserContext] = field(default_factory=list)

    def visit(self, who: str, *, scripts: bool, width: int = 1400) -> Visit:
        context = self.chromium.new_context(java_script_enabled=scripts, viewport={"width": width, "height": 900})
        self.contexts.append(context)
        origin = f"http://127.0.0.1:{self.port}"
        context.add_cookies([{"name": "saferoom-outputs", "value": self._cookie(who), "url": f"{origin}{PREFIX}/"}])
        visit = Visit(context.new_page(), f"{origin}{PREFIX}")
        visit.page.on("request", lambda request: visit.asked.append(request.url))
        visit.page.on("dialog", lambda dialog: visit.alive.append(dialog.message))
        visit.page.on("console", lambda message: visit.alive.append(message.text))
        return visit

    def _cookie(self, who: str) -> str:
        interface = self.app.session_interface
        assert isinstance(interface, SecureCookieSessionInterface)
        serializer = interface.get_signing_serializer(self.app)
        assert serializer is not None
        return str(serializer.dumps({TOKEN: TOKEN_OF + who}))


@pytest.fixture
def site(app: Flask, chromium: Chromium) -> Iterator[Site]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    site = Site(app, chromium, server.server_port)
    yield site
    for context in site.contexts:
        context.close()
    server.shutdown()
    thread.join()
    server.server_close()
