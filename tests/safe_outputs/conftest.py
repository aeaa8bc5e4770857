from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.safe_outputs.house import House, a_house


@pytest.fixture
def house(engine: Engine, tmp_path: Path) -> House:
    return a_house(engine, tmp_path)
