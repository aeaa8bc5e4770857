"""A client that costs next to nothing: one kept connection, requests written by hand, answers read to their length."""

import select
import socket
import time
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Reply:
    status: int
    headers: dict[bytes, bytes]
    body: bytes
    seconds: float


@dataclass
class Client:
    """A person's browser at an address: the path of a UNIX socket, or host and port. It keeps the session's cookie."""

    address: Any
    cookie: str = ""
    _socket: socket.socket | None = field(default=None, repr=False)

    def get(self, path: str) -> Reply:
        return self._ask(f"GET {path} HTTP/1.1\r\n{self._head()}\r\n".encode())

    def post(self, path: str, form: str) -> Reply:
        kind = f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(form)}\r\n"
        return self._ask(f"POST {path} HTTP/1.1\r\n{self._head()}{kind}\r\n{form}".encode())

    def _head(self) -> str:
        cookie = f"Cookie: {self.cookie}\r\n" if self.cookie else ""
        return f"Host: 127.0.0.1:8000\r\n{cookie}"

    def _ask(self, request: bytes) -> Reply:
        if self._socket is not None and self._was_closed(self._socket):
            self._socket = None
        begun = time.perf_counter()
        if self._socket is None:
            family = socket.AF_UNIX if isinstance(self.address, str) else socket.AF_INET
            self._socket = socket.socket(family)
            self._socket.settimeout(60)
            self._socket.connect(self.address)
        self._socket.sendall(request)
        status, headers, body = self._read(self._socket)
        return Reply(status, headers, body, time.perf_counter() - begun)

    def _was_closed(self, connection: socket.socket) -> bool:
        """Whether the server gave up a connection that was not used for a while, as it may."""
        if not select.select([connection], [], [], 0)[0]:
            return False
        connection.close()
        return True

    def _read(self, connection: socket.socket) -> tuple[int, dict[bytes, bytes], bytes]:
        content = b""
        while (end := content.find(b"\r\n\r\n")) < 0:
            content += _some(connection)
        first, *lines = content[:end].split(b"\r\n")
        headers: dict[bytes, bytes] = {}
        for line in lines:
            name, _, value = line.partition(b": ")
            if name.lower() == b"set-cookie":
                self.cookie = value.split(b";")[0].decode()
            headers[name.lower()] = value
        body, length = content[end + 4 :], int(headers.get(b"content-length", b"0"))
        parts, have = [body], len(body)
        while have < length:
            parts.append(_some(connection))
            have += len(parts[-1])
        if headers.get(b"connection", b"").lower() == b"close":
            connection.close()
            self._socket = None
        return int(first.split()[1]), headers, b"".join(parts)


def _some(connection: socket.socket) -> bytes:
    if not (found := connection.recv(262_144)):
        raise ConnectionError("the server closed the connection in the middle of an answer")
    return found


def between(content: bytes, before: bytes, after: bytes) -> str:
    """The first text between two others; empty without them."""
    _, found, rest = content.partition(before)
    return rest.partition(after)[0].decode() if found else ""
