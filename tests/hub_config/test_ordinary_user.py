"""Saferoom as an ordinary user, without any of root's rights: the same sandboxes, the same work."""

import json
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from hub_config import driver, limits
from hub_config.driver import Browser
from hub_config.kernel_channel import CellFailed
from hub_config.programs import programs
from hub_config.sandbox import SYSTEM_LINKS
from hub_config.session import session_folder
from hub_config.settings import CHECKOUT
from tests.hub_config.house import PASSWORD, House, build_house, short_folder, start_hub, stop_hub, totp_secret

pytestmark = pytest.mark.hub

SOMEBODY = 61234


def as_somebody(house: House) -> list[str]:
    """What comes before a command that root runs as an ordinary user; nothing where this is one.

    Programs may lie where only root can reach them, so they are mounted where everybody can.
    """
    if os.geteuid() != 0:
        return []
    known = programs(house.settings.session_python)
    code = [CHECKOUT, *known.server_folders, *known.kernel_folders]
    seen = [path for path in dict.fromkeys(code) if path == CHECKOUT or not path.is_relative_to(CHECKOUT)]
    parents = sorted({parent for path in seen for parent in path.parents} - {Path("/"), Path("/tmp"), Path("/usr")})
    return [
        *("bwrap", "--bind", "/proc", "/proc", "--dev-bind", "/dev", "/dev", "--bind", "/tmp", "/tmp"),
        *(word for parent in parents for word in ("--perms", "0755", "--dir", str(parent))),
        *(word for path in ("/usr", "/etc", "/sys", *map(str, seen)) for word in ("--ro-bind", path, path)),
        *(word for name in SYSTEM_LINKS for word in ("--symlink", f"usr/{name}", f"/{name}")),
        *("setpriv", f"--reuid={SOMEBODY}", f"--regid={SOMEBODY}", "--clear-groups", "--no-new-privs", "--"),
    ]


@dataclass(frozen=True)
class AtWork:
    house: House
    ada: Browser


@pytest.fixture(scope="module")
def at_work() -> Iterator[AtWork]:
    """Ada, in her session at a hub of an ordinary user."""
    with short_folder() as folder:
        without = "" if os.geteuid() and limits.find() != limits.NO_GROUPS else "session-limits"
        house = build_house(folder, run=str(folder / "run"), without=without)
        house.provide_data("heron")
        house.engine.dispose()
        before = as_somebody(house)
        if before:
            give_away(folder)
        hub = start_hub(house, folder / "hub.log", before)
        try:
            with driver.sign_in(house.settings.hub_url, "ada", PASSWORD, totp_secret("ada")) as browser:
                driver.start_session(browser, "heron")
                yield AtWork(house, browser)
        finally:
            stop_hub(hub, signal.SIGTERM)
            house.engine.dispose()


def give_away(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        os.chown(path, SOMEBODY, SOMEBODY, follow_symlinks=False)


def test_honest_work_goes_on_and_belongs_to_the_user(at_work: AtWork) -> None:
    code = "import safe_outputs as so; open('kept', 'w').write('x'); print(so.connect().visits.frame().shape)"
    assert driver.run_code(at_work.ada, "heron", code) == "(20190, 5)\n"
    kept = session_folder(at_work.house.settings.sessions, "ada", "heron") / "home" / "work" / "kept"
    assert kept.stat().st_uid == (os.geteuid() or SOMEBODY)


def test_nothing_more_is_open_than_under_root(at_work: AtWork) -> None:
    code = (
        "import json, os\nstatus = dict(line.split(':', 1) for line in open('/proc/self/status') if ':' in line)\n"
        "print(json.dumps([os.getuid(), status['CapBnd'].strip(), status['NoNewPrivs'].strip(), "
        "status['Seccomp'].strip(), sorted(os.listdir('/run/saferoom')), "
        "[line.split()[0] for line in open('/proc/net/dev')][2:]]))"
    )
    uid, capabilities, no_new, filtered, run, networks = json.loads(driver.run_code(at_work.ada, "heron", code))
    assert (uid, int(capabilities, 16), no_new, filtered) == (1000, 0, "1", "2")
    assert run == ["gate", "k"] and networks == ["lo:"]
    for attempt in ("os.unshare(0x10000000)", "open('/usr/planted', 'w')", "os.listdir('/srv')"):
        with pytest.raises(CellFailed):
            driver.run_code(at_work.ada, "heron", f"import os; {attempt}")


def test_every_page_says_what_is_done_without(at_work: AtWork) -> None:
    page = at_work.ada.http.get("/hub/home").text
    expected = os.geteuid() == 0 or limits.find() == limits.NO_GROUPS
    assert ("limited for each process" in page) is expected
