"""A prepared state folder for tests that need the register but no running hub."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub_config.house import House, build_house


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = build_house(tmp_path)
    yield made
    made.engine.dispose()
