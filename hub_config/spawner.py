"""Starts, watches and stops sessions: a trusted notebook server for each, with its gate.

The kernel is still a plain process of the same user; the sandbox will wrap the same description.
"""

import asyncio
import os
import resource
import subprocess
from collections.abc import AsyncIterator, Callable
from typing import Any

from jupyterhub.spawner import LocalProcessSpawner, SpawnException
from tornado.httpserver import HTTPServer
from traitlets import Callable as CallableTrait
from traitlets import Instance

from governance.errors import SaferoomError
from hub_config import processes, register
from hub_config.gate import Beyond, close_gate, open_gate
from hub_config.installation import Installation
from hub_config.session import (
    GATE_VARIABLE,
    Session,
    gate_socket,
    server_command,
    server_environment,
    socket_folder,
    socket_url,
    start_page,
)
from hub_config.session_files import remove_sockets, write_files
from hub_config.settings import OUTPUTS_PREFIX
from hub_config.start_form import render

NO_PROJECT = "A session belongs to a project. Go to your home page and start the session of one of your projects."
DIED_AT_ONCE = "The session's notebook server ended as it started. Try again; if it stays, tell the operator."
SESSION_API = OUTPUTS_PREFIX + "api/session"
SECONDS_BETWEEN_LOOKS = 0.05


def refused(sentence: str, status: int = 403) -> SpawnException:
    """The error with which the hub shows a sentence to the person who asked for a session."""
    error = SpawnException(sentence, reason="Refused", status_code=status)
    error.jupyterhub_message = sentence  # what the hub's forms show of an error
    return error


class SessionSpawner(LocalProcessSpawner):
    """A named server of the hub is a session; its name is the project's id.

    Starting one asks the register. So does every poll, and stops the session once a right has ended (I10).
    """

    installation = Instance(Installation, help="Settings, register and secrets of this installation.").tag(config=True)
    sign_stamp = CallableTrait(help="sign(key, person, project) makes the stamp of a call from a session.").tag(
        config=True
    )

    gate: HTTPServer | None = None
    identity: str | None = None
    session: Session | None = None
    recorded = False
    """Whether the audit chain has the session's start, and waits for its end."""

    async def get_options_form(self) -> str:
        """The start page. Raises HTTP 403 with the reason if this session may not start."""
        if self.name:
            return render(start_page(await self._permitted(), register.today()))
        if self.handler is not None and self.handler.request.method == "GET":
            raise refused(NO_PROJECT)
        return ""  # the hub renders this form beside the error of another one

    def options_from_query(self, query_data: dict[str, list[str]]) -> dict[str, str]:
        return {}

    def run_options_from_form(self, form_data: dict[str, list[str]]) -> dict[str, str]:
        """Nothing: a session is what the register says, and the form has one button."""
        return {}

    async def progress(self) -> AsyncIterator[dict[str, Any]]:
        yield {"progress": 50, "message": "The notebook server is starting."}

    async def start(self) -> str:
        """Start the session's gate and notebook server. Returns the server's address."""
        session = self.session = await self._permitted()
        await self._sweep()
        await asyncio.to_thread(write_files, session, self.installation.settings.examples)
        self._open_gate()
        await self._record("session.started")
        self.recorded = True
        self.cmd = server_command()
        self.port = 80  # unused, but the hub would look for a free one
        with open(self._log_path(session), "ab", opener=_private) as log:  # noqa: ASYNC230 - no data is read
            self.popen_kwargs = {"cwd": session.server_home, "stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}
            await super().start()
        self.popen_kwargs = {}
        self.identity = processes.identity(self.pid)
        await self._socket_is_there(session)
        return socket_url(session.server_socket)

    async def poll(self) -> int | None:
        """None while the session runs. A process that has a dead server's number is not taken for it."""
        if self.proc is None and self.pid and processes.identity(self.pid) != self.identity:
            self.clear_state()
            return 0
        status: int | None = await super().poll()
        if status is None and self.gate is None:
            self._open_gate()  # the hub was restarted beside a live session
        return status

    async def poll_and_notify(self) -> int | None:
        """The hub's regular look at a session: is it there, and may it be?"""
        if self.pid and (reason := await self._why_not()) is not None:
            self.log.warning("Ending session %s: %s", self._log_name, reason)
            await self._record("session.ended", reason=reason)
            await self.stop()
        status: int | None = await super().poll_and_notify()
        return status

    async def run_post_stop_hook(self) -> None:
        """However the session ended, take away what it left: processes, gate, sockets."""
        if not self.name:
            return
        await self._sweep()
        if self.recorded:
            self.recorded = False
            await self._record("session.stopped")

    async def rename(self, old_name: str, new_name: str) -> None:
        raise refused("A session has its project's name. It cannot be renamed.")

    def load_state(self, state: dict[str, Any]) -> None:
        super().load_state(state)
        self.identity = state.get("identity")
        self.recorded = self.identity is not None

    def get_state(self) -> dict[str, Any]:
        return super().get_state() | ({"identity": self.identity} if self.identity else {})

    def clear_state(self) -> None:
        super().clear_state()
        self.identity = None

    def get_env(self) -> dict[str, str]:
        """The notebook server's environment. Raises RuntimeError before the session is described."""
        if self.session is None:
            raise RuntimeError("A session has no environment before it is described.")
        return server_environment(self.session, super().get_env())

    def user_env(self, env: dict[str, str]) -> dict[str, str]:
        return env  # no account of the operating system is looked up

    def make_preexec_fn(self, name: str) -> Callable[[], None]:
        return _confine

    async def _why_not(self) -> str | None:
        return await asyncio.to_thread(register.why_no_session, self.installation.engine, self.user.name, self.name)

    async def _permitted(self) -> Session:
        """This session's description. Raises HTTP 403 with the reason where the register says no."""
        if (reason := await self._why_not() if self.name else NO_PROJECT) is not None:
            raise refused(reason)
        settings, engine = self.installation.settings, self.installation.engine
        try:
            return await asyncio.to_thread(register.describe_session, settings, engine, self.user.name, self.name)
        except SaferoomError as error:
            raise refused(error.sentence, error.status) from None

    async def _record(self, action: str, **detail: str) -> None:
        await asyncio.to_thread(
            register.record_session, self.installation.engine, self.user.name, self.name, action, **detail
        )

    def _open_gate(self) -> None:
        settings, person, project = self.installation.settings, self.user.name, self.name
        beyond = Beyond(settings.outputs_socket, SESSION_API, lambda: self._stamp(person, project))
        self.gate = open_gate(gate_socket(settings.run, person, project), beyond)

    def _stamp(self, person: str, project: str) -> str:
        return str(self.sign_stamp(self.installation.secrets.gate, person, project))

    async def _sweep(self) -> None:
        run, person, project = self.installation.settings.run, self.user.name, self.name
        gate, self.gate = self.gate, None
        if gate is not None:
            await close_gate(gate)
        left = await asyncio.to_thread(processes.with_variable, GATE_VARIABLE, str(gate_socket(run, person, project)))
        processes.end(left)
        await asyncio.to_thread(remove_sockets, socket_folder(run, person, project))

    async def _socket_is_there(self, session: Session) -> None:
        """Wait for the server to listen; the hub's start_timeout bounds it. Raises if the server ends before."""
        while not session.server_socket.exists():
            if await self.poll() is not None:
                raise refused(DIED_AT_ONCE, 500)
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)

    def _log_path(self, session: Session) -> str:
        return str(self.installation.settings.log / f"session-{session.person}--{session.project}.log")


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _confine() -> None:
    """In the server's process, before it becomes the server."""
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
