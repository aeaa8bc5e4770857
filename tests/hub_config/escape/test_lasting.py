"""Attempts whose effect would come later, or would be others' to bear: planted files, and exhaustion."""

import base64
import json
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from governance.audit import AuditEvent
from governance.database import reading
from hub_config import driver, limits
from hub_config.driver import DriverError
from hub_config.kernel_channel import CellFailed, ChannelFailed
from hub_config.session import GATE_SOCKET, INSIDE
from tests.hub_config.escape import exhaustion
from tests.hub_config.escape.conftest import Venues
from tests.hub_config.escape.planting import MARKS, PLANTS, Plant
from tests.hub_config.escape.venues import MEBIBYTE, SMALL, beginning, heard, together
from tests.hub_config.notebook.server import Server, shown
from tests.hub_config.test_hub import until

pytestmark = pytest.mark.hub

SECONDS_FOR_A_NEIGHBOUR = 40.0
GATE_ANSWERS = "import safe_outputs as so\ntry:\n    so.connect()\n    print(True)\nexcept Exception:\n    print(False)"


def neighbour_works(venues: Venues) -> None:
    """The hub shows a page, and another person's session starts a kernel that answers."""
    began = time.monotonic()
    assert venues.colleague.browser.http.get("/hub/home").status_code == 200
    assert driver.run_code(venues.colleague.browser, "heron", "print(6 * 7)") == "42\n"
    assert time.monotonic() - began < SECONDS_FOR_A_NEIGHBOUR


# --- planted files


@pytest.fixture(scope="module")
def planted(venues: Venues) -> list[str]:
    """The marks that are there after everything was planted and the session was started anew."""
    browser, session = venues.real.browser, venues.real.session
    told = base64.b64encode(json.dumps({plant.path: plant.text() for plant in PLANTS.values()}).encode()).decode()
    code = f"""
import base64, json
from pathlib import Path
for path, text in json.loads(base64.b64decode({told!r})).items():
    Path.home().joinpath(path).parent.mkdir(parents=True, exist_ok=True)
    Path.home().joinpath(path).write_text(text)
"""
    driver.run_code(browser, "heron", code)
    driver.stop_session(browser, "heron")
    driver.start_session(browser, "heron")
    assert driver.run_code(browser, "heron", "print('begun')") == "begun\n"
    assert all((session.outside.work / plant.path).exists() for plant in PLANTS.values())
    folders = (session.outside.work, session.outside.server_home, session.outside.home)
    return [mark.name for folder in folders if (folder / MARKS).exists() for mark in (folder / MARKS).iterdir()]


@pytest.mark.parametrize("plant", PLANTS.values(), ids=lambda plant: plant.name)
def test_planted_file_runs_without_our_environment_and_not_in_the_next_session(
    plant: Plant, planted: list[str], venues: Venues, tmp_path: Path
) -> None:
    assert plant.name in _ran_without_protection(plant, tmp_path, venues.real.house.settings.session_python)
    assert plant.name not in planted


def _ran_without_protection(plant: Plant, home: Path, kernel: Path) -> list[str]:
    path = home / plant.path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(plant.text())
    base = sys._base_executable  # type: ignore[attr-defined] # what this environment was made from
    programs = {"service": sys.executable, "kernel": str(kernel), "base": base, "shell": shutil.which("bash") or "sh"}
    environment = {"HOME": str(home), "PATH": os.environ["PATH"]}
    command = [programs[plant.program], *plant.arguments]
    subprocess.run(command, cwd=home, env=environment, capture_output=True, timeout=60, check=False)
    return [mark.name for mark in (home / MARKS).iterdir()] if (home / MARKS).exists() else []


# --- exhaustion


def test_flooded_gate_leaves_the_hub_and_neighbours_at_work(venues: Venues) -> None:
    facts = {"behind": str(INSIDE.gate / GATE_SOCKET), "prefix": ""}
    code = (
        f"{beginning()}\nfrom types import SimpleNamespace\nfrom tests.hub_config.escape.gate import keep_busy\n"
        f"print(keep_busy(SimpleNamespace(**{facts!r}), 6))"
    )
    with ThreadPoolExecutor(1) as pool:
        flood = pool.submit(driver.run_code, venues.real.browser, "heron", code)
        time.sleep(1)
        while not flood.done():
            neighbour_works(venues)
    connections, calls = json.loads(flood.result())
    assert connections > 100 and calls >= 0  # those that a gate does not take are closed: the session's own loss
    assert until(lambda: driver.run_code(venues.real.browser, "heron", GATE_ANSWERS) == "True\n", 90)


def test_nameless_memory_ends_with_the_limit_of_the_session(venues: Venues) -> None:
    code = exhaustion.NAMELESS.format(pieces=SMALL["session_memory_mb"] * 5 // 4 // 32)
    assert "held" in driver.run_code(venues.twin.browser, "heron", code)
    if limits.find() == limits.NO_GROUPS:  # then every page says so; the neighbours are there all the same
        driver.run_code(venues.real.browser, "heron", code)
    else:
        with pytest.raises((ChannelFailed, CellFailed)):
            driver.run_code(venues.real.browser, "heron", code, seconds=20)
    neighbour_works(venues)
    assert until(lambda: _session_starts(venues))
    assert driver.run_code(venues.real.browser, "heron", "print('again')") == "again\n"


def _session_starts(venues: Venues) -> bool:
    """Whether the session can be used: the hub takes a moment to see that a server has ended."""
    try:
        driver.start_session(venues.real.browser, "heron")
    except DriverError:
        return False
    return True


def test_endless_files_end_with_the_quota(venues: Venues) -> None:
    code = exhaustion.ENDLESS.format(files=SMALL["project_disk_mb"] * MEBIBYTE // 4096 + 500)
    work = venues.real.session.outside.work
    try:
        assert "kept" in driver.run_code(venues.twin.browser, "heron", code)
        with pytest.raises((ChannelFailed, CellFailed)):
            driver.run_code(venues.real.browser, "heron", code, seconds=15)
        with pytest.raises(DriverError, match="holds more than its 64 MiB"):
            driver.run_code(venues.real.browser, "heron", "1")
        neighbour_works(venues)
    finally:
        shutil.rmtree(work / "endless", ignore_errors=True)
    assert driver.run_code(venues.real.browser, "heron", "print('again')") == "again\n"


def test_flood_of_outputs_ends_with_the_budget(venues: Venues, plain: Server) -> None:
    """The last of all: this session shows nothing more today."""
    mark, times, pages = "page-of-rows.", 20_000, 18
    code = exhaustion.PAGES.format(mark=mark, times=times, pages=pages)
    free = plain.kernel()
    with heard(venues.real.browser, "heron") as kernel:
        _, messages = together(lambda: free.run(code), lambda: kernel.run(code))
        assert free.received > pages * times * len(mark)
        assert kernel.received < (SMALL["session_output_mb"] + 1) * MEBIBYTE
        assert "Saferoom shows no more output today" in shown(messages)
    free.close()
    with reading(venues.real.house.engine) as session:
        assert session.query(AuditEvent).filter_by(action="session.output.budget_used").count() == 1
    neighbour_works(venues)
