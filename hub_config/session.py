"""A session: one person in one project. Everything that starts one is derived from the description here.

Nothing in this module reads a file, a clock or the environment: a description goes in, a kernelspec, a server's
configuration or its environment comes out. Another spawner can start the same description elsewhere.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import quote

from governance.errors import Invalid
from hub_config.notebook.configuration import locked_configuration, page_configuration

KERNEL = "python3"
"""The one kernel that a session offers. Jupyter's own name for it, so that any notebook opens in it."""

SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
KERNEL_THREADS = 2

GATE_VARIABLE = "SAFEROOM_GATE"
"""Names the gate's socket to a kernel."""

SESSION_VARIABLE = "SAFEROOM_SESSION"
"""Marks every trusted process of a session, for whoever has to end what is left of it. Kernels do not have it."""

HUB_GATE_VARIABLE = "SAFEROOM_HUB_GATE"
"""Names the notebook server's own gate, to the hub, to it."""

DATA_VARIABLE = "SAFEROOM_DATA"
"""Names the folder of the project copies to a kernel."""

GATE_SOCKET = "gate.sock"
HUB_GATE_SOCKET = "hub.sock"
SERVER_SOCKET = "server.sock"

MEBIBYTE = 1024 * 1024

HUB_API = "/hub/api"
PROVISIONER = "saferoom-sandbox"

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LONGEST_NAME = 30

HUB_VARIABLES = frozenset(
    {
        "JUPYTERHUB_ACTIVITY_URL",
        "JUPYTERHUB_API_TOKEN",
        "JUPYTERHUB_API_URL",
        "JUPYTERHUB_BASE_URL",
        "JUPYTERHUB_CLIENT_ID",
        "JUPYTERHUB_COOKIE_HOST_PREFIX_ENABLED",
        "JUPYTERHUB_COOKIE_OPTIONS",
        "JUPYTERHUB_HOST",
        "JUPYTERHUB_OAUTH_ACCESS_SCOPES",
        "JUPYTERHUB_OAUTH_CALLBACK_URL",
        "JUPYTERHUB_OAUTH_CLIENT_ALLOWED_SCOPES",
        "JUPYTERHUB_OAUTH_SCOPES",
        "JUPYTERHUB_PUBLIC_HUB_URL",
        "JUPYTERHUB_PUBLIC_URL",
        "JUPYTERHUB_SERVER_NAME",
        "JUPYTERHUB_SERVICE_PREFIX",
        "JUPYTERHUB_USER",
    }
)
"""What a notebook server is told by the hub; anything else that the hub would pass on is left out."""


class MalformedSession(Invalid):
    """A person's or project's name that cannot be part of a path or an address."""


@dataclass(frozen=True)
class Copy:
    """A project copy that a session may read."""

    dataset: str
    version: int
    rows: int
    path: Path


@dataclass(frozen=True)
class Limits:
    """What a session may use at most. Raises `MalformedSession` for a number below one.

    `memory`: MiB, of all its processes together; `processes`: how many at once; `cpus`: hundredths of one processor;
    `disk`: MiB, of its project's people together and of each person in it; `scratch`: MiB of temporary files, which lie
    in memory; `output`: MiB that may cross to the browser in a day; `idle`: minutes without any use.
    """

    memory: int = 4096
    processes: int = 256
    cpus: int = 200
    disk: int = 10240
    scratch: int = 512
    output: int = 64
    idle: int = 120

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value < 1:
                raise MalformedSession(f"A session's limit of {name} is {value}: it has to be one or more.")


@dataclass(frozen=True)
class Programs:
    """What a session runs, and where all of it lies.

    `server` and `kernel` are interpreters; the folders are what each needs of this machine, to be seen and not written.
    A kernel sees nothing of the server's.
    """

    server: Path
    kernel: Path
    kernel_folders: tuple[Path, ...] = ()
    server_folders: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Places:
    """Where a session's processes find what is theirs."""

    home: Path
    work: Path
    project: Path
    incoming: Path
    data: Path
    scratch: Path
    gate: Path
    hub_gate: Path
    server: Path
    kernels: Path
    server_home: Path
    configuration: Path


INSIDE = Places(
    home=Path("/home/researcher"),
    work=Path("/home/researcher/work"),
    project=Path("/home/researcher/project"),
    incoming=Path("/home/researcher/incoming"),
    data=Path("/data"),
    scratch=Path("/tmp"),  # noqa: S108 - of the sandbox alone
    gate=Path("/run/saferoom/gate"),
    hub_gate=Path("/run/saferoom/hub"),
    server=Path("/run/saferoom/server"),
    kernels=Path("/run/saferoom/k"),
    server_home=Path("/srv/saferoom/server"),
    configuration=Path("/srv/saferoom/configuration"),
)
"""How a sandbox looks from within: the same for everybody, and nothing of the machine's own paths.

What people write to is two folders within a home that nobody can write to, so that no link that they make there can
stand where something is mounted.
"""


@dataclass(frozen=True)
class Session:
    """One person in one project, with all that she may use there.

    `folder` is the session's own, `shared` that of all members of the project, `incoming` what was brought in for the
    project (nobody in it writes there), `sockets` a short folder for sockets.
    `sandboxed` is false only where the operator named the sandbox as a protection to do without. Raises
    `MalformedSession` for a name that is no lower-case slug of at most 30 characters.
    """

    person: str
    full_name: str
    project: str
    project_name: str
    training_until: date
    copies: tuple[Copy, ...]
    notices: tuple[str, ...]
    folder: Path
    shared: Path
    incoming: Path
    sockets: Path
    programs: Programs
    limits: Limits = field(default_factory=Limits)
    sandboxed: bool = True

    def __post_init__(self) -> None:
        for name in (self.person, self.project):
            check_name(name)

    @property
    def name(self) -> str:
        """A name that no other session has."""
        return session_name(self.person, self.project)

    @property
    def outside(self) -> Places:
        """Where this machine keeps what the session's processes see."""
        home = self.folder / "home"
        return Places(
            home=home,
            work=home / "work",
            project=self.shared,
            incoming=self.incoming,
            data=self.copies[0].path.parent if self.copies else self.folder / "data",
            scratch=self.folder / "scratch",
            gate=self.sockets / "gate",
            hub_gate=self.sockets / "hub",
            server=self.sockets / "server",
            kernels=self.sockets / "k",
            server_home=self.folder / "server",
            configuration=self.folder / "configuration",
        )

    @property
    def places(self) -> Places:
        """Where the session's own processes find things."""
        return INSIDE if self.sandboxed else self.outside

    @property
    def server_socket(self) -> Path:
        """The notebook server's socket, as the proxy finds it."""
        return self.outside.server / SERVER_SOCKET

    @property
    def kernelspec_folder(self) -> Path:
        return self.outside.configuration / "kernels" / KERNEL

    @property
    def private_folders(self) -> tuple[Path, ...]:
        """The folders that the session has for itself, parents first."""
        outside = self.outside
        return (
            self.folder,
            outside.home,
            outside.work,
            outside.server_home,
            outside.configuration,
            self.kernelspec_folder.parent,
            self.kernelspec_folder,
            outside.configuration / "labconfig",
            outside.scratch,
            self.sockets,
            outside.gate,
            outside.hub_gate,
            outside.server,
            outside.kernels,
        )


def check_name(name: str) -> None:
    """Raise `MalformedSession` unless `name` is a lower-case slug that paths, addresses and the hub all accept."""
    if not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
        raise MalformedSession(
            f"“{name[:_LONGEST_NAME]}” cannot name a session: lower-case letters, digits and single hyphens, "
            f"beginning with a letter, at most {_LONGEST_NAME} characters. Ask the operator to correct the register."
        )


def session_name(person: str, project: str) -> str:
    """A session's name. No two sessions share one, since no name of a person or project holds a double hyphen."""
    check_name(person)
    check_name(project)
    return f"{person}--{project}"


def session_folder(sessions: Path, person: str, project: str) -> Path:
    """Where a session keeps its files."""
    return sessions / session_name(person, project)


def socket_folder(run: Path, person: str, project: str) -> Path:
    """A folder with a short name for a session's sockets."""
    return run / hashlib.sha256(session_name(person, project).encode()).hexdigest()[:12]


def gate_socket(run: Path, person: str, project: str) -> Path:
    """Where a session's gate is, for who knows no more of the session than its name."""
    return socket_folder(run, person, project) / "gate" / GATE_SOCKET


def hub_gate_socket(run: Path, person: str, project: str) -> Path:
    """Where the gate of the session's notebook server to the hub is."""
    return socket_folder(run, person, project) / "hub" / HUB_GATE_SOCKET


def socket_url(socket: Path) -> str:
    """The address of a UNIX socket as JupyterHub and its proxy write it."""
    return "http+unix://" + quote(str(socket), safe="")


def kernel_environment(session: Session) -> dict[str, str]:
    """The whole environment of a kernel: no token and nothing of the hub (I12)."""
    places = session.places
    threads = {
        f"{library}_NUM_THREADS": str(KERNEL_THREADS) for library in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "ARROW")
    }
    return {
        "HOME": str(places.work),
        "PATH": f"{session.programs.kernel.parent}:{SYSTEM_PATH}",
        "LANG": "C.UTF-8",
        GATE_VARIABLE: str(places.gate / GATE_SOCKET),
        DATA_VARIABLE: str(places.data),
        "IPYTHONDIR": str(places.scratch / "ipython"),  # nothing that a kernel left can keep the next one from starting
        "MPLCONFIGDIR": str(places.scratch / "matplotlib"),
        "XDG_CACHE_HOME": str(places.scratch / "cache"),
        "TMPDIR": str(places.scratch),
    } | threads


def kernelspec(session: Session, sandbox: Sequence[str]) -> dict[str, Any]:
    """The kernel as Jupyter describes one. Its provisioner puts it into a sandbox, with this environment alone.

    `sandbox` is what comes before its command; empty without a sandbox.
    """
    places, limits = session.places, session.limits
    provisioner = {
        "arguments": list(sandbox),
        "folder": str(places.kernels),
        "disk_folders": [str(places.work), str(places.project)],
        "disk": limits.disk,
        "memory": limits.memory,
    }
    return {
        "argv": [str(session.programs.kernel), "-P", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "env": kernel_environment(session),
        "display_name": f"Python ({session.project_name})",
        "language": "python",
        "interrupt_mode": "message",
        "metadata": {"debugger": False, "kernel_provisioner": {"provisioner_name": PROVISIONER, "config": provisioner}},
    }


def server_configuration(session: Session, *, as_root: bool) -> dict[str, Any]:
    """The notebook server's configuration (its `jupyter_server_config.json`): locked, and on its own socket."""
    places = session.places
    locked = locked_configuration(
        root=places.home,
        server_home=places.server_home,
        kernel=KERNEL,
        bytes_a_day=session.limits.output * MEBIBYTE,
    )
    own = {"sock": str(places.server / SERVER_SOCKET), "sock_mode": "0600", "allow_root": as_root}
    opened_in = {"preferred_dir": places.work.relative_to(places.home).as_posix()}
    return locked | {"ServerApp": locked["ServerApp"] | own, "LockedContents": locked["LockedContents"] | opened_in}


def lab_page(session: Session) -> dict[str, Any]:
    """What JupyterLab's page leaves out (its `page_config.json`): what is closed here, and what asks the internet."""
    return page_configuration(name=f"Saferoom · {session.project_name}")


def server_environment(session: Session, from_hub: Mapping[str, str]) -> dict[str, str]:
    """The notebook server's environment, named variable by variable.

    `from_hub` is what JupyterHub would give it; only `HUB_VARIABLES` are taken. The hub token among them is the
    one secret that a notebook server holds. The hub itself it reaches through a gate of its own.
    """
    places = session.places
    kept = {name: value for name, value in from_hub.items() if name in HUB_VARIABLES}
    hub_gate, prefix = places.hub_gate / HUB_GATE_SOCKET, from_hub.get("JUPYTERHUB_SERVICE_PREFIX", "/")
    return kept | {
        "HOME": str(places.server_home),
        "PATH": f"{session.programs.server.parent}:{SYSTEM_PATH}",
        "LANG": "C.UTF-8",
        SESSION_VARIABLE: str(session.sockets),
        HUB_GATE_VARIABLE: str(hub_gate),
        "PYTHONSAFEPATH": "1",
        "PYTHONNOUSERSITE": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "JUPYTERHUB_DISABLE_USER_CONFIG": "1",
        "JUPYTERHUB_API_URL": socket_url(hub_gate) + HUB_API,
        "JUPYTERHUB_ACTIVITY_URL": f"{socket_url(hub_gate)}{HUB_API}/users/{session.person}/activity",
        "JUPYTERHUB_SERVICE_URL": socket_url(places.server / SERVER_SOCKET) + prefix,
        "JUPYTERHUB_ROOT_DIR": str(places.home),
        "JUPYTERHUB_DEFAULT_URL": "/lab",
        "JUPYTER_CONFIG_DIR": str(places.configuration),
        "JUPYTER_PATH": str(places.configuration),
        "JUPYTER_DATA_DIR": str(places.server_home / "data"),
        "JUPYTER_RUNTIME_DIR": str(places.server_home / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(places.server_home / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(places.server_home / "workspaces"),
    }


def server_command(session: Session) -> list[str]:
    """The notebook server, in the service's own environment: no package that researchers asked for is loaded by it."""
    return [str(session.programs.server), "-P", "-m", "jupyterhub.singleuser"]
