"""Which system calls a sandbox may make: a filter in the kernel's own language, for `bwrap --seccomp`.

Namespaces hide files, processes and networks; they do not hide the kernel itself. The filter takes away what no
notebook needs and what attacks on kernels are made with, and the families of sockets that a network namespace does not
hold (AF_VSOCK reaches the hypervisor of a virtual machine from an empty network namespace). Calls for another
architecture kill the process. Sources: seccomp(2), bpf(4), the numbers of Linux's `asm/unistd_64.h` and
`asm-generic/unistd.h`.
"""

import errno
import platform
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from governance.errors import Unavailable


class UnknownMachine(Unavailable):
    """There is no table of system calls for this processor, so nothing can be filtered, and nothing starts."""


class Tenant(StrEnum):
    """Who lives in a sandbox: the notebook server, which makes sandboxes of its own, or a kernel, which may not."""

    SERVER = "server"
    KERNEL = "kernel"


@dataclass(frozen=True)
class _Machine:
    audit: int
    column: int
    x32_from: int | None


_MACHINES = {
    "x86_64": _Machine(audit=0xC000003E, column=0, x32_from=0x40000000),
    "aarch64": _Machine(audit=0xC00000B7, column=1, x32_from=None),
}

_NUMBERS: dict[str, tuple[int | None, int | None]] = {
    "acct": (163, 89),
    "add_key": (248, 217),
    "adjtimex": (159, 171),
    "bpf": (321, 280),
    "chroot": (161, 51),
    "clock_adjtime": (305, 266),
    "clock_settime": (227, 112),
    "clone": (56, 220),
    "clone3": (435, 435),
    "delete_module": (176, 106),
    "fanotify_init": (300, 262),
    "finit_module": (313, 273),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "init_module": (175, 105),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
    "ioctl": (16, 29),
    "ioperm": (173, None),
    "iopl": (172, None),
    "kcmp": (312, 272),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "lookup_dcookie": (212, 18),
    "memfd_secret": (447, 447),
    "modify_ldt": (154, None),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "name_to_handle_at": (303, 264),
    "nfsservctl": (180, 42),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "perf_event_open": (298, 241),
    "personality": (135, 92),
    "pidfd_getfd": (438, 438),
    "pivot_root": (155, 41),
    "process_madvise": (440, 440),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "reboot": (169, 142),
    "request_key": (249, 218),
    "setdomainname": (171, 162),
    "sethostname": (170, 161),
    "setns": (308, 268),
    "settimeofday": (164, 170),
    "socket": (41, 198),
    "socketpair": (53, 199),
    "swapoff": (168, 225),
    "swapon": (167, 224),
    "syslog": (103, 116),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
    "uselib": (134, None),
    "vhangup": (153, 58),
}
"""System call -> its number on x86-64 and on 64-bit ARM; None where there is no such call."""

NAMESPACES = frozenset({"mount", "umount2", "pivot_root", "unshare", "setns", "sethostname", "chroot"})
"""What a notebook server needs to put a kernel into a sandbox, and a kernel therefore never gets."""

ASKED_FURTHER = frozenset({"clone", "clone3", "ioctl", "socket", "socketpair"})
"""Calls that are allowed or refused by what they ask for."""

REFUSED = frozenset(_NUMBERS) - NAMESPACES - ASKED_FURTHER
"""What neither a notebook server nor a kernel may call."""

AF_UNIX, AF_INET, AF_INET6, AF_NETLINK = 1, 2, 10, 16
FAMILIES = (AF_UNIX, AF_INET, AF_INET6)
"""Kinds of sockets that stay within the network namespace, which is empty."""
NETLINK_ROUTE = 0

NEW_NAMESPACES = 0x7E020000 | 0x00000080
"""CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET, and NEWTIME."""

TERMINAL_INJECTION = (0x5412, 0x541C)
"""ioctl TIOCSTI and TIOCLINUX, which type into somebody's terminal."""

_LOAD, _JUMP_EQUAL, _JUMP_GREATER, _JUMP_BITS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_AT_NUMBER, _AT_ARCHITECTURE, _AT_ARGUMENTS = 0, 4, 16
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050000, 0x80000000

Instruction = tuple[int, int, int, int]


def program(tenant: Tenant, machine: str | None = None) -> bytes:
    """The filter for a tenant of a sandbox, as an array of `struct sock_filter`.

    `machine` is as `platform.machine()` says, this one by default. Raises `UnknownMachine` for another than x86-64 and
    64-bit ARM.
    """
    name = platform.machine() if machine is None else machine
    known = _MACHINES.get(name)
    if known is None:
        raise UnknownMachine(
            f"There is no table of system calls for a “{name}” processor, so kernels cannot be confined here. "
            "Use a machine with x86-64 or 64-bit ARM."
        )
    refused = REFUSED | (NAMESPACES if tenant is Tenant.KERNEL else frozenset())
    instructions = [
        *_this_architecture(known),
        *(each for call in sorted(refused) for each in _refuse(_number(call, known))),
        *_when(_number("clone3", known), [_returned(_REFUSE | errno.ENOSYS)]),  # its arguments cannot be seen
        *(_when(_number("clone", known), _no_namespaces()) if tenant is Tenant.KERNEL else ()),
        *_when(_number("ioctl", known), _no_injection()),
        *_when(_number("socket", known), _local_families()),
        *_when(_number("socketpair", known), _local_families()),
        _returned(_ALLOW),
    ]
    return b"".join(struct.pack("HBBI", *each) for each in instructions)


def _number(call: str, machine: _Machine) -> int | None:
    return _NUMBERS[call][machine.column]


def _returned(value: int) -> Instruction:
    return (_RETURN, 0, 0, value)


def _argument(number: int) -> Instruction:
    """Load the lower half of an argument; the flags and numbers that are asked about here fit into it."""
    return (_LOAD, 0, 0, _AT_ARGUMENTS + 8 * number)


def _this_architecture(machine: _Machine) -> list[Instruction]:
    checked: list[Instruction] = [
        (_LOAD, 0, 0, _AT_ARCHITECTURE),
        (_JUMP_EQUAL, 1, 0, machine.audit),
        _returned(_KILL),
        (_LOAD, 0, 0, _AT_NUMBER),
    ]
    if machine.x32_from is not None:
        checked += [(_JUMP_GREATER, 0, 1, machine.x32_from), _returned(_KILL)]
    return checked


def _refuse(number: int | None) -> list[Instruction]:
    return _when(number, [_returned(_REFUSE | errno.EPERM)])


def _when(number: int | None, then: Iterable[Instruction]) -> list[Instruction]:
    """`then`, which returns on every path, if the call has this number; else what follows."""
    body = list(then)
    return [] if number is None else [(_JUMP_EQUAL, 0, len(body), number), *body]


def _no_namespaces() -> list[Instruction]:
    return [
        _argument(0),
        (_JUMP_BITS, 0, 1, NEW_NAMESPACES),
        _returned(_REFUSE | errno.EPERM),
        _returned(_ALLOW),
    ]


def _no_injection() -> list[Instruction]:
    checks = [check for code in TERMINAL_INJECTION for check in _refuse(code)]
    return [_argument(1), *checks, _returned(_ALLOW)]


def _local_families() -> list[Instruction]:
    families = [each for family in FAMILIES for each in _when(family, [_returned(_ALLOW)])]
    netlink = _when(AF_NETLINK, [_argument(2), *_when(NETLINK_ROUTE, [_returned(_ALLOW)]), _refused_family()])
    return [_argument(0), *families, *netlink, _refused_family()]


def _refused_family() -> Instruction:
    return _returned(_REFUSE | errno.EAFNOSUPPORT)
