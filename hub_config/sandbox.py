"""From a session's description to bubblewrap's arguments: what each process sees, and who it is.

Two sandboxes stand in one another. The outer holds the notebook server, which is trusted: it has the session's folders,
and a socket each to the hub's gate and to the browser's proxy. Within it, every kernel has one of its own, with the
person's files, the project's folder, the project copies (read-only), the gate of the statistics API, and nothing else:
no network, no other process, no token, no way to make sandboxes or gain rights.

Pure: nothing here touches the machine. Sources: bwrap(1), namespaces(7), credentials(7).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from governance.errors import Invalid
from hub_config.session import MEBIBYTE, Session

BUBBLEWRAP = "/usr/bin/bwrap"
NOBODY_IN_PARTICULAR = 1000
"""The number that everybody has within a sandbox."""

SHARED_MEMORY = 256
"""MiB for /dev/shm, which counts as memory of the session."""

KERNEL_FOLDER = "{kernel_folder}"
FILTER = "{filter}"
"""What the provisioner fills in for each kernel: its folder, and the descriptor of its filter."""

CHANNELS = "z"
"""The part of a kernel's folder that it writes to. Its connection file lies beside, where it can only read."""

CHANNELS_MEMORY = 8
"""MiB for the kernels' connection files and channels, which lie in memory: no quota of a disk counts them."""

FIRST_TO_END = 1000
"""A kernel's oom_score_adj (proc(5)): when the session's memory is used up, kernels end, and not their server."""

SYSTEM = (Path("/usr"),)
SYSTEM_LINKS = ("bin", "lib", "lib32", "lib64", "sbin")
SYSTEM_FILES = (
    Path("/etc/alternatives"),
    Path("/etc/fonts"),
    Path("/etc/ld.so.cache"),
    Path("/etc/localtime"),
    Path("/etc/ssl/certs"),
)
"""Of the machine's configuration, what programs need to start and to draw letters. No account, no host, no resolver."""


class UnsafeSandbox(Invalid):
    """A description from which no safe sandbox can be made."""


@dataclass(frozen=True)
class Account:
    """As whom the session's processes run, outside of any sandbox.

    `drop`: whether they have to leave root's rights behind first. `uid` is the session's alone, `gid` its project's.
    """

    uid: int
    gid: int
    drop: bool


@dataclass(frozen=True)
class Mount:
    """A folder or file of this machine, and where it is seen. `optional`: where it is missing, nothing is."""

    source: Path
    target: Path
    writable: bool = False
    optional: bool = False


@dataclass(frozen=True)
class Memory:
    """A folder that lies in memory, with its limit in MiB."""

    target: Path
    limit: int


@dataclass(frozen=True)
class Sandbox:
    """What one sandbox holds.

    `nested`: whether another may be made within it. `chdir` is where its command starts. Raises `UnsafeSandbox` where
    something is mounted inside of what the sandbox can write to: a link planted there could move it.
    """

    hostname: str
    mounts: tuple[Mount, ...]
    memory: tuple[Memory, ...]
    chdir: Path
    nested: bool
    folders: tuple[Path, ...] = field(default=())

    def __post_init__(self) -> None:
        writable = [mount.target for mount in self.mounts if mount.writable]
        for target in self._targets():
            inside = next((each for each in writable if each in target.parents), None)
            if inside is not None:
                raise UnsafeSandbox(f"{target} would be mounted inside of {inside}, which the sandbox can write to.")

    def _targets(self) -> list[Path]:
        return [*(mount.target for mount in self.mounts), *(each.target for each in self.memory), *self.folders]


def server_sandbox(session: Session) -> Sandbox:
    """The outer sandbox: the notebook server, with the folders of its session."""
    inside, outside = session.places, session.outside
    both = dict.fromkeys((*session.programs.server_folders, *session.programs.kernel_folders))
    own = (
        Mount(outside.server_home, inside.server_home, writable=True),
        Mount(outside.server, inside.server, writable=True),
        Mount(outside.hub_gate, inside.hub_gate),
        Mount(outside.configuration, inside.configuration),
    )
    return Sandbox(
        hostname="saferoom",
        mounts=(*_system(both), *_researchers(session), *own),
        memory=(Memory(inside.scratch, session.limits.scratch), Memory(inside.kernels, CHANNELS_MEMORY)),
        chdir=Path("/"),
        nested=True,
        folders=(inside.home,),
    )


def kernel_sandbox(session: Session) -> Sandbox:
    """A kernel's sandbox, made within the server's: its paths are those that the server sees."""
    places = session.places
    return Sandbox(
        hostname="session",
        mounts=(
            *_system(session.programs.kernel_folders),
            *(Mount(mount.target, mount.target, writable=mount.writable) for mount in _researchers(session)),
            Mount(Path(KERNEL_FOLDER), Path(KERNEL_FOLDER)),
            Mount(Path(KERNEL_FOLDER) / CHANNELS, Path(KERNEL_FOLDER) / CHANNELS, writable=True),
        ),
        memory=(Memory(places.scratch, session.limits.scratch),),
        chdir=places.work,
        nested=False,
        folders=(places.home,),
    )


def server_arguments(session: Session, account: Account, command: Iterable[str], *, seccomp: int) -> list[str]:
    """The whole command of a session's notebook server. `seccomp` is the descriptor of its filter.

    As root it is made in two steps. The first lays out the files, since the session's own number may not reach all that
    is mounted, and gives up root's rights. The second makes everything else without them, as an ordinary user would.
    """
    sandbox = server_sandbox(session)
    closed = [*_namespaces(sandbox), *_own_users()]
    if not account.drop:
        return [BUBBLEWRAP, *closed, *_own_view(), *_files(sandbox), *_seal(sandbox, seccomp), "--", *command]
    first = ["--cap-drop", "ALL", *_capabilities("SETUID", "SETGID", "SETPCAP"), "--bind", "/proc", "/proc"]
    second = [BUBBLEWRAP, *closed, "--bind", "/", "/", *_own_view(), *_seal(sandbox, seccomp)]
    return [
        *(BUBBLEWRAP, *first, "--dev", "/dev", *_files(sandbox), "--remount-ro", "/", "--"),
        *(*_dropping(account), *second, "--", *command),
    ]


def kernel_arguments(session: Session) -> list[str]:
    """What comes before a kernel's own command, with `KERNEL_FOLDER` and `FILTER` still to be filled in."""
    sandbox = kernel_sandbox(session)
    limits = _resource_limits(session)
    return [
        *limits,
        BUBBLEWRAP,
        *_namespaces(sandbox),
        *_own_users(),
        "--disable-userns",
        "--die-with-parent",
        *("--unsetenv", "JPY_PARENT_PID"),  # a process that the kernel cannot see, and would end without
        *_own_view(),
        *_files(sandbox),
        *_seal(sandbox, FILTER),
        "--",
    ]


def _system(programs: Iterable[Path]) -> tuple[Mount, ...]:
    return (
        *(Mount(path, path) for path in (*SYSTEM, *programs)),
        *(Mount(path, path, optional=True) for path in SYSTEM_FILES),
    )


def _researchers(session: Session) -> tuple[Mount, ...]:
    """What belongs to the person and the project, and is seen by server and kernels alike."""
    inside, outside = session.places, session.outside
    copies = (Mount(copy.path, inside.data / copy.path.name) for copy in session.copies)
    return (
        Mount(outside.work, inside.work, writable=True),
        Mount(outside.project, inside.project, writable=True),
        Mount(outside.incoming, inside.incoming),
        Mount(outside.gate, inside.gate),
        *copies,
    )


def _namespaces(sandbox: Sandbox) -> list[str]:
    every = ("ipc", "pid", "net", "uts", "cgroup")
    return [*(f"--unshare-{each}" for each in every), "--hostname", sandbox.hostname, "--new-session"]


def _own_users() -> list[str]:
    """A namespace of users in which there is one, without rights."""
    number = str(NOBODY_IN_PARTICULAR)
    return ["--unshare-user", "--uid", number, "--gid", number, "--cap-drop", "ALL"]


def _capabilities(*names: str) -> list[str]:
    return [word for name in names for word in ("--cap-add", f"CAP_{name}")]


def _dropping(account: Account) -> list[str]:
    return [
        *("/usr/bin/setpriv", f"--reuid={account.uid}", f"--regid={account.gid}", "--clear-groups"),
        *("--no-new-privs", "--inh-caps=-all", "--bounding-set=-all", "--"),
    ]


def _resource_limits(session: Session) -> list[str]:
    """Limits of each process, by prlimit(1): they hold where no cgroup does."""
    limits = session.limits
    return [
        *("/usr/bin/choom", "-n", str(FIRST_TO_END), "--"),
        "/usr/bin/prlimit",
        "--core=0",
        f"--nproc={limits.processes}",
        f"--fsize={limits.disk * MEBIBYTE}",
        f"--data={limits.memory * MEBIBYTE}",
        "--nofile=4096",
        "--memlock=65536",
        "--msgqueue=0",
        "--",
    ]


def _own_view() -> list[str]:
    """The processes of this sandbox, and the devices that everybody may use."""
    shared = _memory(Memory(Path("/dev/shm"), SHARED_MEMORY))  # noqa: S108 - of the sandbox alone
    return ["--proc", "/proc", "--dev", "/dev", *shared, "--remount-ro", "/dev"]


def _files(sandbox: Sandbox) -> list[str]:
    """The file system, in the order in which it is made: memory, folders, mounts."""
    made = [word for each in sandbox.memory for word in _memory(each)]
    made += [word for folder in _parents(sandbox) for word in ("--perms", "0755", "--dir", str(folder))]
    made += [word for name in SYSTEM_LINKS for word in ("--symlink", f"usr/{name}", f"/{name}")]
    return [*made, *(word for mount in sandbox.mounts for word in _mount(mount))]


def _seal(sandbox: Sandbox, seccomp: int | str) -> list[str]:
    """Nothing more can be made, and from here on the filter holds."""
    return ["--remount-ro", "/", "--chdir", str(sandbox.chdir), "--seccomp", str(seccomp)]


def _memory(memory: Memory) -> list[str]:
    return ["--perms", "1777", "--size", str(memory.limit * MEBIBYTE), "--tmpfs", str(memory.target)]


def _mount(mount: Mount) -> list[str]:
    option = ("--bind" if mount.writable else "--ro-bind") + ("-try" if mount.optional else "")
    return [option, str(mount.source), str(mount.target)]


def _parents(sandbox: Sandbox) -> list[Path]:
    """The folders above all that is mounted, from the top down: bubblewrap would make them for root alone."""
    targets = [mount.target for mount in sandbox.mounts] + list(sandbox.folders)
    found = {parent for target in targets for parent in target.parents} | set(sandbox.folders)
    in_memory = {each.target for each in sandbox.memory}
    return sorted(found - {Path("/"), Path(), *SYSTEM} - in_memory, key=lambda path: (len(path.parts), str(path)))
