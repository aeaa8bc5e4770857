"""The outputs web service for tests: a real database, a real store, and a hub that knows everybody by name."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Engine

from governance.database import transaction
from safe_outputs.store import Store
from safe_outputs.web import create_app
from safe_outputs.web.settings import WebSettings
from tests.safe_outputs import factories
from tests.safe_outputs.web.browser import Browser, KnownByName, settings_in


@pytest.fixture
def settings(tmp_path: Path) -> WebSettings:
    return settings_in(tmp_path)


@pytest.fixture
def store(settings: WebSettings) -> Store:
    return Store(settings.store)


@pytest.fixture
def app(engine: Engine, settings: WebSettings) -> Iterator[Flask]:
    """The service, with people, and the projects Heron (rosa) and Wren (rui)."""
    with transaction(engine) as session:
        factories.people(session)
        factories.a_project(session, "heron", members=["rosa"])
        factories.a_project(session, "wren", members=["rui"])
    app = create_app(settings, KnownByName())
    app.testing = True
    yield app
    app.extensions["saferoom"].engine.dispose()


@pytest.fixture
def browser(app: Flask) -> Browser:
    return Browser(app)
