"""Starts, watches and stops sessions: for each, a trusted notebook server in a sandbox, with its gates.

The server puts every kernel into a sandbox of its own (`notebook/provisioner.py`).
"""

import asyncio
import functools
import hashlib
import os
import resource
import signal
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from jupyterhub.spawner import LocalProcessSpawner, SpawnException
from tornado.httpserver import HTTPServer
from traitlets import Callable as CallableTrait
from traitlets import Instance

from datasets.ingress.delivery import share
from governance.database import now
from governance.errors import SaferoomError
from hub_config import limits, processes, register
from hub_config.accounts import account_of, hand_over, own_socket
from hub_config.descriptors import filter_of
from hub_config.gate import Beyond, close_gate, open_gate, server_calls, stamped, with_own_token
from hub_config.idleness import why_idle
from hub_config.installation import Installation
from hub_config.sandbox import Account, server_arguments
from hub_config.seccomp import Tenant
from hub_config.session import (
    SESSION_VARIABLE,
    Session,
    gate_socket,
    hub_gate_socket,
    server_command,
    server_environment,
    session_name,
    socket_folder,
    socket_url,
)
from hub_config.session_files import remove_sockets, write_files
from hub_config.settings import OUTPUTS_PREFIX
from hub_config.start_form import render, start_page

NO_PROJECT = "A session belongs to a project. Go to your home page and start the session of one of your projects."
DIED_AT_ONCE = "The session's notebook server ended as it started. Try again; if it stays, tell the operator."
SESSION_API = OUTPUTS_PREFIX + "api/session"
NOT_PREPARED = (
    "The session could not be prepared ({reason}). Nothing is lost. Tell the operator, who has to make room or put the "
    "state folder right; then start it again."
)
COPY_GONE = "A project copy of this session is no longer available: its agreement or its version ended."
SECONDS_BETWEEN_LOOKS = 0.02


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

    gates: tuple[HTTPServer, ...] = ()
    account: Account | None = None
    confine: Callable[[], None] = staticmethod(lambda: None)
    copies: tuple[str, ...] = ()
    """The paths of the copies that the session reads."""
    killed = 0
    """How often the system had ended a process of the session for its memory, when last looked."""
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
        """Start the session's gates and notebook server. Returns the server's address."""
        session = self.session = await self._permitted()
        await self._sweep()
        self.account = await self._prepared(session)
        await self._record("session.started")
        self.recorded = True
        self.copies = tuple(str(copy.path) for copy in session.copies)
        await self._run(session, self.account)
        self.identity = processes.identity(self.pid)
        await self._socket_is_there(session)
        return socket_url(session.server_socket)

    async def poll(self) -> int | None:
        """None while the session runs. A process that has a dead server's number is not taken for it."""
        if self.proc is None and self.pid and processes.identity(self.pid) != self.identity:
            self.clear_state()
            return 0
        status: int | None = await super().poll()
        if status is None and not self.gates:
            await self._reopen_gates()  # the hub was restarted beside a live session
        return status

    async def poll_and_notify(self) -> int | None:
        """The hub's regular look at a session: is it there, and may it be?"""
        if self.pid and (reason := await self._why_not() or await self._why_no_copy()) is not None:
            await self._end("session.ended", reason)
        elif self.pid and (reason := self._why_idle()) is not None:
            await self._end("session.ended_idle", reason)
        await self._look_at_memory()
        status: int | None = await super().poll_and_notify()
        return status

    async def run_post_stop_hook(self) -> None:
        """However the session ended, take away what it left: processes, gates, sockets, control groups."""
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
        self.copies = tuple(state.get("copies", ()))
        self.recorded = self.identity is not None

    def get_state(self) -> dict[str, Any]:
        mine = {"identity": self.identity, "copies": list(self.copies)}
        return super().get_state() | (mine if self.identity else {})

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
        return self.confine

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

    async def _end(self, action: str, reason: str) -> None:
        self.log.warning("Ending session %s: %s", self._log_name, reason)
        await self._record(action, reason=reason)
        await self.stop()

    def _why_idle(self) -> str | None:
        """Why the session ends because nobody uses it, or None. The hub hears of use from proxy and server."""
        limit = timedelta(minutes=self.installation.settings.idle_session_minutes)
        return why_idle(self.orm_spawner.last_activity, now(), limit)

    async def _why_no_copy(self) -> str | None:
        """Why the session cannot go on with the copies that it reads, or None."""
        if not self.copies:
            return None
        there = await asyncio.to_thread(register.copies_in_use, self.installation.engine, self.name)
        return None if there >= set(self.copies) else COPY_GONE

    async def _look_at_memory(self) -> None:
        """Leave an audit event when the system has ended a process of the session for its memory."""
        killed = limits.killed_for_memory(control_groups(), self._group)
        before, self.killed = self.killed, killed
        if killed > before:
            await self._record("session.memory_used_up", times=str(killed - before))

    async def _prepared(self, session: Session) -> Account:
        """Files and gates of the session. Raises HTTP 503 where the machine has no room for them."""
        try:
            account = await asyncio.to_thread(self._prepare, session)
            self._open_gates(account)
        except OSError as error:
            self.log.exception("Session %s could not be prepared", self._log_name)
            await self._sweep()
            await self._record("session.not_started", reason=str(error.strerror))
            raise refused(NOT_PREPARED.format(reason=error.strerror), 503) from None
        return account

    def _prepare(self, session: Session) -> Account:
        account = account_of(session)
        share(session.incoming.parent, session.project, account.gid)
        write_files(session, self.installation.settings.examples, owner=account.uid)
        hand_over(session, account)
        return account

    async def _run(self, session: Session, account: Account) -> None:
        """Start the notebook server's process, in its sandbox and its control groups."""
        groups = control_groups()
        entries = await asyncio.to_thread(limits.make, groups, self._group, session.limits)
        self.confine = functools.partial(_confine, entries)
        self.killed = limits.killed_for_memory(groups, self._group)
        self.port = 80  # unused, but the hub would look for a free one
        with filter_of(Tenant.SERVER) as descriptor, open(self._log_path(session), "ab", opener=_private) as log:  # noqa: ASYNC230 - no data is read
            self.cmd, cwd = server_command(session), session.outside.server_home
            self.popen_kwargs = {"cwd": cwd, "stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}
            if session.sandboxed:
                self.cmd = server_arguments(session, account, self.cmd, seccomp=descriptor)
                self.popen_kwargs |= {"cwd": "/", "pass_fds": (descriptor,)}
            await super().start()
        self.popen_kwargs = {}

    async def _signal(self, sig: int) -> bool:
        """Ask the notebook server itself to end; the sandbox around it would leave it running."""
        if sig == 0:
            return bool(await super()._signal(sig))
        if sig == signal.SIGKILL:
            await self._kill()
            return self.pid != 0 and processes.identity(self.pid) is not None
        inner = processes.innermost(self.pid)
        with suppress(ProcessLookupError):
            os.kill(inner, sig)
        return processes.identity(self.pid) is not None

    @property
    def _group(self) -> str:
        """The name of the session's control groups: of this installation, person and project."""
        folder = socket_folder(self.installation.settings.run, self.user.name, self.name)
        return f"{session_name(self.user.name, self.name)}-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:8]}"

    def _open_gates(self, account: Account) -> None:
        settings, person, project = self.installation.settings, self.user.name, self.name
        outputs = Beyond(settings.outputs_socket, SESSION_API, stamped(lambda: self._stamp(person, project)))
        hub = Beyond(
            settings.hub_socket,
            prefix="",
            headers=with_own_token,
            calls=server_calls(person),
            refusal="The gate of a notebook server lets through four calls of the hub's API only.",
            record=self._record_of_server,
        )
        ways = {
            gate_socket(settings.run, person, project): outputs,
            hub_gate_socket(settings.run, person, project): hub,
        }
        self.gates = tuple(open_gate(socket, beyond) for socket, beyond in ways.items())
        for socket in ways:
            own_socket(socket, account)

    async def _reopen_gates(self) -> None:
        settings = self.installation.settings
        session = await asyncio.to_thread(
            register.describe_session, settings, self.installation.engine, self.user.name, self.name
        )
        self.account = await asyncio.to_thread(account_of, session)
        self._open_gates(self.account)

    def _stamp(self, person: str, project: str) -> str:
        return str(self.sign_stamp(self.installation.secrets.gate, person, project))

    async def _record_of_server(self, action: str, detail: dict[str, str]) -> None:
        await self._record(f"session.{action}", **detail)

    async def _sweep(self) -> None:
        """End whatever is left of the session, and take its gates, sockets and groups away."""
        gates, self.gates = self.gates, ()
        for gate in gates:
            await close_gate(gate)
        await self._kill()
        limits.remove(control_groups(), self._group)
        run, person, project = self.installation.settings.run, self.user.name, self.name
        await asyncio.to_thread(remove_sockets, socket_folder(run, person, project))

    async def _kill(self) -> None:
        sockets = socket_folder(self.installation.settings.run, self.user.name, self.name)
        await asyncio.to_thread(limits.end, control_groups(), self._group)
        left = await asyncio.to_thread(processes.with_variable, SESSION_VARIABLE, str(sockets))
        processes.end(left)

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


@functools.cache
def control_groups() -> limits.Groups:
    """The control groups that this hub can make, found once."""
    return limits.find()


def _confine(entries: tuple[Path, ...]) -> None:
    """In the server's process, before it becomes the server."""
    for entry in entries:
        entry.write_text(str(os.getpid()))
    os.umask(0o007)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
