"""The files of a session: what the hub writes before a notebook server starts, and takes away after it."""

import json
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

from hub_config.notebook.configuration import settings_overrides
from hub_config.sandbox import kernel_arguments
from hub_config.session import Session, kernelspec, lab_page, server_configuration
from hub_config.settings import make_private

MIGRATED = "migrated"
"""With this file Jupyter does not look for settings of its former versions, and does not want to write here."""

OLD_WORKSPACE = "workspace"
"""Where the first version kept what is now in `home/work`."""


def write_files(session: Session, examples: Path, *, owner: int | None = None) -> None:
    """Make the session's folders (mode 700), its kernelspec and configuration, and its copy of the examples.

    `owner` is the number that the session's folders may belong to beside this user's. Raises `UnsafeFolder` where
    another user has a hand in one of them.
    """
    for folder in session.private_folders:
        if folder == session.outside.work:
            _move_old_workspace(session)
        make_private(folder, owner)
    _write_json(
        session.kernelspec_folder / "kernel.json",
        kernelspec(session, kernel_arguments(session) if session.sandboxed else ()),
    )
    _write_json(
        session.outside.configuration / "jupyter_server_config.json",
        server_configuration(session, as_root=not session.sandboxed and os.geteuid() == 0),
    )
    _write_json(session.outside.configuration / "labconfig" / "page_config.json", lab_page(session))
    _write_json(session.outside.configuration / "labconfig" / "default_setting_overrides.json", settings_overrides())
    (session.outside.configuration / MIGRATED).touch()
    _link_for_proxy(session.server_socket)
    _copy_examples(examples, session.outside.work / "examples")


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


def _move_old_workspace(session: Session) -> None:
    old = session.folder / OLD_WORKSPACE
    if old.is_dir() and not old.is_symlink() and not os.path.lexists(session.outside.work):
        old.rename(session.outside.work)


def _copy_examples(examples: Path, target: Path) -> None:
    """The notebooks among the examples, unless the researcher has a folder of that name already."""
    if os.path.lexists(target):
        return
    make_private(target)
    for notebook in sorted(examples.glob("*.ipynb")):
        shutil.copyfile(notebook, target / notebook.name)
