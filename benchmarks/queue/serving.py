"""The outputs service and an empty Flask page in the same settings under gunicorn, and the hub's proxy before both."""

import json
import os
import secrets
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from benchmarks.queue.application import EMPTY_PREFIX, FOLDER, PREFIX
from hub_config.proxy import SOCKETS_FOR_NODE
from hub_config.services import gunicorn
from hub_config.settings import CHECKOUT

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Served:
    """An application that is served: where its socket is, and its master process."""

    socket: str
    master: int

    def cpu(self) -> float:
        """CPU seconds of its workers until now."""
        workers = Path(f"/proc/{self.master}/task/{self.master}/children").read_text().split()
        return sum(map(_cpu_of, map(int, workers)))


@dataclass(frozen=True)
class Serving:
    outputs: Served
    empty: Served
    proxy: tuple[str, int]


def _cpu_of(pid: int) -> float:
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / TICKS


@contextmanager
def serving(register: Path, run: Path) -> Iterator[Serving]:
    """All three, until the end."""
    with ExitStack() as stack:
        served = [stack.enter_context(_gunicorn(run, name, register)) for name in ("create", "empty")]
        proxy = stack.enter_context(_proxy({PREFIX: served[0].socket, EMPTY_PREFIX: served[1].socket}))
        yield Serving(served[0], served[1], proxy)


@contextmanager
def _gunicorn(run: Path, name: str, register: Path) -> Iterator[Served]:
    address = run / f"{name}.sock"
    command = gunicorn(address, run, f"benchmarks.queue.application:{name}()")
    with _process(command, {FOLDER: str(register)}) as process:
        _wait(socket.AF_UNIX, str(address))
        yield Served(str(address), process.pid)


@contextmanager
def _proxy(routes: dict[str, str]) -> Iterator[tuple[str, int]]:
    """The hub's proxy with these routes to sockets."""
    port, api, token = _free_port(), _free_port(), secrets.token_hex(16)
    script = CHECKOUT / "node_modules" / ".bin" / "configurable-http-proxy"
    command = ["node", "--import", str(SOCKETS_FOR_NODE), str(script), "--log-level", "error"]
    command += ["--ip", "127.0.0.1", "--port", str(port), "--api-ip", "127.0.0.1", "--api-port", str(api)]
    with _process(command, {"CONFIGPROXY_AUTH_TOKEN": token}):
        _wait(socket.AF_INET, ("127.0.0.1", api))
        for path, target in routes.items():
            body = json.dumps({"target": f"unix+http://{quote(target, safe='')}"}).encode()
            address = f"http://127.0.0.1:{api}/api/routes{path}"
            request = urllib.request.Request(address, body, {"Authorization": f"token {token}"}, method="POST")
            urllib.request.urlopen(request).close()  # noqa: S310 - our own proxy
        yield "127.0.0.1", port


@contextmanager
def _process(command: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, env=os.environ | environment, cwd=CHECKOUT)  # noqa: S603 - our own programs
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _wait(family: int, address: object) -> None:
    for _ in range(600):
        with socket.socket(family) as attempt:
            if attempt.connect_ex(address) == 0:  # type: ignore[arg-type]
                return
        time.sleep(0.1)
    raise TimeoutError(f"nothing answers at {address}")
