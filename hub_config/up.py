"""`saferoom up`: look that everything is in order, bring the database up to date, and become the hub."""

import argparse
import fcntl
import os
import resource
import socket
import sys
from pathlib import Path

from governance.database import open_database
from governance.errors import Unavailable
from hub_config import doctor
from hub_config.migrations import migrate
from hub_config.processes import command_line
from hub_config.protections import warnings
from hub_config.secrets import Secrets
from hub_config.settings import CHECKOUT, Settings

PASSED_ON = ("HOME", "LANG", "LC_ALL", "PATH", "TZ", "USER")
CONFIGURATION = Path(__file__).with_name("jupyterhub_config.py")


class CannotStart(Unavailable):
    """Something that Saferoom needs is missing, or taken by somebody else."""


def run(settings: Settings, _arguments: argparse.Namespace) -> int:
    """Start Saferoom. The process becomes JupyterHub, which starts and watches the rest; does not return.

    Raises:
        CannotStart: another Saferoom works on the same state, or the port is taken.
        Unsafe: a program or a protection is missing (see `doctor.py`).
    """
    os.umask(0o077)
    settings.prepare()
    Secrets.load(settings.secrets)
    doctor.require(settings)
    _hold(settings.hub / "lock")
    check_port(settings)
    migrate(open_database(settings.database_url))
    said = "".join(f"\n  WARNING  {sentence}\n" for sentence in warnings(settings.does_without))
    print(f"{said}\n  Saferoom listens on {settings.hub_url}\n", file=sys.stderr, flush=True)
    raise_descriptor_limit()
    os.chdir(settings.hub)
    os.execve(sys.executable, hub_command(), hub_environment(settings))  # noqa: S606 - no shell is wanted


def raise_descriptor_limit() -> None:
    """Let the hub have as many open files as it may: every session's gates and pages use some."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def hub_command() -> list[str]:
    return [sys.executable, "-P", "-m", "jupyterhub", "--config", str(CONFIGURATION)]


def hub_environment(settings: Settings) -> dict[str, str]:
    """What the hub and its services are told: where things are. No secret; those lie in files."""
    kept = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return kept | {"PYTHONPATH": str(CHECKOUT), "PYTHONUNBUFFERED": "1"} | settings.environment()


def check_port(settings: Settings) -> None:
    """Raise `CannotStart` if somebody else listens there. A proxy that a killed hub left behind is ours."""
    if _left_proxy(settings):
        return
    family = socket.AF_INET6 if ":" in settings.bind else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.bind, settings.port))
        except OSError as error:
            raise CannotStart(
                f"Saferoom cannot listen on {settings.bind}, port {settings.port}: {error.strerror}. "
                "Choose another one with --port (or PORT= for make)."
            ) from None
    for stale in (settings.hub_socket, settings.proxy_api_socket):
        stale.unlink(missing_ok=True)


def _left_proxy(settings: Settings) -> bool:
    try:
        pid = int(settings.proxy_pid_file.read_text())
    except (OSError, ValueError):
        return False
    return str(settings.proxy_api_socket) in command_line(pid)


def _hold(path: Path) -> None:
    """Lock the state for as long as this process lives, through its becoming the hub."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = path.read_text().strip() or "unknown"
        raise CannotStart(
            f"Saferoom already runs on {path.parent.parent} (process {holder}). Stop that one first, "
            "or choose another place with --state (or STATE= for make)."
        ) from None
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode())
    os.set_inheritable(descriptor, True)
