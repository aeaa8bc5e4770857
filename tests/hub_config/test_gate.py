"""The gate, with real sockets on both of its sides."""

import asyncio
import json
import logging
import socket
import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_unix_socket
from tornado.web import Application, RequestHandler

from hub_config import gate
from hub_config.gate import (
    MOST_CONNECTIONS,
    MOST_LINES,
    Beyond,
    allowed,
    close_gate,
    open_gate,
    server_calls,
    stamped,
    with_own_token,
)
from tests.hub_config.house import short_folder

PREFIX = "/services/outputs/api/session"


@dataclass
class Service:
    """What stands in the outputs service's place: it writes down what reached it."""

    seen: list[Any] = field(default_factory=list)
    answer: Callable[[RequestHandler], Awaitable[None] | None] | None = None


class _Recorder(RequestHandler):
    def initialize(self, service: Service) -> None:
        self.service = service

    async def get(self) -> None:
        self.service.seen.append((self.request.method, self.request.uri, self.request.headers, self.request.body))
        if self.service.answer is not None:
            made = self.service.answer(self)
            if made is not None:
                await made
        else:
            self.set_header("X-Inner", "kept back")
            self.set_header("Set-Cookie", "a=b")
            self.write({"ok": True})

    post = put = get


@asynccontextmanager
async def a_gate(service: Service, *, served: bool = True) -> AsyncIterator[tuple[httpx.AsyncClient, Path]]:
    """A gate, a service behind it, and a client that stands where a kernel does."""
    stamps = iter(range(1000))
    with short_folder() as folder:
        inner, path = folder / "outputs.sock", folder / "gate.sock"
        server = HTTPServer(Application([("/.*", _Recorder, {"service": service})]), max_body_size=2**24)
        if served:
            server.add_socket(bind_unix_socket(str(inner), 0o600))
        opened = open_gate(path, Beyond(inner, PREFIX, stamped(lambda: f"ada.heron.{next(stamps)}")))
        transport = httpx.AsyncHTTPTransport(uds=str(path))
        async with httpx.AsyncClient(transport=transport, base_url="http://saferoom", timeout=20) as client:
            try:
                yield client, path
            finally:
                await close_gate(opened)
                server.stop()


def run(work: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(work(), 60))


def test_allowed_calls_reach_the_service_with_a_fresh_stamp_each() -> None:
    async def work() -> None:
        service = Service()
        async with a_gate(service) as (client, _):
            for method, path in (
                ("GET", "/session"),
                ("POST", "/statistics"),
                ("GET", "/statistics/abc-123"),
                ("POST", "/requests"),
                ("PUT", "/requests/r1"),
                ("GET", "/requests/r1"),
                ("POST", "/requests/r1/submit"),
                ("POST", "/requests/r1/withdraw"),
                ("POST", "/requests/r1/answers"),
            ):
                answer = await client.request(method, path, json={"n": 1} if method != "GET" else None)
                assert answer.status_code == 200, (method, path)
                assert service.seen[-1][:2] == (method, PREFIX + path)
        stamps = [seen[2]["Authorization"] for seen in service.seen]
        assert stamps == [f"Saferoom-Session ada.heron.{number}" for number in range(9)]
        assert json.loads(service.seen[1][3]) == {"n": 1}

    run(work)


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/"),
        ("GET", "/statistics"),
        ("DELETE", "/requests/r1"),
        ("PATCH", "/requests/r1"),
        ("HEAD", "/session"),
        ("OPTIONS", "/session"),
        ("GET", "/session?x=1"),
        ("GET", "/session/"),
        ("GET", "/statistics/../session"),
        ("GET", "/statistics/a%2fb"),
        ("GET", "/statistics/..%2f..%2fqueue"),
        ("GET", "/statistics/" + "a" * 65),
        ("GET", "//session"),
        ("POST", "/requests/r1/approve"),
        ("GET", "http://outputs/session"),
        ("GET", "/hub/api/users"),
    ],
)
def test_anything_else_is_refused_with_a_sentence(method: str, target: str) -> None:
    async def work() -> None:
        service = Service()
        async with a_gate(service) as (_, path):
            status, headers, body = await asyncio.to_thread(_raw, path, method, target)
            assert status == 403
            assert service.seen == []
            if method != "HEAD":
                assert headers["content-type"] == "application/problem+json"
                assert "statistics API only" in json.loads(body)["detail"]

    run(work)


@given(st.sampled_from(["GET", "POST", "PUT"]), st.text(max_size=30))
def test_no_other_target_is_allowed(method: str, target: str) -> None:
    assert not allowed(method, "/" + target + "?") and not allowed(method, target + "\n")
    if allowed(method, "/" + target):
        assert target.split("/", maxsplit=1)[0] in ("session", "statistics", "requests") and target.isascii()


def test_headers_of_a_kernel_do_not_pass() -> None:
    async def work() -> None:
        service = Service()
        async with a_gate(service) as (client, _):
            forged = {
                "Authorization": "Saferoom-Session bert.wren",
                "Cookie": "a=b",
                "X-Forwarded-For": "10.0.0.1",
                "X-Saferoom-Person": "bert",
            }
            answer = await client.post("/statistics", json={}, headers=forged)
            headers = service.seen[0][2]
            assert headers.get_list("Authorization") == ["Saferoom-Session ada.heron.0"]
            assert not {"Cookie", "X-Forwarded-For", "X-Saferoom-Person"} & set(headers)
            assert "X-Inner" not in answer.headers and "Set-Cookie" not in answer.headers

    run(work)


@pytest.mark.parametrize("chunked", [False, True])
def test_call_that_is_too_large_is_refused(chunked: bool) -> None:
    async def work() -> None:
        service = Service()
        body = b"x" * (gate.LARGEST_CALL + 1)

        async def pieces() -> AsyncIterator[bytes]:
            for start in range(0, len(body), 65536):
                yield body[start : start + 65536]

        async with a_gate(service) as (client, _):
            answer = await client.post("/statistics", content=pieces() if chunked else body)
            assert (answer.status_code, service.seen) == (413, [])
            assert "1,024 KiB" in answer.json()["detail"]
            assert (await client.post("/statistics", content=body[1:])).status_code == 200

    run(work)


def test_answer_that_is_too_large_is_not_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "LARGEST_ANSWER", 1000)

    async def work() -> None:
        async with a_gate(Service(answer=lambda handler: handler.finish(b"x" * 1001))) as (client, _):
            answer = await client.get("/session")
            assert answer.status_code == 502
            assert "too large" in answer.json()["detail"]

    run(work)


@pytest.mark.parametrize(
    ("path", "size", "status"),
    [
        ("/files/output", gate.LARGEST_FILE, 200),
        ("/files/evidence", gate.LARGEST_FILE + 1, 413),
        ("/requests", gate.LARGEST_REQUEST, 200),
        ("/requests", gate.LARGEST_REQUEST + 1, 413),
        ("/statistics", gate.LARGEST_CALL + 1, 413),
        ("/files/anything", 1, 403),
    ],
)
def test_files_and_requests_may_hold_more_than_other_calls(path: str, size: int, status: int) -> None:
    async def work() -> None:
        service = Service()
        async with a_gate(service) as (client, _):
            said = {"Content-Disposition": "attachment; filename*=UTF-8''a%00%2Fb.csv"}
            answer = await client.post(path, content=b"x" * size, headers=said)
            assert answer.status_code == status

    run(work)


def test_only_so_many_large_calls_are_held_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "MOST_LARGE_CALLS", 1)
    arrived = asyncio.Event()

    async def slowly(handler: RequestHandler) -> None:
        arrived.set()
        await asyncio.sleep(0.5)
        handler.finish("{}")

    async def work() -> None:
        async with a_gate(Service(answer=slowly)) as (client, _):
            body = b"x" * (gate.LARGEST_CALL + 1)
            first = asyncio.create_task(client.post("/files/output", content=body))
            await arrived.wait()
            second = await client.post("/files/output", content=body)
            assert (second.status_code, "one by one" in second.json()["detail"]) == (503, True)
            assert (await client.get("/session")).status_code == 200
            assert (await first).status_code == 200
            assert (await client.post("/files/output", content=body)).status_code == 200

    run(work)


def test_refusals_of_the_service_pass_as_they_are() -> None:
    def refuse(handler: RequestHandler) -> None:
        handler.set_status(409)
        handler.set_header("Content-Type", "application/problem+json")
        handler.write('{"detail": "It was submitted."}')

    async def work() -> None:
        async with a_gate(Service(answer=refuse)) as (client, _):
            answer = await client.put("/requests/r1", json={})
            assert (answer.status_code, answer.json()["detail"]) == (409, "It was submitted.")
            assert answer.headers["content-type"] == "application/problem+json"

    run(work)


def test_service_that_is_away_or_slow_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "SECONDS_TO_ANSWER", 0.2)

    async def work() -> None:
        async with a_gate(Service(), served=False) as (client, _):
            answer = await client.get("/session")
            assert answer.status_code == 503
            assert "Nothing is lost" in answer.json()["detail"]
        async with a_gate(Service(answer=lambda handler: asyncio.sleep(5))) as (client, _):
            assert (await client.get("/session")).status_code == 504

    run(work)


def test_stamp_that_cannot_be_made_tells_nothing() -> None:
    def fail() -> str:
        raise OSError("/srv/saferoom/secrets/gate cannot be read")

    async def work() -> None:
        with short_folder() as folder:
            opened = open_gate(folder / "gate.sock", Beyond(folder / "none.sock", PREFIX, stamped(fail)))
            status, _, body = await asyncio.to_thread(_raw, folder / "gate.sock", "GET", "/session")
            assert status == 500
            assert b"secrets" not in body and json.loads(body)["status"] == 500
            await close_gate(opened)

    run(work)


def test_socket_is_private_replaces_a_stale_one_and_goes() -> None:
    async def work() -> None:
        with short_folder() as folder:
            path = folder / "gate.sock"
            with socket.socket(socket.AF_UNIX) as stale:
                stale.bind(str(path))
            opened = open_gate(path, Beyond(folder / "none.sock", PREFIX, stamped(lambda: "")))
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            status, _, _ = await asyncio.to_thread(_raw, path, "GET", "/session")
            assert status == 503
            await close_gate(opened)
            with pytest.raises(ConnectionRefusedError), socket.socket(socket.AF_UNIX) as late:
                late.connect(str(path))

    run(work)


def _raw(path: Path, method: str, target: str) -> tuple[int, dict[str, str], bytes]:
    """A call whose target nobody tidies up before it is sent."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(20)
        connection.connect(str(path))
        connection.sendall(f"{method} {target} HTTP/1.1\r\nHost: saferoom\r\nConnection: close\r\n\r\n".encode())
        content = b""
        while piece := connection.recv(65536):
            content += piece
    head, _, body = content.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return int(status.split()[1]), headers, body


def test_a_gate_takes_so_many_connections_and_no_more() -> None:
    """They use up descriptors of the hub, which all sessions share."""

    async def work() -> None:
        async with a_gate(Service()) as (client, path):
            held = [await asyncio.open_unix_connection(path) for _ in range(MOST_CONNECTIONS + 20)]
            closed = await asyncio.gather(*(_is_closed(reader) for reader, _ in held))
            assert sum(closed) == 20
            for _, writer in held:
                writer.close()
                await writer.wait_closed()
            await asyncio.sleep(0.2)
            assert (await client.get("/session")).status_code == 200

    run(work)


async def _is_closed(reader: asyncio.StreamReader) -> bool:
    try:
        return await asyncio.wait_for(reader.read(1), 2) == b""
    except TimeoutError:
        return False


def test_a_flooded_gate_logs_a_bounded_number_of_lines(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        async with a_gate(Service()) as (client, _):
            for _ in range(MOST_LINES + 30):
                assert (await client.get("/elsewhere")).status_code == 403

    with caplog.at_level(logging.INFO):
        run(work)
    lines = [record for record in caplog.records if "403" in record.getMessage() and "httpx" not in record.name]
    assert len(lines) == MOST_LINES


# --- the notebook server's gate to the hub


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/hub/api"),
        ("GET", "/hub/api/"),
        ("GET", "/hub/api/user"),
        ("POST", "/hub/api/oauth2/token"),
        ("POST", "/hub/api/users/ada/activity"),
    ],
)
def test_the_calls_that_a_notebook_server_makes_pass(method: str, target: str) -> None:
    assert allowed(method, target, server_calls("ada"))


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("POST", "/hub/api/users/bert/activity"),
        ("GET", "/hub/api/users/ada"),
        ("GET", "/hub/api/users"),
        ("POST", "/hub/api/users/ada/tokens"),
        ("POST", "/hub/api/users/ada/servers/wren"),
        ("DELETE", "/hub/api/users/ada/servers/heron"),
        ("GET", "/hub/api/user/../users"),
        ("GET", "/hub/api/user?x=%0d%0a&y=/../users"),
        ("GET", "/hub/api/oauth2/authorize"),
        ("PUT", "/hub/api/user"),
        ("POST", "/hub/api/users/ada/activity/../tokens"),
        ("GET", "/hub/login"),
        ("GET", "/session"),
    ],
)
def test_no_other_call_of_the_hub_passes(method: str, target: str) -> None:
    assert not allowed(method, target, server_calls("ada"))


@asynccontextmanager
async def a_servers_gate(service: Service, told: list[Any]) -> AsyncIterator[httpx.AsyncClient]:
    async def record(action: str, detail: dict[str, str]) -> None:
        told.append((action, detail))

    with short_folder() as folder:
        inner = HTTPServer(Application([("/.*", _Recorder, {"service": service})]))
        inner.add_socket(bind_unix_socket(str(folder / "hub.sock"), 0o600))
        beyond = Beyond(folder / "hub.sock", "", with_own_token, server_calls("ada"), "Four calls only.", record)
        opened = open_gate(folder / "gate.sock", beyond)
        transport = httpx.AsyncHTTPTransport(uds=str(folder / "gate.sock"))
        async with httpx.AsyncClient(transport=transport, base_url="http://hub", timeout=20) as client:
            try:
                yield client
            finally:
                await close_gate(opened)
                inner.stop()


def test_the_servers_own_token_passes_and_nothing_else_of_it() -> None:
    service = Service()

    async def work() -> None:
        async with a_servers_gate(service, []) as client:
            headers = {"Authorization": "token mine", "X-Forwarded-For": "1.2.3.4", "Cookie": "a=b"}
            await client.get("/hub/api/user", headers=headers)
            refused = await client.get("/hub/api/users", headers=headers)
            assert (refused.status_code, refused.json()["detail"]) == (403, "Four calls only.")

    run(work)
    ((_method, _target, headers, _body),) = service.seen
    assert headers["Authorization"] == "token mine"
    assert not {"X-Forwarded-For", "Cookie"} & set(headers)


EVENT = {"action": "output.budget_used", "detail": {"kind": "budget"}}
MALFORMED: list[Any] = [
    {},
    [],
    "text",
    {"action": "person.signed_in", "detail": {}},
    {"action": "output.held_back"},
    {"action": "output.held_back", "detail": "text"},
    {"action": "output.held_back", "detail": {"kind": 7}},
    {"action": "output.held_back", "detail": {"kind": "x" * 201}},
    {"action": "output.held_back", "detail": {str(number): "" for number in range(9)}},
]


def test_an_event_is_taken_down_before_it_is_answered() -> None:
    told: list[Any] = []

    async def work() -> None:
        async with a_servers_gate(Service(), told) as client:
            assert (await client.post("/events", json=EVENT)).status_code == 204
            assert told == [("output.budget_used", {"kind": "budget"})]

    run(work)


@pytest.mark.parametrize("event", MALFORMED, ids=str)
def test_an_event_of_another_form_is_refused(event: Any) -> None:
    told: list[Any] = []

    async def work() -> None:
        async with a_servers_gate(Service(), told) as client:
            assert (await client.post("/events", json=event)).status_code == 400

    run(work)
    assert told == []


def test_a_kernels_gate_has_no_place_for_events() -> None:
    async def work() -> None:
        async with a_gate(Service()) as (client, _):
            assert (await client.post("/events", json=EVENT)).status_code == 403

    run(work)
