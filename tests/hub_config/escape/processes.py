"""Attempts on other processes, and on what processes share. Sent into kernels."""

import contextlib
import ctypes
import os
from pathlib import Path
from types import SimpleNamespace

from tests.hub_config.escape.attempt import Closed, Family, attempt, by_machine, call, closed_if_empty, libc

NO_PROCESS = "a namespace of processes of the kernel's own"


def _others() -> list[str]:
    """The processes in sight that the kernel did not start, the sandbox's first process left out."""
    own = {"1", str(os.getpid()), str(os.getppid())}
    return [entry.name for entry in Path("/proc").iterdir() if entry.name.isdigit() and entry.name not in own]


@attempt(Family.PROCESSES, NO_PROCESS)
def processes_of_the_service(facts: SimpleNamespace) -> str:
    """See the hub, the proxy or a notebook server among the machine's processes."""
    found = []
    for entry in _others():
        with contextlib.suppress(OSError):
            if b"jupyterhub" in Path("/proc", entry, "cmdline").read_bytes():
                found.append(entry)
    return closed_if_empty(found)


@attempt(Family.PROCESSES, NO_PROCESS)
def tokens_of_the_server(facts: SimpleNamespace) -> str:
    """Read the hub's token from the environment of the notebook server (/proc/…/environ)."""
    for entry in [*_others(), "1", str(os.getppid())]:
        with contextlib.suppress(OSError):
            if b"JUPYTERHUB_API_TOKEN=" in Path("/proc", entry, "environ").read_bytes():
                return f"the environment of process {entry} holds a token"
    raise Closed("no process with a token")


@attempt(Family.PROCESSES, NO_PROCESS)
def root_of_another_process(facts: SimpleNamespace) -> str:
    """Read the register through the root or the working folder of another process (/proc/…/root, cwd, fd)."""
    for entry in [*_others(), "1", str(os.getppid())]:
        for way in ("root", "cwd"):
            with contextlib.suppress(OSError):
                path = Path("/proc", entry, way, facts.register.lstrip("/"))
                return f"{len(path.read_bytes())} bytes through {path}"
    raise Closed("no process sees it")


@attempt(Family.PROCESSES, NO_PROCESS)
def descriptors_of_another_process(facts: SimpleNamespace) -> str:
    """Open a file that another process has open (/proc/…/fd)."""
    for entry in [str(facts.victim), *_others(), "1"]:
        with contextlib.suppress(OSError):
            for link in Path("/proc", entry, "fd").iterdir():
                with contextlib.suppress(OSError):
                    if link.is_file() and facts.victim_word.encode() in link.read_bytes()[:1000]:
                        return f"read through {link}"
    raise Closed("no descriptor of others")


@attempt(Family.PROCESSES, NO_PROCESS)
def memory_of_another_process(facts: SimpleNamespace) -> str:
    """Read a secret from the memory of another process (/proc/…/mem)."""
    with Path(f"/proc/{facts.victim}/mem").open("rb", buffering=0) as memory:
        memory.seek(facts.victim_address)
        return _secret(memory.read(len(facts.victim_word)), facts)


@attempt(Family.PROCESSES, NO_PROCESS + ", and the filter of system calls")
def memory_of_another_process_by_call(facts: SimpleNamespace) -> str:
    """Read a secret from the memory of another process (process_vm_readv)."""
    return _secret(_vm_read(facts.victim, facts.victim_address, len(facts.victim_word)), facts)


def _secret(found: bytes, facts: SimpleNamespace) -> str:
    if found != facts.victim_word.encode():
        raise Closed("something else is there")
    return "read the secret"


class _Piece(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


def _vm_read(pid: int, address: int, length: int) -> bytes:
    held = ctypes.create_string_buffer(length)
    here, there = _Piece(ctypes.addressof(held), length), _Piece(address, length)
    call(by_machine(310, 270), pid, ctypes.byref(here), 1, ctypes.byref(there), 1, 0)
    return held.raw


@attempt(Family.PROCESSES, NO_PROCESS)
def signal_to_another_process(facts: SimpleNamespace) -> str:
    """Send a signal to a process outside."""
    os.kill(facts.victim, 0)
    return "could be signalled"


@attempt(Family.PROCESSES, NO_PROCESS)
def priority_of_another_process(facts: SimpleNamespace) -> str:
    """Slow a process outside down."""
    os.setpriority(os.PRIO_PROCESS, facts.victim, 1)
    return "slowed down"


@attempt(Family.PROCESSES, NO_PROCESS)
def processor_of_another_process(facts: SimpleNamespace) -> str:
    """Drive a process outside to a single processor."""
    os.sched_setaffinity(facts.victim, os.sched_getaffinity(facts.victim))
    return "moved"


@attempt(Family.PROCESSES, NO_PROCESS)
def limits_of_another_process(facts: SimpleNamespace) -> str:
    """Change the limits of a process outside."""
    import resource  # noqa: PLC0415 - of this attempt

    soft, hard = resource.prlimit(facts.victim, resource.RLIMIT_CORE)
    resource.prlimit(facts.victim, resource.RLIMIT_CORE, (soft, hard))
    return "changed"


@attempt(Family.PROCESSES, "a namespace of System V's and POSIX's shared objects of the kernel's own")
def shared_memory_segments(facts: SimpleNamespace) -> str:
    """Attach a segment of shared memory (System V) of somebody else."""
    identifier = libc.shmget(facts.shared_key, 0, 0)
    if identifier < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    libc.shmat.restype = ctypes.c_void_p
    address = libc.shmat(identifier, None, 0o10000)
    return f"attached: {ctypes.string_at(address, 8)!r}"


@attempt(Family.PROCESSES, "a namespace of System V's and POSIX's shared objects of the kernel's own")
def message_queues(facts: SimpleNamespace) -> str:
    """Open a queue of messages (POSIX) of somebody else."""
    descriptor = libc.mq_open(facts.queue.encode(), os.O_RDWR)
    if descriptor < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return "opened"
