"""A locked notebook server and its unlocked twin, each in a process of its own."""

import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub_config.notebook.server import Ear, Server, ear, running


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ear]:
    folder = Path("/tmp") / f"hub-{secrets.token_hex(4)}"  # a socket's path has to be short
    folder.mkdir(mode=0o700)
    with ear(folder / "gate.sock") as listening:
        yield listening
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory, hub: Ear) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("locked"), hub.path, locked=True) as server:
        yield server


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The same server without the lock: what an attempt has to get past, or it proves nothing."""
    with running(tmp_path_factory.mktemp("twin"), None, locked=False) as server:
        yield server
