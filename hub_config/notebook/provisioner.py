"""Starts each kernel in a sandbox of its own, within the notebook server's.

A kernel's folder holds its connection file, which it can read, and its channels, which it shares with the server. It
gets no descriptor of the server's, no variable of its environment but the name of its notebook, and nothing that it
prints reaches a log: what it writes past the channels goes nowhere.
"""

import asyncio
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from tornado.web import HTTPError
from traitlets import Int, List, Unicode

from hub_config.descriptors import filter_of
from hub_config.notebook.disk import kept_open, used
from hub_config.sandbox import CHANNELS, FILTER, KERNEL_FOLDER
from hub_config.seccomp import Tenant
from hub_config.session import MEBIBYTE

SECONDS_TO_BEGIN = 20.0
SECONDS_BETWEEN_LOOKS = 0.02
SECONDS_BETWEEN_COUNTS = 2.0

SESSION_NAME = "JPY_SESSION_NAME"
"""Names its notebook to a kernel, as Jupyter does: the one variable that it gets beside the kernelspec's."""

KILLED = (-signal.SIGKILL, 128 + signal.SIGKILL)


class KernelEnded(HTTPError):
    """A kernel could not start, or ended as it started. The sentence is for the person who asked for it."""

    def __init__(self, sentence: str) -> None:
        super().__init__(503, sentence, reason=sentence)


class SandboxProvisioner(LocalProvisioner):
    """The kernelspec names it (`metadata.kernel_provisioner`), with the arguments of the sandbox."""

    arguments = List(Unicode(), help="What stands before the kernel's command.").tag(config=True)
    folder = Unicode(help="Where each kernel has a folder for its connection file and channels.").tag(config=True)
    disk_folders = List(Unicode(), help="The folders that kernels write to.").tag(config=True)
    disk = Int(help="MiB that each of these folders may hold.").tag(config=True)
    memory = Int(help="MiB of memory of the session, for what is said when a kernel is killed.").tag(config=True)

    watcher: "asyncio.Task[None] | None" = None
    reason: str | None = None
    """Why the kernel ended, where it was ended from here."""
    status: int | None = None
    """How the kernel ended, where nobody asked it to."""
    asked_to_end = False

    @property
    def kernel_folder(self) -> Path:
        return Path(self.folder) / str(self.kernel_id)

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Make the kernel's folder and its command. Raises `KernelEnded` while there is no room on the disk."""
        await self._check_disk()
        folder = self.kernel_folder
        shutil.rmtree(folder, ignore_errors=True)
        (folder / CHANNELS).mkdir(parents=True, mode=0o700)
        if self.parent is not None:
            self.parent.connection_file = str(folder / "connection.json")
            self.parent.ip = str(folder / CHANNELS / "c")
        kwargs = await super().pre_launch(**kwargs)
        spec = self.kernel_spec
        name = kwargs.get("env", {}).get(SESSION_NAME)
        kwargs["env"] = (dict(spec.env) if spec is not None else {}) | ({SESSION_NAME: name} if name else {})
        kwargs["cwd"] = "/" if self.arguments else kwargs.get("cwd")
        return kwargs | dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Start the kernel and wait until it listens. Raises `KernelEnded` if it ends before."""
        self.reason, self.status, self.asked_to_end = None, None, False
        with filter_of(Tenant.KERNEL) as descriptor:
            filled = {KERNEL_FOLDER: str(self.kernel_folder), FILTER: str(descriptor)}
            command = [*(_fill(word, filled) for word in self.arguments), *cmd]
            passed = {"pass_fds": (descriptor,)} if self.arguments else {}
            info = await super().launch_kernel(command, **kwargs, **passed)
        await self._begun()
        self.watcher = asyncio.create_task(self._watch_disk())
        return info

    async def cleanup(self, restart: bool = False) -> None:
        if self.watcher is not None:
            self.watcher.cancel()
            self.watcher = None
        await super().cleanup(restart)
        if not restart:
            shutil.rmtree(self.kernel_folder, ignore_errors=True)

    async def poll(self) -> int | None:
        """Whether the kernel runs (None), and if not, with which status it ended."""
        running, status = self.process is not None, await super().poll()
        if running and status is not None and not self.asked_to_end and self.status is None:
            self.status = status
        return status

    async def kill(self, restart: bool = False) -> None:
        self.asked_to_end = True
        await super().kill(restart)

    async def terminate(self, restart: bool = False) -> None:
        self.asked_to_end = True
        await super().terminate(restart)

    async def shutdown_requested(self, restart: bool = False) -> None:
        self.asked_to_end = True
        await super().shutdown_requested(restart)

    @property
    def ended(self) -> str | None:
        """Why the kernel ended without being asked to by its person, or None."""
        return self.reason or (None if self.status is None else self.why_ended(self.status))

    def why_ended(self, status: int | None) -> str:
        """A sentence for the person whose kernel ended without being asked to."""
        if self.reason is not None:
            return self.reason
        if status in KILLED:
            return (
                f"The kernel was killed, most often because the session's memory ({self.memory:,} MiB) was used up. "
                "What it held in memory is lost, your files are not. Load less at once, or end other kernels."
            )
        return (
            f"The kernel ended by itself (status {status}). What it held in memory is lost, your files are not. "
            "Run your cells again; if it stays, tell the operator."
        )

    async def _begun(self) -> None:
        """Wait for the kernel's channels: it makes them once it has loaded all that it needs."""
        channels, loop = self.kernel_folder / CHANNELS, asyncio.get_running_loop()
        end = loop.time() + SECONDS_TO_BEGIN
        while loop.time() < end:
            if (status := await self.poll()) is not None:
                raise KernelEnded(f"No kernel could be started. {self.why_ended(status)}")
            if any(channels.iterdir()):
                return
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)

    async def _check_disk(self) -> None:
        if (full := await asyncio.to_thread(self._full)) is not None:
            raise KernelEnded(full)

    async def _watch_disk(self) -> None:
        """End the kernel once one of its folders holds more than it may."""
        while True:
            await asyncio.sleep(SECONDS_BETWEEN_COUNTS)
            self.reason = await asyncio.to_thread(self._full)
            if self.reason is not None:
                self.log.warning("A kernel was ended: a folder holds more than it may.")
                await self.kill()
                return

    def _full(self) -> str | None:
        folders = [Path(folder) for folder in self.disk_folders]
        nameless = kept_open(folders)
        for folder in folders:
            if used(folder, self.disk * MEBIBYTE) + nameless > self.disk * MEBIBYTE:
                return (
                    f"The folder “{folder.name}” holds more than its {self.disk:,} MiB, so the kernel was ended and "
                    "none starts. Delete files there in the file browser, then start a kernel again."
                )
        return None


def _fill(word: str, filled: dict[str, str]) -> str:
    for name, value in filled.items():
        word = word.replace(name, value)
    return word
