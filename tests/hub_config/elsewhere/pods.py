"""The pod that the installed KubeSpawner makes of our traits, as it would send it to a cluster."""

import asyncio
from typing import Any
from unittest import mock

import kubernetes_validate  # type: ignore[import-untyped]
import kubespawner.spawner  # type: ignore[import-untyped]
from traitlets.config import Config

from hub_config.elsewhere import kubernetes
from hub_config.session import Session
from tests.hub_config.elsewhere.described import DOORS, PREFIX, a_cluster, a_session

VERSIONS = ("1.33", "1.37")
"""Schemas to validate with: the first in which pods have user namespaces without a switch, and the newest at hand."""


def traits(session: Session | None = None, **cluster: Any) -> dict[str, Any]:
    return kubernetes.spawner(session or a_session(), a_cluster(**cluster), DOORS, prefix=PREFIX)


def pod(told: dict[str, Any] | None = None) -> dict[str, Any]:
    """The pod's manifest. Traits that KubeSpawner does not have are an error."""
    return asyncio.run(_pod(traits() if told is None else told))


async def _pod(told: dict[str, Any]) -> dict[str, Any]:
    known = set(kubespawner.KubeSpawner.class_trait_names(config=True))
    assert set(told) <= known, set(told) - known
    with mock.patch.object(kubespawner.spawner, "load_config"):  # there is no cluster whose address it could read
        spawner = kubespawner.KubeSpawner(config=Config({"KubeSpawner": told}), _mock=True)
    manifest = await spawner.get_pod_manifest()
    made = spawner.api.api_client.sanitize_for_serialization(manifest)
    await _end_clients()
    return dict(made)


async def _end_clients() -> None:
    """KubeSpawner keeps its client of the cluster in a task, which closes it once it is cancelled."""
    keeping = asyncio.all_tasks() - {asyncio.current_task()}
    for task in keeping:
        task.cancel()
    await asyncio.gather(*keeping, return_exceptions=True)


def validate(made: dict[str, Any]) -> None:
    """Against the schemas of the Kubernetes API, without fields that they do not know."""
    for version in VERSIONS:
        kubernetes_validate.validate(made, version, strict=True)


def container(made: dict[str, Any], name: str) -> dict[str, Any]:
    spec = made["spec"]
    (found,) = [each for each in (*spec["containers"], *spec["initContainers"]) if each["name"] == name]
    return dict(found)
