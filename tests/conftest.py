"""What all tests share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from hypothesis import settings
from sqlalchemy import Engine

from governance import people
from governance.database import Base, open_database

# In CI the same examples every time: a change is judged by itself, not by the luck of the draw.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")


@pytest.fixture(scope="session", autouse=True)
def _quick_passwords() -> None:
    """Real argon2id hashes, of the least cost, since tests enrol thousands of people."""
    people._hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """A real database with every table of the packages imported so far."""
    engine = open_database(f"sqlite:///{tmp_path}/register.sqlite")
    Base.metadata.create_all(engine)
    yield engine
    engine.dispose()
