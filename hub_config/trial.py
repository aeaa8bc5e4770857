"""A trial of the sandbox on this machine: a kernel's within a server's, as sessions have them, attacked from inside."""

import os
import subprocess
from datetime import date
from pathlib import Path

from hub_config import sandbox
from hub_config.accounts import account_of, hand_over
from hub_config.descriptors import filter_of
from hub_config.programs import programs
from hub_config.sandbox import Account
from hub_config.seccomp import Tenant
from hub_config.session import Session
from hub_config.settings import Settings

SECONDS_TO_TRY = 30
CLOSED = "closed"
"""What the trial prints when every attempt failed; else the names of those that did not."""

_ATTEMPTS = f"""
import ctypes, os, socket
def refused(attempt):
    try:
        attempt()
    except OSError:
        return True
    return False
def unshare():
    if ctypes.CDLL(None, use_errno=True).unshare(0x10000000):
        raise OSError(ctypes.get_errno(), "unshare")
attempts = {{
    "another network": lambda: socket.create_connection(("192.0.2.1", 80), 1),
    "the hypervisor": lambda: socket.socket(40, socket.SOCK_STREAM),
    "raw packets": lambda: socket.socket(17, socket.SOCK_RAW),
    "other processes": lambda: os.kill(int(os.environ["OUTSIDE"]), 0),
    "new namespaces": unshare,
    "the state": lambda: os.listdir(os.environ["STATE"]),
    "system folders": lambda: open("/usr/planted", "w"),
}}
print(",".join(name for name, attempt in attempts.items() if not refused(attempt)) or "{CLOSED}")
"""


def attack(settings: Settings, folder: Path) -> tuple[int, str]:
    """The exit status of the trial, and what it printed. `folder` is empty, and this user's alone.

    Raises:
        OSError: a folder or process could not be made.
        UnsafeFolder: there is no number for the session.
        UnknownMachine: there is no filter for this processor.
        subprocess.TimeoutExpired: it hung.
    """
    session = _session(settings, folder)
    kernel_folder = session.places.kernels / "trial"
    account = _furnish(session)
    with filter_of(Tenant.KERNEL) as inner, filter_of(Tenant.SERVER) as outer:
        kernel = [
            word.replace(sandbox.KERNEL_FOLDER, str(kernel_folder)).replace(sandbox.FILTER, str(inner))
            for word in sandbox.kernel_arguments(session)
        ]
        made = ["/bin/sh", "-c", 'mkdir -p "$0" && exec "$@"', str(kernel_folder / sandbox.CHANNELS)]
        command = [*made, *kernel, str(session.programs.kernel), "-c", _ATTEMPTS]
        done = subprocess.run(  # noqa: S603 - our own command
            sandbox.server_arguments(session, account, command, seccomp=outer),
            env={"OUTSIDE": str(os.getpid()), "STATE": str(settings.state)},
            cwd="/",
            pass_fds=(inner, outer),
            capture_output=True,
            text=True,
            timeout=SECONDS_TO_TRY,
            check=False,
        )
    return done.returncode, done.stdout or done.stderr


def _furnish(session: Session) -> Account:
    for part in (session.folder.parent, session.shared.parent, session.incoming, session.sockets.parent):
        part.mkdir(mode=0o700)
    account = account_of(session)
    for part in session.private_folders:
        part.mkdir(mode=0o700, exist_ok=True)
    hand_over(session, account)
    return account


def _session(settings: Settings, folder: Path) -> Session:
    return Session(
        person="doctor",
        full_name="Doctor",
        project="trial",
        project_name="Trial",
        training_until=date.max,
        copies=(),
        notices=(),
        folder=folder / "sessions" / "doctor--trial",
        shared=folder / "projects" / "trial",
        incoming=folder / "incoming",
        sockets=folder / "run" / "0",
        programs=programs(settings.session_python),
    )
