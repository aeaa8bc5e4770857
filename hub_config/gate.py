"""The gates: the only ways out of a session, UNIX sockets of its own.

They run in the hub's event loop. One is for kernels: it lets through the calls of the statistics API and nothing else,
stamps each with the session's person and project, and forwards it to the outputs service. Nothing that a kernel sends
says who it is: no header of its own reaches the service but the content's type. The other is for the notebook server,
whose sandbox has no network either: it lets through the calls of the hub's API that a notebook server makes, and takes
down what the server has to tell the audit chain.
"""

import json
import logging
import re
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPHeaders, HTTPServerRequest
from tornado.iostream import IOStream
from tornado.netutil import bind_unix_socket
from tornado.web import Application, HTTPError, RequestHandler, stream_request_body

log = logging.getLogger(__name__)

LARGEST_CALL = 1024 * 1024
LARGEST_REQUEST = 4_000_000
"""Of a release request: its files each with a statement."""
LARGEST_FILE = 10_001_024
"""Of a file that is handed in; the service says how large one may be."""
MOST_LARGE_CALLS = 4
"""How many calls of one gate that hold more than `LARGEST_CALL` are taken at once: they lie in the hub's memory."""
LARGEST_READ = 64 * LARGEST_CALL
"""How much of a call that is too large is read away, so that its sender still gets the answer."""
LARGEST_ANSWER = 16 * 1024 * 1024
SECONDS_TO_ANSWER = 30.0
SECONDS_TO_ASK = 10.0
MOST_CONNECTIONS = 64
MOST_LINES = 60
"""How many failed calls of one gate are logged in a minute."""
SECONDS_OF_LINES = 60.0

_ID = "[A-Za-z0-9][A-Za-z0-9-]{0,63}"

Calls = tuple[tuple[str, re.Pattern[str]], ...]


def _calls(*listed: tuple[str, str]) -> Calls:
    return tuple((method, re.compile(path)) for method, path in listed)


ALLOWED = _calls(
    ("GET", "/session"),
    ("POST", "/statistics"),
    ("GET", f"/statistics/{_ID}"),
    ("POST", "/requests"),
    ("GET", f"/requests/{_ID}"),
    ("PUT", f"/requests/{_ID}"),
    ("POST", f"/requests/{_ID}/submit"),
    ("POST", f"/requests/{_ID}/withdraw"),
    ("POST", f"/requests/{_ID}/answers"),
    ("PUT", f"/requests/{_ID}/checklist"),
    ("POST", "/files/output"),
    ("POST", "/files/evidence"),
)
"""The calls that a session can make. Queries are not among them."""

LARGER = (
    (re.compile("/files/(output|evidence)"), LARGEST_FILE),
    (re.compile(f"/requests(/{_ID})?"), LARGEST_REQUEST),
)
"""The calls that may hold more than the others, and how much."""

_PASSED_IN = ("Content-Type", "Accept", "Content-Disposition")
_PASSED_OUT = ("Content-Type", "Retry-After", "X-JupyterHub-Version")

ACTIONS = frozenset({"output.budget_used", "output.held_back", "kernel.ended", "disk.full"})
"""What a notebook server can have written into the audit chain."""
MOST_DETAILS = 8
LONGEST_DETAIL = 200


def server_calls(person: str) -> Calls:
    """The calls of the hub's API that the notebook server of this person makes."""
    return _calls(
        ("GET", "/hub/api/?"),
        ("GET", r"/hub/api/user(\?[A-Za-z0-9_=&%.-]{0,200})?"),
        ("POST", "/hub/api/oauth2/token"),
        ("POST", f"/hub/api/users/{re.escape(person)}/activity"),
    )


def allowed(method: str, target: str, calls: Calls = ALLOWED) -> bool:
    """Whether a session may make this call. `target` is the request's whole target, query included."""
    return any(method == known and path.fullmatch(target) for known, path in calls)


def largest(target: str) -> int:
    """How many bytes a call to this target may hold."""
    return next((limit for path, limit in LARGER if path.fullmatch(target)), LARGEST_CALL)


@dataclass(frozen=True)
class Beyond:
    """What lies behind a gate, and what may pass.

    `socket` and `prefix` are the service's; `headers(call)` makes what is added to a call, from nothing but what the
    caller's right needs. `record(action, detail)` takes down an event; a gate without it has no place for events.
    """

    socket: Path
    prefix: str
    headers: Callable[[HTTPHeaders], dict[str, str]]
    calls: Calls = ALLOWED
    refusal: str = "The gate of a session lets through the statistics API only. Use safe_outputs."
    record: Callable[[str, dict[str, str]], Awaitable[None]] | None = None


def stamped(stamp: Callable[[], str]) -> Callable[[HTTPHeaders], dict[str, str]]:
    """Headers that say who calls, by the session's stamp: nothing of the caller's own."""
    return lambda _theirs: {"Authorization": f"Saferoom-Session {stamp()}"}


def with_own_token(theirs: HTTPHeaders) -> dict[str, str]:
    """The notebook server's own token, which the hub gave it."""
    return {"Authorization": theirs["Authorization"]} if "Authorization" in theirs else {}


def open_gate(socket: Path, beyond: Beyond) -> HTTPServer:
    """Serve a gate on `socket` (mode 600), in place of what a dead hub may have left there. End with `close_gate`."""
    client = httpx.AsyncClient(
        transport=httpx.AsyncHTTPTransport(uds=str(beyond.socket)), timeout=SECONDS_TO_ANSWER, trust_env=False
    )
    application = Application(
        [*_events(beyond), (".*", GateHandler, {"beyond": beyond, "client": client})],
        log_function=_log_call,
        gate_client=client,
        lines=deque(maxlen=MOST_LINES),
        large=set(),
    )
    server = Bounded(
        application,
        max_body_size=LARGEST_READ,
        max_header_size=16 * 1024,
        idle_connection_timeout=60,
        body_timeout=SECONDS_TO_ASK,
    )
    server.add_socket(bind_unix_socket(str(socket), mode=0o600))
    return server


class Bounded(HTTPServer):
    """Takes so many connections at once and no more: they use up descriptors of the hub, which all sessions share."""

    def handle_stream(self, stream: IOStream, address: tuple[Any, ...]) -> None:
        if len(self._connections) >= MOST_CONNECTIONS:
            stream.close()
            return
        super().handle_stream(stream, address)


async def close_gate(server: HTTPServer) -> None:
    """Take the gate away. Calls under way are cut off."""
    server.stop()
    await server.close_all_connections()
    application = server.request_callback
    if isinstance(application, Application):
        await application.settings["gate_client"].aclose()


def _events(beyond: Beyond) -> list[tuple[str, type[RequestHandler], dict[str, Any]]]:
    return [] if beyond.record is None else [("/events", EventHandler, {"record": beyond.record})]


class Problem(RequestHandler):
    """Says what went wrong as a problem detail (RFC 9457), and nothing of what went wrong inside."""

    def log_exception(
        self, typ: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None
    ) -> None:
        """A refusal is logged with the calls, which have a limit; only what was not expected is logged whole."""
        if not isinstance(value, HTTPError):
            super().log_exception(typ, value, tb)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        error = (kwargs.get("exc_info") or (None, None))[1]
        sentence = (error.get_message() if isinstance(error, HTTPError) else None) or (
            "Something went wrong at the gate. Nothing was released; ask again, and tell the operator if it stays."
        )
        title = HTTPStatus(status_code).phrase
        self.set_header("Content-Type", "application/problem+json")
        self.finish(json.dumps({"type": "about:blank", "title": title, "status": status_code, "detail": sentence}))


class EventHandler(Problem):
    """One event that a notebook server has written into the audit chain. Answers 204 once it is there."""

    def initialize(self, record: Callable[[str, dict[str, str]], Awaitable[None]]) -> None:
        self.record = record

    async def post(self) -> None:
        action, detail = _event(self.request.body)
        await self.record(action, detail)
        self.set_status(204)


def _event(body: bytes) -> tuple[str, dict[str, str]]:
    """Action and details of an event. Raises HTTP 400 for one that is not known or too long."""
    try:
        event = json.loads(body)
        action, detail = event["action"], event["detail"]
        fits = all(isinstance(word, str) and len(word) <= LONGEST_DETAIL for each in detail.items() for word in each)
    except (ValueError, TypeError, KeyError, AttributeError):
        raise HTTPError(400, "An event is JSON with an action and details, all of them texts.") from None
    if action not in ACTIONS or not fits or len(detail) > MOST_DETAILS:
        raise HTTPError(400, "An event has one of the known actions and a few short details.")
    return action, detail


@stream_request_body
class GateHandler(Problem):
    """One call from a session."""

    def initialize(self, beyond: Beyond, client: httpx.AsyncClient) -> None:
        self.beyond = beyond
        self.client = client
        self.body = bytearray()
        self.received = 0
        self.limit = LARGEST_CALL
        self.crowded = False

    def prepare(self) -> None:
        if not allowed(self.request.method or "", self.request.uri or "", self.beyond.calls):
            raise HTTPError(403, self.beyond.refusal)
        self.limit = largest(self.request.uri or "")

    def data_received(self, chunk: bytes) -> None:
        self.received += len(chunk)
        if self.received > LARGEST_CALL and not self._has_room():
            self.crowded = True
        if self.received <= self.limit and not self.crowded:
            self.body += chunk
        else:
            self.body.clear()

    def _has_room(self) -> bool:
        """Whether this call may hold more than others: only so many do at once, and none of them for long."""
        large: set[GateHandler] = self.application.settings["large"]
        if len(large) < MOST_LARGE_CALLS:
            large.add(self)
        return self in large

    def on_finish(self) -> None:
        self.application.settings["large"].discard(self)

    on_connection_close = on_finish

    async def get(self) -> None:
        await self._forward()

    post = put = get

    async def _forward(self) -> None:
        if self.received > self.limit:
            raise HTTPError(413, f"A call like this may hold {self.limit // 1024:,} KiB. Send less at once.")
        if self.crowded:
            raise HTTPError(503, "This session sends several large files at once. Nothing is lost; send one by one.")
        try:
            status, headers, content = await self._ask()
        except httpx.TimeoutException:
            raise HTTPError(504, "The service took too long. Nothing is lost; ask again in a minute.") from None
        except httpx.TransportError:
            raise HTTPError(503, "The service does not answer. Nothing is lost; ask again in a minute.") from None
        self.set_status(status)
        for name in _PASSED_OUT:
            if name in headers:
                self.set_header(name, headers[name])
        self.finish(content)

    async def _ask(self) -> tuple[int, httpx.Headers, bytes]:
        """The service's answer, with no more of it held than may be passed on."""
        headers = {name: self.request.headers[name] for name in _PASSED_IN if name in self.request.headers}
        headers |= self.beyond.headers(self.request.headers)
        url = f"http://beyond{self.beyond.prefix}{self.request.uri}"
        content = bytearray()
        async with self.client.stream(
            self.request.method or "", url, headers=headers, content=bytes(self.body)
        ) as answer:
            async for chunk in answer.aiter_bytes():
                content += chunk
                if len(content) > LARGEST_ANSWER:
                    raise HTTPError(502, "The answer is too large to pass the gate. Ask for less at once.")
        return answer.status_code, answer.headers, bytes(content)


def _log_call(handler: RequestHandler) -> None:
    """Log a call that failed. A gate that is flooded logs a few of them; those that pass are in the audit chain."""
    if handler.get_status() < HTTPStatus.BAD_REQUEST:
        return
    lines: deque[float] = handler.application.settings["lines"]
    now = time.monotonic()
    if len(lines) == MOST_LINES and now - lines[0] < SECONDS_OF_LINES:
        return
    lines.append(now)
    request: HTTPServerRequest = handler.request
    log.warning("gate: %s %s %.200r", handler.get_status(), request.method, request.path)
