"""Attempts from inside a real kernel of a real session, each of which succeeds where the protection is missing."""

from dataclasses import dataclass

import pytest

from hub_config import driver
from hub_config.session import GATE_SOCKET, INSIDE
from tests.hub_config.escape import files, gate, network, processes, system  # noqa: F401 - they fill the table
from tests.hub_config.escape.attempt import ATTEMPTS, Attempt, Control, Family, Outcome
from tests.hub_config.escape.conftest import Venues
from tests.hub_config.escape.targets import stamp_of_another
from tests.hub_config.escape.venues import PREFIX, in_free_process, in_kernel, together

pytestmark = pytest.mark.hub

OTHERWISE = (Family.PLANTED, Family.EXHAUSTION, Family.BROWSER, Family.OUTPUTS)
FROM_KERNELS = [row for row in ATTEMPTS.values() if row.family not in OTHERWISE]


@dataclass(frozen=True)
class Outcomes:
    """What came of the attempts in the real session, and of the same ones without the protection."""

    real: dict[str, Outcome]
    control: dict[str, Outcome]


@pytest.fixture(scope="module")
def outcomes(venues: Venues) -> Outcomes:
    house = venues.real.house
    facts = venues.facts | stamp_of_another(house)
    inside = facts | {"behind": str(INSIDE.gate / GATE_SOCKET), "search": "/"}
    direct = facts | {"behind": facts["outputs_socket"], "prefix": PREFIX, "search": str(house.settings.state.parent)}
    names = {control: [row.name for row in FROM_KERNELS if row.control is control] for control in Control}
    real, twin, free = together(
        lambda: in_kernel(venues.real, [row.name for row in FROM_KERNELS], inside),
        lambda: in_kernel(venues.twin, names[Control.TWIN], direct),
        lambda: in_free_process(house, names[Control.FREE], direct),
    )
    return Outcomes(real, twin | free)


@pytest.mark.parametrize("row", FROM_KERNELS, ids=lambda row: row.name)
def test_attempt_fails_in_a_session_and_succeeds_without_the_protection(row: Attempt, outcomes: Outcomes) -> None:
    real, control = outcomes.real[row.name], outcomes.control[row.name]
    assert "refused" in real, f"in a session: {real}"
    if row.errno is not None:
        assert real["errno"] == row.errno, f"in a session: {real}"
    allowed = {"got", "missing"} if row.errno is not None else {"got"}
    assert allowed & set(control), f"in {row.control}: {control}"


def test_folder_of_the_project_is_shared_by_its_members(venues: Venues) -> None:
    """What is meant to be shared is: attempts on what is private do not fail because nothing is there."""
    code = "print(open('../project/ours.txt').read())"
    assert driver.run_code(venues.real.browser, "heron", code) == "ours\n"
    assert (venues.colleague.session_of("emil", "heron").outside.work / "private.txt").read_text() == "Emil alone"
