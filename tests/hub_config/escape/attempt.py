"""An attempt to leave a session: a row of the table, and how it is run where its code was sent.

The modules of this package that hold attempts use the standard library alone: their text is sent into kernels.
"""

import ctypes
import errno
import json
import os
import select
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from types import SimpleNamespace
from typing import Any

SECONDS = 20.0
"""For one attempt. One that takes longer is broken: nothing was shown."""

Outcome = dict[str, Any]
"""One of `got` (evidence), `refused` (the error, with `errno`), `missing`, `broken`."""


class Family(StrEnum):
    """In the order of the documentation."""

    NETWORK = "Networks"
    SOCKETS = "Sockets of this machine"
    FILES = "Files of others and of the service"
    COPY = "The project copy, and what a session runs on"
    PROCESSES = "Other processes"
    NAMESPACES = "Namespaces and mounts"
    KERNEL = "System calls"
    RIGHTS = "Rights"
    GATE = "The gate"
    PLANTED = "Planted files"
    LIMITS = "Limits of a process"
    EXHAUSTION = "Exhaustion"
    BROWSER = "Ways out through the browser"
    OUTPUTS = "Ways out through outputs"


class Control(StrEnum):
    """Against what the same attempt succeeds."""

    TWIN = "a session without the sandbox"
    FREE = "a process with namespaces of its own, all rights in them, and no filter"
    SERVER = "a notebook server without the lock"
    PROGRAM = "the same program started without our environment"
    COUNT = "the flood itself, which is counted"


class Closed(Exception):
    """Nothing was found that could be used."""


class Missing(Exception):
    """This Linux lacks what the attempt needs."""


@dataclass(frozen=True)
class Attempt:
    """A row of the table. `run` returns evidence of its success, or raises.

    `errno` is the one refusal that counts; without it any of the operating system's does. With it, the control may be
    missing on a machine that lacks the thing: the refusal's own number then shows that it was the protection that
    answered. `asked` calls also count as refused only by that number.
    """

    name: str
    family: Family
    tries: str
    stops: str
    control: Control
    run: Callable[[Any], str]
    errno: int | None = None


ATTEMPTS: dict[str, Attempt] = {}


def attempt(
    family: Family, stops: str, *, control: Control = Control.TWIN, errno: int | None = None
) -> Callable[[Callable[[SimpleNamespace], str]], Callable[[SimpleNamespace], str]]:
    """Enter a function into the table: its docstring says what it tries."""

    def enter(run: Callable[[SimpleNamespace], str]) -> Callable[[SimpleNamespace], str]:
        add(Attempt(run.__name__, family, " ".join((run.__doc__ or "").split()), stops, control, run, errno))
        return run

    return enter


def add(row: Attempt) -> None:
    if row.name in ATTEMPTS or not row.tries:
        raise ValueError(f"{row.name} is there already, or does not say what it tries")
    ATTEMPTS[row.name] = row


def try_all(names: list[str], facts: dict[str, Any]) -> str:
    """The outcomes of attempts, as JSON."""
    return json.dumps({name: in_child(ATTEMPTS[name], SimpleNamespace(**facts)) for name in names})


def in_child(row: Attempt, facts: SimpleNamespace) -> Outcome:
    """Run an attempt in a child of this process, so that nothing that it changes is there for the next."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            os.setsid()
            os.chdir(os.environ.get("HOME", "/tmp"))
            os.write(writing, json.dumps(outcome(row, facts)).encode())
        finally:
            os._exit(0)
    os.close(writing)
    said = _read(reading)
    for victim in (-child, child):
        try:
            os.kill(victim, signal.SIGKILL)
        except OSError:
            continue
    _, status = os.waitpid(child, 0)
    if said:
        return dict(json.loads(said))
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGSYS:
        return {"refused": "killed by the filter", "errno": errno.ENOSYS}
    return {"broken": f"no answer; status {status}"}


def _read(descriptor: int) -> bytes:
    said, end = b"", time.monotonic() + SECONDS
    while select.select([descriptor], [], [], max(0.0, end - time.monotonic()))[0]:
        piece = os.read(descriptor, 65536)
        if not piece:
            break
        said += piece
    os.close(descriptor)
    return said


def outcome(row: Attempt, facts: SimpleNamespace) -> Outcome:
    """What came of it. An error that is neither the system's nor `Closed` shows that the attempt itself is broken."""
    try:
        return {"got": str(row.run(facts))[:300]}
    except Missing as error:
        return {"missing": str(error)}
    except Closed as error:
        return {"refused": str(error)[:300] or "nothing found", "errno": None}
    except OSError as error:
        return {"refused": f"{type(error).__name__}: {error}"[:300], "errno": error.errno}
    except BaseException as error:  # noqa: BLE001 - whatever it was, it is told
        return {"broken": f"{type(error).__name__}: {error}"[:300]}


# --- for the attempts

libc = ctypes.CDLL(None, use_errno=True)


def call(number: int, *arguments: Any) -> int:
    """A system call by its number. Raises OSError."""
    result = int(libc.syscall(ctypes.c_long(number), *(_wide(each) for each in arguments)))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def _wide(value: Any) -> Any:
    return ctypes.c_long(value) if isinstance(value, int) else value


def reached(number: int, *arguments: Any, refusal: int = errno.EPERM) -> str:
    """Evidence that Linux itself looked at a call: it did it, or has another objection than `refusal`."""
    try:
        return f"done: {call(number, *arguments)}"
    except OSError as error:
        if error.errno == refusal:
            raise
        return f"Linux answered: {error.strerror}"


def by_machine(x86_64: int | None, aarch64: int | None) -> int:
    """The number of a call on this processor. Raises `Missing`."""
    number = {"x86_64": x86_64, "aarch64": aarch64}.get(os.uname().machine)
    if number is None:
        raise Missing("this processor has no such call")
    return number


def closed_if_empty(found: Any) -> str:
    if not found:
        raise Closed("nothing found")
    return str(found)
