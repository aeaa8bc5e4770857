"""The filter of system calls in JSON, as container runtimes read it: the same tables as `hub_config.seccomp`.

The form has no “any of these bits” and no “none of these numbers”. So a kernel's namespaces are refused bit by bit, and
families of sockets one by one up to the last that is known, and all above it at once. Where Linux looks at the lower
half of an argument, so does the rule: a number that differs in its upper half is the same number. Sources: the OCI
runtime specification (config-linux, “Seccomp”), seccomp_rule_add(3), socket(2).
"""

import errno
import platform
from typing import Any

from hub_config import seccomp
from hub_config.seccomp import Tenant, UnknownMachine

ARCHITECTURES = {"x86_64": "SCMP_ARCH_X86_64", "aarch64": "SCMP_ARCH_AARCH64"}
"""Calls of any other architecture end the process, x32 among them: libseccomp does so by itself."""

LOWER_HALF = 0xFFFFFFFF

Rule = dict[str, Any]
Condition = dict[str, int | str]


def profile(tenant: Tenant, machine: str | None = None) -> dict[str, Any]:
    """The profile for a tenant of a sandbox. Raises `UnknownMachine` for another than x86-64 and 64-bit ARM.

    `machine` is as `platform.machine()` says, this one by default.
    """
    name = platform.machine() if machine is None else machine
    if name not in ARCHITECTURES:
        raise UnknownMachine(
            f"There is no table of system calls for a “{name}” processor, so sessions cannot be confined there. "
            "Use nodes with x86-64 or 64-bit ARM."
        )
    kernel = tenant is Tenant.KERNEL
    return {
        "defaultAction": "SCMP_ACT_ALLOW",
        "architectures": [ARCHITECTURES[name]],
        "syscalls": [
            _refuse(sorted(seccomp.REFUSED | (seccomp.NAMESPACES if kernel else frozenset()))),
            _refuse(["clone3"], error=errno.ENOSYS),  # its arguments cannot be seen
            *(_refuse(["clone"], _bits(0, bit)) for bit in _single_bits(seccomp.NEW_NAMESPACES) if kernel),
            *(_refuse(["ioctl"], _equal(1, code)) for code in seccomp.TERMINAL_INJECTION),
            *_families(),
        ],
    }


def _families() -> list[Rule]:
    """Every kind of socket but those of `seccomp.FAMILIES`, and of netlink all but its routes."""
    known = {*seccomp.FAMILIES, seccomp.AF_NETLINK}
    unknown = max(known) + 1
    above: Condition = {"index": 0, "value": unknown, "op": "SCMP_CMP_GE"}
    other: Condition = {"index": 2, "value": seccomp.NETLINK_ROUTE, "op": "SCMP_CMP_NE"}
    one_by_one = [(_equal(0, family),) for family in range(unknown) if family not in known]
    refused = [*one_by_one, (above,), (_equal(0, seccomp.AF_NETLINK), other)]
    return [_refuse(["socket", "socketpair"], *each, error=errno.EAFNOSUPPORT) for each in refused]


def _refuse(names: list[str], *conditions: Condition, error: int = errno.EPERM) -> Rule:
    rule: Rule = {"names": names, "action": "SCMP_ACT_ERRNO", "errnoRet": error}
    return rule | ({"args": list(conditions)} if conditions else {})


def _equal(index: int, value: int) -> Condition:
    return {"index": index, "value": LOWER_HALF, "valueTwo": value, "op": "SCMP_CMP_MASKED_EQ"}


def _bits(index: int, bits: int) -> Condition:
    return {"index": index, "value": bits, "valueTwo": bits, "op": "SCMP_CMP_MASKED_EQ"}


def _single_bits(mask: int) -> list[int]:
    return [1 << place for place in range(mask.bit_length()) if mask >> place & 1]
