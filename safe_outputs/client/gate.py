"""Calls through the session's UNIX socket. The gate behind it knows who calls; no token is sent."""

import os
from typing import Any
from urllib.parse import quote

import httpx

SOCKET_VARIABLE = "SAFEROOM_GATE"
TIMEOUT_SECONDS = 60.0


class Refused(Exception):
    """Saferoom said no; the text says why and what to do next. Notebooks show the sentence without a traceback."""

    def __init__(self, sentence: str, status: int) -> None:
        super().__init__(sentence)
        self.status = status

    def _render_traceback_(self) -> list[str]:
        return [f"Not possible: {self.args[0]}"]


class Gate:
    """The session's socket."""

    def __init__(self, socket: str) -> None:
        transport = httpx.HTTPTransport(uds=socket, retries=2)
        self._client = httpx.Client(transport=transport, base_url="http://saferoom", timeout=TIMEOUT_SECONDS)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """The decoded answer. Raises `Refused` with the reason when there is none."""
        return self._answer(method, path, json=body)

    def send(self, path: str, name: str, content: bytes) -> Any:
        """The decoded answer to these bytes under this name. Raises `Refused` with the reason when there is none."""
        disposition = f"attachment; filename*=UTF-8''{quote(name, safe='', errors='replace')}"
        headers = {"Content-Type": "application/octet-stream", "Content-Disposition": disposition}
        return self._answer("POST", path, content=content, headers=headers)

    def _answer(self, method: str, path: str, **sent: Any) -> Any:
        try:
            response = self._client.request(method, path, **sent)
        except httpx.TransportError:
            raise Refused(
                "Saferoom does not answer from this session. Nothing was lost: wait a minute, then run the cell again. "
                "If it stays so, stop the session and start it anew.",
                503,
            ) from None
        if response.is_error:
            raise Refused(_sentence(response), response.status_code)
        return response.json()


def open_gate() -> Gate:
    """The gate of the session that this kernel runs in. Raises `Refused` outside of one."""
    socket = os.environ.get(SOCKET_VARIABLE)
    if not socket:
        raise Refused("This is no Saferoom session. Start one from the Saferoom home page and work there.", 503)
    return Gate(socket)


def _sentence(response: httpx.Response) -> str:
    try:
        return str(response.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"Saferoom answered with status {response.status_code} and no reason. Tell the operator."
