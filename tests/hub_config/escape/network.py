"""Attempts over networks and sockets. Sent into kernels."""

import contextlib
import errno
import os
import random
import socket
import stat
import struct
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

from tests.hub_config.escape.attempt import Closed, Control, Family, attempt, closed_if_empty

NO_NETWORK = "the session's network namespace, in which there is nothing but its own loopback"
NO_FAMILY = "the filter of system calls, which knows three families of sockets"
NOT_MOUNTED = "the socket is not in the kernel's file system"
SECONDS = 2
NO_TYPE = 0x7FFF
"""A type of socket that there is not: Linux answers EINVAL before it asks for the family, the filter answers first."""


@attempt(Family.NETWORK, NO_NETWORK)
def tcp_to_the_hub(facts: SimpleNamespace) -> str:
    """Connect over TCP to the port on which this Saferoom listens."""
    with socket.create_connection(("127.0.0.1", facts.port), SECONDS) as peer:
        return f"connected to {peer.getpeername()}"


@attempt(Family.NETWORK, NO_NETWORK)
def tcp_over_ipv6(facts: SimpleNamespace) -> str:
    """Connect over IPv6 to a service of this machine."""
    address = ("::1" if facts.ipv6 else "::ffff:127.0.0.1", facts.ipv6_port)
    with socket.create_connection(address, SECONDS) as peer:
        return f"connected to {peer.getpeername()}"


@attempt(Family.NETWORK, NO_NETWORK)
def tcp_to_every_address_of_the_machine(facts: SimpleNamespace) -> str:
    """Connect to the port at every address that the machine's tables name, and at the usual gateways."""
    named = {"127.0.0.1", "10.0.2.2", "172.17.0.1", "192.168.0.1", *_addresses()}
    for address in sorted(named):
        with contextlib.suppress(OSError), socket.create_connection((address, facts.port), 0.3):
            return f"connected to {address}"
    raise Closed(f"none of {len(named)} addresses answers")


def _addresses() -> Iterator[str]:
    for line in Path("/proc/net/fib_trie").read_text().splitlines():
        if "|-- " in line:
            yield line.partition("|-- ")[2].strip()


@attempt(Family.NETWORK, NO_NETWORK)
def udp_to_the_machine(facts: SimpleNamespace) -> str:
    """Send a datagram to a service of this machine, and wait for its answer."""
    return _ask_udp(facts, b"anybody?")


@attempt(Family.NETWORK, NO_NETWORK)
def dns_question(facts: SimpleNamespace) -> str:
    """Ask a resolver of this machine for a name that carries data."""
    name = b"".join(bytes([len(part)]) + part for part in (b"secret-row-42", b"example", b"org")) + b"\0"
    return _ask_udp(facts, struct.pack(">HHHHHH", 7, 0x100, 1, 0, 0, 0) + name + struct.pack(">HH", 1, 1))


def _ask_udp(facts: SimpleNamespace, question: bytes) -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.settimeout(SECONDS)
        sender.connect(("127.0.0.1", facts.udp_port))
        sender.send(question)
        return f"answered: {sender.recv(100)!r}"


@attempt(Family.NETWORK, "the machine's configuration is not in the kernel's file system")
def resolvers_and_hosts(facts: SimpleNamespace) -> str:
    """Read which resolvers and hosts this machine knows."""
    read = [path for path in ("/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf") if Path(path).is_file()]
    return closed_if_empty(read)


@attempt(Family.NETWORK, NO_NETWORK)
def service_for_others(facts: SimpleNamespace) -> str:
    """Listen on a TCP port, for somebody on the machine who fetches what is offered there."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        Path("meeting").write_text(str(server.getsockname()[1]))
        server.settimeout(SECONDS)
        guest, _ = server.accept()
        with guest:
            guest.settimeout(SECONDS)
            return closed_if_empty(guest.recv(100))


@attempt(Family.NETWORK, "no rights over the network, even over its own", control=Control.FREE, errno=errno.EPERM)
def raw_ip_packets(facts: SimpleNamespace) -> str:
    """Make a socket for raw IP packets (ICMP)."""
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP):
        return "made"


@attempt(Family.NETWORK, "no rights over the network, even over its own", control=Control.FREE)
def new_address_by_netlink(facts: SimpleNamespace) -> str:
    """Give an interface another address, by a message to Linux's routing."""
    family = struct.pack("=BBBBI", socket.AF_INET, 8, 0, 0, 1)
    attribute = struct.pack("=HH4s", 8, 2, socket.inet_aton("10.9.8.7"))
    body = family + attribute
    request = struct.pack("=IHHII", 16 + len(body), 20, 0x1 | 0x4 | 0x400, 1, 0) + body
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as kernel:
        kernel.settimeout(SECONDS)
        kernel.send(request)
        status = struct.unpack_from("=i", kernel.recv(4096), 16)[0]
    if status:
        raise OSError(-status, os.strerror(-status))
    return "added"


def _family(number: int) -> str:
    """Evidence that a family of sockets reaches Linux: one is made, or Linux objects to its type."""
    try:
        socket.socket(number, socket.SOCK_STREAM | NO_TYPE).close()
    except OSError as error:
        if error.errno == errno.EAFNOSUPPORT:
            raise
        return f"Linux answered for family {number}: {error.strerror}"
    return f"family {number}: made"


@attempt(Family.NETWORK, NO_FAMILY, control=Control.FREE, errno=errno.EAFNOSUPPORT)
def vsock(facts: SimpleNamespace) -> str:
    """Make a socket to the hypervisor (AF_VSOCK), which no network namespace holds back."""
    return _family(40)


@attempt(Family.NETWORK, NO_FAMILY, control=Control.FREE, errno=errno.EAFNOSUPPORT)
def raw_frames(facts: SimpleNamespace) -> str:
    """Make a socket for raw frames (AF_PACKET)."""
    return _family(17)


@attempt(Family.NETWORK, NO_FAMILY, control=Control.FREE, errno=errno.EAFNOSUPPORT)
def crypto_sockets(facts: SimpleNamespace) -> str:
    """Make a socket to Linux's cryptography (AF_ALG), a frequent way into the kernel."""
    return _family(38)


@attempt(Family.NETWORK, NO_FAMILY, control=Control.FREE, errno=errno.EAFNOSUPPORT)
def every_other_family(facts: SimpleNamespace) -> str:
    """Make a socket of any other family (Bluetooth, CAN, TIPC, XDP, NFC, telephones …)."""
    known = (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK)
    found = []
    for number in range(64):
        if number not in known:
            with contextlib.suppress(OSError):
                found.append(_family(number))
    if not found:
        raise OSError(errno.EAFNOSUPPORT, "all of them are refused")
    return found[0]


@attempt(Family.NETWORK, NO_FAMILY, control=Control.FREE, errno=errno.EAFNOSUPPORT)
def other_netlinks(facts: SimpleNamespace) -> str:
    """Speak with other parts of Linux over netlink (firewall, audit, devices, generic)."""
    for protocol in (9, 12, 15, 16, 20):
        try:
            socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol).close()
        except OSError as error:
            if error.errno == errno.EAFNOSUPPORT:
                continue
        return f"netlink {protocol}: made"
    raise OSError(errno.EAFNOSUPPORT, "all of them are refused")


# --- sockets


def _connect(path: str) -> str:
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(SECONDS)
        peer.connect(path)
        return f"connected to {path.removeprefix(chr(0))}"


@attempt(Family.SOCKETS, NO_NETWORK)
def abstract_socket(facts: SimpleNamespace) -> str:
    """Connect to an abstract UNIX socket, which has no place in any file system."""
    return _connect("\0" + facts.abstract)


@attempt(Family.SOCKETS, NOT_MOUNTED)
def hub_socket(facts: SimpleNamespace) -> str:
    """Connect to the hub's socket."""
    return _connect(facts.hub_socket)


@attempt(Family.SOCKETS, NOT_MOUNTED)
def proxy_socket(facts: SimpleNamespace) -> str:
    """Connect to the socket over which the hub changes the proxy's routes."""
    return _connect(facts.proxy_socket)


@attempt(Family.SOCKETS, NOT_MOUNTED)
def outputs_socket(facts: SimpleNamespace) -> str:
    """Connect to the outputs service past the gate."""
    return _connect(facts.outputs_socket)


@attempt(Family.SOCKETS, NOT_MOUNTED)
def hub_gate_of_the_server(facts: SimpleNamespace) -> str:
    """Connect to the notebook server's own gate to the hub."""
    return _first(facts.hub_gates)


@attempt(Family.SOCKETS, NOT_MOUNTED)
def notebook_server_socket(facts: SimpleNamespace) -> str:
    """Connect to the notebook server's socket, past the browser and the proxy."""
    return _first(facts.server_sockets)


@attempt(Family.SOCKETS, NOT_MOUNTED)
def gates_of_others(facts: SimpleNamespace) -> str:
    """Connect to the gate of another person's session, and of another project's."""
    return _first(facts.other_gates)


def _first(paths: list[str]) -> str:
    for path in paths:
        with contextlib.suppress(OSError):
            return _connect(path)
    raise Closed(f"none of {len(paths)} paths leads anywhere")


@attempt(Family.SOCKETS, "no socket is mounted but the gate and the kernel's own channels")
def any_socket_anywhere(facts: SimpleNamespace) -> str:
    """Search the file system for sockets that somebody else listens on."""
    own = (os.environ["SAFEROOM_GATE"], facts.own_channels)
    for folder, names, files in os.walk(facts.search):
        names[:] = [] if folder in ("/proc", "/usr", "/sys") else names
        for path in (str(Path(folder, file)) for file in files):
            with contextlib.suppress(OSError):
                if stat.S_ISSOCK(os.lstat(path).st_mode) and not path.startswith(own):
                    return _connect(path)
    raise Closed("no other socket")


@attempt(Family.SOCKETS, "the folder is mounted read-only in the kernel, or not at all")
def socket_beside_the_servers(facts: SimpleNamespace) -> str:
    """Listen on a socket beside the notebook server's, to take its place before the browser."""
    return _listen(facts.server_folders)


@attempt(Family.SOCKETS, "the folder is mounted read-only in the kernel")
def socket_beside_the_gate(facts: SimpleNamespace) -> str:
    """Listen on a socket beside the gate's, to take its place before other kernels."""
    return _listen([str(Path(os.environ["SAFEROOM_GATE"]).parent)])


def _listen(folders: list[str]) -> str:
    for folder in folders:
        path = Path(folder, f"x{random.randrange(10**6)}")
        with socket.socket(socket.AF_UNIX) as server, contextlib.suppress(OSError):
            server.bind(str(path))
            path.unlink()
            return f"listens in {folder}"
    raise Closed(f"none of {len(folders)} folders can be written to")


@attempt(Family.SOCKETS, "the gate's folder is mounted read-only in the kernel", errno=errno.EROFS)
def gate_taken_away(facts: SimpleNamespace) -> str:
    """Give the gate's socket another name, so that it can be replaced."""
    gate = Path(os.environ["SAFEROOM_GATE"])
    moved = gate.rename(gate.with_suffix(".moved"))
    moved.rename(gate)
    return "renamed"
