"""The filter of system calls, run by an interpreter of its own, and in a real process."""

import errno
import os
import platform
import socket
import struct
import subprocess
import sys
from typing import Any

import pytest

from hub_config import seccomp
from hub_config.seccomp import Tenant, UnknownMachine, program

ALLOW, KILL = 0x7FFF0000, 0x80000000
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
COLUMNS = {"x86_64": 0, "aarch64": 1}
MACHINES = tuple(ARCHITECTURES)
CLONE_NEWUSER, CLONE_THREAD, CLONE_NEWTIME = 0x10000000, 0x00010000, 0x80


def verdict(code: bytes, number: int, *arguments: int, architecture: int) -> int:
    """What Linux would answer: classic BPF over `struct seccomp_data`, as bpf(4) and seccomp(2) describe it."""
    padded = [argument & (2**64 - 1) for argument in (*arguments, *[0] * (6 - len(arguments)))]
    data = struct.pack("<IIQ6Q", number & 0xFFFFFFFF, architecture, 0, *padded)
    accumulator, at = 0, 0
    while True:
        operation, yes, no, value = struct.unpack_from("HBBI", code, at * 8)
        at += 1
        if operation == 0x06:
            return int(value)
        if operation == 0x20:
            (accumulator,) = struct.unpack_from("<I", data, value)
            continue
        holds = {0x15: accumulator == value, 0x35: accumulator >= value, 0x45: bool(accumulator & value)}[operation]
        at += yes if holds else no


def asked(tenant: Tenant, machine: str, call: str, *arguments: int) -> int:
    number = seccomp._NUMBERS[call][COLUMNS[machine]]
    assert number is not None
    return verdict(program(tenant, machine), number, *arguments, architecture=ARCHITECTURES[machine])


def refused(code: int) -> int:
    return 0x00050000 | code


CALLS = [
    (machine, call)
    for machine in MACHINES
    for call in sorted(seccomp.REFUSED)
    if seccomp._NUMBERS[call][COLUMNS[machine]] is not None
]


@pytest.mark.parametrize(("machine", "call"), CALLS)
def test_what_nobody_needs_is_refused_to_everybody(machine: str, call: str) -> None:
    assert {asked(tenant, machine, call) for tenant in Tenant} == {refused(errno.EPERM)}


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("call", sorted(seccomp.NAMESPACES))
def test_only_the_server_makes_sandboxes(machine: str, call: str) -> None:
    assert asked(Tenant.SERVER, machine, call) == ALLOW
    assert asked(Tenant.KERNEL, machine, call) == refused(errno.EPERM)


@pytest.mark.parametrize("machine", MACHINES)
def test_a_kernel_makes_threads_and_no_namespaces(machine: str) -> None:
    assert asked(Tenant.KERNEL, machine, "clone", CLONE_THREAD) == ALLOW
    for flag in (CLONE_NEWUSER, CLONE_NEWUSER | CLONE_THREAD, CLONE_NEWTIME):
        assert asked(Tenant.KERNEL, machine, "clone", flag) == refused(errno.EPERM)
        assert asked(Tenant.SERVER, machine, "clone", flag) == ALLOW
    assert asked(Tenant.KERNEL, machine, "clone3") == refused(errno.ENOSYS)  # libraries fall back to clone


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("call", ["socket", "socketpair"])
@pytest.mark.parametrize("tenant", Tenant)
def test_sockets_that_leave_the_network_namespace_are_refused(machine: str, call: str, tenant: Tenant) -> None:
    allowed = {family for family in range(64) if asked(tenant, machine, call, family, 1, 0) == ALLOW}
    assert allowed == {socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK}
    assert asked(tenant, machine, call, socket.AF_NETLINK, 3, 15) == refused(errno.EAFNOSUPPORT)  # uevents
    assert asked(tenant, machine, call, 40, 1, 0) == refused(errno.EAFNOSUPPORT)  # AF_VSOCK


@pytest.mark.parametrize("machine", MACHINES)
def test_nobody_types_into_a_terminal(machine: str) -> None:
    assert asked(Tenant.KERNEL, machine, "ioctl", 0, 0x5412) == refused(errno.EPERM)
    assert asked(Tenant.KERNEL, machine, "ioctl", 0, 0x5413) == ALLOW  # the size of a window


@pytest.mark.parametrize("machine", MACHINES)
def test_calls_of_another_architecture_kill(machine: str) -> None:
    for foreign in (0x40000003, ARCHITECTURES[MACHINES[1 - MACHINES.index(machine)]]):
        assert verdict(program(Tenant.KERNEL, machine), 0, architecture=foreign) == KILL


def test_the_second_numbering_of_x86_kills() -> None:
    assert verdict(program(Tenant.KERNEL, "x86_64"), 0x40000000 + 41, architecture=ARCHITECTURES["x86_64"]) == KILL


@pytest.mark.parametrize("machine", MACHINES)
def test_ordinary_calls_pass(machine: str) -> None:
    numbers = {number for call in seccomp._NUMBERS.values() if (number := call[COLUMNS[machine]]) is not None}
    code = program(Tenant.KERNEL, machine)
    others = [number for number in range(430) if number not in numbers]
    assert {verdict(code, number, architecture=ARCHITECTURES[machine]) for number in others} == {ALLOW}


def test_a_processor_without_a_table_is_refused() -> None:
    with pytest.raises(UnknownMachine, match="riscv64"):
        program(Tenant.KERNEL, "riscv64")


def in_filter(tenant: Tenant | None, code: str) -> str:
    """What Python code prints in a process of its own, behind a filter (or without one)."""
    filters: dict[str, Any] = {}
    arguments = ["bwrap", "--dev-bind", "/", "/"]
    descriptor = os.memfd_create("filter", 0)
    try:
        if tenant is not None:
            os.write(descriptor, program(tenant))
            os.lseek(descriptor, 0, os.SEEK_SET)
            arguments += ["--seccomp", str(descriptor)]
            filters = {"pass_fds": (descriptor,)}
        done = subprocess.run(
            [*arguments, "--", sys.executable, "-c", code],
            capture_output=True,
            check=False,
            text=True,
            timeout=30,
            **filters,
        )
    finally:
        os.close(descriptor)
    return done.stdout + done.stderr


KEYCTL = seccomp._NUMBERS["keyctl"][COLUMNS.get(platform.machine(), 0)]
REAL = {
    "uevents": "import socket; socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 15); print('made')",
    "keyring": f"import ctypes; print('made' if ctypes.CDLL(None).syscall({KEYCTL}, 0, -3, 1) > 0 else 'no')",
}


@pytest.mark.parametrize("attempt", REAL)
def test_in_a_real_process_the_filter_is_what_refuses(attempt: str) -> None:
    assert "made" in in_filter(None, REAL[attempt])
    assert "made" not in in_filter(Tenant.KERNEL, REAL[attempt])


def test_a_socket_to_the_hypervisor_is_refused_by_the_filter_whatever_the_machine_has() -> None:
    told = in_filter(Tenant.KERNEL, "import socket; socket.socket(40, socket.SOCK_STREAM)")
    assert f"Errno {errno.EAFNOSUPPORT}" in told


def test_honest_work_passes_a_real_filter() -> None:
    code = (
        "import concurrent.futures as f, socket, subprocess, tempfile; socket.socketpair(); socket.socket();"
        "subprocess.run(['true'], check=True); print(sum(f.ThreadPoolExecutor().map(int, '123')))"
    )
    assert in_filter(Tenant.KERNEL, code) == "6\n"
