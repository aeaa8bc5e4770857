"""Processes of this machine: is it still the one that we started, and what did a session leave behind?

Linux only: it reads `/proc`. A process id alone proves nothing, since ids are used again; with the boot's id and the
start time it names one process for ever.
"""

import ctypes
import os
import signal
from pathlib import Path

_PROC = Path("/proc")
_PR_SET_PDEATHSIG = 1
_STATE, _START_TIME = 0, 19  # fields 3 and 22 of proc(5), counted after the command's name


def identity(pid: int) -> str | None:
    """A text that only this process has, or None if it is gone (or a zombie)."""
    try:
        after_name = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if after_name[_STATE] in "ZX" else f"{boot}:{pid}:{after_name[_START_TIME]}"


def command_line(pid: int) -> list[str]:
    """The arguments of a process; empty if it is gone or not ours to read."""
    try:
        raw = (_PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return []
    return [part.decode(errors="replace") for part in raw.split(b"\0") if part]


def with_variable(name: str, value: str) -> list[int]:
    """The processes of this user whose environment holds `name=value`, this process left out.

    A process can hide from this by changing its environment: it finds what honest work left behind.
    """
    wanted = f"{name}={value}".encode()
    found = [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit()]
    return [pid for pid in found if pid != os.getpid() and wanted in _environment(pid)]


def innermost(pid: int) -> int:
    """The process that sandboxes were made for: the first below `pid` that is no bubblewrap, or `pid` itself."""
    while (command := command_line(pid)) and Path(command[0]).name == "bwrap" and (children := _children(pid)):
        pid = children[0]
    return pid


def end(pids: list[int]) -> None:
    """Kill these processes; those that are gone already are passed over."""
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def end_with_parent() -> None:
    """Ask the kernel to send this process SIGTERM when its parent ends, so that no service outlives the hub."""
    parent = os.getppid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:
        raise SystemExit("The hub ended while this service was starting.")


def _children(pid: int) -> list[int]:
    try:
        return [int(each) for each in (_PROC / str(pid) / "task" / str(pid) / "children").read_text().split()]
    except OSError:
        return []


def _environment(pid: int) -> list[bytes]:
    try:
        return (_PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:
        return []
