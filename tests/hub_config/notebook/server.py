"""A notebook server, locked or not, in a process of its own; a browser's side of it; and the hub's ear for events."""

import asyncio
import json
import os
import secrets
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from hub_config.notebook.configuration import locked_configuration, page_configuration, settings_overrides

KERNEL = "python3"
V1 = "v1.kernel.websocket.jupyter.org"


@dataclass
class Ear:
    """Listens on a UNIX socket for events, like the hub's gate does, and answers each with `status`."""

    path: Path
    status: int = 204
    heard: list[dict[str, Any]] = field(default_factory=list)

    def kinds(self, action: str) -> list[str]:
        return [event["detail"]["kind"] for event in self.heard if event["action"] == action]


@contextmanager
def ear(path: Path) -> Iterator[Ear]:
    listening = Ear(path)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path == "/events" and listening.status == 204:
                listening.heard.append(body)
            self.send_response(listening.status)
            self.end_headers()

        def log_message(self, *args: Any) -> None: ...

        def address_string(self) -> str:
            return "unix"

    with socketserver.ThreadingUnixStreamServer(str(path), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield listening
        server.shutdown()
        thread.join()


@dataclass
class Server:
    """A running notebook server."""

    folder: Path
    port: int
    token: str
    process: "subprocess.Popen[bytes]"

    @property
    def root(self) -> Path:
        return self.folder / "root"

    @property
    def work(self) -> Path:
        return self.root / "work"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/user/rosa/cohort"

    def ask(self, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
        headers = {"Authorization": f"token {self.token}"} | more.pop("headers", {})
        if body is not None:
            more["content"] = json.dumps(body)
        return httpx.request(method, self.url + path, headers=headers, timeout=60, trust_env=False, **more)

    def open(self, path: str, query: str = "content=1") -> httpx.Response:
        return self.ask("GET", f"/api/contents/{path}?{query}")

    def kernel(self, *, protocol: str = V1) -> "Kernel":
        answer = self.ask("POST", "/api/kernels", {"name": KERNEL})
        assert answer.status_code == 201, answer.text
        return self.connect(answer.json()["id"], protocol=protocol)

    def connect(self, kernel: str, *, protocol: str = V1) -> "Kernel":
        session = uuid.uuid4().hex
        loop = asyncio.new_event_loop()
        path = f"/api/kernels/{kernel}/channels?session_id={session}"
        connection = loop.run_until_complete(self.web_socket(path, [protocol] if protocol else []))
        return Kernel(self, kernel, session, connection, protocol, loop)

    async def web_socket(self, path: str, protocols: list[str]) -> WebSocketClientConnection:
        url = self.url.replace("http", "ws", 1) + path
        request = HTTPRequest(url, headers={"Authorization": f"token {self.token}"}, request_timeout=60)
        return await websocket_connect(request, subprotocols=protocols, max_message_size=1 << 28)


@dataclass
class Kernel:
    """A browser's connection to a kernel. `received` counts every byte that crossed."""

    server: Server
    id: str
    session: str
    connection: WebSocketClientConnection
    protocol: str
    loop: asyncio.AbstractEventLoop
    received: int = 0

    def send(self, kind: str, content: Any, channel: str = "shell", **more: Any) -> str:
        header = {
            "msg_id": uuid.uuid4().hex,
            "msg_type": kind,
            "session": self.session,
            "username": "",
            "date": "2026-11-25T12:00:00Z",
            "version": "5.3",
        }
        parts = [header, {}, {}, content]
        if self.protocol == V1:
            self._write(packed(channel, [json.dumps(part).encode() for part in parts]))
        else:
            names = ("header", "parent_header", "metadata", "content")
            self._write(json.dumps({"channel": channel, "buffers": [], **dict(zip(names, parts, strict=True))}))
        return header["msg_id"]

    def _write(self, frame: str | bytes) -> None:
        async def write() -> None:
            await self.connection.write_message(frame, binary=isinstance(frame, bytes))

        self.loop.run_until_complete(write())

    def receive(self, seconds: float = 60) -> dict[str, Any]:
        frame = self.loop.run_until_complete(asyncio.wait_for(self._read(), seconds))
        data = frame.encode() if isinstance(frame, str) else frame
        self.received += len(data)
        return unpacked(data) if self.protocol == V1 else json.loads(data)

    async def _read(self) -> str | bytes:
        frame = await self.connection.read_message()
        if frame is None:
            raise ConnectionError("the server closed the web-socket")
        return frame

    def ask(self, kind: str, content: Any, channel: str = "shell", seconds: float = 60) -> list[dict[str, Any]]:
        """All messages from a request until its reply came and the kernel was idle again."""
        request = self.send(kind, content, channel)
        messages: list[dict[str, Any]] = []
        idle = replied = False
        end = time.monotonic() + seconds
        while not (idle and replied):
            message = self.receive(max(0.1, end - time.monotonic()))
            messages.append(message)
            if message["parent_header"].get("msg_id") == request:
                idle |= message["content"].get("execution_state") == "idle"
                replied |= message["channel"] == channel
        return messages

    def run(self, code: str, seconds: float = 60) -> list[dict[str, Any]]:
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False}
        return self.ask("execute_request", content, seconds=seconds)

    def close(self) -> None:
        async def close() -> None:
            self.connection.close()
            while await self.connection.read_message() is not None:
                pass

        self.loop.run_until_complete(close())
        self.loop.close()


def packed(channel: str, parts: list[bytes]) -> bytes:
    frames = [channel.encode(), *parts]
    offsets = [8 * (len(frames) + 2)]
    for frame in frames:
        offsets.append(offsets[-1] + len(frame))
    return b"".join(number.to_bytes(8, "little") for number in (len(offsets), *offsets)) + b"".join(frames)


def unpacked(data: bytes) -> dict[str, Any]:
    count = int.from_bytes(data[:8], "little")
    offsets = [int.from_bytes(data[8 * each : 8 * each + 8], "little") for each in range(1, count + 1)]
    frames = [data[start:end] for start, end in pairwise(offsets)]
    names = ("header", "parent_header", "metadata", "content")
    message = {name: json.loads(frame) for name, frame in zip(names, frames[1:5], strict=True)}
    return message | {"channel": frames[0].decode(), "buffers": frames[5:]}


def kind(message: dict[str, Any]) -> str:
    return str(message["header"]["msg_type"])


def of_kind(messages: list[dict[str, Any]], *kinds: str) -> list[dict[str, Any]]:
    return [message for message in messages if kind(message) in kinds]


def shown(messages: list[dict[str, Any]]) -> str:
    """All text that stands under a cell."""
    texts = [message["content"].get("text", "") for message in of_kind(messages, "stream")]
    for message in of_kind(messages, "display_data", "execute_result", "update_display_data"):
        texts += [str(value) for value in message["content"]["data"].values()]
    for message in of_kind(messages, "error"):
        texts += [message["content"]["evalue"], *message["content"]["traceback"]]
    return "\n".join(texts)


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _configure(folder: Path, *, locked: bool, token: str, port: int, facts: dict[str, Any]) -> None:
    configuration, root, home = folder / "configuration", folder / "root", folder / "home"
    for each in (
        configuration / "labconfig",
        configuration / "kernels" / KERNEL,
        root / "work",
        root / "project",
        home,
    ):
        each.mkdir(parents=True, exist_ok=True)
    own = {
        "ServerApp": {
            "root_dir": str(root),
            "ip": "127.0.0.1",
            "port": port,
            "port_retries": 0,
            "base_url": "/user/rosa/cohort/",
            "allow_root": True,
            "open_browser": False,
            "jpserver_extensions": dict.fromkeys(("jupyterlab", "jupyter_server_terminals", "jupyter_lsp"), True),
        },
        "IdentityProvider": {"token": token},
        "KernelManager": {"transport": "ipc"},
    }
    if locked:
        lock = locked_configuration(root=root, server_home=home, kernel=KERNEL, by_hub=False, **facts)
        own["ServerApp"] |= lock["ServerApp"] | {
            "jpserver_extensions": lock["ServerApp"]["jpserver_extensions"] | {"jupyterlab": True}
        }
        own = {**lock, **own}
        _write(configuration / "labconfig" / "page_config.json", page_configuration(name="Saferoom · Cohort"))
        _write(configuration / "labconfig" / "default_setting_overrides.json", settings_overrides())
    _write(configuration / "jupyter_server_config.json", own)
    _write(
        configuration / "kernels" / KERNEL / "kernel.json",
        {
            "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            "display_name": "Python (Cohort)",
            "language": "python",
            "interrupt_mode": "signal",
        },
    )


def _write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content), encoding="utf-8")


@contextmanager
def running(folder: Path, gate: Path | None, *, locked: bool, **facts: Any) -> Iterator[Server]:
    """Start a server and wait until it answers; end it, and its kernels, afterwards."""
    token, port = secrets.token_hex(16), free_port()
    _configure(folder, locked=locked, token=token, port=port, facts=facts)
    runtime = Path("/tmp") / f"nb-{secrets.token_hex(4)}"  # kernels' sockets need a short name
    runtime.mkdir(mode=0o700)
    environment = {
        "HOME": str(folder / "home"),
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "JUPYTER_CONFIG_DIR": str(folder / "configuration"),
        "JUPYTER_PATH": str(folder / "configuration"),
        "JUPYTER_DATA_DIR": str(folder / "home" / "data"),
        "JUPYTER_RUNTIME_DIR": str(runtime),
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "home" / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "home" / "workspaces"),
        "SECRET_OF_THE_SERVER": "a token that no kernel may learn",
    }
    if gate is not None:
        environment["SAFEROOM_HUB_GATE"] = str(gate)
    command = [sys.executable, "-m", "jupyterlab"]
    with (folder / "server.log").open("ab") as log:
        process = subprocess.Popen(
            command, cwd=Path(__file__).parents[3], env=environment, stdout=log, stderr=log, start_new_session=True
        )
    server = Server(folder, port, token, process)
    try:
        _wait_for(server)
        yield server
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for left in runtime.iterdir():
            left.unlink()
        runtime.rmdir()


def _wait_for(server: Server) -> None:
    for _ in range(600):
        if server.process.poll() is not None:
            break
        try:
            if server.ask("GET", "/api/status").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise RuntimeError((server.folder / "server.log").read_text(encoding="utf-8")[-4000:])
