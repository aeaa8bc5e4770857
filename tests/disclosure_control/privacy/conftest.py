"""Ledgers, in both of the databases that one can be kept in."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from disclosure_control import Ledger
from tests import postgresql

BUDGET = 1_000_000


@pytest.fixture(scope="session")
def server() -> Iterator[postgresql.Server]:
    """A PostgreSQL server, started when the first test needs it."""
    with postgresql.running() as server:
        yield server


@pytest.fixture
def folder() -> Iterator[Path]:
    """A new folder, in memory if there is room."""
    with tempfile.TemporaryDirectory(prefix="ledger-", dir=postgresql.quick_folder()) as folder:
        yield Path(folder)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, folder: Path) -> str:
    """The URL of an empty database: each test that asks for it runs once on each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{folder}/ledger.sqlite"
    server: postgresql.Server = request.getfixturevalue("server")
    return server.new_database()


@pytest.fixture
def ledger(url: str) -> Iterator[Ledger]:
    """A population and a project's share of it, with a budget each."""
    with Ledger(url) as ledger:
        for scope in ("dataset:d", "project:p/d"):
            ledger.grant(scope, BUDGET, granted_by="owner")
        yield ledger
