"""A session for systemd: the unit of its notebook server, with the outer sandbox said in directives.

The kernels' sandboxes stay what they are: bubblewrap, made by the notebook server within the unit
(`hub_config.notebook.provisioner`). Some directives that look right would take that away, so they are not here:
`ProtectKernelTunables=`, `ProtectKernelLogs=` and `ProtectHostname=yes` cover parts of /proc, after which Linux lets
nobody mount a new one for a kernel, `ProcSubset=pid` alike; `RestrictNamespaces=` would refuse the kernels' namespaces.

No secret stands in a unit, which everybody on a machine may read: the hub's variables, its token among them, come from
a file that root alone can read (I12). Sources: systemd.unit(5), systemd.service(5), systemd.exec(5),
systemd.resource-control(5), systemd.kill(5), of versions 252 to 258.
"""

import re
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path

from hub_config import seccomp
from hub_config.elsewhere import NotRenderable, check_sandboxed
from hub_config.sandbox import SHARED_MEMORY, SYSTEM_LINKS, Account, Memory, Mount, server_sandbox
from hub_config.session import Session, server_command, server_environment

Directive = tuple[str, str]

OLDEST = 252
"""The oldest systemd that has all directives which are always there (Debian 12)."""

NEWER: tuple[tuple[int, Directive], ...] = (
    (257, ("PrivatePIDs", "yes")),
    (258, ("ProtectHostname", "private:saferoom")),
)
"""Version since -> directive, for namespaces that older versions cannot make. Until then a server shares them."""

ALWAYS: tuple[Directive, ...] = (
    ("Type", "exec"),
    ("Restart", "no"),  # whoever wants another session asks the register again (I10)
    ("Slice", "saferoom.slice"),
    ("WorkingDirectory", "/"),
    ("StandardInput", "null"),
    ("UMask", "0007"),
    ("KillMode", "control-group"),
    ("OOMPolicy", "continue"),  # a kernel that fills its memory ends alone
    ("NoNewPrivileges", "yes"),
    ("CapabilityBoundingSet", ""),
    ("AmbientCapabilities", ""),
    ("SupplementaryGroups", ""),
    ("PrivateUsers", "yes"),
    ("PrivateNetwork", "yes"),
    ("PrivateIPC", "yes"),
    ("PrivateDevices", "yes"),
    ("DevicePolicy", "closed"),
    ("KeyringMode", "private"),
    ("MountAPIVFS", "yes"),
    ("ProtectProc", "invisible"),
    ("ProtectSystem", "strict"),
    ("ProtectHome", "tmpfs"),  # “yes” would hide what is bound below /home
    ("ProtectClock", "yes"),
    ("ProtectKernelModules", "yes"),
    ("ProtectControlGroups", "yes"),
    ("InaccessiblePaths", "/sys"),
    ("LockPersonality", "yes"),
    ("RestrictRealtime", "yes"),
    ("RestrictSUIDSGID", "yes"),
    ("RemoveIPC", "yes"),
    ("LimitCORE", "0"),
)

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PLAIN = re.compile(r"[A-Za-z0-9_./=@%,+~-]+")


def unit_name(session: Session) -> str:
    """The unit's name: an instance of `saferoom-session@.service`. No two sessions share one."""
    return f"saferoom-session@{session.name}.service"


def unit(session: Session, account: Account, *, prefix: str, hub_file: Path, version: int = OLDEST) -> str:
    """The unit's text. It goes to `/run/systemd/system/` under `unit_name(session)`.

    `prefix` is the session's address below the hub (`/user/ada/heron/`). `hub_file` holds what `hub_variables` says,
    belongs to root, and has mode 600. `version` is that of the machine's systemd.

    Raises:
        NotRenderable: the session would run as root or without a sandbox, systemd is too old, or a path holds a
            control character.
    """
    described = (("Description", _text(f"Saferoom session {session.name}")), ("CollectMode", "inactive-or-failed"))
    return f"{_section('Unit', described)}\n{_section('Service', service(session, account, prefix, hub_file, version))}"


def service(session: Session, account: Account, prefix: str, hub_file: Path, version: int) -> tuple[Directive, ...]:
    """The directives of the unit's service. Raises as `unit` does."""
    check_sandboxed(session)
    if account.uid == 0 or account.gid == 0:
        raise NotRenderable("A session cannot run as root. Give it a number of its own.")
    if version < OLDEST:
        raise NotRenderable(f"systemd {version} lacks protections that a session needs. Use {OLDEST} or later.")
    return (
        ("ExecStart", " ".join(_word(word.replace("$", "$$")) for word in server_command(session))),
        *_environment(_said(session, prefix)),
        ("EnvironmentFile", _text(str(hub_file))),
        ("User", str(account.uid)),
        ("Group", str(account.gid)),
        *ALWAYS,
        *(directive for since, directive in NEWER if version >= since),
        *_files(session),
        *_calls(),
        *_limits(session),
    )


def hub_variables(session: Session, from_hub: Mapping[str, str], *, prefix: str) -> str:
    """What the hub gives a notebook server beyond what its unit says: the text of `hub_file`. Holds its token."""
    all_of_it = server_environment(session, {**from_hub, "JUPYTERHUB_SERVICE_PREFIX": prefix})
    said = _said(session, prefix)
    return "".join(f"{name}={_quoted(value)}\n" for name, value in all_of_it.items() if said.get(name) != value)


def _said(session: Session, prefix: str) -> dict[str, str]:
    """The variables that stand in the unit: those that do not come from the hub."""
    return server_environment(session, {"JUPYTERHUB_SERVICE_PREFIX": prefix})


def _environment(variables: Mapping[str, str]) -> list[Directive]:
    return [("Environment", _word(f"{name}={value}")) for name, value in variables.items()]


def _files(session: Session) -> list[Directive]:
    """An empty root, memory with limits, and the mounts of the server's sandbox."""
    sandbox = server_sandbox(session)
    shared = Memory(Path("/dev/shm"), SHARED_MEMORY)  # noqa: S108 - of the unit alone
    links = [Mount(Path("/") / name, Path("/") / name, optional=True) for name in SYSTEM_LINKS]
    return [
        ("TemporaryFileSystem", "/:ro"),
        *(("TemporaryFileSystem", _memory(each)) for each in (*sandbox.memory, shared)),
        *(_bound(mount) for mount in (*sandbox.mounts, *links)),
    ]


def _memory(memory: Memory) -> str:
    return f"{_word(str(memory.target))}:size={memory.limit}M,mode=1777,nosuid,nodev"


def _bound(mount: Mount) -> Directive:
    name = "BindPaths" if mount.writable else "BindReadOnlyPaths"
    source, target = _word(f"{'-' if mount.optional else ''}{mount.source}"), _word(str(mount.target))
    return name, f"{source}:{target}"  # each part in quotes of its own, since a colon between them would divide a path


def _calls() -> list[Directive]:
    """Of the filter, what directives can say: not what an ioctl asks, and not which netlink."""
    families = (*seccomp.FAMILIES, seccomp.AF_NETLINK)
    return [
        ("SystemCallArchitectures", "native"),
        ("SystemCallFilter", "~" + " ".join(sorted(seccomp.REFUSED))),
        ("SystemCallFilter", "~clone3:ENOSYS"),
        ("SystemCallErrorNumber", "EPERM"),
        ("RestrictAddressFamilies", " ".join(socket.AddressFamily(family).name for family in families)),
    ]


def _limits(session: Session) -> list[Directive]:
    limits = session.limits
    return [
        ("MemoryMax", f"{limits.memory}M"),
        ("MemorySwapMax", "0"),
        ("TasksMax", str(limits.processes)),
        ("CPUQuota", f"{limits.cpus}%"),
    ]


def _section(name: str, directives: Iterable[Directive]) -> str:
    return f"[{name}]\n" + "".join(f"{key}={value}\n" for key, value in directives)


def _text(text: str) -> str:
    """Text that stands for itself. Raises `NotRenderable` for a control character, which could begin a directive."""
    if _CONTROL.search(text):
        raise NotRenderable("A path or name holds a control character, so no unit can be made. Rename it.")
    return text.replace("%", "%%")


def _word(text: str) -> str:
    """One word, in which systemd neither splits nor replaces anything."""
    escaped = _text(text).replace("\\", "\\\\").replace('"', '\\"')
    return escaped if _PLAIN.fullmatch(escaped) else f'"{escaped}"'


def _quoted(text: str) -> str:
    """A value in a file of variables."""
    if _CONTROL.search(text):
        raise NotRenderable("The hub's variables hold a control character, so no session can start from them.")
    return '"' + re.sub(r'(["\\$`])', r"\\\1", text) + '"'
