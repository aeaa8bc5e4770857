"""A session for Kubernetes: what KubeSpawner has to be told, and the objects that have to be there beside its pod.

Split mode stays what it is on one machine: the notebook server is a container, and each kernel a nested bubblewrap in
it, made by the same provisioner from the same arguments. Kernels in a container of their own were the other choice.
They would be apart from the server's files and processes, but a pod has one network for all of its containers, and a
network policy cannot tell one from another: kernels would reach what the server reaches. They would also share one
container, and something new would have to start them there. Nested, a kernel has a network of its own with nothing in
it, as everywhere else; the price is that the cluster has to allow namespaces within a pod (docs/elsewhere.md).

    pod   relay    two ports of the hub's  ->  gate.sock, hub.sock;   server.sock  ->  the port for the proxy
          notebook the notebook server, and in it  bwrap( kernel )  bwrap( kernel )  …

Pure. Sources: the Kubernetes API reference (Pod, NetworkPolicy, PersistentVolumeClaim, ConfigMap), KubeSpawner's
traits.
"""

import dataclasses
import ipaddress
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hub_config.elsewhere import NotRenderable, check_sandboxed
from hub_config.elsewhere.relay import End, Way
from hub_config.sandbox import (
    CHANNELS_MEMORY,
    NOBODY_IN_PARTICULAR,
    SHARED_MEMORY,
    Mount,
    kernel_arguments,
    server_sandbox,
)
from hub_config.session import (
    GATE_SOCKET,
    HUB_GATE_SOCKET,
    KERNEL,
    SERVER_SOCKET,
    SESSION_VARIABLE,
    Programs,
    Session,
    kernelspec,
    lab_page,
    server_command,
    server_configuration,
    server_environment,
)
from hub_config.session_files import MIGRATED

PORT = 8888
SESSION_LABEL = "saferoom-session"
SOCKETS_LIMIT = 16
"""MiB for each folder of sockets, which lies in memory."""
LOG_LIMIT = 256
"""MiB that a container's log may hold: the only thing in a pod that is written to a node's disk."""

_DIGEST = re.compile(r"[^\s@]+@sha256:[0-9a-f]{64}")

Object = dict[str, Any]


@dataclass(frozen=True)
class Cluster:
    """What is true of a cluster for all sessions.

    `namespace` holds sessions and nothing else, `hub_namespace` the hub, its gates and its proxy. `image` has both
    environments at `programs`, bubblewrap and prlimit, and is named by its digest. `gate` is the address of the hub's
    gates. `profiles` is the folder below the kubelet's seccomp folder where `seccomp_profile.profile` was put as
    `server.json`. Raises `NotRenderable` for an image without a digest and for a gate that is a name.
    """

    namespace: str
    hub_namespace: str
    image: str
    programs: Programs
    gate: str
    storage_class: str | None = None
    profiles: str = "saferoom"
    hub_labels: tuple[tuple[str, str], ...] = (("app", "jupyterhub"), ("component", "hub"))
    proxy_labels: tuple[tuple[str, str], ...] = (("app", "jupyterhub"), ("component", "proxy"))

    def __post_init__(self) -> None:
        if not _DIGEST.fullmatch(self.image):
            raise NotRenderable("The image of sessions is named without its digest, so it could change. Add @sha256:….")
        try:
            ipaddress.ip_address(self.gate)
        except ValueError:
            raise NotRenderable("The gate is no numeric address, and sessions look up no names. Give its IP.") from None


@dataclass(frozen=True)
class Doors:
    """The two ports at the hub's gates that are one session's alone: to the statistics API, and to the hub's API.

    Who calls is known by the port. Raises `NotRenderable` for ports that are the same or do not exist.
    """

    statistics: int
    hub: int

    def __post_init__(self) -> None:
        if self.statistics == self.hub or not all(1024 <= port < 65536 for port in (self.statistics, self.hub)):
            raise NotRenderable("A session has two different ports at the gates, from 1024 to 65535.")


def spawner(session: Session, cluster: Cluster, doors: Doors, *, prefix: str) -> dict[str, Any]:
    """KubeSpawner's traits for one session. `prefix` is its address below the hub (`/user/ada/heron/`).

    No secret is among them. The hub adds the server's own token to the pod's variables.
    Raises `NotRenderable` for a session without a sandbox, and for a mount that has no volume.
    """
    there = _there(session, cluster)
    program, *arguments = server_command(there)
    return {
        "namespace": cluster.namespace,
        "image": cluster.image,
        "image_pull_policy": "IfNotPresent",
        "extra_container_config": {"command": [program]},
        "cmd": arguments,
        "args": [],
        "port": PORT,
        "env_keep": [],
        "environment": _environment(there, prefix),
        "service_account": None,
        "automount_service_account_token": False,
        "storage_pvc_ensure": False,
        "extra_labels": _labels(session),
        "privileged": False,
        "allow_privilege_escalation": False,
        "uid": NOBODY_IN_PARTICULAR,
        "gid": NOBODY_IN_PARTICULAR,
        "fs_gid": NOBODY_IN_PARTICULAR,
        "pod_security_context": _pod_security(cluster),
        "container_security_context": _server_security(cluster),
        "mem_limit": f"{session.limits.memory}M",  # KubeSpawner's M is a MiB
        "cpu_limit": session.limits.cpus / 100,
        "extra_resource_limits": {"ephemeral-storage": f"{LOG_LIMIT}Mi"},
        "volumes": _volumes(there),
        "volume_mounts": _server_mounts(there),
        "init_containers": [_relay(there, cluster, doors)],
        "extra_pod_config": _pod(),
    }


def objects(session: Session, cluster: Cluster, doors: Doors) -> tuple[Object, ...]:
    """What has to be in the cluster before the session's pod: its files, its claims, the network policies."""
    return (
        closed(cluster),
        opening(session, cluster, doors),
        files(session, cluster),
        *claims(session, cluster),
    )


def closed(cluster: Cluster) -> Object:
    """Nothing reaches a pod of the namespace, and none reaches anything: not even a name server."""
    return _policy("sessions-closed", cluster, {}, {"podSelector": {}})


def opening(session: Session, cluster: Cluster, doors: Doors) -> Object:
    """What one session's pod may: be called by hub and proxy, and call its two ports at the gates."""
    hub = _pods(cluster, cluster.hub_labels)
    return _policy(
        f"session-{session.name}",
        cluster,
        _labels(session),
        {
            "podSelector": {"matchLabels": {SESSION_LABEL: session.name}},
            "ingress": [{"from": [hub, _pods(cluster, cluster.proxy_labels)], "ports": _ports(PORT)}],
            "egress": [{"to": [hub], "ports": _ports(doors.statistics, doors.hub)}],
        },
    )


def claims(session: Session, cluster: Cluster) -> tuple[Object, Object]:
    """The person's own disk, which one pod at a time can use, and the disk of the project's members."""
    own = _claim(f"session-{session.name}", "ReadWriteOncePod", session, cluster)
    return own, _claim(f"project-{session.project}", "ReadWriteMany", session, cluster)


def files(session: Session, cluster: Cluster) -> Object:
    """The session's configuration and kernelspec, which nobody in the pod can write to."""
    contents = _contents(_there(session, cluster))
    metadata = _metadata(f"session-{session.name}", cluster, _labels(session))
    data = {_key(path): text for path, text in contents.items()}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def _there(session: Session, cluster: Cluster) -> Session:
    check_sandboxed(session)
    return dataclasses.replace(session, programs=cluster.programs)


def _environment(session: Session, prefix: str) -> dict[str, str]:
    """The server's variables but for those that the hub adds, and the mark of this machine's processes."""
    said = server_environment(session, {"JUPYTERHUB_SERVICE_PREFIX": prefix})
    return {name: value for name, value in said.items() if name != SESSION_VARIABLE}


def _contents(session: Session) -> dict[str, str]:
    """Path below the configuration's folder -> text, as `session_files.write_files` writes them on one machine."""
    return {
        f"kernels/{KERNEL}/kernel.json": _json(kernelspec(session, kernel_arguments(session))),
        "jupyter_server_config.json": _json(server_configuration(session, as_root=False)),
        "labconfig/page_config.json": _json(lab_page(session)),
        MIGRATED: "",
    }


def _json(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=2) + "\n"


def _key(path: str) -> str:
    """The name of a file in a ConfigMap, which has no folders."""
    return path.replace("/", "--")


# -------------------------------------------------------------------------------------------------- the pod


def _pod() -> dict[str, Any]:
    """A user namespace of the pod's own, none of the node's, no name server, no second start."""
    return {
        "hostUsers": False,
        "hostNetwork": False,
        "hostPID": False,
        "hostIPC": False,
        "shareProcessNamespace": False,
        "enableServiceLinks": False,
        "hostname": "saferoom",
        "dnsPolicy": "None",
        "dnsConfig": {"nameservers": ["127.0.0.1"]},  # one has to be named; nothing listens there
        "restartPolicy": "Never",  # whoever wants another session asks the register again (I10)
    }


def _pod_security(cluster: Cluster) -> dict[str, Any]:
    return {
        "runAsNonRoot": True,
        "runAsUser": NOBODY_IN_PARTICULAR,
        "runAsGroup": NOBODY_IN_PARTICULAR,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": _filter(cluster),
    }


def _security() -> dict[str, Any]:
    return {
        "runAsNonRoot": True,
        "runAsUser": NOBODY_IN_PARTICULAR,
        "runAsGroup": NOBODY_IN_PARTICULAR,
        "privileged": False,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def _server_security(cluster: Cluster) -> dict[str, Any]:
    """What a nested bubblewrap needs: to mount, and a /proc of which nothing is covered, else Linux mounts no other."""
    needed = {"procMount": "Unmasked", "appArmorProfile": {"type": "Unconfined"}, "seccompProfile": _filter(cluster)}
    return _security() | needed


def _filter(cluster: Cluster) -> dict[str, str]:
    return {"type": "Localhost", "localhostProfile": f"{cluster.profiles}/server.json"}


def _relay(session: Session, cluster: Cluster, doors: Doors) -> Object:
    """The container that knows the network: a way for each socket. It starts before the server and outlives it."""
    places = session.places
    sockets = [places.gate / GATE_SOCKET, places.hub_gate / HUB_GATE_SOCKET]
    ways = [
        *(
            Way(End(socket=socket), End(host=cluster.gate, port=port))
            for socket, port in zip(sockets, (doors.statistics, doors.hub), strict=True)
        ),
        Way(End(host="0.0.0.0", port=PORT), End(socket=places.server / SERVER_SOCKET)),  # noqa: S104 - of the pod; the policy says who calls
    ]
    there = " && ".join(f"test -S {socket}" for socket in sockets)
    return {
        "name": "relay",
        "image": cluster.image,
        "imagePullPolicy": "IfNotPresent",
        "restartPolicy": "Always",
        "command": [str(session.programs.server), "-P", "-m", "hub_config.elsewhere.relay", *map(str, ways)],
        "securityContext": _security() | {"seccompProfile": {"type": "RuntimeDefault"}},
        "resources": {"limits": {"memory": "128Mi", "cpu": "500m", "ephemeral-storage": f"{LOG_LIMIT}Mi"}},
        "startupProbe": {"exec": {"command": ["/bin/sh", "-c", there]}, "periodSeconds": 1, "failureThreshold": 30},
        "volumeMounts": [
            {"name": "gate", "mountPath": str(places.gate), "readOnly": False},
            {"name": "hub", "mountPath": str(places.hub_gate), "readOnly": False},
            {"name": "server", "mountPath": str(places.server), "readOnly": True},
        ],
    }


# -------------------------------------------------------------------------------------------------- volumes


def _volumes(session: Session) -> list[Object]:
    items = [{"key": _key(path), "path": path} for path in _contents(session)]
    copies = [_claimed("copies", f"copies-{session.project}", read_only=True)] if session.copies else []
    return [
        _claimed("own", f"session-{session.name}"),
        _claimed("project", f"project-{session.project}"),
        _claimed("incoming", f"incoming-{session.project}", read_only=True),
        *copies,
        {
            "name": "configuration",
            "configMap": {"name": f"session-{session.name}", "items": items, "defaultMode": 0o440},
        },
        *(_in_memory(name, SOCKETS_LIMIT) for name in ("gate", "hub", "server")),
        _in_memory("kernels", CHANNELS_MEMORY),
        _in_memory("scratch", session.limits.scratch),
        _in_memory("shared-memory", SHARED_MEMORY),
    ]


def _server_mounts(session: Session) -> list[Object]:
    """The mounts of the server's sandbox. What is of the image stays where it is, and the image is read-only."""
    sandbox = server_sandbox(session)
    shared = {Path("/dev/shm"): "shared-memory"}  # noqa: S108
    memory = {each.target: _memory_of(session)[each.target] for each in sandbox.memory} | shared
    return [
        *(_mounted(mount, _volume_of(session)) for mount in sandbox.mounts if not _of_the_image(mount)),
        *({"name": name, "mountPath": str(target), "readOnly": False} for target, name in memory.items()),
    ]


def _memory_of(session: Session) -> dict[Path, str]:
    """Where a folder lies in memory -> its volume."""
    return {session.places.scratch: "scratch", session.places.kernels: "kernels"}


def _of_the_image(mount: Mount) -> bool:
    return mount.source == mount.target and not mount.writable


def _volume_of(session: Session) -> dict[Path, tuple[str, str | None]]:
    """Where something is seen -> the volume that it lies on, and the folder or file of the volume."""
    inside = session.places
    copies = {inside.data / copy.path.name: ("copies", copy.path.name) for copy in session.copies}
    return {
        inside.work: ("own", "work"),
        inside.server_home: ("own", "server"),
        inside.project: ("project", None),
        inside.incoming: ("incoming", None),
        inside.gate: ("gate", None),
        inside.hub_gate: ("hub", None),
        inside.server: ("server", None),
        inside.configuration: ("configuration", None),
    } | copies


def _mounted(mount: Mount, volumes: Mapping[Path, tuple[str, str | None]]) -> Object:
    if mount.target not in volumes:
        raise NotRenderable(
            f"There is no volume for {mount.target}. Give it one in hub_config/elsewhere/kubernetes.py."
        )
    name, part = volumes[mount.target]
    made = {"name": name, "mountPath": str(mount.target), "readOnly": not mount.writable}
    return made | ({} if part is None else {"subPath": part})


def _claimed(name: str, claim: str, *, read_only: bool = False) -> Object:
    return {"name": name, "persistentVolumeClaim": {"claimName": claim, "readOnly": read_only}}


def _in_memory(name: str, limit: int) -> Object:
    return {"name": name, "emptyDir": {"medium": "Memory", "sizeLimit": f"{limit}Mi"}}


def _claim(name: str, mode: str, session: Session, cluster: Cluster) -> Object:
    spec: Object = {"accessModes": [mode], "resources": {"requests": {"storage": f"{session.limits.disk}Mi"}}}
    chosen = {} if cluster.storage_class is None else {"storageClassName": cluster.storage_class}
    metadata = _metadata(name, cluster, {})
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec | chosen}


# -------------------------------------------------------------------------------------------------- the network


def _policy(name: str, cluster: Cluster, labels: Mapping[str, str], spec: Object) -> Object:
    both = {"policyTypes": ["Ingress", "Egress"]}
    metadata = _metadata(name, cluster, labels)
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec | both}


def _pods(cluster: Cluster, labels: Iterable[tuple[str, str]]) -> Object:
    """Pods of the hub's namespace; both selectors have to fit."""
    namespace = {"matchLabels": {"kubernetes.io/metadata.name": cluster.hub_namespace}}
    return {"namespaceSelector": namespace, "podSelector": {"matchLabels": dict(labels)}}


def _ports(*numbers: int) -> list[Object]:
    return [{"protocol": "TCP", "port": number} for number in numbers]


def _labels(session: Session) -> dict[str, str]:
    return {SESSION_LABEL: session.name}


def _metadata(name: str, cluster: Cluster, labels: Mapping[str, str]) -> Object:
    together = {"app.kubernetes.io/part-of": "saferoom", **labels}
    return {"name": name, "namespace": cluster.namespace, "labels": together}
