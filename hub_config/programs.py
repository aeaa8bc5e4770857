"""Where on this machine the programs of a session lie: interpreters, their environments, and our own code."""

import functools
import sys
from pathlib import Path

import governance
import hub_config
from hub_config.session import Programs
from hub_config.settings import absolute

SEEN_ANYWAY = Path("/usr")


@functools.cache
def programs(kernel: Path) -> Programs:
    """What sessions run: the server from this environment, kernels from the environment of the interpreter `kernel`."""
    server = absolute(Path(sys.executable))
    code = (Path(package.__path__[0]) for package in (governance, hub_config))
    return Programs(
        server=server,
        kernel=kernel,
        kernel_folders=_outermost(_environment(kernel)),
        server_folders=_outermost([*_environment(server), *code]),
    )


def _environment(python: Path) -> list[Path]:
    """The folders that an interpreter needs: its environment, and those that its links lead to."""
    folders, path = [python.parent.parent], python
    while path.is_symlink():
        path = absolute(path.parent / path.readlink())
        folders.append(path.parent.parent)
    return [*folders, python.resolve().parent.parent]


def _outermost(folders: list[Path]) -> tuple[Path, ...]:
    """Each folder once, without those that lie within another one."""
    wanted = {folder for folder in folders if not folder.is_relative_to(SEEN_ANYWAY)}
    return tuple(sorted(folder for folder in wanted if not wanted & set(folder.parents)))
