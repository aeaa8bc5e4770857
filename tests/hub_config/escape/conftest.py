"""The places in which attempts are made, started once for all of them."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from tests.hub_config.escape.targets import guest, targets
from tests.hub_config.escape.venues import (
    Place,
    furnished,
    running,
    signed_in,
    together,
)
from tests.hub_config.notebook.server import Server
from tests.hub_config.notebook.server import running as plain_server


@dataclass
class Venues:
    """A real session among others, and its twin without a sandbox. All kernels may have ended since."""

    real: Place
    twin: Place
    colleague: Place
    facts: dict[str, Any]


@pytest.fixture(scope="package")
def venues() -> Iterator[Venues]:
    with ExitStack() as stack:
        enter = stack.enter_context
        house, twin_house = enter(furnished(real=True)), enter(furnished(real=False))
        enter(running(house, twin_house))
        real, twin, colleague, elsewhere = together(
            lambda: enter(signed_in(house, "ada", "heron")),
            lambda: enter(signed_in(twin_house, "ada", "heron")),
            lambda: enter(signed_in(house, "emil", "heron")),
            lambda: enter(signed_in(house, "ada", "crane")),
        )
        colleague.run("open('private.txt', 'w').write('Emil alone'); open('../project/ours.txt', 'w').write('ours')")
        elsewhere.run("open('private.txt', 'w').write('Crane'); open('../project/shared.txt', 'w').write('Crane')")
        facts = enter(targets(house))
        enter(guest([real.session.outside.work, twin.session.outside.work]))
        yield Venues(real, twin, colleague, facts)


@pytest.fixture(scope="package")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A notebook server without the lock."""
    with plain_server(tmp_path_factory.mktemp("plain"), None, locked=False) as server:
        yield server
