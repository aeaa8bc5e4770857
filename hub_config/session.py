"""A session: one person in one project. Everything that starts one is derived from the description here.

Nothing in this module reads a file, a clock or the environment: a description goes in, a kernelspec, a server's
configuration, its environment or a text comes out. Another spawner can start the same description elsewhere.
"""

import hashlib
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import quote

from governance.errors import Invalid

KERNEL = "python3"
"""The one kernel that a session offers. Jupyter's own name for it, so that any notebook opens in it."""

SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
KERNEL_THREADS = 2

GATE_VARIABLE = "SAFEROOM_GATE"
"""Names the gate's socket to a kernel, and marks every process of a session."""

GATE_SOCKET = "gate.sock"

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
class Session:
    """One person in one project, with all that she may use there.

    `folder` is the session's own, `sockets` a short folder for its sockets. Raises `MalformedSession` for a
    name that is no lower-case slug of at most 30 characters.
    """

    person: str
    full_name: str
    project: str
    project_name: str
    training_until: date
    copies: tuple[Copy, ...]
    notices: tuple[str, ...]
    folder: Path
    sockets: Path
    python: Path

    def __post_init__(self) -> None:
        for name in (self.person, self.project):
            check_name(name)

    @property
    def workspace(self) -> Path:
        """The researcher's own files; the only part that a kernel means to write to."""
        return self.folder / "workspace"

    @property
    def server_home(self) -> Path:
        """The notebook server's home: its settings and history, apart from the workspace."""
        return self.folder / "server"

    @property
    def configuration(self) -> Path:
        """What the hub writes and the notebook server only reads."""
        return self.folder / "configuration"

    @property
    def scratch(self) -> Path:
        """Caches of the kernel's libraries."""
        return self.folder / "scratch"

    @property
    def server_socket(self) -> Path:
        return self.sockets / "server.sock"

    @property
    def gate_socket(self) -> Path:
        return self.sockets / GATE_SOCKET

    @property
    def kernel_files(self) -> Path:
        """Connection files and channels of the kernels."""
        return self.sockets / "k"

    @property
    def folders(self) -> tuple[Path, ...]:
        kernelspec = self.configuration / "kernels" / KERNEL
        return (
            self.folder,
            self.workspace,
            self.server_home,
            self.configuration,
            kernelspec.parent,
            kernelspec,
            self.configuration / "labconfig",
            self.scratch,
            self.sockets,
            self.kernel_files,
        )


def check_name(name: str) -> None:
    """Raise `MalformedSession` unless `name` is a lower-case slug that paths, addresses and the hub all accept."""
    if not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
        raise MalformedSession(
            f"“{name[:_LONGEST_NAME]}” cannot name a session: lower-case letters, digits and single hyphens, "
            f"beginning with a letter, at most {_LONGEST_NAME} characters. Ask the operator to correct the register."
        )


def session_folder(sessions: Path, person: str, project: str) -> Path:
    """Where a session keeps its files. No two sessions share one, since no name holds a double hyphen."""
    check_name(person)
    check_name(project)
    return sessions / f"{person}--{project}"


def socket_folder(run: Path, person: str, project: str) -> Path:
    """A folder with a short name for a session's sockets."""
    return run / hashlib.sha256(f"{person}--{project}".encode()).hexdigest()[:12]


def gate_socket(run: Path, person: str, project: str) -> Path:
    """Where a session's gate is, for who knows no more of the session than its name."""
    return socket_folder(run, person, project) / GATE_SOCKET


def socket_url(socket: Path) -> str:
    """The address of a UNIX socket as JupyterHub and its proxy write it."""
    return "http+unix://" + quote(str(socket), safe="")


def kernel_environment(session: Session) -> dict[str, str]:
    """The whole environment of a kernel: no token and nothing of the hub (I12)."""
    threads = {
        f"{library}_NUM_THREADS": str(KERNEL_THREADS) for library in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "ARROW")
    }
    return {
        "HOME": str(session.workspace),
        "PATH": f"{session.python.parent}:{SYSTEM_PATH}",
        "LANG": "C.UTF-8",
        GATE_VARIABLE: str(session.gate_socket),
        "MPLCONFIGDIR": str(session.scratch / "matplotlib"),
    } | threads


def kernelspec(session: Session) -> dict[str, Any]:
    """The kernel, started through `env -i` so that nothing of the server's environment reaches it."""
    variables = [f"{name}={value}" for name, value in kernel_environment(session).items()]
    launch = [str(session.python), "-P", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    return {
        "argv": ["/usr/bin/env", "-i", *variables, *launch],
        "display_name": f"Python ({session.project_name})",
        "language": "python",
        "interrupt_mode": "signal",
        "metadata": {"debugger": False},
    }


def server_configuration(session: Session, *, as_root: bool) -> dict[str, Any]:
    """The notebook server's configuration (its `jupyter_server_config.json`)."""
    return {
        "ServerApp": {
            "sock": str(session.server_socket),
            "sock_mode": "0600",
            "root_dir": str(session.workspace),
            "allow_root": as_root,
            "terminals_enabled": False,
            "disable_check_xsrf": False,
            "jpserver_extensions": {"jupyter_server_terminals": False, "jupyter_lsp": False},
        },
        "KernelSpecManager": {"allowed_kernelspecs": [KERNEL], "ensure_native_kernel": False},
        "MultiKernelManager": {"default_kernel_name": KERNEL},
        "KernelManager": {"transport": "ipc"},
        "LabApp": {
            "extension_manager": "readonly",
            "news_url": None,
            "check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
        },
    }


def lab_page(session: Session) -> dict[str, Any]:
    """What JupyterLab's page leaves out (its `page_config.json`): what is closed here, and what asks the internet."""
    closed = (
        "@jupyterlab/apputils-extension:announcements",
        "@jupyterlab/extensionmanager-extension",
        "@jupyterlab/terminal-extension",
    )
    return {"appName": f"Saferoom · {session.project_name}", "disabledExtensions": dict.fromkeys(closed, True)}


def server_environment(session: Session, from_hub: Mapping[str, str]) -> dict[str, str]:
    """The notebook server's environment, named variable by variable.

    `from_hub` is what JupyterHub would give it; only `HUB_VARIABLES` are taken. The hub token among them is the
    one secret that a notebook server holds.
    """
    kept = {name: value for name, value in from_hub.items() if name in HUB_VARIABLES}
    return kept | {
        "HOME": str(session.server_home),
        "PATH": f"{session.python.parent}:{SYSTEM_PATH}",
        "LANG": "C.UTF-8",
        GATE_VARIABLE: str(session.gate_socket),
        "PYTHONSAFEPATH": "1",
        "PYTHONNOUSERSITE": "1",
        "JUPYTERHUB_DISABLE_USER_CONFIG": "1",
        "JUPYTERHUB_SERVICE_URL": socket_url(session.server_socket) + from_hub.get("JUPYTERHUB_SERVICE_PREFIX", "/"),
        "JUPYTERHUB_ROOT_DIR": str(session.workspace),
        "JUPYTERHUB_DEFAULT_URL": "/lab",
        "JUPYTER_CONFIG_DIR": str(session.configuration),
        "JUPYTER_PATH": str(session.configuration),
        "JUPYTER_DATA_DIR": str(session.server_home / "data"),
        "JUPYTER_RUNTIME_DIR": str(session.kernel_files),
        "JUPYTERLAB_SETTINGS_DIR": str(session.server_home / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(session.server_home / "workspaces"),
    }


def server_command() -> list[str]:
    """The notebook server, in the service's own environment: no package that researchers asked for is loaded by it."""
    return [sys.executable, "-P", "-m", "jupyterhub.singleuser"]


@dataclass(frozen=True)
class StartPage:
    """What a person reads before she starts a session."""

    project: str
    datasets: tuple[tuple[str, str], ...]
    sentences: tuple[str, ...]
    notices: tuple[str, ...]


def start_page(session: Session, today: date) -> StartPage:
    """The start page's words: the project, its data, what is left of the right, and how results leave."""
    datasets = tuple((copy.dataset, f"v{copy.version}, {counted(copy.rows, 'row')}") for copy in session.copies)
    no_data = () if datasets else ("No data has been provided to this project yet. Ask the data steward.",)
    return StartPage(
        project=session.project_name,
        datasets=datasets,
        sentences=(
            *no_data,
            training_sentence(session.training_until, today),
            "The rules do not let you take anything out by download; statistics leave through review.",
        ),
        notices=session.notices,
    )


def training_sentence(training_until: date, today: date) -> str:
    days = (training_until - today).days
    if days < 0:
        return f"Your training ended on {training_until:%-d %B %Y}."
    return "Your training expires today." if days == 0 else f"Your training expires in {counted(days, 'day')}."


def counted(number: int, noun: str) -> str:
    """`1 day`, `20,190 rows`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
