"""Bubblewrap, Kubernetes and systemd say the same of a session: its files, its memory, its limits, its system calls."""

import dataclasses
import functools
import json
from pathlib import Path
from typing import Any

import pytest

from hub_config import sandbox, seccomp
from hub_config.elsewhere import NotRenderable, kubernetes, seccomp_profile, systemd
from hub_config.sandbox import Account, Mount, Sandbox, kernel_sandbox, server_arguments, server_sandbox
from hub_config.seccomp import Tenant
from hub_config.session import Limits, kernelspec
from tests.hub_config.elsewhere.described import (
    DOORS,
    LIMITS,
    PREFIX,
    a_cluster,
    a_session,
    bubblewrap_memory,
    bubblewrap_mounts,
    pod_mounts,
    profile_answer,
    unit_directives,
    unit_mounts,
    unit_words,
)
from tests.hub_config.elsewhere.pods import container, pod, traits

ACCOUNT = Account(200_001, 200_002, drop=True)


def the_unit(**facts: Any) -> dict[str, list[str]]:
    text = systemd.unit(a_session(**facts), ACCOUNT, prefix=PREFIX, hub_file=Path("/run/saferoom-hub/ada--heron"))
    return unit_directives(text)


@functools.cache
def the_pod() -> dict[str, Any]:
    return pod()


@functools.cache
def the_command() -> list[str]:
    return server_arguments(a_session(), dataclasses.replace(ACCOUNT, drop=False), ["server"], seccomp=3)


SERVER_MOUNTS = server_sandbox(a_session()).mounts
KERNEL_MOUNTS = kernel_sandbox(a_session()).mounts


def named(mount: Mount) -> str:
    return str(mount.target)


# ------------------------------------------------------------------------------------------------ files


@pytest.mark.parametrize("mount", SERVER_MOUNTS, ids=named)
def test_a_mount_of_the_server_is_the_same_everywhere(mount: Mount) -> None:
    target = str(mount.target)
    assert bubblewrap_mounts(the_command())[target] is mount.writable
    assert unit_mounts(the_unit())[target] is mount.writable
    notebook = container(the_pod(), "notebook")
    if target in pod_mounts(notebook):
        assert pod_mounts(notebook)[target] is mount.writable
    else:  # of the image, which nobody writes to
        assert not mount.writable and not mount.target.is_relative_to("/srv") and mount.source == mount.target
        assert notebook["securityContext"]["readOnlyRootFilesystem"] is True


def test_nothing_is_mounted_elsewhere_that_the_sandbox_does_not_have() -> None:
    wanted = {str(mount.target) for mount in SERVER_MOUNTS}
    memory = {"/tmp", "/dev/shm", "/run/saferoom/k"}
    assert set(bubblewrap_mounts(the_command())) == wanted
    assert set(unit_mounts(the_unit())) - wanted == {f"/{name}" for name in sandbox.SYSTEM_LINKS}
    assert set(pod_mounts(container(the_pod(), "notebook"))) - wanted == memory


@pytest.mark.parametrize("mount", SERVER_MOUNTS, ids=named)
def test_a_mount_of_the_unit_has_the_same_source(mount: Mount) -> None:
    unit = the_unit()
    values = [unit_words(value)[0] for value in (*unit["BindPaths"], *unit["BindReadOnlyPaths"])]
    assert f"{'-' if mount.optional else ''}{mount.source}:{mount.target}" in values


@pytest.mark.parametrize("mount", KERNEL_MOUNTS, ids=named)
def test_a_mount_of_a_kernel_is_there_and_no_more_writable_than_where_it_comes_from(mount: Mount) -> None:
    """Kernels are nested: what they mount is what the server's sandbox, unit or container shows."""
    source = Path(str(mount.source).replace(sandbox.KERNEL_FOLDER, "/run/saferoom/k/kernel-1"))
    memory = dict.fromkeys(bubblewrap_memory(the_command()), True)
    for shown in (
        bubblewrap_mounts(the_command()) | memory,
        unit_mounts(the_unit()) | memory,
        pod_mounts(container(the_pod(), "notebook")),
    ):
        above = [Path(target) for target in shown if source.is_relative_to(target)]
        if above:
            assert shown[str(max(above, key=lambda path: len(path.parts)))] or not mount.writable
        else:
            assert not mount.writable and source.parts[1] in {"usr", "etc", "opt"}  # of the image


@pytest.mark.parametrize("mount", KERNEL_MOUNTS, ids=named)
def test_a_mount_of_a_kernel_stands_in_the_kernelspec_of_each(mount: Mount) -> None:
    """The kernelspec is a file of the session's on one machine and in a unit, and of a ConfigMap in a pod."""
    here = kernelspec(a_session(), sandbox.kernel_arguments(a_session()))
    there = json.loads(kubernetes.files(a_session(), a_cluster())["data"]["kernels--python3--kernel.json"])
    for spec in (here, there):
        arguments = spec["metadata"]["kernel_provisioner"]["config"]["arguments"]
        assert bubblewrap_mounts(arguments)[str(mount.target)] is mount.writable
        assert "--unshare-net" in arguments and "--disable-userns" in arguments


def test_a_new_mount_without_a_volume_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def with_one_more(session: object) -> Sandbox:
        made = server_sandbox(a_session())
        return dataclasses.replace(made, mounts=(*made.mounts, Mount(Path("/srv/more"), Path("/more"), writable=True)))

    monkeypatch.setattr(kubernetes, "server_sandbox", with_one_more)
    with pytest.raises(NotRenderable, match="/more"):
        traits()


# ------------------------------------------------------------------------------------------------ limits


def test_memory_of_files_is_the_same_everywhere() -> None:
    wanted = {"/tmp": LIMITS.scratch, "/dev/shm": sandbox.SHARED_MEMORY, "/run/saferoom/k": sandbox.CHANNELS_MEMORY}
    assert bubblewrap_memory(the_command()) == wanted
    unit = [value.partition(":") for value in the_unit()["TemporaryFileSystem"]]
    assert {path: rest.split(",")[0] for path, _, rest in unit if path != "/"} == {
        path: f"size={limit}M" for path, limit in wanted.items()
    }
    made = the_pod()
    volumes = {each["name"]: each.get("emptyDir", {}).get("sizeLimit") for each in made["spec"]["volumes"]}
    mounts = {each["mountPath"]: each["name"] for each in container(made, "notebook")["volumeMounts"]}
    assert {path: volumes[mounts[path]] for path in wanted} == {path: f"{limit}Mi" for path, limit in wanted.items()}


def unit_limit(name: str, unit: dict[str, list[str]]) -> str:
    return unit[name][0]


LIMITED_BY: dict[str, tuple[str, ...]] = {
    "memory": ("unit", "pod", "kernel"),
    "cpus": ("unit", "pod"),
    "processes": ("unit", "kernel"),
    "scratch": ("unit", "pod", "kernel"),
    "disk": ("claims", "kernel"),
    "output": (),
    "idle": (),
}
"""Limit -> the renderings that say it. The notebook server counts `output`, and the hub ends who is `idle`: both the
same everywhere."""


def test_every_limit_is_known_here() -> None:
    assert {each.name for each in dataclasses.fields(Limits)} == set(LIMITED_BY)


@pytest.mark.parametrize("name", [name for name, places in LIMITED_BY.items() if places])
def test_a_limit_stands_in_each_rendering_that_has_it(name: str) -> None:
    """A different limit makes each of them different, and no other rendering."""
    changed = dataclasses.replace(LIMITS, **{name: getattr(LIMITS, name) * 2})
    different = {
        place
        for place, said in renderings(LIMITS).items()
        if said != renderings(changed)[place]
    }  # fmt: skip
    assert different == set(LIMITED_BY[name])


def renderings(limits: Limits) -> dict[str, Any]:
    session = a_session(limits=limits)
    return {
        "unit": the_unit(limits=limits),
        "pod": pod(traits(session)),
        "claims": kubernetes.claims(session, a_cluster()),
        "kernel": kubernetes.files(session, a_cluster())["data"],
    }


def test_limits_have_the_same_values() -> None:
    unit, notebook = the_unit(), container(the_pod(), "notebook")
    assert unit["MemoryMax"] == ["3000M"] and notebook["resources"]["limits"]["memory"] == 3000 * 2**20
    assert unit["CPUQuota"] == ["150%"] and notebook["resources"]["limits"]["cpu"] == 1.5
    assert unit["TasksMax"] == ["200"] and unit["MemorySwapMax"] == ["0"]
    own, project = kubernetes.claims(a_session(), a_cluster())
    assert [each["spec"]["resources"]["requests"]["storage"] for each in (own, project)] == ["7000Mi"] * 2
    files = kubernetes.files(a_session(), a_cluster())["data"]["kernels--python3--kernel.json"]
    assert "--nproc=200" in json.loads(files)["metadata"]["kernel_provisioner"]["config"]["arguments"]


# ------------------------------------------------------------------------------------------------ system calls


@pytest.mark.parametrize("call", sorted(seccomp.REFUSED))
def test_a_refused_call_is_refused_everywhere(call: str) -> None:
    refused = [value.removeprefix("~").split() for value in the_unit()["SystemCallFilter"]]
    assert call in refused[0]
    column = 0  # x86-64
    for tenant in Tenant:
        profile = seccomp_profile.profile(tenant, "x86_64")
        answer = profile_answer(profile, call, (0,) * 6)
        assert seccomp._NUMBERS[call][column] is None or answer == 1, (call, tenant)


def test_what_nested_sandboxes_need_is_refused_to_no_server() -> None:
    refused = {word for value in the_unit()["SystemCallFilter"] for word in value.removeprefix("~").split()}
    profile = seccomp_profile.profile(Tenant.SERVER, "x86_64")
    for call in (*seccomp.NAMESPACES, "clone"):
        assert call not in refused
        assert profile_answer(profile, call, (0x7E020000, *(0,) * 5)) == 0
    assert "RestrictNamespaces" not in the_unit()


def test_families_of_sockets_are_the_same_everywhere() -> None:
    numbers = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10, "AF_NETLINK": 16}
    unit = {numbers[name] for name in the_unit()["RestrictAddressFamilies"][0].split()}
    profile = seccomp_profile.profile(Tenant.SERVER, "x86_64")
    assert unit == {family for family in range(64) if profile_answer(profile, "socket", (family, 1, 0, 0, 0, 0)) == 0}


# ------------------------------------------------------------------------------------------------ who it is


def test_nobody_is_root_anywhere() -> None:
    unit, notebook = the_unit(), container(the_pod(), "notebook")
    command = the_command()
    assert command[command.index("--uid") + 1] == str(notebook["securityContext"]["runAsUser"]) == "1000"
    assert (unit["User"], unit["Group"]) == (["200001"], ["200002"])
    assert unit["CapabilityBoundingSet"] == unit["AmbientCapabilities"] == [""]


def test_an_outer_network_leads_nowhere() -> None:
    assert "--unshare-net" in the_command()
    assert the_unit()["PrivateNetwork"] == ["yes"]
    assert "ingress" not in kubernetes.closed(a_cluster())["spec"]
    opened = kubernetes.opening(a_session(), a_cluster(), DOORS)["spec"]["egress"]
    assert len(opened) == 1
