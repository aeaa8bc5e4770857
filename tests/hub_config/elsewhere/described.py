"""One session and one cluster, and independent readers of what is rendered from them.

The readers know the forms (bubblewrap's arguments, a unit's text, a pod's manifest, a filter in the kernel's language
or in JSON) and none of our code, so that the renderings can be compared with one another.
"""

import dataclasses
import shlex
import struct
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from hub_config.elsewhere.kubernetes import Cluster, Doors
from hub_config.session import Copy, Limits, Programs, Session

PREFIX = "/user/ada/heron/"
DIGEST = "sha256:" + "0123456789abcdef" * 4

IMAGE_PROGRAMS = Programs(
    server=Path("/opt/service/bin/python"),
    kernel=Path("/opt/session/bin/python"),
    kernel_folders=(Path("/opt/session"),),
    server_folders=(Path("/opt/service"),),
)
LIMITS = Limits(memory=3000, processes=200, cpus=150, disk=7000, scratch=300, output=40)


def a_session(**facts: Any) -> Session:
    session = Session(
        person="ada",
        full_name="Ada Example",
        project="heron",
        project_name="Project Heron",
        training_until=date(2027, 1, 2),
        copies=(
            Copy("visits", 3, 20190, Path("/srv/copies/heron/visits-v3-0.duckdb")),
            Copy("incomes", 1, 8000, Path("/srv/copies/heron/incomes-v1-0.duckdb")),
        ),
        notices=(),
        folder=Path("/srv/sessions/ada--heron"),
        sockets=Path("/run/saferoom-hub/0123456789ab"),
        shared=Path("/srv/projects/heron"),
        incoming=Path("/srv/incoming/heron"),
        programs=IMAGE_PROGRAMS,
        limits=LIMITS,
    )
    return dataclasses.replace(session, **facts)


def a_cluster(**facts: Any) -> Cluster:
    cluster = Cluster(
        namespace="sessions",
        hub_namespace="saferoom",
        image=f"registry.example.org/saferoom/session@{DIGEST}",
        programs=IMAGE_PROGRAMS,
        gate="10.96.0.12",
    )
    return dataclasses.replace(cluster, **facts)


DOORS = Doors(statistics=21001, hub=21002)


# ------------------------------------------------------------------------------------------------ readers of forms


def bubblewrap_mounts(arguments: Sequence[str]) -> dict[str, bool]:
    """Where something is bound -> whether it can be written to."""
    kinds = {"--bind": True, "--bind-try": True, "--ro-bind": False, "--ro-bind-try": False}
    return {arguments[at + 2]: kinds[word] for at, word in enumerate(arguments) if word in kinds}


def bubblewrap_memory(arguments: Sequence[str]) -> dict[str, int]:
    """Where memory is mounted -> MiB."""
    found = [at for at, word in enumerate(arguments) if word == "--tmpfs"]
    return {arguments[at + 1]: int(arguments[at - 1]) // 2**20 for at in found}


def unit_directives(text: str) -> dict[str, list[str]]:
    """Directive -> its values in the order in which they stand, all sections together."""
    found: dict[str, list[str]] = defaultdict(list)
    for line in text.splitlines():
        if line and not line.startswith(("[", "#", ";")):
            name, _, value = line.partition("=")
            found[name].append(value)
    return dict(found)


def unit_words(value: str) -> list[str]:
    """The words of a value, as systemd reads them: quotes, backslashes, and doubled per cents."""
    return [word.replace("%%", "%") for word in shlex.split(value)]


def unit_mounts(directives: dict[str, list[str]]) -> dict[str, bool]:
    def targets(name: str) -> Iterable[str]:
        return (unit_words(value)[0].lstrip("-").rpartition(":")[2] for value in directives[name])

    return dict.fromkeys(targets("BindReadOnlyPaths"), False) | dict.fromkeys(targets("BindPaths"), True)


def pod_mounts(container: dict[str, Any]) -> dict[str, bool]:
    return {each["mountPath"]: not each.get("readOnly", False) for each in container["volumeMounts"]}


# ------------------------------------------------------------------------------------------------ readers of filters

Answer = int | str
"""The error that a call ends with, 0 where it is allowed, or "killed"."""

LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06


def bpf_answer(program: bytes, architecture: int, number: int, arguments: Sequence[int]) -> Answer:
    """What a filter in the kernel's language says: a reader of classic BPF, as far as such filters use it."""
    data = struct.pack("=iIQ6Q", number, architecture, 0, *arguments)
    instructions = list(struct.iter_unpack("HBBI", program))
    accumulator = at = 0
    while True:
        code, true, false, k = instructions[at]
        at += 1
        if code == RETURN:
            return _answer(k)
        if code == LOAD:
            (accumulator,) = struct.unpack_from("=I", data, k)
        elif code == 0x05:  # jump always
            at += k
        elif code == 0x54:  # and
            accumulator &= k
        else:
            holds = {
                EQUAL: accumulator == k,
                AT_LEAST: accumulator >= k,
                0x25: accumulator > k,
                ANY_BIT: bool(accumulator & k),
            }[code]
            at += true if holds else false


def _answer(value: int) -> Answer:
    if value >> 16 == 0x7FFF:
        return 0
    return value & 0xFFFF if value >> 16 == 0x0005 else "killed"


def profile_answer(profile: dict[str, Any], call: str, arguments: Sequence[int]) -> Answer:
    """What a filter in JSON says: the first rule that fits (none of ours contradict each other)."""
    answers = {
        rule["errnoRet"]
        for rule in profile["syscalls"]
        if call in rule["names"] and all(_holds(each, arguments) for each in rule.get("args", ()))
    }
    if len(answers) > 1:
        raise ValueError(f"{call}: rules contradict each other")
    return answers.pop() if answers else 0


def _holds(condition: dict[str, Any], arguments: Sequence[int]) -> bool:
    asked, value = arguments[condition["index"]], condition["value"]
    match condition["op"]:
        case "SCMP_CMP_MASKED_EQ":
            return bool(asked & value == condition["valueTwo"])
        case "SCMP_CMP_GE":
            return bool(asked >= value)
        case "SCMP_CMP_NE":
            return bool(asked != value)
    raise ValueError(condition["op"])
