"""A prepared state folder for tests that need the register but no running hub."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub_config.house import House, build_house, open_house


@pytest.fixture(scope="session")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder to copy from: hashing six passwords for every test would take long."""
    house = build_house(tmp_path_factory.mktemp("furnished"))
    house.engine.dispose()
    shutil.rmtree(house.settings.run)
    return house.settings.state


@pytest.fixture
def house(tmp_path: Path, furnished: Path) -> Iterator[House]:
    shutil.copytree(furnished, tmp_path / "state")
    made = open_house(tmp_path)
    yield made
    made.engine.dispose()
    shutil.rmtree(made.settings.run)
