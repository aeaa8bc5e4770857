"""Limits of a session by control groups, in whichever form the machine has them, or by the limits of each process.

    v2     one tree, with all controllers (cgroups(7), the Linux kernel's admin-guide/cgroup-v2)
    v1     a tree for each controller (admin-guide/cgroup-v1)
    none   no tree that can be written to: prlimit(1) alone, which holds for each process and not for all together

Everything in a group can be ended at once, whatever it calls itself.
"""

import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from hub_config.session import MEBIBYTE, Limits

ROOT = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")
CONTROLLERS = ("memory", "pids", "cpu")
CPU_PERIOD = 100_000
SUPERVISOR = "supervisor"
ALL = "all"
"""The one tree of v2."""


class Form(StrEnum):
    V2 = "cgroup v2"
    V1 = "cgroup v1"
    NONE = "limits of each process"


@dataclass(frozen=True)
class Groups:
    """Where this process may make groups: a folder for each controller (one for all in v2), none without groups."""

    form: Form
    folders: Mapping[str, Path]

    def of(self, session: str) -> dict[str, Path]:
        return {controller: folder / f"saferoom-{session}" for controller, folder in self.folders.items()}


NO_GROUPS = Groups(Form.NONE, {})


def values(form: Form, limits: Limits) -> dict[str, dict[str, str]]:
    """Controller -> file -> what is written to it. Memory counts temporary files; nothing is swapped out."""
    memory, cpu = str(limits.memory * MEBIBYTE), limits.cpus * CPU_PERIOD // 100
    if form is Form.V2:
        return {
            "memory": {"memory.max": memory, "memory.swap.max": "0", "memory.oom.group": "0"},
            "pids": {"pids.max": str(limits.processes)},
            "cpu": {"cpu.max": f"{cpu} {CPU_PERIOD}"},
        }
    if form is Form.V1:
        return {
            "memory": {"memory.limit_in_bytes": memory, "memory.memsw.limit_in_bytes": memory},
            "pids": {"pids.max": str(limits.processes)},
            "cpu": {"cpu.cfs_period_us": str(CPU_PERIOD), "cpu.cfs_quota_us": str(cpu)},
        }
    return {}


OPTIONAL_FILES = frozenset({"memory.memsw.limit_in_bytes", "memory.swap.max"})
"""Not there where the machine has no swap to limit."""


def find(root: Path = ROOT, own: Path = OWN) -> Groups:
    """The groups that this process can make below its own, tried out."""
    paths = _own_groups(own)
    if (root / "cgroup.controllers").exists():
        folder = _below(root, paths.get("", "/").removesuffix(f"/{SUPERVISOR}"))
        return Groups(Form.V2, {ALL: folder}) if _can_delegate(folder) else NO_GROUPS
    folders = {each: _below(root / each, paths.get(each, "/")) for each in CONTROLLERS}
    if all(os.access(folder, os.W_OK) and (folder / "cgroup.procs").exists() for folder in folders.values()):
        return Groups(Form.V1, folders)
    return NO_GROUPS


def make(groups: Groups, session: str, limits: Limits) -> tuple[Path, ...]:
    """Make a session's groups. Returns the files to which a process writes its number to enter them."""
    wanted = values(groups.form, limits)
    entries = []
    for controller, folder in groups.of(session).items():
        folder.mkdir(exist_ok=True)
        chosen = wanted if groups.form is Form.V2 else {controller: wanted[controller]}
        for name, value in (item for each in chosen.values() for item in each.items()):
            _write(folder / name, value)
        entries.append(folder / "cgroup.procs")
    return tuple(entries)


def members(groups: Groups, session: str) -> list[int]:
    """The processes in a session's groups."""
    found: set[int] = set()
    for folder in groups.of(session).values():
        with suppress(OSError):
            found |= {int(each) for each in (folder / "cgroup.procs").read_text().split()}
    return sorted(found)


def end(groups: Groups, session: str) -> None:
    """Kill whatever is in a session's groups; what was born while the others died as well."""
    while pids := members(groups, session):
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if all(_is_dead(pid) for pid in pids):
            return


def remove(groups: Groups, session: str) -> None:
    """Take a session's groups away, once they are empty; one that is not stays for the next time."""
    for folder in groups.of(session).values():
        with suppress(OSError):
            folder.rmdir()


def killed_for_memory(groups: Groups, session: str) -> int:
    """How often the system has ended a process of this session because its memory was used up."""
    folder = groups.of(session).get(ALL if groups.form is Form.V2 else "memory")
    if folder is None:
        return 0
    file = folder / ("memory.events" if groups.form is Form.V2 else "memory.oom_control")
    try:
        pairs = dict(line.split() for line in file.read_text().splitlines())
    except (OSError, ValueError):
        return 0
    return int(pairs.get("oom_kill", 0))


def memory_used(groups: Groups, session: str) -> int | None:
    """Bytes that a session uses now; None where no group counts them."""
    folder = groups.of(session).get(ALL if groups.form is Form.V2 else "memory")
    if folder is None:
        return None
    try:
        return int((folder / ("memory.current" if groups.form is Form.V2 else "memory.usage_in_bytes")).read_text())
    except (OSError, ValueError):
        return None


def _write(file: Path, value: str) -> None:
    if file.name in OPTIONAL_FILES and not file.exists():
        return
    file.write_text(value)


def _own_groups(own: Path) -> dict[str, str]:
    """Controller -> the path of this process's group; the one of v2 has no name."""
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return {}
    return {name: path for line in lines for _, names, path in (line.split(":", 2),) for name in names.split(",")}


def _below(root: Path, path: str) -> Path:
    """This process's own group where the tree shows it, else the top that it shows."""
    own = root / path.lstrip("/")
    return own if own.is_dir() else root


def _can_delegate(folder: Path) -> bool:
    """Whether groups with all controllers can be made in a folder of v2.

    Only an empty group can have groups below it: this process, where it is alone there with its own, moves to a leaf.
    """
    if not os.access(folder, os.W_OK):
        return False
    wanted = " ".join(f"+{each}" for each in CONTROLLERS)
    try:
        if _is_alone(folder):
            leaf = folder / SUPERVISOR
            leaf.mkdir(exist_ok=True)
            for pid in (folder / "cgroup.procs").read_text().split():
                _write(leaf / "cgroup.procs", pid)
        _write(folder / "cgroup.subtree_control", wanted)
    except OSError:
        return False
    return True


def _is_alone(folder: Path) -> bool:
    """Whether all processes of a group belong to this process's own session."""
    pids = [int(each) for each in (folder / "cgroup.procs").read_text().split()]
    return bool(pids) and all(os.getsid(pid) == os.getsid(0) for pid in pids)


def _is_dead(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return True
    return state in "ZX"
