"""The outputs web service for tests: a real database, a real store, and a hub that knows everybody by name."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from jinja2 import FileSystemBytecodeCache
from sqlalchemy import Engine

from safe_outputs.web import create_app
from safe_outputs.web.settings import WebSettings
from tests.safe_outputs.house import House
from tests.safe_outputs.web.browser import Browser, KnownByName, settings_in
from tests.safe_outputs.web.chromium import chromium, site
from tests.safe_outputs.web.comparing import compare_with_rendered_anew
from tests.safe_outputs.web.conformance import compare_with_description
from tests.safe_outputs.web.every_page import address

__all__ = ["address", "chromium", "site"]


@pytest.fixture
def settings(engine: Engine, tmp_path: Path) -> WebSettings:
    return settings_in(tmp_path, database_url=engine.url.render_as_string())


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> FileSystemBytecodeCache:
    """Templates are compiled once for all tests, not once for each application."""
    return FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))


@pytest.fixture
def hub() -> KnownByName:
    return KnownByName()


@pytest.fixture
def app(house: House, settings: WebSettings, hub: KnownByName, templates: FileSystemBytecodeCache) -> Iterator[Flask]:
    """The service of the house: rosa works in heron, rui in wren; cleo, carl and cora check."""
    assert house.folder == settings.store.parent
    app = create_app(settings, hub)
    app.testing = True
    app.jinja_env.bytecode_cache = templates
    compare_with_description(app)
    compare_with_rendered_anew(app, house)
    yield app
    app.extensions["saferoom"].engine.dispose()


@pytest.fixture
def browser(app: Flask) -> Browser:
    return Browser(app)
