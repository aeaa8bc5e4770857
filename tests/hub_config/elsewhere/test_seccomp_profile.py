"""The filter in JSON says what the filter in the kernel's language says, call by call and argument by argument."""

import errno
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub_config import seccomp
from hub_config.elsewhere import seccomp_profile
from hub_config.seccomp import Tenant, UnknownMachine
from tests.hub_config.elsewhere.described import Answer, bpf_answer, profile_answer
from tests.hub_config.elsewhere.libseccomp import RUNTIMES_LIBRARY, as_runtimes_compile

MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
ORDINARY = {"x86_64": {"read": 0, "openat": 257, "execve": 59}, "aarch64": {"read": 63, "openat": 56, "execve": 221}}
FAMILIES = (*range(64), 2**31, 2**32 - 1)
INTERESTING = st.one_of(
    st.sampled_from([0, 1, 2, 10, 16, 17, 40, 0x5412, 0x541C, 0x5413, 0x80, 0x10000000, 0x7E020000, 0x1200011]),
    st.integers(0, 2**32 - 1),
)


def both(tenant: Tenant, machine: str, call: str, *arguments: int) -> tuple[Answer, Answer]:
    """What the two filters say to a call."""
    column = list(MACHINES).index(machine)
    known = {name: numbers[column] for name, numbers in seccomp._NUMBERS.items()} | ORDINARY[machine]
    number = known[call]
    asked = (*arguments, *(0,) * (6 - len(arguments)))
    written = profile_answer(seccomp_profile.profile(tenant, machine), call, asked)
    compiled = (
        written if number is None else bpf_answer(seccomp.program(tenant, machine), MACHINES[machine], number, asked)
    )
    return written, compiled


every_filter = pytest.mark.parametrize(("tenant", "machine"), [(t, m) for t in Tenant for m in MACHINES])


@every_filter
def test_every_call_of_the_table_has_the_same_answer(tenant: Tenant, machine: str) -> None:
    for call in [*seccomp._NUMBERS, *ORDINARY[machine]]:
        written, compiled = both(tenant, machine, call)
        assert written == compiled, call


@every_filter
def test_every_family_of_sockets_has_the_same_answer(tenant: Tenant, machine: str) -> None:
    for call in ("socket", "socketpair"):
        for family in FAMILIES:
            for protocol in (0, 15):
                written, compiled = both(tenant, machine, call, family, 1, protocol)
                assert written == compiled, (call, family, protocol)


@every_filter
@given(
    call=st.sampled_from(sorted({*seccomp._NUMBERS, "read"})), arguments=st.lists(INTERESTING, min_size=3, max_size=3)
)
def test_any_call_has_the_same_answer(tenant: Tenant, machine: str, call: str, arguments: list[int]) -> None:
    written, compiled = both(tenant, machine, call, *arguments)
    assert written == compiled


@given(
    call=st.sampled_from(["socket", "socketpair", "ioctl", "clone"]),
    arguments=st.lists(st.integers(0, 2**64 - 1) | INTERESTING, min_size=3, max_size=3),
)
def test_an_upper_half_gets_nothing_past_the_profile(call: str, arguments: list[int]) -> None:
    """Linux looks at the lower half of these arguments; what is refused there is refused whatever stands above."""
    written, compiled = both(Tenant.KERNEL, "x86_64", call, *arguments)
    assert written == compiled or (compiled == 0 and written == errno.EAFNOSUPPORT)


@pytest.mark.parametrize(
    ("tenant", "call", "arguments", "answer"),
    [
        (Tenant.SERVER, "mount", (), 0),
        (Tenant.KERNEL, "mount", (), errno.EPERM),
        (Tenant.SERVER, "clone", (0x10000000,), 0),
        (Tenant.KERNEL, "clone", (0x10000000,), errno.EPERM),
        (Tenant.KERNEL, "clone", (0x1200011,), 0),
        (Tenant.KERNEL, "clone3", (), errno.ENOSYS),
        (Tenant.SERVER, "ptrace", (), errno.EPERM),
        (Tenant.SERVER, "io_uring_setup", (), errno.EPERM),
        (Tenant.SERVER, "ioctl", (0, 0x5412), errno.EPERM),
        (Tenant.SERVER, "ioctl", (0, 0x5412 + 2**32), errno.EPERM),
        (Tenant.SERVER, "ioctl", (0, 0x5413), 0),
        (Tenant.KERNEL, "socket", (1,), 0),
        (Tenant.KERNEL, "socket", (40,), errno.EAFNOSUPPORT),
        (Tenant.KERNEL, "socket", (40 + 2**32,), errno.EAFNOSUPPORT),
        (Tenant.KERNEL, "socket", (17,), errno.EAFNOSUPPORT),
        (Tenant.KERNEL, "socket", (99,), errno.EAFNOSUPPORT),
        (Tenant.KERNEL, "socket", (16, 3, 0), 0),
        (Tenant.KERNEL, "socket", (16, 3, 15), errno.EAFNOSUPPORT),
    ],
)
def test_what_the_profile_says(tenant: Tenant, call: str, arguments: tuple[int, ...], answer: int) -> None:
    asked = (*arguments, *(0,) * (6 - len(arguments)))
    assert profile_answer(seccomp_profile.profile(tenant, "x86_64"), call, asked) == answer


def test_an_unknown_processor_gets_no_profile() -> None:
    with pytest.raises(UnknownMachine, match="riscv64"):
        seccomp_profile.profile(Tenant.SERVER, "riscv64")


# ---------------------------------------------------------------------------- as the runtimes' own library compiles it


@pytest.mark.skipif(RUNTIMES_LIBRARY is None, reason="libseccomp is not there; the readers above compare the same")
@pytest.mark.parametrize("tenant", list(Tenant))
def test_the_runtimes_library_makes_the_same_filter_of_it(tenant: Tenant) -> None:
    machine = os.uname().machine
    compiled = as_runtimes_compile(seccomp_profile.profile(tenant))
    architecture, column = MACHINES[machine], list(MACHINES).index(machine)
    samples = [
        ("clone", (flags, 0, 0)) for flags in (0, 0x11, 0x80, 0x10000000, 0x40000000, 0x7E020000, 0x1200011, 0x20000)
    ]
    samples += [("ioctl", (0, code, 0)) for code in (0x5412, 0x541C, 0x5413, 0x5412 + 2**32)]
    samples += [
        (call, (family, 1, proto)) for call in ("socket", "socketpair") for family in FAMILIES for proto in (0, 15)
    ]
    samples += [(call, (0, 0, 0)) for call in seccomp._NUMBERS]
    for call, (first, second, third) in samples:
        number = seccomp._NUMBERS[call][column]
        if number is None:
            continue
        asked = (first, second, third, 0, 0, 0)
        ours = bpf_answer(seccomp.program(tenant), architecture, number, asked)
        assert bpf_answer(compiled, architecture, number, asked) == ours, (call, asked)
    x32 = bpf_answer(compiled, architecture, 0x40000000 + 1, (0,) * 6)
    assert machine != "x86_64" or x32 == "killed"
    assert bpf_answer(compiled, 0x40000003, 1, (0,) * 6) == "killed"
