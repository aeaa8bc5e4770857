"""The relay carries calls between UNIX sockets and the network: real sockets, real bytes."""

import asyncio
import os
import stat
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_unix_socket
from tornado.web import Application, RequestHandler

from hub_config.elsewhere import relay
from hub_config.elsewhere.relay import End, UnknownEnd, Way, way

BIG = os.urandom(3 * 2**20)


@pytest.fixture
def sockets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a short name, as the names of sockets have to be short."""
    return tmp_path_factory.mktemp("s")


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say everything back, then end."""
    said = await reader.read()
    writer.write(said)
    await writer.drain()
    writer.close()


def port_of(server: asyncio.Server) -> int:
    return int(server.sockets[0].getsockname()[1])


async def through(socket: Path, said: bytes) -> bytes:
    reader, writer = await asyncio.open_unix_connection(socket)
    writer.write(said)
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    return answer


def run(work: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(_all(work))


async def _all(work: Callable[[], Awaitable[None]]) -> None:
    """The work, and then every call that is still carried: none may be left over."""
    async with asyncio.timeout(20):
        await work()
        await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}))


def test_what_is_said_arrives_and_the_answer_comes_back(sockets: Path) -> None:
    async def work() -> None:
        async with await asyncio.start_server(echo, "127.0.0.1", 0) as beyond:
            target = End(host="127.0.0.1", port=port_of(beyond))
            async with await relay.listen(Way(End(socket=sockets / "gate.sock"), target)):
                answers = await asyncio.gather(*(through(sockets / "gate.sock", said) for said in (b"one", BIG, b"")))
                assert answers == [b"one", BIG, b""]

    run(work)


def test_socket_is_its_owners_alone_and_replaces_a_stale_one(sockets: Path) -> None:
    async def work() -> None:
        (sockets / "gate.sock").write_text("left by a relay that was killed")
        async with await relay.listen(Way(End(socket=sockets / "gate.sock"), End(host="127.0.0.1", port=1))):
            found = (sockets / "gate.sock").stat()
            assert stat.S_ISSOCK(found.st_mode) and stat.S_IMODE(found.st_mode) == 0o600
            assert os.umask(0o022) != 0o177

    run(work)


def test_call_that_cannot_be_carried_is_closed_and_the_next_one_is_served(sockets: Path) -> None:
    async def work() -> None:
        target = sockets / "beyond.sock"
        async with await relay.listen(Way(End(socket=sockets / "gate.sock"), End(socket=target))):
            with suppress(ConnectionResetError):
                assert await through(sockets / "gate.sock", b"hello") == b""
            async with await asyncio.start_unix_server(echo, target):
                assert await through(sockets / "gate.sock", b"hello") == b"hello"

    run(work)


def test_http_goes_out_of_one_relay_and_into_another(sockets: Path) -> None:
    """As in a cluster: socket, relay of the pod, network, relay of the hub, the gate's socket."""

    class Hello(RequestHandler):
        def post(self) -> None:
            self.write(self.request.headers["X-Said"].encode() + self.request.body)

    async def work() -> None:
        server = HTTPServer(Application([("/hello", Hello)]))
        server.add_socket(bind_unix_socket(str(sockets / "service.sock"), mode=0o600))
        hub_side = await relay.listen(Way(End(host="127.0.0.1", port=0), End(socket=sockets / "service.sock")))
        pod_side = await relay.listen(
            Way(End(socket=sockets / "gate.sock"), End(host="127.0.0.1", port=port_of(hub_side)))
        )
        transport = httpx.AsyncHTTPTransport(uds=str(sockets / "gate.sock"))
        async with httpx.AsyncClient(transport=transport) as client:
            for _ in range(2):
                answer = await client.post("http://gate/hello", headers={"X-Said": "said:"}, content=BIG[:100_000])
                assert answer.content == b"said:" + BIG[:100_000]
        server.stop()
        await server.close_all_connections()
        pod_side.close()
        hub_side.close()

    run(work)


@pytest.mark.parametrize(
    "text",
    [
        "unix:/run/gate.sock=tcp:10.96.0.12:21001",
        "tcp:0.0.0.0:8888=unix:/run/server.sock",
        "unix:/run/gate.sock=tcp:[fd00::1]:21001",
    ],
)
def test_ways_are_read_as_they_are_written(text: str) -> None:
    assert str(way(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "unix:/run/gate.sock",
        "unix:gate.sock=tcp:10.0.0.1:1",
        "unix:/run/gate.sock=tcp:hub.saferoom.svc:21001",
        "unix:/run/gate.sock=tcp:10.0.0.1:0",
        "unix:/run/gate.sock=tcp:10.0.0.1:65536",
        "unix:/a=unix:/b=unix:/c",
        "udp:10.0.0.1:53=unix:/run/gate.sock",
    ],
)
def test_what_is_no_way_is_refused(text: str) -> None:
    with pytest.raises(UnknownEnd, match="without a name"):
        way(text)


def test_program_says_what_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    assert relay.main(["unix:/run/gate.sock=tcp:hub:21001"]) == 2
    assert "“tcp:hub:21001” is no end of a way" in capsys.readouterr().err


def test_program_serves_until_it_is_ended(sockets: Path) -> None:
    words = [
        f"unix:{sockets}/first.sock=unix:{sockets}/second.sock",
        f"unix:{sockets}/second.sock=unix:{sockets}/no.sock",
    ]
    with subprocess.Popen([sys.executable, "-m", "hub_config.elsewhere.relay", *words]) as program:
        end = time.monotonic() + 30
        while not all((sockets / name).exists() for name in ("first.sock", "second.sock")):
            assert program.poll() is None and time.monotonic() < end
            time.sleep(0.02)
        program.terminate()
