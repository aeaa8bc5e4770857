"""Files that a person plants in her work, to be run by what starts later: the trusted server, or the next session.

Each leaves a mark when it is run. An attempt succeeds when, after a new start, its mark is there.
"""

import sys
from dataclasses import dataclass

from tests.hub_config.escape.attempt import Attempt, Closed, Control, Family, add

MARKS = "marks-of-what-ran"
"""A folder in the person's work, which is made when a plant has run."""

HOME = "the server's home, configuration and path of modules lie where kernels cannot write"
IPYTHON = "kernels start with an IPython folder in memory, which is new for each"
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"


@dataclass(frozen=True)
class Plant:
    """A file below the work folder, and a program that runs it where nothing protects it.

    `program` is one of the interpreters: of the service, of kernels, the one that both were made from, or a shell.
    """

    name: str
    path: str
    program: str
    arguments: tuple[str, ...]
    for_shell: bool = False

    def text(self) -> str:
        """What is planted: it leaves a mark, in the folder that its home is."""
        if self.for_shell:
            return f'mkdir -p "$HOME/{MARKS}/{self.name}"\n'
        return f"import os; os.makedirs(os.path.join(os.environ['HOME'], {MARKS!r}, {self.name!r}), exist_ok=True)\n"


PLANTS: dict[str, Plant] = {}


def _later(_: object) -> str:
    raise Closed("whether it ran is seen after a new start")


def _plant(
    name: str, tries: str, path: str, program: str, *arguments: str, stops: str = HOME, for_shell: bool = False
) -> None:
    PLANTS[name] = Plant(name, path, program, arguments, for_shell)
    add(Attempt(name, Family.PLANTED, tries, stops, Control.PROGRAM, _later))


_SERVER = ("-m", "jupyter_server", "--show-config")
_plant(
    "planted_module",
    "Plant a module with the name of one that the server loads (tornado.py).",
    "tornado.py",
    "service",
    *_SERVER,
)
_plant(
    "planted_server",
    "Plant a module with the server's own name (jupyter_server.py).",
    "jupyter_server.py",
    "service",
    *_SERVER,
)
_plant(
    "planted_configuration",
    "Plant a configuration of the server.",
    ".jupyter/jupyter_server_config.py",
    "service",
    *_SERVER,
)
_plant(
    "planted_configuration_of_jupyter",
    "Plant a configuration of all of Jupyter.",
    ".jupyter/jupyter_config.py",
    "service",
    *_SERVER,
)
_plant(
    "planted_site",
    "Plant a module that Python loads as it starts (usercustomize).",
    f".local/lib/python{VERSION}/site-packages/usercustomize.py",
    "base",
    "-c",
    "pass",
)
_plant(
    "planted_path",
    "Plant a file of paths, whose lines Python runs (.pth).",
    f".local/lib/python{VERSION}/site-packages/planted.pth",
    "base",
    "-c",
    "pass",
)
_plant(
    "planted_startup",
    "Plant a start-up script of IPython.",
    ".ipython/profile_default/startup/00-planted.py",
    "kernel",
    "-m",
    "IPython",
    "-c",
    "pass",
    stops=IPYTHON,
)
_plant(
    "planted_ipython_configuration",
    "Plant a configuration of IPython.",
    ".ipython/profile_default/ipython_config.py",
    "kernel",
    "-m",
    "IPython",
    "-c",
    "pass",
    stops=IPYTHON,
)
_plant(
    "planted_profile",
    "Plant a profile of the shell.",
    ".profile",
    "shell",
    "-l",
    "-c",
    "true",
    stops="the server is started by no shell",
    for_shell=True,
)
