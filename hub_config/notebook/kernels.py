"""The notebook server's own view of its kernels, whose messages reach it past a browser's connection, too."""

import json
import re
from datetime import datetime
from typing import Any

from jupyter_client.session import Session
from jupyter_server._tz import utcnow
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager, ServerKernelManager
from tornado.web import HTTPError

from hub_config.notebook.messages import STATES
from hub_config.notebook.outputs import KIB

LARGEST_MESSAGE = 32 * 1024 * KIB
"""Bytes that the server takes from a kernel in one message; ZeroMQ drops a larger one, and the connection with it."""

_IDENTIFIER = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class LockedKernel(ServerKernelManager):
    """Connects to a kernel with a bound on what it may send at once."""

    def _create_connected_socket(self, channel: str, identity: bytes | None = None) -> Any:
        self.context.maxmsgsize = LARGEST_MESSAGE  # for every socket that is made from now on
        return super()._create_connected_socket(channel, identity)


class LockedKernels(AsyncMappingKernelManager):
    """Starts kernels under names of its own, and takes nothing but a state from what they say."""

    def __init__(self, **facts: Any) -> None:
        self._last_said = utcnow()
        super().__init__(**facts)  # type: ignore[no-untyped-call]

    async def _async_start_kernel(self, *, kernel_id: str | None = None, **facts: Any) -> str:
        """Start the session's one kernel. Raises HTTPError for any other: Jupyter finds more than it lists."""
        if facts.get("kernel_name") not in (None, self.default_kernel_name):
            raise HTTPError(403, "A session has one kind of kernel. Choose it in the notebook's kernel menu.")
        if kernel_id is not None and not _IDENTIFIER.fullmatch(kernel_id):
            raise HTTPError(400, "A kernel's name is given by the server. Start it without one.")
        return str(await super()._async_start_kernel(kernel_id=kernel_id, **facts))

    start_kernel = _async_start_kernel  # type: ignore[assignment]

    @property
    def last_kernel_activity(self) -> datetime:
        """When a kernel last did something: now, while one computes, even if it says nothing for hours."""
        busy = any(getattr(kernel, "execution_state", None) == "busy" for kernel in self._kernels.values())
        return utcnow() if busy else self._last_said

    @last_kernel_activity.setter
    def last_kernel_activity(self, when: datetime) -> None:
        self._last_said = when

    def start_watching_activity(self, kernel_id: str) -> None:
        """Note when a kernel last said something, and whether it is busy: one of three words, whatever it says."""
        kernel = self._kernels[kernel_id]
        kernel.reason = ""
        kernel.last_activity = utcnow()
        session = Session(config=kernel.session.config, key=kernel.session.key)
        kernel._activity_stream = kernel.connect_iopub()  # noqa: SLF001 - where the base class looks for it

        def note(frames: list[Any]) -> None:
            state = _state_in(session, frames)
            if state is not None:
                kernel.execution_state = state
            self.last_kernel_activity = kernel.last_activity = utcnow()

        kernel._activity_stream.on_recv(note)  # noqa: SLF001


def _bytes(frame: Any) -> bytes:
    return bytes(frame)


def _state_in(session: Session, frames: list[Any]) -> str | None:
    """The state that a status message tells, or None for any other message."""
    try:
        _, parts = session.feed_identities(frames)
        if sum(len(part) for part in parts[:5]) > 16 * KIB or json.loads(_bytes(parts[1]))["msg_type"] != "status":
            return None
        state = json.loads(_bytes(parts[4]))["execution_state"]
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        return None
    return state if isinstance(state, str) and state in STATES else None
