"""One real Saferoom for the tests of the whole way: hub, proxy, outputs service, checker, kernels, and Chromium."""

import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright
from sqlalchemy import Engine

from governance.database import open_database
from hub_config import demo
from hub_config.demo import cast
from hub_config.demo.cast import Cast
from hub_config.demo.house import furnish
from hub_config.migrations import migrate
from hub_config.secrets import Secrets
from hub_config.settings import Settings, load

expect.set_options(timeout=60_000)

CHROMIUM = "/usr/bin/chromium"
OFFLINE = (
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-gpu",
)


@dataclass(frozen=True)
class Saferoom:
    """A running installation with the demo's people, data and project, in which nothing was asked for yet."""

    settings: Settings
    engine: Engine
    people: Cast


def a_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def saferoom(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Saferoom]:
    settings = load({"state": tmp_path_factory.mktemp("state"), "port": a_free_port()})
    settings.prepare()
    Secrets.load(settings.secrets)
    engine = open_database(settings.database_url)
    migrate(engine)
    people = cast.read_or_make(settings.demo_file)
    furnish(settings, engine, people)
    with demo.running(settings):
        yield Saferoom(settings, engine, people)
    engine.dispose()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Headless Chromium. It ends with the module: while it runs, no other event loop can."""
    root = ("--no-sandbox",) if os.geteuid() == 0 else ()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*OFFLINE, *root])
        yield browser
        browser.close()


@pytest.fixture
def window(chromium: Browser, saferoom: Saferoom) -> Iterator[BrowserContext]:
    """A window of somebody's own, which fails the test when a page asks another host for anything."""
    context = chromium.new_context(
        base_url=saferoom.settings.hub_url, viewport={"width": 1280, "height": 1000}, reduced_motion="reduce"
    )
    context.set_default_timeout(60_000)
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    yield context
    context.close()
    ours = (saferoom.settings.hub_url, saferoom.settings.hub_url.replace("http", "ws", 1), "data:", "blob:")
    assert [url for url in asked if not url.startswith(ours)] == []
