"""The gate: the one way out of a session, a UNIX socket of its own.

It runs in the hub's event loop. It lets through the calls of the statistics API and nothing else, stamps each with
the session's person and project, and forwards it to the outputs service. Nothing that a kernel sends says who it
is: no header of its own reaches the service but the content's type.
"""

import json
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPServerRequest
from tornado.netutil import bind_unix_socket
from tornado.web import Application, HTTPError, RequestHandler, stream_request_body

log = logging.getLogger(__name__)

LARGEST_CALL = 1024 * 1024
LARGEST_READ = 64 * LARGEST_CALL
"""How much of a call that is too large is read away, so that its sender still gets the answer."""
LARGEST_ANSWER = 16 * 1024 * 1024
SECONDS_TO_ANSWER = 30.0
SECONDS_TO_ASK = 10.0

_ID = "[A-Za-z0-9][A-Za-z0-9-]{0,63}"

ALLOWED: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (method, re.compile(path))
    for method, path in (
        ("GET", "/session"),
        ("POST", "/statistics"),
        ("GET", f"/statistics/{_ID}"),
        ("POST", "/requests"),
        ("GET", f"/requests/{_ID}"),
        ("PUT", f"/requests/{_ID}"),
        ("POST", f"/requests/{_ID}/submit"),
        ("POST", f"/requests/{_ID}/withdraw"),
    )
)
"""The calls that a session can make. Queries are not among them."""

_PASSED_IN = ("Content-Type", "Accept")
_PASSED_OUT = ("Content-Type", "Retry-After")


def allowed(method: str, target: str) -> bool:
    """Whether a session may make this call. `target` is the request's whole target, query included."""
    return any(method == known and path.fullmatch(target) for known, path in ALLOWED)


@dataclass(frozen=True)
class Beyond:
    """What lies behind a gate: the outputs service's socket, its session API, and who stamps a call."""

    socket: Path
    prefix: str
    stamp: Callable[[], str]


def open_gate(socket: Path, beyond: Beyond) -> HTTPServer:
    """Serve a gate on `socket` (mode 600), in place of what a dead hub may have left there. End with `close_gate`."""
    client = httpx.AsyncClient(
        transport=httpx.AsyncHTTPTransport(uds=str(beyond.socket)), timeout=SECONDS_TO_ANSWER, trust_env=False
    )
    application = Application(
        [(".*", GateHandler, {"beyond": beyond, "client": client})], log_function=_log_call, gate_client=client
    )
    server = HTTPServer(
        application,
        max_body_size=LARGEST_READ,
        max_header_size=16 * 1024,
        idle_connection_timeout=60,
        body_timeout=SECONDS_TO_ASK,
    )
    server.add_socket(bind_unix_socket(str(socket), mode=0o600))
    return server


async def close_gate(server: HTTPServer) -> None:
    """Take the gate away. Calls under way are cut off."""
    server.stop()
    await server.close_all_connections()
    application = server.request_callback
    if isinstance(application, Application):
        await application.settings["gate_client"].aclose()


@stream_request_body
class GateHandler(RequestHandler):
    """One call from a session."""

    def initialize(self, beyond: Beyond, client: httpx.AsyncClient) -> None:
        self.beyond = beyond
        self.client = client
        self.body = bytearray()
        self.received = 0

    def prepare(self) -> None:
        if not allowed(self.request.method or "", self.request.uri or ""):
            raise HTTPError(403, "The gate of a session lets through the statistics API only. Use safe_outputs.")

    def data_received(self, chunk: bytes) -> None:
        self.received += len(chunk)
        if self.received <= LARGEST_CALL:
            self.body += chunk

    async def get(self) -> None:
        await self._forward()

    post = put = get

    async def _forward(self) -> None:
        if self.received > LARGEST_CALL:
            limit = LARGEST_CALL // 1024
            raise HTTPError(413, f"A call through the gate may hold {limit:,} KiB. Send less at once.")
        try:
            status, headers, content = await self._ask()
        except httpx.TimeoutException:
            raise HTTPError(504, "The outputs service took too long. Nothing is lost; ask again in a minute.") from None
        except httpx.TransportError:
            raise HTTPError(
                503, "The outputs service does not answer. Nothing is lost; ask again in a minute."
            ) from None
        self.set_status(status)
        for name in _PASSED_OUT:
            if name in headers:
                self.set_header(name, headers[name])
        self.finish(content)

    async def _ask(self) -> tuple[int, httpx.Headers, bytes]:
        """The service's answer, with no more of it held than may be passed on."""
        headers = {name: self.request.headers[name] for name in _PASSED_IN if name in self.request.headers}
        headers["Authorization"] = f"Saferoom-Session {self.beyond.stamp()}"
        url = f"http://outputs{self.beyond.prefix}{self.request.path}"
        content = bytearray()
        async with self.client.stream(
            self.request.method or "", url, headers=headers, content=bytes(self.body)
        ) as answer:
            async for chunk in answer.aiter_bytes():
                content += chunk
                if len(content) > LARGEST_ANSWER:
                    raise HTTPError(502, "The answer is too large to pass the gate. Ask for less at once.")
        return answer.status_code, answer.headers, bytes(content)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """A problem detail (RFC 9457). Says nothing of what went wrong inside."""
        error = (kwargs.get("exc_info") or (None, None))[1]
        sentence = (error.get_message() if isinstance(error, HTTPError) else None) or (
            "Something went wrong at the gate. Nothing was released; ask again, and tell the operator if it stays."
        )
        title = HTTPStatus(status_code).phrase
        self.set_header("Content-Type", "application/problem+json")
        self.finish(json.dumps({"type": "about:blank", "title": title, "status": status_code, "detail": sentence}))


def _log_call(handler: RequestHandler) -> None:
    request: HTTPServerRequest = handler.request
    level = logging.INFO if handler.get_status() < 400 else logging.WARNING
    log.log(level, "gate: %s %s %.200r", handler.get_status(), request.method, request.path)
