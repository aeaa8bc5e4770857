"""What all tests share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from sqlalchemy import Engine

from governance.database import Base, open_database
from tests import postgresql, quick
from tests.registers import new_register

quick.be_quick()

# In CI the same examples every time: a change is judged by itself, not by the luck of the draw.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")


ON_BOTH = (
    "tests.governance.",
    "tests.datasets.test_copies",
    "tests.datasets.test_populations",
    "tests.datasets.test_release_policy",
    "tests.datasets.test_versions",
    "tests.safe_outputs.numbers.test_history",
    "tests.safe_outputs.test_at_once",
    "tests.safe_outputs.test_conversation",
    "tests.safe_outputs.test_earlier",
    "tests.safe_outputs.test_release_keys",
    "tests.safe_outputs.test_releasing",
    "tests.safe_outputs.test_requests",
    "tests.safe_outputs.test_reviewing",
    "tests.safe_outputs.test_standing",
    "tests.safe_outputs.web.test_access",
    "tests.safe_outputs.web.test_api_at_once",
    "tests.safe_outputs.web.test_author",
    "tests.safe_outputs.web.test_downloads",
    "tests.safe_outputs.web.test_metrics",
    "tests.safe_outputs.web.test_public",
    "tests.safe_outputs.web.test_queue",
    "tests.safe_outputs.web.test_request_page",
    "tests.safe_outputs.web.test_seen",
    "tests.safe_outputs.web.test_session_api",
)
"""How the names of the modules begin whose tests run once on each kind of database: there it decides something."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "engine" in metafunc.fixturenames and f"{metafunc.module.__name__}.".startswith(ON_BOTH):
        metafunc.parametrize("engine", ["sqlite", "postgresql"], indirect=True)


TEMPLATE = "tables"


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[postgresql.Server]:
    """A PostgreSQL server with the tables in a database to copy from, started when the first test needs it."""
    with postgresql.running() as server:
        server.execute(f"CREATE DATABASE {TEMPLATE}")
        engine = open_database(server.url(TEMPLATE))
        Base.metadata.create_all(engine)
        engine.dispose()
        yield server


@pytest.fixture
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A real database with every table of the packages imported so far; SQLite, unless the test asks for both."""
    if getattr(request, "param", "sqlite") == "postgresql":
        server = request.getfixturevalue("postgresql_server")
        url = server.new_database(TEMPLATE)
        engine = open_database(url)
        yield engine
        engine.dispose()
        server.drop(url)
    else:
        engine = new_register(tmp_path)
        yield engine
        engine.dispose()
