"""What attempts aim at: things of the real Saferoom, and of this machine, that everybody outside a sandbox can use."""

import contextlib
import ctypes
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hub_config.register import describe_session
from hub_config.secrets import Secret
from hub_config.session import INSIDE
from safe_outputs.web import stamp
from tests.hub_config.escape.venues import MEBIBYTE, SMALL
from tests.hub_config.house import House, short_folder

WORD = "a-secret-word-of-a-process-outside"


@contextmanager
def targets(house: House) -> Iterator[dict[str, Any]]:
    """What attempts are told: where things of the real Saferoom and of this machine are."""
    with short_folder() as folder, _victim(folder) as victim, _listeners() as listeners, _shared(folder) as shared:
        yield _paths(house) | victim | listeners | shared | _bounds() | {"writable": "/tmp"}


def _paths(house: House) -> dict[str, Any]:
    settings, engine = house.settings, house.engine
    ada, crane, emil = (
        describe_session(settings, engine, *who) for who in (("ada", "heron"), ("ada", "crane"), ("emil", "heron"))
    )
    return {
        "person": "ada",
        "port": settings.port,
        "prefix": "",
        "hub_socket": str(settings.hub_socket),
        "proxy_socket": str(settings.proxy_api_socket),
        "outputs_socket": str(settings.outputs_socket),
        "hub_gates": [str(folder / "hub.sock") for folder in (ada.outside.hub_gate, INSIDE.hub_gate)],
        "server_sockets": [str(folder / "server.sock") for folder in (ada.outside.server, INSIDE.server)],
        "server_folders": [str(ada.outside.server), str(INSIDE.server)],
        "server_homes": [
            str(folder)
            for places in (ada.outside, INSIDE)
            for folder in (places.server_home, places.configuration, places.configuration / "kernels")
        ],
        "other_gates": [str(session.outside.gate / "gate.sock") for session in (crane, emil)],
        "register": str(settings.database),
        "ledger": str(settings.ledger),
        "gate_secret": str(settings.secrets / Secret.GATE),
        "hub_database": str(next(settings.hub.glob("*.sqlite"))),
        "log": str(settings.log),
        "datasets": str(settings.datasets),
        "other_copy": str(crane.copies[0].path),
        "colleague_file": str(emil.outside.work / "private.txt"),
        "other_work_file": str(crane.outside.work / "private.txt"),
        "other_project_file": str(crane.outside.project / "shared.txt"),
        "marks_of_the_service": ["JUPYTERHUB", "CONFIGPROXY", "SAFEROOM_HUB_GATE", "SECRET", str(settings.state)],
    }


def stamp_of_another(house: House) -> dict[str, Any]:
    """A stamp of Emil's, good for a minute."""
    return {"stamp_of_another": stamp.sign(house.secrets.gate, "emil", "heron")}


def _bounds() -> dict[str, Any]:
    return {
        "disk_bytes": SMALL["project_disk_mb"] * MEBIBYTE,
        "memory_bytes": SMALL["session_memory_mb"] * MEBIBYTE,
        "scratch_bytes": SMALL["session_scratch_mb"] * MEBIBYTE,
        "shared_bytes": 256 * MEBIBYTE,
        "processes": SMALL["session_processes"],
    }


VICTIM = """
import ctypes, sys
ctypes.CDLL(None).prctl(0x59616D61, ctypes.c_ulong(-1), 0, 0, 0)
held = ctypes.create_string_buffer(sys.argv[2].encode())
file = open(sys.argv[1])
print(ctypes.addressof(held), flush=True)
sys.stdin.read()
"""


@contextmanager
def _victim(folder: Path) -> Iterator[dict[str, Any]]:
    """A process outside with a secret, in its memory and in a file that it has open. Everybody may debug it."""
    file = folder / "open.txt"
    file.write_text(WORD)
    command = [sys.executable, "-c", VICTIM, str(file), WORD]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        address = int(process.stdout.readline())
        yield {"victim": process.pid, "victim_address": address, "victim_word": WORD}
        process.kill()


@contextmanager
def _listeners() -> Iterator[dict[str, Any]]:
    """Services of this machine that everybody may ask: over IPv6, UDP, and an abstract UNIX socket."""
    with contextlib.ExitStack() as stack:
        ipv6 = stack.enter_context(contextlib.closing(_listen_on_ipv6()))
        udp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        udp.bind(("127.0.0.1", 0))
        udp.settimeout(0.2)
        abstract = stack.enter_context(socket.socket(socket.AF_UNIX))
        name = f"saferoom-escape-{os.getpid()}"
        abstract.bind("\0" + name)
        abstract.listen()
        stack.enter_context(working(lambda: _answer(udp)))
        yield {
            "ipv6": ipv6.family == socket.AF_INET6 and ipv6.getsockname()[0] == "::1",
            "ipv6_port": ipv6.getsockname()[1],
            "udp_port": udp.getsockname()[1],
            "abstract": name,
        }


def _listen_on_ipv6() -> socket.socket:
    """On IPv6's loopback; on a machine without it, on that of IPv4, to be asked at its address as IPv6 writes it."""
    try:
        return socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        return socket.create_server(("127.0.0.1", 0))


def _answer(udp: socket.socket) -> None:
    with contextlib.suppress(TimeoutError):
        _, sender = udp.recvfrom(1000)
        udp.sendto(b"here I am", sender)


@contextmanager
def working(work: Callable[[], None]) -> Iterator[None]:
    """Do something again and again, beside all else."""
    done = threading.Event()

    def repeat() -> None:
        while not done.is_set():
            work()

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


@contextmanager
def _shared(folder: Path) -> Iterator[dict[str, Any]]:
    """What processes of one machine share where nothing keeps them apart."""
    folder.chmod(0o755)
    temporary, memory = folder / "temporary.txt", Path(f"/dev/shm/saferoom-escape-{os.getpid()}")
    for path in (temporary, memory):
        path.write_text("somebody's")
        path.chmod(0o644)
    key, queue = 0x5AFE0000 + os.getpid() % 0xFFFF, f"/saferoom-escape-{os.getpid()}"
    libc = ctypes.CDLL(None, use_errno=True)
    segment = libc.shmget(key, 4096, 0o1666)
    descriptor = libc.mq_open(queue.encode(), os.O_RDWR | os.O_CREAT, 0o666, None)
    assert segment >= 0 and descriptor >= 0, os.strerror(ctypes.get_errno())
    try:
        yield {"temporary_file": str(temporary), "shared_file": str(memory), "shared_key": key, "queue": queue}
    finally:
        libc.shmctl(segment, 0, None)
        libc.mq_unlink(queue.encode())
        os.close(descriptor)
        memory.unlink()


def _greet(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), 1) as peer:
        peer.sendall(b"hello")


@contextmanager
def guest(folders: list[Path]) -> Iterator[None]:
    """Somebody on this machine who fetches what is offered, wherever a kernel wrote the port."""

    def visit() -> None:
        for folder in folders:
            with contextlib.suppress(OSError, ValueError):
                port = int((folder / "meeting").read_text())
                _greet(port)
        time.sleep(0.1)

    with working(visit):
        yield
