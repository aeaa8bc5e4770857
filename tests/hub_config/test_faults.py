"""What goes wrong in a session ends in a state that is said, audited, and leaves the neighbours alone."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest

from datasets.versions import DatasetVersion, withdraw
from governance.audit import AuditEvent
from governance.database import reading, transaction
from hub_config import driver, limits
from hub_config.driver import Browser, DriverError
from hub_config.kernel_channel import CellFailed, ChannelFailed
from hub_config.session import session_folder, socket_folder
from tests.hub_config.house import PASSWORD, House, build_house, processes_with, short_folder, start_hub, stop_hub
from tests.hub_config.house import totp_secret as secret_of
from tests.hub_config.test_hub import until

pytestmark = pytest.mark.hub

DISK, MEMORY = 48, 700


@dataclass
class Running:
    house: House

    def sign_in(self, name: str) -> Browser:
        return driver.sign_in(self.house.settings.hub_url, name, PASSWORD, secret_of(name))

    def events(self, action: str) -> list[AuditEvent]:
        with reading(self.house.engine) as session:
            return session.query(AuditEvent).filter_by(action=action).all()


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with short_folder() as folder:
        limited = {"project_disk_mb": DISK, "session_memory_mb": MEMORY, "session_processes": 60}
        house = build_house(folder, run=str(folder / "run"), check_rights_seconds=1, **limited)
        house.provide_data("heron")
        house.provide_data("wren")
        hub = start_hub(house, folder / "hub.log")
        try:
            yield Running(house)
        finally:
            stop_hub(hub, signal.SIGTERM)
            house.engine.dispose()


@pytest.fixture(scope="module")
def ada(running: Running) -> Iterator[Browser]:
    with running.sign_in("ada") as browser:
        driver.start_session(browser, "heron")
        yield browser


@pytest.fixture(scope="module")
def bert(running: Running) -> Iterator[Browser]:
    """The neighbour, whose work must go on whatever happens to Ada's session."""
    with running.sign_in("bert") as browser:
        driver.start_session(browser, "wren")
        yield browser


def run(kernel: Any, code: str) -> str:
    cell = nbformat.v4.new_code_cell(code)
    kernel.run_cell(cell, 0, 60)
    return "".join(_text(output) for output in cell.outputs)


def _text(output: Any) -> str:
    return str(output.get("text", "") or output.get("data", {}).get("text/plain", ""))


def answers(browser: Browser, project: str) -> bool:
    return driver.run_code(browser, project, "print(6 * 7)") == "42\n"


def last_words(kernel: Any, code: str) -> str:
    """What stands below a cell whose kernel ends while it runs."""
    cell = nbformat.v4.new_code_cell(code)
    with pytest.raises(ChannelFailed):
        kernel.run_cell(cell, 0, 25)
    return "".join(_text(output) for output in cell.outputs)


@pytest.mark.skipif(limits.find() == limits.NO_GROUPS, reason="only control groups end what uses too much memory")
def test_memory_that_is_used_up_ends_the_kernel_and_says_so(running: Running, ada: Browser, bert: Browser) -> None:
    """Of all together: files in memory count as well."""
    fill = (
        "for number in range(10):\n    open(f'/tmp/{number}', 'wb').write(b'x' * 40 * 2**20)\n"
        "x = b'x' * 400 * 2**20\nimport time; time.sleep(20)"
    )
    with driver.open_kernel(ada, "heron", "work/memory.ipynb") as kernel:
        told = last_words(kernel, fill)
    assert "memory (700 MiB) was used up" in told
    assert until(lambda: bool(running.events("session.memory_used_up")))
    assert until(lambda: bool(running.events("session.kernel.ended")))
    assert answers(ada, "heron") and answers(bert, "wren")


def test_memory_of_one_process_is_limited_without_groups_too(ada: Browser) -> None:
    """And the kernel lives on."""
    with driver.open_kernel(ada, "heron", "work/memory.ipynb") as kernel:
        with pytest.raises(CellFailed, match="MemoryError"):
            run(kernel, f"kept = 1\nx = bytearray({2 * MEMORY} * 2**20)")
        assert run(kernel, "print(kept)") == "1\n"


def test_processes_have_a_limit_that_leaves_the_rest_alone(ada: Browser, bert: Browser) -> None:
    code = (
        "import subprocess\nmade = []\ntry:\n    while len(made) < 200:\n"
        "        made.append(subprocess.Popen(['sleep', '30']))\nexcept OSError as error:\n    print(error.errno)\n"
        "for each in made:\n    each.kill()\nprint(len(made) < 60)"
    )
    assert driver.run_code(ada, "heron", code) == "11\nTrue\n"
    assert answers(bert, "wren")


def test_a_full_folder_ends_the_kernel_until_room_is_made(running: Running, ada: Browser, bert: Browser) -> None:
    fill = (
        "import os, time\nfor number in range(8):\n"
        f"    open(f'filled-{{number}}', 'wb').write(os.urandom({DISK // 4} * 2**20))\ntime.sleep(20)"
    )
    with driver.open_kernel(ada, "heron", "work/disk.ipynb") as kernel:
        told = last_words(kernel, fill)
    assert f"“work” holds more than its {DISK} MiB" in told and "Delete files" in told
    with pytest.raises(DriverError, match="Delete files there in the file browser"):
        driver.open_kernel(ada, "heron", "work/disk.ipynb")
    assert answers(bert, "wren")
    for number in range(8):
        ada.session_api("DELETE", "heron", f"contents/work/filled-{number}")
    assert answers(ada, "heron")


def test_one_file_has_a_limit_of_the_operating_system(ada: Browser) -> None:
    code = f"f = open('large', 'wb')\nfor _ in range({DISK + 1}):\n    f.write(b'x' * 2**20)\nf.flush()"
    with pytest.raises((CellFailed, ChannelFailed)):
        driver.run_code(ada, "heron", code, seconds=20)
    ada.session_api("DELETE", "heron", "contents/work/large")
    assert until(lambda: answers(ada, "heron"))


def test_a_kernel_that_dies_at_once_says_why(running: Running, ada: Browser) -> None:
    folder = session_folder(running.house.settings.sessions, "ada", "heron")
    spec = folder / "configuration" / "kernels" / "python3" / "kernel.json"
    before = spec.read_text()
    broken = json.loads(before)
    broken["argv"] = [broken["argv"][0], "-c", "raise SystemExit(7)"]
    try:
        spec.write_text(json.dumps(broken))
        with pytest.raises(DriverError, match=r"No kernel could be started.*status 7"):
            driver.open_kernel(ada, "heron", "work/dies.ipynb")
    finally:
        spec.write_text(before)
    assert answers(ada, "heron")


def test_a_stale_socket_is_no_session(running: Running, bert: Browser) -> None:
    """A server that was killed with all around it, its sockets still there, as after a power cut."""
    sockets = socket_folder(running.house.settings.run, "bert", "wren")
    mark = os.fsencode(sockets)
    assert processes_with(mark)
    for line in processes_with(mark):
        with suppress(ProcessLookupError):
            os.kill(int(line.split()[0]), signal.SIGKILL)
    assert until(lambda: "wren" not in driver._servers(bert))
    assert until(lambda: not sockets.exists())
    driver.start_session(bert, "wren")
    assert answers(bert, "wren")


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A file system of its own in a folder's place, with no room left on it."""
    kept = folder.with_name(folder.name + "-kept")
    folder.rename(kept)
    folder.mkdir(mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "none", str(folder)], check=True)
    try:
        with suppress(OSError):
            (folder / "full").write_bytes(b"x" * 2**20)
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)
        shutil.rmtree(folder)
        kept.rename(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a small disk")
def test_a_full_disk_keeps_a_session_from_starting_and_says_so(running: Running, bert: Browser) -> None:
    driver.stop_session(bert, "wren")
    with small_disk(running.house.settings.sessions), pytest.raises(DriverError, match="No space left on device"):
        driver.start_session(bert, "wren")
    assert until(lambda: bool(running.events("session.not_started")))
    driver.start_session(bert, "wren")
    assert answers(bert, "wren")


def test_a_version_that_is_withdrawn_ends_the_sessions_that_read_it(running: Running, bert: Browser) -> None:
    house = running.house
    with transaction(house.engine) as session:
        version = session.query(DatasetVersion).filter_by(dataset="rand_hie").one()
        withdraw(session, version, actor="olive")
    assert until(lambda: "wren" not in driver._servers(bert))
    assert "no longer available" in running.events("session.ended")[-1].detail["reason"]
    page = bert.http.get("/hub/spawn/bert/wren").text
    assert "No data has been provided" in page or "withdrawn" in page
