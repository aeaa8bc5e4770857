"""A kernel's web-socket, spoken to through the hub's proxy like a notebook in the browser does."""

import asyncio
import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import nbformat
from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

SECONDS_TO_CONNECT = 30.0
SECONDS_FOR_A_KERNEL = 60.0
LARGEST_MESSAGE = 64 * 1024 * 1024
_OUTPUTS = ("stream", "display_data", "execute_result", "error")


class CellFailed(Exception):
    """A cell raised an error, which is told here as the kernel told it."""

    def __init__(self, number: int, name: str, value: str, traceback: list[str]) -> None:
        super().__init__(f"Cell {number}: {name}: {value}")
        self.number = number
        self.name = name
        self.value = value
        self.traceback = traceback


class ChannelFailed(Exception):
    """The web-socket closed, or the kernel did not answer in time."""


@dataclass
class KernelChannel:
    """Use it in a `with` statement; `close_session` is called at its end."""

    url: str
    headers: Mapping[str, str]
    close_session: Callable[[], object]
    id: str = field(default_factory=lambda: uuid.uuid4().hex)

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        try:
            self._socket = self._within(SECONDS_TO_CONNECT, self._connect())
            self._within(SECONDS_FOR_A_KERNEL, self._answers())
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        self._loop.run_until_complete(self._disconnect())
        self._loop.close()
        self.close_session()

    def run_cell(self, cell: Any, number: int, seconds: float) -> None:
        """Run one cell and put its outputs into it. Raises `CellFailed`, `ChannelFailed`."""
        cell.outputs, cell.execution_count = [], None
        self._within(seconds, self._run(cell))
        for output in cell.outputs:
            if output.output_type == "error":
                raise CellFailed(number, output.ename, output.evalue, list(output.traceback))

    def _within(self, seconds: float, work: Any) -> Any:
        try:
            return self._loop.run_until_complete(asyncio.wait_for(work, seconds))
        except TimeoutError:
            raise ChannelFailed(f"The kernel did not answer within {seconds:.0f} seconds.") from None

    async def _connect(self) -> WebSocketClientConnection:
        request = HTTPRequest(f"{self.url}?session_id={self.id}", headers=dict(self.headers))
        return await websocket_connect(request, max_message_size=LARGEST_MESSAGE)

    async def _disconnect(self) -> None:
        if hasattr(self, "_socket"):
            self._socket.close()
        await asyncio.sleep(0)

    async def _answers(self) -> None:
        """Wait until the kernel is there."""
        request = await self._send("kernel_info_request", {})
        while (await self._receive(request))["msg_type"] != "kernel_info_reply":
            pass

    async def _run(self, cell: Any) -> None:
        content = {"code": cell.source, "silent": False, "store_history": True, "allow_stdin": False}
        request = await self._send("execute_request", content | {"stop_on_error": True, "user_expressions": {}})
        replied = idle = False
        while not (replied and idle):
            message = await self._receive(request)
            kind, content = message["msg_type"], message["content"]
            if kind in _OUTPUTS:
                _add_output(cell.outputs, nbformat.v4.output_from_msg(message))
            elif kind == "clear_output":
                cell.outputs.clear()
            elif kind == "execute_reply":
                cell.execution_count, replied = content.get("execution_count"), True
            elif kind == "status":
                idle = content["execution_state"] == "idle"

    async def _send(self, kind: str, content: dict[str, Any]) -> str:
        message_id = uuid.uuid4().hex
        header = {"msg_id": message_id, "username": "", "session": self.id, "msg_type": kind, "version": "5.3"}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content}
        await self._socket.write_message(json.dumps(message | {"channel": "shell", "buffers": []}))
        return message_id

    async def _receive(self, request: str) -> dict[str, Any]:
        """The next message that answers `request`."""
        while True:
            raw = await self._socket.read_message()
            if raw is None:
                raise ChannelFailed("The web-socket of the kernel closed.")
            message: dict[str, Any] = json.loads(raw)
            if message.get("parent_header", {}).get("msg_id") == request:
                return message | {"msg_type": message["header"]["msg_type"]}


def _add_output(outputs: list[Any], output: Any) -> None:
    """Append an output; text of one stream that follows more of the same is joined."""
    last = outputs[-1] if outputs else None
    if last is not None and output.output_type == "stream" == last.output_type and output.name == last.name:
        last.text += output.text
    else:
        outputs.append(output)
