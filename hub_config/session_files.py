"""The files of a session: what the hub writes before a notebook server starts, and takes away after it."""

import json
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

from hub_config.session import KERNEL, Session, kernelspec, lab_page, server_configuration
from hub_config.settings import make_private


def write_files(session: Session, examples: Path) -> None:
    """Make the session's folders (mode 700), its kernelspec and configuration, and its copy of the examples.

    Raises `UnsafeFolder` where another user has a hand in one of the folders.
    """
    for folder in session.folders:
        make_private(folder)
    _write_json(session.configuration / "kernels" / KERNEL / "kernel.json", kernelspec(session))
    _write_json(
        session.configuration / "jupyter_server_config.json",
        server_configuration(session, as_root=os.geteuid() == 0),
    )
    _write_json(session.configuration / "labconfig" / "page_config.json", lab_page(session))
    _link_for_proxy(session.server_socket)
    _copy_examples(examples, session.workspace / "examples")


def remove_sockets(folder: Path) -> None:
    """Take a session's sockets away. The folder is ours and holds nothing else."""
    shutil.rmtree(folder, ignore_errors=True)


def _write_json(path: Path, content: dict[str, Any]) -> None:
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    temporary.replace(path)


def _link_for_proxy(socket: Path) -> None:
    """The hub writes a port behind every address, and the proxy takes it for part of the socket's name."""
    link = socket.with_name(socket.name + ":80")
    with suppress(FileExistsError):
        link.symlink_to(socket.name)


def _copy_examples(examples: Path, target: Path) -> None:
    """The notebooks among the examples, unless the researcher has a folder of that name already."""
    if os.path.lexists(target):
        return
    make_private(target)
    for notebook in sorted(examples.glob("*.ipynb")):
        shutil.copyfile(notebook, target / notebook.name)
